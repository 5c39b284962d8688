"""What a stack imports: the things that an account has before the worker comes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workerstack.localaws import pushing

CIDR = "10.20.0.0/16"
ZONES = ("a", "b")


@dataclass(frozen=True)
class Surroundings:
    """Ids and ARNs, as the parameters of the stacks want them."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    file_system_id: str
    access_point_id: str
    file_system_security_group_id: str
    secret_arn: str
    queue_url: str
    load_balancer_security_group_id: str
    listener_arn: str


def create(client: Callable[[str], Any], region: str) -> Surroundings:
    """Makes it all through the AWS API; ``client("ec2")`` gives a client of a service."""
    ec2 = client("ec2")
    vpc_id, subnet_ids = _network(ec2, region)
    file_system_id, access_point_id, group_id = _file_system(client("efs"), ec2, vpc_id, subnet_ids)
    balancer_group, listener = _load_balancer(client("elbv2"), ec2, vpc_id, subnet_ids)
    ecr, repository = client("ecr"), "webordinary/claude-code-astro"
    ecr.create_repository(repositoryName=repository)
    pushing.push(ecr, repository, "latest")
    secret = client("secretsmanager").create_secret(
        Name="webordinary/github-token", SecretString="not a token"
    )
    queue = client("sqs").create_queue(QueueName="webordinary-email-queue")
    return Surroundings(
        vpc_id=vpc_id,
        subnet_ids=subnet_ids,
        file_system_id=file_system_id,
        access_point_id=access_point_id,
        file_system_security_group_id=group_id,
        secret_arn=secret["ARN"],
        queue_url=queue["QueueUrl"],
        load_balancer_security_group_id=balancer_group,
        listener_arn=listener,
    )


def _network(ec2: Any, region: str) -> tuple[str, tuple[str, ...]]:
    """A VPC with two public subnets: their route table leads to an internet gateway."""
    vpc_id = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc_id], Tags=[{"Key": "Name", "Value": "webordinary"}])
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc_id, **{attribute: {"Value": True}})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnet_ids = []
    for number, zone in enumerate(ZONES):
        subnet = ec2.create_subnet(
            VpcId=vpc_id, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"{region}{zone}"
        )["Subnet"]["SubnetId"]
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        subnet_ids.append(subnet)
    return vpc_id, tuple(sorted(subnet_ids))  # as `deploy.py init` lists them


def _file_system(
    efs: Any, ec2: Any, vpc_id: str, subnet_ids: tuple[str, ...]
) -> tuple[str, str, str]:
    group_id = _group(ec2, vpc_id, "webordinary-workspace", "Mount targets of the workspace")
    file_system = efs.create_file_system(
        CreationToken="workspace",
        Encrypted=True,
        Tags=[{"Key": "Name", "Value": "webordinary-workspace"}],
    )["FileSystemId"]
    for subnet_id in subnet_ids:
        efs.create_mount_target(
            FileSystemId=file_system, SubnetId=subnet_id, SecurityGroups=[group_id]
        )
    access_point = efs.create_access_point(
        ClientToken="workspace",
        FileSystemId=file_system,
        PosixUser={"Uid": 1000, "Gid": 1000},
        RootDirectory={
            "Path": "/workspace",
            "CreationInfo": {"OwnerUid": 1000, "OwnerGid": 1000, "Permissions": "755"},
        },
    )["AccessPointId"]
    return file_system, access_point, group_id


def _load_balancer(
    elbv2: Any, ec2: Any, vpc_id: str, subnet_ids: tuple[str, ...]
) -> tuple[str, str]:
    """What only the web-serving stack needs: a load balancer and its listener."""
    group_id = _group(ec2, vpc_id, "webordinary-web", "Load balancer of webordinary")
    balancer = elbv2.create_load_balancer(
        Name="webordinary", Subnets=list(subnet_ids), SecurityGroups=[group_id]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"][0]["ListenerArn"]
    return group_id, listener


def _group(ec2: Any, vpc_id: str, name: str, description: str) -> str:
    answer = ec2.create_security_group(GroupName=name, Description=description, VpcId=vpc_id)
    return str(answer["GroupId"])
