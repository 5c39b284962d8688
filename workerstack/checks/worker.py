"""The parts of a worker as they are found in a stack, however they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workerstack.checks.check import At, at
from workerstack.cloudformation import (
    Resource,
    Stack,
    Text,
    Unknown,
    could_be_equal,
    equal,
    is_known,
    steps,
    text,
)
from workerstack.cloudformation.values import concatenated, pieces

TASK = "AWS::ECS::TaskDefinition"
SERVICE = "AWS::ECS::Service"
CLUSTER = "AWS::ECS::Cluster"
QUEUE = "AWS::SQS::Queue"
GROUP = "AWS::EC2::SecurityGroup"
ALARM = "AWS::CloudWatch::Alarm"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
EFS = "EFSVolumeConfiguration"
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one: templates may hold anything."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """A list, also where a single value is written without one; nothing of nothing."""
    if isinstance(value, list):
        return value
    return [] if value is None or isinstance(value, Unknown) else [value]


def number(value: Any) -> float | None:
    """The value as a number, also when it is written as text; None where it is none."""
    whole = None if isinstance(value, bool) else text(value)
    try:
        return None if whole is None else float(whole)
    except ValueError:
        return None


def truth(value: Any) -> bool | None:
    """The value as a boolean, also when it is written as text; None where it is none."""
    return {"true": True, "false": False}.get((text(value) or "").lower())


def kilo(value: Any, unit: str) -> float | None:
    """CPU units or MiB: ``1024``, ``1 vCPU``, ``2 GB`` (ECS: task definition parameters)."""
    whole = (text(value) or "").strip().lower()
    if whole.endswith(unit):
        part = number(whole.removesuffix(unit).strip())
        return None if part is None else part * 1024
    return number(value)


@dataclass(frozen=True)
class Container:
    """One container definition of a task definition."""

    task: Resource
    position: int
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name, or which one it is."""
        return text(self.body.get("Name")) or f"Container {self.position + 1}"

    @property
    def is_essential(self) -> bool | None:
        """Whether the task ends with it, which is the default; None where it is not known."""
        return truth(self.body.get("Essential", True))

    def at(self, *path: str | int) -> At:
        """A place in it."""
        return at(self.task, "ContainerDefinitions", self.position, *path)

    def get(self, *path: str) -> Any:
        """A value deep in it; None where a step of the way is not there."""
        found: Any = self.body
        for part in path:
            found = mapping(found).get(part)
        return found

    def members(self, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The mappings of one of its lists, with their positions."""
        return members(self.body.get(name))


def members(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of a list, with their positions."""
    return ((n, each) for n, each in enumerate(listed(value)) if isinstance(each, dict))


def containers_of(task: Resource) -> Iterator[Container]:
    """Each container of a task definition."""
    for position, body in members(task.get("ContainerDefinitions")):
        yield Container(task, position, body)


def containers(stack: Stack) -> Iterator[Container]:
    """Each container of each task definition."""
    for task in stack.of(TASK):
        yield from containers_of(task)


def file_systems(task: Resource) -> Iterator[tuple[str | None, dict[str, Any], At]]:
    """Each EFS volume of a task definition: its name, its configuration, its place."""
    for position, volume in members(task.get("Volumes")):
        if isinstance(volume.get(EFS), dict):
            yield text(volume.get("Name")), volume[EFS], at(task, "Volumes", position, EFS)


def mounts(task: Resource, volume: str | None) -> Iterator[dict[str, Any]]:
    """The mount points of a volume."""
    for container in containers_of(task):
        for _, mount in container.members("MountPoints"):
            if volume is not None and text(mount.get("SourceVolume")) == volume:
                yield mount


def services_of(stack: Stack, task: Resource) -> Iterator[Resource]:
    """The services that run a task definition."""
    for service in stack.of(SERVICE):
        if stack.referred(service.get("TaskDefinition"), TASK) is task:
            yield service


def network(service: Resource) -> dict[str, Any]:
    """The awsvpc configuration of a service."""
    return mapping(service.get("NetworkConfiguration", "AwsvpcConfiguration"))


def groups_of(stack: Stack, service: Resource) -> list[Resource] | None:
    """The security groups of a service; None where one is not of this stack."""
    given = network(service).get("SecurityGroups")
    found = [stack.referred(each, GROUP) for each in listed(given)]
    if not isinstance(given, list) or any(each is None for each in found):
        return None
    return [each for each in found if each is not None]


# ---- queues


@dataclass(frozen=True)
class Named:
    """A queue as a value names it: one of this stack, or a name that may not be known."""

    queue: Resource | None
    name: Any

    def __str__(self) -> str:
        """For people."""
        return self.queue.logical_id if self.queue else text(self.name) or "a queue"

    def is_same(self, other: "Named") -> bool | None:
        """Whether the other is the same queue; None where that is open."""
        if self.queue and other.queue:
            return self.queue is other.queue
        if self.queue or other.queue:
            mine, name = (self.queue, other.name) if self.queue else (other.queue, self.name)
            given = mine.get("QueueName") if mine else None
            if given is None:  # CloudFormation makes a name that nobody writes down
                return False if text(name) is not None else None
            return could_be_equal(given, name)
        return could_be_equal(self.name, other.name)


def named_queue(stack: Stack, value: Any) -> Named | None:
    """The queue that a URL, an ARN or a name stands for; None where nothing of it is known."""
    queue = stack.referred(value, QUEUE)
    if queue is not None:
        return Named(queue, None)
    name = _after_last(value)
    for each in stack.of(QUEUE):
        given = text(each.get("QueueName"))
        if given is not None and given == text(name):
            return Named(each, None)
    return None if isinstance(name, Unknown) and name.kind == "malformed" else Named(None, name)


def _after_last(value: Any) -> Any:
    """The name at the end of a URL or ARN."""
    found: list[Any] = []
    for piece in reversed(pieces(value)):
        if isinstance(piece, str) and re.search(r"[/:]", piece):
            found.append(re.split(r"[/:]", piece)[-1])
            break
        found.append(piece)
    return concatenated(reversed(found))


URL = re.compile(r"https://(sqs\.|[a-z0-9-]+\.queue\.|queue\.)")


def queues_of(stack: Stack, task: Resource) -> list[Named]:
    """The queues whose URLs, ARNs or names a task's containers are told."""
    found: list[Named] = []
    for container in containers_of(task):
        for _, variable in container.members("Environment"):
            value = variable.get("Value")
            name = (text(variable.get("Name")) or "").upper()
            is_url = isinstance(first := pieces(value)[0], str) and URL.match(first)
            if is_url or stack.referred(value, QUEUE) or (
                re.search(r"(^|_)(QUEUE|SQS)(_URL|_ARN|_NAME)?$", name)
                and (text(value) is None or re.search(r"[/:]", text(value) or ""))
            ):  # fmt: skip
                queue = named_queue(stack, value)
                dead = bool(queue and queue.queue) and any(
                    queue is not None and queue.queue is target
                    for target in dead_letter_queues(stack)
                )
                if queue is not None and not dead:
                    found.append(queue)
    return found


def dead_letter_target(stack: Stack, queue: Resource) -> Resource | None:
    """The queue of this stack to which a queue's failing messages go."""
    return stack.referred(redrive(queue).get("deadLetterTargetArn"), QUEUE)


def redrive(queue: Resource) -> dict[str, Any]:
    """A queue's redrive policy."""
    return mapping(queue.get("RedrivePolicy"))


def dead_letter_queues(stack: Stack) -> list[Resource]:
    """The queues of this stack that are others' dead-letter queues."""
    found = (dead_letter_target(stack, each) for each in stack.of(QUEUE))
    return [each for each in found if each is not None]


# ---- scaling


def alarm_actions(stack: Stack) -> Iterator[tuple[Resource, str, Resource]]:
    """Each alarm, which of its actions, and the scaling policy that this invokes."""
    for alarm in stack.of(ALARM):
        for name in ACTIONS:
            for action in listed(alarm.get(name)):
                policy = stack.referred(action, POLICY)
                if policy is not None:
                    yield alarm, name, policy


def scaling_alarms(stack: Stack) -> Iterator[tuple[Resource, Resource]]:
    """Each alarm with each policy that it invokes, in whatever state."""
    seen = set()
    for alarm, _, policy in alarm_actions(stack):
        if (alarm.logical_id, policy.logical_id) not in seen:
            seen.add((alarm.logical_id, policy.logical_id))
            yield alarm, policy


@dataclass(frozen=True)
class AlarmMetric:
    """One metric of an alarm, with the place where it stands."""

    body: dict[str, Any]
    statistic: Any
    period: Any
    id: str
    unit: Any
    at: At

    @property
    def namespace(self) -> str | None:
        """The service that sends it; None where it is not known."""
        return text(self.body.get("Namespace"))

    @property
    def name(self) -> str | None:
        """Its name; None where it is not known."""
        return text(self.body.get("MetricName"))

    @property
    def dimensions(self) -> dict[str, Any]:
        """Values by name."""
        return {
            text(each.get("Name")) or "": each.get("Value")
            for _, each in members(self.body.get("Dimensions"))
        }


def metrics(alarm: Resource) -> Iterator[AlarmMetric]:
    """The metrics that an alarm looks at."""
    if "MetricName" in alarm.properties:
        given = alarm.properties
        yield AlarmMetric(
            dict(given),
            given.get("Statistic", given.get("ExtendedStatistic")),
            given.get("Period"),
            "",
            given.get("Unit"),
            at(alarm, "MetricName"),
        )
    for position, query in members(alarm.get("Metrics")):
        statistic = query.get("MetricStat")
        if isinstance(statistic, dict):
            yield AlarmMetric(
                mapping(statistic.get("Metric")),
                statistic.get("Stat"),
                statistic.get("Period"),
                text(query.get("Id")) or "",
                statistic.get("Unit"),
                at(alarm, "Metrics", position, "MetricStat", "Metric"),
            )


def is_upward(alarm: Resource) -> bool:
    """Whether an alarm fires above its threshold."""
    return steps.is_upward(text(alarm.get("ComparisonOperator")) or "")


def configuration(policy: Resource) -> dict[str, Any]:
    """The step configuration of a policy."""
    return mapping(policy.get("StepScalingPolicyConfiguration"))


def target_of(stack: Stack, policy: Resource) -> Resource | None:
    """The scalable target of a policy, named by reference or by its service; None: not here."""
    given = policy.get("ScalingTargetId")
    if given is not None:
        return stack.referred(given, TARGET) or next(
            (each for each in stack.of(TARGET)
             if text(given) is not None
             and text(stack.reference(each.logical_id)) == text(given)),
            None,
        )  # fmt: skip
    for each in stack.of(TARGET):
        if could_be_equal(each.get("ResourceId"), policy.get("ResourceId")):
            return each
        ours, theirs = service_of(stack, each), service_of(stack, policy)
        if ours is not None and ours is theirs:
            return each
    return None


def service_of(stack: Stack, scaling: Resource) -> Resource | None:
    """The service that a scalable target, or a policy, names by its ResourceId."""
    given = scaling.get("ResourceId")
    found = stack.referred(given, SERVICE)
    if found is not None:
        return found
    last = _after_last(given)
    for each in stack.of(SERVICE):
        name = each.get("ServiceName")
        if name is not None and equal(last, name):
            return each
    return None


def definition_of(stack: Stack, policy: Resource) -> Resource | None:
    """The task definition whose tasks a scaling policy adds and removes; None: not here."""
    target = target_of(stack, policy)
    service = service_of(stack, target or policy)
    return None if service is None else stack.referred(service.get("TaskDefinition"), TASK)


def protects(task: Resource | None) -> bool:
    """Whether a task definition declares that busy tasks are protected from scale-in."""
    declared = mapping(task.metadata.get("Worker")) if task else {}
    return text(declared.get("Protection")) in ("worker", "sidecar")


def is_open(value: Any) -> bool:
    """Whether a value itself, or a member of a list, is not known, so that it may be anything."""
    if isinstance(value, list):
        return any(isinstance(each, Unknown) for each in value)
    return isinstance(value, Unknown | Text) and not is_known(value)
