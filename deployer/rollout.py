"""An ECS service while it rolls out: its deployments, stopped tasks, log, queue.

Nothing of it decides anything, so what cannot be read is said and not guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deployer.clients import Clients

LINES = 5
"""How many of the newest log lines are shown."""

WINDOW = timedelta(minutes=10)
"""How old a log line may be, so that a long operation does not read the log over and over."""

BY_DESIGN = frozenset({"ServiceSchedulerInitiated"})
"""Why ECS itself stops tasks, to scale in or to replace them (ECS: Task, stopCode)."""


@dataclass(frozen=True)
class Deployment:
    """One of a service's deployments, as ECS counts it."""

    revision: str
    status: str
    desired: int
    running: int
    pending: int
    failed: int
    state: str
    reason: str


@dataclass(frozen=True)
class Rollout:
    """What ECS, SQS and the log say now; ``unknown`` are sentences on what did not answer."""

    deployments: tuple[Deployment, ...] = ()
    stopped: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    waiting: int | None = None
    in_flight: int | None = None
    dead: int | None = None
    unknown: tuple[str, ...] = ()


def read(clients: Clients, service_arn: str, since: datetime, now: datetime) -> Rollout:
    """The rollout of a service; ``service_arn`` is arn:...:service/CLUSTER/SERVICE.

    ``since``: when it began; what stopped or was logged before is of another one.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    unknown: list[str] = []

    def asked(what: str, ask: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return ask()
        except (BotoCoreError, ClientError, KeyError) as error:
            unknown.append(f"{what} could not be read: {error}")
            return otherwise

    ecs, cluster = clients("ecs"), service_arn.split("/")[-2]
    service = asked(
        "The service",
        lambda: ecs.describe_services(cluster=cluster, services=[service_arn])["services"][0],
        {},
    )
    task = asked("The task definition", lambda: _task_definition(ecs, service), {})
    queue = asked("The queue", lambda: depth(clients("sqs"), queue_url(task)), {})
    return Rollout(
        deployments=tuple(_deployment(each) for each in service.get("deployments", ())),
        stopped=tuple(
            asked("Stopped tasks", lambda: stopped(ecs, cluster, service_arn, since), ())
        ),
        log=tuple(
            asked("The log", lambda: log(clients("logs"), task, max(since, now - WINDOW)), ())
        ),
        waiting=queue.get("waiting"),
        in_flight=queue.get("in_flight"),
        dead=queue.get("dead"),
        unknown=tuple(unknown),
    )


def _deployment(answer: Mapping[str, Any]) -> Deployment:
    return Deployment(
        revision=answer.get("taskDefinition", "").rpartition("/")[2],
        status=answer.get("status", ""),
        desired=answer.get("desiredCount", 0),
        running=answer.get("runningCount", 0),
        pending=answer.get("pendingCount", 0),
        failed=answer.get("failedTasks", 0),
        state=answer.get("rolloutState", ""),
        reason=answer.get("rolloutStateReason", ""),
    )


def _task_definition(ecs: Any, service: Mapping[str, Any]) -> Mapping[str, Any]:
    if not service.get("taskDefinition"):
        return {}
    answer = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
    found: Mapping[str, Any] = answer["taskDefinition"]
    return found


def stopped(ecs: Any, cluster: str, service: str, since: datetime) -> list[str]:
    """Why tasks of a service stopped, the reason of the container with it.

    Not those that ECS stopped as it was told to.
    """
    arns = ecs.list_tasks(
        cluster=cluster, serviceName=service.rpartition("/")[2], desiredStatus="STOPPED"
    )["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns[:10])["tasks"] if arns else []
    return [
        "; ".join(
            part
            for part in (
                task.get("stoppedReason", ""),
                *(
                    f"{each.get('name')} exited with {each['exitCode']}"
                    if each.get("exitCode") is not None
                    else each.get("reason", "")
                    for each in task.get("containers", ())
                ),
            )
            if part
        )
        for task in tasks
        if task.get("stopCode") not in BY_DESIGN and task.get("stoppedAt", since) >= since
    ]


def log(logs: Any, task: Mapping[str, Any], since: datetime) -> list[str]:
    """The newest lines of the containers of a task definition."""
    return lines(logs, task, since)[-LINES:]


def lines(logs: Any, task: Mapping[str, Any], since: datetime) -> list[str]:
    """All lines of the containers of a task definition since then, in order."""
    groups = {
        each["logConfiguration"]["options"]["awslogs-group"]
        for each in task.get("containerDefinitions", ())
        if "awslogs-group" in each.get("logConfiguration", {}).get("options", {})
    }
    events = [
        event
        for group in sorted(groups)
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since.timestamp() * 1000)
        )
        for event in page["events"]
    ]
    return [each["message"].rstrip() for each in sorted(events, key=lambda e: e["timestamp"])]


def queue_url(task: Mapping[str, Any]) -> str:
    """The queue of a worker's task, from its environment; empty where it has none."""
    return next(
        (
            str(each["value"])
            for container in task.get("containerDefinitions", ())
            for each in container.get("environment", ())
            if each["name"] == "QUEUE_URL"
        ),
        "",
    )


def depth(sqs: Any, url: str) -> dict[str, int | None]:
    """How many messages wait, are in flight or delayed, and lie in the dead-letter queue."""
    if not url:
        return {}
    names = {
        "waiting": "ApproximateNumberOfMessages",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    wanted = [*names.values(), "RedrivePolicy"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    depths: dict[str, int | None] = {name: int(found[each]) for name, each in names.items()}
    depths["dead"] = _dead(sqs, found.get("RedrivePolicy"))
    return depths


def _dead(sqs: Any, policy: str | None) -> int | None:
    import json

    if not policy:
        return None
    *_, account, name = json.loads(policy)["deadLetterTargetArn"].split(":")
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return depth(sqs, url)["waiting"]
