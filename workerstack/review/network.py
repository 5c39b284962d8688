"""What security groups let in and out, before and after, by what the rules mean.

``tcp`` is ``6``, two halves are the whole, and a rule inside of a group is the same as one beside
it. Source: EC2 API reference, IpPermission; template reference, AWS::EC2::SecurityGroup.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation import Stack, references, text, written

GROUP = "AWS::EC2::SecurityGroup"
STANDALONE = {
    "AWS::EC2::SecurityGroupIngress": "inbound",
    "AWS::EC2::SecurityGroupEgress": "outbound",
}
INLINE = {"SecurityGroupIngress": "inbound", "SecurityGroupEgress": "outbound"}
ALL_OUT = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
"""What a group without outbound rules has: everything (AWS::EC2::SecurityGroup)."""

SIDES = (
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "DestinationSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationPrefixListId",
)
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "-1": "all"}
WIDEST = {4: 8, 6: 16}
"""A public network with a shorter prefix than this is the internet."""
HTTPS, NFS = 443, 2049
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, order=True)
class NetworkRule:
    """One way into or out of a group; ``logical_id`` is where it stands.

    ``side`` is a network in its one spelling, a group or a prefix list.
    """

    direction: str
    protocol: str
    first: int
    last: int
    side: str
    group: str
    logical_id: str

    @property
    def network(self) -> Network | None:
        """The other side, where it is a network."""
        return _network(self.side)

    @property
    def traffic(self) -> str:
        """``TCP 22``, ``UDP 53-60``, ``all traffic``."""
        if self.protocol == "all":
            return "all traffic"
        name = self.protocol.upper()
        if (self.first, self.last) == (0, 65535):
            return f"{name} all ports"
        return f"{name} {self.first}" + (f"-{self.last}" if self.last != self.first else "")

    def includes(self, other: "NetworkRule") -> bool:
        """Whether it lets through the other's traffic, whoever is on the other side."""
        return (
            self.direction == other.direction
            and self.group == other.group
            and (
                self.protocol == "all"
                or (
                    self.protocol == other.protocol
                    and self.first <= other.first
                    and other.last <= self.last
                )
            )
        )


def _network(value: str) -> Network | None:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def rules(stack: Stack) -> frozenset[NetworkRule]:
    """Every rule of every group that the stack has, or adds to."""
    return frozenset(_rules(stack))


def _rules(stack: Stack) -> Iterator[NetworkRule]:
    for name, each in stack.resources.items():
        given = each.properties
        if each.type in STANDALONE:
            group = next(
                (one.logical_id for one in references(given.get("GroupId"))),
                written(given.get("GroupId", "")),
            )
            yield from _sides(STANDALONE[each.type], given, group, name)
        elif each.type == GROUP:
            for key, direction in INLINE.items():
                inline = given.get(key) or ([ALL_OUT] if direction == "outbound" else [])
                for rule in inline if isinstance(inline, list) else []:
                    if isinstance(rule, Mapping):
                        yield from _sides(direction, rule, name, name)


def _sides(
    direction: str, rule: Mapping[str, Any], group: str, logical_id: str
) -> Iterator[NetworkRule]:
    protocol = str(text(rule.get("IpProtocol")) or "-1").lower()
    protocol = PROTOCOLS.get(protocol, protocol)
    first, last = (_port(rule.get(key)) for key in ("FromPort", "ToPort"))
    if protocol == "all" or first is None or first < 0:
        first, last = 0, 65535
    for name in SIDES:
        if rule.get(name):
            side = text(rule[name]) or written(rule[name])
            network = _network(side)
            yield NetworkRule(
                direction, protocol, first, first if last is None else last,
                str(network) if network else side, group, logical_id,
            )  # fmt: skip


def _port(value: Any) -> int | None:
    try:
        return int(str(text(value)))
    except ValueError:
        return None


def not_covered(
    wanted: Iterable[NetworkRule], by: Collection[NetworkRule]
) -> tuple[NetworkRule, ...]:
    """The rules of which a part is not let through by the others together."""
    return tuple(sorted(each for each in wanted if not _is_covered(each, by)))


def _is_covered(rule: NetworkRule, by: Collection[NetworkRule]) -> bool:
    same = [each for each in by if each.includes(rule)]
    if any(each.side == rule.side for each in same):
        return True
    network = rule.network
    return network is not None and any(
        network.version == wide.version and network.subnet_of(wide)  # type: ignore[arg-type]
        for wide in collapsed(same)
    )


def collapsed(found: Iterable[NetworkRule]) -> list[Network]:
    """The networks of the rules, joined: two halves are one."""
    networks = [network for each in found if (network := each.network) is not None]
    narrow = [each for each in networks if isinstance(each, ipaddress.IPv4Network)]
    wide = [each for each in networks if isinstance(each, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(narrow), *ipaddress.collapse_addresses(wide)]


def is_world(found: Collection[NetworkRule]) -> bool:
    """Whether rules of one traffic reach so far that it is the internet."""
    return any(
        each.prefixlen < WIDEST[each.version] and not each.is_private for each in collapsed(found)
    )


PUBLIC = {
    "AWS::ECS::Service": ("AssignPublicIp", ("enabled",)),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Scheme", ("internet-facing",)),
    "AWS::RDS::DBInstance": ("PubliclyAccessible", ("true",)),
    "AWS::EC2::Subnet": ("MapPublicIpOnLaunch", ("true",)),
    "AWS::Lambda::Url": ("AuthType", ("none",)),
    "AWS::Redshift::Cluster": ("PubliclyAccessible", ("true",)),
    "AWS::S3::Bucket": ("AccessControl", ("publicread", "publicreadwrite")),
}
"""The property that opens a resource to the internet, and its values for yes."""


def public(stack: Stack) -> dict[str, str]:
    """What is open to the internet by a property of its own: by logical id, how."""
    found = {}
    for name, each in stack.resources.items():
        if each.type in PUBLIC:
            key, yes = PUBLIC[each.type]
            for value in _values(each.properties, key):
                given = text(value)
                if given is not None and given.lower() in yes:
                    found[name] = f"{key} {given}"
    return found


def _values(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == name:
                yield item
            else:
                yield from _values(item, name)
