"""Which queue is processed, or how the worker's own behaves."""

from dataclasses import dataclass

from troposphere import Parameter
from troposphere.constants import NUMBER, STRING

from templates.specification import LONGEST_VISIBILITY_TIMEOUT, ImportedQueue, OwnQueue


@dataclass(frozen=True)
class ImportedQueueParameters:
    """Which queue of the account it is."""

    name: Parameter


@dataclass(frozen=True)
class OwnQueueParameters:
    """How the worker's own queue behaves, and who is notified of dead letters."""

    visibility_timeout: Parameter
    max_receive_count: Parameter
    alarm_topic: Parameter


def queue(
    specification: ImportedQueue | OwnQueue,
) -> ImportedQueueParameters | OwnQueueParameters:
    """The parameters of the one kind of queue or the other."""
    if isinstance(specification, ImportedQueue):
        return ImportedQueueParameters(name=_queue_name(specification.name))
    return OwnQueueParameters(
        visibility_timeout=_visibility_timeout(specification),
        max_receive_count=_max_receive_count(specification),
        alarm_topic=_alarm_topic(),
    )


def _queue_name(name: str) -> Parameter:
    return Parameter(
        "QueueName",
        Type=STRING,
        AllowedPattern=r"^[A-Za-z0-9_-]{1,80}$",
        ConstraintDescription="a standard queue's name, not its URL or ARN",
        Default=name,
        Description="The queue whose messages are processed and which drives scaling.",
    )


def _visibility_timeout(queue: OwnQueue) -> Parameter:
    return Parameter(
        "VisibilityTimeout",
        Type=NUMBER,
        MinValue=1,
        MaxValue=LONGEST_VISIBILITY_TIMEOUT,
        Default=queue.visibility_timeout,
        Description="Seconds for which a received message is hidden from other workers:"
        " more than the longest job.",
    )


def _max_receive_count(queue: OwnQueue) -> Parameter:
    return Parameter(
        "MaxReceiveCount",
        Type=NUMBER,
        MinValue=1,
        MaxValue=1000,
        Default=queue.max_receive_count,
        Description="How often a message is tried before it counts as a dead letter.",
    )


def _alarm_topic() -> Parameter:
    return Parameter(
        "AlarmTopicArn",
        Type=STRING,
        AllowedPattern=r"^(|arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+)$",
        ConstraintDescription="an SNS topic's ARN, or empty",
        Default="",
        Description="SNS topic notified of dead letters; empty for no notification.",
    )
