"""What stands deep in a resource's body: containers of a task definition, dimensions of an alarm.

Bodies are foreign: whatever has another shape than AWS documents has none of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from workerstack.cloudformation.resolve import Resource, Stack

TASK_DEFINITION = "AWS::ECS::TaskDefinition"


def containers(stack: Stack) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """Each container of a stack's task definitions, with the task definition that it is of."""
    for task in stack.of(TASK_DEFINITION):
        for each in task.get("ContainerDefinitions", default=()):
            if isinstance(each, Mapping):
                yield task, each


def dimensions(value: Any, name: str) -> Iterator[Any]:
    """The values of a dimension wherever an alarm has it, also within metric math."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from dimensions(each, name)
    elif isinstance(value, Mapping):
        if value.get("Name") == name and "Value" in value:
            yield value["Value"]
        for each in value.values():
            yield from dimensions(each, name)
