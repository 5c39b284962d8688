"""What a task definition's Metadata says of the worker's code, which no property can say.

    Metadata:
      Worker:
        Protection: worker | sidecar | none
        ProtectionMinutes: 120
        Heartbeat: 60
        LongestJob: 7200

Every key may be left out. Source of the bounds: ECS, "Task scale-in protection" (1 to 2,880
minutes); SQS, ChangeMessageVisibility (a message is hidden for at most 12 hours).
"""

from collections.abc import Mapping
from typing import Any, get_args

from workerstack.simulator.model import Declared, Protection
from workerstack.simulator.quantities import SimulationError, nearest

KEYS = ("Protection", "ProtectionMinutes", "Heartbeat", "LongestJob")
MOST = {"ProtectionMinutes": 2_880, "Heartbeat": 43_200, "LongestJob": 30 * 86_400}


def read_declared(metadata: Any, name: str, file: str, line: int | None) -> Declared:
    """What ``Metadata`` of the task definition ``name`` declares. Raises SimulationError."""
    written = metadata.get("Worker") if isinstance(metadata, Mapping) else None
    if written is None:
        return Declared()

    def refused(what: str, why: str, next_step: str) -> SimulationError:
        return SimulationError(what, why, next_step, file=file, line=line)

    if not isinstance(written, Mapping):
        raise refused(
            f"Metadata.Worker of {name} cannot be read",
            "it is not a mapping",
            f"Write the keys {', '.join(KEYS)}, or some of them",
        )
    for key in written:
        if key not in KEYS:
            raise refused(
                f"Metadata.Worker of {name} has the unknown key {key}",
                f"the keys are {', '.join(KEYS)}",
                nearest(str(key), KEYS),
            )
    protection = written.get("Protection")
    if protection is not None and protection not in get_args(Protection):
        raise refused(
            f"Metadata.Worker.Protection of {name} is {protection!r}",
            f"it is one of {', '.join(get_args(Protection))}",
            "Change the value",
        )
    numbers = {}
    for key, most in MOST.items():
        value = written.get(key)
        text = str(value)
        if value is not None and not (text.isdigit() and 1 <= int(text) <= most):
            raise refused(
                f"Metadata.Worker.{key} of {name} is {value!r}",
                f"it is a whole number from 1 to {most}",
                "Change the value",
            )
        numbers[key] = None if value is None else int(text)
    minutes = numbers["ProtectionMinutes"]
    return Declared(
        protection=protection,
        protection_expiry=None if minutes is None else minutes * 60,
        heartbeat=numbers["Heartbeat"],
        longest_job=numbers["LongestJob"],
    )
