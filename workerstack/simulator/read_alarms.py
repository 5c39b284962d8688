"""Alarms that invoke scaling policies, and the one queue that they look at."""

from collections.abc import Collection
from typing import Any, get_args

from workerstack.cloudformation import Stack, Unknown, text
from workerstack.problem import Problem
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
from workerstack.simulator.properties import Properties, of_type
from workerstack.simulator.read_service import POLICY, Watched, find_watched

ALARM = "AWS::CloudWatch::Alarm"
ACTIONS = {
    "AlarmActions": AlarmState.ALARM,
    "OKActions": AlarmState.OK,
    "InsufficientDataActions": AlarmState.INSUFFICIENT_DATA,
}
PLAIN = "m"
"""The id of the metric of an alarm without metric math."""
MOST = 10
"""Metrics that an alarm on metric math may have."""


def read_alarms(stack: Stack, policies: Collection[str]) -> tuple[list[Alarm], Watched, list[str]]:
    """The alarms that invoke any of the policies, their queue, and what is not simulated.

    Raises Problem where there is none.
    """
    found: list[Alarm] = []
    notes: list[str] = []
    queues: dict[str, tuple[Watched, Properties]] = {}
    for each in of_type(stack, ALARM):
        actions = _actions(each, policies)
        if actions:
            alarm, watched = _alarm(each.certain(), actions)
            found.append(alarm)
            notes += notes_on_alarm(each)
            queues |= {one.name: (one, each) for one in watched}
    if not found:
        raise Problem(
            "No alarm invokes the policies",
            f"none has {' or '.join(policies)} in its AlarmActions",
            "Give the template that has the alarms, too",
            file=stack.template.file,
        )
    if len(queues) > 1:
        raise next(reversed(queues.values()))[1].error(
            "The alarms look at several queues",
            f"these are {', '.join(queues)}",
            "A worker has one queue: let all alarms look at that",
        )
    return found, next(iter(queues.values()))[0], notes


def _actions(alarm: Properties, policies: Collection[str]) -> tuple[tuple[AlarmState, str], ...]:
    found = []
    for name, state in ACTIONS.items():
        value = alarm.get(name)
        for action in [value] if isinstance(value, Unknown) else alarm.members(value, name):
            policy = alarm.stack.referred(action, POLICY)
            if policy is not None and policy.logical_id in policies:
                if isinstance(action, Unknown):
                    raise alarm.not_known(action, f"{name} of {alarm.name}", name)
                found.append((state, policy.logical_id))
    return tuple(found)


def _alarm(
    resource: Properties, actions: tuple[tuple[AlarmState, str], ...]
) -> tuple[Alarm, list[Watched]]:
    periods = resource.integer("EvaluationPeriods")
    needed = resource.integer("DatapointsToAlarm", periods)
    written = resource.members(resource.get("Metrics"), "Metrics")
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
    except Problem as error:
        raise resource.error(error.what, error.why, error.next_step) from error
    return alarm, queues


Read = tuple[dict[str, Metric], dict[str, str], str, int, list[Watched]]


def _plain_metric(resource: Properties) -> Read:
    extended = resource.known(resource.get("ExtendedStatistic"), "ExtendedStatistic")
    if extended is not None:
        raise _statistic(resource, extended)
    body = {name: resource.get(name) for name in ("Namespace", "MetricName", "Dimensions")}
    metric, queue = _metric(resource, body, resource.get("Statistic"))
    return {PLAIN: metric}, {}, PLAIN, resource.integer("Period"), [queue]


def _statistic(resource: Properties, given: str | None) -> Problem:
    return resource.error(
        f"{resource.name} is not simulated",
        f"its statistic is {given}",
        f"What is simulated: {', '.join(get_args(Statistic))}",
    )


def _metric(resource: Properties, body: dict[str, Any], statistic: Any) -> tuple[Metric, Watched]:
    namespace = resource.known(body.get("Namespace"), "Namespace")
    name: Any = resource.known(body.get("MetricName"), "MetricName")
    if namespace != "AWS/SQS" or name not in get_args(MetricName):
        raise resource.error(
            f"{resource.name} is not simulated",
            f"it looks at {namespace} {name}",
            f"What is simulated: AWS/SQS {', '.join(get_args(MetricName))}",
            "MetricName" if namespace == "AWS/SQS" else "Namespace",
        )
    taken: Any = resource.known(statistic, "Statistic")
    if taken not in get_args(Statistic):
        raise _statistic(resource, taken)
    queues = [
        each.get("Value")
        for each in resource.mappings(body.get("Dimensions"), "Dimensions")
        if text(each.get("Name")) == "QueueName"
    ]
    if len(queues) != 1:
        raise resource.error(
            f"{resource.name} looks at no queue", "it has no dimension QueueName", "Add it"
        )
    return Metric(name, taken), find_watched(resource, queues[0])


def _math(resource: Properties, written: list[Any]) -> Read:
    metrics: dict[str, Metric] = {}
    expressions: dict[str, str] = {}
    periods: set[int] = set()
    queues, returned = [], []
    for each in resource.mappings(written, "Metrics"):
        name = str(resource.known(each.get("Id"), "Id"))
        if resource.truth(each.get("ReturnData", True), "ReturnData"):
            returned.append(name)
        if each.get("Period") is not None:
            periods.add(resource.number(each["Period"], "Period") or 0)
        if "Expression" in each:
            expressions[name] = str(resource.known(each["Expression"], "Expression"))
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
