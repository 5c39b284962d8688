"""Warnings on a template: each planted, and each with a harmless neighbour."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import templates
from templates import workers
from workerstack.simulator.model import (
    Alarm,
    Declared,
    Scaling,
    ScalingPolicy,
    ScheduledAction,
    SimulatedStep,
)
from workerstack.simulator.read import read_scaling
from workerstack.simulator.run import summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace
from workerstack.simulator.warn import WARNINGS, hurting_gaps, job_limit, warn

Change = Callable[[Scaling], Scaling]


@cache
def default() -> Scaling:
    return read_scaling(templates.build(workers.EDIT).to_json(), "default.yaml")


@cache
def literal() -> Scaling:
    """The alarms of the CDK's template, with ECS's own stop timeout, which it leaves."""
    worker = replace(workers.EDIT, scale_in_on="visible")
    found = read_scaling(templates.build(worker).to_json(), "literal.yaml")
    assert found.task
    return replace(found, task=replace(found.task, stop_timeout=30))


def alarms(scaling: Scaling, name: str, **values: Any) -> Scaling:
    changed = tuple(
        replace(each, **values) if each.name == name else each for each in scaling.alarms
    )
    return replace(scaling, alarms=changed)


def policies(scaling: Scaling, name: str, **values: Any) -> Scaling:
    changed = tuple(
        replace(each, **values) if each.name == name else each for each in scaling.policies
    )
    return replace(scaling, policies=changed)


def both(scaling: Scaling) -> tuple[Alarm, ScalingPolicy]:
    return scaling.alarms[0], scaling.policies[0]


def ids(scaling: Scaling, settings: Settings | None = None) -> set[str]:
    return {each.id for each in warn(scaling, settings)}


PLANTED: dict[str, tuple[Change, Change]] = {
    "kill-loop": (
        lambda s: alarms(s, "DrainedAlarm", **blind(15)),
        lambda s: s,
    ),
    "kill-on-arrival": (
        lambda s: s,
        lambda s: replace(s, declared=Declared(protection="sidecar")),
    ),
    "job-outlives-visibility": (
        lambda s: replace(s, declared=Declared(longest_job=301)),
        lambda s: replace(s, declared=Declared(longest_job=301, heartbeat=60)),
    ),
    "heartbeat-too-slow": (
        lambda s: replace(s, declared=Declared(heartbeat=300)),
        lambda s: replace(s, declared=Declared(heartbeat=299)),
    ),
    "queue-wakes-late": (
        lambda s: s,
        lambda s: replace(s, scheduled=(ScheduledAction("Morning", "cron(0 6 * * ? *)",
                                                        min_capacity=1),)),
    ),
    "alarm-reacts-late": (
        lambda s: alarms(s, "BacklogAlarm", evaluation_periods=3, datapoints_to_alarm=3),
        lambda s: alarms(s, "BacklogAlarm", evaluation_periods=2, datapoints_to_alarm=1),
    ),
    "one-message-two-tasks": (
        lambda s: policies(s, "ScaleOutPolicy", cooldown=0),
        lambda s: policies(s, "ScaleOutPolicy", cooldown=240),
    ),
    "flapping": (
        lambda s: alarms(s, "DrainedAlarm", evaluation_periods=2, datapoints_to_alarm=2),
        lambda s: alarms(s, "DrainedAlarm", evaluation_periods=10, datapoints_to_alarm=10),
    ),
    "step-never-reached": (
        lambda s: replace(s, max_capacity=1),
        lambda s: replace(s, max_capacity=2),
    ),
    "dead-zone": (
        lambda s: alarms(alarms(s, "DrainedAlarm", **blind(15)), "BacklogAlarm", threshold=3),
        lambda s: alarms(s, "DrainedAlarm", **blind(15)),
    ),
    "no-step-found": (
        lambda s: policies(s, "ScaleInPolicy", steps=(SimulatedStep(0, None, -1),)),
        lambda s: policies(s, "ScaleInPolicy", steps=(SimulatedStep(None, 0, -1),)),
    ),
    "scale-in-on-missing-data": (
        lambda s: alarms(s, "DrainedAlarm", missing_data="breaching"),
        lambda s: alarms(s, "DrainedAlarm", missing_data="ignore"),
    ),
}  # fmt: skip


def blind(minutes: int) -> dict[str, Any]:
    """A scale-in alarm that looks at waiting messages alone."""
    visible = default().alarms[0].metrics[0][1]
    return {
        "metrics": (("m", visible),),
        "expressions": (),
        "returned": "m",
        "evaluation_periods": minutes,
        "datapoints_to_alarm": minutes,
    }


def test_every_warning_is_planted() -> None:
    assert set(PLANTED) == set(WARNINGS)


@pytest.mark.parametrize("name", PLANTED)
def test_a_warning_and_its_harmless_neighbour(name: str) -> None:
    planted, harmless = PLANTED[name]
    assert name in ids(planted(default()))
    assert name not in ids(harmless(default()))


def test_other_ways_to_the_same_warnings() -> None:
    steps = (SimulatedStep(0, 9, 1), SimulatedStep(11, None, 2))
    gap = policies(default(), "ScaleOutPolicy", steps=steps)
    found = [each for each in warn(gap) if each.id == "no-step-found"]
    assert [each.what for each in found] == ["ScaleOutPolicy has no step for 10"]
    wrong_side = policies(
        default(), "ScaleOutPolicy", steps=(SimulatedStep(None, 0, 1), SimulatedStep(0, None, 1))
    )
    assert "step-never-reached" in ids(wrong_side)
    below = policies(
        default(), "ScaleInPolicy", steps=(SimulatedStep(None, -5, -2), SimulatedStep(-5, 0, -1))
    )
    assert "step-never-reached" in ids(below)


def test_the_literal_variant_and_the_default() -> None:
    assert ids(default()) == {"kill-on-arrival", "queue-wakes-late"}
    assert ids(literal()) == {
        "kill-loop", "queue-wakes-late", "alarm-reacts-late", "flapping", "dead-zone",
    }  # fmt: skip


def test_protection_ends_the_kill_loop() -> None:
    assert "kill-loop" not in ids(literal(), Settings(protection=7200))


def test_how_long_a_job_may_take_is_computed_and_run() -> None:
    limit = job_limit(literal(), Settings())
    assert limit
    assert limit.computed
    # 330 to 390 seconds by the second of the pick-up, in the CDK's template.
    assert 330 <= limit.certain < limit.possible <= 390
    assert limit.computed[0] <= limit.certain
    assert limit.possible <= limit.computed[1]
    assert job_limit(default(), Settings()) is None


@pytest.mark.parametrize(
    ("stop_timeout", "periods", "delay", "least"),
    # Five minutes a period but the minute of the first sample, the metric's delay, five seconds
    # of Application Auto Scaling, the stop timeout.
    [(2, 1, 60, 240 + 60 + 5 + 2), (120, 3, 120, 840 + 120 + 5 + 120)],
)
def test_the_computed_limit_holds_for_other_numbers(
    stop_timeout: int, periods: int, delay: int, least: int
) -> None:
    scaling = alarms(
        literal(), "DrainedAlarm", evaluation_periods=periods, datapoints_to_alarm=periods
    )
    assert scaling.task
    scaling = replace(scaling, task=replace(scaling.task, stop_timeout=stop_timeout))
    limit = job_limit(scaling, Settings(metric_delay=delay))
    assert limit
    assert limit.computed == (least, least + 59)
    assert least <= limit.certain < limit.possible < least + 60


def test_the_gaps_that_hurt_are_exactly_those() -> None:
    """Every gap, with the end of the job in several parts of a minute, against the range."""
    scaling, settings = default(), Settings(heartbeat=60)
    gaps = hurting_gaps(scaling, settings)
    assert gaps
    killed = set()
    for first in range(180, 240, 7):
        for gap in range(gaps[0] - 90, gaps[1] + 90, 11):
            trace = Trace.of([Message(0, first), Message(125 + first + gap, 181)])
            run = summarize(scaling, trace, settings, horizon=125 + first + gap + 400)
            killed |= {gap} if run.killed else set()
    assert gaps[0] <= min(killed) < gaps[0] + 20
    assert gaps[1] - 20 < max(killed) <= gaps[1]


def test_each_warning_is_a_sentence_with_a_next_step() -> None:
    for each in warn(literal()):
        assert str(each).endswith(".")
        assert each.subject in {"Service", "DrainedAlarm"}
