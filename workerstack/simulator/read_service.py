"""The service behind a scalable target: its policies, its task definition and its queue."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any, get_args

from workerstack.cloudformation import Stack, Text, equal, references, text
from workerstack.simulator.model import (
    AdjustmentType,
    Aggregation,
    Queue,
    ScalingPolicy,
    SimulatedStep,
    TaskSize,
)
from workerstack.simulator.properties import Properties, of_type, shown

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
TRACKING = "TargetTrackingScalingPolicyConfiguration"


def read_policies(target: Properties) -> tuple[list[ScalingPolicy], list[Properties], list[str]]:
    """The step policies, those that track a metric of one's own, and notes on all others."""
    policies, tracking, notes = [], [], []
    for each in of_type(target.stack, POLICY):
        if not _of(each, target):
            continue
        kind = each.certain().known(each.get("PolicyType", "StepScaling"), "PolicyType")
        if kind == "StepScaling":
            policies.append(_policy(each))
        elif each.inner(TRACKING).get("CustomizedMetricSpecification") is not None:
            tracking.append(each)
        else:
            notes.append(f"{each.name} is a {kind} policy, which is not simulated")
    return policies, tracking, notes


def _of(policy: Properties, target: Properties) -> bool:
    """Whether the policy belongs to the target: by reference, or by the same resource id."""
    reference = policy.get("ScalingTargetId")
    if reference is not None:
        found = policy.referred(reference, TARGET)
        return found is not None and found.name == target.name
    if equal(policy.get("ResourceId"), target.get("ResourceId")):
        return True
    service = find_service(policy)
    return service is not None and service == find_service(target)


def _policy(resource: Properties) -> ScalingPolicy:
    name = "StepScalingPolicyConfiguration"
    body = resource.inner(name)
    kind: Any = resource.known(body.get("AdjustmentType"), "AdjustmentType")
    if kind not in get_args(AdjustmentType):
        raise resource.error(
            f"{resource.name} is malformed",
            f"AdjustmentType is {kind!r}",
            f"It is one of {', '.join(get_args(AdjustmentType))}",
            name,
        )
    given = body.get("MetricAggregationType")
    aggregation: Any = resource.known(given, "MetricAggregationType") or "Average"
    if aggregation not in get_args(Aggregation):
        raise resource.error(
            f"{resource.name} is malformed",
            f"MetricAggregationType is {aggregation!r}",
            f"It is one of {', '.join(get_args(Aggregation))}",
            name,
        )
    cooldown = resource.number(body.get("Cooldown", 300), "Cooldown")
    return ScalingPolicy(
        name=resource.name,
        adjustment_type=kind,
        steps=_steps(resource, body.get("StepAdjustments")),
        cooldown=300 if cooldown is None else cooldown,
        aggregation=aggregation,
        min_adjustment_magnitude=resource.number(
            body.get("MinAdjustmentMagnitude", 0), "MinAdjustmentMagnitude"
        )
        or 0,
        line=resource.line,
    )


def _steps(resource: Properties, written: Any) -> tuple[SimulatedStep, ...]:
    steps = []
    for each in resource.mappings(written, "StepAdjustments"):
        adjustment = resource.number(each.get("ScalingAdjustment"), "ScalingAdjustment")
        steps.append(
            SimulatedStep(
                resource.real(each.get("MetricIntervalLowerBound"), "MetricIntervalLowerBound"),
                resource.real(each.get("MetricIntervalUpperBound"), "MetricIntervalUpperBound"),
                adjustment or 0,
            )
        )
    if not steps:
        raise resource.error(f"{resource.name} has no steps", "AWS refuses that", "Add one")
    steps.sort(key=lambda step: -inf if step.lower is None else step.lower)
    for step in steps:
        if _low(step) >= _high(step) or (step.lower is None and step.upper is None):
            raise _wrong(resource, "a step has no range")
    for one, next_one in pairwise(steps):
        if _high(one) != _low(next_one):
            raise _wrong(resource, "the ranges overlap or leave a gap")
    if _low(steps[0]) not in (-inf, 0) and _low(steps[0]) < 0:
        raise _wrong(resource, "a negative lower bound wants a step without lower bound")
    if _high(steps[-1]) != inf and _high(steps[-1]) > 0:
        raise _wrong(resource, "a positive upper bound wants a step without upper bound")
    return tuple(steps)


def _low(step: SimulatedStep) -> float:
    return -inf if step.lower is None else step.lower


def _high(step: SimulatedStep) -> float:
    return inf if step.upper is None else step.upper


def _wrong(resource: Properties, why: str) -> Exception:
    return resource.error(
        f"The steps of {resource.name} are impossible", why, "AWS refuses them, too: correct them"
    )


SERVICE = "AWS::ECS::Service"


QUEUE = "AWS::SQS::Queue"


STOP_TIMEOUT = 30
"""Seconds, where a container has no StopTimeout (ECS: ContainerDefinition)."""


LONGEST_STOP = 120
"""Seconds that Fargate waits at most (ECS: ContainerDefinition)."""


@dataclass(frozen=True)
class Watched:
    """The queue that alarms look at; ``queue`` is None where the stack only names it.

    ``written`` is what stands in the alarm: a name, or ``${Queue}`` for a reference.
    """

    written: str
    queue: Properties | None = None

    @property
    def name(self) -> str:
        """Its logical id, else its name."""
        return self.written if self.queue is None else self.queue.name


def find_service(scaled: Properties) -> Properties | None:
    """The service that a scalable target or a policy scales, if it is in the stack."""
    last = _after_slash(scaled.get("ResourceId"))
    if last is None:
        return None
    referred = scaled.referred(last, SERVICE)
    return referred or _named(scaled.stack, SERVICE, "ServiceName", last)


def _after_slash(value: Any) -> Any:
    """What stands after the last slash of a text; a value that is no text as it is."""
    if isinstance(value, str):
        return value.rpartition("/")[2]
    if not isinstance(value, Text):
        return value
    kept: list[Any] = []
    for piece in reversed(value.pieces):
        if isinstance(piece, str) and "/" in piece:
            kept += [last] if (last := piece.rpartition("/")[2]) else []
            break
        kept.append(piece)
    return kept[0] if len(kept) == 1 else Text(tuple(reversed(kept)))


def _named(stack: Stack, kind: str, name: str, value: Any) -> Properties | None:
    """The resource of a type whose property ``name`` has this value."""
    for each in of_type(stack, kind):
        given = each.get(name)
        if given is not None and equal(given, value):
            return each.certain()
    return None


def find_definition(service: Properties | None) -> Properties | None:
    """The task definition of a service, if it is in the stack."""
    if service is None:
        return None
    return service.referred(service.get("TaskDefinition"), "AWS::ECS::TaskDefinition")


def containers_of(definition: Properties) -> list[dict[str, Any]]:
    """The containers of a task definition."""
    name = "ContainerDefinitions"
    return definition.mappings(definition.get(name), name)


def stop_timeout_of(definition: Properties) -> int:
    """Seconds that the last container gets between SIGTERM and SIGKILL, as it is written."""
    timeouts = [
        definition.number(each.get("StopTimeout", STOP_TIMEOUT), "StopTimeout") or 0
        for each in containers_of(definition)
    ]
    return max(1, *timeouts) if timeouts else STOP_TIMEOUT


def on_fargate(definition: Properties, service: Properties) -> bool:
    """Whether the tasks run on Fargate: by the service, else by the task definition.

    Where neither says it, or what they say is not known, Fargate is assumed.
    """
    if strategy := _strategy(service):
        names = [text(each.get("CapacityProvider")) for each in strategy]
        return all(name is None or name.startswith("FARGATE") for name in names)
    launch = text(service.get("LaunchType"))
    if launch is not None:
        return launch == "FARGATE"
    name = "RequiresCompatibilities"
    asked = [text(each) for each in definition.members(definition.get(name), name)]
    return not asked or None in asked or "FARGATE" in asked


def _strategy(service: Properties) -> list[dict[str, Any]]:
    name = "CapacityProviderStrategy"
    return service.mappings(service.get(name), name)


def read_task(service: Properties | None) -> TaskSize | None:
    """One task of the service; None where the stack has no task definition of it."""
    definition = find_definition(service)
    if (
        service is None
        or definition is None
        or definition.get("Cpu") is None
        or definition.get("Memory") is None
    ):
        return None
    stop_timeout = stop_timeout_of(definition)
    return TaskSize(
        cpu=_units(definition, "Cpu", "vcpu"),
        memory=_units(definition, "Memory", "gb"),
        arm=text(definition.inner("RuntimePlatform").get("CpuArchitecture")) == "ARM64",
        spot=mostly_spot(service),
        public_ip=_public(service),
        stop_timeout=min(stop_timeout, LONGEST_STOP)
        if on_fargate(definition, service)
        else stop_timeout,
        storage=definition.number(
            definition.inner("EphemeralStorage").get("SizeInGiB", 20), "SizeInGiB"
        )
        or 20,
    )


def _units(definition: Properties, name: str, unit: str) -> int:
    """CPU units or MiB: ``1024``, ``1 vCPU``, ``2 GB``."""
    written = (definition.known(definition.get(name), name) or "").lower().strip()
    if written.endswith(unit):
        value = definition.real(written.removesuffix(unit).strip(), name) or 0
        return round(value * 1024)
    return definition.number(written, name) or 0


def mostly_spot(service: Properties) -> bool:
    """Whether most of the tasks are Spot."""
    weights = {"FARGATE_SPOT": 0, "FARGATE": 0}
    for each in _strategy(service):
        provider = text(each.get("CapacityProvider")) or ""
        weights[provider] = service.number(each.get("Weight", 1), "Weight") or 0
    return weights["FARGATE_SPOT"] > weights["FARGATE"]


def _public(service: Properties) -> bool:
    name = "AwsvpcConfiguration"
    network = service.mapping(service.inner("NetworkConfiguration").get(name), name)
    return text(network.get("AssignPublicIp")) == "ENABLED"


def find_watched(alarm: Properties, value: Any) -> Watched:
    """The queue that the dimension of an alarm names, by reference or by its name."""
    queue = _named(alarm.stack, QUEUE, "QueueName", value)
    if queue is None and not isinstance(value, str | Text):
        queue = alarm.referred(value, QUEUE)
    if queue is not None and text(value) is None:
        return Watched(f"${{{queue.name}}}", queue)
    return Watched(shown(value), queue)


def read_queue(watched: Watched, service: Properties | None) -> Queue | None:
    """That queue; None where the stack only names it.

    Raises Problem where it is somebody's dead-letter queue, or where the containers are told of
    other queues of the stack, but not of this one.
    """
    queue = watched.queue
    if queue is None:
        return None
    queues = of_type(queue.stack, QUEUE)
    for each in queues:
        letters = each.referred(each.inner("RedrivePolicy").get("deadLetterTargetArn"), QUEUE)
        if letters == queue:
            raise queue.error(
                f"The alarms look at {queue.name}",
                f"that is the dead-letter queue of {each.name}",
                "Let them look at the queue that the tasks process",
            )
    _check_environment(queue, queues, service)
    redrive = queue.inner("RedrivePolicy")
    return Queue(
        visibility_timeout=queue.integer("VisibilityTimeout", 30),
        retention=queue.integer("MessageRetentionPeriod", 345_600),
        max_receive_count=queue.number(redrive.get("maxReceiveCount"), "maxReceiveCount"),
        delay=queue.integer("DelaySeconds", 0),
    )


def find_own_queue(target: Properties, service: Properties | None) -> Watched:
    """The queue that the containers are told of, else the only one of the stack.

    For alarms on metrics that name no queue. Dead-letter queues do not count.
    """
    queues = of_type(target.stack, QUEUE)
    letters = [
        each.referred(each.inner("RedrivePolicy").get("deadLetterTargetArn"), QUEUE)
        for each in queues
    ]
    own = [each for each in queues if each not in letters]
    told = [each for each in own if each.name in _told(service)]
    for found in (told, own):
        if len(found) == 1:
            return Watched(f"${{{found[0].name}}}", found[0].certain())
    return Watched("the queue")


def _told(service: Properties | None) -> set[str]:
    """The logical ids that stand in the environment of the service's containers."""
    definition = find_definition(service)
    if definition is None:
        return set()
    return {
        each.logical_id
        for container in containers_of(definition)
        for each in references(container.get("Environment"))
    }


def _check_environment(
    queue: Properties, queues: Iterable[Properties], service: Properties | None
) -> None:
    told = _told(service)
    named = [each.name for each in queues if each.name in told]
    if service is not None and named and queue.name not in named:
        raise queue.error(
            f"The alarms look at {queue.name}",
            f"the containers of {service.name} are told of {', '.join(named)}",
            "Let the alarms look at the queue that the tasks process",
        )
