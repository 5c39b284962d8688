"""What a resolved value may be besides plain data: unknown, a reference, a text in pieces.

Resolved values are plain data (texts, numbers, booleans, None, lists, mappings) in which these
three may stand in the place of any value. None of them is a text, so nothing that is not known
can be taken for a value by mistake.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "parameter",  # neither given nor with a default
    "no_echo",  # hidden on purpose
    "stored",  # in Parameter Store or another stack: it may be another one at each update
    "pinned",  # in Parameter Store, of one version
    "secret",  # in Secrets Manager or a SecureString
    "pseudo",  # which account, region, ... is not said
    "import",  # another stack's
    "condition",  # an Fn::If, or a condition, that cannot be decided
    "mapping",  # a key of Fn::FindInMap is not known
    "transform",  # what a macro makes
    "function",  # a function of something unknown
    "resource",  # of a resource whose value only AWS knows, inside a function
    "malformed",  # CloudFormation would refuse it
]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be known here, with its reason.

    ``expression`` is the function that gives it, with everything put in that is known; it
    stands for itself: conditions and mappings are written out in it, so that two unknown
    values are the same exactly if their expressions are. ``basis`` is compared as well and
    never shown: of a hidden parameter what tells two values apart. ``alternatives``: the
    values that it may have, where they are known (both sides of an Fn::If).
    """

    expression: Any
    reason: str
    kind: Kind = "function"
    basis: Any = field(default=None, repr=False)
    alternatives: tuple[Any, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """A resource of the same template: its ``Ref``, or one of its attributes.

    ``attribute`` is empty for ``Ref``; ``means`` is the attribute that it comes to (a ``Ref``
    of a queue is its ``QueueUrl``), so that two references to one thing are equal. ``value``
    is what it gives, as far as that follows from names: a text, a Text, or None.
    """

    logical_id: str
    attribute: str = field(default="", compare=False)
    means: str = ""
    value: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of which only some pieces are known; always flat, never two texts in a row."""

    pieces: tuple["str | Reference | Unknown", ...]


def scalar(value: Any) -> str | None:
    """A text, number or boolean as CloudFormation writes it; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    # Another tool may write 60.0 where a template has 60; near 1e16 a float no longer holds each
    # whole number.
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
        return str(int(value))
    return str(value) if isinstance(value, int | float) else None


def text(value: Any) -> str | None:
    """The whole text of a value, through references too; None where a piece is unknown."""
    if isinstance(value, Reference):
        return text(value.value)
    if isinstance(value, Text):
        pieces = [text(piece) for piece in value.pieces]
        return None if None in pieces else "".join(map(str, pieces))
    return scalar(value)


def is_known(value: Any) -> bool:
    """Whether nothing in a value is unknown; a reference is known by what it refers to."""
    if isinstance(value, Unknown):
        return False
    if isinstance(value, Text):
        return not any(isinstance(piece, Unknown) for piece in value.pieces)
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    return not isinstance(value, list) or all(map(is_known, value))


def is_plain(value: Any) -> bool:
    """Whether a value is data alone, without references."""
    if isinstance(value, Unknown | Text | Reference):
        return False
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    return not isinstance(value, list) or all(map(is_plain, value))


def concatenated(parts: Iterable[Any]) -> Any:
    """Parts as one text: a str where all is known, else the one piece, or a flat Text."""
    merged: list[Any] = []
    for part in parts:
        for piece in part.pieces if isinstance(part, Text) else (part,):
            written = scalar(piece)
            if written is None:
                merged.append(piece)
            elif merged and isinstance(merged[-1], str):
                merged[-1] += written
            elif written:
                merged.append(written)
    if not merged:
        return ""
    return merged[0] if len(merged) == 1 else Text(tuple(merged))


def pieces(value: Any) -> tuple[Any, ...]:
    """A value as the pieces of a text, with references replaced by what they give."""
    if isinstance(value, Reference) and value.value is not None:
        return pieces(value.value)
    if isinstance(value, Text):
        found = concatenated(
            each
            for piece in value.pieces
            for each in (pieces(piece) if isinstance(piece, Reference) else (piece,))
        )
        return found.pieces if isinstance(found, Text) else (found,)
    return (value,)


def references(value: Any) -> Iterator[Reference]:
    """Each reference within a value, also in what is unknown or a text."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Text):
        for piece in value.pieces:
            yield from references(piece)
    elif isinstance(value, Unknown):
        yield from references(value.expression)
    elif isinstance(value, dict):
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references(each)


def unknowns(value: Any) -> Iterator[Unknown]:
    """Each unknown value within a value, the outermost first, then what it is made of."""
    if isinstance(value, Unknown):
        yield value
        yield from unknowns(value.expression)
    elif isinstance(value, Text):
        yield from unknowns(list(value.pieces))
    elif isinstance(value, dict):
        for each in value.values():
            yield from unknowns(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from unknowns(each)


def plain(value: Any) -> Any:  # noqa: PLR0911 - one return a kind of value
    """A value as JSON: what is not known as the function in its long form.

    Texts in pieces take one form, whichever functions made them: ``Fn::Sub``, or ``Fn::Join``
    where a piece is more than a name.
    """
    if isinstance(value, Unknown):
        return plain(value.expression)
    if isinstance(value, Reference):
        if not value.attribute:
            return {"Ref": value.logical_id}
        return {"Fn::GetAtt": [value.logical_id, value.attribute]}
    if isinstance(value, Text):
        found = [plain(piece) for piece in value.pieces]
        if all(isinstance(piece, str) for piece in found):
            return "".join(found)
        named = [piece.replace("${", "${!") if isinstance(piece, str) else _name(piece)
                 for piece in found]  # fmt: skip
        if all(named):
            return {"Fn::Sub": "".join(named)}
        return {"Fn::Join": ["", found]}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _name(piece: Any) -> str:
    """``${Queue.Arn}`` for a Ref or a GetAtt; nothing for another function."""
    match piece:
        case {"Ref": str() as name, **rest} if not rest:
            return "${" + name + "}"
        case {"Fn::GetAtt": [str() as name, str() as attribute], **rest} if not rest:
            return "${" + f"{name}.{attribute}" + "}"
    return ""


def written(value: Any) -> str:
    """A value for people: a text as it is, a reference as ``${Queue.Arn}``, the rest as JSON."""
    value = plain(value)
    if isinstance(value, str):
        return value
    if name := _name(value):
        return name
    match value:
        case {"Fn::Sub": str() as found, **rest} if not rest:
            return found
    return json.dumps(value, sort_keys=True, default=str)
