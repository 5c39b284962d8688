"""Values that a resource keeps from the stack in which it was born.

A name or a description of these cannot be changed: another value is another resource. A stack
that is adopted has its own, and they stay where the worker's specification says so.
"""

import difflib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from troposphere import Template

from templates.problems import Mistake, wrong

KEEPABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "BacklogAlarm": ("AlarmName",),
        "DeadLetterAlarm": ("AlarmName",),
        "DeadLetterQueue": ("QueueName",),
        "DrainedAlarm": ("AlarmName",),
        "ExecutionRole": ("Path", "RoleName"),
        "Queue": ("QueueName",),
        "ScaleInPolicy": ("PolicyName",),
        "ScaleOutPolicy": ("PolicyName",),
        "TaskRole": ("Path", "RoleName"),
        "WorkerSecurityGroup": ("GroupDescription", "GroupName"),
    }
)
"""What may be kept, by logical id: what forces a replacement and is not a parameter already.

Source: the types' provider schemas, createOnlyProperties.
"""

Kept = Mapping[str, Mapping[str, str]]


def check(kept: Kept) -> Iterator[Mistake]:
    """What cannot be kept."""
    allowed = {f"{name}.{each}": (name, each) for name, known in KEEPABLE.items() for each in known}
    for name, properties in kept.items():
        for each in properties:
            if f"{name}.{each}" not in allowed:
                near = difflib.get_close_matches(f"{name}.{each}", allowed, n=1)
                yield Mistake(
                    f"{name}.{each} cannot be kept",
                    "only names and descriptions that force a replacement can",
                    f"Take {near[0]}" if near else f"Take one of {', '.join(allowed)}",
                )


def keep(template: Template, kept: Kept) -> None:
    """Sets what is kept; raises SpecificationError for a resource that the worker has not."""
    for name, properties in kept.items():
        if name not in template.resources:
            raise wrong(
                f"{name} keeps something and is not there",
                f"this worker has {', '.join(template.resources)}",
                "Remove it from kept",
            )
        for each, value in properties.items():
            setattr(template.resources[name], each, value)
