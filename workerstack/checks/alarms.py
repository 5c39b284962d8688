"""E92xx, continued: the arithmetic, statistics and windows of the scaling alarms."""

import re

from workerstack.checks.resolved import Resolved, Resource, mapping, number, sequence
from workerstack.checks.rule import Faults, rule
from workerstack.checks.worker import is_upward, metrics, scaling_alarms

ALARMS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"
METRICS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-available-cloudwatch-metrics.html"
)
DAY = 86_400
MINUTE = 60
LEAST_WINDOW = 900
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
FUNCTIONS = frozenset({"FILL", "MAX", "MIN", "AVG", "SUM", "IF", "METRICS", "REPEAT"})


def _window(alarm: Resource) -> tuple[float, float]:
    """The number of periods and the longest period, in seconds."""
    periods = number(alarm.properties.get("EvaluationPeriods")) or 0
    lengths = [number(metric["Period"]) or 0 for metric in metrics(alarm)]
    return periods, max(lengths, default=0)


@rule("E9203", "Arithmetic of the alarm", "An alarm that cannot be evaluated never fires.", ALARMS)
def arithmetic(template: Resolved) -> Faults:
    """M of N, at most a day, minutes only, one period, one result, known names."""
    for alarm in template.of("CloudWatch::Alarm"):
        periods, length = _window(alarm)
        needed = number(alarm.properties.get("DatapointsToAlarm"))
        if needed is not None and needed > periods:
            yield (
                alarm.at("DatapointsToAlarm"),
                f"{alarm.id} wants {needed:g} datapoints of {periods:g}: it can never fire. "
                "Lower DatapointsToAlarm.",
            )
        if periods * length > DAY:
            yield (
                alarm.at("EvaluationPeriods"),
                f"{alarm.id} looks back {periods * length:g} s: CloudWatch allows a day. "
                "Shorten it.",
            )
        for metric in metrics(alarm):
            period = number(metric["Period"])
            if metric["Namespace"] == "AWS/SQS" and period is not None and period % MINUTE:
                yield (
                    alarm.path,
                    f"{alarm.id} has a period of {period:g} s: SQS sends its metrics once a "
                    "minute. Take a multiple of 60.",
                )
        yield from _mathematics(alarm)


def _mathematics(alarm: Resource) -> Faults:
    queries = [mapping(query) for query in sequence(alarm.properties.get("Metrics"))]
    if not queries:
        return
    returned = [query for query in queries if str(query.get("ReturnData", True)).lower() == "true"]
    if len(returned) != 1:
        yield (
            alarm.at("Metrics"),
            f"{alarm.id} returns {len(returned) or 'no'} series: an alarm compares exactly one. "
            "Set ReturnData on one of them.",
        )
    if len({str(metric["Period"]) for metric in metrics(alarm)}) > 1:
        yield (
            alarm.at("Metrics"),
            f"{alarm.id} mixes periods: metric math needs one. Give all the same.",
        )
    known = {str(query.get("Id")) for query in queries}
    for position, query in enumerate(queries):
        words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", str(query.get("Expression", ""))))
        for word in sorted(words - known - FUNCTIONS):
            yield (
                alarm.at("Metrics", position, "Expression"),
                f"{alarm.id} computes with {word}: there is no such metric, so it returns "
                "nothing. Correct the expression.",
            )


@rule("E9204", "Maximum of a gauge", "A sum counts twice, an average hides a message.", METRICS)
def maximum_of_a_gauge(template: Resolved) -> Faults:
    """Scaling alarms take the maximum of SQS's counts."""
    for alarm, _, found in scaling_alarms(template):
        for metric in found:
            if metric["Namespace"] == "AWS/SQS" and metric["Statistic"] != "Maximum":
                yield (
                    alarm.path,
                    f"{alarm.id} takes the {metric['Statistic']} of {metric['MetricName']}: SQS "
                    "may send two samples in a minute, and a mean below 1 never fires. Take the "
                    "Maximum.",
                )


@rule("E9205", "Scale-in counts messages in flight", "Else it stops busy workers.", METRICS)
def scale_in_counts_in_flight(template: Resolved) -> Faults:
    """Scale-in looks at messages waiting and in flight, filled in the latter only."""
    for alarm, _, found in scaling_alarms(template):
        if is_upward(alarm):
            continue
        names = {metric["MetricName"]: metric["Id"] for metric in found}
        expressions = " ".join(
            str(mapping(query).get("Expression", ""))
            for query in sequence(alarm.properties.get("Metrics"))
        )
        filled = set(re.findall(r"FILL\(\s*(\w+)", expressions))
        if IN_FLIGHT not in names:
            yield (
                alarm.path,
                f"{alarm.id} does not count messages in flight: picking up the last message "
                "would stop the worker that has it. Add ApproximateNumberOfMessagesNotVisible.",
            )
        elif filled != {names[IN_FLIGHT]}:
            yield (
                alarm.at("Metrics"),
                f"{alarm.id} fills {', '.join(sorted(filled)) or 'nothing'}: SQS may leave out "
                "the messages in flight, and a missing count of waiting ones must stay missing. "
                "Use FILL on the messages in flight only.",
            )


@rule("E9206", "Missing data is no breach", "Scaling without evidence is guessing.", ALARMS)
def missing_data_is_no_breach(template: Resolved) -> Faults:
    """Scaling alarms treat missing data as not breaching, and say so."""
    for alarm, _, _ in scaling_alarms(template):
        if alarm.properties.get("TreatMissingData") != "notBreaching":
            yield (
                alarm.at("TreatMissingData"),
                f"{alarm.id} leaves missing data to chance: SQS sends none for an idle queue, and "
                "sends some late. Write `TreatMissingData: notBreaching`.",
            )


@rule("E9208", "Scale-in window", "SQS delivers some values a quarter of an hour late.", METRICS)
def scale_in_waits(template: Resolved) -> Faults:
    """Scale-in waits for fifteen minutes of evidence."""
    for alarm, _, _ in scaling_alarms(template):
        periods, length = _window(alarm)
        if not is_upward(alarm) and periods * length < LEAST_WINDOW:
            yield (
                alarm.at("EvaluationPeriods"),
                f"{alarm.id} waits {periods * length:g} s: SQS delivers some values 15 minutes "
                "late, and a busy worker would be stopped. Wait at least 900 s.",
            )
