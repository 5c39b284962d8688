"""What makes a class a part of a specification: fields that are checked when it is made.

Nothing is raised by a part that is wrong: it keeps its mistakes, and the worker to which it is
given raises all of them at once, each with the place where it was written.
"""

import difflib
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from itertools import zip_longest
from typing import Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin
from typing import get_type_hints as hints_of

from workerstack.specification.mistakes import Mistake, tell

Part = TypeVar("Part")
Check = TypeVar("Check", bound=Callable[..., Iterator[Mistake]])


@dataclass_transform(frozen_default=True, kw_only_default=True)
def specified(part: type[Part]) -> type[Part]:
    """A frozen dataclass of keywords, checked when it is made; a worker asks it for mistakes."""
    return _checked(part, is_whole=False)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def whole(part: type[Part]) -> type[Part]:
    """The same, which raises SpecificationError with all that is wrong with it and its parts."""
    return _checked(part, is_whole=True)


def about(*names: str) -> Callable[[Check], Check]:
    """Marks a check of these fields: it is asked where their types are right.

    Its mistakes stand at the first of them, unless they name another.
    """

    def mark(check: Check) -> Check:
        check.about = names  # type: ignore[attr-defined]
        return check

    return mark


def mistakes_of(value: object) -> tuple[Mistake, ...]:
    """What is wrong with a value: with a part, or with the parts in a tuple or mapping."""
    if isinstance(value, tuple):
        return tuple(mistake for each in value for mistake in mistakes_of(each))
    if isinstance(value, Mapping):
        return mistakes_of(tuple(value.values()))
    return getattr(value, "_mistakes", ())


def fields_of(part: type) -> Iterator[tuple[str, str, str | None]]:
    """Each field of a part: its name, its type in words, and its default as it is written.

    The default is None where the field must be given. Raises TypeError for another class.
    """
    for each in fields(part):
        default = None if each.default is MISSING else repr(each.default)
        if each.default_factory is not MISSING:
            default = repr(each.default_factory())
        yield each.name, _words(_hints(part)[each.name]), default


def placed(part: object, mistake: Mistake) -> Mistake:
    """A mistake that is found later, at the place where its part was made."""
    file, line = getattr(part, "_place", ("", 0))
    return replace(mistake, owner=type(part).__name__, file=file, line=line)


def _checked(part: type[Part], *, is_whole: bool) -> type[Part]:
    made: Any = dataclass(frozen=True, kw_only=True, init=False)(part)
    checks = [each for each in vars(part).values() if hasattr(each, "about")]

    def begin(self: Any, *nameless: Any, **named: Any) -> None:
        object.__setattr__(self, "_place", _caller())
        misspelt = {name: _near(name, made) for name in named if name not in _hints(made)}
        found = [_misspelt(name, near, made) for name, near in misspelt.items()]
        meant = [*_hints(made)][: len(nameless)]
        found += [_nameless(*each, made) for each in zip_longest(nameless, meant, fillvalue="")]
        told = {*misspelt.values(), *meant}
        unsound = {near for near in told if near and near not in named}
        for each in fields(made):
            missing = each.name not in named and each.default is MISSING
            if missing and each.default_factory is not MISSING:
                named[each.name], missing = each.default_factory(), False
            value = named.get(each.name, None if missing else each.default)
            object.__setattr__(self, each.name, value)
            own = _missing(each.name, made) if missing else _type(each.name, value, made)
            own = [] if missing and each.name in unsound else own  # told already
            if missing or own or mistakes_of(value):
                unsound.add(each.name)
            found += [*own, *mistakes_of(value)]
        for check in checks:
            # A check that reads a field of the wrong type would fail with Python's own error.
            if not unsound & {*check.about}:
                for mistake in check(self):
                    found.append(replace(mistake, field=mistake.field or check.about[0]))
        found = [each if each.file else placed(self, each) for each in found]
        object.__setattr__(self, "_mistakes", tuple(dict.fromkeys(found)))
        if is_whole and found:
            tell(*dict.fromkeys(found))

    made.__init__ = begin
    return part


@cache
def _hints(part: type) -> Mapping[str, Any]:
    return hints_of(part)


def _caller() -> tuple[str, int]:
    """Where a part is written: the first frame beyond this file and the dataclasses module."""
    frame: types.FrameType | None = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") == "dataclasses":
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)


def _near(name: str, part: type) -> str:
    """The field that is spelt almost like it, or that it is short for: ``env``, ``arch``."""
    longer = [each for each in _hints(part) if len(name) >= SHORTEST and each.startswith(name)]
    return next(iter([*difflib.get_close_matches(name, _hints(part), n=1), *longer]), "")


SHORTEST = 3
"""Letters that tell which word is meant."""


def _misspelt(name: str, near: str, part: type) -> Mistake:
    return Mistake(
        f"{part.__name__} has no field {name}",
        f"its fields are {', '.join(_hints(part))}",
        f"Did you mean {near}?" if near else "Remove it",
        field=name,
    )


def _nameless(value: Any, meant: str, part: type) -> Mistake:
    return Mistake(
        f"{part.__name__} takes no {_shown(value)} without a name",
        f"its fields are {', '.join(_hints(part))}",
        f"Write {meant}= before it, or which one it is" if meant else "Remove it",
    )


def _missing(name: str, part: type) -> list[Mistake]:
    return [
        Mistake(
            f"{part.__name__} needs {name}",
            f"it is {_words(_hints(part)[name])} without a default",
            f"Add {name}=...",
        )
    ]


def _type(name: str, value: Any, part: type) -> list[Mistake]:
    return [
        Mistake(
            f"{name}{path} of {part.__name__} cannot be {_shown(each)}",
            f"it is {_words(hint)}",
            _fix(each, hint, name if not path else ""),
            field=name,
        )
        for path, each, hint in _misfits(value, _hints(part)[name], "")
    ]


def _misfits(value: Any, hint: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Each value in a value that is not of its type, with its path and what is wanted."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is tuple and isinstance(value, tuple):
        for position, each in enumerate(value):
            yield from _misfits(each, inner[0], f"{path}[{position}]")
    elif kind is Mapping and isinstance(value, Mapping):
        for key, each in value.items():
            yield from _misfits(key, inner[0], f"{path}, a name,")
            yield from _misfits(each, inner[1], f"{path}[{key!r}]")
    elif not _fits(value, hint, kind, inner):
        yield path, value, hint


def _fits(value: Any, hint: Any, kind: Any, inner: tuple[Any, ...]) -> bool:
    if kind in (Union, types.UnionType):
        return any(not [*_misfits(value, each, "")] for each in inner)
    if kind is Literal:
        return any(value == each and type(value) is type(each) for each in inner)
    if hint in (int, bool, str):
        return type(value) is hint  # True is an int to Python, and no number to a reader
    return callable(value) if kind is Callable else isinstance(value, kind or hint)


WORDS: Mapping[Any, str] = types.MappingProxyType(
    {str: "a text", int: "a whole number", bool: "True or False", type(None): "None"}
)


def _words(hint: Any) -> str:
    """A type in words: ``several texts, as a tuple``."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, types.UnionType):
        return " or ".join(map(_words, inner))
    if kind is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if kind is tuple:
        return f"a tuple, each of it {_words(inner[0])}"
    if kind is Mapping:
        return f"a mapping of names, each to {_words(inner[1])}"
    if kind is Callable:
        return "a function"
    return WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


LONGEST = 60
"""Characters of a value that an error quotes."""


def _fix(value: Any, hint: Any, name: str) -> str:  # noqa: PLR0911 - a table of mistakes
    """What to write instead, where that can be said."""
    kind, inner = get_origin(hint), get_args(hint)
    allowed = inner if kind in (Union, types.UnionType) else (hint,)
    equals = f"{name}=" if name else ""
    if any(get_origin(each) is tuple for each in allowed):
        if isinstance(value, list | set):
            return f"Write {equals}(...) instead of brackets, a comma behind each"
        return f"Write {equals}({_shown(value)},), with a comma: that makes it a tuple"
    if str in allowed and isinstance(value, bool):
        return f'Write {equals}"{str(value).lower()}" or whatever text the program reads'
    if str in allowed and isinstance(value, int | float):
        return f'Write {equals}"{value}"'
    if str in allowed and value is None:
        return 'Leave it out, or write ""'
    if int in allowed and isinstance(value, str) and value.lstrip("-").isdigit():
        return f"Write {equals}{value} without quotes"
    if kind is Literal:
        near = difflib.get_close_matches(str(value), map(str, inner), n=1)
        return f"Did you mean {near[0]!r}?" if near else "Take one of these"
    return f"Give {_words(hint)}"
