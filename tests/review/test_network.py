"""What security groups let through, at the edges of ports and of networks."""

from typing import Any

import pytest

from workerstack.cloudformation import Stack, from_data, resolve
from workerstack.review.network import PUBLIC, is_world, not_covered, public, rules


def group(*ingress: dict[str, Any]) -> Stack:
    properties = {"SecurityGroupIngress": list(ingress), "SecurityGroupEgress": [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"}]}  # fmt: skip
    body = {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}
    return resolve(from_data({"Resources": {"G": body}}))


def rule(first: int, last: int, side: str = "10.0.0.0/8") -> dict[str, Any]:
    key = "CidrIpv6" if ":" in side else "CidrIp"
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, key: side}


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ((20, 30), (20, 30), True),
        ((20, 30), (21, 29), True),
        ((20, 30), (19, 30), False),
        ((20, 30), (20, 31), False),
    ],
)
def test_ports_are_covered_to_the_last(
    wide: tuple[int, int], narrow: tuple[int, int], covered: bool
) -> None:
    found = not_covered(rules(group(rule(*narrow))), rules(group(rule(*wide))))
    assert (not found) is covered


@pytest.mark.parametrize(
    ("sides", "world"),
    [
        (["0.0.0.0/0"], True),
        (["12.0.0.0/7"], True),
        (["12.0.0.0/8"], False),
        (["12.0.0.0/8", "13.0.0.0/8"], True),
        (["10.0.0.0/8"], False),
        (["::/0"], True),
        (["2600::/15"], True),
        (["2600::/16"], False),
        (["fd00::/8"], False),
    ],
)
def test_a_network_that_is_wider_than_any_owner_has_is_the_internet(
    sides: list[str], world: bool
) -> None:
    found = [each for each in rules(group(*(rule(22, 22, side) for side in sides)))
             if each.direction == "inbound"]  # fmt: skip
    assert is_world(found) is world


OPENS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::ECS::Service": (
        {"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}},
        {"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "DISABLED"}}},
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        {"Scheme": "internet-facing"}, {"Scheme": "internal"}),
    "AWS::RDS::DBInstance": ({"PubliclyAccessible": True}, {"PubliclyAccessible": "false"}),
    "AWS::EC2::Subnet": ({"MapPublicIpOnLaunch": "true"}, {"MapPublicIpOnLaunch": False}),
    "AWS::Lambda::Url": ({"AuthType": "NONE"}, {"AuthType": "AWS_IAM"}),
    "AWS::Redshift::Cluster": ({"PubliclyAccessible": "true"}, {"PubliclyAccessible": False}),
    "AWS::S3::Bucket": ({"AccessControl": "PublicReadWrite"}, {"AccessControl": "Private"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", OPENS)
def test_what_a_property_opens_to_the_internet_is_seen(kind: str) -> None:
    assert set(PUBLIC) == set(OPENS)
    for properties, is_open in zip(OPENS[kind], (True, False), strict=True):
        body = {"Type": kind, "Properties": properties}
        assert bool(public(resolve(from_data({"Resources": {"It": body}})))) is is_open
