"""What is seen and asked while an operation goes on: in a log, on a terminal, when told to end."""

import json
import os
import signal
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.deployer.test_watch import BEGUN, OPERATION, QUEUE, Person, Script, event, made, snapshot
from workerstack.commands import operation
from workerstack.deployer import screen as words
from workerstack.deployer import watch
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import outcome
from workerstack.deployer.screen import JsonScreen, LineScreen
from workerstack.deployer.service import EcsDeployment, Rollout
from workerstack.deployer.stack_states import CHANGED, DELETED, TAKEN_BACK
from workerstack.problem import Detached

PULL = "CannotPullContainerError: not found"
ROLLOUT = Rollout(
    deployments=(EcsDeployment("worker:2", "PRIMARY", 1, 0, 1, 0, "IN_PROGRESS", "goes on"),)
)
FAILED = replace(
    ROLLOUT,
    deployments=(EcsDeployment("worker:2", "PRIMARY", 1, 0, 0, 3, "FAILED", "circuit breaker"),),
    stopped=(PULL, PULL),
)


@pytest.mark.parametrize("screen_of", [LineScreen, JsonScreen])
def test_a_log_names_why_tasks_stop_once_and_at_once(screen_of: type[LineScreen]) -> None:
    lines: list[str] = []
    screen = screen_of(lines.append)
    first = snapshot(BEGUN, QUEUE)
    screen.show(replace(first, rollout=ROLLOUT), made(BEGUN, QUEUE))
    assert len(lines) == 2
    for seconds in (5, 10, 15):
        now = first.now + timedelta(seconds=seconds)
        screen.show(replace(first, now=now, rollout=FAILED), [])
    assert len(lines) == 4
    said = (
        [json.loads(line)["rollout"] for line in lines[2:]]
        if screen_of is JsonScreen
        else lines[2:]
    )
    assert [each.strip() for each in said] == [
        "worker:2 PRIMARY FAILED: circuit breaker", f"a task stopped: {PULL}",
    ]  # fmt: skip
    later = replace(first, now=first.now + timedelta(seconds=50), rollout=FAILED)
    screen.show(later, [])
    assert "worker:2" in lines[-1]
    assert len(lines) == 5


def test_a_long_log_line_is_cut_and_never_breaks_the_block() -> None:
    rollout = replace(ROLLOUT, log=("word " * 40, "\x1b[31mshort\n"))
    lines = words.rollout_lines(rollout, 60)
    assert [len(line) <= 60 for line in lines] == [True] * len(lines)
    assert lines[-2].endswith("…")
    assert "\x1b" not in lines[-1]


def test_the_summary_names_stopped_tasks_and_what_was_not_rolled_back() -> None:
    events = made(
        BEGUN,
        event(3, "UPDATE_FAILED", "Service", reason="did not stabilise"),
        event(4, "UPDATE_ROLLBACK_IN_PROGRESS"),
        event(5, "UPDATE_FAILED", "Queue", reason="it is gone"),
        event(6, "UPDATE_ROLLBACK_FAILED"),
    )
    found = outcome("UPDATE_ROLLBACK_FAILED", events, CHANGED, [PULL, PULL])
    assert found.stopped == (PULL,)
    text = "\n".join(words.ending(found, OPERATION, "Next", 100))
    assert f"a task stopped: {PULL}" in text
    assert "not rolled back: Queue (AWS::SQS::Queue): it is gone" in text
    assert "cause: Service" in text


@pytest.mark.parametrize(
    ("status", "wanted", "good"),
    [
        ("UPDATE_COMPLETE", CHANGED, True), ("UPDATE_ROLLBACK_COMPLETE", CHANGED, False),
        ("DELETE_COMPLETE", CHANGED, False), ("DELETE_COMPLETE", DELETED, True),
        ("DELETE_FAILED", DELETED, False), ("UPDATE_ROLLBACK_COMPLETE", TAKEN_BACK, True),
        ("UPDATE_ROLLBACK_FAILED", TAKEN_BACK, False), ("ROLLBACK_COMPLETE", TAKEN_BACK, True),
    ],
)  # fmt: skip
def test_good_is_what_was_asked_for(status: str, wanted: frozenset[str], good: bool) -> None:
    assert outcome(status, (), wanted).is_good is good


def test_a_rollback_that_fails_again_names_its_own_causes() -> None:
    events = made(
        event(1, "UPDATE_ROLLBACK_IN_PROGRESS"),
        event(2, "UPDATE_FAILED", "Queue", reason="still gone"),
        event(3, "UPDATE_ROLLBACK_FAILED"),
    )
    found = outcome("UPDATE_ROLLBACK_FAILED", events, TAKEN_BACK)
    assert [each.reason for each in found.causes] == ["still gone"]
    assert not found.not_rolled_back


class Twice(Person):
    """Somebody who presses Ctrl-C again while being asked."""

    def interrupted(self) -> Any:
        raise KeyboardInterrupt


def interrupted_once() -> Clock:
    def sleep(_: float) -> None:
        raise KeyboardInterrupt

    return Clock(sleep=sleep)


def test_ctrl_c_twice_detaches() -> None:
    script = Script()
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    with pytest.raises(Detached, match="you asked for it twice"):
        watch.watch(OPERATION, script, interrupted_once(), Twice())  # type: ignore[arg-type]


def test_a_cancellation_that_comes_too_late_changes_nothing() -> None:
    script = Script()
    script.look("UPDATE_IN_PROGRESS", BEGUN)
    script.stubber.add_client_error(
        "cancel_update_stack", "ValidationError", "cannot be called from current stack status"
    )
    ended = event(4, "UPDATE_COMPLETE")
    script.look("UPDATE_COMPLETE", BEGUN, ended)
    script.more(BEGUN, ended)
    times = iter([True])

    def sleep(_: float) -> None:
        if next(times, False):
            raise KeyboardInterrupt

    found = watch.watch(OPERATION, script, Clock(sleep=sleep), Person("cancel"))  # type: ignore[arg-type]
    assert found.is_good


def test_sigterm_detaches_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.look("UPDATE_IN_PROGRESS", BEGUN)

    def clock(**_: object) -> Clock:
        return Clock(sleep=lambda _: os.kill(os.getpid(), signal.SIGTERM))

    monkeypatch.setattr(operation, "Clock", clock)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Detached, match=r"told to end.*deploy\.py watch dev/x"):
        operation.watched(OPERATION, script, form="text", minutes=1)  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGTERM) is before
