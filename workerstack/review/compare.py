"""What changes besides the resources: parameters, tags, topics, outputs, the description."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workerstack.review.model import OtherChange

HIDDEN = "****"
"""What stands for a secret value; CloudFormation itself answers so."""


@dataclass(frozen=True)
class StackSide:
    """A stack's template, values and tags at one moment; empty before it exists."""

    template: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    topics: Collection[str] = ()

    def without(self, secret: Collection[str]) -> dict[str, str]:
        """The parameters that are no secrets."""
        return {name: value for name, value in self.parameters.items() if name not in secret}

    def outputs(self) -> dict[str, str]:
        """Each output's value and export as they are written, intrinsics and all."""
        return {name: _output(body) for name, body in (self.template.get("Outputs") or {}).items()}

    def description(self) -> dict[str, str]:
        """The description under the empty name, or nothing."""
        described = self.template.get("Description")
        return {} if described is None else {"": str(described)}


def _output(body: Any) -> str:
    if not isinstance(body, Mapping):
        return json.dumps(body, sort_keys=True)
    value = json.dumps(body.get("Value"), sort_keys=True)
    export = body.get("Export")
    name = export.get("Name") if isinstance(export, Mapping) else export
    if name is None:
        return value
    written = name if isinstance(name, str) else json.dumps(name, sort_keys=True)
    return f"{value}, exported as {written}"


def proposed(
    template: Mapping[str, Any], plain: Mapping[str, Any], topics: Collection[str] = ()
) -> StackSide:
    """What a change set says that the stack will have; ``plain`` is its description."""
    parameters = {
        each["ParameterKey"]: str(each.get("ResolvedValue", each.get("ParameterValue", "")))
        for each in plain.get("Parameters") or ()
    }
    tags = {each["Key"]: each["Value"] for each in plain.get("Tags") or ()}
    return StackSide(template, parameters, tags, topics)


def compare(before: StackSide, after: StackSide, secret: Collection[str]) -> Iterator[OtherChange]:
    """Each difference by kind and name; of a NoEcho parameter only that there is one."""
    for name in sorted(set(secret) & after.parameters.keys()):
        yield OtherChange(kind="NoEcho parameter", name=name, before=HIDDEN, after=HIDDEN)
    yield from _differences("parameter", before.without(secret), after.without(secret))
    yield from _differences("tag", before.tags, after.tags)
    topics = (dict.fromkeys(side.topics, "is notified of events") for side in (before, after))
    yield from _differences("notification topic", *topics)
    yield from _differences("output", before.outputs(), after.outputs())
    yield from _differences("description", before.description(), after.description())


def _differences(
    kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[OtherChange]:
    for name in sorted({**before, **after}):
        if before.get(name) != after.get(name):
            yield OtherChange(kind=kind, name=name, before=before.get(name), after=after.get(name))
