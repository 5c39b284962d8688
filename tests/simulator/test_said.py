"""What the simulator says of templates that it did not grow up with: true, and nothing in silence.

Each case is a whole template in CloudFormation's words; what must be said stands beside what must
not. ``shared`` cases are those that made earlier versions say something false.
"""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from workerstack.problem import Problem
from workerstack.simulator.cost import read_prices
from workerstack.simulator.loads import load
from workerstack.simulator.read import read_scaling
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.show import shown
from workerstack.simulator.warn import warn

SQS = {"Namespace": "AWS/SQS", "Dimensions": [
    {"Name": "QueueName", "Value": {"Fn::GetAtt": ["Q", "QueueName"]}}]}  # fmt: skip


def metric(name: str, statistic: str = "Maximum") -> dict[str, Any]:
    return {
        "Metric": {**SQS, "MetricName": f"ApproximateNumberOfMessages{name}"},
        "Period": 60,
        "Stat": statistic,
    }


OUTSTANDING: dict[str, Any] = {
    "Metrics": [
        {"Id": "v", "ReturnData": False, "MetricStat": metric("Visible")},
        {"Id": "f", "ReturnData": False, "MetricStat": metric("NotVisible")},
        {"Id": "sum", "Expression": "v + FILL(f, 0)"},
    ]
}
PLAIN: dict[str, Any] = {
    **SQS, "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum", "Period": 60
}  # fmt: skip


def policy(*steps: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "p", "PolicyType": "StepScaling", "ScalingTargetId": {"Ref": "T"},
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity", "Cooldown": 300,
                "StepAdjustments": list(steps), **more,
            },
        },
    }  # fmt: skip


def alarm(watches: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            **watches, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching", **more
        },
    }  # fmt: skip


BASE: dict[str, Any] = {
    "Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 300}},
    "TD": {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Cpu": "256", "Memory": "512", "RequiresCompatibilities": ["FARGATE"],
            "ContainerDefinitions": [{"Name": "c", "Image": "x"}],
        },
    },
    "S": {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "Cluster": "c", "ServiceName": "svc", "TaskDefinition": {"Ref": "TD"},
            "LaunchType": "FARGATE",
        },
    },
    "T": {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "MinCapacity": 0, "MaxCapacity": 5, "ResourceId": {"Fn::Sub": "service/c/${S.Name}"},
            "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs",
        },
    },
    "Out": policy({"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}),
    "In": policy({"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}),
    "Hi": alarm(
        PLAIN, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[{"Ref": "Out"}],
    ),
    "Lo": alarm(
        OUTSTANDING, EvaluationPeriods=15, Threshold=0, AlarmActions=[{"Ref": "In"}],
        ComparisonOperator="LessThanOrEqualToThreshold",
    ),
}  # fmt: skip

Change = Callable[[dict[str, Any]], Any]


def put(resource: str, **properties: Any) -> Change:
    """Sets properties of one resource; None takes one away."""

    def change(body: dict[str, Any]) -> None:
        found = body[resource]["Properties"]
        found.update(properties)
        for name in [name for name, value in found.items() if value is None]:
            del found[name]

    return change


def steps(resource: str, **properties: Any) -> Change:
    return lambda body: body[resource]["Properties"]["StepScalingPolicyConfiguration"].update(
        properties
    )


def declared(**values: Any) -> Change:
    return lambda body: body["TD"].update(Metadata={"Worker": values})


def told(*changes: Change, loads: str = "job:service=2m", **settings: Any) -> str:
    """All that is said of a run of the template with these changes."""
    body = deepcopy(BASE)
    for change in changes:
        change(body)
    scaling = read_scaling(json.dumps({"Resources": body}), "t.json")
    chosen = Settings(**settings)
    run = simulate(scaling, load([loads], 1), chosen)
    return shown([run], read_prices(), "text", events=False)


BLIND = put("Lo", **PLAIN, Metrics=None)
JOB = "job:service=10m"

CASES: dict[str, tuple[tuple[Change, ...], dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "a FIFO queue": (
        (put("Q", FifoQueue=True, QueueName="q.fifo"),), {}, ("FIFO",), ()),
    "mostly Spot": (
        (put("S", LaunchType=None, CapacityProviderStrategy=[
            {"CapacityProvider": "FARGATE_SPOT", "Weight": 3},
            {"CapacityProvider": "FARGATE", "Weight": 1}]),),
        {}, ("Spot", "reclaim"), ("EC2",)),
    "a capacity provider of one's own": (
        (put("S", LaunchType=None, CapacityProviderStrategy=[{"CapacityProvider": "asg"}]),),
        {}, ("EC2", "not simulated"), ("Spot",)),
    "a stop timeout that Fargate does not give": (
        (put("TD", ContainerDefinitions=[{"Name": "c", "Image": "x", "StopTimeout": 300}]),),
        {}, ("StopTimeout", "120"), ()),
    "a schedule that raises the maximum, then the minimum": (
        (put("T", ScheduledActions=[
            {"ScheduledActionName": "more", "Schedule": "rate(1 hour)",
             "ScalableTargetAction": {"MaxCapacity": 20}},
            {"ScheduledActionName": "at least", "Schedule": "rate(2 hours)",
             "ScalableTargetAction": {"MinCapacity": 10}}]),),
        {}, ("at most 11 at once",), ()),
    "a delay of the queue": (
        (put("Q", DelaySeconds=600),), {}, ("first receive  p50 12 min 5 s",), ("DelaySeconds",)),
    "a heartbeat as slow as the timeout": (
        (put("Q", VisibilityTimeout=30),), {"heartbeat": 30}, ("heartbeat-too-slow",), ()),
    "a heartbeat that is faster": (
        (), {"heartbeat": 60}, (), ("heartbeat-too-slow", "job-outlives-visibility")),
    "OKActions that count what is in flight": (
        (put("Hi", **OUTSTANDING, MetricName=None, Statistic=None, Namespace=None,
             Dimensions=None, Period=None, OKActions=[{"Ref": "Back"}]),
         lambda body: body.update(Back=policy(
             {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}))),
        {"heartbeat": 60, "loads": JOB}, ("1 of 1 done",), ("kill-loop",)),
    "messages that come when the window ends": (
        (put("Lo", EvaluationPeriods=5),),
        {"heartbeat": 60, "loads": "trickle:every=10m,for=5h,service=5m"},
        ("kill-on-arrival", "5 min"), ("kill-loop",)),
    "the same with protection that the template declares": (
        (put("Lo", EvaluationPeriods=5), declared(Protection="worker", Heartbeat=60)),
        {"loads": "trickle:every=10m,for=5h,service=5m"},
        ("killed         0 jobs",), ("kill-on-arrival", "job-outlives-visibility")),
    "a blind alarm with protection by a sidecar": (
        (BLIND, declared(Protection="sidecar")), {"loads": JOB},
        ("1 of 1 done", "killed         0 jobs"),
        ("kill-loop", "kill-on-arrival", "job-outlives-visibility")),
    "a blind alarm without": (
        (BLIND, declared(Protection="none")), {"loads": "job:service=40m", "heartbeat": 60},
        ("kill-loop  Lo",), ()),
    "OKActions that see only what waits": (
        (put("Hi", OKActions=[{"Ref": "In"}]), lambda body: body.pop("Lo")),
        {"heartbeat": 60, "loads": JOB},
        ("kill-loop  Hi", "the OKActions of Hi invoke In", "as soon as the queue is picked up"),
        ("Take a longer window",)),
    "a hundred messages until anything starts": (
        (put("Hi", Threshold=100), BLIND), {"loads": JOB, "heartbeat": 60},
        ("it takes 100 messages",), ("kill-loop", "kill-on-arrival")),
    "a window of fifteen that sees only what waits": (
        (BLIND,), {"heartbeat": 60}, ("flapping", "Scale in on visible + FILL(in_flight, 0)"),
        ("Take a longer window",)),
    "a job of ten minutes that nobody extends": (
        (), {"loads": JOB}, ("nothing longer than 300 s is ever deleted",), ("kill-loop",)),
    "percent of nothing": (
        (steps("Out", AdjustmentType="PercentChangeInCapacity", StepAdjustments=[
            {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 50}]),),
        {}, ("50 % of 0 tasks is 0",), ("Alarm on Maximum",)),
    "percent with a least step": (
        (steps("Out", AdjustmentType="PercentChangeInCapacity", MinAdjustmentMagnitude=1,
               StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 50}]),),
        {}, ("1 of 1 done",), ("alarm-reacts-late", "% of 0")),
    "a threshold of five": (
        (put("Hi", Threshold=5),), {}, ("One message never starts a worker", "5"),
        ("kill-loop", "over one minute")),
    "scaling out is suspended": (
        (put("T", SuspendedState={"DynamicScalingOutSuspended": True}),), {},
        ("suspended",), ("kill-loop", "Alarm on Maximum")),
    "a long job whose old receipt deletes": (
        (), {"old_receipt_deletes": True, "loads": JOB}, ("1 of 1 done",),
        ("job-outlives-visibility",)),
    "a longest job that the template declares": (
        (declared(Protection="worker", LongestJob=7200),), {},
        ("job-outlives-visibility", "2 h", "5 min"), ("kill-loop",)),
    "flapping that counts in flight": (
        (put("Lo", EvaluationPeriods=2),), {"heartbeat": 60}, ("flapping",), ("visible + FILL",)),
    "flapping that does not": (
        (BLIND,), {"heartbeat": 60}, ("flapping",), ("Take a longer window",)),
    "a window on the clock": (
        (put("Lo", EvaluationWindow={"WallClockWindow": {"Timezone": "UTC"}}),), {},
        ("Lo", "wall clock", "not simulated"), ()),
    "a sliding window, said": (
        (put("Lo", EvaluationWindow={"SlidingWindow": {}}),), {}, (), ("not simulated",)),
    "Windows": (
        (put("TD", RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),), {},
        ("Windows",), ()),
    "Linux on ARM": (
        (put("TD", RuntimePlatform={"OperatingSystemFamily": "LINUX",
                                    "CpuArchitecture": "ARM64"}),), {}, (), ("note:",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(name: str) -> None:
    changes, settings, there, absent = CASES[name]
    said = told(*changes, **settings)
    for words in there:
        assert words in said
    for words in absent:
        assert words not in said


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ({"MinCapacity": 50}, "MinCapacity 50"),
        ({"MinCapacity": 3, "MaxCapacity": 2}, "MinCapacity 3"),
    ],
)
def test_bounds_that_aws_refuses(action: Mapping[str, int], why: str) -> None:
    planted = put("T", ScheduledActions=[
        {"ScheduledActionName": "a", "Schedule": "rate(1 hour)", "ScalableTargetAction": action}
    ])  # fmt: skip
    with pytest.raises(Problem) as caught:
        told(planted)
    assert why in str(caught.value)


def test_spot_tasks_are_reclaimed_at_the_rate_that_is_given() -> None:
    from dataclasses import replace

    from tests.simulator.test_model import ours

    scaling = ours()
    assert scaling.task
    spot = replace(scaling, task=replace(scaling.task, spot=True))
    trace = load(["trickle:every=1h,for=200h,service=50m"], 1)
    given = Settings(heartbeat=60, protection=7_200, protection_renewed=True, spot_reclaim=100)
    run = simulate(spot, trace, given)
    taken = sum(each.kind == "reclaimed" for each in run.events)
    assert taken == pytest.approx(run.summary.task_hours / 10, rel=0.5)
    assert 0 < run.summary.killed <= taken, "protection does not keep a task"
    assert run.summary.done == len(trace.messages)
    none = simulate(spot, trace, replace(given, spot_reclaim=0)).summary
    assert none.killed == 0
    assert run.summary.cost.total > none.cost.total, "work is done again"
    assert simulate(scaling, trace, given).summary.killed == 0, "only Spot is reclaimed"


def warned(*changes: Change, **settings: Any) -> str:
    """All warnings on the template with these changes."""
    body = deepcopy(BASE)
    for change in changes:
        change(body)
    scaling = read_scaling(json.dumps({"Resources": body}), "t.json")
    return "\n".join(map(str, warn(scaling, Settings(**settings))))


def test_a_policy_that_sets_no_tasks_is_named() -> None:
    nothing = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 0}]
    exact = steps("Out", AdjustmentType="ExactCapacity", StepAdjustments=nothing)
    assert "no step of Out adds a task to none" in warned(exact)
    one = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    exact = steps("Out", AdjustmentType="ExactCapacity", StepAdjustments=one)
    assert "never starts" not in warned(exact)


def test_the_cooldown_that_is_advised_is_enough() -> None:
    slow = put("Hi", Period=300, EvaluationPeriods=2)
    said = warned(slow, steps("Out", Cooldown=300))
    assert "which are 720 s here" in said
    assert "One message starts 2 tasks" in said
    assert "One message starts" not in warned(slow, steps("Out", Cooldown=720))


def test_an_anomaly_detection_band_is_named() -> None:
    band = [
        {"Id": "m", "MetricStat": metric("Visible")},
        {"Id": "ad", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"},
    ]
    gone = dict.fromkeys(("Threshold", "Namespace", "MetricName", "Dimensions"))
    more = put("Hi", ThresholdMetricId="ad", Metrics=band, Statistic=None, Period=None, **gone)
    with pytest.raises(Problem, match="its threshold is an anomaly detection band"):
        told(more, put("Hi", ComparisonOperator="GreaterThanUpperThreshold"))


@pytest.mark.parametrize(("period", "most"), [(60, 1_440), (3_600, 168), (86_400, 7)])
def test_an_alarm_looks_back_a_day_or_with_hours_a_week(period: int, most: int) -> None:
    assert "1 of 1 done" in told(
        put("Lo", **PLAIN, Metrics=None), put("Lo", Period=period, EvaluationPeriods=most)
    )
    with pytest.raises(Problem, match="a week, if a period is an hour or more"):
        told(put("Lo", **PLAIN, Metrics=None), put("Lo", Period=period, EvaluationPeriods=most + 1))
