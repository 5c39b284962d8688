"""The engine, which skips what is constant, gives what a plain loop over seconds gives."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scalings import scalings, switches, traces
from tests.second_by_second import Loop
from tests.soak import examples
from workerstack.simulator.model import Scaling
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Trace

HORIZON = 5_400


def same(scaling: Scaling, trace: Trace, switched: Settings, horizon: int) -> None:
    loop = Loop(scaling, trace, switched)
    loop.run(horizon)
    run = simulate(scaling, trace, switched, horizon=horizon)
    assert {name: list(changes) for name, changes in run.series.alarms.items()} == loop.changes
    assert list(run.series.desired) == loop.desired_series
    assert [
        (each.number, each.started, each.running, each.stopping, each.ended) for each in run.tasks
    ] == [
        (each.number, each.started, each.running, each.stopping, each.ended)
        for each in loop.workers
    ]
    assert [(k.second, k.message, k.task, k.wasted) for k in run.kills] == loop.kills
    assert list(run.dead_letters) == loop.dead
    fates = {"visible": "waiting", "delayed": "waiting"}
    assert [
        (each.fate, each.receives, each.first_received, each.finished) for each in run.outcomes
    ] == [
        (fates.get(each.state, each.state), each.receives, each.first, each.finished)
        for each in loop.items
        if each.state != "future"
    ]
    numbers = run.summary
    assert (numbers.returned, numbers.wasted, numbers.duplicates) == (
        loop.returned,
        loop.wasted,
        loop.duplicates,
    )
    assert (numbers.scale_outs, numbers.scale_ins) == (loop.scale_outs, loop.scale_ins)


@pytest.mark.soak
@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scalings(), traces(), switches(), st.just(HORIZON))
def test_every_second_is_as_in_the_plain_loop(
    scaling: Scaling, trace: Trace, switched: Settings, horizon: int
) -> None:
    same(scaling, trace, switched, horizon)
