"""What policies come to, case by case: boundaries, callers, absent keys, limits, strangers."""

from typing import Any

import pytest

from workerstack.cloudformation.policies import (
    AccessRequest,
    Answer,
    Principal,
    decide,
    names,
    read,
)
from workerstack.cloudformation.policy_conditions import Test, holds, implies
from workerstack.cloudformation.policy_conditions import read as conditions
from workerstack.cloudformation.policy_exposure import who_may
from workerstack.cloudformation.policy_inclusion import covers


def allow(action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def deny(action: str, **more: Any) -> dict[str, Any]:
    return {**allow(action, **more), "Effect": "Deny"}


@pytest.mark.parametrize(
    ("granted", "boundary", "answer"),
    [
        ([allow("s3:*")], None, Answer.ALLOWED),
        ([allow("s3:*")], [allow("*")], Answer.ALLOWED),
        ([allow("s3:*")], [allow("sqs:*")], Answer.NOT_ALLOWED),
        ([allow("sqs:*")], [allow("s3:*")], Answer.NOT_ALLOWED),
        ([allow("s3:*")], [], Answer.NOT_ALLOWED),
        ([allow("s3:*")], [allow("*"), deny("s3:GetObject")], Answer.DENIED),
        ([allow("s3:*"), deny("s3:Get*")], [allow("*")], Answer.DENIED),
    ],
)
def test_a_boundary_limits_and_grants_nothing(
    granted: list[Any], boundary: list[Any] | None, answer: Answer
) -> None:
    limits = None if boundary is None else [read(boundary)]
    assert decide([read(granted)], AccessRequest("s3:GetObject"), limits).answer is answer


@pytest.mark.parametrize(
    ("kind", "named", "asking", "same"),
    [
        ("Service", "ecs-tasks.amazonaws.com", "ECS-Tasks.amazonaws.com", True),
        ("Service", "ecs-tasks.amazonaws.com", "ecs.amazonaws.com", False),
        ("Service", "*", "ecs.amazonaws.com", True),
        ("AWS", "111122223333", "arn:aws:iam::111122223333:role/r", True),
        ("AWS", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/r", True),
        ("AWS", "arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:role/r", False),
        ("AWS", "arn:aws:iam::111122223333:role/p/r",
         "arn:aws:sts::111122223333:assumed-role/r/s", True),
        ("AWS", "arn:aws:iam::111122223333:role/q", "arn:aws:sts::111122223333:assumed-role/r/s",
         False),
    ],
)  # fmt: skip
def test_who_is_named(kind: str, named: str, asking: str, same: bool) -> None:
    assert names(Principal(kind, named), Principal(kind, asking)) is same


@pytest.mark.parametrize(
    ("operator", "value", "answer"),
    [
        *((f"{kind}{order}", value, answer)
          for kind in ("Numeric", "Date")
          for order, answers in (
              ("Equals", (False, True, False)), ("NotEquals", (True, False, True)),
              ("LessThan", (True, False, False)), ("LessThanEquals", (True, True, False)),
              ("GreaterThan", (False, False, True)), ("GreaterThanEquals", (False, True, True)),
          )
          for value, answer in zip(("9", "10", "11"), answers, strict=True)),
        # A key that is absent: null. Source: IAM User Guide, "Multivalued context keys".
        ("StringEquals", None, False),
        ("StringNotEquals", None, True),
        ("StringEqualsIfExists", None, True),
        ("ForAllValues:StringEquals", None, True),
        ("ForAnyValue:StringEquals", None, False),
        ("ForAllValues:StringNotEquals", None, True),
        ("ForAnyValue:StringNotEquals", None, False),
        ("Null", None, False),
    ],
)  # fmt: skip
def test_a_condition_holds_at_its_edge(operator: str, value: str | None, answer: bool) -> None:
    [test] = conditions({operator: {"aws:Key": "10"}})
    assert holds(test, {"aws:key": value}) is answer


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ({"StringEquals": {"k": "a"}}, {"StringEquals": {"k": ["a", "b"]}}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"StringEquals": {"k": "a"}}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"StringNotEquals": {"k": "a"}}, True),
        ({"StringNotEquals": {"k": "a"}}, {"StringNotEquals": {"k": ["a", "b"]}}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {"StringEquals": {"k": "a"}}, False),
        ({"StringEquals": {"k": "a"}}, {"StringEqualsIfExists": {"k": "a"}}, True),
    ],
)
def test_one_condition_implies_another(one: Any, other: Any, answer: bool) -> None:
    [left], [right] = conditions(one), conditions(other)
    assert isinstance(left, Test)
    assert isinstance(right, Test)
    assert implies(left, right) is answer


ORG = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}


@pytest.mark.parametrize(
    ("statements", "is_open"),
    [
        ([allow("*", Principal="*")], True),
        # A /8 is as wide as the world (S3 user guide, "The meaning of public"), and so is a /32.
        *(([allow("*", Principal="*", Condition={"IpAddress": {"aws:SourceIp": each}})], seen)
          for each, seen in (("12.0.0.0/8", True), ("12.0.0.0/9", False), ("2600::/32", True),
                             ("2600::/33", False))),
        ([allow("*", Principal="*"), deny("*", Principal="*", Condition=ORG)], False),
        ([allow("*", Principal="*"), deny("s3:*", Principal="*", Condition=ORG)], True),
        ([allow("*", Principal="*"),
          deny("*", NotPrincipal={"AWS": "arn:aws:iam::111122223333:root"})], False),
        # That Deny holds in one Region only.
        ([allow("*", Principal="*"),
          deny("*", NotPrincipal={"AWS": "arn:aws:iam::111122223333:root"},
               Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})], True),
    ],
)  # fmt: skip
def test_what_is_open_to_strangers(statements: list[Any], is_open: bool) -> None:
    assert any(each.is_open for each in who_may(read(statements))) is is_open


def test_a_condition_and_its_opposite_together_cover_all() -> None:
    tls = [allow("s3:*", Condition={"StringEquals": {"aws:k": "a"}}),
           allow("s3:*", Condition={"StringNotEquals": {"aws:k": "a"}})]  # fmt: skip
    assert covers([read(tls)], [read([allow("s3:*")])]).covered is True
    assert covers([read(tls[:1])], [read([allow("s3:*")])]).covered is False
