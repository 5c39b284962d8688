"""Which queues are processed, how the worker's own behave, and who hears of it."""

from dataclasses import dataclass

from troposphere import Parameter
from troposphere.constants import NUMBER, STRING

from workerstack.specification.queues import (
    LONGEST_VISIBILITY_TIMEOUT,
    MOST_RECEIVES,
    ImportedQueue,
    OwnQueue,
)
from workerstack.specification.worker import Worker


@dataclass(frozen=True)
class ImportedQueueParameters:
    """Which queue of the account it is; None where it follows from account and Region."""

    name: Parameter | None


@dataclass(frozen=True)
class OwnQueueParameters:
    """How the worker's own queue behaves."""

    visibility_timeout: Parameter
    max_receive_count: Parameter


QueueParameters = ImportedQueueParameters | OwnQueueParameters


def queue(specification: ImportedQueue | OwnQueue) -> QueueParameters:
    """The parameters of the one kind of queue or the other."""
    if isinstance(specification, ImportedQueue):
        return ImportedQueueParameters(_queue_name(specification) if specification.name else None)
    return OwnQueueParameters(
        visibility_timeout=_visibility_timeout(specification),
        max_receive_count=_max_receive_count(specification),
    )


def _queue_name(queue: ImportedQueue) -> Parameter:
    return Parameter(
        f"{queue.prefix}QueueName",
        Type=STRING,
        AllowedPattern=r"^[A-Za-z0-9_-]{1,80}$",
        ConstraintDescription="a standard queue's name, not its URL or ARN",
        Default=queue.name,
        Description="The queue whose messages are processed and which drives scaling.",
    )


def _visibility_timeout(queue: OwnQueue) -> Parameter:
    return Parameter(
        f"{queue.prefix}VisibilityTimeout",
        Type=NUMBER,
        MinValue=1,
        MaxValue=LONGEST_VISIBILITY_TIMEOUT,
        Default=queue.visibility_timeout,
        Description="Seconds for which a received message is hidden from other workers:"
        " more than the longest job.",
    )


def _max_receive_count(queue: OwnQueue) -> Parameter:
    return Parameter(
        f"{queue.prefix}MaxReceiveCount",
        Type=NUMBER,
        MinValue=1,
        MaxValue=MOST_RECEIVES,
        Default=queue.max_receive_count,
        Description="How often a message is tried before it counts as a dead letter.",
    )


def alarm_topic(worker: Worker) -> Parameter | None:
    """Who is told; None where there is nothing to tell."""
    alarms = worker.alarms
    own = any(isinstance(each, OwnQueue) for each in worker.queues)
    dead = bool(alarms and alarms.dead_letters and own)
    more = bool((alarms and (alarms.oldest_message or alarms.nothing_processed)) or worker.errors)
    if not (dead or more):
        return None
    return Parameter(
        "AlarmTopicArn",
        Type=STRING,
        AllowedPattern=r"^(|arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+)$",
        ConstraintDescription="an SNS topic's ARN, or empty",
        Default="",
        Description=f"SNS topic notified of {'alarms' if more else 'dead letters'}; empty for no"
        " notification.",
    )
