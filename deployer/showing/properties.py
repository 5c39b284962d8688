"""A resource's property changes as they are shown: deepest path, values, cause."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from deployer.differences import differences
from deployer.review import UNKNOWN, PropertyChange, ResourceChange
from deployer.showing.words import cause, forces

CONTAINERS = ("{", "[")


class Shown(NamedTuple):
    """One place in a resource that changes.

    ``given`` is False where AWS did not say the values; ``extra`` are drift and what this
    version does not know.
    """

    path: str
    cause: str
    forces: str
    given: bool
    before: Any
    after: Any
    extra: tuple[tuple[str, str], ...]


def shown(change: ResourceChange) -> list[Shown]:
    """Every place, in the order of the answer; several causes of one place are one."""
    groups: dict[str, list[PropertyChange]] = {}
    for each in change.properties:
        groups.setdefault(each.label, []).append(each)
    return [place for label, group in groups.items() for place in _places(label, group)]


def _places(label: str, group: list[PropertyChange]) -> Iterator[Shown]:
    causes = "; ".join(dict.fromkeys(filter(None, map(cause, group))))
    extra = tuple(item for each in group for item in {**(each.drift or {}), **each.extra}.items())
    valued = [each for each in group if each.values_given]
    if not valued:
        yield Shown(label, causes, forces(group), False, None, None, extra)
    told: list[tuple[str, Any, Any]] = []
    for each in valued:
        for place in _deepest(label, _parsed(each.before), _parsed(each.after)):
            if place not in told:
                told.append(place)
    for number, (path, before, after) in enumerate(told):
        yield Shown(path, causes, forces(group), True, before, after, () if number else extra)


def _more(change: PropertyChange) -> dict[str, Any]:
    """What is rarely said of a property: where its values come from, drift, new members."""
    found = {"before is": change.before_from, "after is": change.after_from}
    known = {name: value for name, value in found.items() if value}
    return {**known, **(change.drift or {}), **change.extra}


def _deepest(label: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if UNKNOWN in (before, after) or not isinstance(before, dict | list):
        yield label, before, after
        return
    found = [(f"{label}{each.pointer}", each.before, each.after)
             for each in differences(before, after)]  # fmt: skip
    # Values that are only written differently are shown as AWS gave them.
    yield from found or [(label, before, after)]


def _parsed(value: Any) -> Any:
    """AWS gives a list or a mapping as JSON text; a text that only looks so stays one."""
    if isinstance(value, str) and value.startswith(CONTAINERS):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
