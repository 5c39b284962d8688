"""Scalings, settings and traces for the simulator's tests, and strategies that make them up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    MetricName,
    Queue,
    Scaling,
    ScalingPolicy,
    ScheduledAction,
    SimulatedStep,
    Suspended,
    TaskCount,
    TaskSize,
    TrackingPolicy,
)
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

ROOT = Path(__file__).parent.parent
VISIBLE: MetricName = "ApproximateNumberOfMessagesVisible"
IN_FLIGHT: MetricName = "ApproximateNumberOfMessagesNotVisible"
ALARM = ((AlarmState.ALARM, "In"),)
ALARM_AND_UNKNOWN = ((AlarmState.ALARM, "In"), (AlarmState.INSUFFICIENT_DATA, "Out"))
CHANGING = (
    ScheduledAction("more", "rate(20 minutes)", min_capacity=1, max_capacity=3),
    ScheduledAction("less", "rate(30 minutes)", min_capacity=0),
    ScheduledAction("too many", "rate(25 minutes)", min_capacity=9),
)


@st.composite
def scalings(draw: st.DrawFn) -> Scaling:
    """Any scaling that AWS would take: out and in, with metric math or without."""
    kind: Any = draw(
        st.sampled_from(["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"])
    )
    factor = 50 if kind == "PercentChangeInCapacity" else 1
    second = draw(st.integers(2, 12))
    out = ScalingPolicy(
        name="Out",
        adjustment_type=kind,
        steps=(
            SimulatedStep(0, second, 1 * factor),
            SimulatedStep(second, None, draw(st.integers(2, 4)) * factor),
        ),
        cooldown=draw(st.sampled_from([0, 60, 180, 300])),
        aggregation=draw(st.sampled_from(["Average", "Minimum", "Maximum"])),
        min_adjustment_magnitude=draw(st.integers(0, 2)) if factor > 1 else 0,
    )
    exactly = draw(st.booleans())
    into = ScalingPolicy(
        name="In",
        adjustment_type="ExactCapacity" if exactly else "ChangeInCapacity",
        steps=(SimulatedStep(None, 0, 0 if exactly else -draw(st.integers(1, 3))),),
        cooldown=draw(st.sampled_from([0, 60, 300])),
        aggregation="Maximum",
    )
    low = draw(st.sampled_from([0, 0, 0, 1]))
    return Scaling(
        name="Service",
        file="made.yaml",
        min_capacity=low,
        max_capacity=low + draw(st.integers(1, 5)),
        policies=(out, into),
        alarms=(draw(_out_alarm()), draw(_in_alarm())),
        queue_name="${Queue}",
        queue=Queue(
            visibility_timeout=draw(st.sampled_from([1, 30, 90, 300, 900])),
            retention=draw(st.sampled_from([345_600, 345_600, 1_800])),
            max_receive_count=draw(st.sampled_from([None, 1, 2, 5])),
            delay=draw(st.sampled_from([0, 0, 0, 45, 900])),
        ),
        task=TaskSize(
            cpu=256,
            memory=512,
            stop_timeout=draw(st.sampled_from([2, 30, 120])),
            spot=draw(st.integers(0, 3)) == 3,
        ),
        suspended=Suspended(
            scaling_in=draw(st.integers(0, 9)) == 9, scaling_out=draw(st.integers(0, 9)) == 9
        ),
        scheduled=draw(st.sampled_from([(), (), (), CHANGING])),
        desired_count=draw(st.sampled_from([None, None, 0, 2])),
        minimum_healthy=draw(st.sampled_from([100, 50, 0])),
        maximum=draw(st.sampled_from([200, 100])),
    )


@st.composite
def _window(draw: st.DrawFn) -> dict[str, Any]:
    periods = draw(st.integers(1, 5))
    return {
        "period": draw(st.sampled_from([60, 60, 120, 300])),
        "evaluation_periods": periods,
        "datapoints_to_alarm": draw(st.integers(1, periods)),
    }


missing: Any = st.sampled_from(["missing", "ignore", "breaching", "notBreaching"])


@st.composite
def _out_alarm(draw: st.DrawFn) -> Alarm:
    name: Any = draw(st.sampled_from([VISIBLE, VISIBLE, "ApproximateAgeOfOldestMessage",
                                 "NumberOfMessagesSent"]))  # fmt: skip
    return Alarm(
        name="Backlog",
        metrics=(("m", Metric(name, draw(st.sampled_from(["Maximum", "Average", "Minimum"])))),),
        returned="m",
        **draw(_window()),
        threshold=draw(st.sampled_from([1, 1, 3, 0.5])),
        operator=draw(
            st.sampled_from(["GreaterThanOrEqualToThreshold", "GreaterThanThreshold"])
        ),
        missing_data=draw(missing),
        actions=((AlarmState.ALARM, "Out"),),
    )  # fmt: skip


@st.composite
def _in_alarm(draw: st.DrawFn) -> Alarm:
    statistic: Any = draw(st.sampled_from(["Maximum", "Average", "Sum", "SampleCount"]))
    math = draw(
        st.sampled_from([None, "visible + FILL(in_flight, 0)", "visible + in_flight",
                         "MAX([visible, in_flight])"])
    )  # fmt: skip
    metrics: tuple[tuple[str, Metric], ...] = (("visible", Metric(VISIBLE, statistic)),)
    if math:
        metrics += (("in_flight", Metric(IN_FLIGHT, statistic)),)
    return Alarm(
        name="Drained",
        metrics=metrics,
        expressions=(("sum", math),) if math else (),
        returned="sum" if math else "visible",
        **draw(_window()),
        threshold=draw(st.sampled_from([0, 0, 1, 2])),
        operator=draw(st.sampled_from(["LessThanOrEqualToThreshold", "LessThanThreshold"])),
        missing_data=draw(missing),
        actions=draw(st.sampled_from([ALARM, ALARM, ALARM, ALARM_AND_UNKNOWN])),
        actions_enabled=draw(st.integers(0, 9)) < 9,
    )


TASKS: TaskCount = "RunningTaskCount"
TRACKED = {
    "visible": ("visible",),
    "visible + FILL(in_flight, 0)": ("visible", "in_flight"),
    "visible / tasks": ("visible", "tasks"),
    "(visible + FILL(in_flight, 0)) / MAX([tasks, 1])": ("visible", "in_flight", "tasks"),
}
"""Metrics that are tracked, as metric math, and what is in them."""


@st.composite
def _tracking(draw: st.DrawFn, name: str) -> tuple[TrackingPolicy, list[Alarm]]:
    """A policy, and the alarms that AWS makes for it: 3 minutes above, 15 far enough below."""
    target = draw(st.sampled_from([1.0, 2.0, 3.0, 10.0]))
    math = draw(st.sampled_from(sorted(TRACKED)))
    kinds: dict[str, Any] = {"visible": VISIBLE, "in_flight": IN_FLIGHT, "tasks": TASKS}
    sides: list[tuple[Any, int, float]] = [("GreaterThanThreshold", 3, target)]
    if draw(st.integers(0, 4)):
        sides.append(("LessThanThreshold", 15, 0.9 * target))
    alarms = [
        Alarm(
            name=f"{name}-{operator}",
            metrics=tuple((each, Metric(kinds[each], "Maximum")) for each in TRACKED[math]),
            expressions=() if math == "visible" else (("e", math),),
            returned="visible" if math == "visible" else "e",
            period=60,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            threshold=threshold,
            operator=operator,
            actions=((AlarmState.ALARM, name),),
        )
        for operator, minutes, threshold in sides
    ]
    policy = TrackingPolicy(
        name=name,
        target_value=target,
        cooldown=draw(st.sampled_from([0, 60, 300])),
        scale_in_cooldown=draw(st.sampled_from([0, 120, 300])),
    )
    return policy, alarms


@st.composite
def tracking_scalings(draw: st.DrawFn) -> Scaling:
    """One or two policies that track a target, and sometimes a step that wakes the first task."""
    scaling = draw(scalings())
    policies: list[ScalingPolicy] = []
    alarms: list[Alarm] = []
    for name in ("One", "Two")[: draw(st.integers(1, 2))]:
        policy, made = draw(_tracking(name))
        policies.append(policy)
        alarms += made
    if draw(st.booleans()):
        policies.append(scaling.policies[0])
        alarms.append(scaling.alarms[0])
    return replace(scaling, policies=tuple(policies), alarms=tuple(alarms))


@st.composite
def switches(draw: st.DrawFn) -> Settings:
    """Any settings that matter."""
    return Settings(
        seed=draw(st.integers(0, 99)),
        metric_delay=draw(st.sampled_from([0, 60, 60, 90, 180])),
        metric_jitter=draw(st.sampled_from([0, 0, 0, 60, 200])),
        activation_delay=draw(st.sampled_from([0, 120, 900])),
        sleep_after=draw(st.sampled_from([21_600, 300, 600])),
        asleep_at_start=draw(st.booleans()),
        evaluation_range_extra=draw(st.sampled_from([0, 2, 2, 3])),
        notvisible_reported_when_zero=draw(st.booleans()),
        application_autoscaling_delay=draw(st.sampled_from([1, 5, 30])),
        cooldown_from=draw(st.sampled_from(["fulfilment", "decision"])),
        scale_in_blocked_by_scale_out=draw(st.booleans()),
        start_latency=draw(st.sampled_from([1, 30, 60, 200])),
        start_latency_spread=draw(st.sampled_from([0, 0, 20])),
        deployments=draw(st.sampled_from([(), (), (900,), (700, 2000)])),
        healthy_after=draw(st.sampled_from([40, 40, 0, 130])),
        concurrency=draw(st.sampled_from([1, 1, 2])),
        poll_latency=draw(st.sampled_from([0, 0, 7])),
        heartbeat=draw(st.sampled_from([0, 0, 20])),
        protection=draw(st.sampled_from([0, 0, 120, 7_200])),
        protection_renewed=draw(st.booleans()),
        spot_reclaim=draw(st.sampled_from([0, 1_000, 20_000])),
        on_sigterm=draw(st.sampled_from(["finish", "return"])),
        old_receipt_deletes=draw(st.booleans()),
    )


@st.composite
def traces(draw: st.DrawFn, most: int = 20, last: int = 3_000) -> Trace:
    """Messages within the first ``last`` seconds."""
    message = st.builds(
        Message,
        st.integers(0, last),
        st.one_of(st.integers(0, 60), st.integers(60, 900)),
        st.integers(0, 19).map(lambda each: each == 19),
    )
    return Trace.of(draw(st.lists(message, max_size=most)))
