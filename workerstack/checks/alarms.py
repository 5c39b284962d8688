"""E92xx: alarms that CloudWatch refuses, that see nothing, or that see it too late."""

import re
from collections.abc import Iterator

from workerstack.checks.check import Violation, at, check
from workerstack.checks.worker import (
    ALARM,
    alarm_actions,
    configuration,
    definition_of,
    is_open,
    is_upward,
    listed,
    members,
    metrics,
    number,
    protects,
    scaling_alarms,
    truth,
)
from workerstack.cloudformation import Resource, Stack, text
from workerstack.cloudformation.steps import steps_of

ALARMS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"
PUT = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
METRICS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-available-cloudwatch-metrics.html"
)
DAY = 86_400
WEEK = 604_800
HOUR = 3_600
MINUTE = 60
LEAST_WINDOW = 900
GAUGES = frozenset({
    "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfGroupsWithInflightMessages",
})  # fmt: skip
SQS = GAUGES | {
    "ApproximateAgeOfOldestMessage", "NumberOfDeduplicatedSentMessages", "NumberOfEmptyReceives",
    "NumberOfMessagesDeleted", "NumberOfMessagesReceived", "NumberOfMessagesSent",
    "SentMessageSize",
}  # fmt: skip
"""The metrics of SQS. Source: SQS Developer Guide, "Available CloudWatch metrics"."""

FUNCTIONS = frozenset({
    "ABS", "ANOMALY_DETECTION_BAND", "AVG", "CEIL", "DATAPOINT_COUNT", "DAY", "DB_PERF_INSIGHTS",
    "DIFF", "DIFF_TIME", "EPOCH", "FILL", "FIRST", "FLOOR", "HOUR", "IF", "INSIGHT_RULE_METRIC",
    "LAMBDA", "LAST", "LOG", "LOG10", "MAX", "METRIC_COUNT", "METRICS", "MIN", "MINUTE", "MONTH",
    "PERIOD", "RATE", "REMOVE_EMPTY", "REPEAT", "RUNNING_SUM", "SEARCH", "SERVICE_QUOTA", "SLICE",
    "SORT", "STDDEV", "SUM", "TIME_SERIES", "YEAR", "LINEAR", "ASC", "DESC", "AND", "OR",
})  # fmt: skip
"""Words of metric math. Source: CloudWatch User Guide, "Metric math syntax and functions"."""


def window(alarm: Resource) -> tuple[float, float] | None:
    """The number of periods and the longest period, in seconds; None where one is not known."""
    lengths = [number(metric.period) for metric in metrics(alarm)]
    lengths += [
        number(each["Period"]) for _, each in members(alarm.get("Metrics")) if "Period" in each
    ]
    periods = number(alarm.get("EvaluationPeriods"))
    if periods is None or not lengths or None in lengths:
        return None
    return periods, max(each for each in lengths if each is not None)


@check("E9203", "Arithmetic of the alarm", kind="refused", source=PUT,
       because="CloudWatch refuses the alarm, or it can never fire.")  # fmt: skip
def arithmetic(stack: Stack) -> Iterator[Violation]:
    """M of N, at most a day (a week by the hour), SQS by the minute, one period, one result."""
    for alarm in stack.of(ALARM):
        name = alarm.logical_id
        found = window(alarm)
        periods = number(alarm.get("EvaluationPeriods"))
        needed = number(alarm.get("DatapointsToAlarm"))
        if needed is not None and periods is not None and needed > periods:
            yield at(alarm, "DatapointsToAlarm").wrong(
                f"{name} wants {needed:g} datapoints of {periods:g}",
                "it can never fire",
                "Lower DatapointsToAlarm",
            )
        most = WEEK if found and found[1] >= HOUR else DAY
        if found and found[0] * found[1] > most:
            yield at(alarm, "EvaluationPeriods").wrong(
                f"{name} looks back {found[0] * found[1]:g} s",
                f"CloudWatch allows {'a week' if most == WEEK else 'a day'}",
                "Shorten it",
            )
        for metric in metrics(alarm):
            period = number(metric.period)
            if metric.namespace == "AWS/SQS" and period is not None and period % MINUTE:
                yield metric.at.wrong(
                    f"{name} has a period of {period:g} s",
                    "SQS sends its metrics once a minute",
                    "Take a multiple of 60",
                )
        yield from _mathematics(alarm)


def _mathematics(alarm: Resource) -> Iterator[Violation]:
    queries = list(members(alarm.get("Metrics")))
    if not queries or is_open(alarm.get("Metrics")):
        return
    name = alarm.logical_id
    returned = [each for _, each in queries if truth(each.get("ReturnData", True)) is True]
    if len(returned) != 1:
        yield at(alarm, "Metrics").wrong(
            f"{name} returns {len(returned) or 'no'} series",
            "an alarm compares exactly one",
            "Set ReturnData on one of them",
        )
    if len({text(metric.period) for metric in metrics(alarm)}) > 1:
        yield at(alarm, "Metrics").wrong(
            f"{name} mixes periods", "metric math needs one", "Give all the same"
        )
    known = {text(each.get("Id")) for _, each in queries}
    for position, query in queries:
        # Texts in quotes are arguments of SEARCH and the like, and no names.
        expression = re.sub(r"'[^']*'|\"[^\"]*\"", "", text(query.get("Expression")) or "")
        for word in dict.fromkeys(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", expression)):
            if word not in known and word.upper() not in FUNCTIONS:
                yield at(alarm, "Metrics", position, "Expression").wrong(
                    f"{name} computes with {word}",
                    "there is no such metric, so it returns nothing",
                    "Correct the expression",
                )


@check("E9204", "Maximum of a gauge", kind="care", source=METRICS,
       because="A sum counts twice, an average hides a message.")  # fmt: skip
def maximum_of_a_gauge(stack: Stack) -> Iterator[Violation]:
    """Scaling alarms take the maximum of SQS's counts."""
    for alarm, _ in scaling_alarms(stack):
        for metric in metrics(alarm):
            statistic = text(metric.statistic)
            if metric.namespace == "AWS/SQS" and metric.name in GAUGES and statistic not in (
                "Maximum", "p100", None,
            ):  # fmt: skip
                yield metric.at.wrong(
                    f"{alarm.logical_id} takes the {statistic} of {metric.name}",
                    "SQS may send two samples in a minute, and a mean below 1 never fires",
                    "Take the Maximum",
                )


@check("E9206", "Missing data is no breach", kind="kills work", source=ALARMS,
       because="Scaling without evidence is guessing.")  # fmt: skip
def missing_data_is_no_breach(stack: Stack) -> Iterator[Violation]:
    """Scaling alarms treat missing data as not breaching and say so; its lack moves nothing."""
    for alarm, _ in scaling_alarms(stack):
        given = alarm.get("TreatMissingData")
        if text(given) != "notBreaching" and not is_open(given):
            yield at(alarm, "TreatMissingData").wrong(
                f"{alarm.logical_id} leaves missing data to chance",
                "SQS sends none for an idle queue, and sends some late",
                "Write `TreatMissingData: notBreaching`",
            )
    for alarm, name, policy in alarm_actions(stack):
        if name == "InsufficientDataActions":
            yield at(alarm, name).wrong(
                f"{alarm.logical_id} invokes {policy.logical_id} when there is no data",
                "no data says nothing of messages that wait or are in flight",
                "Name the policy in AlarmActions only",
            )


@check("E9208", "Scale-in window", kind="kills work", source=METRICS,
       because="SQS delivers some values a quarter of an hour late.")  # fmt: skip
def scale_in_waits(stack: Stack) -> Iterator[Violation]:
    """Scale-in waits for fifteen minutes of evidence, unless busy tasks are protected."""
    for alarm, policy in scaling_alarms(stack):
        # ECS stops no protected task, so a scale-in that comes too early does no harm.
        if protects(definition_of(stack, policy)):
            continue
        found = window(alarm)
        removes = any((each.change or 0) < 0 for each in steps_of(configuration(policy)))
        if found and removes and not is_upward(alarm):
            needed = number(alarm.get("DatapointsToAlarm", default=found[0])) or found[0]
            waits = min(needed, found[0]) * found[1]
            if waits < LEAST_WINDOW:
                yield at(alarm, "EvaluationPeriods").wrong(
                    f"{alarm.logical_id} waits {waits:g} s",
                    "SQS delivers some values 15 minutes late, and a busy worker would be stopped",
                    "Wait at least 900 s, or let busy tasks be protected",
                )


@check("E9220", "The metric exists", kind="never scales", source=METRICS,
       because="An alarm on a metric that nobody sends never fires.")  # fmt: skip
def metric_exists(stack: Stack) -> Iterator[Violation]:
    """An alarm on SQS names one of its metrics, with QueueName alone, in its unit."""
    for alarm in stack.of(ALARM):
        for metric in metrics(alarm):
            namespace = metric.namespace or ""
            if namespace.lower() == "aws/sqs" and namespace != "AWS/SQS":
                yield metric.at.wrong(
                    f"{alarm.logical_id} looks at {namespace}",
                    "namespaces have their case, and there is no such one",
                    "Write AWS/SQS",
                )
            if namespace != "AWS/SQS":
                continue
            if metric.name is not None and metric.name not in SQS:
                yield metric.at.wrong(
                    f"{alarm.logical_id} looks at {metric.name}",
                    "SQS sends no such metric, so there is no data",
                    "Take ApproximateNumberOfMessagesVisible, or another of SQS's list",
                )
            if set(metric.dimensions) != {"QueueName"} and not is_open(
                metric.body.get("Dimensions")
            ):
                shown = ", ".join(sorted(metric.dimensions)) or "no dimension"
                yield metric.at.wrong(
                    f"{alarm.logical_id} looks at a metric with {shown}",
                    "SQS sends its metrics with the one dimension QueueName, and another"
                    " combination is another metric",
                    "Name QueueName alone",
                )
            unit = text(metric.unit)
            right = "Seconds" if metric.name == "ApproximateAgeOfOldestMessage" else (
                "Bytes" if metric.name == "SentMessageSize" else "Count"
            )  # fmt: skip
            if unit not in (None, right) and metric.name in SQS:
                yield metric.at.wrong(
                    f"{alarm.logical_id} wants {metric.name} in {unit}",
                    f"SQS sends it in {right}, so there is no data",
                    "Leave the unit out",
                )


FORMS = ("MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic", "Period")


@check("E9221", "One form of alarm", kind="refused", source=PUT,
       because="CloudWatch takes one metric, or metric math, and refuses both.")  # fmt: skip
def one_form_of_alarm(stack: Stack) -> Iterator[Violation]:
    """An alarm has MetricName with one statistic, or Metrics; a threshold, or a band."""
    for alarm in stack.of(ALARM):
        name = alarm.logical_id
        both = [each for each in FORMS if each in alarm.properties]
        if alarm.get("Metrics") and both:
            yield at(alarm, both[0]).wrong(
                f"{name} has Metrics and {both[0]}",
                "CloudWatch refuses an alarm with both forms",
                f"Remove {both[0]}, or Metrics",
            )
        elif {"Statistic", "ExtendedStatistic"} <= set(alarm.properties):
            yield at(alarm, "ExtendedStatistic").wrong(
                f"{name} has two statistics", "CloudWatch takes one", "Remove one"
            )
        if {"Threshold", "ThresholdMetricId"} <= set(alarm.properties):
            yield at(alarm, "ThresholdMetricId").wrong(
                f"{name} has a threshold and a band", "CloudWatch takes one", "Remove one"
            )
        for action in ("AlarmActions", "OKActions", "InsufficientDataActions"):
            if len(listed(alarm.get(action))) > MOST_ACTIONS:
                yield at(alarm, action).wrong(
                    f"{name} has {len(listed(alarm.get(action)))} {action}",
                    "CloudWatch takes five",
                    "Remove some",
                )


MOST_ACTIONS = 5


@check("E9222", "Alarms act", kind="never scales", source=PUT,
       because="An alarm whose actions are off starts nothing and tells nobody.")  # fmt: skip
def alarms_are_on(stack: Stack) -> Iterator[Violation]:
    """No alarm has its actions switched off."""
    for alarm in stack.of(ALARM):
        has_actions = any(listed(alarm.get(name)) for name in ("AlarmActions", "OKActions"))
        if has_actions and text(alarm.get("ActionsEnabled")) in ("false", "False"):
            yield at(alarm, "ActionsEnabled").wrong(
                f"The actions of {alarm.logical_id} are disabled",
                "nothing that it should start is started, whatever it sees",
                "Write `ActionsEnabled: true`, or leave it out",
            )
