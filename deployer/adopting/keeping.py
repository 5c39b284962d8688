"""What would still be replaced after the renaming, why, and how the old value is kept."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.adopting.names import NAMES
from deployer.review import PropertyChange, ResourceChange, Review

DESCRIPTIONS = {"AWS::EC2::SecurityGroup": ("GroupDescription",), "AWS::IAM::Role": ("Path",)}
"""Properties beside the names that a worker's specification may keep (Worker, kept)."""


@dataclass(frozen=True)
class Replaced:
    """One property that replaces its resource, and how its old value can be kept.

    ``parameter``: by giving this parameter the old value; ``kept``: by the field of that name
    of the worker's specification. Neither, where nothing can: it is made of another thing.
    """

    logical_id: str
    type: str
    sure: bool
    path: str
    name: str
    before: Any
    after: Any
    because: str
    parameter: str = ""
    kept: bool = False


def replaced(end: Review, template: Mapping[str, Any]) -> Iterator[Replaced]:
    """What ``end`` replaces, in its order; ``template`` is that of out/."""
    for change in end.resources:
        if change.replacement not in ("True", "Conditional"):
            continue
        forcing = [
            _one(change, each, template)
            for each in change.properties
            if each.requires_recreation != "Never"
        ]
        # A value that can be kept does not help where another one forces it as well; what
        # only follows another replacement is told there.
        helped = all(each.parameter or each.kept or each.because for each in forcing)
        yield from (each if helped else replace(each, parameter="", kept=False) for each in forcing)


def _one(change: ResourceChange, forcing: PropertyChange, template: Mapping[str, Any]) -> Replaced:
    name, before = forcing.name or "", forcing.before
    followed = forcing.change_source in ("ResourceReference", "ResourceAttribute")
    found = Replaced(
        logical_id=change.logical_id,
        type=change.type,
        sure=change.replacement == "True",
        path=forcing.label.removeprefix("/Properties/"),
        name=name,
        before=before,
        after=forcing.after,
        because=f"{forcing.causing_entity} is replaced" if followed else "",
    )
    if not isinstance(before, str):
        return found
    body = template["Resources"].get(change.logical_id, {})
    match (body.get("Properties") or {}).get(name):
        case {"Ref": str() as parameter} if parameter in template.get("Parameters", {}):
            return replace(found, parameter=parameter)
    keepable = (NAMES.get(change.type), *DESCRIPTIONS.get(change.type, ()))
    return replace(found, kept=name in keepable)


def specification(found: Iterable[Replaced]) -> str:
    """The field of a worker's specification that keeps them; empty where it keeps none."""
    kept: dict[str, dict[str, str]] = {}
    for each in found:
        if each.kept:
            kept.setdefault(each.logical_id, {})[each.name] = each.before
    lines = (
        f"    {json.dumps(name)}: {json.dumps(values, ensure_ascii=False)},"
        for name, values in kept.items()
    )
    return "\n".join(["kept={", *lines, "},"]) if kept else ""
