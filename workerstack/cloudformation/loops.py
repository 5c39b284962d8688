"""``Fn::ForEach``: what a loop makes, as CloudFormation's language extensions write it out.

Source: CloudFormation template reference, "Fn::ForEach".
"""

import re
from collections.abc import Mapping
from typing import Any

from workerstack.cloudformation.context import Context
from workerstack.cloudformation.document import Place
from workerstack.cloudformation.values import Unknown, scalar, text

LOOP = "Fn::ForEach::"
MOST = 2_000
"""Members that loops may make; a template has at most 500 resources."""

Expanded = tuple[dict[str, Any], dict[str, Unknown], dict[str, str]]


def expanded(evaluator: Context, members: Mapping[str, Any], place: Place) -> Expanded:
    """A mapping with its loops written out; the loops that cannot be; what came of which loop.

    ``place`` is where the mapping stands.
    """
    found: dict[str, Any] = {}
    unknown: dict[str, Unknown] = {}
    origins: dict[str, str] = {}
    for key, body in members.items():
        if not key.startswith(LOOP):
            found[key] = body
            continue
        for name, each in _loop(evaluator, key, body, (*place, key), {}):
            if isinstance(each, Unknown):
                unknown[name] = each
            elif name in found or len(found) >= MOST:
                evaluator.fault(
                    f"The loop {key.removeprefix(LOOP)} makes {name} twice"
                    if name in found
                    else f"The loop {key.removeprefix(LOOP)} makes too much",
                    "names are unique within their section"
                    if name in found
                    else f"there are {MOST:,} members already",
                    "Put the identifier into the name, or shorten the collection",
                    (*place, key),
                )
            else:
                found[name] = each
                origins[name] = key.removeprefix(LOOP)
    return found, unknown, origins


def _loop(
    evaluator: Context, key: str, body: Any, place: Place, outer: Mapping[str, str]
) -> list[tuple[str, Any]]:
    name = key.removeprefix(LOOP)
    match body:
        case [str() as identifier, collection, dict() as fragment]:
            pass
        case _:
            return [(key, evaluator.fault(
                f"The loop {name} is none",
                "Fn::ForEach takes an identifier, a collection and a fragment",
                "Write a list of these three", place, {key: body},
            ))]  # fmt: skip
    items = evaluator.present(substituted(collection, outer), (*place, 1))
    if isinstance(items, list):
        items = [each for item in items for each in (item if isinstance(item, list) else [item])]
    values = [text(each) for each in items] if isinstance(items, list) else [None]
    if None in values:
        reason = items.reason if isinstance(items, Unknown) else "a member is not known"
        expression = {key: [identifier, items, substituted(fragment, outer)]}
        if not isinstance(items, list | Unknown):
            return [(key, evaluator.fault(
                f"The loop {name} has no collection", f"it goes through {scalar(items)}",
                "Write a list", place, expression,
            ))]  # fmt: skip
        return [(key, Unknown(expression, f"the collection of {name}: {reason}", "function"))]
    found: list[tuple[str, Any]] = []
    for value in values:
        inner = {**outer, identifier: str(value)}
        for output, each in fragment.items():
            if output.startswith(LOOP):
                found += _loop(evaluator, output, each, (*place, 2, output), inner)
            else:
                found.append((_replaced(output, inner), substituted(each, inner)))
            if len(found) > MOST:
                return found
    return found


def substituted(value: Any, names: Mapping[str, str]) -> Any:
    """A fragment with the identifiers replaced: as ``${Name}``, ``&{Name}`` and ``Ref``."""
    if not names:
        return value
    if isinstance(value, str):
        return _replaced(value, names)
    if isinstance(value, list):
        return [substituted(each, names) for each in value]
    if isinstance(value, dict):
        match value:
            case {"Ref": str() as name} if len(value) == 1 and name in names:
                return names[name]
        return {_replaced(key, names): substituted(each, names) for key, each in value.items()}
    return value


def _replaced(written: str, names: Mapping[str, str]) -> str:
    if "{" not in written:
        return written

    def put(found: re.Match[str]) -> str:
        value = names.get(found.group(2))
        if value is None:
            return found.group()
        return re.sub(r"[^A-Za-z0-9]", "", value) if found.group(1) == "&" else value

    return re.sub(r"([$&])\{([A-Za-z0-9]+)\}", put, written)
