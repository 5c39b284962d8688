"""Where what runs is not what CloudFormation was told, property by property."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workerstack.cloudformation import (
    Resource,
    Text,
    Unknown,
    could_be_equal,
    equal,
    matches,
)
from workerstack.verifier.live_resources import DEFAULTS, NOT_TOLD
from workerstack.verifier.live_stack import Live, partner, settled

APART: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::SecurityGroup": ("SecurityGroupIngress", "SecurityGroupEgress"),
    "AWS::ECS::Service": ("DesiredCount", "TaskDefinition"),
    "AWS::IAM::Role": ("ManagedPolicyArns", "Policies"),
}
"""Properties that are compared by what they mean, each in a check of its own."""

BY_NAME = {("AWS::ECS::Service", "Cluster")}
"""A name or an ARN: both mean the same."""


class Deviation(NamedTuple):
    """One property; ``wanted`` or ``live`` is None where there is none."""

    path: tuple[str, ...]
    wanted: Any
    live: Any

    @property
    def property(self) -> str:
        """``Threshold``, ``Metrics.visible.Period``."""
        return ".".join(self.path)


def deviations(live: Live, resource: Resource) -> list[Deviation]:
    """Each property of a deployed resource that runs otherwise; none where it is not read.

    What is not known before deployment is not compared, and what neither the template nor a
    default says is the service's own affair.
    """
    found = live.found.get(resource.logical_id)
    if found is None:
        return []
    wanted = wanted_properties(live, resource)
    skipped = {*NOT_TOLD.get(resource.type, ()), *APART.get(resource.type, ())}
    defaults = DEFAULTS.get(resource.type, {})
    return [
        deviation
        for name in {**wanted, **{each: None for each in defaults if each in found.properties}}
        if name not in skipped
        for deviation in _differing(
            _normal(resource.type, name, wanted.get(name, defaults.get(name))),
            _normal(resource.type, name, found.properties.get(name, defaults.get(name))),
            (name,),
        )
    ]


def wanted_properties(live: Live, resource: Resource) -> dict[str, Any]:
    """The deployed properties with live names in the place of references."""
    return dict(settled(dict(resource.properties), live.deployed.reference))


def _normal(kind: str, name: str, value: Any) -> Any:
    if (kind, name) in BY_NAME and isinstance(value, str):
        return value.rpartition("/")[2]
    if name == "ScheduledActions" and isinstance(value, list):  # AWS tells them in any order
        return sorted(value, key=lambda each: str(each.get("ScheduledActionName")))
    return value


def _differing(wanted: Any, live: Any, path: tuple[str, ...]) -> Iterator[Deviation]:
    if isinstance(wanted, Unknown) or equal(wanted, live, path[-1]):
        return
    if isinstance(wanted, Text) and isinstance(live, str) and matches(wanted, live):
        return
    if live is None and wanted in (False, "false", [], {}):
        return
    if isinstance(wanted, dict) and isinstance(live, Mapping):
        for key, each in wanted.items():
            yield from _differing(each, live.get(key), (*path, str(key)))
        return
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        if all(isinstance(each, Mapping) for each in (*wanted, *live)):
            for at, each in enumerate(wanted):
                name = next((str(each[key]) for key in ("Name", "Id") if key in each), str(at))
                yield from _differing(each, partner(each, live, at), (*path, name))
            return
        if could_be_equal(wanted, live) is not False:
            return
    yield Deviation(path, wanted, live)
