"""What the worker may talk to: its security group, its way to the file system, VPC endpoints."""

from collections.abc import Iterator
from typing import Any

from troposphere import Ref, Sub
from troposphere.ec2 import SecurityGroup, SecurityGroupIngress, SecurityGroupRule, VPCEndpoint

from workerstack.specification import Network
from workerstack.specification.metadata import described
from workerstack.specification.names import camel
from workerstack.specification.network import GATEWAYS, HTTPS, NFS
from workerstack.specification.parameters import Parameters, WorkspaceParameters
from workerstack.specification.parameters.network import ROUTE_TABLES


def worker_security_group(
    parameters: Parameters, network: Network, endpoints: SecurityGroup | None
) -> SecurityGroup:
    """The worker's own group: out as the specification says, nothing in but NFS.

    EFS needs no ingress here, its mount targets do; the rule is the specification's, and
    narrow. Its description cannot be changed without a new group (EC2).
    """
    workspace = parameters.workspace
    return SecurityGroup(
        "WorkerSecurityGroup",
        Metadata=described(
            "What may reach the tasks (NFS) and what they may reach."
            if workspace
            else "What the tasks may reach; nothing may reach them."
        ),
        GroupDescription="Security group for edit containers (message processing only)"
        if workspace
        else "Security group for worker containers (message processing only)",
        VpcId=Ref(parameters.network.vpc_id),
        SecurityGroupEgress=[*_egress(network, endpoints)],
        SecurityGroupIngress=[_from_vpc(workspace)] if workspace else [],
    )


def _egress(network: Network, endpoints: SecurityGroup | None) -> Iterator[SecurityGroupRule]:
    if not network.egress:
        everything = {"IpProtocol": "-1", "Description": "All outbound traffic"}
        yield SecurityGroupRule(CidrIp="0.0.0.0/0", **everything)
        if network.ipv6:
            yield SecurityGroupRule(CidrIpv6="::/0", **everything)
        return
    for each in network.egress:
        yield SecurityGroupRule(
            IpProtocol=each.protocol,
            FromPort=each.port,
            ToPort=each.last_port or each.port,
            Description=each.description,
            **each.destination,
        )
    if endpoints:
        yield SecurityGroupRule(
            IpProtocol="tcp",
            FromPort=HTTPS,
            ToPort=HTTPS,
            Description="VPC endpoints",
            DestinationSecurityGroupId=Ref(endpoints),
        )


def _from_vpc(workspace: WorkspaceParameters) -> SecurityGroupRule:
    return SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=NFS,
        ToPort=NFS,
        CidrIp=Ref(workspace.vpc_cidr),
        Description="EFS mount traffic",
    )


def file_system_ingress(
    workspace: WorkspaceParameters, group: SecurityGroup
) -> SecurityGroupIngress:
    """The worker's way into the file system, as a rule of its own.

    Standalone, since the file system's group is imported, and since two groups that name
    each other in their own rules would be a circular dependency.
    """
    return SecurityGroupIngress(
        "FileSystemIngress",
        Metadata=described("Lets the tasks reach the file system's mount targets."),
        GroupId=Ref(workspace.security_group_id),
        IpProtocol="tcp",
        FromPort=NFS,
        ToPort=NFS,
        SourceSecurityGroupId=Ref(group),
        Description="EFS access from containers",
    )


def endpoint_security_group(parameters: Parameters) -> SecurityGroup:
    """The group of the VPC endpoints; the worker's way in is a rule of its own, as above."""
    return SecurityGroup(
        "EndpointSecurityGroup",
        Metadata=described("What may reach the VPC endpoints: the tasks."),
        GroupDescription="Security group for the VPC endpoints of the worker",
        VpcId=Ref(parameters.network.vpc_id),
        # None, which an empty list would not be (CloudFormation: AWS::EC2::SecurityGroup).
        SecurityGroupEgress=[
            SecurityGroupRule(
                IpProtocol="-1", CidrIp="127.0.0.1/32", Description="Nothing: they only answer"
            )
        ],
    )


def endpoint_ingress(endpoints: SecurityGroup, group: SecurityGroup) -> SecurityGroupIngress:
    """The worker's way to the VPC endpoints."""
    return SecurityGroupIngress(
        "EndpointIngress",
        Metadata=described("Lets the tasks reach the VPC endpoints."),
        GroupId=Ref(endpoints),
        IpProtocol="tcp",
        FromPort=HTTPS,
        ToPort=HTTPS,
        SourceSecurityGroupId=Ref(group),
        Description="Tasks of the worker",
    )


def endpoint(name: str, parameters: Parameters, group: SecurityGroup | None) -> VPCEndpoint:
    """The way to one service without the internet: in route tables, or with own addresses."""
    if name in GATEWAYS or group is None:
        way: dict[str, Any] = {
            "VpcEndpointType": "Gateway",
            "RouteTableIds": Ref(parameters.network.others[ROUTE_TABLES]),
        }
    else:
        way = {
            "VpcEndpointType": "Interface",
            "PrivateDnsEnabled": True,
            "SubnetIds": Ref(parameters.network.subnet_ids),
            "SecurityGroupIds": [Ref(group)],
        }
    return VPCEndpoint(
        f"{camel(name)}Endpoint",
        Metadata=described(f"The way to {name} without the internet."),
        VpcId=Ref(parameters.network.vpc_id),
        ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{name}"),
        **way,
    )
