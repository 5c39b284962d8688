"""The wildcards of IAM, on text of which parts may not be known.

A pattern is a tuple of letters: characters, `*`, `?`, and what is not known. Patterns are
compared as automata: one includes others when no text is matched by it and by none of them.
Letters that are not known stand for one fixed text each, the same wherever the same
expression stands; so `${Bucket}/*` includes `${Bucket}/a`, whatever the bucket is.
Source: IAM User Guide, "IAM JSON policy elements: Resource" and "... Action". A star there may
pass over colons; where AWS is vague (a star within a component), the wider reading is taken.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from workerstack.cloudformation.truth import Maybe, Truth


class Wild(Enum):
    """What stands for other text."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True)
class Opaque:
    """A piece of text that is not known. Two with one expression are the same text."""

    expression: str
    reason: str = field(default="it is not known here", compare=False)
    basis: str = field(default="", repr=False)
    """What tells two values of one expression apart, such as a hidden parameter's; never shown."""


@dataclass(frozen=True)
class Written:
    """A value in pieces, as `pieces` reads it: comparable, whatever it was read from."""

    pieces: tuple[str | Opaque, ...]

    def __str__(self) -> str:
        """For people."""
        return shown(self)


Letter = str | Wild | Opaque
Pattern = tuple[Letter, ...]

Context = Mapping[str, Any]
"""Values of a request by key in lower case: text, a list of texts, or None for a key that is
known to be absent. A key that is not in it is not known."""

VARIABLE = re.compile(r"\$\{(?P<name>[^{}]*)\}")
DEFAULT = re.compile(r"\s*(?P<key>[^,]+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")


def pieces(value: Any) -> tuple[str | Opaque, ...]:
    """The known and unknown parts of a value, in order: the one place that knows foreign shapes.

    Text is itself; a value with `pieces` is read piece by piece; one with `logical_id` is a
    reference, read by its `value` where it has one; a value with `expression` (and perhaps
    `reason` and `basis`) is not known, nor is a mapping, such as an intrinsic function.
    """
    if isinstance(value, (str, Opaque)):
        return (value,)
    if isinstance(value, (bool, int, float)):
        return (str(value).lower() if isinstance(value, bool) else str(value),)
    if hasattr(value, "pieces"):
        return tuple(part for each in value.pieces for part in pieces(each))
    if getattr(value, "logical_id", None) and getattr(value, "value", None) is not None:
        return pieces(value.value)
    return (_opaque(value),)


def _opaque(value: Any) -> Opaque:
    if hasattr(value, "logical_id"):
        attribute = getattr(value, "means", "") or getattr(value, "attribute", "") or "Ref"
        return Opaque(f"{value.logical_id}.{attribute}", "AWS gives it when it makes the resource")
    if hasattr(value, "expression"):
        basis = getattr(value, "basis", None)
        return Opaque(
            value.expression if isinstance(value.expression, str) else _as_json(value.expression),
            str(getattr(value, "reason", Opaque.reason)),
            "" if basis is None else _as_json(basis),
        )
    return Opaque(_as_json(value), f"{_as_json(value)} is not resolved")


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def written(value: Any) -> str | Written:
    """The value as text where all of it is known, else in pieces."""
    known = text(value)
    return Written(pieces(value)) if known is None else known


def text(value: Any) -> str | None:
    """The whole text where all of it is known."""
    parts = pieces(value)
    known = [each for each in parts if isinstance(each, str)]
    return "".join(known) if len(known) == len(parts) else None


def shown(value: Any) -> str:
    """The value for people: what is not known as its expression in braces."""
    if isinstance(value, str):  # asked for each letter of each pattern
        return value
    return "".join(
        each if isinstance(each, str) else "{" + each.expression + "}" for each in pieces(value)
    )


def pattern(
    value: Any,
    *,
    fold: bool = False,
    wild: bool = True,
    variables: Context | None = None,
) -> Pattern | None:
    """The letters of a value; None when a policy variable in it has no value.

    `fold` ignores case, `wild` reads stars and question marks, `variables` replaces policy
    variables (None: `${...}` is text, as in the version 2008-10-17).
    """
    if variables is None and isinstance(value, str):
        return _of_text(value, fold=fold, wild=wild)
    letters: list[Letter] = []
    for piece in pieces(value):
        if isinstance(piece, Opaque):
            letters.append(piece)
            continue
        position = 0
        for found in VARIABLE.finditer(piece) if variables is not None else ():
            letters += _letters(piece[position : found.start()], fold=fold, wild=wild)
            replaced = _variable(found["name"], variables or {})
            if replaced is None:
                return None
            letters += [
                each.lower() if fold and isinstance(each, str) else each for each in replaced
            ]
            position = found.end()
        letters += _letters(piece[position:], fold=fold, wild=wild)
    return tuple(letters)


@lru_cache(maxsize=10_000)
def _of_text(value: str, *, fold: bool, wild: bool) -> Pattern:
    return tuple(_letters(value, fold=fold, wild=wild))


def _letters(known: str, *, fold: bool, wild: bool) -> Iterator[Letter]:
    for character in known.lower() if fold else known:
        if wild and character in "*?":
            yield Wild(character)
        else:
            yield character


def _variable(name: str, context: Context) -> Pattern | None:
    """What a policy variable stands for (IAM User Guide, "variables and tags")."""
    if name in ("*", "?", "$"):
        return (name,)
    found = DEFAULT.fullmatch(name)
    if not found:
        return (Opaque("${" + name + "}", "it is no policy variable that IAM knows"),)
    key, default = found["key"].lower(), found["default"]
    if key not in context:
        return (Opaque("${" + key + "}", f"the value of {key} is not known"),)
    value = context[key]
    if value is None:
        return None if default is None else tuple(default)
    if isinstance(value, str):
        return tuple(value)
    return (Opaque("${" + key + "}", f"{key} has no single value"),)


def is_exact(letters: Pattern) -> bool:
    """Whether it has no wildcard: it is one text, known or not."""
    return not any(isinstance(each, Wild) for each in letters)


def matches(asked: Pattern, named: Iterable[Pattern]) -> Truth:
    """Whether all that `asked` stands for is matched by one of the patterns named."""
    all_named = tuple(named)
    if includes(all_named, asked):
        return True
    overlapping = [each for each in all_named if overlaps(each, asked)]
    if not overlapping:
        return False
    for letters in (asked, *overlapping):
        for letter in letters:
            if isinstance(letter, Opaque):
                return Maybe(f"{letter.expression} is not known: {letter.reason}")
    return Maybe("it is so for a part of what was asked only")


def overlaps(one: Pattern, other: Pattern) -> bool:
    """Whether some text fits both, taking what is not known for any text.

    What both begin with is the same text, known or not, and is left out.
    """
    # ARNs of one account share a long start, which would be walked letter by letter.
    one, other = without_common_start(one, other)
    reachable = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        left, right = waiting.pop()
        if left == len(one) and right == len(other):
            return True
        for step in _steps(one, other, left, right):
            if step not in reachable:
                reachable.add(step)
                waiting.append(step)
    return False


def without_common_start(one: Pattern, other: Pattern) -> tuple[Pattern, Pattern]:
    """The two without the letters, other than wildcards, that both begin with."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at] and not isinstance(one[at], Wild):
        at += 1
    return one[at:], other[at:]


def _steps(one: Pattern, other: Pattern, left: int, right: int) -> Iterator[tuple[int, int]]:
    first = one[left] if left < len(one) else None
    second = other[right] if right < len(other) else None
    if _is_long(first):
        yield left + 1, right
        if second is not None:
            yield left, right + 1
    elif _is_long(second):
        yield left, right + 1
        if first is not None:
            yield left + 1, right
    elif (
        first is not None
        and second is not None
        and (first == second or Wild.ONE in (first, second))
    ):
        yield left + 1, right + 1


def _is_long(letter: Letter | None) -> bool:
    return letter is Wild.ANY or isinstance(letter, Opaque)


class TooComplexError(Exception):
    """The patterns together have more states than are looked at."""


STATES = 4_000
"""More than any policy needs that fits AWS's limits on size, and less than half a second."""

Positions = frozenset[tuple[int, int]]


def includes(wider: Sequence[Pattern], narrower: Pattern) -> bool:
    """Whether all texts that the narrower pattern matches are matched by one of the wider.

    Raises TooComplexError.
    """
    # The two shortcuts answer nearly every question of a real policy; the automaton is for the
    # rest.
    if is_exact(narrower) or len(wider) == 0:
        return any(_matches_exactly(each, narrower) for each in wider)
    if any(each in (narrower, (Wild.ANY,)) for each in wider):
        return True
    return _includes(tuple(wider), narrower)


# The same few patterns meet again and again: each action of a policy, before and after.
@lru_cache(maxsize=10_000)
def _includes(wider: tuple[Pattern, ...], narrower: Pattern) -> bool:
    return all(
        0 not in matched or len(matched) > 1
        for matched, _ in signatures((narrower, *wider), needed=frozenset({0}))
    )


def _matches_exactly(wider: Pattern, letters: Pattern) -> bool:
    """Whether one text, perhaps with unknown pieces, fits: the usual two-pointer walk."""
    position = at = 0
    star = back = -1
    while at < len(letters):
        letter = wider[position] if position < len(wider) else None
        if letter is Wild.ANY:
            star, back = position, at
            position += 1
        elif letter is not None and (
            letter == letters[at] or (letter is Wild.ONE and isinstance(letters[at], str))
        ):
            position, at = position + 1, at + 1
        elif star >= 0:
            back += 1
            position, at = star + 1, back
        else:
            return False
    return all(each is Wild.ANY for each in wider[position:])


def signatures(
    patterns: Sequence[Pattern],
    *,
    needed: frozenset[int] | None = None,
    shape: Callable[[int, Letter], int] | None = None,
    end: int = 0,
) -> Iterator[tuple[frozenset[int], str]]:
    """Every set of patterns that some text matches together, with a text that does.

    With `needed`, only texts that one of these patterns may still match. `shape` is a small
    automaton of the texts that exist at all: from a state (0 at first) by a letter to the next,
    below 0 for none; a text ends in state `end`.
    Raises TooComplexError.
    """
    found: set[frozenset[int]] = set()
    start = (_closed(patterns, {(each, 0) for each in range(len(patterns))}), 0)
    seen = {start}
    waiting = [(start, "")]
    other = _other(patterns)
    for (live, state), example in waiting:
        matched = frozenset(each for each, at in live if at == len(patterns[each]))
        if state == end and matched not in found:
            found.add(matched)
            yield matched, example
        for letter in _next_letters(patterns, live, other, shaped=shape is not None):
            after = state if shape is None else shape(state, letter)
            if after < 0:
                continue
            then = _read(patterns, live, letter)
            if needed is not None and needed.isdisjoint(each for each, _ in then):
                continue
            if (then, after) not in seen:
                if len(seen) >= STATES:
                    msg = f"{len(patterns)} patterns have more than {STATES} states together"
                    raise TooComplexError(msg)
                seen.add((then, after))
                waiting.append(((then, after), example + shown(letter)))


def _other(patterns: Sequence[Pattern]) -> str:
    """A character that no pattern names: it stands for all of those."""
    used = {letter for letters in patterns for letter in letters}
    return next(each for each in map(chr, range(ord("x"), 0x10FFFF)) if each not in used)


def _next_letters(
    patterns: Sequence[Pattern], live: Positions, other: str, *, shaped: bool
) -> list[str | Opaque]:
    named = {patterns[each][at] for each, at in live if at < len(patterns[each])}
    letters = {each for each in named if isinstance(each, (str, Opaque))}
    return sorted(letters | {other} | ({":"} if shaped else set()), key=shown)


def _read(patterns: Sequence[Pattern], live: Positions, letter: str | Opaque) -> Positions:
    after = set()
    for each, at in live:
        expected = patterns[each][at] if at < len(patterns[each]) else None
        if expected is Wild.ANY:
            after.add((each, at))
        elif expected is not None and (
            expected == letter or (expected is Wild.ONE and isinstance(letter, str))
        ):
            after.add((each, at + 1))
    return _closed(patterns, after)


def _closed(patterns: Sequence[Pattern], live: set[tuple[int, int]]) -> Positions:
    """With the places behind each star, which may stand for nothing.

    Without the places before the last star that was reached in a pattern: what can still be
    matched from there can be matched from the star. This keeps the automata small.
    """
    closed = set(live)
    last_star: dict[int, int] = {}
    for each, at in live:
        place = at
        while place < len(patterns[each]) and patterns[each][place] is Wild.ANY:
            last_star[each] = max(place, last_star.get(each, 0))
            place += 1
            closed.add((each, place))
    return frozenset(place for place in closed if place[1] >= last_star.get(place[0], 0))


def of_action(state: int, letter: Letter) -> int:
    """The shape `service:Name` of an action, for `signatures`; it ends in 3.

    So `*` and `*:*` are the same right.
    """
    if isinstance(letter, Opaque):
        return 3
    if letter == ":":
        return 2 if state == 1 else -1
    return {0: 1, 1: 1, 2: 3, 3: 3}[state]


ACTION_END = 3
