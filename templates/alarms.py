"""When the number of tasks changes: the alarms on the queue behind the two policies."""

from collections.abc import Iterator, Sequence
from typing import Any

from troposphere import Ref
from troposphere.applicationautoscaling import ScalingPolicy
from troposphere.cloudwatch import Alarm, MetricDataQuery

from templates.queues import MINUTE, QueueReference
from workerstack.specification.metadata import described, meant
from workerstack.specification.steps import Side

VISIBLE = "ApproximateNumberOfMessagesVisible"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"

FIVE_MINUTES = 300
"""The period of the literal variant: the CDK's default, where the original named none."""


def backlog_alarm(queues: Sequence[QueueReference], side: Side, policy: ScalingPolicy) -> Alarm:
    """Messages wait: one minute of one message is enough.

    Maximum: the count is a gauge, of which sometimes two samples land in one minute, and
    an average below 1 would never fire. One of one: waiting is what people notice. Missing
    data is no breach: no data is no evidence of work, and an idle queue sends none. Of
    several queues the sum counts, in which a queue that sends none is empty.
    """
    where = "queue" if len(queues) == 1 else "queues"
    return Alarm(
        "BacklogAlarm",
        Metadata=described("Fires while messages wait; adds tasks."),
        AlarmDescription=f"{side.threshold} or more messages wait in the {where}.",
        **_waiting(queues),
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=side.threshold,
        TreatMissingData="notBreaching",
        AlarmActions=[Ref(policy)],
    )


def _waiting(queues: Sequence[QueueReference]) -> dict[str, Any]:
    if len(queues) == 1:
        return {**queues[0].metric(VISIBLE), "Statistic": "Maximum", "Period": MINUTE}
    ids = _ids("visible", queues)
    return {
        "Metrics": [
            MetricDataQuery(
                Id="waiting",
                Expression=" + ".join(f"FILL({each}, 0)" for each in ids),
                Label="Messages waiting",
                ReturnData=True,
            ),
            *_queries(VISIBLE, ids, queues),
        ]
    }


def _ids(name: str, queues: Sequence[QueueReference]) -> list[str]:
    """The ids of one metric of each queue; those of the first have no number."""
    return [name if not number else f"{name}_{number}" for number, _ in enumerate(queues)]


def _queries(
    metric: str, ids: Sequence[str], queues: Sequence[QueueReference]
) -> Iterator[MetricDataQuery]:
    for each, queue in zip(ids, queues, strict=True):
        yield queue.query(each, metric, "Maximum")


def drained_alarm(
    queues: Sequence[QueueReference], side: Side, policy: ScalingPolicy, minutes: int
) -> Alarm:
    """Nothing waits and nothing is being processed, for ``minutes`` in a row.

    In flight counts, or picking up the only message would remove the worker that has it.
    FILL is on the messages in flight only: SQS may leave them out when there are none,
    while a missing count of waiting messages must stay missing. A long window, since SQS
    delivers some values up to 15 minutes late. Missing data is no breach: no task is
    removed without evidence. A task receives from all of several queues, so that each of them
    is active and sends its counts.
    """
    visible, in_flight = _ids("visible", queues), _ids("in_flight", queues)
    return Alarm(
        "DrainedAlarm",
        Metadata=described("Fires once nothing waits or is processed; removes tasks."),
        AlarmDescription=f"At most {side.threshold} messages waited or were in flight"
        f" for {minutes} minutes.",
        Metrics=[
            MetricDataQuery(
                Id="outstanding",
                Expression=" + ".join([*visible, *(f"FILL({each}, 0)" for each in in_flight)]),
                Label="Messages waiting or in flight",
                ReturnData=True,
            ),
            *_queries(VISIBLE, visible, queues),
            *_queries(IN_FLIGHT, in_flight, queues),
        ],
        **_for_minutes(minutes, side, policy),
    )


def picked_up_alarm(
    queue: QueueReference, side: Side, policy: ScalingPolicy, minutes: int
) -> Alarm:
    """Nothing waits, for ``minutes`` in a row; busy tasks protect themselves and stay."""
    return Alarm(
        "DrainedAlarm",
        Metadata=described("Fires once nothing waits; removes tasks that are not protected."),
        AlarmDescription=f"At most {side.threshold} messages waited for {minutes} minutes.",
        **queue.metric(VISIBLE),
        Statistic="Maximum",
        Period=MINUTE,
        **_for_minutes(minutes, side, policy),
    )


def _for_minutes(minutes: int, side: Side, policy: ScalingPolicy) -> dict[str, Any]:
    return {
        "EvaluationPeriods": minutes,
        "DatapointsToAlarm": minutes,
        "ComparisonOperator": "LessThanOrEqualToThreshold",
        "Threshold": side.threshold,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [Ref(policy)],
    }


def literal_backlog_alarm(queue: QueueReference, side: Side, policy: ScalingPolicy) -> Alarm:
    """The scale-out alarm word for word: five-minute average, missing data left alone."""
    return Alarm(
        "BacklogAlarm",
        Metadata=_literally("Fires while messages wait on average; adds tasks."),
        AlarmDescription=f"{side.threshold} or more messages waited on average.",
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        **_averaged(queue, side, policy),
    )


def literal_drained_alarm(queue: QueueReference, side: Side, policy: ScalingPolicy) -> Alarm:
    """The scale-in alarm word for word. It removes the worker that has the last message."""
    return Alarm(
        "DrainedAlarm",
        Metadata=_literally("Fires when no message is visible; removes tasks."),
        AlarmDescription=f"At most {side.threshold} messages were visible on average.",
        ComparisonOperator="LessThanOrEqualToThreshold",
        **_averaged(queue, side, policy),
    )


def _averaged(queue: QueueReference, side: Side, policy: ScalingPolicy) -> dict[str, Any]:
    return {
        **queue.metric(VISIBLE),
        "Statistic": "Average",
        "Period": FIVE_MINUTES,
        "EvaluationPeriods": 1,
        "Threshold": side.threshold,
        "AlarmActions": [Ref(policy)],
    }


def _literally(sentence: str) -> dict[str, object]:
    """The lint rules that the original wording breaks, silenced where one sees it."""
    return described(sentence, **meant("E9204", "E9205", "E9206", "E9207", "E9208"))
