"""On which resources each action of IAM can be allowed, for the services around a worker.

`service_authorization.json` holds AWS's "Service Authorization Reference" in short: each action
with its resource types (`?` where a call may come without one), each type with its ARN.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

LOG_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:*"
NEWER: Mapping[str, tuple[str, ...]] = {
    "cloudformation:DescribeEvents": (),
    "cloudformation:GetHookResult": (),
    "ecs:StopServiceDeployment": (
        "arn:${Partition}:ecs:${Region}:${Account}:service-deployment/*/*/*",
    ),
    "logs:PutBearerTokenAuthentication": (LOG_GROUP,),
    "logs:PutLogGroupDeletionProtection": (LOG_GROUP,),
}
"""Actions that are younger than the file. Where AWS's page does not say, all resources: those
only read, and a narrower statement that is wrong would allow nothing."""


@dataclass(frozen=True)
class Scope:
    """What an action can be limited to: patterns of ARNs, none where it takes only ``*``."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Both."""
        return self.required + self.optional


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files(__package__).joinpath("service_authorization.json").read_text(encoding="utf-8")
    )
    return found


def is_known(action: str) -> bool:
    """Whether the action is in the table."""
    return action in _data()["actions"] or action in NEWER


def scope(action: str, partition: str, region: str, account: str) -> Scope:
    """What the action can be limited to, in one account; a service that is not known: nothing."""
    if action in NEWER:
        return Scope(tuple(_filled(each, partition, region, account) for each in NEWER[action]))
    service = action.partition(":")[0]
    kinds = _data()["actions"].get(action, ())
    found = {kind: _arn(service, kind.removesuffix("?")) for kind in kinds}
    filled = {kind: _filled(arn, partition, region, account) for kind, arn in found.items()}
    return Scope(
        tuple(arn for kind, arn in filled.items() if not kind.endswith("?")),
        tuple(arn for kind, arn in filled.items() if kind.endswith("?")),
    )


def _arn(service: str, kind: str) -> str:
    return str(_data()["resources"][f"{service}:{kind}"])


def _filled(arn: str, partition: str, region: str, account: str) -> str:
    for name, value in (("Partition", partition), ("Region", region), ("Account", account)):
        arn = arn.replace(f"${{{name}}}", value)
    return arn


def fits(arn: str, pattern: str) -> bool:
    """Whether an ARN, in which there may be `*`, is of the type with this pattern.

    `*` in the type's pattern holds no colon, and no slash but at the end: so a cluster is no
    service, and a log group no stream of one.
    """
    parts = [re.escape(part) for part in pattern.split("*")]
    last = "[^:]*" if pattern.count("/") else ".*"
    between = "[^:/]*"
    expression = parts[0]
    for number, part in enumerate(parts[1:], 1):
        expression += (last if number == len(parts) - 1 and not part else between) + part
    return re.fullmatch(expression, arn) is not None
