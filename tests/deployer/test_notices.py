"""What CloudFormation, hooks and the account say beside the change set: answers of AWS, stubbed."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from workerstack.cloudformation import from_data, resolve
from workerstack.deployer import make_review
from workerstack.deployer.deployed_stack import DeployedStack
from workerstack.deployer.stack import StackDescription
from workerstack.problem import Problem
from workerstack.review.model import Notice, ResourceChange

ARN = "arn:aws:cloudformation:us-west-2:111122223333:changeSet/x/1"
FIRST = "01234567-0123-0123-0123-0123456789ab"
SECOND = FIRST.replace("0", "f")


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("cloudformation", region_name="us-west-2")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def silent(stubber: Stubber, *operations: str) -> None:
    members = {
        "describe_events": "OperationEvents",
        "list_hook_results": "HookResults",
        "describe_change_set_hooks": "Hooks",
    }
    for operation in operations:
        stubber.add_response(operation, {members[operation]: []})


def test_early_validation_and_failed_hooks_are_told_from_every_page(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    request = {"ChangeSetName": ARN, "Filters": {"FailedEvents": True}}
    first = {
        "EventId": "1", "EventType": "VALIDATION_ERROR", "ValidationName": "NAME_CONFLICT",
        "ValidationFailureMode": "FAIL", "LogicalResourceId": "Queue",
        "ValidationStatusReason": "Queue q exists", "ValidationPath": "/Resources/Queue",
    }  # fmt: skip
    second = {
        "EventId": "2", "EventType": "HOOK_INVOCATION_ERROR", "HookType": "Acme::Tags::Hook",
        "HookFailureMode": "WARN", "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": "no cost centre", "LogicalResourceId": "Queue",
    }  # fmt: skip
    stubber.add_response("describe_events", {"OperationEvents": [first], "NextToken": "n"}, request)
    stubber.add_response(
        "describe_events", {"OperationEvents": [second]}, {**request, "NextToken": "n"}
    )
    silent(stubber, "list_hook_results", "describe_change_set_hooks")
    found, unknown = make_review.gather_notices(client, ARN)
    assert found == (
        Notice(
            source="early validation NAME_CONFLICT", mode="FAIL", logical_id="Queue",
            text="Queue q exists: /Resources/Queue",
        ),
        Notice(
            source="hook Acme::Tags::Hook", mode="WARN", logical_id="Queue",
            text="HOOK_COMPLETE_FAILED: no cost centre",
        ),
    )  # fmt: skip
    assert unknown == ()


def test_hook_results_are_told_with_what_mends_them(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    silent(stubber, "describe_events")
    results = [
        {"HookResultId": FIRST, "TypeName": "Acme::Guard", "Status": "HOOK_COMPLETE_FAILED",
         "FailureMode": "FAIL"},
        {"HookResultId": SECOND, "TypeName": "Acme::Fine", "Status": "HOOK_COMPLETE_SUCCEEDED"},
    ]  # fmt: skip
    stubber.add_response("list_hook_results", {"HookResults": results})
    annotation = {
        "AnnotationName": "public", "Status": "FAILED", "SeverityLevel": "HIGH",
        "StatusMessage": "it is open", "RemediationMessage": "Close it",
    }  # fmt: skip
    stubber.add_response(
        "get_hook_result",
        {"Annotations": [annotation], "Target": {
            "TargetType": "RESOURCE", "TargetTypeName": "AWS::SQS::Queue", "TargetId": "Queue",
            "Action": "CREATE"}},
        {"HookResultId": FIRST},
    )  # fmt: skip
    silent(stubber, "describe_change_set_hooks")
    [found], unknown = make_review.gather_notices(client, ARN)
    assert (found.logical_id, found.text, found.next_step) == (
        "Queue", "HIGH: public: it is open", "Close it",
    )  # fmt: skip
    assert unknown == ()


def test_planned_hooks_are_announced(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    silent(stubber, "describe_events", "list_hook_results")
    hook = {
        "TypeName": "Acme::Guard", "FailureMode": "FAIL",
        "TargetDetails": {"TargetType": "RESOURCE", "ResourceTargetDetails": {
            "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue",
            "ResourceAction": "Add"}},
    }  # fmt: skip
    stubber.add_response("describe_change_set_hooks", {"Hooks": [hook]})
    [found], _ = make_review.gather_notices(client, ARN)
    assert found.source == "planned hook Acme::Guard"
    assert found.text == "will look at it before the Add"


def test_a_right_or_an_operation_that_is_missing_is_said_and_fails_nothing(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    for operation in ("describe_events", "list_hook_results"):
        stubber.add_client_error(operation, "AccessDenied", "not you")
    silent(stubber, "describe_change_set_hooks")
    found, unknown = make_review.gather_notices(client, ARN)
    assert found == ()
    assert [sentence.split(" could")[0] for sentence in unknown] == [
        "Early validation", "Hook results",
    ]  # fmt: skip

    class Older:
        """A client of a botocore that knows none of the operations."""

    _, unknown = make_review.gather_notices(Older(), ARN)
    assert len(unknown) == 3
    assert all("botocore does not know" in sentence for sentence in unknown)


@pytest.mark.parametrize("told", [True, False])
def test_a_change_set_that_could_not_be_made_says_what_kept_it(
    stubbed: tuple[Any, Stubber], *, told: bool
) -> None:
    """Each notice with whom it is about and what mends it, then CloudFormation's own reason."""
    client, stubber = stubbed
    validation = {
        "EventId": "1", "EventType": "VALIDATION_ERROR", "ValidationName": "NAME_CONFLICT",
        "ValidationFailureMode": "FAIL", "LogicalResourceId": "Queue",
        "ValidationStatusReason": "Queue q exists",
    }  # fmt: skip
    hook = {"HookResultId": FIRST, "TypeName": "Acme::Guard", "Status": "HOOK_COMPLETE_FAILED"}
    annotation = {
        "AnnotationName": "public", "Status": "FAILED", "StatusMessage": "it is open",
        "RemediationMessage": "Close it",
    }  # fmt: skip
    if told:
        stubber.add_response("describe_events", {"OperationEvents": [validation]})
        stubber.add_response("list_hook_results", {"HookResults": [hook]})
        stubber.add_response("get_hook_result", {"Annotations": [annotation]})
    else:
        stubber.add_client_error("describe_events", "AccessDenied", "not you")
        silent(stubber, "list_hook_results")
    silent(stubber, "describe_change_set_hooks")
    stubber.add_response("delete_change_set", {}, {"ChangeSetName": ARN})
    plain = {"Status": "FAILED", "StatusReason": "The following hook(s) failed"}
    with pytest.raises(Problem) as failed:
        make_review.failed(client, ARN, StackDescription("x", status="UPDATE_COMPLETE"), plain)
    before = (
        "early validation NAME_CONFLICT of Queue: Queue q exists; "
        "hook Acme::Guard: public: it is open (Close it); "
    )
    assert str(failed.value) == (
        "CloudFormation could not make the change set: "
        f"{before if told else ''}The following hook(s) failed. "
        "Correct the template or the parameters and review again."
    )


def clients_of(stubs: dict[str, list[tuple[str, Any]]]) -> Any:
    made = {}
    for service, answers in stubs.items():
        client: Any = boto3.client(service, region_name="us-west-2")  # type: ignore[call-overload]
        stubber = Stubber(client)
        for operation, answer in answers:
            if isinstance(answer, str):
                stubber.add_client_error(operation, answer, "no")
            else:
                stubber.add_response(operation, answer)
        stubber.activate()
        made[service] = client
    return made.__getitem__


SERVICE = ResourceChange(
    action="Modify", logical_id="Service", type="AWS::ECS::Service",
    physical_id="arn:aws:ecs:us-west-2:111122223333:service/cluster/service",
)  # fmt: skip
ALARM = {"Resources": {
    "A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "Dimensions": [{"Name": "QueueName", "Value": "q"}]}},
}}  # fmt: skip
STACK = {
    "StackId": "arn:aws:cloudformation:us-west-2:111122223333:stack/x/1",
    "Outputs": [{"OutputKey": "QueueArn", "ExportName": "queue", "OutputValue": "x"}],
    "DisableRollback": True,
}


def deployed() -> DeployedStack:
    return DeployedStack(resolve(from_data(ALARM), {}, {}), {"A": "alarm"})


def test_what_runs_and_waits_and_imports_is_asked() -> None:
    clients = clients_of(
        {
            "ecs": [("describe_services", {"services": [{"runningCount": 2}]})],
            "sqs": [
                ("get_queue_url", {"QueueUrl": "https://sqs/q"}),
                ("get_queue_attributes",
                 {"Attributes": {
                     "ApproximateNumberOfMessages": "5",
                     "ApproximateNumberOfMessagesNotVisible": "3",
                     "ApproximateNumberOfMessagesDelayed": "0",
                 }}),
            ],
            "cloudformation": [("list_imports", {"Imports": ["other"]})],
        }
    )  # fmt: skip
    found, unknown = make_review.gather_facts(clients, [SERVICE], deployed, {}, STACK)
    assert (found.running_tasks, found.messages_in_flight) == (2, 3)
    assert found.imports == {"queue": ("other",)}
    assert found.exports == {"queue": "QueueArn"}
    assert found.rollback_disabled
    assert unknown == ()


def test_what_may_not_be_asked_is_not_known() -> None:
    clients = clients_of(
        {
            "ecs": [("describe_services", "AccessDeniedException")],
            "sqs": [("get_queue_url", "AccessDenied")],
            "cloudformation": [("list_imports", "AccessDenied")],
        }
    )
    found, unknown = make_review.gather_facts(clients, [SERVICE], deployed, {}, STACK)
    assert (found.running_tasks, found.messages_in_flight) == (None, None)
    assert len(unknown) == 3


def test_nothing_is_asked_about_a_service_that_does_not_change() -> None:
    found, unknown = make_review.gather_facts(
        clients_of({"ecs": [], "sqs": []}), [], deployed, {}, {}
    )
    assert (found.running_tasks, found.messages_in_flight, unknown) == (None, None, ())
