"""Scheduled actions run when the guide says, and change the bounds at once."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from tests.simulator.test_model import ours
from workerstack.problem import Problem
from workerstack.simulator.model import ScheduledAction
from workerstack.simulator.run import simulate
from workerstack.simulator.schedule import occurrences
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR, MINUTE = 86_400, 3_600, 60


def found(schedule: str, **more: Any) -> list[int]:
    action = ScheduledAction("a", schedule, **more)
    return list(islice(occurrences(action, MONDAY, 40 * DAY), 6))


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        # Application Auto Scaling User Guide, "Schedule recurring scaling actions using cron
        # expressions": the whole table, and the example in the text.
        ("cron(0 10 * * ? *)", [10 * HOUR, DAY + 10 * HOUR]),
        ("cron(15 12 * * ? *)", [12 * HOUR + 15 * MINUTE]),
        ("cron(0 18 ? * MON-FRI *)", [(day * 24 + 18) * HOUR for day in (0, 1, 2, 3, 4, 7)]),
        ("cron(0 8 1 * ? *)", [27 * DAY + 8 * HOUR]),
        ("cron(0/15 * * * ? *)", [minute * 15 * MINUTE for minute in range(6)]),
        ("cron(0/10 * ? * MON-FRI *)", [minute * 10 * MINUTE for minute in range(6)]),
        ("cron(0/5 8-17 ? * MON-FRI *)", [8 * HOUR + five * 5 * MINUTE for five in range(6)]),
        ("cron(30 6 * * 2 *)", [DAY + 6 * HOUR + 30 * MINUTE]),
        ("rate(5 minutes)", [each * 5 * MINUTE for each in range(6)]),
        ("rate(1 day)", [each * DAY for each in range(6)]),
        ("at(2026-01-05T06:30:00)", [6 * HOUR + 30 * MINUTE]),
        ("cron(0 8 ? JAN SUN,6 2026)", [(day * 24 + 8) * HOUR for day in (5, 6, 12, 13, 19, 20)]),
    ],
)  # fmt: skip
def test_when(schedule: str, seconds: list[int]) -> None:
    assert found(schedule)[: len(seconds)] == seconds


def test_a_time_zone_and_its_summer() -> None:
    assert found("cron(0 8 * * ? *)", timezone="Europe/Vienna")[0] == 7 * HOUR
    action = ScheduledAction("a", "cron(0 8 * * ? *)", "Europe/Vienna")
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    assert next(occurrences(action, summer, DAY)) == 6 * HOUR


def test_start_and_end() -> None:
    more = {"start": "2026-01-06T00:00:00Z", "end": "2026-01-07T12:00:00Z"}
    assert found("cron(0 10 * * ? *)", **more) == [DAY + 10 * HOUR, 2 * DAY + 10 * HOUR]


@pytest.mark.parametrize(
    "schedule",
    ["", "cron()", "cron(0 8 * * ?)", "cron(61 8 * * ? *)", "cron(0 8 L * ? *)", "rate(0 minutes)",
     "cron(0 8 * * MON#1 *)", "cron(a * * * * *)", "rate(5)", "at(soon)", "every(day)",
     "cron(0/0 * * * ? *)", "cron(9-5 * * * ? *)"],
)  # fmt: skip
def test_a_schedule_that_cannot_be_read(schedule: str) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        found(schedule)


def test_an_unknown_time_zone() -> None:
    with pytest.raises(Problem, match="no time zone Mars"):
        found("cron(0 8 * * ? *)", timezone="Mars")


def test_working_hours_with_a_task_that_waits() -> None:
    hours = (
        ScheduledAction("open", "cron(0 8 ? * * *)", min_capacity=1),
        ScheduledAction("close", "cron(0 9 ? * * *)", min_capacity=0, max_capacity=2),
    )
    scaling = replace(ours(), scheduled=hours)
    run = simulate(scaling, Trace.of([Message(8 * HOUR + 600, 60)]), Settings(), horizon=10 * HOUR)
    assert run.summary.first_receive_max == 0
    assert run.series.desired[1] == (8 * HOUR, 1)
    assert [each.second for each in run.events if each.kind == "scheduled"] == [8 * HOUR, 9 * HOUR]
    held = replace(scaling, suspended=replace(scaling.suspended, scheduled=True))
    assert simulate(held, Trace.of([]), Settings(), horizon=10 * HOUR).summary.tasks_started == 0


def test_a_start_that_is_no_time() -> None:
    with pytest.raises(Problem, match="start=soon is impossible"):
        simulate(ours(), Trace.of([]), Settings(start="soon"))
