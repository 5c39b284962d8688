"""YAML or JSON text as plain data that knows its lines, within limits.

Templates, files of params/ and mapping files are all read here, so that a text from outside
costs little time and memory whatever stands in it: an alias that stands for a thousand million
values, a circle of anchors, 20 MB, or a thousand brackets are one clear error.

Source: CloudFormation user guide, "CloudFormation template formats" (YAML 1.1; no binary, omap,
pairs, set and timestamp) and "Understand CloudFormation quotas" (a template of 1 MB).
"""

import json
import math
import pickle
import re
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import yaml

from workerstack.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str | int, ...]
"""The way to a value: keys and positions in lists."""

File = TypeVar("File", bound=Path | str)

Scalars = Literal["typed", "text"]
"""Whether ``true`` and ``10`` are a boolean and a number, or the texts that are written."""

MOST_BYTES = 1_048_576
MOST_VALUES = 100_000
"""Far above what 1 MB of a real template holds; aliases count as often as they are used."""

DEEPEST = 100

_BASE = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TAG = "tag:yaml.org,2002:"
_CORE = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(slots=True)
class Mark:
    """Where a value stands, counted from 1; ``inner`` are the marks of what is in it.

    ``keys`` are the marks of a mapping's keys.
    """

    line: int
    column: int
    inner: dict[str | int, "Mark"] = field(default_factory=dict)
    keys: dict[str, "Mark"] = field(default_factory=dict)


@dataclass(frozen=True)
class Document(Generic[File]):
    """A text's data with the place of everything in it; ``found`` are the marks, if read."""

    file: File
    data: Any
    text: str = field(repr=False)
    scalars: Scalars = field(default="typed", repr=False)
    found: Mark | None = field(default=None, repr=False, compare=False)

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing around it that exists; from 1."""
        return self.position(place)[0]

    def position(self, place: Place) -> tuple[int, int]:
        """Line and column of a value: of its key, where it stands in a mapping."""
        mark = self.marks
        found = mark
        for part in place:
            below = mark.inner.get(part)
            if below is None:
                break
            found = mark.keys.get(str(part), below) if isinstance(part, str) else below
            mark = below
        return found.line, found.column

    @cached_property
    def marks(self) -> Mark:
        """The marks of all values; JSON that was read faster is gone through a second time."""
        if self.found is not None:
            return self.found
        try:
            return _Reader(_as_yaml(self.text), self.file, self.scalars).read()[1]
        except Problem:
            return Mark(1, 1)


def parse(text: str, file: File, scalars: Scalars = "typed") -> Document[File]:
    """The data of a YAML or JSON text.

    Short tags become functions in their long form (``!Ref X`` is ``{"Ref": "X"}``, ``!GetAtt
    A.B`` is ``{"Fn::GetAtt": ["A", "B"]}``), keys are texts as written, dates stay text.
    Raises Problem with file and line for what is malformed or beyond the limits.
    """
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise Problem(
            "The file is too large",
            f"it has {len(text):,} characters, and CloudFormation takes {MOST_BYTES:,} bytes",
            "Give the right file, or split it",
            file=file,
        )
    text = text.removeprefix("\ufeff")
    if scalars == "typed" and text.lstrip()[:1] == "{":
        try:
            data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
        except (ValueError, RecursionError):
            pass  # YAML in braces, or an error that the other reader knows the line of
        else:
            if _depth(data) <= DEEPEST:
                return Document(file, data, text, scalars)
    data, marks = _read(text, file, scalars)
    return Document(file, pickle.loads(data), text, scalars, marks)  # noqa: S301 - made below


# A command reads one template several times: as it is committed, as it is deployed, again. What
# is given is a copy each time, since whoever has plain data may change it.
@lru_cache(maxsize=32)
def _read(text: str, file: Path | str, scalars: Scalars) -> tuple[bytes, Mark]:
    data, marks = _Reader(_as_yaml(text), file, scalars).read()
    return pickle.dumps(data), marks


def read_file(file: Path, scalars: Scalars = "typed") -> Document[Path]:
    """A file's data; raises Problem as ``parse``, and where it cannot be read."""
    return parse(read_text(file), file, scalars)


def read_text(file: Path) -> str:
    """A file's text; raises Problem where there is none or it is too large to be read."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        return content.decode("utf-8") if len(content) <= MOST_BYTES else " " * len(content)
    except FileNotFoundError:
        raise Problem(
            "No such file", "it is needed to know what is deployed", "Create it", file=file
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Problem(
            "The file cannot be read",
            "it is no UTF-8 text",
            "Make it a readable UTF-8 file",
            file=file,
            line=line,
        ) from None
    except OSError as error:
        raise Problem(
            "The file cannot be read",
            error.strerror or str(error),
            "Make it a readable UTF-8 file",
            file=file,
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _depth(data: Any) -> int:
    """How deep lists and mappings are nested, without recursion."""
    depth, layer = 0, [data]
    while layer and depth <= DEEPEST:
        layer = [
            each
            for value in layer
            if isinstance(value, dict | list)
            for each in (value.values() if isinstance(value, dict) else value)
        ]
        depth += 1
    return depth


def _as_yaml(text: str) -> str:
    """JSON as YAML takes it: no tabs between values, no halves of characters."""
    # YAML refuses a tab as indentation, and half a surrogate pair anywhere; JSON has both.
    if text.lstrip()[:1] not in ("{", "["):
        return text
    return _SURROGATE.sub(r"\\u0020", text).replace("\t", " ")


class _Reader:
    """Builds data and marks from YAML's events in one pass, counting as it goes."""

    def __init__(self, text: str, file: Path | str, scalars: Scalars) -> None:
        self._text = text
        self._file = file
        self._typed = scalars == "typed"
        self._anchors: dict[str, tuple[Any, Mark, int] | None] = {}
        self._count = 0
        self._merged: set[int] = set()

    def read(self) -> tuple[Any, Mark]:
        """The only document of the text."""
        try:
            self._events: Iterator[Any] = iter(yaml.parse(self._text, Loader=_BASE))
            data, marks, documents = None, Mark(1, 1), 0
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._problem(
                            "The file holds several documents",
                            "one is read, and which is meant is not said",
                            "Give each its own file",
                            event,
                        )
                    data, marks, _ = self._value(next(self._events), 1)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise Problem(
                "The YAML is malformed",
                error.problem or "it cannot be parsed",
                "Fix this line or the one before",
                file=self._file,
                line=mark.line + 1 if mark else None,
            ) from None
        except yaml.reader.ReaderError as error:
            start = error.position if isinstance(error.position, int) else 0
            raise Problem(
                "The file is no text",
                "a character in it is not allowed in YAML",
                "Give a text file, and write such a character as \\u and its number, in quotes",
                file=self._file,
                line=self._text.count("\n", 0, start) + 1,
            ) from None
        except (yaml.YAMLError, UnicodeError) as error:
            raise Problem(
                "The YAML is malformed",
                str(error).partition("\n")[0],
                "Fix the file",
                file=self._file,
            ) from None
        return data, marks

    def _problem(self, what: str, why: str, next_step: str, event: Any) -> Problem:
        mark = getattr(event, "start_mark", event)
        line = mark.line if isinstance(mark, Mark) else mark.line + 1
        return Problem(what, why, next_step, file=self._file, line=line)

    def _counted(self, event: Any, values: int = 1) -> None:
        self._count += values
        if self._count > MOST_VALUES:
            raise self._problem(
                "The file stands for too many values",
                f"with its aliases written out it has more than {MOST_VALUES:,}",
                "Write out what is meant, without aliases of aliases",
                event,
            )

    def _value(self, event: Any, depth: int) -> tuple[Any, Mark, int]:
        """What an event and those that belong to it stand for, and how many values it has."""
        if depth > DEEPEST:
            raise self._problem(
                "The file is nested too deep",
                f"something lies within more than {DEEPEST} others",
                "Give the right file; a template is never so deep",
                event,
            )
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._count
        self._counted(event)
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        if event.anchor is not None:
            # None while its value is read: an alias that comes before the end stands within itself.
            self._anchors[event.anchor] = None
        data: Any
        if isinstance(event, yaml.ScalarEvent):
            data = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            data = self._sequence(mark, depth)
        else:
            data = self._mapping(event, mark, depth)
        tag = event.tag
        if tag is not None and tag not in _CORE and tag != "!":
            data, mark = self._tagged(tag, data, mark, event)
        found = data, mark, self._count - before
        if event.anchor is not None:
            self._anchors[event.anchor] = found
        return found

    def _alias(self, event: Any) -> tuple[Any, Mark, int]:
        if event.anchor not in self._anchors:
            raise self._problem(
                f"The alias {event.anchor} stands for nothing",
                "no anchor of that name is before it",
                f"Write &{event.anchor} where the value stands",
                event,
            )
        found = self._anchors[event.anchor]
        if found is None:
            raise self._problem(
                f"The alias {event.anchor} stands within what it stands for",
                "it would have no end",
                "Write out what is meant",
                event,
            )
        # An alias costs a few bytes and stands for all that its anchor holds: that is what a bomb
        # of aliases lives on.
        self._counted(event, found[2])
        return found

    def _scalar(self, event: Any) -> Any:
        plain = event.implicit[0]
        tag = event.tag
        # Quotes make a text of `"true"`; `implicit[0]` says that there were none.
        if not self._typed or (tag is None and not plain) or tag in ("!", f"{_TAG}str"):
            return event.value
        if tag is None or tag == "!":
            return _plain(event.value)
        if tag not in _CORE:
            return event.value
        try:
            return _constructed(tag, event.value)
        except (ValueError, yaml.YAMLError):
            raise self._problem(
                f"{event.value[:40]!r} is no {tag.removeprefix(_TAG)}",
                "its tag says so, and it cannot be read as one",
                "Take the tag away",
                event,
            ) from None

    def _sequence(self, mark: Mark, depth: int) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            data, inner, _ = self._value(event, depth + 1)
            mark.inner[len(items)] = inner
            items.append(data)
        return items

    def _mapping(self, start: Any, mark: Mark, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merges: list[tuple[dict[str, Any], Mark]] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, start)
            value, inner, _ = self._value(next(self._events), depth + 1)
            if key == "<<" and self._typed and getattr(event, "implicit", (False,))[0]:
                merges += self._merges(value, inner, event)
                continue
            if key in found:
                raise self._problem(
                    f"The key {key} is given twice",
                    f"the first is in line {mark.keys[key].line}, and only one can hold",
                    "Remove one of them",
                    event,
                )
            found[key] = value
            mark.inner[key] = inner
            mark.keys[key] = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        # After the mapping's own keys, which win over merged ones wherever `<<` stands (YAML:
        # merge).
        for other, marks in merges:
            for key, value in other.items():
                if key not in found:
                    found[key] = value
                    mark.inner[key] = marks.inner.get(key, marks)
                    mark.keys[key] = marks.keys.get(key, marks)
        return found

    def _key(self, event: Any, start: Any) -> str:
        if isinstance(event, yaml.AliasEvent):
            value = self._alias(event)[0]
            if isinstance(value, str):
                return value
        if not isinstance(event, yaml.ScalarEvent):
            raise self._problem(
                "A key is no text",
                "it is a list, a mapping or a function",
                "Write `key: value` with a name as the key",
                event if event.start_mark else start,
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = (event.value, Mark(1, 1), 1)
        self._counted(event)
        return str(event.value)

    def _merges(self, value: Any, mark: Mark, event: Any) -> list[tuple[dict[str, Any], Mark]]:
        if isinstance(value, dict):
            return [(value, mark)]
        if isinstance(value, list) and all(isinstance(each, dict) for each in value):
            return [(each, mark.inner[n]) for n, each in enumerate(value)]
        raise self._problem(
            "<< merges no mapping", "it stands for something else", "Write the keys out", event
        )

    def _tagged(self, tag: str, data: Any, mark: Mark, event: Any) -> tuple[Any, Mark]:
        """A function in its short form."""
        if not self._typed or not tag.startswith("!") or tag.startswith("!!"):
            raise self._problem(
                f"The tag {tag.replace(_TAG, '!!')} is not known",
                "only values of YAML itself"
                + (" and CloudFormation's functions" if self._typed else "")
                + " are read",
                "Take the tag away",
                event,
            )
        name = tag[1:].removeprefix("Fn::")
        if name == "GetAtt" and isinstance(data, str):
            data = data.split(".", 1)
        name = name if name in ("Ref", "Condition") else f"Fn::{name}"
        return {name: data}, Mark(mark.line, mark.column, {name: mark}, {name: mark})


@cache
def _resolver() -> Any:
    return yaml.SafeLoader("")


@cache
def _plain(value: str) -> Any:
    """A scalar without quotes and tag: a number, a boolean, null or text; no date."""
    tag = _resolver().resolve(yaml.ScalarNode, value, (True, False))
    if tag in (f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}merge", f"{_TAG}value"):
        return value
    try:
        return _constructed(tag, value)
    except (ValueError, yaml.YAMLError):
        return value


def _constructed(tag: str, value: str) -> Any:
    made = _resolver().construct_object(yaml.ScalarNode(tag, value), deep=True)
    # Not a number of JSON: CloudFormation has a text there.
    return value if isinstance(made, float) and not math.isfinite(made) else made
