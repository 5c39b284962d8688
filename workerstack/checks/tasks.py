"""E93xx: task definitions and services as ECS on Fargate really wants them."""

import re
from collections.abc import Iterator

from workerstack.checks.check import Violation, at, check
from workerstack.checks.worker import (
    CLUSTER,
    EFS,
    SERVICE,
    TASK,
    containers_of,
    file_systems,
    is_open,
    kilo,
    listed,
    mapping,
    members,
    network,
    number,
)
from workerstack.cloudformation import Resource, Stack, canonical, text

TASKS = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html"
)
SERVICES = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html"
)
VOLUMES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html"
CREATE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"
REGISTER = (
    "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"
)
RULES = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
GROUPS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
GIB = 1024
MEMORY = {
    256: (512, 1 * GIB, 2 * GIB),
    512: range(1 * GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
"""MiB that Fargate offers by CPU units. Source: ECS guide, "Fargate task definitions"."""

FULL = 100


@check("E9312", "The file system is reached safely", kind="refused", source=VOLUMES,
       because="An access point asks for it.")  # fmt: skip
def file_system_is_safe(stack: Stack) -> Iterator[Violation]:
    """Transit encryption and IAM are on; with an access point there is no other root."""
    for task in stack.of(TASK):
        for _, volume, place in file_systems(task):
            given = volume.get("AuthorizationConfig")
            authorization = mapping(given)
            transit = volume.get("TransitEncryption")
            if text(transit) != "ENABLED" and not is_open(transit):
                yield place.wrong(
                    "Transit encryption is off", "IAM and access points need it", "Enable it"
                )
            if text(authorization.get("IAM")) != "ENABLED" and not is_open(given):
                yield place.wrong(
                    "IAM authorization is off", "anybody in the network may mount", "Enable it"
                )
            root = volume.get("RootDirectory", "/")
            if authorization.get("AccessPointId") and text(root) not in ("/", "", None):
                yield place.wrong(
                    "A root directory besides an access point", "ECS refuses both", "Remove it"
                )


@check("E9314", "Platform version", kind="cannot run", source=VOLUMES, because="EFS needs 1.4.0.")
def platform_mounts_file_systems(stack: Stack) -> Iterator[Violation]:
    """The service runs on platform version 1.4.0 or LATEST."""
    for service in stack.of(SERVICE):
        version = text(service.get("PlatformVersion", default="LATEST"))
        if version not in ("LATEST", "1.4.0", None):
            yield at(service, "PlatformVersion").wrong(
                f"Platform version {version}", "EFS and JSON secrets need 1.4.0", "Take LATEST"
            )


@check("E9315", "No zone rebalancing", kind="kills work", source=SERVICES,
       because="ECS would stop busy tasks to spread them.")  # fmt: skip
def zones_are_not_rebalanced(stack: Stack) -> Iterator[Violation]:
    """Rebalancing is explicitly off; new services have it on."""
    for service in stack.of(SERVICE):
        # ECS turns it on for new services that say nothing (since September 2025).
        given = service.get("AvailabilityZoneRebalancing")
        if text(given) != "DISABLED" and not is_open(given):
            yield at(service, "AvailabilityZoneRebalancing").wrong(
                f"{service.logical_id} rebalances zones",
                "ECS stops running tasks for that",
                "Write `AvailabilityZoneRebalancing: DISABLED`",
            )


@check("E9316", "Circuit breaker", kind="care", source=SERVICES,
       because="A bad image would be tried for hours.")  # fmt: skip
def circuit_breaker_rolls_back(stack: Stack) -> Iterator[Violation]:
    """Deployments that cannot start are stopped and rolled back, and can make progress."""
    for service in stack.of(SERVICE):
        given = service.get("DeploymentConfiguration")
        if is_open(given) and not isinstance(given, dict):
            continue
        deployment = mapping(given)
        breaker = mapping(deployment.get("DeploymentCircuitBreaker"))
        answers = [(text(breaker.get(name)) or "").lower() for name in ("Enable", "Rollback")]
        if answers != ["true", "true"] and not is_open(deployment.get("DeploymentCircuitBreaker")):
            yield at(service, "DeploymentConfiguration").wrong(
                f"{service.logical_id} has no circuit breaker with rollback",
                "a bad image would be tried for hours",
                "Enable both",
            )
        least = number(deployment.get("MinimumHealthyPercent", FULL))
        most = number(deployment.get("MaximumPercent", 2 * FULL))
        if least is not None and most is not None and least >= FULL >= most:
            yield at(service, "DeploymentConfiguration", "MaximumPercent").wrong(
                f"{service.logical_id} may start no task before stopping one, nor stop one",
                "a deployment would never end",
                "Raise MaximumPercent",
            )
        if least == 0 and most is not None and most <= FULL:
            yield at(service, "DeploymentConfiguration", "MinimumHealthyPercent").wrong(
                f"A deployment of {service.logical_id} stops all tasks before it starts one",
                "jobs in flight are stopped, and nothing runs if the new image is broken",
                "Take a minimum of 100 and a maximum of 200",
            )


@check("E9318", "CPU and memory", kind="refused", source=TASKS,
       because="Fargate offers only some pairs.")  # fmt: skip
def cpu_and_memory_fit(stack: Stack) -> Iterator[Violation]:
    """Fargate offers this memory with this CPU, also where they come from parameters."""
    for task in stack.of(TASK):
        cpu, memory = kilo(task.get("Cpu"), "vcpu"), kilo(task.get("Memory"), "gb")
        for name in ("Cpu", "Memory"):
            if name not in task.properties:
                yield at(task).wrong(
                    f"{task.logical_id} has no {name}", "Fargate wants both for the task", "Add it"
                )
        if cpu is None or memory is None:
            continue
        offered = MEMORY.get(int(cpu), ())
        if memory not in offered:
            shown = f"{offered[0]} to {offered[-1]} MiB" if offered else "no memory"
            yield at(task, "Memory").wrong(
                f"{memory:g} MiB with {cpu:g} CPU units",
                f"Fargate offers {shown} with that CPU",
                "Change one of them",
            )


@check("E9323", "The task is for Fargate", kind="refused", source=TASKS,
       because="Else ECS does not check that it can run there.")  # fmt: skip
def task_is_for_fargate(stack: Stack) -> Iterator[Violation]:
    """``RequiresCompatibilities`` names FARGATE; network, storage, volumes, modes are Fargate's."""
    for task in stack.of(TASK):
        given = task.get("RequiresCompatibilities")
        if [text(each) for each in listed(given)] != ["FARGATE"] and not is_open(given):
            yield at(task, "RequiresCompatibilities").wrong(
                f"{task.logical_id} is not for Fargate",
                "the service cannot run it",
                "Write `RequiresCompatibilities: [FARGATE]`",
            )
        mode = task.get("NetworkMode")
        if text(mode) != "awsvpc" and not is_open(mode):
            yield at(task, "NetworkMode").wrong(
                f"{task.logical_id} has the network mode {text(mode) or 'bridge'}",
                "Fargate has awsvpc only",
                "Write `NetworkMode: awsvpc`",
            )
        storage = number(mapping(task.get("EphemeralStorage")).get("SizeInGiB"))
        if storage is not None and not 21 <= storage <= 200:  # noqa: PLR2004 - Fargate's limits
            yield at(task, "EphemeralStorage", "SizeInGiB").wrong(
                f"{storage:g} GiB of storage",
                "Fargate offers 21 to 200, and 20 without asking",
                "Change it or leave it out",
            )
        for position, volume in members(task.get("Volumes")):
            if EFS not in volume and mapping(volume.get("Host")).get("SourcePath"):
                yield at(task, "Volumes", position).wrong(
                    "A volume of the host", "on Fargate there is none", "Use a file system"
                )
            for name in ("DockerVolumeConfiguration", "FSxWindowsFileServerVolumeConfiguration"):
                if name in volume:
                    yield at(task, "Volumes", position, name).wrong(
                        f"A volume with {name}", "Fargate has none", "Use a file system"
                    )
        yield from _modes(task)


def _modes(task: Resource) -> Iterator[Violation]:
    pid = text(task.get("PidMode"))
    if pid not in (None, "", "task"):
        yield at(task, "PidMode").wrong(
            f"{task.logical_id} has the PidMode {pid}", "Fargate has task only", "Remove it"
        )
    for name in ("IpcMode", "PlacementConstraints", "InferenceAccelerators"):
        if task.get(name) and not is_open(task.get(name)):
            yield at(task, name).wrong(
                f"{task.logical_id} has {name}", "Fargate has none", "Remove it"
            )


@check("E9333", "Windows without Linux's parameters", kind="refused", source=TASKS,
       because="ECS refuses the task definition.")  # fmt: skip
def system_fits(stack: Stack) -> Iterator[Violation]:
    """A Windows task has no LinuxParameters, file system or small size; the system is Fargate's."""
    for task in stack.of(TASK):
        system = text(task.get("RuntimePlatform", "OperatingSystemFamily")) or ""
        chip = text(task.get("RuntimePlatform", "CpuArchitecture"))
        if not system.startswith("WINDOWS"):
            continue
        if chip == "ARM64":
            yield at(task, "RuntimePlatform", "CpuArchitecture").wrong(
                f"{task.logical_id} runs Windows on ARM64", "Fargate has it on X86_64", "Take that"
            )
        for container in containers_of(task):
            for name in ("LinuxParameters", "ReadonlyRootFilesystem", "Ulimits"):
                if container.get(name) not in (None, False, "false"):
                    yield container.at(name).wrong(
                        f"{container.name} has {name} on Windows",
                        "ECS refuses it there",
                        "Remove it",
                    )
        for _, _, place in file_systems(task):
            yield place.wrong(
                f"{task.logical_id} mounts EFS on Windows",
                "Fargate mounts it on Linux",
                "Remove it",
            )
        cpu = kilo(task.get("Cpu"), "vcpu")
        if cpu is not None and cpu < GIB:
            yield at(task, "Cpu").wrong(
                f"{cpu:g} CPU units on Windows", "Fargate offers 1024 or more", "Take 1024"
            )


@check("E9334", "The service is for Fargate", kind="refused", source=CREATE,
       because="ECS refuses the service.")  # fmt: skip
def service_is_for_fargate(stack: Stack) -> Iterator[Violation]:
    """No DAEMON, placement or role; Fargate by launch type or by providers of the cluster."""
    for service in stack.of(SERVICE):
        name = service.logical_id
        if text(service.get("SchedulingStrategy")) == "DAEMON":
            yield at(service, "SchedulingStrategy").wrong(
                f"{name} is a DAEMON", "Fargate has REPLICA only", "Remove it"
            )
        for each in ("PlacementConstraints", "PlacementStrategies"):
            if service.get(each) and not is_open(service.get(each)):
                yield at(service, each).wrong(
                    f"{name} has {each}", "placement is for tasks on EC2", "Remove it"
                )
        if service.get("Role"):
            yield at(service, "Role").wrong(
                f"{name} has a Role",
                "it is for load balancers without awsvpc, and ECS refuses it here",
                "Remove it",
            )
        launch = text(service.get("LaunchType"))
        if launch not in (None, "FARGATE"):
            yield at(service, "LaunchType").wrong(
                f"{name} has the launch type {launch}", "the task is for Fargate", "Write FARGATE"
            )
        strategy = service.get("CapacityProviderStrategy")
        if strategy and "LaunchType" in service.properties:
            yield at(service, "CapacityProviderStrategy").wrong(
                f"{name} has a launch type and capacity providers",
                "ECS takes one of them",
                "Remove LaunchType",
            )
        if "AwsvpcConfiguration" not in mapping(
            service.get("NetworkConfiguration")
        ) and not is_open(service.get("NetworkConfiguration")):
            yield at(service, "NetworkConfiguration").wrong(
                f"{name} has no AwsvpcConfiguration", "awsvpc wants subnets", "Add it"
            )
        yield from _providers(stack, service)


def _providers(stack: Stack, service: Resource) -> Iterator[Violation]:
    cluster = stack.referred(service.get("Cluster"), CLUSTER)
    if cluster is None:
        return
    given = [cluster.get("CapacityProviders")]
    given += [
        each.get("CapacityProviders")
        for each in stack.of("AWS::ECS::ClusterCapacityProviderAssociations")
        if stack.referred(each.get("Cluster"), CLUSTER) in (cluster, None)
    ]
    has = {text(one) for each in given for one in listed(each)}
    if is_open(given) or None in has:
        return
    for position, each in members(service.get("CapacityProviderStrategy")):
        provider = text(each.get("CapacityProvider"))
        if provider is not None and provider not in has:
            yield at(service, "CapacityProviderStrategy", position).wrong(
                f"{service.logical_id} runs on {provider}",
                f"{cluster.logical_id} does not have that capacity provider",
                "Name it in CapacityProviders of the cluster",
            )


@check("E9335", "Rules of a group once", kind="refused", source=RULES,
       because="EC2 refuses the second one as InvalidPermission.Duplicate.")  # fmt: skip
def rules_are_there_once(stack: Stack) -> Iterator[Violation]:
    """No security group has the same rule twice."""
    for group in stack.of("AWS::EC2::SecurityGroup"):
        for name in ("SecurityGroupIngress", "SecurityGroupEgress"):
            seen: set[str] = set()
            for position, rule in members(group.get(name)):
                key = canonical({k: v for k, v in rule.items() if k != "Description"})
                if key in seen:
                    yield at(group, name, position).wrong(
                        f"{group.logical_id} has the same rule twice",
                        "EC2 refuses duplicates",
                        "Remove one",
                    )
                seen.add(key)


FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
NAMED = {TASK: "Family", SERVICE: "ServiceName", CLUSTER: "ClusterName"}


@check("E9336", "Names of ECS", kind="refused", source=REGISTER,
       because="ECS refuses other characters.")  # fmt: skip
def names_are_allowed(stack: Stack) -> Iterator[Violation]:
    """Families, services and clusters have letters, digits, - and _ in their names."""
    for resource in stack.of(*NAMED):
        name = NAMED[resource.type]
        given = text(resource.get(name))
        if given is not None and not FAMILY.fullmatch(given):
            yield at(resource, name).wrong(
                f"{resource.logical_id} is named {given!r}",
                "ECS takes letters, digits, - and _, up to 255",
                "Rename it",
            )


@check("W9337", "Logs end", kind="costs", source=GROUPS,
       because="A group without retention keeps, and bills, for ever.")  # fmt: skip
def logs_end(stack: Stack) -> Iterator[Violation]:
    """A log group has a retention."""
    for group in stack.of("AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group.properties:
            yield at(group).wrong(
                f"{group.logical_id} keeps its logs for ever",
                "every month costs for all months before",
                "Give RetentionInDays",
            )


@check(
    "W9338",
    "Public addresses",
    kind="care",
    source=SERVICES,
    because="A public address in a private subnet costs and reaches nothing.",
    live=False,
)
def public_address_is_used(stack: Stack) -> Iterator[Violation]:
    """No public address is asked for in subnets of this stack that give none."""
    for service in stack.of(SERVICE):
        given = network(service)
        subnets = [
            stack.referred(each, "AWS::EC2::Subnet") for each in listed(given.get("Subnets"))
        ]
        private = [each is not None and _is_private(stack, each) for each in subnets]
        if text(given.get("AssignPublicIp")) == "ENABLED" and subnets and all(private):
            yield at(
                service, "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"
            ).wrong(
                f"{service.logical_id} asks for a public address in private subnets",
                "their route goes through a NAT gateway, and the address is paid for nothing",
                "Write DISABLED",
            )


def _is_private(stack: Stack, subnet: Resource) -> bool:
    """Whether its default route surely goes through a NAT gateway."""
    tables = [
        stack.referred(each.get("RouteTableId"), "AWS::EC2::RouteTable")
        for each in stack.of("AWS::EC2::SubnetRouteTableAssociation")
        if stack.referred(each.get("SubnetId"), "AWS::EC2::Subnet") is subnet
    ]
    return any(
        "NatGatewayId" in route.properties
        and text(route.get("DestinationCidrBlock")) == "0.0.0.0/0"
        and stack.referred(route.get("RouteTableId"), "AWS::EC2::RouteTable") in tables
        for route in stack.of("AWS::EC2::Route")
        if tables
    )
