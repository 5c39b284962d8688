"""The engine, which skips what is constant, gives what a plain loop over seconds gives."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scalings import ALARM, VISIBLE, scalings, switches, traces, tracking_scalings
from tests.second_by_second import Loop
from tests.soak import examples
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    Queue,
    Scaling,
    ScalingPolicy,
    SimulatedStep,
    TaskSize,
)
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

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


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scalings(), traces(), switches(), st.just(HORIZON))
def test_every_second_is_as_in_the_plain_loop(
    scaling: Scaling, trace: Trace, switched: Settings, horizon: int
) -> None:
    same(scaling, trace, switched, horizon)


@settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tracking_scalings(), traces(), switches(), st.just(HORIZON))
def test_target_tracking_is_as_in_the_plain_loop(
    scaling: Scaling, trace: Trace, switched: Settings, horizon: int
) -> None:
    same(scaling, trace, switched, horizon)


def test_a_task_that_just_began_is_healthy_in_the_middle_of_a_deployment() -> None:
    """Found by an alarm on the age of a delayed message, which starts tasks before it is seen.

    SQS, "Available CloudWatch metrics": the age is that of the oldest message that was not
    processed, so that one which is delayed counts from when it was sent.
    """
    age = Alarm(
        name="Backlog", metrics=(("m", Metric("ApproximateAgeOfOldestMessage", "Maximum")),),
        returned="m", period=60, evaluation_periods=1, datapoints_to_alarm=1, threshold=1,
        operator="GreaterThanOrEqualToThreshold", actions=((AlarmState.ALARM, "Out"),),
    )  # fmt: skip
    drained = Alarm(
        name="Drained", metrics=(("m", Metric(VISIBLE, "Maximum")),), returned="m", period=60,
        evaluation_periods=1, datapoints_to_alarm=1, threshold=0,
        operator="LessThanOrEqualToThreshold", actions=ALARM,
    )  # fmt: skip
    scaling = Scaling(
        name="S", file="made.yaml", min_capacity=0, max_capacity=2,
        policies=(
            ScalingPolicy(name="Out", adjustment_type="ChangeInCapacity", cooldown=0,
                   steps=(SimulatedStep(0, 2, 1), SimulatedStep(2, None, 2))),
            ScalingPolicy(name="In", adjustment_type="ChangeInCapacity", cooldown=0,
                   steps=(SimulatedStep(None, 0, -1),)),
        ),
        alarms=(age, drained), queue_name="q", queue=Queue(visibility_timeout=1, delay=45),
        task=TaskSize(cpu=256, memory=512, stop_timeout=2), minimum_healthy=50,
    )  # fmt: skip
    switched = Settings(
        metric_delay=0, activation_delay=0, application_autoscaling_delay=1, start_latency=1,
        deployments=(700,), heartbeat=0, protection=0,
    )  # fmt: skip
    same(scaling, Trace.of([Message(600, 1)]), switched, 2_000)
    run = simulate(scaling, Trace.of([Message(600, 1)]), switched, horizon=2_000)
    assert [each.second for each in run.events if each.kind == "scale-out"] == [661]
    assert min(each.stopping for each in run.tasks if each.stopping) == 702
