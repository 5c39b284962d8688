"""What would still be replaced after the renaming, why, and how the old value is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.adopting.names import NAMES
from deployer.review import Review

DESCRIPTIONS = {"AWS::EC2::SecurityGroup": ("GroupDescription",), "AWS::IAM::Role": ("Path",)}
"""Properties beside the names that a worker's specification may keep (Worker, kept)."""


@dataclass(frozen=True)
class Replaced:
    """One resource that is replaced: the property that forces it, and how to keep its value.

    ``keep`` is empty where nothing can: what it is made of is another thing.
    """

    logical_id: str
    type: str
    sure: bool
    path: str
    before: Any
    after: Any
    keep: str


def replaced(end: Review, template: Mapping[str, Any]) -> Iterator[Replaced]:
    """Each resource that ``end`` replaces, in its order; ``template`` is that of out/."""
    for change in end.resources:
        if change.replacement not in ("True", "Conditional"):
            continue
        forcing = [each for each in change.properties if each.requires_recreation != "Never"]
        keeps = [_keep(change.logical_id, change.type, each, template) for each in forcing]
        # A value that can be kept does not help where another one forces it as well.
        helped = all(keeps)
        for number, each in enumerate(forcing):
            yield Replaced(
                logical_id=change.logical_id,
                type=change.type,
                sure=change.replacement == "True",
                path=each.label.removeprefix("/Properties/"),
                before=each.before,
                after=each.after,
                keep=keeps[number] if helped else "",
            )


def _keep(logical_id: str, kind: str, change: Any, template: Mapping[str, Any]) -> str:
    """Which parameter or field of the specification keeps the value before."""
    name, before = change.name, change.before
    body = template["Resources"].get(logical_id, {})
    match (body.get("Properties") or {}).get(name):
        case {"Ref": str() as parameter} if parameter in template.get("Parameters", {}):
            return f"{parameter}: {before} in params/" if isinstance(before, str) else ""
    if name in (NAMES.get(kind), *DESCRIPTIONS.get(kind, ())) and isinstance(before, str):
        return f'kept={{"{logical_id}": {{"{name}": "{before}"}}}} in its Worker'
    return ""
