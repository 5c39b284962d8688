"""The service behind a scalable target, its task definition and its queue."""

import json

from simulator.model import Queue, Task
from simulator.resources import Resource, Resources

SERVICE = "AWS::ECS::Service"
QUEUE = "AWS::SQS::Queue"
STOP_TIMEOUT = 30
"""Seconds, where a container has no StopTimeout (ECS: ContainerDefinition)."""


def find_service(resources: Resources, target: Resource) -> Resource | None:
    """The service that a scalable target scales, if it is in the template."""
    last = str(target.get("ResourceId", "")).rpartition("/")[2]
    services = resources.of_type(SERVICE)
    for each in services:
        if each.refers_to(last) or each.get("ServiceName") == last:
            return each
    return None


def read_task(resources: Resources, service: Resource | None) -> Task | None:
    """One task of the service; None where the template has no task definition of it."""
    if service is None:
        return None
    definition = resources.referred(service.get("TaskDefinition"), "AWS::ECS::TaskDefinition")
    if definition is None or definition.get("Cpu") is None or definition.get("Memory") is None:
        return None
    containers = definition.mappings(definition.get("ContainerDefinitions"), "ContainerDefinitions")
    timeouts = [
        definition.number(each.get("StopTimeout", STOP_TIMEOUT), "StopTimeout") or 0
        for each in containers
    ]
    return Task(
        cpu=_units(definition, "Cpu", "vcpu"),
        memory=_units(definition, "Memory", "gb"),
        arm=definition.get("RuntimePlatform", {}).get("CpuArchitecture") == "ARM64",
        spot=_spot(service),
        public_ip=_public(service),
        stop_timeout=max(1, *timeouts) if timeouts else STOP_TIMEOUT,
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


def _spot(service: Resource) -> bool:
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


def read_queue(resources: Resources, name: str, service: Resource | None) -> Queue | None:
    """The queue of that name; None where the template only names it.

    Raises SimulationError where it is somebody's dead-letter queue, or where the containers
    are told of other queues of the template, but not of this one.
    """
    queues = resources.of_type(QUEUE)
    queue = next(
        (each for each in queues if each.refers_to(name) or each.get("QueueName") == name), None
    )
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
    )


def _check_environment(
    resources: Resources, queue: Resource | None, queues: list[Resource], service: Resource | None
) -> None:
    definition = service and resources.referred(
        service.get("TaskDefinition"), "AWS::ECS::TaskDefinition"
    )
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
