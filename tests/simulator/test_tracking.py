"""Target tracking of a metric of the queue, and metrics of one's own."""

import json
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner

from tests.simulator.test_read import CDK, LOWER, LOWER_POLICY, QUEUE, TARGET, UPPER, UPPER_POLICY
from workerstack.commands.simulate import simulate as command
from workerstack.problem import Problem
from workerstack.simulator.advise import candidates
from workerstack.simulator.autoscaling import (
    Invocation,
    Proposal,
    ScalableTarget,
    Situation,
    tracked_change,
)
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    Queue,
    Scaling,
    TrackingPolicy,
)
from workerstack.simulator.read import read_scaling
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace
from workerstack.simulator.warn import warn

PER_TASK = {"PerTask": "visible / MAX([tasks, 1])"}
TOTAL = {"PerTask": "(visible + in_flight) / MAX([tasks, 1])"}
CUSTOM = {"Namespace": "Jobs", "MetricName": "PerTask", "Statistic": "Average"}
SQS = {
    "Namespace": "AWS/SQS",
    "MetricName": "ApproximateNumberOfMessagesVisible",
    "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": [QUEUE, "QueueName"]}}],
}
RUNNING = {"Namespace": "ECS/ContainerInsights", "MetricName": "RunningTaskCount"}
MATH = {
    "Metrics": [
        {"Id": "m1", "MetricStat": {"Metric": SQS, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "m2", "MetricStat": {"Metric": RUNNING, "Stat": "Average"}, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 / m2", "ReturnData": True},
    ]
}
"""As in the user guide, "Create a target tracking scaling policy using metric math"."""


def tracking(spec: Any, **configuration: Any) -> dict[str, Any]:
    """The CDK's template with one tracking policy instead of its steps and alarms."""
    template: dict[str, Any] = deepcopy(CDK)
    body = template["Resources"]
    for name in (LOWER, UPPER, LOWER_POLICY, UPPER_POLICY):
        del body[name]
    body["Keep"] = {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "keep",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": TARGET},
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 10, "CustomizedMetricSpecification": spec, **configuration
            },
        },
    }  # fmt: skip
    return template


def read(template: Any, metrics: Any = None) -> Scaling:
    return read_scaling(json.dumps(template), "t.json", metrics=metrics)


def burst(count: int, service: int = 120) -> Trace:
    return Trace.of([Message(600, service)] * count)


def at(points: Any, second: int) -> int:
    """The value of change points at a second."""
    found: int = [value for since, value in points if since <= second][-1]
    return found


def test_the_two_alarms_that_aws_makes() -> None:
    scaling = read(tracking(CUSTOM, ScaleInCooldown=60), PER_TASK)
    [policy] = scaling.policies
    assert policy == TrackingPolicy(
        name="Keep", target_value=10, cooldown=300, scale_in_cooldown=60, line=policy.line
    )
    high, low = scaling.alarms
    assert (high.threshold, high.operator, high.datapoints_to_alarm) == (
        10, "GreaterThanThreshold", 3,
    )  # fmt: skip
    assert (low.threshold, low.operator, low.datapoints_to_alarm) == (9, "LessThanThreshold", 15)
    assert {each.period for each in scaling.alarms} == {60}
    assert scaling.queue == Queue(visibility_timeout=300)


def test_scale_in_can_be_disabled() -> None:
    scaling = read(tracking(CUSTOM, DisableScaleIn=True), PER_TASK)
    assert [each.name for each in scaling.alarms] == ["Keep-AlarmHigh"]
    run = simulate(scaling, burst(50), horizon=20_000)
    assert run.summary.scale_ins == 0
    assert run.series.running[-1][1] == 5


def test_it_adds_after_three_minutes_and_removes_after_fifteen() -> None:
    scaling = read(tracking(CUSTOM), TOTAL)
    settings = Settings(metric_delay=60, start_latency=60, heartbeat=60)
    run = simulate(scaling, burst(50), settings, horizon=20_000)
    outs = [each.second for each in run.events if each.kind == "scale-out"]
    ins = [each.second for each in run.events if each.kind == "scale-in"]
    # The first sample with messages is that of second 600; readable a minute later.
    assert outs[0] == 600 + 60 + 2 * 60 + settings.application_autoscaling_delay
    assert run.summary.peak == 5
    assert run.summary.done == 50
    # With 5 tasks, fewer than 45 messages are more than 10 % below the target of 10 for each.
    totals = run.series
    few = next(
        second
        for second in range(outs[-1], 20_000)
        if at(totals.visible, second) + at(totals.in_flight, second) < 45
    )
    assert few + 14 * 60 <= ins[0] <= few + 17 * 60
    assert run.series.running[-1][1] == 0


@pytest.mark.parametrize(
    ("value", "capacity", "after"),
    [
        (20, 2, 4), (21, 2, 5), (10.1, 4, 5), (10, 4, 4),  # never too few are added
        (5, 4, 2), (4.9, 4, 2), (2.6, 4, 2), (2.5, 4, 1),  # never too many are removed
        (0, 4, 0), (0.1, 4, 1), (1000, 0, 1), (10, 0, 0),
    ],
)  # fmt: skip
def test_capacity_follows_the_metric_in_proportion(value: float, capacity: int, after: int) -> None:
    policy = TrackingPolicy(name="Keep", target_value=10)
    assert capacity + tracked_change(policy, value, capacity) == after


def test_metric_math_of_the_user_guide_never_wakes_a_worker() -> None:
    scaling = read(tracking(MATH))
    assert [metric for _, metric in scaling.alarms[0].metrics] == [
        Metric("ApproximateNumberOfMessagesVisible", "Sum"), Metric("RunningTaskCount", "Average"),
    ]  # fmt: skip
    assert simulate(scaling, burst(500)).summary.tasks_started == 0
    [found] = [each for each in warn(scaling) if each.id == "alarm-reacts-late"]
    assert "divided by the tasks" in found.why
    template = tracking(MATH)
    template["Resources"][TARGET]["Properties"]["MinCapacity"] = 1
    run = simulate(read(template), burst(500))
    assert run.summary.peak == 5
    assert run.summary.done == 500


def two_trackers() -> Scaling:
    template = tracking(CUSTOM)
    second = deepcopy(template["Resources"]["Keep"])
    configuration = second["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    configuration["CustomizedMetricSpecification"] = {**CUSTOM, "MetricName": "Age"}
    template["Resources"]["Young"] = second
    return read(template, PER_TASK | {"Age": "oldest"})


def test_all_that_track_must_be_ready_to_scale_in_and_the_largest_wins() -> None:
    # User guide, target tracking, "Considerations".
    scaling = two_trackers()
    keep, young = scaling.policies
    alarms = {each.name: each for each in scaling.alarms}

    def ask(*asked: tuple[Any, str, float]) -> Proposal | None:
        situation = Situation(0, 4, 4)
        invocations = [
            Invocation(policy, alarms[f"{policy.name}-Alarm{side}"], (value,))
            for policy, side, value in asked
        ]
        return ScalableTarget(scaling, Settings()).decide(invocations, situation)[0]

    assert ask((keep, "Low", 1.0)) is None
    both = ask((keep, "Low", 1.0), (young, "Low", 5.0))
    assert both is not None
    assert both.target == 2
    out = ask((keep, "Low", 1.0), (young, "High", 11.0))
    assert out is not None
    assert out.target == 5


def test_the_scale_in_cooldown_is_its_own() -> None:
    scaling = read(tracking(CUSTOM, ScaleOutCooldown=0, ScaleInCooldown=1_800), TOTAL)
    run = simulate(scaling, Trace.of([*[Message(600, 300)] * 40, Message(1_500, 9_000)]),
                   Settings(heartbeat=60), horizon=30_000)  # fmt: skip
    ins = [each.second for each in run.events if each.kind == "scale-in"]
    assert len(ins) > 1
    assert min(b - a for a, b in pairwise(ins)) >= 1_800


def test_alarms_on_a_metric_of_ones_own() -> None:
    template = deepcopy(CDK)
    for alarm in (LOWER, UPPER):
        body = template["Resources"][alarm]["Properties"]
        body |= {"Namespace": "Jobs", "MetricName": "Outstanding"}
        del body["Dimensions"]
    with pytest.raises(Problem, match=r"Jobs Outstanding.*--metric Outstanding="):
        read(template)
    mapped = read(template, {"Outstanding": "visible + in_flight"})
    assert mapped.queue == Queue(visibility_timeout=300)
    assert mapped.alarms[0].expressions == (("m", "m_visible + m_in_flight"),)
    assert simulate(mapped, burst(200)).summary.done == 200


def test_a_custom_metric_within_metric_math() -> None:
    stat = {"Metric": {"Namespace": "Jobs", "MetricName": "Outstanding"}, "Stat": "Maximum"}
    spec = {
        "Metrics": [
            {"Id": "all", "MetricStat": stat, "ReturnData": False},
            {"Id": "e", "Expression": "all * 2", "ReturnData": True},
        ]
    }
    scaling = read(tracking(spec), {"Outstanding": "visible + in_flight"})
    assert scaling.alarms[0].expressions == (
        ("all", "all_visible + all_in_flight"), ("e", "all * 2"),
    )  # fmt: skip
    assert simulate(scaling, burst(60)).summary.done == 60


@pytest.mark.parametrize(
    ("expression", "why"),
    [("visibel", "visibel"), ("1 + 1", "says nothing"), ("visible +", "its end"),
     ("RATE(visible)", "RATE"), ("", "its end")],
)  # fmt: skip
def test_a_metric_that_cannot_be_read(expression: str, why: str) -> None:
    with pytest.raises(Problem, match=f"The metric PerTask cannot be read: .*{why}.*visible, in_"):
        read(tracking(CUSTOM), {"PerTask": expression})


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (tracking(CUSTOM), r"it looks at Jobs PerTask.*--metric PerTask='visible / tasks'"),
        (tracking({**CUSTOM, "Statistic": "p90"}), "p90"),
        (tracking(CUSTOM, TargetValue=0), "TargetValue is 0"),
        (tracking(CUSTOM, TargetValue="many"), "TargetValue is 'many'"),
        (tracking({"Metrics": [{"Id": "m", "MetricStat": {}}]}), "looks at None None"),
    ],
)
def test_what_is_not_tracked_is_said(template: Any, message: str) -> None:
    metrics = PER_TASK if "Jobs" not in message else None
    with pytest.raises(Problem, match=message):
        read(template, metrics)


def test_tracking_beside_steps_is_a_note_where_its_metric_is_not_known() -> None:
    template = deepcopy(CDK)
    template["Resources"]["Keep"] = tracking(CUSTOM)["Resources"]["Keep"]
    scaling = read(template)
    assert [each.name for each in scaling.policies] == [LOWER_POLICY, UPPER_POLICY]
    assert scaling.notes == (
        "Keep is a TargetTrackingScaling policy, which is not simulated: it looks at Jobs PerTask",
    )
    assert len(read(template, PER_TASK).policies) == 3


def test_no_table_is_advised_for_it() -> None:
    with pytest.raises(Problem, match="Keep tracks a target"):
        candidates(read(tracking(CUSTOM), PER_TASK), 1, 1)


def test_the_command_takes_it(tmp_path: Any) -> None:
    file = tmp_path / "t.json"
    file.write_text(json.dumps(tracking(CUSTOM)))
    words = [str(file), "--load", "burst:count=50,service=2m", "--format", "json"]
    found = CliRunner().invoke(
        command, [*words, "--metric", "PerTask=visible / MAX([tasks, 1])"], catch_exceptions=False
    )
    told = json.loads(found.stdout)
    assert told["scaling"]["policies"][0]["target_value"] == 10
    assert told["summary"]["done"] == 50


def test_a_tracking_policy_with_an_alarm_of_its_own_state() -> None:
    """INSUFFICIENT_DATA scales nothing in (user guide, "Considerations")."""
    scaling = read(tracking(CUSTOM), {"PerTask": "visible / tasks"})
    low = next(each for each in scaling.alarms if each.name.endswith("Low"))
    assert isinstance(low, Alarm)
    assert low.actions == ((AlarmState.ALARM, "Keep"),)
    assert low.missing_data == "missing"
