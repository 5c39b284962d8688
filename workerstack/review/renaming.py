"""A renaming that is proposed: what it does, and everything that it is bound to."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from workerstack.review.model import Where

VERSION: Literal[2] = 2


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Renamed(_Model):
    """One resource under its new logical id; physically it stays what it is."""

    old: str
    new: str
    type: str
    physical_id: str
    certainty: str
    because: str


class Bound(_Model):
    """What must still be so when the renaming is executed; the digests are SHA-256."""

    mapping: str
    mapping_digest: str
    deployed_digest: str
    template_digest: str
    stack_status: str
    stack_last_updated: str
    actions_digest: str


class Renaming(_Model):
    """A stack refactoring that waits for consent."""

    version: Literal[2] = VERSION
    where: Where
    refactor_id: str
    renamed: tuple[Renamed, ...]
    binding: Bound


def digest_of_actions(actions: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of all that a refactoring lists, in any order."""
    lines = sorted(json.dumps(each, sort_keys=True, default=str) for each in actions)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def unexpected(
    actions: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    physical: Mapping[str, str],
    stack: str = "",
) -> Iterator[str]:
    """What the service lists besides the renamings that were asked for, or does not list.

    ``physical`` has the physical id of each old name, ``stack`` is the stack's id or empty.
    """
    listed = {}
    for each in actions:
        mapping = each.get("ResourceMapping") or {}
        old = mapping.get("Source", {}).get("LogicalResourceId", "")
        new = mapping.get("Destination", {}).get("LogicalResourceId", "")
        listed[old] = new
        if (each.get("Action"), each.get("Entity")) != ("MOVE", "RESOURCE"):
            yield f"{each.get('Action')} of a {each.get('Entity')}"
        elif stack and any(_elsewhere(side, stack) for side in mapping.values()):
            yield f"{old} of another stack"
        elif names.get(old) != new:
            yield f"{old} becomes {new}"
        elif each.get("PhysicalResourceId", physical[old]) != physical[old]:
            yield f"{old} is {each['PhysicalResourceId']} and no longer {physical[old]}"
    for old, new in names.items():
        if old not in listed:
            yield f"{old} does not become {new}"


def _elsewhere(side: Mapping[str, str], stack: str) -> bool:
    """Whether one side of a mapping names another stack, by its name or its id."""
    return side.get("StackName", stack) not in (stack, stack.split("/")[1])
