"""The acceptance criteria, checked on what runs; the rules check them on the template."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer import live

NFS = 2049

Faults = Iterator[str]


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion and the function that finds faults in what is live."""

    id: str
    text: str
    faults: Callable[[live.Worker], Faults]
    evidence: Callable[[live.Worker], str]


def _port_mappings(worker: live.Worker) -> Faults:
    for container in worker.task_definition["containerDefinitions"]:
        if container.get("portMappings"):
            yield f"{container['name']} maps {container['portMappings']}"


def _health_checks(worker: live.Worker) -> Faults:
    for container in worker.task_definition["containerDefinitions"]:
        if container.get("healthCheck"):
            yield f"{container['name']} has a health check"
    if worker.service.get("healthCheckGracePeriodSeconds"):
        yield f"grace period of {worker.service['healthCheckGracePeriodSeconds']} s"


def _ingress(worker: live.Worker) -> Faults:
    for group in worker.worker_groups:
        for rule in group["IpPermissions"]:
            ranges = [each["CidrIp"] for each in rule.get("IpRanges", ())]
            ranges += [each["CidrIpv6"] for each in rule.get("Ipv6Ranges", ())]
            if (rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort")) != (
                "tcp",
                NFS,
                NFS,
            ):
                yield f"{group['GroupId']} lets in {_ports(rule)}"
            if {"0.0.0.0/0", "::/0"} & set(ranges):
                yield f"{group['GroupId']} lets in the whole internet"
    ids = {group["GroupId"] for group in worker.worker_groups}
    for file_system, groups in worker.file_systems.items():
        if not any(_allows_nfs(group, ids) for group in groups):
            yield f"{file_system} does not let the worker's group in on {NFS}"


def _allows_nfs(group: Mapping[str, Any], ids: set[str]) -> bool:
    return any(
        rule.get("IpProtocol") == "tcp"
        and rule.get("FromPort") == NFS
        and ids & {pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", ())}
        for rule in group["IpPermissions"]
    )


def _lets_in(group: Mapping[str, Any]) -> str:
    ports = ", ".join(map(_ports, group["IpPermissions"])) or "nothing"
    return f"{group['GroupId']} lets in {ports}"


def _ports(rule: Mapping[str, Any]) -> str:
    first, last = rule.get("FromPort"), rule.get("ToPort")
    return f"{rule.get('IpProtocol')} {first}" + ("" if first == last else f" to {last}")


def _load_balancers(worker: live.Worker) -> Faults:
    if worker.service.get("loadBalancers"):
        yield f"the service is attached to {worker.service['loadBalancers']}"


def _registries(worker: live.Worker) -> Faults:
    if worker.service.get("serviceRegistries"):
        yield f"the service is registered in {worker.service['serviceRegistries']}"


def _scaling(worker: live.Worker) -> Faults:
    if not worker.policies:
        yield "no scaling policy"
    for policy in worker.policies:
        if policy["PolicyType"] != "StepScaling":
            yield f"{policy['PolicyName']} is a {policy['PolicyType']} policy"
        alarms = [each["AlarmName"] for each in policy.get("Alarms", ())]
        if not alarms:
            yield f"no alarm invokes {policy['PolicyName']}"
        for name in alarms:
            if name not in worker.alarms:
                yield f"the alarm {name} of {policy['PolicyName']} does not exist"
                continue
            for metric in live.metrics(worker.alarms[name]):
                if metric["Namespace"] != "AWS/SQS":
                    yield f"{name} looks at {metric['Namespace']} {metric['MetricName']}"
                queues = {each["Value"] for each in metric["Dimensions"]}
                if queues != {worker.queue_name}:
                    yield f"{name} looks at the queue {', '.join(queues)}"


CRITERIA = (
    Criterion(
        "E9101",
        "no port mapping",
        _port_mappings,
        lambda worker: f"{worker.task_definition['taskDefinitionArn'].rpartition('/')[2]} has none",
    ),
    Criterion(
        "E9102",
        "no health check",
        _health_checks,
        lambda _: "no container has one, and the service has no grace period",
    ),
    Criterion(
        "E9103",
        "ingress is NFS only",
        _ingress,
        lambda worker: "; ".join(map(_lets_in, worker.worker_groups)),
    ),
    Criterion("E9104", "no load balancer", _load_balancers, lambda _: "attached to none"),
    Criterion("E9105", "no service discovery", _registries, lambda _: "registered nowhere"),
    Criterion(
        "E9106",
        "scaling on the queue only",
        _scaling,
        lambda worker: f"{len(worker.policies)} step policies on {worker.queue_name}",
    ),
)
"""In the order of the design."""
