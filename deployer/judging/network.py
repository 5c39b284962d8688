"""Network rules gained and lost: security groups, their standalone rules, public addresses."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from deployer.judging.case import properties
from deployer.judging.written import written
from deployer.review import AccessChange, ResourceChange

GROUP = "AWS::EC2::SecurityGroup"
STANDALONE = {
    "AWS::EC2::SecurityGroupIngress": "ingress",
    "AWS::EC2::SecurityGroupEgress": "egress",
}
INLINE = {"SecurityGroupIngress": "ingress", "SecurityGroupEgress": "egress"}
ALL_OUT = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
"""What a group without egress rules has: everything (AWS::EC2::SecurityGroup)."""

SIDES = (
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "DestinationSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationPrefixListId",
)
WORLD = frozenset({"0.0.0.0/0", "::/0"})
PUBLIC = {
    "AWS::ECS::Service": ("AssignPublicIp", "ENABLED"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Scheme", "internet-facing"),
    "AWS::RDS::DBInstance": ("PubliclyAccessible", "true"),
    "AWS::EC2::Subnet": ("MapPublicIpOnLaunch", "true"),
}
"""The property that gives a resource a public address, and its value for yes."""


class Rule(NamedTuple):
    """One way into or out of a group."""

    direction: str
    traffic: str
    side: str
    group: str


def rules(kind: str, logical_id: str, body: Any) -> frozenset[Rule]:
    """Every rule that a resource's body opens."""
    return frozenset(_rules(kind, logical_id, properties(body)) if body is not None else ())


def _rules(kind: str, logical_id: str, given: Mapping[str, Any]) -> Iterator[Rule]:
    if kind in STANDALONE:
        yield from _sides(STANDALONE[kind], given, written(given.get("GroupId", "")))
    elif kind == GROUP:
        for name, direction in INLINE.items():
            inline = given.get(name) or ([ALL_OUT] if direction == "egress" else [])
            for rule in inline if isinstance(inline, list) else []:
                if isinstance(rule, Mapping):
                    yield from _sides(direction, rule, logical_id)
    elif kind in PUBLIC:
        name, yes = PUBLIC[kind]
        if any(str(value).lower() == yes.lower() for value in _values(given, name)):
            yield Rule("public address", f"{name} {yes}", "the internet", logical_id)


def _sides(direction: str, rule: Mapping[str, Any], group: str) -> Iterator[Rule]:
    for name in SIDES:
        if rule.get(name):
            yield Rule(direction, _traffic(rule), written(rule[name]), group)


def _traffic(rule: Mapping[str, Any]) -> str:
    protocol = str(rule.get("IpProtocol", "-1"))
    if protocol == "-1":
        return "all traffic"
    first, last = rule.get("FromPort"), rule.get("ToPort")
    if first is None or str(first) == "-1":
        return f"{protocol} all ports"
    return f"{protocol} {first}" if str(first) == str(last) else f"{protocol} {first}-{last}"


def _values(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == name:
                yield item
            else:
                yield from _values(item, name)


def compared(change: ResourceChange) -> Iterator[AccessChange]:
    """What a resource's change opens and closes; closed first."""
    before = rules(change.type, change.logical_id, change.before)
    after = rules(change.type, change.logical_id, change.after)
    for gained, difference in ((False, before - after), (True, after - before)):
        for rule in sorted(difference):
            yield AccessChange(
                kind="network",
                gained=gained,
                logical_id=change.logical_id,
                effect="Allow",
                actions=(f"{rule.direction} {rule.traffic}",),
                resources=(rule.group,),
                principal=rule.side,
            )
