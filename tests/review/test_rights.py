"""What a role gains and loses: what a Deny takes, and where a policy may stand."""

from typing import Any

import pytest

from workerstack.cloudformation import Stack, from_data, resolve
from workerstack.review.rights import ATTACHED, compared

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}


def allow(action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "arn:aws:sqs:::q", **more}


def deny(action: str, **more: Any) -> dict[str, Any]:
    return {**allow(action, **more), "Effect": "Deny"}


def role(*statements: dict[str, Any]) -> Stack:
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}
    body = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}
    return resolve(from_data({"Resources": {"R": body}}))


@pytest.mark.parametrize(
    ("before", "after", "gained", "lost"),
    [
        ([allow("sqs:a")], [allow("sqs:a")], [], []),
        ([allow("sqs:a")], [], [], ["sqs:a"]),
        ([], [allow("sqs:a")], ["sqs:a"], []),
        ([allow("sqs:a")], [allow("sqs:a"), deny("sqs:a")], [], ["sqs:a"]),
        # It is denied only now and then, so it is not lost.
        ([allow("sqs:a")], [allow("sqs:a"), deny("sqs:a", Condition=MFA)], [], []),
        # What was denied cannot be lost, and is gained where the Deny goes.
        ([allow("sqs:a"), deny("sqs:a")], [], [], []),
        ([allow("sqs:a"), deny("sqs:a")], [allow("sqs:a")], ["sqs:a"], []),
        ([allow("sqs:a"), deny("sqs:a", Condition=MFA)], [], [], ["sqs:a"]),
        ([allow("sqs:a")], [allow("sqs:A")], [], []),
        ([allow("sqs:a")], [allow("sqs:*")], ["sqs:*"], []),
    ],
)
def test_what_a_role_gains_and_loses(
    before: list[Any], after: list[Any], gained: list[str], lost: list[str]
) -> None:
    found = compared(role(*before), role(*after))
    assert [right.action for each in found for right in each.gained] == gained
    assert [right.action for each in found for right in each.lost] == lost


BESIDE = {
    "AWS::IAM::Policy": ("Roles", "Users", "Groups"),
    "AWS::IAM::RolePolicy": ("RoleName",),
    "AWS::IAM::UserPolicy": ("UserName",),
    "AWS::IAM::GroupPolicy": ("GroupName",),
    "AWS::IAM::ManagedPolicy": ("Roles", "Users", "Groups"),
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in BESIDE.items() for name in names]
)
def test_a_policy_beside_its_holder_is_the_holders(kind: str, name: str) -> None:
    assert set(ATTACHED) == set(BESIDE)
    whom: Any = {"Ref": "R"}
    properties = {
        "PolicyName": "p", "PolicyDocument": {"Statement": [allow("sqs:a")]},
        name: [whom] if name.endswith("s") else whom,
    }  # fmt: skip
    bodies = {"R": {"Type": "AWS::IAM::Role"}, "P": {"Type": kind, "Properties": properties}}
    stacks = [resolve(from_data({"Resources": {"R": bodies["R"], **more}}))
              for more in ({}, {"P": bodies["P"]})]  # fmt: skip
    [found] = [each for each in compared(*stacks) if each.gained]
    assert (found.holder.kind, found.holder.name) == ("role", "R")
    assert [(right.action, right.logical_id) for right in found.gained] == [("sqs:a", "P")]
