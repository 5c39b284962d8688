"""CloudFormation's stack refactoring, with answers that no endpoint gives: botocore's Stubber."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from workerstack.adopter import refactor
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.problem import Detached, Problem, Refusal

ID = "9c384f70-4e07-4ed7-a65d-fee5eb430841"
ASKED = {"StackRefactorId": ID}
RESUME = "./deploy.py execute step.json"
Stubbed = tuple[Any, Stubber]


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    client = boto3.client("cloudformation", region_name="us-west-2")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def clock(limit: float = 3600) -> Clock:
    return Clock(sleep=lambda _: None, limit=limit)


def looks(stubber: Stubber, *answers: Mapping[str, str]) -> None:
    for answer in answers:
        stubber.add_response("describe_stack_refactor", {**ASKED, **answer}, ASKED)


def executions(stubber: Stubber, *states: str, reason: str = "") -> None:
    looks(
        stubber,
        *(
            {"Status": "CREATE_COMPLETE", "ExecutionStatus": each, "ExecutionStatusReason": reason}
            for each in states
        ),
    )


def test_a_renaming_stays_within_its_stack(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    here = "webordinary-edit"
    stubber.add_response(
        "create_stack_refactor",
        ASKED,
        {
            "Description": "why",
            "EnableStackCreation": False,
            "StackDefinitions": [{"StackName": here, "TemplateBody": "{}"}],
            "ResourceMappings": [
                {
                    "Source": {"StackName": here, "LogicalResourceId": old},
                    "Destination": {"StackName": here, "LogicalResourceId": new},
                }
                for old, new in (("Jobs8F2", "Queue"), ("Role1", "TaskRole"))
            ],
        },
    )
    names = {"Role1": "TaskRole", "Jobs8F2": "Queue"}
    assert refactor.create_refactoring(client, here, {"TemplateBody": "{}"}, names, "why") == ID


def test_it_waits_until_the_refactoring_is_made(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    going_on = {"Status": "CREATE_IN_PROGRESS", "ExecutionStatus": "UNAVAILABLE"}
    looks(stubber, going_on, going_on)
    executions(stubber, "AVAILABLE")
    refactor.wait_created(client, ID, clock())


def test_it_does_not_wait_for_ever_for_it_to_be_made(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    looks(stubber, {"Status": "CREATE_IN_PROGRESS"}, {"Status": "CREATE_IN_PROGRESS"})
    with pytest.raises(Problem, match=f"its id is {ID}. Adopt again later"):
        refactor.wait_created(client, ID, clock(limit=1))


STACK = "arn:aws:cloudformation:us-west-2:111122223333:stack/webordinary-edit/1"
TAGS = "because the resource type defines an unsupported tag schema."


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (f"{STACK}: Stack Refactor does not support AWS::CDK::Metadata.", "AWS::CDK::Metadata"),
        (f"Stack Refactor does not support AWS::EC2::KeyPair {TAGS}", "AWS::EC2::KeyPair"),
    ],
)
def test_a_type_that_the_service_refuses_is_told_apart(
    stubbed: Stubbed, reason: str, kind: str
) -> None:
    client, stubber = stubbed
    looks(stubber, {"Status": "CREATE_FAILED", "StatusReason": reason})
    with pytest.raises(refactor.Unsupported) as refusal:
        refactor.wait_created(client, ID, clock())
    assert (refusal.value.kind, refusal.value.why) == (kind, reason)
    assert isinstance(refusal.value, Refusal)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (
            {"Status": "CREATE_FAILED", "StatusReason": "Resource A does not match"},
            r"\(CREATE_FAILED, None\): Resource A does not match. Correct what it says",
        ),
        (
            {
                "Status": "CREATE_COMPLETE", "ExecutionStatus": "OBSOLETE",
                "ExecutionStatusReason": "Stack was updated.",
            },
            r"\(CREATE_COMPLETE, OBSOLETE\): Stack was updated. Correct",
        ),
        ({"Status": "CREATE_FAILED"}, "no reason given"),
    ],
)  # fmt: skip
def test_other_failures_say_what_the_service_says(
    stubbed: Stubbed, answer: Mapping[str, str], what: str
) -> None:
    client, stubber = stubbed
    looks(stubber, answer)
    with pytest.raises(Problem, match=what) as problem:
        refactor.wait_created(client, ID, clock())
    assert problem.value.code == 1
    assert "nothing was changed" in str(problem.value)


def test_all_pages_of_actions_are_read(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    pages = [[{"Action": "MOVE", "PhysicalResourceId": each}] for each in ("one", "two", "three")]
    tokens = ["", "b", "c"]
    for page, token, following in zip(pages, tokens, [*tokens[1:], ""], strict=True):
        stubber.add_response(
            "list_stack_refactor_actions",
            {"StackRefactorActions": page} | ({"NextToken": following} if following else {}),
            ASKED | ({"NextToken": token} if token else {}),
        )
    assert refactor.read_actions(client, ID) == [each for page in pages for each in page]


def test_it_is_executed_once_and_awaited(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    executions(stubber, "AVAILABLE")
    stubber.add_response("execute_stack_refactor", {}, ASKED)
    # The first answer is older than the execution.
    executions(stubber, "AVAILABLE", "EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE")
    refactor.execute_refactoring(client, ID, clock(), RESUME)


@pytest.mark.parametrize("status", ["EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"])
def test_one_that_has_begun_is_not_begun_again(stubbed: Stubbed, status: str) -> None:
    client, stubber = stubbed
    executions(stubber, status, status, *(["EXECUTE_COMPLETE"] if "PROGRESS" in status else []))
    refactor.execute_refactoring(client, ID, clock(), RESUME)


def test_an_answer_that_was_lost_is_no_failure(stubbed: Stubbed) -> None:
    """botocore asks again, and is told that it is executing already."""
    client, stubber = stubbed
    executions(stubber, "AVAILABLE")
    stubber.add_client_error("execute_stack_refactor", "ValidationError", "in progress")
    executions(stubber, "EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE")
    refactor.execute_refactoring(client, ID, clock(), RESUME)


def test_one_that_cannot_be_begun_is_an_error(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    executions(stubber, "AVAILABLE")
    stubber.add_client_error("execute_stack_refactor", "AccessDenied", "not you")
    executions(stubber, "AVAILABLE")
    with pytest.raises(ClientError, match="not you"):
        refactor.execute_refactoring(client, ID, clock(), RESUME)


@pytest.mark.parametrize(
    ("status", "reason", "then"),
    [
        ("EXECUTE_FAILED", "", "CloudFormation gives no reason. Look at the stack's events"),
        ("ROLLBACK_COMPLETE", "Access denied", "Access denied. Look at the stack's events"),
        (
            "ROLLBACK_COMPLETE",
            f"Stack Refactor does not support AWS::CloudWatch::Alarm {TAGS}",
            "Adopt again with --import for each AWS::CloudWatch::Alarm",
        ),
        ("ROLLBACK_FAILED", "Internal failure", "Internal failure. Look at the stack's events"),
        ("OBSOLETE", "Stack was updated.", "Stack was updated. Look at"),
    ],
)
def test_a_bad_end(stubbed: Stubbed, status: str, reason: str, then: str) -> None:
    client, stubber = stubbed
    under_way = "ROLLBACK_IN_PROGRESS" if "ROLLBACK" in status else "EXECUTE_IN_PROGRESS"
    executions(stubber, under_way, under_way)
    executions(stubber, status, reason=reason)
    with pytest.raises(Problem, match=then) as problem:
        refactor.execute_refactoring(client, ID, clock(), RESUME)
    assert problem.value.code == 1
    assert problem.value.what == f"The refactoring ended as {status}"


def test_it_is_not_watched_for_ever(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    executions(stubber, *["EXECUTE_IN_PROGRESS"] * 3)
    with pytest.raises(Detached, match=f"still in EXECUTE_IN_PROGRESS.*`{RESUME}`"):
        refactor.execute_refactoring(client, ID, clock(limit=1), RESUME)


def test_an_interruption_leaves_it_to_aws(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    executions(stubber, "EXECUTE_IN_PROGRESS", "EXECUTE_IN_PROGRESS")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Detached, match=f"you interrupted this. It continues in AWS.*`{RESUME}`"):
        refactor.execute_refactoring(client, ID, Clock(sleep=interrupt), RESUME)


def test_credentials_that_expire_meanwhile_leave_it_to_aws(stubbed: Stubbed) -> None:
    client, stubber = stubbed
    executions(stubber, "EXECUTE_IN_PROGRESS")
    stubber.add_client_error("describe_stack_refactor", "ExpiredToken", "sign in")
    with pytest.raises(Detached, match=f"The credentials of the environment expired.*`{RESUME}`"):
        refactor.execute_refactoring(client, ID, clock(), RESUME)


def test_throttled_calls_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    client = Clients("us-west-2")("cloudformation")
    refused = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"
    good = (
        "<DescribeStackRefactorResponse><DescribeStackRefactorResult>"
        "<Status>CREATE_COMPLETE</Status><ExecutionStatus>EXECUTE_COMPLETE</ExecutionStatus>"
        "</DescribeStackRefactorResult></DescribeStackRefactorResponse>"
    )
    answers = iter([(400, refused), (400, refused), (200, good), (400, refused), (200, good)])

    def answer(request: Any, **_: Any) -> Any:
        status, text = next(answers)
        body: Any = io.BytesIO(text.encode())
        body.stream = lambda: iter([text.encode()])
        return AWSResponse(request.url, status, HTTPHeaders(), body)

    client.meta.events.register("before-send.cloudformation.DescribeStackRefactor", answer)
    refactor.execute_refactoring(client, ID, clock(), RESUME)
    assert next(answers, None) is None
