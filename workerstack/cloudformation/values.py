"""Values as CloudFormation takes them: what is equal, where two differ, how one is written."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


def canonical(value: Any) -> str:
    """A value as text in which ``1`` and ``"1"``, ``true`` and ``"true"`` are the same.

    CloudFormation compares so: every scalar of a template reaches it as a text.
    """
    return json.dumps(_texts(value), sort_keys=True)


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _texts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


KEYS = ("Name", "Key", "Sid", "Id", "SourceVolume", "ContainerPort", "PolicyName")
"""What tells the members of a list apart, where each has one and they differ."""


class Difference(NamedTuple):
    """One value that differs; None where there is none.

    ``path`` names members of lists by their key or position, ``names`` leaves them out.
    """

    path: tuple[str, ...]
    names: tuple[str, ...]
    before: Any
    after: Any

    @property
    def pointer(self) -> str:
        """``/ContainerDefinitions/worker/Image``."""
        return "".join(f"/{part}" for part in self.path)


def differences(before: Any, after: Any) -> Iterator[Difference]:
    """Each place at which two values differ; numbers and texts that look alike are equal."""
    yield from _differences(before, after, (), ())


def _differences(
    before: Any, after: Any, path: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Difference]:
    if canonical(before) == canonical(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not _functions(before, after):
        for name in {**before, **after}:
            yield from _differences(
                before.get(name), after.get(name), (*path, str(name)), (*names, str(name))
            )
        return
    if isinstance(before, list) and isinstance(after, list) and before and after:
        pairs = _pairs(before, after)
        if pairs is not None:
            for name, left, right in pairs:
                yield from _differences(left, right, (*path, name), names)
            return
    yield Difference(path, names, before, after)


def _functions(*values: Mapping[str, Any]) -> bool:
    """Whether one is an intrinsic function: then it is compared whole."""
    return any(
        len(value) == 1
        and all(str(name) == "Ref" or str(name).startswith("Fn::") for name in value)
        for value in values
    )


def _pairs(before: list[Any], after: list[Any]) -> list[tuple[str, Any, Any]] | None:
    """The members that belong together; None where only the order differs."""
    for key in KEYS:
        left, right = _keyed(before, key), _keyed(after, key)
        if left is not None and right is not None:
            if list(left) != list(right) and left == right:
                return None
            return [(name, left.get(name), right.get(name)) for name in {**left, **right}]
    if len(before) == len(after) and any(
        isinstance(each, Mapping | list) for each in (*before, *after)
    ):
        return [
            (str(position), *pair) for position, pair in enumerate(zip(before, after, strict=True))
        ]
    gone = Counter(map(canonical, before)) - Counter(map(canonical, after))
    new = Counter(map(canonical, after)) - Counter(map(canonical, before))
    if not gone and not new:
        return None
    return [
        *((str(position), each, None) for position, each in _taken(before, gone)),
        *((str(position), None, each) for position, each in _taken(after, new)),
    ]


def _taken(values: list[Any], wanted: Counter[str]) -> Iterator[tuple[int, Any]]:
    left = wanted.copy()
    for position, value in enumerate(values):
        if left[canonical(value)]:
            left[canonical(value)] -= 1
            yield position, value


def _keyed(values: list[Any], key: str) -> dict[str, Any] | None:
    if not all(
        isinstance(each, Mapping) and isinstance(each.get(key), str | int) for each in values
    ):
        return None
    found = {str(each[key]): each for each in values}
    return found if len(found) == len(values) else None


def written(value: Any) -> str:
    """A text as it is; a reference as ``${Queue.Arn}``, as in Fn::Sub; the rest as JSON."""
    match value:
        case str():
            return value
        case {"Ref": str() as name, **rest} if not rest:
            return "${" + name + "}"
        case {"Fn::GetAtt": [str() as name, str() as attribute], **rest} if not rest:
            return "${" + f"{name}.{attribute}" + "}"
        case {"Fn::Sub": str() as text, **rest} if not rest:
            return text
    return json.dumps(value, sort_keys=True)


def is_intrinsic(value: Any) -> bool:
    """Whether a value is one function of CloudFormation."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and str(next(iter(value))).startswith(("Fn::", "Ref"))
    )
