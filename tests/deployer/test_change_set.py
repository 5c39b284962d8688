"""What no endpoint can produce, with botocore's Stubber and its expected parameters."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from workerstack.deployer import change_set, stack
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import explained
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import Events, Operation
from workerstack.deployer.stack import OWNER, StackDescription
from workerstack.problem import Detached, Problem, Refusal

ARN = "arn:aws:cloudformation:us-west-2:111122223333:changeSet/review/1"
STACK = "arn:aws:cloudformation:us-west-2:111122223333:stack/x/1"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


SESSION: Any = boto3.Session(region_name="us-west-2")


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = SESSION.client("cloudformation")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def change(name: str) -> dict[str, Any]:
    resource = {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::A::B"}
    return {"Type": "Resource", "ResourceChange": resource}


def answer(status: str, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ChangeSetId": ARN, "Status": status, "Changes": list(changes), **more}


def test_all_pages_are_read_and_values_asked_for_on_each(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    asked = {"ChangeSetName": ARN, "IncludePropertyValues": True}
    pages = [
        (answer("CREATE_COMPLETE", change("A"), NextToken="2"), asked),
        (answer("CREATE_COMPLETE", change("B"), NextToken="3"), {**asked, "NextToken": "2"}),
        (answer("CREATE_COMPLETE", change("C")), {**asked, "NextToken": "3"}),
    ]
    for response, expected in pages:
        stubber.add_response("describe_change_set", response, expected)
    found = change_set.describe(client, ARN, values=True)
    assert [each["ResourceChange"]["LogicalResourceId"] for each in found["Changes"]] == [
        "A", "B", "C",
    ]  # fmt: skip


def test_it_waits_until_the_change_set_is_made(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    slept: list[float] = []
    for status in ("CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"):
        stubber.add_response("describe_change_set", answer(status), {"ChangeSetName": ARN})
    change_set.wait(client, ARN, Clock(sleep=slept.append, chance=lambda: 0.0))
    assert slept == [2.0, 3.0]


def test_one_that_is_deleted_while_it_is_made_is_said(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response("describe_change_set", answer("CREATE_PENDING"))
    stubber.add_client_error("describe_change_set", "ChangeSetNotFound", "ChangeSet does not exist")
    with pytest.raises(Problem, match=r"somebody deleted it while it was made\. Review again"):
        change_set.wait(client, ARN, Clock(sleep=lambda _: None))


def test_a_name_that_exists_is_ours_since_no_name_is_used_twice(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    stubber.add_client_error("create_change_set", "AlreadyExistsException", "it exists")
    asked = {"ChangeSetName": "review-1", "StackName": STACK}
    stubber.add_response("describe_change_set", answer("CREATE_PENDING"), asked)
    request = {**asked, "TemplateBody": "{}", "ClientToken": "review-1"}
    assert change_set.submit(client, request) == ARN


def test_it_does_not_wait_for_ever(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    for _ in range(3):
        stubber.add_response("describe_change_set", answer("CREATE_PENDING"))
    with pytest.raises(Problem, match="still being made"):
        change_set.wait(client, ARN, Clock(sleep=lambda _: None, limit=4))


@pytest.mark.parametrize(
    ("status", "reason", "empty"),
    [
        ("FAILED", "The submitted information didn't contain changes. Submit different", True),
        ("FAILED", "No updates are to be performed.", True),
        ("FAILED", "Resource X is refused", False),
        ("FAILED", None, False),
        ("CREATE_COMPLETE", "No updates are to be performed.", False),
    ],
)
def test_nothing_to_change(status: str, reason: str | None, empty: bool) -> None:
    assert change_set.is_empty({"Status": status, "StatusReason": reason}) is empty


def described(status: str, **more: Any) -> dict[str, Any]:
    body = {"StackName": "x", "StackId": STACK, "StackStatus": status, "CreationTime": NOW}
    return {"Stacks": [{**body, **more}]}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("REVIEW_IN_PROGRESS", "new"),
        ("CREATE_COMPLETE", "updatable"),
        ("UPDATE_ROLLBACK_COMPLETE", "updatable"),
        ("ROLLBACK_COMPLETE", "refused"),
        ("UPDATE_ROLLBACK_FAILED", "refused"),
        ("UPDATE_IN_PROGRESS", "refused"),
        ("A_STATE_OF_TOMORROW", "refused"),
    ],
)
def test_states(stubbed: tuple[Any, Stubber], status: str, kind: str) -> None:
    client, stubber = stubbed
    stubber.add_response("describe_stacks", described(status), {"StackName": "x"})
    found = stack.read(client, "x")
    assert found.is_new is (kind == "new")
    if kind == "refused":
        with pytest.raises(Refusal, match=status):
            stack.check_updatable(found, "dev/x")
    else:
        stack.check_updatable(found, "dev/x")


def test_an_absent_stack_is_new_and_other_errors_are_errors(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack x does not exist")
    assert stack.read(client, "x").status == "ABSENT"
    stubber.add_client_error("describe_stacks", "AccessDenied", "not for you")
    with pytest.raises(Problem, match="AWS refused DescribeStacks"), explained():
        stack.read(client, "x")


@pytest.mark.parametrize(
    ("found", "waiting", "deleted"),
    [
        (StackDescription("x", "REVIEW_IN_PROGRESS", STACK, tags={OWNER: "dev/x"}), [], True),
        (StackDescription("x", "REVIEW_IN_PROGRESS", STACK, tags={}), [], False),
        (StackDescription("x", "CREATE_COMPLETE", STACK, tags={OWNER: "dev/x"}), [], False),
        (
            StackDescription("x", "REVIEW_IN_PROGRESS", STACK, tags={OWNER: "dev/x"}),
            ["theirs"],
            False,
        ),
        # An answer from before the deletion.
        (StackDescription("x", "REVIEW_IN_PROGRESS", STACK, tags={OWNER: "dev/x"}), ["mine"], True),
        (StackDescription("x", "REVIEW_IN_PROGRESS", STACK, tags={OWNER: "dev/x"}), ["gone"], True),
    ],
)  # fmt: skip
def test_only_our_own_empty_shell_is_deleted(
    stubbed: tuple[Any, Stubber], found: StackDescription, waiting: list[str], deleted: bool
) -> None:
    client, stubber = stubbed
    if found.is_ours and found.is_new:
        summaries = [
            {"ChangeSetId": each, "Status": f"{'DELETE' if each == 'gone' else 'CREATE'}_COMPLETE"}
            for each in waiting
        ]
        stubber.add_response("list_change_sets", {"Summaries": summaries}, {"StackName": STACK})
    if deleted:
        sent = {"StackName": STACK, "ClientRequestToken": "discard-1"}
        stubber.add_response("delete_stack", {}, sent)
    assert change_set.delete_shell(client, found, ["mine"]) is deleted


def test_a_change_set_of_a_later_page_keeps_the_shell(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    gone = {"ChangeSetId": "gone", "Status": "DELETE_COMPLETE"}
    theirs = {"ChangeSetId": "theirs", "Status": "CREATE_COMPLETE"}
    first, second = {"StackName": STACK}, {"StackName": STACK, "NextToken": "2"}
    stubber.add_response("list_change_sets", {"Summaries": [gone], "NextToken": "2"}, first)
    stubber.add_response("list_change_sets", {"Summaries": [theirs]}, second)
    shell = StackDescription("x", "REVIEW_IN_PROGRESS", STACK, tags={OWNER: "dev/x"})
    assert change_set.delete_shell(client, shell) is False
    stubber.assert_no_pending_responses()


def event(number: int, token: str | None = "mine") -> dict[str, Any]:  # noqa: S107
    body = {
        "StackId": STACK, "StackName": "x", "EventId": str(number), "Timestamp": NOW,
        "LogicalResourceId": f"R{number}", "ResourceStatus": "CREATE_COMPLETE",
    }  # fmt: skip
    return body | ({"ClientRequestToken": token} if token else {})


def test_events_come_once_in_order_and_of_our_operation_only(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    first = [event(5), event(4), event(3, "other")]
    pages: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"StackEvents": first, "NextToken": "2"}, {"StackName": STACK}),
        ({"StackEvents": [event(2), event(1)], "NextToken": "3"},
         {"StackName": STACK, "NextToken": "2"}),
        ({"StackEvents": [event(0, None)]}, {"StackName": STACK, "NextToken": "3"}),
        ({"StackEvents": [event(6), *first], "NextToken": "2"}, {"StackName": STACK}),
        ({"StackEvents": [event(2), event(1)], "NextToken": "3"},
         {"StackName": STACK, "NextToken": "2"}),
    ]  # fmt: skip
    for response, expected in pages:
        stubber.add_response("describe_stack_events", response, expected)
    events = Events(client, Operation("dev/x", STACK, "x", "mine"))
    assert [each.id for each in events.new()] == ["1", "2", "4", "5"]
    assert [each.id for each in events.new()] == ["6"]


def test_the_whole_is_in_the_order_of_aws_though_a_page_was_missing(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    for pages in ([[3, 2]], [[3, 2], [1, 0]], [[3, 2]]):
        for number, page in enumerate(pages, 1):
            more = {"NextToken": str(number)} if number < len(pages) else {}
            found = {"StackEvents": [event(each) for each in page], **more}
            stubber.add_response("describe_stack_events", found)
    events = Events(client, Operation("dev/x", STACK, "x", "mine"))
    # All carry the same time, so only AWS knows their order.
    assert [each.id for each in events.new()] == ["2", "3"]
    assert [each.id for each in events.all()] == ["0", "1", "2", "3"]
    assert {each.id for each in events.all()} == {"0", "1", "2", "3"}


def test_expired_credentials_detach_where_something_goes_on(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    for _ in range(2):
        stubber.add_client_error("describe_stacks", "ExpiredToken", "expired")
    with (
        pytest.raises(Detached, match="continues in AWS"),
        explained(resume="watch again"),
    ):
        stack.read(client, "x")
    with (
        pytest.raises(Problem, match="Put fresh ones into the environment") as refused,
        explained(),
    ):
        stack.read(client, "x")
    assert refused.value.code == 1


def test_a_lost_network_is_a_sentence() -> None:
    lost = Clients("us-west-2", endpoint_url="http://127.0.0.1:9")
    lost._made["sts"] = SESSION.client(
        "sts", endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    with pytest.raises(Problem, match="AWS cannot be reached"), explained():
        lost.caller()
