"""What a task definition's Metadata says of the worker's code, which no property can say.

    Metadata:
      Worker:
        Protection: worker | sidecar | none
        ProtectionMinutes: 120
        Heartbeat: 60
        LongestJob: 7200
        Unprotected: why nobody protects it

Every key may be left out. Source of the bounds: ECS, "Task scale-in protection" (1 to 2,880
minutes); SQS, ChangeMessageVisibility (a message is hidden for at most 12 hours).
"""

from collections.abc import Mapping
from typing import Any, get_args

from workerstack.cloudformation import text, written
from workerstack.problem import Problem
from workerstack.simulator.model import Declared, Protection
from workerstack.simulator.properties import Properties
from workerstack.simulator.quantities import nearest

KEYS = ("Protection", "ProtectionMinutes", "Heartbeat", "LongestJob", "Unprotected")
MOST = {"ProtectionMinutes": 2_880, "Heartbeat": 43_200, "LongestJob": 30 * 86_400}


def read_declared(definition: Properties) -> Declared:
    """What ``Metadata`` of a task definition declares. Raises Problem."""
    name = definition.name
    declared = definition.resource.metadata.get("Worker")
    if declared is None:
        return Declared()

    def refused(what: str, why: str, next_step: str) -> Problem:
        stack = definition.stack
        line = stack.line(name, "Metadata", "Worker")
        return Problem(what, why, next_step, file=stack.template.file, line=line)

    if not isinstance(declared, Mapping):
        raise refused(
            f"Metadata.Worker of {name} cannot be read",
            "it is not a mapping",
            f"Write the keys {', '.join(KEYS)}, or some of them",
        )
    for key in declared:
        if key not in KEYS:
            raise refused(
                f"Metadata.Worker of {name} has the unknown key {key}",
                f"the keys are {', '.join(KEYS)}",
                nearest(str(key), KEYS),
            )
    protection: Any = text(declared.get("Protection"))
    if declared.get("Protection") is not None and protection not in get_args(Protection):
        raise refused(
            f"Metadata.Worker.Protection of {name} is {written(declared['Protection'])!r}",
            f"it is one of {', '.join(get_args(Protection))}",
            "Change the value",
        )
    numbers: dict[str, int | None] = {}
    for key, most in MOST.items():
        value = declared.get(key)
        known = text(value) or ""
        if value is not None and not (known.isdigit() and 1 <= int(known) <= most):
            raise refused(
                f"Metadata.Worker.{key} of {name} is {written(value)!r}",
                f"it is a whole number from 1 to {most}",
                "Change the value",
            )
        numbers[key] = None if value is None else int(known)
    minutes = numbers["ProtectionMinutes"]
    return Declared(
        protection=protection,
        protection_expiry=None if minutes is None else minutes * 60,
        heartbeat=numbers["Heartbeat"],
        longest_job=numbers["LongestJob"],
    )
