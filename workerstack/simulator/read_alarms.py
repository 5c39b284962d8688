"""Alarms that invoke scaling policies, and the one queue that they look at."""

from typing import Any, get_args

from workerstack.simulator.cloudwatch import MINUTE, evaluation_of
from workerstack.simulator.leaving_out import notes_on_alarm
from workerstack.simulator.metric_math import in_order
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    MetricName,
    MissingData,
    Operator,
    Statistic,
)
from workerstack.simulator.quantities import SimulationError
from workerstack.simulator.template import Resource, Resources

ALARM = "AWS::CloudWatch::Alarm"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
ACTIONS = {
    "AlarmActions": AlarmState.ALARM,
    "OKActions": AlarmState.OK,
    "InsufficientDataActions": AlarmState.INSUFFICIENT_DATA,
}
PLAIN = "m"
"""The id of the metric of an alarm without metric math."""
MOST = 10
"""Metrics that an alarm on metric math may have."""


def read_alarms(resources: Resources, policies: list[str]) -> tuple[list[Alarm], str, list[str]]:
    """The alarms that invoke any of the policies, the queue's name, and what is not simulated.

    Raises SimulationError where there is none.
    """
    found: list[Alarm] = []
    notes: list[str] = []
    queues: dict[str, Resource] = {}
    for each in resources.of_type(ALARM):
        actions = _actions(resources, each, policies)
        if actions:
            alarm, names = _alarm(each, actions)
            found.append(alarm)
            notes += notes_on_alarm(each)
            queues.update(dict.fromkeys(names, each))
    if not found:
        raise SimulationError(
            "No alarm invokes the policies",
            f"none has {' or '.join(policies)} in its AlarmActions",
            "Give the template that has the alarms, too",
            file=resources.file,
        )
    if len(queues) > 1:
        raise next(reversed(queues.values())).error(
            "The alarms look at several queues",
            f"these are {', '.join(_plain(name) for name in queues)}",
            "A worker has one queue: let all alarms look at that",
        )
    return found, next(iter(queues)), notes


def _plain(name: str) -> str:
    return name.removeprefix("${").removesuffix("}")


def _actions(
    resources: Resources, alarm: Resource, policies: list[str]
) -> tuple[tuple[AlarmState, str], ...]:
    found = []
    for name, state in ACTIONS.items():
        for action in alarm.get(name, []):
            policy = resources.referred(action, POLICY)
            if policy and policy.name in policies:
                found.append((state, policy.name))
    return tuple(found)


def _alarm(
    resource: Resource, actions: tuple[tuple[AlarmState, str], ...]
) -> tuple[Alarm, list[str]]:
    periods = resource.integer("EvaluationPeriods")
    needed = resource.integer("DatapointsToAlarm", periods)
    written = resource.get("Metrics", [])
    metrics, expressions, returned, period, queues = (
        _math(resource, written) if written else _plain_metric(resource)
    )
    if period < MINUTE or period % MINUTE:
        raise resource.error(
            f"{resource.name} is not simulated",
            f"its period is {period} s, and SQS sends one value a minute",
            "Make it a multiple of 60",
        )
    if not 1 <= needed <= periods or periods * period > max(86_400, period):
        raise resource.error(
            f"{resource.name} is impossible",
            f"{needed} of {periods} datapoints of {period} s",
            "At least 1, at most all of them, and together no more than a day",
        )
    if resource.get("ThresholdMetricId") is not None:
        raise resource.error(
            f"{resource.name} is not simulated",
            "its threshold is an anomaly detection band",
            "AWS does not scale on such alarms either: give it a Threshold",
        )
    threshold = resource.real(resource.get("Threshold"), "Threshold")
    if threshold is None:
        raise resource.error(f"{resource.name} has no Threshold", "it is required", "Add it")
    alarm = Alarm(
        name=resource.name,
        metrics=tuple(metrics.items()),
        expressions=tuple(expressions.items()),
        returned=returned,
        period=period,
        evaluation_periods=periods,
        datapoints_to_alarm=needed,
        threshold=threshold,
        operator=resource.word("ComparisonOperator", "", get_args(Operator)),
        missing_data=resource.word("TreatMissingData", "missing", get_args(MissingData)),
        actions=actions,
        actions_enabled=resource.truth(resource.get("ActionsEnabled", True), "ActionsEnabled"),
        line=resource.line,
    )
    try:
        evaluation_of(alarm, zero=False)
    except SimulationError as error:
        raise resource.error(error.what, error.why, error.next_step) from error
    return alarm, queues


Read = tuple[dict[str, Metric], dict[str, str], str, int, list[str]]


def _plain_metric(resource: Resource) -> Read:
    if resource.get("ExtendedStatistic") is not None:
        raise resource.error(
            f"{resource.name} is not simulated",
            f"its statistic is {resource.get('ExtendedStatistic')}",
            f"What is simulated: {', '.join(get_args(Statistic))}",
        )
    body = {
        name: resource.get(name) for name in ("Namespace", "MetricName", "Dimensions", "Statistic")
    }
    metric, queue = _metric(resource, body, body["Statistic"])
    return {PLAIN: metric}, {}, PLAIN, resource.integer("Period"), [queue]


def _metric(resource: Resource, body: dict[str, Any], statistic: Any) -> tuple[Metric, str]:
    name: Any = body.get("MetricName")
    if body.get("Namespace") != "AWS/SQS" or name not in get_args(MetricName):
        raise resource.error(
            f"{resource.name} is not simulated",
            f"it looks at {body.get('Namespace')} {name}",
            f"What is simulated: AWS/SQS {', '.join(get_args(MetricName))}",
        )
    if statistic not in get_args(Statistic):
        raise resource.error(
            f"{resource.name} is not simulated",
            f"its statistic is {statistic}",
            f"What is simulated: {', '.join(get_args(Statistic))}",
        )
    queues = [
        str(each.get("Value"))
        for each in resource.mappings(body.get("Dimensions"), "Dimensions")
        if each.get("Name") == "QueueName"
    ]
    if len(queues) != 1:
        raise resource.error(
            f"{resource.name} looks at no queue", "it has no dimension QueueName", "Add it"
        )
    return Metric(name, statistic), _queue_name(queues[0])


def _queue_name(value: str) -> str:
    """The name as one reference, however it is written."""
    return value.replace(".QueueName}", "}")


def _math(resource: Resource, written: list[Any]) -> Read:
    metrics: dict[str, Metric] = {}
    expressions: dict[str, str] = {}
    periods: set[int] = set()
    queues, returned = [], []
    for each in resource.mappings(written, "Metrics"):
        name = str(each.get("Id"))
        if resource.truth(each.get("ReturnData", True), "ReturnData"):
            returned.append(name)
        if each.get("Period") is not None:
            periods.add(resource.number(each["Period"], "Period") or 0)
        if "Expression" in each:
            expressions[name] = str(each["Expression"])
            continue
        stat = resource.mapping(each.get("MetricStat"), "MetricStat")
        metric, queue = _metric(
            resource, resource.mapping(stat.get("Metric"), "Metric"), stat.get("Stat")
        )
        metrics[name] = metric
        queues.append(queue)
        periods.add(resource.number(stat.get("Period"), "Period") or 0)
    if len(periods) != 1 or len(returned) != 1 or not 1 <= len(metrics) <= MOST:
        raise resource.error(
            f"The metric math of {resource.name} is impossible",
            f"it has {len(metrics)} metrics, {len(returned)} returned, periods {sorted(periods)}",
            f"Up to {MOST} metrics of one period, of which or of whose expressions one is returned",
        )
    period = periods.pop()
    return metrics, in_order(expressions), returned[0], period, queues
