"""E91xx: what this project's worker is meant to be."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from workerstack.checks.check import Violation, at, check
from workerstack.checks.worker import (
    GROUP,
    POLICY,
    SERVICE,
    TARGET,
    TASK,
    containers,
    file_systems,
    groups_of,
    is_open,
    listed,
    mapping,
    members,
    metrics,
    named_queue,
    network,
    number,
    queues_of,
    scaling_alarms,
    services_of,
)
from workerstack.cloudformation import Resource, Stack, Unknown, text

DESIGN = "docs/checks.md#acceptance-criteria"
NFS = 2049
INGRESS = "AWS::EC2::SecurityGroupIngress"
SMALLEST = {4: 8, 6: 32}
"""Networks of the internet as wide as this are everybody's (S3 guide, "The meaning of public")."""


@check("E9101", "No port mapping", kind="criterion", source=DESIGN,
       because="The worker only processes messages; it serves nothing.")  # fmt: skip
def no_port_mapping(stack: Stack) -> Iterator[Violation]:
    """No container maps a port, not even an empty list of them."""
    for container in containers(stack):
        if "PortMappings" in container.body:
            yield container.at("PortMappings").wrong(
                f"{container.name} maps ports", "the worker serves nothing", "Remove them"
            )


@check("E9102", "No health check", kind="criterion", source=DESIGN,
       because="Nothing listens that could answer one.")  # fmt: skip
def no_health_check(stack: Stack) -> Iterator[Violation]:
    """No container has a health check that no other waits for, and no service a grace period."""
    for task in stack.of(TASK):
        waited = {
            text(each.get("ContainerName"))
            for container in containers(stack)
            if container.task is task
            for _, each in container.members("DependsOn")
            if text(each.get("Condition")) == "HEALTHY"
        }
        for container in containers(stack):
            is_its = container.task is task and "HealthCheck" in container.body
            if is_its and container.name not in waited:
                yield container.at("HealthCheck").wrong(
                    f"{container.name} has a health check", "nothing answers it", "Remove it"
                )
    for service in stack.of(SERVICE):
        if "HealthCheckGracePeriodSeconds" in service.properties:
            yield at(service, "HealthCheckGracePeriodSeconds").wrong(
                f"{service.logical_id} has a grace period", "there is no health check", "Remove it"
            )


def is_world(cidr: Any) -> bool:
    """Whether a network is everybody's, or such a part of it that nobody chose it."""
    try:
        found = ipaddress.ip_network(text(cidr) or "", strict=False)
    except ValueError:
        return False
    return found.prefixlen <= SMALLEST[found.version] and (
        not found.is_private or found.prefixlen < SMALLEST[found.version]
    )


def _is_more_than_nfs(rule: dict[str, Any]) -> bool:
    """Whether an ingress rule surely lets in something else than NFS, or everybody."""
    if is_world(rule.get("CidrIp")) or is_world(rule.get("CidrIpv6")):
        return True
    protocol = text(rule.get("IpProtocol"))
    if protocol is not None and protocol.lower() not in ("tcp", "6"):
        return True
    ports = [rule.get("FromPort"), rule.get("ToPort")]
    return any(not isinstance(each, Unknown) and number(each) != NFS for each in ports)


@check("E9103", "Ingress is NFS only", kind="criterion", source=DESIGN,
       because="EFS is all that ever reaches the worker.")  # fmt: skip
def ingress_is_nfs_only(stack: Stack) -> Iterator[Violation]:
    """Only tcp 2049 into the worker's own groups, and from them into the file system's."""
    yield from _default_groups(stack)
    groups = _workers_groups(stack)
    for group in groups:
        for position, rule in members(group.get("SecurityGroupIngress")):
            if _is_more_than_nfs(rule):
                yield at(group, "SecurityGroupIngress", position).wrong(
                    f"{group.logical_id} lets in more than NFS", MEANT, "Remove the rule"
                )
    for beside in stack.of(INGRESS):
        into = stack.referred(beside.get("GroupId"), GROUP)
        if into in groups and _is_more_than_nfs(dict(beside.properties)):
            yield at(beside).wrong(
                f"{beside.logical_id} lets in more than NFS", MEANT, "Remove the rule"
            )
    yield from _shut_out(stack, groups)


def _default_groups(stack: Stack) -> Iterator[Violation]:
    for service in stack.of(SERVICE):
        given = network(service)
        if (
            given
            and not listed(given.get("SecurityGroups"))
            and not is_open(given.get("SecurityGroups"))
        ):
            yield at(service, "NetworkConfiguration", "AwsvpcConfiguration").wrong(
                f"{service.logical_id} has no security group",
                "it takes the VPC's default one, which lets in whatever else is in it, and which"
                " no file system lets in",
                "Name a group of the worker",
            )


def _shut_out(stack: Stack, groups: list[Resource]) -> Iterator[Violation]:
    """Workers that no rule of the stack lets into the file system that they mount."""
    for task in stack.of(TASK):
        for service in services_of(stack, task):
            own = groups_of(stack, service)
            if own and not any(_is_let_in(stack, each, groups) for each in own):
                for _, _, place in file_systems(task):
                    yield place.wrong(
                        "Nothing lets the worker into the file system",
                        "its mount targets refuse it",
                        "Add an ingress rule for tcp 2049 from the worker's group",
                    )


MEANT = "only tcp 2049, not from everywhere, is meant to come in"


def _workers_groups(stack: Stack) -> list[Resource]:
    found: dict[str, Resource] = {}
    for service in stack.of(SERVICE):
        for each in listed(network(service).get("SecurityGroups")):
            group = stack.referred(each, GROUP)
            if group is not None:
                found[group.logical_id] = group
    return list(found.values())


def _is_let_in(stack: Stack, group: Resource, workers: list[Resource]) -> bool:
    """Whether a rule of this stack lets a group into another one by NFS, or may."""
    rules = [
        dict(each.properties)
        for each in stack.of(INGRESS)
        if stack.referred(each.get("GroupId"), GROUP) not in workers
    ]
    rules += [
        rule
        for other in stack.of(GROUP)
        if other not in workers
        for _, rule in members(other.get("SecurityGroupIngress"))
    ]
    return any(_is_from(stack, each, group) and not _keeps_nfs_out(each) for each in rules)


def _is_from(stack: Stack, rule: dict[str, Any], group: Resource) -> bool:
    source = rule.get("SourceSecurityGroupId")
    if stack.referred(source, GROUP) is group or isinstance(source, Unknown):
        return True
    return "CidrIp" in rule or "CidrIpv6" in rule


def _keeps_nfs_out(rule: dict[str, Any]) -> bool:
    protocol = text(rule.get("IpProtocol"))
    if protocol is not None and protocol.lower() not in ("tcp", "6", "-1"):
        return True
    if protocol == "-1":
        return False
    first, last = number(rule.get("FromPort")), number(rule.get("ToPort"))
    return (first is not None and first > NFS) or (last is not None and 0 <= last < NFS)


@check("E9104", "No load balancer", kind="criterion", source=DESIGN,
       because="An absent list leaves a live service attached.")  # fmt: skip
def no_load_balancer(stack: Stack) -> Iterator[Violation]:
    """``LoadBalancers`` is the empty list, and the stack has nothing of the kind."""
    for service in stack.of(SERVICE):
        given = service.properties.get("LoadBalancers")
        if given != [] and not isinstance(given, Unknown):
            yield at(service, "LoadBalancers").wrong(
                f"{service.logical_id} is not detached from load balancers",
                "only an explicit empty list does that",
                "Write `LoadBalancers: []`",
            )
    for resource in stack.resources.values():
        if resource.type.startswith("AWS::ElasticLoadBalancing"):
            yield at(resource).wrong(
                f"{resource.logical_id} balances load", "there is none", "Remove it"
            )


@check("E9105", "No service discovery", kind="criterion", source=DESIGN,
       because="An absent list leaves a live service registered.")  # fmt: skip
def no_service_discovery(stack: Stack) -> Iterator[Violation]:
    """``ServiceRegistries`` is the empty list, and the stack has nothing of Cloud Map."""
    for service in stack.of(SERVICE):
        given = service.properties.get("ServiceRegistries")
        if given != [] and not isinstance(given, Unknown):
            yield at(service, "ServiceRegistries").wrong(
                f"{service.logical_id} is not taken out of service registries",
                "only an explicit empty list does that",
                "Write `ServiceRegistries: []`",
            )
        if mapping(service.get("ServiceConnectConfiguration")).get("Enabled") in (True, "true"):
            yield at(service, "ServiceConnectConfiguration").wrong(
                f"{service.logical_id} uses Service Connect", "nobody calls the worker", "Remove it"
            )
    for resource in stack.resources.values():
        if resource.type.startswith("AWS::ServiceDiscovery::"):
            yield at(resource).wrong(
                f"{resource.logical_id} is for discovery", "nobody calls the worker", "Remove it"
            )


@check("E9106", "Scaling on the queue only", kind="criterion", source=DESIGN,
       because="Nothing else says how much work there is.")  # fmt: skip
def scaling_on_the_queue_only(stack: Stack) -> Iterator[Violation]:
    """Step policies only, invoked by alarms on SQS metrics of the worker's own queue."""
    for policy in stack.of(POLICY):
        kind = text(policy.get("PolicyType", default="StepScaling"))
        if kind not in (None, "StepScaling"):
            yield at(policy, "PolicyType").wrong(
                f"{policy.logical_id} is no step policy",
                "only steps can scale from zero",
                "Make it one",
            )
    queues = [queue for task in stack.of(TASK) for queue in queues_of(stack, task)]
    for alarm in {id(alarm): alarm for alarm, _ in scaling_alarms(stack)}.values():
        for metric in metrics(alarm):
            if metric.namespace not in ("AWS/SQS", None):
                yield metric.at.wrong(
                    f"{alarm.logical_id} looks at {metric.namespace}",
                    "the queue alone tells how much work there is",
                    "Use a metric of AWS/SQS",
                )
                continue
            seen = named_queue(stack, metric.dimensions.get("QueueName"))
            if seen is not None and queues and all(
                seen.is_same(each) is False for each in queues
            ):  # fmt: skip
                yield metric.at.wrong(
                    f"{alarm.logical_id} looks at the queue {seen}",
                    f"the worker consumes {', '.join(map(str, queues))}",
                    "Give it that one's name",
                )
    for target in stack.of(TARGET):
        if target.get("ScheduledActions"):
            yield at(target, "ScheduledActions").wrong(
                f"{target.logical_id} scales by the clock",
                "the queue alone decides",
                "Remove the actions",
            )
