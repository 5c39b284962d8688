"""CloudFormation's stack refactoring: the calls as AWS's model has them, and what goes wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from workerstack.adopter import refactor
from workerstack.adopter.plan import immovable
from workerstack.adopter.refactor import Unsupported
from workerstack.deployer.clock import Clock
from workerstack.problem import Detached, Problem
from workerstack.review import renaming as proposal

ID = "0dd28a37-5f86-4383-961c-3ffe650c8902"
HERE = {"StackRefactorId": ID}
QUICK = Clock(sleep=lambda _: None, limit=60)


@pytest.fixture
def cloudformation() -> Any:
    return boto3.client("cloudformation", region_name="us-west-2")


@pytest.fixture
def stub(cloudformation: Any) -> Iterator[Stubber]:
    """Answers, in order; a call that is not expected or not made fails the test."""
    with Stubber(cloudformation) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def described(stub: Stubber, **answer: str) -> None:
    stub.add_response("describe_stack_refactor", {**HERE, **answer}, HERE)


def move(old: str, new: str, physical: str, **more: Any) -> dict[str, Any]:
    sides = {"Source": old, "Destination": new}
    return {
        "Action": "MOVE", "Entity": "RESOURCE", "PhysicalResourceId": physical,
        "ResourceMapping": {
            side: {"StackName": "edit", "LogicalResourceId": name} for side, name in sides.items()
        },
        **more,
    }  # fmt: skip


def test_it_is_made_within_one_stack(cloudformation: Any, stub: Stubber) -> None:
    side = {"StackName": "edit"}
    stub.add_response(
        "create_stack_refactor",
        HERE,
        {
            "Description": ANY,
            "EnableStackCreation": False,
            "StackDefinitions": [{"StackName": "edit", "TemplateBody": "text"}],
            "ResourceMappings": [
                {
                    "Source": {**side, "LogicalResourceId": old},
                    "Destination": {**side, "LogicalResourceId": new},
                }
                for old, new in (("A1", "Queue"), ("B2", "Cluster"))
            ],
        },
    )
    names = {"B2": "Cluster", "A1": "Queue"}
    found = refactor.create_refactoring(
        cloudformation, "edit", {"TemplateBody": "text"}, names, "why"
    )
    assert found == ID


def test_it_is_awaited_until_it_can_be_executed(cloudformation: Any, stub: Stubber) -> None:
    waited: list[float] = []
    described(stub, Status="CREATE_IN_PROGRESS", ExecutionStatus="UNAVAILABLE")
    described(stub, Status="CREATE_IN_PROGRESS", ExecutionStatus="UNAVAILABLE")
    described(stub, Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE")
    refactor.wait_created(cloudformation, ID, Clock(sleep=waited.append))
    assert len(waited) == 2


STACK = "arn:aws:cloudformation:us-west-2:111122223333:stack/edit/1: "


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Stack Refactor does not support AWS::CDK::Metadata.", "AWS::CDK::Metadata"),
        (
            "Stack Refactor does not support AWS::EC2::KeyPair because the resource type does not"
            " allow tag updates after creation.",
            "AWS::EC2::KeyPair",
        ),
        (
            "Stack Refactor does not support AWS::CloudWatch::Alarm because the resource type"
            " defines an unsupported tag schema.",
            "AWS::CloudWatch::Alarm",
        ),
    ],
)
def test_a_type_that_it_refuses_is_known(
    reason: str, kind: str, cloudformation: Any, stub: Stubber
) -> None:
    described(stub, Status="CREATE_FAILED", ExecutionStatus="OBSOLETE", StatusReason=STACK + reason)
    with pytest.raises(Unsupported, match=kind) as caught:
        refactor.wait_created(cloudformation, ID, QUICK)
    assert caught.value.kind == kind
    assert ("--version-reporting=false" in str(caught.value)) == (kind == "AWS::CDK::Metadata")


def test_any_other_failure_is_told(cloudformation: Any, stub: Stubber) -> None:
    reason = "Resource Queue does not match the destination resource's properties."
    described(stub, Status="CREATE_FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=reason)
    with pytest.raises(Problem, match=r"could not make the refactoring .*does not match"):
        refactor.wait_created(cloudformation, ID, QUICK)


def test_waiting_for_it_has_an_end(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stub:
        for _ in range(99):
            described(stub, Status="CREATE_IN_PROGRESS")
        with pytest.raises(Problem, match="still being made"):
            refactor.wait_created(cloudformation, ID, QUICK)


def test_all_pages_of_its_actions_are_read(cloudformation: Any, stub: Stubber) -> None:
    pages = [[move("A", "One", "1")], [], [move("B", "Two", "2"), move("C", "Three", "3")]]
    for number, page in enumerate(pages):
        last = number == len(pages) - 1
        stub.add_response(
            "list_stack_refactor_actions",
            {"StackRefactorActions": page, **({} if last else {"NextToken": str(number)})},
            {**HERE, **({"NextToken": str(number - 1)} if number else {})},
        )
    found = refactor.read_actions(cloudformation, ID)
    assert [each["PhysicalResourceId"] for each in found] == ["1", "2", "3"]


def executed(stub: Stubber) -> None:
    stub.add_response("execute_stack_refactor", {}, HERE)


def test_it_is_executed_and_awaited(cloudformation: Any, stub: Stubber) -> None:
    described(stub, ExecutionStatus="AVAILABLE")
    executed(stub)
    for status in ("AVAILABLE", "EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"):
        described(stub, ExecutionStatus=status)
    refactor.execute_refactoring(cloudformation, ID, QUICK, "again")


def test_one_that_has_begun_is_only_awaited(cloudformation: Any, stub: Stubber) -> None:
    for status in ("EXECUTE_IN_PROGRESS", "EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"):
        described(stub, ExecutionStatus=status)
    refactor.execute_refactoring(cloudformation, ID, QUICK, "again")


@pytest.mark.parametrize("status", ["EXECUTE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_bad_end_is_told_with_its_reason(status: str, cloudformation: Any, stub: Stubber) -> None:
    described(stub, ExecutionStatus="AVAILABLE")
    executed(stub)
    # The proposal stays complete, whatever becomes of its execution.
    described(
        stub, Status="CREATE_COMPLETE", ExecutionStatus=status, ExecutionStatusReason="because"
    )
    with pytest.raises(Problem, match=f"ended as {status}: because"):
        refactor.execute_refactoring(cloudformation, ID, QUICK, "again")


def test_its_execution_goes_on_without_us(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stub:
        for _ in range(99):
            described(stub, ExecutionStatus="EXECUTE_IN_PROGRESS")
        with pytest.raises(Detached, match="Follow it with `again`") as caught:
            refactor.execute_refactoring(cloudformation, ID, QUICK, "again")
    assert caught.value.code == 4


def test_types_that_the_registry_excludes(cloudformation: Any, stub: Stubber) -> None:
    for kind, said in (("AWS::A::Aaaa", "FULLY_MUTABLE"), ("AWS::B::Bbbb", "IMMUTABLE")):
        stub.add_response(
            "describe_type", {"ProvisioningType": said}, {"Type": "RESOURCE", "TypeName": kind}
        )
    found = immovable(["AWS::B::Bbbb", "AWS::A::Aaaa", "AWS::B::Bbbb"], cloudformation)
    assert found == {"AWS::B::Bbbb": "its provisioning type is IMMUTABLE"}


NAMES, PHYSICAL = {"A": "One", "B": "Two"}, {"A": "1", "B": "2"}
GOOD = [move("A", "One", "1"), move("B", "Two", "2")]
WRONG: list[tuple[Callable[[], list[dict[str, Any]]], str]] = [
    (lambda: GOOD[:1], "B does not become Two"),
    (lambda: [*GOOD, move("C", "Three", "3")], "C becomes Three"),
    (lambda: [GOOD[0], move("B", "One", "2")], "B becomes One"),
    (lambda: [GOOD[0], move("B", "Two", "9")], "B is 9 and no longer 2"),
    (lambda: [*GOOD, {"Action": "CREATE", "Entity": "STACK"}], "CREATE of a STACK"),
]


def test_what_was_asked_for_is_as_expected() -> None:
    assert list(proposal.unexpected(GOOD, NAMES, PHYSICAL)) == []


@pytest.mark.parametrize(("actions", "what"), WRONG, ids=[what for _, what in WRONG])
def test_anything_else_is_unexpected(
    actions: Callable[[], list[dict[str, Any]]], what: str
) -> None:
    assert list(proposal.unexpected(actions(), NAMES, PHYSICAL)) == [what]


def test_the_digest_holds_all_of_the_actions_in_any_order() -> None:
    digest = proposal.digest_of_actions
    assert digest(GOOD) == digest(GOOD[::-1])
    assert digest(GOOD) != digest([GOOD[0], move("B", "Two", "2", TagResources=[])])
