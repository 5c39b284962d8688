"""Where tasks run, and the file system that they reach."""

from dataclasses import dataclass

from troposphere import Parameter
from troposphere.constants import LIST_OF_SUBNET_IDS, SECURITY_GROUP_ID, STRING, VPC_ID


@dataclass(frozen=True)
class Network:
    """Where tasks run."""

    vpc_id: Parameter
    subnet_ids: Parameter
    assign_public_ip: Parameter


@dataclass(frozen=True)
class WorkspaceParameters:
    """The imported file system, and who may reach the worker's end of it."""

    file_system_id: Parameter
    access_point_id: Parameter
    security_group_id: Parameter
    vpc_cidr: Parameter


def network() -> Network:
    """The VPC, its subnets, and whether tasks get public addresses."""
    return Network(
        vpc_id=Parameter("VpcId", Type=VPC_ID, Description="The VPC to run in."),
        subnet_ids=Parameter(
            "SubnetIds",
            Type=LIST_OF_SUBNET_IDS,
            Description="Subnets of that VPC for the tasks, in several zones. With a"
            " workspace, each zone needs a mount target.",
        ),
        assign_public_ip=Parameter(
            "AssignPublicIp",
            Type=STRING,
            AllowedValues=["ENABLED", "DISABLED"],
            Default="ENABLED",
            Description="ENABLED in public subnets; DISABLED behind a NAT gateway.",
        ),
    )


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
