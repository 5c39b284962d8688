"""What a worker's containers write, with the task that wrote it, and when that task began.

Source: CloudWatch Logs API reference, FilterLogEvents; ECS developer guide, "awslogs log driver"
(a stream is PREFIX/CONTAINER/TASK).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workerstack.deployer import service as live
from workerstack.deployer.aws import Clients
from workerstack.deployer.deployed_stack import SERVICE, DeployedStack
from workerstack.problem import Problem

LATE = timedelta(seconds=60)
"""How much later than its time a line may come: so much is read again, and told apart by its id."""

SHORT = 8
"""Digits of a task's id that are shown, and enough to name it."""


@dataclass(frozen=True)
class ContainerLog:
    """A container's log: in which group and region, and how its streams begin."""

    group: str
    region: str
    container: str
    prefix: str


@dataclass(frozen=True)
class Line:
    """One line; ``task`` is the id of the task, empty where the stream does not tell it."""

    time: datetime
    task: str
    container: str
    text: str
    id: str


@dataclass(frozen=True)
class Logs:
    """Where a stack's services log, and the tasks that ECS still knows."""

    sources: tuple[ContainerLog, ...]
    tasks: tuple[live.EcsTask, ...]


def read_logs(clients: Clients, found: DeployedStack, deployment: str) -> Logs:
    """Of all services of a stack; raises Problem where none of them logs to CloudWatch."""
    ecs = clients("ecs")
    sources: dict[ContainerLog, None] = {}
    tasks: list[live.EcsTask] = []
    for _, arn in found.of(SERVICE):
        cluster = arn.split("/")[-2]
        for service in ecs.describe_services(cluster=cluster, services=[arn])["services"]:
            answer = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
            sources |= dict.fromkeys(_sources(answer["taskDefinition"], clients.region))
            tasks += live.tasks_of(ecs, cluster, arn)
    if not sources:
        raise Problem(
            f"{deployment} has no log in CloudWatch",
            "no service of the stack has a container with the log driver awslogs",
            "Look where its log driver sends it",
        )
    return Logs(tuple(sources), tuple(tasks))


def _sources(task: Mapping[str, Any], region: str) -> Iterator[ContainerLog]:
    for each in task.get("containerDefinitions", ()):
        options = each.get("logConfiguration", {}).get("options", {})
        if options.get("awslogs-group"):
            yield ContainerLog(
                options["awslogs-group"], options.get("awslogs-region", region), each["name"],
                options.get("awslogs-stream-prefix", ""),
            )  # fmt: skip


def lines(
    clients: Clients, sources: Iterable[ContainerLog], since: datetime, task: str = ""
) -> list[Line]:
    """The lines since then in order; of one task where its id, or the beginning of it, is given."""
    found: dict[str, Line] = {}
    for each in sources:
        logs = clients.elsewhere(each.region)("logs")
        stream = f"{each.prefix}/{each.container}/" if each.prefix else ""
        only = {"logStreamNamePrefix": f"{stream}{task}"} if stream else {}
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=each.group, startTime=_milliseconds(since), **only
        )
        for page in pages:
            for event in page["events"]:
                line = _line(event, each)
                if line.task.startswith(task):
                    found[line.id] = line
    return sorted(found.values(), key=lambda line: line.time)


def _line(event: Mapping[str, Any], source: ContainerLog) -> Line:
    return Line(
        time=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        task=event["logStreamName"].rpartition("/")[2] if source.prefix else "",
        container=source.container,
        text=event["message"].rstrip(),
        id=event["eventId"],
    )


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


class Follower:
    """New lines, each once, also those that come late."""

    def __init__(self, clients: Clients, logs: Logs, since: datetime, task: str = "") -> None:
        self._clients, self._logs, self._task = clients, logs, task
        self._since = since
        self._newest = since
        self._seen: dict[str, datetime] = {}

    def new(self) -> list[Line]:
        """The lines that were not given before."""
        start = max(self._since, self._newest - LATE)
        found = lines(self._clients, self._logs.sources, start, self._task)
        fresh = [each for each in found if each.id not in self._seen]
        self._newest = max([self._newest, *(each.time for each in fresh)])
        # Twice as far back as the next question reaches, so that no line is given twice; older ids
        # are dropped.
        self._seen = {each.id: each.time for each in found if each.time >= self._newest - 2 * LATE}
        return fresh


def told(task: live.EcsTask) -> str:
    """A task in words: its id, since when it runs, or when and why it stopped."""
    revision = task.task_definition.rpartition(":")[2]
    began = f" since {task.started_at:%Y-%m-%d %H:%M:%S} UTC" if task.started_at else ""
    if task.status == "STOPPED":
        when = f" at {task.stopped_at:%H:%M:%S} UTC" if task.stopped_at else ""
        reason = f": {task.reason}" if task.reason else ""
        return f"Task {task.name[:SHORT]} (revision {revision}) stopped{when}{reason}"
    return f"Task {task.name[:SHORT]} (revision {revision}) is {task.status}{began}"
