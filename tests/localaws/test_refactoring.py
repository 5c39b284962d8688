"""The simulated stack refactoring: ids move, nothing else does, and AWS's limits hold."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workerstack.localaws import refactoring

Client = Callable[[str], Any]
STACK = "moved"
BEFORE = """Parameters: {Name: {Type: String, Default: a}}
Resources:
  Old:
    Type: AWS::SQS::Queue
  Group:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/x/${Old.QueueName}"}
"""
AFTER = BEFORE.replace("Old", "New")


@pytest.fixture
def api(client: Client) -> Any:
    found = client("cloudformation")
    found.create_stack(StackName=STACK, TemplateBody=BEFORE)
    found.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    return found


def physical(api: Any) -> dict[str, str]:
    found = api.describe_stack_resources(StackName=STACK)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def propose(api: Any, text: str, names: dict[str, str]) -> str:
    return str(
        api.create_stack_refactor(
            StackDefinitions=[{"StackName": STACK, "TemplateBody": text}],
            ResourceMappings=[
                {
                    "Source": {"StackName": STACK, "LogicalResourceId": old},
                    "Destination": {"StackName": STACK, "LogicalResourceId": new},
                }
                for old, new in names.items()
            ],
        )["StackRefactorId"]
    )


def looked_at(api: Any, refactor: str) -> dict[str, Any]:
    """The second look: the first still sees it being made."""
    first = api.describe_stack_refactor(StackRefactorId=refactor)
    assert first["Status"] == "CREATE_IN_PROGRESS"
    return dict(api.describe_stack_refactor(StackRefactorId=refactor))


def test_an_id_moves_and_the_resource_stays(api: Any) -> None:
    before = physical(api)
    refactor = propose(api, AFTER, {"Old": "New"})
    assert looked_at(api, refactor)["ExecutionStatus"] == "AVAILABLE"
    [action] = api.list_stack_refactor_actions(StackRefactorId=refactor)["StackRefactorActions"]
    assert (action["Action"], action["PhysicalResourceId"]) == ("MOVE", before["Old"])
    assert physical(api) == before
    api.execute_stack_refactor(StackRefactorId=refactor)
    states = [
        api.describe_stack_refactor(StackRefactorId=refactor)["ExecutionStatus"] for _ in range(2)
    ]
    assert states == ["EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"]
    assert physical(api) == {"New": before["Old"], "Group": before["Group"]}
    # The stack itself is at rest later, and takes no update until then.
    with pytest.raises(ClientError, match="UPDATE_IN_PROGRESS state and cannot be updated"):
        api.update_stack(StackName=STACK, TemplateBody=AFTER.replace("/x/", "/z/"))
    states = [api.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"] for _ in range(3)]
    assert states == ["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    # A later update finds the same resource, though its name was made of the old id.
    api.update_stack(
        StackName=STACK,
        TemplateBody=AFTER.replace(
            "AWS::SQS::Queue", "AWS::SQS::Queue\n    Properties: {VisibilityTimeout: 77}"
        ),
    )
    api.get_waiter("stack_update_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    assert physical(api)["New"] == before["Old"]
    with pytest.raises(ClientError, match="cannot be executed"):
        api.execute_stack_refactor(StackRefactorId=refactor)


@pytest.mark.parametrize(
    ("text", "names", "reason"),
    [
        (AFTER.replace("/x/", "/y/"), {"Old": "New"}, "does not match the destination"),
        (
            AFTER.replace("Default: a", "Default: b"),
            {"Old": "New"},
            "modify or add [Parameters]",
        ),
        (AFTER, {}, "cannot create or delete resources"),
        (AFTER + "  More: {Type: AWS::SQS::Queue}\n", {"Old": "New"}, "cannot create or delete"),
    ],
)
def test_what_it_refuses(api: Any, text: str, names: dict[str, str], reason: str) -> None:
    before = physical(api)
    found = looked_at(api, propose(api, text, names))
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_FAILED", "UNAVAILABLE")
    assert reason in found["StatusReason"]
    assert physical(api) == before


def test_a_type_that_it_does_not_support(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refactoring, "UNSUPPORTED", {"AWS::SQS::Queue"})
    found = looked_at(api, propose(api, AFTER, {"Old": "New"}))
    assert "Stack Refactor does not support AWS::SQS::Queue." in found["StatusReason"]


def test_it_is_obsolete_once_the_stack_has_changed(api: Any) -> None:
    refactor = propose(api, AFTER, {"Old": "New"})
    assert looked_at(api, refactor)["ExecutionStatus"] == "AVAILABLE"
    api.update_stack(StackName=STACK, TemplateBody=BEFORE.replace("/x/", "/z/"))
    api.get_waiter("stack_update_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    found = api.describe_stack_refactor(StackRefactorId=refactor)
    assert found["ExecutionStatus"] == "OBSOLETE"


@pytest.mark.parametrize(
    ("kind", "provisioning"),
    [
        ("AWS::ECS::Service", "FULLY_MUTABLE"),
        ("AWS::CDK::Metadata", "NON_PROVISIONABLE"),
    ],
)
def test_what_the_registry_says(client: Client, kind: str, provisioning: str) -> None:
    found = client("cloudformation").describe_type(Type="RESOURCE", TypeName=kind)
    assert found["ProvisioningType"] == provisioning


def test_a_type_that_does_not_exist(client: Client) -> None:
    with pytest.raises(ClientError, match="cannot be found"):
        client("cloudformation").describe_type(Type="RESOURCE", TypeName="AWS::No::SuchType")
