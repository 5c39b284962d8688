"""What holds for every scaling, trace and setting."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings

from tests.scalings import scalings, switches, traces
from tests.soak import examples
from workerstack.simulator.cost import cost, read_prices
from workerstack.simulator.model import Scaling, TaskSize
from workerstack.simulator.run import simulate, summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.show import as_csv, as_json
from workerstack.simulator.traces import Trace

HORIZON = 9_000
made = settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@made
@given(scalings(), traces(), switches())
def test_messages_are_conserved(scaling: Scaling, trace: Trace, switched: Settings) -> None:
    run = simulate(scaling, trace, switched, horizon=HORIZON)
    numbers = run.summary
    ends = (
        numbers.done, numbers.dead_letters, numbers.expired, numbers.waiting, numbers.in_flight,
    )  # fmt: skip
    assert sum(ends) == numbers.messages == len(trace.messages)
    assert numbers.receives == sum(each.receives for each in run.outcomes)
    assert numbers.killed == len(run.kills)
    for outcome in run.outcomes:
        if outcome.finished is not None:
            assert outcome.first_received is not None
            assert outcome.arrival <= outcome.first_received < outcome.finished


@made
@given(scalings(), traces(), switches())
def test_capacity_stays_in_bounds(scaling: Scaling, trace: Trace, switched: Settings) -> None:
    scaling = replace(scaling, scheduled=())
    run = simulate(scaling, trace, replace(switched, deployments=()), horizon=HORIZON)
    low, high = scaling.min_capacity, scaling.max_capacity
    assert all(low <= value <= high for _, value in run.series.desired)
    assert run.summary.peak <= high
    for points in (run.series.visible, run.series.in_flight, run.series.busy, run.series.pending):
        assert all(value >= 0 for _, value in points)
        assert [second for second, _ in points] == sorted({second for second, _ in points})


@made
@given(scalings(), traces(), switches())
def test_cost_never_falls(scaling: Scaling, trace: Trace, switched: Settings) -> None:
    run = simulate(scaling, trace, switched, horizon=HORIZON)
    task, prices = scaling.task or TaskSize(256, 512), read_prices()
    spent = [
        cost(run.tasks, second, task, scaling.alarms, switched.pull_start, prices).total
        for second in range(0, HORIZON + 1, 50)
    ]
    assert spent == sorted(spent)
    assert spent[-1] == run.summary.cost.total
    shorter = summarize(scaling, trace, switched, horizon=HORIZON // 2)
    assert shorter.cost.total <= run.summary.cost.total


@made
@given(scalings(), traces(), switches())
def test_a_shift_in_time_changes_nothing(
    scaling: Scaling, trace: Trace, switched: Settings
) -> None:
    """By whole minutes, since at which second of a minute a message arrives does matter.

    Nothing may have happened before the trace: no task runs, no schedule and no deployment, and
    the queue has no time to fall asleep. Jitter is drawn for each minute, so there is none.
    """
    assume(scaling.min_capacity == 0)
    scaling = replace(scaling, scheduled=())
    shift = 1_800
    awake = replace(switched, sleep_after=21_600, deployments=(), metric_jitter=0)
    still = simulate(scaling, trace, awake, horizon=HORIZON)
    later = Trace(tuple(replace(each, arrival=each.arrival + shift) for each in trace.messages))
    moved = simulate(scaling, later, awake, horizon=HORIZON + shift)
    assert [(each.fate, each.receives) for each in still.outcomes] == [
        (each.fate, each.receives) for each in moved.outcomes
    ]
    for before, after in zip(still.outcomes, moved.outcomes, strict=True):
        for one, other in (
            (before.first_received, after.first_received),
            (before.finished, after.finished),
        ):
            assert (one is None and other is None) or other == (one or 0) + shift
    assert len(still.kills) == len(moved.kills)
    assert still.summary.task_hours == moved.summary.task_hours


@made
@given(scalings(), traces(), switches())
def test_the_same_seed_gives_the_same_bytes(
    scaling: Scaling, trace: Trace, switched: Settings
) -> None:
    one = simulate(scaling, trace, switched, horizon=HORIZON)
    other = simulate(scaling, trace, switched, horizon=HORIZON)
    assert as_json(one) == as_json(other)
    assert as_csv(one) == as_csv(other)
    assert summarize(scaling, trace, switched, horizon=HORIZON) == one.summary
