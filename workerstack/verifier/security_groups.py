"""The rules of a stack's security groups against those that run."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workerstack.cloudformation import Resource, is_known, text
from workerstack.verifier.live_resources import PEERS, rule_key
from workerstack.verifier.live_stack import RULES, Live, settled

EVERYWHERE = ({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}, {"IpProtocol": "-1", "CidrIpv6": "::/0"})
"""What a group lets out for which no outbound rule is written.

Source: AWS::EC2::SecurityGroup, "Return values" (the default egress rule).
"""

LISTS = {"ingress": "SecurityGroupIngress", "egress": "SecurityGroupEgress"}


class LiveRule(NamedTuple):
    """A rule of a group that is there by hand (``extra``), or is not there any more."""

    group: str
    direction: str
    rule: Mapping[str, Any]
    extra: bool

    @property
    def sentence(self) -> str:
        """``sg-1 lets in tcp 22 from 0.0.0.0/0, which is not in the template``."""
        if self.extra:
            verb = "lets in" if self.direction == "ingress" else "lets out"
            return f"{self.group} {verb} {said(self.rule)}, which the template does not"
        verb = "let in" if self.direction == "ingress" else "let out"
        return f"{self.group} does not {verb} {said(self.rule)}, as the template says"

    @property
    def permissions(self) -> list[dict[str, Any]]:
        """The rule as AuthorizeSecurityGroupIngress and Revoke take it."""
        return [_permission(self.rule, self.direction)]


def said(rule: Mapping[str, Any]) -> str:
    """``tcp 2049 from 10.0.0.0/16``."""
    protocol, first, last, peer = rule_key(rule)
    ports = "" if not first else f" {first}" if first == last else f" {first}-{last}"
    name, _, value = peer.partition("=")
    way = "to" if name.startswith("Destination") else "from"
    return f"{'all traffic' if protocol == '-1' else protocol}{ports} {way} {value}"


def rules_by_hand(live: Live) -> Iterator[LiveRule]:
    """Where rules of the stack's groups, and its rules in other groups, are not as deployed."""
    for group in live.of("AWS::EC2::SecurityGroup"):
        if group.logical_id in live.found:
            yield from _of_group(live, group)
    for each in live.of(*RULES):
        if each.logical_id in live.gone and not _in_the_stack(live, each):
            direction = "egress" if each.type.endswith("Egress") else "ingress"
            rule = settled(dict(each.properties), live.deployed.reference)
            yield LiveRule(str(rule.get("GroupId")), direction, rule, extra=False)


def _of_group(live: Live, group: Resource) -> Iterator[LiveRule]:
    identifier = live.physical[group.logical_id]
    for direction, listed in LISTS.items():
        apart = [each for each in live.of(*RULES)
                 if RULES[each.type] == listed and _names(live, each, group)]  # fmt: skip
        written = [*(group.get(listed) or []), *(each.properties for each in apart)]
        wanted = {rule_key(rule): rule for rule in
                  (settled(dict(each), live.deployed.reference) for each in written)}  # fmt: skip
        if not is_known(list(wanted.values())):
            continue  # which of the live rules are the template's cannot be told
        present = {rule_key(each): each for each in live.found[group.logical_id].properties[listed]}
        silent = direction == "egress" and not group.get(listed)
        default = {rule_key(each): each for each in EVERYWHERE} if silent else {}
        for key, rule in present.items():
            if key not in wanted and key not in default:
                yield LiveRule(identifier, direction, rule, extra=True)
        first = dict(list(default.items())[:1])
        for key, rule in {**first, **wanted}.items():
            if key not in present:
                yield LiveRule(identifier, direction, rule, extra=False)


def _in_the_stack(live: Live, rule: Resource) -> bool:
    return any(_names(live, rule, each) for each in live.of("AWS::EC2::SecurityGroup"))


def _names(live: Live, rule: Resource, group: Resource) -> bool:
    found = text(settled(rule.get("GroupId"), live.deployed.reference))
    return found == live.physical[group.logical_id]


def _permission(rule: Mapping[str, Any], direction: str) -> dict[str, Any]:
    found: dict[str, Any] = {"IpProtocol": str(rule.get("IpProtocol", "-1"))}
    for port in ("FromPort", "ToPort"):
        if rule.get(port) is not None and found["IpProtocol"] != "-1":
            found[port] = int(rule[port])
    group, prefixes = PEERS[direction]
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    for name, listed, member in (
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        (prefixes, "PrefixListIds", "PrefixListId"),
        (group, "UserIdGroupPairs", "GroupId"),
    ):
        if rule.get(name):
            found[listed] = [{member: str(rule[name]), **described}]
    return found
