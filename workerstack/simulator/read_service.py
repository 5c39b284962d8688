"""The service behind a scalable target: its policies, its task definition and its queue."""

import json
from itertools import pairwise
from math import inf
from typing import Any, get_args

from workerstack.simulator.model import (
    AdjustmentType,
    Aggregation,
    Policy,
    Queue,
    Step,
    Task,
)
from workerstack.simulator.template import Resource, Resources


def read_policies(resources: Resources, target: Resource) -> tuple[list[Policy], list[str]]:
    """The step policies, and notes on those that are not simulated. SimulationError if none is."""
    policies, notes, others = [], [], []
    for each in resources.of_type("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if not _of(each, target):
            continue
        kind = each.get("PolicyType", "StepScaling")
        if kind == "StepScaling":
            policies.append(_policy(each))
        else:
            others.append(kind)
            notes.append(f"{each.name} is a {kind} policy, which is not simulated")
    if not policies:
        why = f"it has only {', '.join(others)}" if others else "it has no policy in this template"
        raise target.error(
            f"{target.name} has no step scaling policy",
            why,
            "Only step scaling is simulated: give a template with a StepScaling policy",
        )
    return policies, notes


def _of(policy: Resource, target: Resource) -> bool:
    """Whether the policy belongs to the target: by reference, or by the same resource id."""
    reference = policy.get("ScalingTargetId")
    if reference is not None:
        return target.refers_to(reference)
    return str(policy.get("ResourceId")) == str(target.get("ResourceId"))


def _policy(resource: Resource) -> Policy:
    body: dict[str, Any] = resource.get("StepScalingPolicyConfiguration", {})
    kind: Any = body.get("AdjustmentType")
    if kind not in get_args(AdjustmentType):
        raise resource.error(
            f"{resource.name} is malformed",
            f"AdjustmentType is {kind!r}",
            f"It is one of {', '.join(get_args(AdjustmentType))}",
        )
    aggregation: Any = body.get("MetricAggregationType") or "Average"
    if aggregation not in get_args(Aggregation):
        raise resource.error(
            f"{resource.name} is malformed",
            f"MetricAggregationType is {aggregation!r}",
            f"It is one of {', '.join(get_args(Aggregation))}",
        )
    cooldown = resource.number(body.get("Cooldown", 300), "Cooldown")
    return Policy(
        name=resource.name,
        adjustment_type=kind,
        steps=_steps(resource, body.get("StepAdjustments") or []),
        cooldown=300 if cooldown is None else cooldown,
        aggregation=aggregation,
        min_adjustment_magnitude=resource.number(
            body.get("MinAdjustmentMagnitude", 0), "MinAdjustmentMagnitude"
        )
        or 0,
        line=resource.line,
    )


def _steps(resource: Resource, written: Any) -> tuple[Step, ...]:
    steps = []
    for each in resource.mappings(written, "StepAdjustments"):
        adjustment = resource.number(each.get("ScalingAdjustment"), "ScalingAdjustment")
        steps.append(
            Step(
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


def _low(step: Step) -> float:
    return -inf if step.lower is None else step.lower


def _high(step: Step) -> float:
    return inf if step.upper is None else step.upper


def _wrong(resource: Resource, why: str) -> Exception:
    return resource.error(
        f"The steps of {resource.name} are impossible", why, "AWS refuses them, too: correct them"
    )


SERVICE = "AWS::ECS::Service"


QUEUE = "AWS::SQS::Queue"


STOP_TIMEOUT = 30
"""Seconds, where a container has no StopTimeout (ECS: ContainerDefinition)."""


LONGEST_STOP = 120
"""Seconds that Fargate waits at most (ECS: ContainerDefinition)."""


def find_service(resources: Resources, target: Resource) -> Resource | None:
    """The service that a scalable target scales, if it is in the template."""
    last = str(target.get("ResourceId", "")).rpartition("/")[2]
    services = resources.of_type(SERVICE)
    for each in services:
        if each.refers_to(last) or each.get("ServiceName") == last:
            return each
    return None


def find_definition(resources: Resources, service: Resource | None) -> Resource | None:
    """The task definition of a service, if it is in the template."""
    reference = service.get("TaskDefinition") if service else None
    return resources.referred(reference, "AWS::ECS::TaskDefinition")


def stop_timeout_of(definition: Resource) -> int:
    """Seconds that the last container gets between SIGTERM and SIGKILL, as it is written."""
    name = "ContainerDefinitions"
    timeouts = [
        definition.number(each.get("StopTimeout", STOP_TIMEOUT), "StopTimeout") or 0
        for each in definition.mappings(definition.get(name), name)
    ]
    return max(1, *timeouts) if timeouts else STOP_TIMEOUT


def on_fargate(definition: Resource, service: Resource) -> bool:
    """Whether the tasks run on Fargate: by the service, else by the task definition.

    Where neither says it, Fargate is assumed.
    """
    name = "CapacityProviderStrategy"
    strategy = service.mappings(service.get(name), name)
    if strategy:
        return all(str(each.get("CapacityProvider")).startswith("FARGATE") for each in strategy)
    launch = service.get("LaunchType")
    if launch is not None:
        return str(launch) == "FARGATE"
    asked = definition.get("RequiresCompatibilities", [])
    return not asked or "FARGATE" in asked


def read_task(resources: Resources, service: Resource | None) -> Task | None:
    """One task of the service; None where the template has no task definition of it."""
    definition = find_definition(resources, service)
    if (
        service is None
        or definition is None
        or definition.get("Cpu") is None
        or definition.get("Memory") is None
    ):
        return None
    stop_timeout = stop_timeout_of(definition)
    return Task(
        cpu=_units(definition, "Cpu", "vcpu"),
        memory=_units(definition, "Memory", "gb"),
        arm=definition.get("RuntimePlatform", {}).get("CpuArchitecture") == "ARM64",
        spot=mostly_spot(service),
        public_ip=_public(service),
        stop_timeout=min(stop_timeout, LONGEST_STOP)
        if on_fargate(definition, service)
        else stop_timeout,
        storage=definition.number(
            definition.get("EphemeralStorage", {}).get("SizeInGiB", 20), "SizeInGiB"
        )
        or 20,
    )


def _units(definition: Resource, name: str, unit: str) -> int:
    """CPU units or MiB: ``1024``, ``1 vCPU``, ``2 GB``."""
    text = str(definition.get(name)).lower().strip()
    if text.endswith(unit):
        value = definition.real(text.removesuffix(unit).strip(), name) or 0
        return round(value * 1024)
    return definition.number(text, name) or 0


def mostly_spot(service: Resource) -> bool:
    """Whether most of the tasks are Spot."""
    name = "CapacityProviderStrategy"
    strategy = service.mappings(service.get(name), name)
    weights = {"FARGATE_SPOT": 0, "FARGATE": 0}
    for each in strategy:
        provider = str(each.get("CapacityProvider"))
        weights[provider] = service.number(each.get("Weight", 1), "Weight") or 0
    return weights["FARGATE_SPOT"] > weights["FARGATE"]


def _public(service: Resource) -> bool:
    name = "AwsvpcConfiguration"
    network = service.mapping(service.get("NetworkConfiguration", {}).get(name), name)
    return str(network.get("AssignPublicIp")) == "ENABLED"


def find_queue(resources: Resources, name: str) -> Resource | None:
    """The queue that an alarm's dimension names, if it is in the template."""
    return next(
        (
            each
            for each in resources.of_type(QUEUE)
            if each.refers_to(name) or each.get("QueueName") == name
        ),
        None,
    )


def read_queue(resources: Resources, name: str, service: Resource | None) -> Queue | None:
    """The queue of that name; None where the template only names it.

    Raises SimulationError where it is somebody's dead-letter queue, or where the containers
    are told of other queues of the template, but not of this one.
    """
    queues = resources.of_type(QUEUE)
    queue = find_queue(resources, name)
    for each in queues:
        redrive = each.get("RedrivePolicy", {})
        if queue and queue.refers_to(redrive.get("deadLetterTargetArn")):
            raise queue.error(
                f"The alarms look at {queue.name}",
                f"that is the dead-letter queue of {each.name}",
                "Let them look at the queue that the tasks process",
            )
    _check_environment(resources, queue, queues, service)
    if queue is None:
        return None
    redrive = queue.get("RedrivePolicy", {})
    return Queue(
        visibility_timeout=queue.integer("VisibilityTimeout", 30),
        retention=queue.integer("MessageRetentionPeriod", 345_600),
        max_receive_count=queue.number(redrive.get("maxReceiveCount"), "maxReceiveCount"),
        delay=queue.integer("DelaySeconds", 0),
    )


def _check_environment(
    resources: Resources, queue: Resource | None, queues: list[Resource], service: Resource | None
) -> None:
    definition = find_definition(resources, service)
    if not definition or not service:
        return
    name = "ContainerDefinitions"
    containers = definition.mappings(definition.get(name), name)
    told = json.dumps([each.get("Environment", []) for each in containers], default=str)
    named = [each for each in queues if f"${{{each.name}}}" in told or f"${{{each.name}." in told]
    if named and queue is not None and queue not in named:
        raise queue.error(
            f"The alarms look at {queue.name}",
            f"the containers of {service.name} are told of {', '.join(n.name for n in named)}",
            "Let the alarms look at the queue that the tasks process",
        )
