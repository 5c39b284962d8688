"""What the tasks may reach, and from where."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Literal

from troposphere import Ref

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import parameter_name
from workerstack.specification.workspace import Workspace

HTTPS = 443
NFS = 2049
"""The TCP port of NFS, which is all that EFS needs (EFS: "Network access")."""

HIGHEST_PORT = 65_535

MOST_GROUPS = 5
"""Security groups of a task (ECS: AwsVpcConfiguration)."""

GATEWAYS = ("dynamodb", "s3")
"""Services with a gateway endpoint, which costs nothing and stands in route tables (VPC)."""


@specified
class Egress:
    """One way out: a port, or ``last_port`` ports from there, to one place.

    The place is a ``cidr`` (IPv4 or IPv6), or the template's parameter that holds a
    ``prefix_list`` (``pl-...``) or a ``security_group`` (``sg-...``).
    """

    description: str
    port: int = HTTPS
    last_port: int = 0
    protocol: Literal["tcp", "udp"] = "tcp"
    cidr: str = ""
    prefix_list: str = ""
    security_group: str = ""

    @about("port", "last_port")
    def _ports(self) -> Iterator[Mistake]:
        if not 1 <= self.port <= (self.last_port or self.port) <= HIGHEST_PORT:
            yield Mistake(
                f"Ports {self.port} to {self.last_port or self.port} are impossible",
                f"ports are 1 to {HIGHEST_PORT}, the lower one first",
                "Correct port or last_port",
            )

    @about("cidr", "prefix_list", "security_group")
    def _place(self) -> Iterator[Mistake]:
        given = [each for each in (self.cidr, self.prefix_list, self.security_group) if each]
        if len(given) != 1:
            yield Mistake(
                f"A way out to {len(given)} places",
                "a rule of a security group has one destination (EC2)",
                "Give one of cidr, prefix_list, security_group",
            )
        for field in ("prefix_list", "security_group"):
            if getattr(self, field):
                yield from parameter_name(getattr(self, field), field)
        if self.cidr:
            try:
                ipaddress.ip_network(self.cidr)
            except ValueError as error:
                yield Mistake(
                    f"Network {self.cidr!r} is impossible",
                    str(error),
                    'Write something like cidr="10.0.0.0/8"',
                )

    @about("description")
    def _description(self) -> Iterator[Mistake]:
        if not re.fullmatch(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", self.description):
            yield Mistake(
                f"Description {self.description!r} is impossible",
                "EC2 allows plain letters, digits and some signs, 1 to 255",
                "Say in a few words what is reached",
            )

    @property
    def destination(self) -> dict[str, Any]:
        """The place as a rule of a security group names it."""
        if self.prefix_list:
            return {"DestinationPrefixListId": Ref(self.prefix_list)}
        if self.security_group:
            return {"DestinationSecurityGroupId": Ref(self.security_group)}
        return {"CidrIpv6" if ":" in self.cidr else "CidrIp": self.cidr}


@specified
class Network:
    """What the tasks may reach.

    Without ``egress`` they reach everything: by IPv4, and with ``ipv6`` by IPv6 as well, for which
    the subnets must be dual-stack. ``security_groups`` are template parameters that hold groups
    besides the worker's own. ``endpoints`` are VPC endpoints that the stack makes, for subnets
    without a way to the internet: names such as ``sqs`` or ``ecr.dkr``. One VPC takes one
    interface endpoint of a service with private DNS, so name only those that it has not yet.
    """

    egress: tuple[Egress, ...] = ()
    ipv6: bool = False
    security_groups: tuple[str, ...] = ()
    endpoints: tuple[
        Literal[
            "dynamodb", "ecr.api", "ecr.dkr", "ecs", "kms", "logs", "monitoring", "s3",
            "secretsmanager", "sns", "sqs", "ssm", "sts",
        ],
        ...,
    ] = ()  # fmt: skip

    @about("egress", "ipv6")
    def _egress(self) -> Iterator[Mistake]:
        if self.egress and self.ipv6:
            yield Mistake(
                "egress and ipv6 disagree",
                "ipv6 opens everything, and egress limits it",
                'Write Egress(cidr="::/0", ...) for IPv6',
                field="ipv6",
            )
        rules = [(e.protocol, e.port, e.last_port, e.cidr, e.prefix_list, e.security_group)
                 for e in self.egress]  # fmt: skip
        if len(set(rules)) < len(rules):
            yield Mistake(
                "egress has the same rule twice",
                "EC2 refuses the second one (InvalidPermission.Duplicate)",
                "Remove one",
            )

    @about("egress", "endpoints")
    def _reaches_https(self) -> Iterator[Mistake]:
        by_rule = any(
            each.protocol == "tcp" and each.port <= HTTPS <= (each.last_port or each.port)
            for each in self.egress
        )
        if self.egress and not by_rule and not self.has_interfaces:
            yield Mistake(
                "egress lets nothing out by tcp 443",
                "the registry, the queue, secrets and logs are reached by it, and no task would"
                " start",
                "Add an Egress with port=443",
            )

    @about("security_groups")
    def _groups(self) -> Iterator[Mistake]:
        for each in self.security_groups:
            yield from parameter_name(each, "security_groups")
        if len(set(self.security_groups)) < len(self.security_groups):
            yield Mistake("A security group is named twice", "ECS takes each once", "Remove one")
        if len(self.security_groups) >= MOST_GROUPS:
            yield Mistake(
                f"{len(self.security_groups)} security groups besides the worker's own",
                f"a task has at most {MOST_GROUPS} (ECS)",
                "Put their rules into fewer groups",
            )

    @about("endpoints")
    def _endpoints(self) -> Iterator[Mistake]:
        if len(set(self.endpoints)) < len(self.endpoints):
            yield Mistake("An endpoint is named twice", "a VPC takes it once", "Remove one")
        if "ecr.dkr" in self.endpoints and "s3" not in self.endpoints:
            yield Mistake(
                "The endpoint ecr.dkr comes without s3",
                "the layers of an image are in S3 (ECR: interface VPC endpoints)",
                'Add "s3", unless the VPC has it; then write endpoints without ecr.dkr here',
            )

    @property
    def has_interfaces(self) -> bool:
        """Whether any endpoint has addresses of its own, which a security group protects."""
        return bool({*self.endpoints} - {*GATEWAYS})


def check_file_system(network: Network, workspace: Workspace | None) -> Iterator[Mistake]:
    """Wrong where egress keeps the worker from the file system that it mounts."""
    reached = any(
        each.protocol == "tcp" and each.port <= NFS <= (each.last_port or each.port)
        for each in network.egress
    )
    if workspace and network.egress and not reached:
        yield Mistake(
            "egress lets nothing out by tcp 2049",
            "the workspace is mounted by it, and no task would start",
            "Add an Egress with port=2049 to the file system's security group",
        )
