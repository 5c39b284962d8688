"""A service's tasks: which run, and why others stopped.

Source: ECS API reference, Task (stopCode, stoppedReason); "Stopped tasks error messages".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TASKS_A_CALL = 100
"""Tasks that DescribeTasks takes at most."""

FAILURES = frozenset({"TaskFailedToStart", "EssentialContainerExited"})
"""Stop codes that a container is to blame for; the others are scaling, a deployment, a person."""


@dataclass(frozen=True)
class Task:
    """One task; ``reason`` is why it stopped, ``failed`` whether it did so by a fault."""

    arn: str
    task_definition: str
    status: str
    reason: str = ""
    failed: bool = False

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]


def of_service(ecs: Any, service: Mapping[str, Any]) -> list[Task]:
    """All tasks of a service; ECS keeps stopped ones for about an hour."""
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for page in ecs.get_paginator("list_tasks").paginate(
            cluster=service["clusterArn"],
            serviceName=service["serviceName"],
            desiredStatus=status,
        )
        for arn in page["taskArns"]
    ]
    return [
        _task(answer)
        for start in range(0, len(arns), TASKS_A_CALL)
        for answer in ecs.describe_tasks(
            cluster=service["clusterArn"], tasks=arns[start : start + TASKS_A_CALL]
        )["tasks"]
    ]


def _task(answer: Mapping[str, Any]) -> Task:
    containers = answer.get("containers", ())
    clean = bool(containers) and all(each.get("exitCode") == 0 for each in containers)
    return Task(
        arn=answer["taskArn"],
        task_definition=answer["taskDefinitionArn"],
        status=answer.get("lastStatus", ""),
        reason="; ".join(_reasons(answer, containers)),
        failed=answer.get("stopCode") in FAILURES and not clean,
    )


def _reasons(answer: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    if answer.get("stoppedReason"):
        yield str(answer["stoppedReason"])
    for each in containers:
        if each.get("exitCode") is not None:
            yield f"{each.get('name')} exited with {each['exitCode']}"
        if each.get("reason"):
            yield str(each["reason"])
