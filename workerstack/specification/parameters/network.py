"""Where tasks run, and the file system that they reach."""

from dataclasses import dataclass

from troposphere import Parameter
from troposphere.constants import (
    COMMA_DELIMITED_LIST,
    LIST_OF_SUBNET_IDS,
    SECURITY_GROUP_ID,
    STRING,
    VPC_ID,
)

from workerstack.specification.network import GATEWAYS, Network
from workerstack.specification.worker import Worker


@dataclass(frozen=True)
class NetworkParameters:
    """Where tasks run, and what they reach there, by the names of the specification."""

    vpc_id: Parameter
    subnet_ids: Parameter
    assign_public_ip: Parameter
    others: dict[str, Parameter]

    @property
    def parameters(self) -> list[Parameter]:
        """All of them."""
        return [self.vpc_id, self.subnet_ids, self.assign_public_ip, *self.others.values()]


@dataclass(frozen=True)
class WorkspaceParameters:
    """The imported file system, and who may reach the worker's end of it."""

    file_system_id: Parameter
    access_point_id: Parameter
    security_group_id: Parameter
    vpc_cidr: Parameter


def network(worker: Worker) -> NetworkParameters:
    """The VPC, its subnets, and whether tasks get public addresses."""
    zones = " With a workspace, each zone needs a mount target." if worker.workspace else ""
    return NetworkParameters(
        vpc_id=Parameter("VpcId", Type=VPC_ID, Description="The VPC to run in."),
        subnet_ids=Parameter(
            "SubnetIds",
            Type=LIST_OF_SUBNET_IDS,
            Description=f"Subnets of that VPC for the tasks, in several zones.{zones}",
        ),
        assign_public_ip=Parameter(
            "AssignPublicIp",
            Type=STRING,
            AllowedValues=["ENABLED", "DISABLED"],
            Default="ENABLED",
            Description="ENABLED in public subnets; DISABLED behind a NAT gateway.",
        ),
        others=_others(worker.network),
    )


def _others(network: Network) -> dict[str, Parameter]:
    found = {}
    for title in network.security_groups:
        found[title] = _group(title, "A security group that the tasks have as well.")
    for each in network.egress:
        if each.security_group:
            found[each.security_group] = _group(
                each.security_group, f"A security group that the tasks reach: {each.description}."
            )
        if each.prefix_list:
            found[each.prefix_list] = Parameter(
                each.prefix_list,
                Type=STRING,
                AllowedPattern=r"^pl-[0-9a-f]{8,17}$",
                ConstraintDescription="a prefix list's id, such as pl-0123abcd",
                Description=f"A prefix list that the tasks reach: {each.description}.",
            )
    if set(network.endpoints) & {*GATEWAYS}:
        found[ROUTE_TABLES] = Parameter(
            ROUTE_TABLES,
            Type=COMMA_DELIMITED_LIST,
            Description="The route tables of the subnets, for the gateway endpoints.",
        )
    return found


ROUTE_TABLES = "RouteTableIds"


def _group(title: str, description: str) -> Parameter:
    return Parameter(title, Type=SECURITY_GROUP_ID, Description=description)


def workspace() -> WorkspaceParameters:
    """The imported file system, access point and security group."""
    return WorkspaceParameters(
        file_system_id=Parameter(
            "FileSystemId",
            Type=STRING,
            AllowedPattern=r"^fs-[0-9a-f]{8,40}$",
            ConstraintDescription="an EFS file system id, such as fs-0123456789abcdef0",
            Description="The EFS file system that holds the workspace.",
        ),
        access_point_id=Parameter(
            "AccessPointId",
            Type=STRING,
            AllowedPattern=r"^fsap-[0-9a-f]{8,40}$",
            ConstraintDescription="an EFS access point id, fsap-0123456789abcdef0",
            Description="The access point through which the workspace is mounted.",
        ),
        security_group_id=Parameter(
            "FileSystemSecurityGroupId",
            Type=SECURITY_GROUP_ID,
            Description="The security group of the file system's mount targets.",
        ),
        vpc_cidr=Parameter(
            "VpcCidr",
            Type=STRING,
            AllowedPattern=r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|2[0-8])$",
            ConstraintDescription="a VPC's IPv4 range, such as 10.0.0.0/16",
            Description="The VPC's IPv4 range, from which NFS is allowed.",
        ),
    )
