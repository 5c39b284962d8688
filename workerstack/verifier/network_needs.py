"""What a task needs of the network: its subnets, a way out, and its file systems near by.

Source: Amazon ECS developer guide, "Fargate task networking", "Amazon ECS interface VPC
endpoints"; ECR user guide, "Amazon ECR interface VPC endpoints"; EFS user guide, "Creating mount
targets", "Working with access points"; VPC user guide, "Route tables".
"""

import ipaddress
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from workerstack.checks.worker import (
    GROUP,
    TASK,
    containers_of,
    file_systems,
    listed,
    members,
    network,
    number,
    queues_of,
)
from workerstack.cloudformation import Resource, text
from workerstack.verifier.asking import GoneError
from workerstack.verifier.deployed_checks import GROUP_RULES, NFS
from workerstack.verifier.live_check import NotKnown
from workerstack.verifier.live_resources import rules
from workerstack.verifier.needs import MissingError, Need, Subject
from workerstack.verifier.needs import listed as joined

EVERYWHERE = "0.0.0.0/0"
SUBNETS = "Correct SubnetIds in params/"
WAY_OUT = (
    "Choose subnets with a NAT gateway, or public ones with AssignPublicIp ENABLED, or create the"
    " VPC endpoints"
)


def network_needs(subject: Subject) -> Iterator[Need]:
    """The subnets and the way out of each service, and the file systems of its tasks."""
    for service in subject.services:
        subnets = [text(each) for each in listed(network(service).get("Subnets"))]
        known = [each for each in subnets if each]
        if not known or len(known) < len(subnets):
            continue  # which subnets that are is not known before the stack is there
        yield Need("subnets", "the subnets are in one VPC, with addresses for the most tasks",
                   ("ec2",), partial(_subnets, service, known))  # fmt: skip
        yield Need("way-out", "the tasks reach ECR, CloudWatch Logs and their queue", ("ec2",),
                   partial(_way_out, service, known))  # fmt: skip
        task = subject.stack.referred(service.get("TaskDefinition"), TASK)
        for _, volume, _ in file_systems(task) if task is not None else ():
            system = text(volume.get("FilesystemId"))
            if system is None:
                continue
            yield Need("file-system", f"{system} has a mount target in each zone of the subnets",
                       ("efs", "ec2"), partial(_mount_targets, system, known))  # fmt: skip
            yield Need("nfs", f"{system} lets the tasks in on TCP {NFS}", ("efs", "ec2"),
                       partial(_lets_in, service, system, known))  # fmt: skip
            point = text((volume.get("AuthorizationConfig") or {}).get("AccessPointId"))
            if point:
                yield Need("access-point", f"{point} is an access point of {system}", ("efs",),
                           partial(_access_point, system, point))  # fmt: skip


def _described(subject: Subject, subnets: list[str]) -> list[Mapping[str, Any]]:
    try:
        found = subject.ask("ec2", "describe_subnets", SubnetIds=subnets)["Subnets"]
    except GoneError:
        raise MissingError(f"one of {joined(subnets)} does not exist", SUBNETS) from None
    there = {each["SubnetId"] for each in found}
    if missing := [each for each in subnets if each not in there]:
        raise MissingError(f"{joined(missing)} does not exist", SUBNETS)
    return list(found)


def _wanted_vpc(service: Resource, subject: Subject) -> str | None:
    """The VPC of the service's security groups, as far as the template says it."""
    for each in listed(network(service).get("SecurityGroups")):
        own = subject.stack.referred(each, GROUP)
        if own is not None and text(own.get("VpcId")):
            return text(own.get("VpcId"))
    return None


def _subnets(service: Resource, subnets: list[str], subject: Subject) -> str:
    found = _described(subject, subnets)
    vpcs = sorted({each["VpcId"] for each in found})
    if len(vpcs) > 1:
        raise MissingError(f"the subnets are in {joined(vpcs)}", SUBNETS)
    wanted = _wanted_vpc(service, subject)
    if wanted is not None and vpcs != [wanted]:
        raise MissingError(
            f"the subnets are in {vpcs[0]}, and the security group is in {wanted}",
            "Correct SubnetIds or VpcId in params/",
        )
    most = subject.most_tasks(service)
    free = sum(int(each.get("AvailableIpAddressCount", 0)) for each in found)
    if most is not None and free < most:
        raise MissingError(
            f"the subnets have {free} free addresses, and the most tasks are {most}",
            "Choose larger subnets, or lower MaxTasks",
        )
    zones = sorted({each["AvailabilityZone"] for each in found})
    return f"{len(found)} in {vpcs[0]}, in {joined(zones)}"


def _way_out(service: Resource, subnets: list[str], subject: Subject) -> str:
    vpc = _described(subject, subnets)[0]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    tables = subject.ask("ec2", "describe_route_tables", Filters=filters)["RouteTables"]
    public = text(network(service).get("AssignPublicIp")) == "ENABLED"
    ways: dict[str, str] = {}
    for subnet in subnets:
        table = _table(tables, subnet, vpc)
        way = _way(table, public=public)
        if not way:
            _check_endpoints(service, subnet, table, vpc, subject)
            way = "VPC endpoints"
        ways[subnet] = way
    return f"through {joined(list(ways.values()))}"


def _table(tables: list[Mapping[str, Any]], subnet: str, vpc: str) -> Mapping[str, Any]:
    """The route table of a subnet: the one that is associated with it, else the VPC's main one."""
    of_vpc = [each for each in tables if each.get("VpcId") == vpc]
    for table in of_vpc:
        if any(each.get("SubnetId") == subnet for each in table.get("Associations", ())):
            return table
    for table in of_vpc:
        if any(each.get("Main") for each in table.get("Associations", ())):
            return table
    return {}


def _way(table: Mapping[str, Any], *, public: bool) -> str:
    """What leads out of a subnet; empty where nothing does.

    An internet gateway translates the address of an interface that has a public one, and no other.
    """
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") != EVERYWHERE or route.get("State") == "blackhole":
            continue
        gateway = str(route.get("GatewayId") or "")
        if gateway.startswith("igw-"):
            if public:
                return "an internet gateway, with a public address"
        elif route.get("NatGatewayId"):
            return "a NAT gateway"
        elif other := _other(route):
            return f"{other}, and what is behind it is not known"
    return ""


def _other(route: Mapping[str, Any]) -> str:
    names = ("TransitGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId",
             "CoreNetworkArn", "GatewayId")  # fmt: skip
    return next((str(route[name]) for name in names if route.get(name)), "")


def _check_endpoints(
    service: Resource, subnet: str, table: Mapping[str, Any], vpc: str, subject: Subject
) -> None:
    """Raises MissingError where a service that the task needs is not reached from the subnet."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    found = subject.ask("ec2", "describe_vpc_endpoints", Filters=filters)["VpcEndpoints"]
    there = set()
    for each in found:
        if each.get("VpcId") != vpc or each.get("State", "available").lower() != "available":
            continue
        name = str(each["ServiceName"]).partition(f".{subject.region}.")[2]
        if each.get("VpcEndpointType") == "Gateway":
            if table.get("RouteTableId") not in each.get("RouteTableIds", ()):
                continue
        elif each.get("PrivateDnsEnabled") is False:
            continue
        there.add(name)
    missing = [each for each in _called(service, subject) if each not in there]
    if not missing:
        return
    gateway = any(
        str(each.get("GatewayId") or "").startswith("igw-") for each in table.get("Routes", ())
    )
    why = "leads to an internet gateway, and the tasks get no public address" if gateway else \
        "has no route to the internet"  # fmt: skip
    raise MissingError(
        f"{subnet} {why}; VPC endpoints are missing for {joined(missing)}", WAY_OUT
    )  # fmt: skip


def _called(service: Resource, subject: Subject) -> list[str]:
    """The services that a task calls, as their endpoints are named."""
    task = subject.stack.referred(service.get("TaskDefinition"), TASK)
    if task is None:
        return []
    called: dict[str, None] = {}
    for container in containers_of(task):
        if ".dkr.ecr." in (text(container.get("Image")) or ""):
            called |= dict.fromkeys(("ecr.api", "ecr.dkr", "s3"))
        if text(container.get("LogConfiguration", "LogDriver")) == "awslogs":
            called.setdefault("logs")
        for _, secret in container.members("Secrets"):
            is_secret = ":secretsmanager:" in (text(secret.get("ValueFrom")) or "")
            called.setdefault("secretsmanager" if is_secret else "ssm")
    if queues_of(subject.stack, task):
        called.setdefault("sqs")
    return list(called)


def _check_file_system(system: str, subject: Subject) -> None:
    try:
        found = subject.ask("efs", "describe_file_systems", FileSystemId=system)["FileSystems"]
    except GoneError:
        found = []
    if not found:
        raise MissingError(
            f"the file system {system} does not exist", "Correct FileSystemId in params/"
        )
    if found[0].get("LifeCycleState", "available") != "available":
        raise MissingError(f"{system} is {found[0]['LifeCycleState']}", "Wait, or name another one")


def _targets(system: str, subject: Subject) -> list[Mapping[str, Any]]:
    try:
        found = subject.ask("efs", "describe_mount_targets", FileSystemId=system)["MountTargets"]
    except GoneError:
        raise MissingError(
            f"the file system {system} does not exist", "Correct FileSystemId in params/"
        ) from None
    return [each for each in found if each.get("LifeCycleState", "available") == "available"]


def _mount_targets(system: str, subnets: list[str], subject: Subject) -> str:
    _check_file_system(system, subject)
    targets, found = _targets(system, subject), _described(subject, subnets)
    zones = {each["AvailabilityZoneName"] for each in targets}
    if without := [each for each in found if each["AvailabilityZone"] not in zones]:
        names = joined([f"{each['AvailabilityZone']} ({each['SubnetId']})" for each in without])
        raise MissingError(
            f"{system} has no mount target in {names}: no task starts there",
            f"aws efs create-mount-target --file-system-id {system}"
            f" --subnet-id {without[0]['SubnetId']}",
        )
    vpcs = {each.get("VpcId") for each in targets} - {None}
    if vpcs and found[0]["VpcId"] not in vpcs:
        raise MissingError(
            f"the mount targets of {system} are in another VPC than the subnets",
            "Choose subnets of that VPC",
        )
    return f"{system} has a mount target in {joined(sorted(zones))}"


def _lets_in(service: Resource, system: str, subnets: list[str], subject: Subject) -> str:
    """The groups of the mount targets let the tasks in, or will by a rule of the stack."""
    homes = [ipaddress.ip_network(each["CidrBlock"]) for each in _described(subject, subnets)]
    given = listed(network(service).get("SecurityGroups"))
    workers = {subject.physical(each, GROUP) for each in given} - {None}
    owns = any(subject.stack.referred(each, GROUP) is not None for each in given)
    for target in _targets(system, subject):
        groups = subject.ask(
            "efs", "describe_mount_target_security_groups", MountTargetId=target["MountTargetId"]
        )["SecurityGroups"]
        if any(owns and _opened(each, subject) for each in groups):
            continue
        found = subject.ask("ec2", "describe_security_groups", GroupIds=groups)["SecurityGroups"]
        permissions = [rule for each in found for rule in rules(each["IpPermissions"], "ingress")]
        if not any(_is_open(rule, workers, homes) for rule in permissions):
            raise MissingError(
                f"{joined(groups)} of {target['MountTargetId']} does not let the tasks in on TCP"
                f" {NFS}",
                "Name that group as FileSystemSecurityGroupId in params/, or add the rule",
            )
    return f"{system} lets the tasks in on TCP {NFS}"


def _opened(group: str, subject: Subject) -> bool:
    """Whether the stack itself adds a rule for NFS to a group, for one of its own groups."""
    for rule in subject.stack.of(GROUP_RULES[0]):
        first, last = number(rule.get("FromPort")), number(rule.get("ToPort"))
        if text(rule.get("GroupId")) != group or first is None or last is None:
            continue
        source = subject.stack.referred(rule.get("SourceSecurityGroupId"), GROUP)
        if first <= NFS <= last and source is not None:
            return True
    for own in subject.stack.of(GROUP):  # the group is the stack's own
        if subject.physical(subject.stack.reference(own.logical_id), GROUP) == group:
            return any(
                (number(each.get("FromPort")) or 0) <= NFS <= (number(each.get("ToPort")) or 65535)
                for _, each in members(own.get("SecurityGroupIngress"))
            )
    return False


def _is_open(rule: Mapping[str, Any], workers: set[str | None], homes: list[Any]) -> bool:
    if rule["IpProtocol"] not in ("-1", "tcp", "6"):
        return False
    if not int(rule.get("FromPort", 0)) <= NFS <= int(rule.get("ToPort", 65535)):
        return False
    if rule.get("SourceSecurityGroupId") in workers:
        return True
    if not rule.get("CidrIp"):
        return False
    wide = ipaddress.ip_network(rule["CidrIp"], strict=False)
    return all(home.subnet_of(wide) for home in homes)


def _access_point(system: str, point: str, subject: Subject) -> str:
    try:
        found = subject.ask("efs", "describe_access_points", AccessPointId=point)["AccessPoints"]
    except GoneError:
        found = []
    if not found:
        raise MissingError(
            f"the access point {point} does not exist", "Correct AccessPointId in params/"
        )
    if found[0]["FileSystemId"] != system:
        raise MissingError(
            f"{point} is an access point of {found[0]['FileSystemId']}, not of {system}",
            "Correct AccessPointId or FileSystemId in params/",
        )
    if found[0].get("LifeCycleState", "available") != "available":
        raise NotKnown(f"{point} is {found[0]['LifeCycleState']}")
    return f"{point} is of {system}"
