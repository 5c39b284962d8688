"""What the step table of the CDK does, and what ours does, in numbers that were found before.

The figures come from a reference model that was written apart from this one: one-second turns,
an answer of Application Auto Scaling after one second, cooldowns from the decision.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.scalings import ROOT
from workerstack.simulator.cloudwatch import CloudWatch
from workerstack.simulator.model import Scaling
from workerstack.simulator.read import read_scaling
from workerstack.simulator.result import Run
from workerstack.simulator.run import simulate, summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

SIX_HOURS = 21_600
AS_THEN = Settings(
    application_autoscaling_delay=1, cooldown_from="decision", visibility_timeout=300
)
ONE = Trace.of([Message(0, 180)])
BURST = Trace.of([Message(0, 240)] * 12)


def read(path: Path) -> Scaling:
    return read_scaling(path.read_text(), path.name)


def cdk() -> Scaling:
    return read(ROOT / "tests/templates/cdk.template.json")


def ours() -> Scaling:
    """The edit worker, with the scale-in cooldown of a minute that the figures are for."""
    scaling = read(ROOT / "out/webordinary-edit.template.yaml")
    policies = (
        replace(each, cooldown=60) if each.name == "ScaleInPolicy" else each
        for each in scaling.policies
    )
    return replace(scaling, policies=tuple(policies))


def ran(scaling: Scaling, trace: Trace, settings: Settings = AS_THEN) -> Run:
    return simulate(scaling, trace, settings, horizon=SIX_HOURS)


@pytest.mark.parametrize(
    ("scaling", "trace", "first", "completed", "peak", "scaled", "dollars"),
    [
        (cdk(), ONE, (361, 361), (541, 541), 1, (1, 1), 0.0115),
        (ours(), ONE, (121, 121), (301, 301), 1, (1, 1), 0.0329),
        (cdk(), BURST, (121, 1081), (361, 1321), 5, (5, 5), 0.1960),
        (ours(), BURST, (121, 841), (361, 1081), 5, (3, 5), 0.2552),
    ],
    ids=["cdk-one", "ours-one", "cdk-burst", "ours-burst"],
)
def test_the_table_of_both_designs(
    scaling: Scaling,
    trace: Trace,
    first: tuple[int, int],
    completed: tuple[int, int],
    peak: int,
    scaled: tuple[int, int],
    dollars: float,
) -> None:
    run = ran(scaling, trace)
    received = [each.first_received for each in run.outcomes if each.first_received is not None]
    finished = [each.finished for each in run.outcomes if each.finished is not None]
    assert len(finished) == len(trace.messages)
    assert (min(received), max(received)) == first
    assert (min(finished), max(finished)) == completed
    assert run.summary.peak == peak
    assert (run.summary.scale_outs, run.summary.scale_ins) == scaled
    assert not run.kills
    # Who is stopped is random: a task that starts late or early costs some seconds more or less.
    assert run.summary.cost.compute == pytest.approx(dollars, abs=0.0003)


@pytest.mark.parametrize("arrival", range(0, 60, 7))
def test_the_literal_design_never_finishes_a_job_longer_than_390_seconds(arrival: int) -> None:
    fits = summarize(cdk(), Trace.of([Message(arrival, 390)]), AS_THEN, horizon=SIX_HOURS)
    never = summarize(cdk(), Trace.of([Message(arrival, 391)]), AS_THEN, horizon=SIX_HOURS)
    assert (fits.done, fits.killed) == (1, 0)
    assert (never.done, never.killed) == (0, 29)


def longest(scaling: Scaling, settings: Settings) -> int:
    """The longest job that still finishes at the first attempt."""
    low, high = 1, 2_000
    while low < high:
        middle = (low + high + 1) // 2
        run = summarize(scaling, Trace.of([Message(0, middle)]), settings, horizon=SIX_HOURS)
        low, high = (low, middle - 1) if run.killed else (middle, high)
    return low


@pytest.mark.parametrize("latency", [60, 61, 75, 90, 118, 119])
def test_the_limit_is_between_330_and_390_by_phase(latency: int) -> None:
    limit = longest(cdk(), replace(AS_THEN, start_latency=latency))
    assert limit == 390 - (latency - 60)


def test_a_longer_stop_timeout_moves_the_limit_by_as_much() -> None:
    scaling = cdk()
    assert scaling.task
    patient = replace(scaling, task=replace(scaling.task, stop_timeout=120))
    assert longest(patient, AS_THEN) == 480


def test_faster_alarms_kill_more() -> None:
    scaling = cdk()
    fast = replace(scaling, alarms=tuple(replace(each, period=60) for each in scaling.alarms))
    run = ran(fast, ONE)
    assert (run.summary.done, run.summary.killed) == (0, 45)
    assert run.kills[-1].second > SIX_HOURS - 400  # so the other model counted 44
    assert longest(fast, AS_THEN) == 150


def test_a_dead_letter_queue_ends_the_loop_and_loses_a_good_job() -> None:
    scaling = cdk()
    assert scaling.queue
    guarded = replace(scaling, queue=replace(scaling.queue, max_receive_count=3))
    run = ran(guarded, Trace.of([Message(0, 600)]))
    assert run.summary.killed == 3
    assert [message for _, message in run.dead_letters] == [0]
    assert run.outcomes[0].fate == "dead"


def test_ours_kills_nothing_however_long_the_job_is() -> None:
    heartbeat = replace(AS_THEN, heartbeat=60)
    for seconds in (391, 3_600, 18_000):
        run = ran(ours(), Trace.of([Message(0, seconds)]), heartbeat)
        assert (run.summary.done, run.summary.killed) == (1, 0)


def test_protection_keeps_a_busy_task_from_the_literal_design() -> None:
    run = ran(
        cdk(), Trace.of([Message(0, 3_000)]), replace(AS_THEN, protection=7_200, heartbeat=60)
    )
    assert (run.summary.done, run.summary.killed) == (1, 0)


def test_a_deployment_that_sends_a_desired_count_of_0_stops_the_work() -> None:
    settings = replace(AS_THEN, deployments=(400,), heartbeat=60)
    literal = ran(cdk(), Trace.of([Message(0, 240)]), settings)
    assert literal.summary.killed == 1
    absent = ran(replace(cdk(), desired_count=None), Trace.of([Message(0, 80)]), settings)
    assert absent.summary.killed == 0


def test_a_short_cooldown_starts_two_tasks_for_one_message() -> None:
    # Cooldown >= metric delay + start latency + a period, or the message is still seen.
    for latency, cooldown, one in (
        (60, 60, False), (60, 120, False), (60, 180, True), (120, 180, False), (120, 240, True),
    ):  # fmt: skip
        scaling = ours()
        policies = (replace(each, cooldown=cooldown) for each in scaling.policies)
        slow = replace(AS_THEN, start_latency=latency)
        run = ran(replace(scaling, policies=tuple(policies)), ONE, slow)
        assert (run.summary.tasks_started == 1) is one, (latency, cooldown)


def test_a_queue_that_slept_wakes_its_worker_late() -> None:
    awake = ran(ours(), ONE)
    asleep = ran(ours(), ONE, replace(AS_THEN, asleep_at_start=True))
    assert awake.summary.first_receive_max == 121
    assert asleep.summary.first_receive_max == 961


def test_the_age_that_is_reported_passes_over_a_message_received_three_times() -> None:
    run = ran(cdk(), Trace.of([Message(0, 600)]))
    third = [each for each in run.events if each.kind == "kill"][2].second
    true = [value for second, value in run.series.oldest if second <= third][-1]
    reported = [value for second, value in run.series.oldest_reported if second <= third][-1]
    assert (true, reported) == (0, -1)


def test_a_poison_message_is_received_until_it_is_a_dead_letter() -> None:
    scaling = replace(cdk(), queue=replace(cdk().queue or ours().queue, max_receive_count=4))  # type: ignore[type-var]
    run = ran(scaling, Trace.of([Message(0, 20, poison=True)]))
    assert run.summary.dead_letters == 1
    assert run.outcomes[0].receives == 4
    assert not run.kills


def test_an_unfinished_trace_is_told() -> None:
    run = simulate(cdk(), BURST, AS_THEN, horizon=700)
    numbers = run.summary
    assert numbers.waiting + numbers.in_flight + numbers.done == 12
    assert numbers.waiting > 0
    assert numbers.completion_p95 is None


def test_a_message_just_before_scale_in_is_killed_without_protection() -> None:
    # The idle worker takes it at once; the alarm does not know for a metric delay and a phase.
    trace = Trace.of([Message(0, 60), Message(1_120, 400)])
    heartbeat = replace(AS_THEN, heartbeat=60)
    bare = ran(ours(), trace, heartbeat)
    assert [(each.message, each.wasted) for each in bare.kills] == [(1, 141)]
    assert bare.summary.done == 2
    guarded = ran(ours(), trace, replace(heartbeat, protection=7_200))
    assert (guarded.summary.done, guarded.summary.killed) == (2, 0)


def test_a_visibility_timeout_shorter_than_the_job_gives_it_to_a_second_worker() -> None:
    scaling = replace(ours(), min_capacity=2)
    trace = Trace.of([Message(0, 400)])
    twice = ran(scaling, trace)
    assert twice.summary.duplicates > 0
    assert twice.summary.done == 0, "each delete comes with an old receipt"
    assert ran(scaling, trace, replace(AS_THEN, old_receipt_deletes=True)).summary.done == 1
    assert ran(scaling, trace, replace(AS_THEN, heartbeat=60)).summary.duplicates == 0


def test_idle_time_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = []
    tick = CloudWatch.tick

    def counted(self: CloudWatch, now: int, skipped: int) -> None:
        minutes.append(now)
        tick(self, now, skipped)

    monkeypatch.setattr(CloudWatch, "tick", counted)
    year = 365 * 86_400
    run = simulate(ours(), Trace.of([Message(year // 2, 180)]), AS_THEN, horizon=year)
    assert run.summary.done == 1
    assert len(minutes) < 200
