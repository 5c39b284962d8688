"""What is equal, and what may be: a table of pairs, each way round."""

from typing import Any

import pytest

from workerstack.cloudformation import could_be_equal, differences, equal
from workerstack.cloudformation.compare import ONE_OR_MORE, UNORDERED
from workerstack.cloudformation.values import Text, Unknown

OPEN = Unknown({"Ref": "X"}, "X has no value", "parameter")
SETS = (
    "Action", "Actions", "AlarmActions", "AllowedValues", "AvailabilityZones", "CapacityProviders",
    "Dimensions", "Environment", "Groups", "InsufficientDataActions", "LoadBalancers",
    "ManagedPolicyArns", "NotAction", "NotPrincipal", "NotResource", "OKActions", "Policies",
    "RequiresCompatibilities", "Resource", "Roles", "Secrets", "SecurityGroupEgress",
    "SecurityGroupIds", "SecurityGroupIngress", "SecurityGroups", "Statement", "StepAdjustments",
    "SubnetIds", "Subnets", "Tags", "Users", "VPCZoneIdentifier", "VpcSecurityGroupIds",
)  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"A": None}, {}, True),
        ({"A": None, "B": 1}, {"B": "1"}, True),
        ({"A": ""}, {}, False),
        ({"A": [None]}, {"A": []}, False),
        *(({"Effect": "Allow", name: "x"}, {"Effect": "Allow", name: ["x"]}, True)
          for name in ("Action", "NotAction", "Resource", "NotResource")),
        ({"Effect": "Allow", "Sid": "x"}, {"Effect": "Allow", "Sid": ["x"]}, False),
    ],
)  # fmt: skip
def test_two_values_are_the_same(one: Any, other: Any, same: bool) -> None:
    assert frozenset({"Action", "NotAction", "Resource", "NotResource"}) == ONE_OR_MORE
    assert equal(one, other) is same
    assert equal(other, one) is same


@pytest.mark.parametrize("name", SETS)
def test_what_is_a_set_to_its_service_has_no_order(name: str) -> None:
    assert set(UNORDERED) == set(SETS)
    assert equal({name: ["a", "b"]}, {name: ["b", "a"]})
    assert not equal({f"{name}X": ["a", "b"]}, {f"{name}X": ["b", "a"]})


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        (Text(("a-", OPEN)), "b", False),
        (Text(("a-", OPEN)), "a-b", None),
        (Text((OPEN, "-a")), "x-b", False),
        (Text(("a-", OPEN)), Text(("b-", OPEN)), False),
        (Text((OPEN, "-a")), Text((OPEN, "-b")), False),
        (Text(("x", OPEN, "-a")), Text((OPEN, "-ba")), False),
        (Text(("x", OPEN, "-a")), Text((OPEN, "a")), None),
        # One that ends in what is not known may end in anything.
        (Text((OPEN, "-a")), Text(("x-", OPEN)), None),
        (OPEN, "b", None),
        (OPEN, OPEN, True),
    ],
)
def test_the_known_pieces_of_a_text_decide_where_they_can(
    one: Any, other: Any, answer: bool | None
) -> None:
    assert could_be_equal(one, other) is answer
    assert could_be_equal(other, one) is answer


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        (["a", "b"], ["a"], ["/1"]),
        (["a"], ["a", "b"], ["/1"]),
        (["a"], ["b", "a"], ["/0"]),
        (["a", "b"], ["a", "c"], ["/1", "/1"]),
        (["a", "b"], ["b", "a"], [""]),
    ],
)
def test_members_that_come_and_go_are_told(
    before: list[str], after: list[str], paths: list[str]
) -> None:
    assert [each.pointer for each in differences(before, after)] == paths
