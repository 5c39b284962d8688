"""The moment of execution: whatever AWS or the network answers, it happens once or is refused."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.deployer.test_watch import OPERATION, STACK, START, event
from workerstack.deployer import execute
from workerstack.problem import Detached, Refusal

ARN = "arn:aws:cloudformation:us-west-2:111122223333:changeSet/review-1/1"
REVIEW: Any = SimpleNamespace(
    change_set=SimpleNamespace(arn=ARN, name="review-1", created=START.isoformat()),
    adoption="",
)


class Api:
    """ExecuteChangeSet with one answer, and what is asked after it; in place of all clients."""

    profile = None

    def __call__(self, service: str) -> Any:
        assert service == "cloudformation"
        return self.client

    def __init__(self) -> None:
        self.client: Any = boto3.client("cloudformation", region_name="us-west-2")
        self.stubber = Stubber(self.client)
        self.stubber.activate()

    def refuses(self, code: str, message: str = "", *, status: int = 400) -> None:
        self.stubber.add_client_error("execute_change_set", code, message, status)

    def is_in(self, status: str) -> None:
        if not status:
            self.stubber.add_client_error("describe_change_set", "ChangeSetNotFound")
            return
        self.stubber.add_response("describe_change_set", {"ExecutionStatus": status})

    def has(self, *tokens: str) -> None:
        events = [event(1, "UPDATE_IN_PROGRESS", by=token) for token in tokens]
        self.stubber.add_response(
            "describe_stack_events", {"StackEvents": events}, {"StackName": STACK}
        )

    def page(self, *events: dict[str, Any], following: str) -> None:
        answer = {"StackEvents": list(events), "NextToken": following}
        self.stubber.add_response("describe_stack_events", answer)

    def begin(self) -> None:
        execute._begin(self, REVIEW, OPERATION, caller=CALLER)  # type: ignore[arg-type]
        self.stubber.assert_no_pending_responses()


CALLER = "arn:aws:sts::111122223333:assumed-role/Deployer/maria@example.com"


def test_it_carries_the_token_and_who_executes() -> None:
    api = Api()
    token = f"{OPERATION.token}-by-Deployer-maria-example-com"
    sent = {"ChangeSetName": ARN, "ClientRequestToken": token, "RetainExceptOnCreate": True}
    api.stubber.add_response("execute_change_set", {}, sent)
    api.begin()


@pytest.mark.parametrize("code", ["InvalidChangeSetStatus", "ChangeSetNotFound"])
def test_one_that_was_made_obsolete_meanwhile_is_refused(code: str) -> None:
    api = Api()
    api.refuses(code, "it is OBSOLETE")
    api.is_in("OBSOLETE" if code == "InvalidChangeSetStatus" else "")
    api.has("another")
    with pytest.raises(Refusal, match=r"cannot be executed any more: it is OBSOLETE") as refused:
        api.begin()
    assert refused.value.code == 3


def test_a_call_that_had_acted_before_its_answer_was_lost_is_not_refused() -> None:
    api = Api()
    api.refuses("InvalidChangeSetStatus")
    api.is_in("EXECUTE_IN_PROGRESS")
    api.begin()


def test_a_token_that_is_taken_is_ours_whatever_older_answers_say() -> None:
    api = Api()
    api.refuses("TokenAlreadyExistsException")
    api.begin()


def test_the_events_are_read_back_to_the_change_set_s_own_time() -> None:
    """AWS gives a hundred events a page, and a worker's update alone can have as many."""
    api = Api()
    api.page(event(9, "UPDATE_IN_PROGRESS", "Queue", by="another"), following="2")
    api.page(event(3, "UPDATE_IN_PROGRESS", by=OPERATION.token), following="3")
    api.page(event(-1, "UPDATE_COMPLETE", by="before"), following="4")
    assert execute._tokens(api.client, REVIEW, OPERATION) == ["another", OPERATION.token]
    api.stubber.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["ExpiredToken", "Throttling", "InternalFailure"])
def test_where_nobody_says_whether_it_has_begun_that_is_said(code: str) -> None:
    api = Api()
    api.refuses("InternalFailure", status=500)
    api.stubber.add_client_error("describe_change_set", code)
    with pytest.raises(Detached, match="Run the same command again") as detached:
        api.begin()
    assert detached.value.code == 4


def test_a_failure_within_aws_may_have_acted_though_nothing_shows_it_yet() -> None:
    api = Api()
    api.refuses("InternalFailure", status=500)
    api.is_in("AVAILABLE")
    api.has()
    with pytest.raises(Detached, match="not known whether"):
        api.begin()


def test_it_may_be_over_and_its_change_set_gone_when_we_ask() -> None:
    api = Api()
    api.refuses("ChangeSetNotFound")
    api.is_in("")
    api.has("another", OPERATION.token)
    api.begin()


def test_what_else_aws_refuses_is_said_as_it_is() -> None:
    api = Api()
    api.refuses("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    api.is_in("AVAILABLE")
    api.has()
    with pytest.raises(ClientError, match="CAPABILITY_IAM"):
        api.begin()


def test_ctrl_c_at_that_moment_says_that_it_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    api = Api()
    monkeypatch.setattr(api.client, "execute_change_set", interrupted)
    with pytest.raises(Detached, match="Run the same command again"):
        api.begin()
