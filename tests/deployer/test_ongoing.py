"""Which operation `watch` finds in a stack's events, whoever began it."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.deployer.test_watch import STACK, START, event
from workerstack.deployer import watch
from workerstack.deployer.operation import Events
from workerstack.deployer.stack_states import CHANGED, DELETED, TAKEN_BACK
from workerstack.problem import Problem


class Named:
    """As much of a deployment as is needed; its template does not exist."""

    stack, name, template = "x", "dev/x", Path("out/none.template.yaml")


def latest(status: str, *pages: list[dict[str, Any]], changes: int | None = None) -> Any:
    """What is found where the events, oldest first, lie on these pages, newest page first."""
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    stubber = Stubber(client)
    stack = {"StackName": "x", "StackId": STACK, "StackStatus": status, "CreationTime": START}
    stubber.add_response("describe_stacks", {"Stacks": [stack]})
    for number, page in enumerate(pages, 1):
        token = {"NextToken": str(number)} if number < len(pages) else {}
        stubber.add_response("describe_stack_events", {"StackEvents": page[::-1], **token})
    if changes == 0:
        stubber.add_client_error("describe_change_set", "ChangeSetNotFound")
    elif changes:
        answer = {"ChangeSetId": "arn:aws:x", "Changes": [{"Type": "Resource"}] * changes}
        stubber.add_response("describe_change_set", answer)
        stubber.add_response("describe_change_set", answer)
    with stubber:
        found = watch.latest(client, Named())  # type: ignore[arg-type]
    stubber.assert_no_pending_responses()
    return found


def test_one_of_ours_is_found_by_its_token_with_its_size() -> None:
    found = latest(
        "UPDATE_IN_PROGRESS",
        [event(1, "UPDATE_COMPLETE", by="review-1"), event(2, "UPDATE_IN_PROGRESS", by="review-2"),
         event(3, "UPDATE_IN_PROGRESS", "Queue", by="review-2")],
        changes=3,
    )  # fmt: skip
    assert (found.token, found.expected, found.wanted) == ("review-2", 3, CHANGED)
    assert found.stack_id == STACK


def test_its_change_set_may_be_gone() -> None:
    found = latest("UPDATE_COMPLETE", [event(2, "UPDATE_IN_PROGRESS", by="review-2")], changes=0)
    assert found.expected is None


def test_a_cancelled_one_is_found_by_the_token_that_it_began_with() -> None:
    found = latest(
        "UPDATE_ROLLBACK_IN_PROGRESS",
        [event(5, "UPDATE_ROLLBACK_IN_PROGRESS", by="mine-cancel")],
        [event(1, "UPDATE_COMPLETE", by="other"), event(2, "UPDATE_IN_PROGRESS", by="mine")],
    )
    assert (found.token, found.cancellation, found.wanted) == ("mine", "mine-cancel", CHANGED)


def without_token(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [{k: v for k, v in each.items() if k != "ClientRequestToken"} for each in events]


def test_one_without_a_token_is_told_by_its_beginning() -> None:
    events = without_token(
        event(1, "UPDATE_IN_PROGRESS", reason="User Initiated"),
        event(2, "UPDATE_COMPLETE"),
        event(3, "UPDATE_IN_PROGRESS", reason="User Initiated"),
        event(4, "UPDATE_IN_PROGRESS", "Queue"),
        event(5, "UPDATE_FAILED", "Queue", reason="no"),
        event(6, "UPDATE_ROLLBACK_IN_PROGRESS", reason="The following resource(s) failed"),
    )
    found = latest("UPDATE_ROLLBACK_IN_PROGRESS", events)
    assert (found.token, found.since, found.wanted) == ("", "2026-01-01T12:00:03+00:00", CHANGED)
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    with Stubber(client) as stubber:
        stubber.add_response("describe_stack_events", {"StackEvents": events[::-1]})
        assert [each.id for each in Events(client, found).new()] == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("began", "wanted"),
    [
        ("DELETE_IN_PROGRESS", DELETED),
        ("UPDATE_ROLLBACK_IN_PROGRESS", TAKEN_BACK),
        ("ROLLBACK_IN_PROGRESS", TAKEN_BACK),
        ("IMPORT_IN_PROGRESS", CHANGED),
    ],
)
def test_what_was_asked_for_decides_what_is_good(began: str, wanted: frozenset[str]) -> None:
    found = latest(
        began,
        [event(1, "UPDATE_FAILED", by="before"), event(2, began, by="back")],
    )
    assert found.wanted == wanted


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "CREATE_COMPLETE"])
def test_nothing_to_watch_is_said(status: str) -> None:
    pages = [] if status == "REVIEW_IN_PROGRESS" else [[event(1, "REVIEW_IN_PROGRESS")]]
    with pytest.raises(Problem, match="There is nothing to watch"):
        latest(status, *pages)
