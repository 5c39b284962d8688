"""What the worker may talk to: its security group and its way to the file system."""

from troposphere import Ref
from troposphere.ec2 import SecurityGroup, SecurityGroupIngress, SecurityGroupRule

from templates.description import described
from templates.parameters import Parameters, WorkspaceParameters

NFS = 2049
"""The TCP port of NFS, which is all that EFS needs (EFS: "Network access")."""


def worker_security_group(parameters: Parameters) -> SecurityGroup:
    """The worker's own group: everything out, nothing in but NFS.

    EFS needs no ingress here, its mount targets do; the rule is the specification's, and
    narrow. Its description cannot be changed without a new group (EC2).
    """
    workspace = parameters.workspace
    return SecurityGroup(
        "WorkerSecurityGroup",
        Metadata=described("What may reach the tasks (NFS) and what they may reach."),
        GroupDescription="Security group for edit containers (message processing only)"
        if workspace
        else "Security group for worker containers (message processing only)",
        VpcId=Ref(parameters.network.vpc_id),
        SecurityGroupEgress=[
            SecurityGroupRule(
                IpProtocol="-1", CidrIp="0.0.0.0/0", Description="All outbound traffic"
            )
        ],
        SecurityGroupIngress=[_from_vpc(workspace)] if workspace else [],
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
