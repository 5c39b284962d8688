"""When the task is protected, renewed and released; the agent refuses, is slow, forgets."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path

from protector import protector
from protector.protector import Message, Protection

COVER = 3600.0
OUT = {"receipt": Message("https://sqs/1/q", 0, 0)}


class Agent:
    """Agrees, or does what is in ``trouble``; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.trouble: str | OSError = ""

    def put(self, protect: bool) -> str:
        self.asked.append(protect)
        if isinstance(self.trouble, OSError):
            raise self.trouble
        return self.trouble


class Now:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def made(*, one_at_a_time: bool = False) -> tuple[Protection, Agent, Now]:
    agent, now = Agent(), Now()

    class Timed(Protection):
        clock: Callable[[], float] = staticmethod(now)

    return Timed(agent.put, COVER, one_at_a_time), agent, now


def test_the_agent_is_asked_on_the_change_only() -> None:
    protection, agent, now = made()
    for _ in range(50):
        assert protection.enter()
        protection.leave(dict(OUT))
        protection.settle("receipt")
        now.time += 1
        protection.tick()
    assert agent.asked == [True]
    now.time += Protection.IDLE
    protection.tick()
    protection.tick()
    assert agent.asked == [True, False]


def test_nothing_is_released_while_a_message_is_out_or_a_receive_under_way() -> None:
    protection, agent, now = made()
    protection.enter()
    now.time += 1000
    protection.tick()
    assert agent.asked == [True]
    protection.leave(dict(OUT))
    now.time += 1000
    protection.tick()
    assert agent.asked == [True]


def test_overlapping_polls_do_not_hold_an_idle_task_for_ever() -> None:
    protection, agent, now = made()
    protection.enter()
    protection.enter()
    now.time += Protection.IDLE
    protection.tick()
    assert protection.closing  # no third poll begins before these two are back
    protection.leave({})
    protection.leave({})
    protection.tick()
    assert agent.asked == [True, False]
    assert not protection.closing


def test_a_message_that_comes_while_closing_keeps_the_task() -> None:
    protection, agent, now = made()
    protection.enter()
    now.time += Protection.IDLE
    protection.tick()
    protection.leave(dict(OUT))
    assert not protection.closing
    protection.tick()
    assert agent.asked == [True]


def test_it_is_renewed_before_what_is_left_is_too_short_for_a_job() -> None:
    protection, agent, now = made()
    protection.enter()
    protection.leave(dict(OUT))
    now.time += COVER - 1
    protection.tick()
    assert agent.asked == [True]
    now.time += 1
    protection.tick()
    assert agent.asked == [True, True]
    now.time += COVER - 1
    assert protection.enter()
    assert agent.asked == [True, True]


def test_a_renewal_that_is_denied_is_tried_again_and_meanwhile_nothing_is_received() -> None:
    protection, agent, now = made()
    protection.enter()
    protection.leave(dict(OUT))
    agent.trouble = "throttled"
    now.time += COVER
    for _ in range(4):
        protection.tick()
        now.time += Protection.MOMENT / 2
    assert agent.asked == [True, True, True]
    assert now.time > protection.until
    agent.trouble = ""
    now.time += Protection.MOMENT
    protection.tick()
    assert agent.asked[-1]
    assert now.time < protection.until


def test_a_renewal_that_is_denied_gives_back_what_an_idle_task_still_has() -> None:
    """What was granted before holds until it expires, and a blocked deployment would wait."""
    protection, agent, now = made()
    protection.enter()
    protection.leave({})
    now.time = protection.until
    agent.trouble = '{"Reason": "DEPLOYMENT_BLOCKED"}'
    with protection.changed:
        protection._ask(True)
    assert protection.held
    agent.trouble = ""  # a release is not refused
    now.time += Protection.MOMENT
    protection.tick()
    assert agent.asked == [True, True, False]
    assert not protection.held


def test_a_call_without_an_answer_may_have_protected_so_it_is_released_later() -> None:
    protection, agent, now = made()
    agent.trouble = TimeoutError("timed out")
    with protection.changed:
        protection._ask(True)
    assert now.time > protection.until
    agent.trouble = ""
    now.time += Protection.IDLE
    protection.tick()
    assert agent.asked == [True, False]
    now.time += 100
    protection.tick()
    assert agent.asked == [True, False]


def test_a_release_without_an_answer_counts_as_unprotected_and_is_tried_again() -> None:
    protection, agent, now = made()
    protection.enter()
    protection.leave({})
    agent.trouble = TimeoutError("timed out")
    now.time += Protection.IDLE
    protection.tick()
    assert protection.until == 0
    agent.trouble = ""
    now.time += Protection.IDLE
    protection.tick()
    assert agent.asked == [True, False, False]


def test_a_refusal_protects_nothing() -> None:
    protection, agent, now = made()
    agent.trouble = '{"Reason": "DEPLOYMENT_BLOCKED"}'
    with protection.changed:
        protection._ask(True)
    now.time += 1000
    protection.tick()
    assert agent.asked == [True]


def test_who_takes_one_at_a_time_is_done_with_what_it_had_when_it_asks_again() -> None:
    protection, _, _ = made(one_at_a_time=True)
    protection.enter()
    protection.leave(dict(OUT))
    protection.enter()
    assert not protection.out


def test_it_is_read_in_ten_minutes() -> None:
    """At most 400 lines, of the standard library only."""
    text = Path(protector.__file__).read_text()
    assert len(text.splitlines()) <= 400
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
        )
    }
    assert names <= set(sys.stdlib_module_names)
