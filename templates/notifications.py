"""Alarms that tell people, and change nothing: dead letters, old messages, nothing done, errors."""

from typing import Any

from troposphere import If, NoValue, Parameter, Ref, Sub
from troposphere.cloudwatch import Alarm, MetricDataQuery
from troposphere.logs import LogGroup, MetricFilter, MetricTransformation
from troposphere.sqs import Queue

from templates.queues import MINUTE, QueueReference, metric_of, name_of
from workerstack.specification import Errors
from workerstack.specification.metadata import described

ALARM_HAS_TOPIC = "AlarmHasTopic"
"""The condition under which an alarm tells somebody."""

NAMESPACE = "Workers"
"""The namespace of metrics that we make of log lines."""


def _told(topic: Parameter) -> dict[str, Any]:
    """Missing data is no breach: a queue without messages sends none (SQS: metrics)."""
    return {
        "TreatMissingData": "notBreaching",
        "AlarmActions": If(ALARM_HAS_TOPIC, [Ref(topic)], NoValue),
    }


def dead_letter_alarm(prefix: str, dead_letters: Queue, topic: Parameter) -> Alarm:
    """One dead letter is already news."""
    return Alarm(
        f"{prefix}DeadLetterAlarm",
        Metadata=described("Tells when a message has failed too often."),
        AlarmDescription="A message failed too often and waits in the dead-letter queue.",
        **metric_of(name_of(dead_letters), "ApproximateNumberOfMessagesVisible"),
        Statistic="Maximum",
        Period=MINUTE,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        **_told(topic),
    )


def oldest_message_alarm(queue: QueueReference, seconds: int, topic: Parameter) -> Alarm:
    """A message waits longer than anybody should."""
    return Alarm(
        f"{queue.prefix}OldestMessageAlarm",
        Metadata=described("Tells when a message has waited too long."),
        AlarmDescription=f"A message is older than {seconds} seconds.",
        **queue.metric("ApproximateAgeOfOldestMessage"),
        Statistic="Maximum",
        Period=MINUTE,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=seconds,
        **_told(topic),
    )


def nothing_processed_alarm(queue: QueueReference, minutes: int, topic: Parameter) -> Alarm:
    """Messages wait, and none is deleted: the worker hangs, or does not start.

    SQS may leave out the count of deletions where there were none.
    """
    return Alarm(
        f"{queue.prefix}NothingProcessedAlarm",
        Metadata=described("Tells when messages wait and none is processed."),
        AlarmDescription=f"Messages waited for {minutes} minutes, and none was deleted.",
        Metrics=[
            MetricDataQuery(
                Id="stuck",
                Expression="IF(visible > 0 AND FILL(deleted, 0) == 0, 1, 0)",
                Label="Messages wait and none is deleted",
                ReturnData=True,
            ),
            queue.query("visible", "ApproximateNumberOfMessagesVisible", "Maximum"),
            queue.query("deleted", "NumberOfMessagesDeleted", "Sum"),
        ],
        EvaluationPeriods=minutes,
        DatapointsToAlarm=minutes,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        **_told(topic),
    )


def error_filter(errors: Errors, log_group: LogGroup) -> MetricFilter:
    """Counts the lines that are errors."""
    return MetricFilter(
        "ErrorFilter",
        Metadata=described("Counts the lines of the container's output that are errors."),
        LogGroupName=Ref(log_group),
        FilterPattern=errors.pattern,
        MetricTransformations=[
            MetricTransformation(
                MetricNamespace=NAMESPACE,
                MetricName=Sub("${AWS::StackName}-errors"),
                MetricValue="1",
                DefaultValue=0,
            )
        ],
    )


def error_alarm(errors: Errors, topic: Parameter) -> Alarm:
    """So many errors that somebody should look."""
    return Alarm(
        "ErrorAlarm",
        Metadata=described("Tells when the container's output has errors."),
        AlarmDescription=f"{errors.at_least} or more errors in {errors.minutes} minutes.",
        Namespace=NAMESPACE,
        MetricName=Sub("${AWS::StackName}-errors"),
        Statistic="Sum",
        Period=errors.minutes * MINUTE,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=errors.at_least,
        **_told(topic),
    )
