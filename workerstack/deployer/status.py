"""One stack at one moment: what is deployed from which commit, what runs, what waits, what next.

Nothing of it decides anything, so what may not be asked is said, and the rest is shown.
Source: ECS API reference, Service, Deployment; SQS, "Available CloudWatch metrics"; CloudWatch API
reference, MetricAlarm.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from workerstack.deployer import (
    deployed_stack,
    earlier,
    going_back,
    images,
    running_images,
    stack_states,
)
from workerstack.deployer import service as live
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of
from workerstack.deployer.deployed_stack import ALARM, POLICY, SERVICE, TARGET, DeployedStack
from workerstack.deployer.going_back import Mending
from workerstack.deployer.source import read_source
from workerstack.deployments import Deployment
from workerstack.problem import Problem
from workerstack.review.case import MovedTag

LONGEST_WAIT = 900
"""Seconds that a message may wait while no task runs: an alarm and the start of a task together."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Revision:
    """A commit that has the deployed template and values."""

    commit: str
    committed: datetime
    subject: str


@dataclass(frozen=True)
class ImageStatus:
    """A container's image: as it is deployed, and what ECR says of it."""

    container: str
    image: str
    tags: tuple[str, ...] = ()
    digest: str = ""
    pushed: datetime | None = None
    is_there: bool | None = None


@dataclass(frozen=True)
class Tasks:
    """The counts of a service as ECS has them; ``most`` is what scaling may reach."""

    desired: int
    running: int
    pending: int
    most: int | None
    rollout: str
    reason: str
    began: datetime | None


@dataclass(frozen=True)
class QueueStatus:
    """A queue's messages; ``oldest`` in seconds, None where CloudWatch has no datapoint."""

    name: str
    waiting: int
    in_flight: int
    oldest: float | None
    dead: int | None


@dataclass(frozen=True)
class AlarmStatus:
    """An alarm's state; ``scales`` is whether it drives a scaling policy."""

    name: str
    state: str
    scales: bool
    since: datetime | None


@dataclass(frozen=True)
class Status:
    """All of it; ``unknown`` are sentences on what could not be asked.

    ``is_current``: the files here say what is deployed; ``mending`` is what to do where not.
    """

    deployment: str
    stack: str
    account: str
    region: str
    state: str
    reason: str = ""
    updated: datetime | None = None
    revision: Revision | None = None
    is_current: bool | None = None
    mending: Mending | None = None
    images: tuple[ImageStatus, ...] = ()
    moved: tuple[MovedTag, ...] = ()
    tasks: tuple[Tasks, ...] = ()
    queues: tuple[QueueStatus, ...] = ()
    alarms: tuple[AlarmStatus, ...] = ()
    unknown: tuple[str, ...] = ()
    next_step: str = field(default="", compare=False)


def read_status(deployment: Deployment, clients: Clients, root: Path, now: datetime) -> Status:
    """The status of one stack. Raises Problem or botocore's errors where the stack is not known."""
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, deployment.stack)
    target = deployment.target
    head = Status(
        deployment.name, stack.name, target.account, target.region, stack.status, stack.reason,
        datetime.fromisoformat(stack.last_updated) if stack.last_updated else None,
    )  # fmt: skip
    if stack.is_new:
        return replace(head, next_step=stack_states.next_step(stack.status, deployment.name))
    unknown: list[str] = []
    found = deployed_stack.read_deployed(cloudformation, stack)
    asked = _asking(unknown)
    commit, is_current = asked(
        "the revision", lambda: earlier.of_stack(deployment, stack, clients, root), (None, None)
    )
    mending = None if is_current is not False else asked(
        "what was deployed before",
        lambda: going_back.mending(read_source(deployment), stack, clients, root), None,
    )  # fmt: skip
    whole = replace(
        head,
        mending=mending,
        revision=commit and Revision(commit.id, commit.date, commit.subject),
        is_current=is_current,
        images=tuple(
            asked(f"the image of {name}", lambda i=image, n=name: _image(clients, n, i),
                  ImageStatus(name, image))
            for name, image in running_images.deployed_images(found).items()
        ),
        moved=asked("what a tag means", lambda: running_images.moved_tags(clients, found), ()),
        tasks=tuple(
            one
            for _, arn in found.of(SERVICE)
            for one in asked("the tasks", lambda a=arn: _tasks(clients, found, a), [])
        ),
        queues=tuple(
            one
            for name in deployed_stack.worker_queues(found)
            for one in asked(f"the queue {name}", lambda n=name: [_queue(clients, n, now)], [])
        ),
        alarms=tuple(asked("the alarms", lambda: list(_alarms(clients, found)), [])),
        unknown=tuple(unknown),
    )  # fmt: skip
    return replace(whole, unknown=tuple(unknown), next_step=next_step(whole))


Asking = Callable[[str, Callable[[], Answer], Answer], Answer]


def _asking(unknown: list[str]) -> Any:
    """Asks, or notes what could not be had: a denial by the action that is missing."""
    from botocore.exceptions import ClientError

    def asked(what: str, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        try:
            return ask()
        except ClientError as error:
            unknown.append(f"{what}: {code_of(error)} at {error.operation_name}")
        except Problem as problem:
            unknown.append(f"{what}: {problem}")
        return otherwise

    return asked


def _image(clients: Clients, container: str, image: str) -> ImageStatus:
    reference = images.parse(image)
    if reference is None:
        return ImageStatus(container, image, digest=image.partition("@")[2])
    found = images.find(clients, reference.repository, reference.wanted)
    if found is None:
        return ImageStatus(container, image, is_there=False)
    return ImageStatus(container, image, found.tags, found.digest, found.pushed, is_there=True)


def _tasks(clients: Clients, found: DeployedStack, arn: str) -> list[Tasks]:
    ecs, cluster = clients("ecs"), arn.split("/")[-2]
    [service] = ecs.describe_services(cluster=cluster, services=[arn])["services"] or [None]
    if service is None:
        return []
    target = (
        live.target(clients("application-autoscaling"), service) if any(found.of(TARGET)) else {}
    )
    primary: Mapping[str, Any] = next(
        (each for each in service.get("deployments", ()) if each.get("status") == "PRIMARY"), {}
    )
    return [
        Tasks(
            desired=service["desiredCount"],
            running=service["runningCount"],
            pending=service.get("pendingCount", 0),
            most=target.get("MaxCapacity"),
            rollout=primary.get("rolloutState", ""),
            reason=primary.get("rolloutStateReason", ""),
            began=primary.get("createdAt"),
        )
    ]


def _queue(clients: Clients, name: str, now: datetime) -> QueueStatus:
    sqs = clients("sqs")
    depth = live.depth(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    waiting = depth["waiting"] or 0
    oldest = live.oldest(clients("cloudwatch"), name, now) if waiting else None
    return QueueStatus(name, waiting, depth["in_flight"] or 0, oldest, depth["dead"])


def _alarms(clients: Clients, found: DeployedStack) -> Iterator[AlarmStatus]:
    names = {physical: each.logical_id for each, physical in found.of(ALARM)}
    if not names:
        return
    policies = {physical for _, physical in found.of(POLICY)}
    pages = clients("cloudwatch").get_paginator("describe_alarms")
    for page in pages.paginate(AlarmNames=list(names), AlarmTypes=["MetricAlarm"]):
        for each in page["MetricAlarms"]:
            yield AlarmStatus(
                name=names[each["AlarmName"]],
                state=each["StateValue"],
                scales=bool(policies & set(each.get("AlarmActions", ()))),
                since=each.get("StateTransitionedTimestamp") or each.get("StateUpdatedTimestamp"),
            )


def next_step(status: Status) -> str:
    """The first thing that wants doing; empty where nothing does."""
    looked_at = (_of_the_stack, _of_the_tasks, _of_the_messages, _of_the_files)
    return next((step for each in looked_at for step in each(status)), "")


def _of_the_stack(status: Status) -> Iterator[str]:
    if status.state == stack_states.ROLLED_BACK and _knows_the_files(status):
        return
    if status.state not in stack_states.CHANGED:
        yield stack_states.next_step(status.state, status.deployment)


def _knows_the_files(status: Status) -> bool:
    """Whether the files say more than the state: they are what runs, or it is said what failed."""
    return bool(status.is_current or (status.mending and status.mending.why))


def _of_the_tasks(status: Status) -> Iterator[str]:
    name = status.deployment
    for each in status.images:
        if each.is_there is False:
            yield f"{each.image.rpartition('/')[2]} is not in ECR: ./deploy.py ship {name}"
    for tasks in status.tasks:
        if tasks.rollout == "FAILED":
            yield f"The rollout failed ({tasks.reason}): ./deploy.py logs {name}"
        elif tasks.rollout == "IN_PROGRESS" and tasks.desired:
            yield f"A rollout goes on: ./deploy.py watch {name}"
    for moved in status.moved:
        tag = moved.tag.rpartition(":")[2]
        yield f":{tag} is another image by now: ./deploy.py ship {name} {tag}"


def _of_the_messages(status: Status) -> Iterator[str]:
    name, running = status.deployment, sum(each.running for each in status.tasks)
    for queue in status.queues:
        # A message that came a minute ago waits for the alarm, as it should.
        if queue.waiting and not running and (queue.oldest or 0) > LONGEST_WAIT:
            yield f"Messages wait and nothing runs: ./deploy.py verify {name}"
        if queue.dead:
            yield f"{queue.dead} dead letters: ./deploy.py logs {name} --since 1d"
    for alarm in status.alarms:
        if alarm.state == "ALARM" and not alarm.scales:
            yield f"{alarm.name} is in ALARM: ./deploy.py logs {name}"


def _of_the_files(status: Status) -> Iterator[str]:
    if status.mending and status.mending.why:
        yield f"{status.mending.why}: {status.mending.command}"
    elif status.is_current is False:
        yield f"out/ and params/ are not deployed: ./deploy.py review {status.deployment}"


def as_data(status: Status) -> dict[str, Any]:
    """For programs: times in ISO 8601, the rest as it is."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, Mapping):
            return {key: plain(each) for key, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list | tuple) else value

    found: dict[str, Any] = plain(asdict(status))
    return found
