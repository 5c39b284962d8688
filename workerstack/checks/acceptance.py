"""E91xx: what the worker must be. `deploy.py verify` checks the same on what runs."""

from workerstack.checks.resolved import Resolved, mapping, number, sequence
from workerstack.checks.rule import Faults, rule
from workerstack.checks.worker import containers, file_systems, queue_name, scaling_alarms

DESIGN = "docs/rules.md#acceptance-criteria"
NFS = 2049
EVERYWHERE = ("0.0.0.0/0", "::/0")


@rule("E9101", "No port mapping", "The worker only processes messages; it serves nothing.", DESIGN)
def no_port_mapping(template: Resolved) -> Faults:
    """No container maps a port, not even an empty list of them."""
    for _, container, path in containers(template):
        if "PortMappings" in container:
            yield (
                (*path, "PortMappings"),
                f"{container.get('Name')} maps ports: the worker serves nothing. Remove them.",
            )


@rule("E9102", "No health check", "Nothing listens that could answer one.", DESIGN)
def no_health_check(template: Resolved) -> Faults:
    """No container health check, and no grace period that waits for one."""
    for _, container, path in containers(template):
        if "HealthCheck" in container:
            yield (
                (*path, "HealthCheck"),
                f"{container.get('Name')} has a health check: nothing answers it. Remove it.",
            )
    for service in template.of("ECS::Service"):
        if "HealthCheckGracePeriodSeconds" in service.properties:
            yield (
                (*service.path, "HealthCheckGracePeriodSeconds"),
                f"{service.id} has a grace period: there is no health check. Remove it.",
            )


@rule("E9103", "Ingress is NFS only", "EFS is all that ever reaches the worker.", DESIGN)
def ingress_is_nfs_only(template: Resolved) -> Faults:
    """Only tcp 2049 into the worker's groups, and from them into the file system's."""
    groups = {
        reference
        for service in template.of("ECS::Service")
        for reference in sequence(_network(service.properties).get("SecurityGroups"))
        if isinstance(reference, str)
    }
    names = {reference.strip("${}").partition(".")[0] for reference in groups}
    for group in template.of("EC2::SecurityGroup"):
        if group.id in names:
            ingress = sequence(group.properties.get("SecurityGroupIngress"))
            for position, each in enumerate(ingress):
                path = (*group.path, "SecurityGroupIngress", position)
                if not _is_nfs(mapping(each)):
                    yield path, f"{group.id} lets in more than NFS: {OTHERWISE}"
    from_worker = False
    for standalone in template.of("EC2::SecurityGroupIngress"):
        into_worker = _id(standalone.properties.get("GroupId")) in names
        if into_worker and not _is_nfs(standalone.properties):
            yield standalone.path, f"{standalone.id} lets in more than NFS: {OTHERWISE}"
        source = _id(standalone.properties.get("SourceSecurityGroupId"))
        from_worker |= not into_worker and source in names and _is_nfs(standalone.properties)
    for task in template.of("ECS::TaskDefinition"):
        for _, path in file_systems(task):
            if not from_worker:
                yield (
                    path,
                    "Nothing lets the worker into the file system: its mount targets refuse "
                    "it. Add an ingress rule for tcp 2049 from the worker's group.",
                )


OTHERWISE = "only tcp 2049, not from everywhere, is meant to. Remove the rule."


def _network(properties: dict[str, object]) -> dict[str, object]:
    configuration = mapping(properties.get("NetworkConfiguration"))
    return mapping(configuration.get("AwsvpcConfiguration"))


def _id(reference: object) -> str:
    return str(reference).strip("${}").partition(".")[0]


def _is_nfs(each: dict[str, object]) -> bool:
    ports = {number(each.get("FromPort")), number(each.get("ToPort"))}
    sources = {str(each.get("CidrIp")), str(each.get("CidrIpv6"))}
    return (
        str(each.get("IpProtocol")) in ("tcp", "6")
        and ports == {NFS}
        and not (sources & set(EVERYWHERE))
    )


@rule("E9104", "No load balancer", "An absent list leaves a live service attached.", DESIGN)
def no_load_balancer(template: Resolved) -> Faults:
    """`LoadBalancers` is the empty list, and the stack has nothing of the kind."""
    for service in template.of("ECS::Service"):
        if service.properties.get("LoadBalancers") != []:
            yield (
                (
                    *service.path,
                    *(["LoadBalancers"] if "LoadBalancers" in service.properties else []),
                ),
                f"{service.id} is not detached from load balancers: only an explicit empty "
                "list does that. Write `LoadBalancers: []`.",
            )
    for resource in template.resources:
        if resource.type.startswith("AWS::ElasticLoadBalancing"):
            yield resource.path[:2], f"{resource.id} balances load: there is none. Remove it."


@rule("E9105", "No service discovery", "An absent list leaves a live service registered.", DESIGN)
def no_service_discovery(template: Resolved) -> Faults:
    """`ServiceRegistries` is the empty list, and the stack has nothing of Cloud Map."""
    for service in template.of("ECS::Service"):
        if service.properties.get("ServiceRegistries") != []:
            yield (
                service.at("ServiceRegistries"),
                f"{service.id} is not taken out of service registries: only an explicit empty "
                "list does that. Write `ServiceRegistries: []`.",
            )
    for resource in template.resources:
        if resource.type.startswith("AWS::ServiceDiscovery::"):
            yield resource.path[:2], f"{resource.id} is for discovery: nobody calls. Remove it."


@rule("E9106", "Scaling on the queue only", "Nothing else says how much work there is.", DESIGN)
def scaling_on_the_queue_only(template: Resolved) -> Faults:
    """Step policies only, invoked by alarms on SQS metrics of the worker's own queue."""
    for policy in template.of("ApplicationAutoScaling::ScalingPolicy"):
        if policy.properties.get("PolicyType") != "StepScaling":
            yield (
                policy.at("PolicyType"),
                f"{policy.id} is no step policy: only steps can scale from zero. Make it one.",
            )
    queue = queue_name(template)
    for alarm, _, metrics in scaling_alarms(template):
        for metric in metrics:
            if metric["Namespace"] != "AWS/SQS":
                yield (
                    alarm.path,
                    f"{alarm.id} looks at {metric['Namespace']}: the queue alone tells how much "
                    "work there is. Use a metric of AWS/SQS.",
                )
            elif metric["Queue"] != str(queue):
                yield (
                    alarm.path,
                    f"{alarm.id} looks at the queue {metric['Queue']}: the worker consumes "
                    f"{queue}. Give it that one's name.",
                )
    for target in template.of("ApplicationAutoScaling::ScalableTarget"):
        if target.properties.get("ScheduledActions"):
            yield (
                (*target.path, "ScheduledActions"),
                f"{target.id} scales by the clock: the queue alone decides. Remove the actions.",
            )
