"""Watching: what no endpoint can produce, with AWS's shapes; and what a person sees."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from workerstack.deployer import screen as words
from workerstack.deployer import stack_states, watch
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import Operation, Snapshot, StackEvent, outcome
from workerstack.deployer.screen import JsonScreen, LineScreen
from workerstack.deployer.service import EcsDeployment, Rollout
from workerstack.deployer.stack_states import after_cancelling
from workerstack.problem import Detached
from workerstack.review.show.words import plain

STACK = "arn:aws:cloudformation:us-west-2:111122223333:stack/x/1"
OPERATION = Operation("dev/x", STACK, "x", "token", expected=2, descriptions={"Queue": "The jobs."})
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(
    number: int, status: str, name: str = "", *, reason: str = "", by: str = "token",
) -> dict[str, Any]:  # fmt: skip
    """An event as AWS answers it; of the stack itself where no resource is named."""
    return {
        "StackId": STACK, "StackName": "x", "EventId": f"{number}",
        "LogicalResourceId": name or "x", "PhysicalResourceId": name or STACK,
        "ResourceType": "AWS::SQS::Queue" if name else "AWS::CloudFormation::Stack",
        "Timestamp": START + timedelta(seconds=number), "ResourceStatus": status,
        "ResourceStatusReason": reason, "ClientRequestToken": by,
    }  # fmt: skip


class Script:
    """Answers of AWS in order, behind a real client."""

    profile = None

    def __init__(self) -> None:
        self.client: Any = boto3.client("cloudformation", region_name="us-west-2")
        self.stubber = Stubber(self.client)
        self.stubber.activate()

    def look(self, status: str, *events: dict[str, Any]) -> None:
        stack = {"StackName": "x", "StackId": STACK, "StackStatus": status, "CreationTime": START}
        self.stubber.add_response("describe_stacks", {"Stacks": [stack]})
        self.more(*events)

    def more(self, *events: dict[str, Any]) -> None:
        self.stubber.add_response("describe_stack_events", {"StackEvents": list(events)[::-1]})

    def __call__(self, service: str) -> Any:
        assert service == "cloudformation"
        return self.client


@pytest.fixture
def script() -> Iterator[Script]:
    found = Script()
    yield found
    found.stubber.assert_no_pending_responses()


class Person(LineScreen):
    """Somebody who answers Ctrl-C."""

    def __init__(self, answer: Literal["detach", "cancel"] = "detach") -> None:
        self.lines: list[str] = []
        self.answer = answer
        super().__init__(self.lines.append)

    def interrupted(self) -> Literal["detach", "cancel"]:
        return self.answer


def run(script: Script, screen: LineScreen, clock: Clock | None = None) -> Any:
    quick = clock or Clock(sleep=lambda _: None)
    return watch.watch(OPERATION, script, quick, screen)  # type: ignore[arg-type]


BEGUN = event(1, "UPDATE_IN_PROGRESS")
QUEUE = event(2, "UPDATE_IN_PROGRESS", "Queue")
DONE = event(3, "UPDATE_COMPLETE", "Queue")
ENDED = event(4, "UPDATE_COMPLETE")


def test_an_answer_from_before_the_operation_is_not_its_end(script: Script) -> None:
    script.look("UPDATE_COMPLETE")
    script.look("UPDATE_COMPLETE", BEGUN)
    script.look("UPDATE_IN_PROGRESS", BEGUN, QUEUE)
    script.look("UPDATE_COMPLETE", BEGUN, QUEUE, DONE)
    script.look("UPDATE_IN_PROGRESS", BEGUN, QUEUE, DONE, ENDED)
    script.look("UPDATE_COMPLETE", BEGUN, QUEUE, DONE, ENDED)
    script.more(BEGUN, QUEUE, DONE, ENDED)
    screen = Person()
    found = run(script, screen)
    assert found.is_good
    assert [line.split()[1:] for line in screen.lines] == [
        ["UPDATE_IN_PROGRESS", "x"], ["UPDATE_IN_PROGRESS", "Queue"],
        ["UPDATE_COMPLETE", "Queue"], ["UPDATE_COMPLETE", "x"],
    ]  # fmt: skip


def test_a_last_event_that_never_comes_is_not_waited_for_for_ever(script: Script) -> None:
    for _ in range(watch.SETTLED + 1):
        script.look("UPDATE_COMPLETE", BEGUN, QUEUE, DONE)
    script.more(BEGUN, QUEUE, DONE)
    assert run(script, Person()).is_good


def test_an_answer_that_fails_is_asked_for_again(script: Script) -> None:
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    for code in ("Throttling", "InternalFailure"):
        script.stubber.add_client_error("describe_stacks", code, http_status_code=500)
    script.look("UPDATE_COMPLETE", BEGUN, ENDED)
    script.more(BEGUN, ENDED)
    assert run(script, Person()).is_good


def test_a_storm_when_it_has_just_ended_is_waited_out(script: Script) -> None:
    for _ in range(3):
        script.look("UPDATE_COMPLETE", BEGUN, ENDED)
        script.stubber.add_client_error("describe_stack_events", "ThrottlingException")
    script.look("UPDATE_COMPLETE", BEGUN, ENDED)
    script.more(BEGUN, QUEUE, DONE, ENDED)
    screen = Person()
    assert run(script, screen).is_good
    assert len(screen.lines) == len([BEGUN, QUEUE, DONE, ENDED])


def test_a_stack_that_somebody_deletes_meanwhile_is_no_success(script: Script) -> None:
    gone = [event(5, "DELETE_IN_PROGRESS", by="another"), event(6, "DELETE_COMPLETE", by="another")]
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    script.look("DELETE_IN_PROGRESS", BEGUN, *gone[:1])
    for _ in range(watch.SETTLED + 1):
        script.look("DELETE_COMPLETE", BEGUN, *gone)
    script.more(BEGUN, *gone)
    found = run(script, Person())
    assert (found.status, found.is_good) == ("DELETE_COMPLETE", False)


def test_a_stack_that_is_gone_between_two_questions_is_no_success(script: Script) -> None:
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    stack = {"StackName": "x", "StackId": STACK, "StackStatus": "DELETE_IN_PROGRESS"}
    script.stubber.add_response("describe_stacks", {"Stacks": [{**stack, "CreationTime": START}]})
    words = "Stack [x] does not exist"
    script.stubber.add_client_error("describe_stack_events", "ValidationError", words)
    for _ in range(watch.SETTLED + 1):
        script.stubber.add_client_error("describe_stacks", "ValidationError", words)
    assert run(script, Person()).status == "ABSENT"


def test_a_stack_that_is_gone_before_we_look_is_told_at_once(script: Script) -> None:
    for _ in range(watch.SETTLED + 1):
        script.stubber.add_client_error(
            "describe_stacks", "ValidationError", "Stack [x] does not exist"
        )
    found = run(script, Person())
    assert (found.status, found.is_good) == ("ABSENT", False)


@pytest.mark.parametrize("late", [timedelta(hours=2), timedelta(seconds=-2)])
def test_it_began_with_its_first_event_however_late_one_looks(
    script: Script, late: timedelta
) -> None:
    """The tasks that stopped since then are told, and the time is counted from there.

    A clock of ours that is slow must not make it begin after its own first event.
    """
    seen: list[Snapshot] = []

    class Watched(Person):
        def show(self, snapshot: Snapshot, fresh: list[StackEvent]) -> None:
            seen.append(snapshot)
            super().show(snapshot, fresh)

    first = START + timedelta(seconds=1)
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    script.look("UPDATE_COMPLETE", BEGUN, ENDED)
    script.more(BEGUN, ENDED)
    run(script, Watched(), Clock(now=lambda: first + late, sleep=lambda _: None))
    assert {each.started for each in seen} == {min(first, first + late)}


@pytest.mark.parametrize(
    ("code", "status", "times", "words_"),
    [
        (
            "ExpiredToken",
            403,
            1,
            "expired.*Put fresh ones into the environment.*continues",
        ),
        ("InternalFailure", 500, 6, "InternalFailure"),
        ("AccessDenied", 403, 1, "AccessDenied"),
    ],
)
def test_what_ends_our_watching_does_not_end_the_operation(
    script: Script, code: str, status: int, times: int, words_: str
) -> None:
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    for _ in range(times):
        script.stubber.add_client_error("describe_stacks", code, http_status_code=status)
    with pytest.raises(Detached, match=words_) as detached:
        run(script, Person())
    assert detached.value.code == 4
    assert "./deploy.py watch dev/x" in str(detached.value)


def test_our_time_ends_and_the_operation_goes_on(script: Script) -> None:
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    with pytest.raises(Detached, match="still in UPDATE_IN_PROGRESS"):
        run(script, Person(), Clock(sleep=lambda _: None, limit=1.0, chance=lambda: 0.0))


def interrupting(times: int) -> Clock:
    left = iter(range(times))

    def sleep(_: float) -> None:
        if next(left, None) is not None:
            raise KeyboardInterrupt

    return Clock(sleep=sleep)


def test_ctrl_c_detaches(script: Script) -> None:
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    with pytest.raises(Detached, match="you asked for it"):
        run(script, Person("detach"), interrupting(1))


def test_ctrl_c_cancels_where_one_says_so(script: Script) -> None:
    back = [
        event(5, "UPDATE_ROLLBACK_IN_PROGRESS", by="token-cancel"),
        event(6, "UPDATE_ROLLBACK_COMPLETE", by="token-cancel"),
    ]
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    script.stubber.add_response(
        "cancel_update_stack", {}, {"StackName": STACK, "ClientRequestToken": "token-cancel"}
    )
    script.look("UPDATE_ROLLBACK_COMPLETE", BEGUN, *back)
    script.more(BEGUN, *back)
    found = run(script, Person("cancel"), interrupting(1))
    assert (found.status, found.is_good) == ("UPDATE_ROLLBACK_COMPLETE", False)


def test_a_creation_cannot_be_cancelled(script: Script) -> None:
    script.look("CREATE_IN_PROGRESS", event(1, "CREATE_IN_PROGRESS"))
    with pytest.raises(Detached, match="only an update in progress can"):
        run(script, Person("cancel"), interrupting(1))


def made(*answers: dict[str, Any]) -> list[StackEvent]:
    from workerstack.deployer.operation import event_of

    return [event_of(each) for each in answers]


def test_the_cause_comes_before_what_followed() -> None:
    events = made(
        BEGUN,
        event(2, "CREATE_FAILED", "Other", reason="Resource creation cancelled"),
        event(3, "CREATE_FAILED", "Rule", reason="The group does not exist"),
        event(4, "UPDATE_ROLLBACK_IN_PROGRESS"),
        event(5, "UPDATE_COMPLETE", "Queue"),
        event(6, "DELETE_FAILED", "Bucket", reason="not empty"),
        event(7, "DELETE_SKIPPED", "Log"),
        event(8, "UPDATE_ROLLBACK_COMPLETE"),
    )
    found = outcome("UPDATE_ROLLBACK_COMPLETE", events)
    assert [each.logical_id for each in found.causes] == ["Rule"]
    assert [each.logical_id for each in found.consequences] == ["Other"]
    assert found.rolled_back == ("Queue",)
    assert [each.logical_id for each in found.left_behind] == ["Bucket", "Log"]
    assert found.not_rolled_back == ()
    text = "\n".join(words.ending(found, OPERATION, "Review again", 100))
    assert text.index("cause: Rule") < text.index("stopped because of that: Other")
    assert "retained, and billed: Bucket Bucket (not empty)" in text
    assert text.endswith("Next: Review again")


@pytest.mark.parametrize(
    ("by", "reason"), [("token-cancel", ""), ("token", "Update cancelled by user")]
)
def test_an_update_that_somebody_cancelled_has_no_cause(by: str, reason: str) -> None:
    events = made(
        BEGUN,
        event(2, "UPDATE_IN_PROGRESS", "Queue"),
        event(3, "UPDATE_ROLLBACK_IN_PROGRESS", by=by, reason=reason),
        event(4, "UPDATE_FAILED", "Queue", reason="Resource update cancelled"),
        event(5, "UPDATE_COMPLETE", "Queue"),
        event(6, "UPDATE_ROLLBACK_COMPLETE", by=by),
    )
    for order in (events, [*events[:2], events[3], events[2], *events[4:]]):
        found = outcome("UPDATE_ROLLBACK_COMPLETE", order)
        assert found.was_cancelled
        assert not found.causes
    real = event(3, "UPDATE_FAILED", "Queue", reason="The queue is not there")
    failed = outcome(
        "UPDATE_ROLLBACK_COMPLETE",
        made(BEGUN, real, event(4, "UPDATE_ROLLBACK_IN_PROGRESS", by=by)),
    )
    assert not failed.was_cancelled
    assert [each.logical_id for each in failed.causes] == ["Queue"]
    assert "nothing" not in after_cancelling("dev/one")
    assert "`deploy.py review dev/one`" in after_cancelling("dev/one")


def snapshot(*answers: dict[str, Any], **facts: Any) -> Snapshot:
    found = Snapshot(
        OPERATION, START + timedelta(seconds=70), START, "UPDATE_IN_PROGRESS",
        tuple(made(*answers)), None,
    )  # fmt: skip
    return replace(found, **facts)


@pytest.mark.parametrize(
    ("statuses", "done", "in_progress"),
    [
        (["UPDATE_IN_PROGRESS"], 0, 1),
        (["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], 1, 0),
        # What was done is taken back, and then done again.
        (["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], 0, 1),
        (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], 1, 0),
        (["UPDATE_IN_PROGRESS", "UPDATE_FAILED"], 0, 0),
    ],
)
def test_what_is_done_and_what_is_being_done(
    statuses: list[str], done: int, in_progress: int
) -> None:
    events = [event(number, each, "Queue") for number, each in enumerate(statuses, 2)]
    found = snapshot(BEGUN, *events)
    assert (found.done(), len(found.in_progress())) == (done, in_progress)


def test_the_block_says_what_goes_on() -> None:
    rollout = Rollout(
        deployments=(
            EcsDeployment("worker:2", "PRIMARY", 1, 0, 1, 2, "FAILED", "circuit breaker"),
        ),
        stopped=("CannotPullContainerError",), log=("ready",), waiting=3, in_flight=1, dead=0,
        unknown=("The log could not be read: no",),
    )  # fmt: skip
    failed = event(4, "CREATE_FAILED", "Rule", reason="The group does not exist")
    lines = words.block(snapshot(BEGUN, QUEUE, failed, rollout=rollout), plain, 100)
    text = "\n".join(lines)
    assert "[........................] 0 of 2" in text
    assert "1:08  Queue  The jobs." in text
    assert "FAILED   Rule\n           The group does not exist" in text
    assert "worker:2 PRIMARY FAILED: desired 1, running 0, pending 1, 2 failed" in text
    assert "worker:2 PRIMARY FAILED: circuit breaker" in text
    assert "a task stopped: CannotPullContainerError" in text
    assert "queue: 3 waiting, 1 in flight, 0 dead letters" in text
    assert "1:10 passed, last event 66 s ago" in text
    half = words.block(snapshot(BEGUN, QUEUE, DONE), plain, 100)
    assert "[############............] 1 of 2" in half


def test_silence_has_a_heartbeat() -> None:
    lines: list[str] = []
    screen = LineScreen(lines.append)
    first = snapshot(BEGUN, QUEUE)
    screen.show(first, made(BEGUN, QUEUE))
    for seconds in (10, 29, 31, 45, 62):
        screen.show(replace(first, now=first.now + timedelta(seconds=seconds)), [])
    assert len(lines) == 4
    assert lines[2] == "... UPDATE_IN_PROGRESS, 1:41: in progress Queue"


def test_programs_get_one_object_a_line() -> None:
    lines: list[str] = []
    screen = JsonScreen(lines.append)
    first = snapshot(BEGUN)
    screen.show(first, made(BEGUN))
    screen.show(replace(first, now=first.now + timedelta(seconds=31)), [])
    found = [json.loads(line) for line in lines]
    assert found[0]["event"]["status"] == "UPDATE_IN_PROGRESS"
    assert found[1]["heartbeat"]["status"] == "UPDATE_IN_PROGRESS"


@given(st.lists(st.booleans(), max_size=40), st.floats(0, 1))
def test_pauses_grow_in_silence_and_shrink_with_news(news: list[bool], chance: float) -> None:
    slept: list[float] = []
    waits = Clock(sleep=slept.append, chance=lambda: chance).waits()
    for each in news:
        assert waits.wait(news=each)
    silence = [2.0, 3.0, 4.5, 6.75, 10.125, 15.1875, 22.78125, 30.0]
    quiet = 0
    for number, (fresh, seconds) in enumerate(zip(news, slept, strict=True)):
        quiet = 0 if fresh or number == 0 else quiet + 1
        whole = silence[min(quiet, len(silence) - 1)]
        assert seconds == pytest.approx(whole - whole * chance / 5)


def test_every_state_has_an_answer() -> None:
    assert stack_states.next_step("A_STATE_OF_TOMORROW", "dev/x").startswith("This state is new")
    for state in stack_states.STATES:
        assert "{}" not in stack_states.next_step(state, "dev/x")


def test_the_terminal_block_is_painted_and_taken_away() -> None:
    from io import StringIO

    from rich.console import Console

    from workerstack.deployer.screen import LiveScreen
    from workerstack.output import painted

    file = StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    asked: list[str] = []

    def ask() -> Literal["detach", "cancel"]:
        asked.append("x")
        return "cancel"

    screen = LiveScreen(console, painted, plain, ask, lambda: START + timedelta(seconds=75))
    failed = event(4, "CREATE_FAILED", "Rule", reason="no")
    screen.show(snapshot(BEGUN, QUEUE), made(BEGUN, QUEUE))
    screen.show(snapshot(BEGUN, QUEUE, failed), made(failed))
    assert screen.interrupted() == "cancel"
    screen.close()
    text = file.getvalue()
    assert "1:13  Queue  The jobs." in text
    assert "CREATE_FAILED" in text
    assert asked == ["x"]
