"""IAM statements and network rules that a change gains or loses.

Two documents that say the same in other words have the same atoms: an Allow of two actions
on two resources is four. The table puts atoms that differ in the action only back together.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workerstack.cloudformation import written
from workerstack.cloudformation.compare import is_function
from workerstack.review.case import properties
from workerstack.review.model import AccessChange, ResourceChange

TRUST = "AssumeRolePolicyDocument"
ATTACHED = {
    "ManagedPolicyArns": ("Allow", "managed policy"),
    "PermissionsBoundary": ("Deny", "beyond the boundary"),
}
"""Policies that are only named, as effect and what stands for their actions."""


class Atom(NamedTuple):
    """The smallest thing that a policy says."""

    kind: str
    effect: str
    action: str
    resource: str
    principal: str
    condition: str


def atoms(body: Any) -> frozenset[Atom]:
    """Every atom of every policy document anywhere in a resource's body."""
    return frozenset(_walk(body, ""))


def _walk(value: Any, key: str) -> Iterator[Atom]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, key)
    elif isinstance(value, Mapping):
        for statement in _listed(value.get("Statement")):
            if isinstance(statement, Mapping):
                yield from _statement("trust" if key == TRUST else "permission", statement)
        for name, item in value.items():
            if name in ATTACHED:
                effect, action = ATTACHED[name]
                for arn in _listed(item):
                    yield Atom("permission", effect, action, written(arn), "", "")
            elif name != "Statement":
                yield from _walk(item, name)


def _statement(kind: str, statement: Mapping[str, Any]) -> Iterator[Atom]:
    effect = str(statement.get("Effect", "Allow"))
    condition = written(statement["Condition"]) if statement.get("Condition") else ""
    actions = [written(each) for each in _listed(statement.get("Action"))]
    actions += [f"all but {written(each)}" for each in _listed(statement.get("NotAction"))]
    resources = [written(each) for each in _listed(statement.get("Resource"))]
    resources += [f"all but {written(each)}" for each in _listed(statement.get("NotResource"))]
    principals = list(_principals(statement.get("Principal")))
    principals += [f"all but {each}" for each in _principals(statement.get("NotPrincipal"))]
    for action in actions:
        for resource in resources or [""]:
            for principal in principals or [""]:
                yield Atom(kind, effect, action, resource, principal, condition)


def _principals(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and not is_function(value):
        for kind, names in value.items():
            for name in _listed(names):
                yield f"{kind} {written(name)}" if name != "*" else "*"
    elif value is not None:
        yield written(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def compared_policies(change: ResourceChange) -> Iterator[AccessChange]:
    """What a resource's change gains and loses, grouped; lost first."""
    before, after = atoms(change.before), atoms(change.after)
    for gained, difference in ((False, before - after), (True, after - before)):
        yield from _grouped(change.logical_id, difference, gained=gained)


def _grouped(logical_id: str, found: frozenset[Atom], *, gained: bool) -> Iterator[AccessChange]:
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for atom in sorted(found):
        rest = (atom.kind, atom.effect, atom.resource, atom.principal, atom.condition)
        by_actions.setdefault(rest, []).append(atom.action)
    by_resources: dict[tuple[Any, ...], list[str]] = {}
    for (kind, effect, resource, principal, condition), actions in by_actions.items():
        rest_of_all = (kind, effect, tuple(actions), principal, condition)
        by_resources.setdefault(rest_of_all, []).append(resource)
    for (kind, effect, listed, principal, condition), resources in by_resources.items():
        yield AccessChange(
            kind="trust" if kind == "trust" else "permission",
            gained=gained,
            logical_id=logical_id,
            effect=effect,
            actions=listed,
            resources=tuple(each for each in resources if each),
            principal=principal,
            condition=condition,
        )


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


def compared_rules(change: ResourceChange) -> Iterator[AccessChange]:
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
