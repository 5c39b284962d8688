"""E92xx: queues that SQS refuses, or in which messages are lost."""

from collections.abc import Iterator

from workerstack.checks.check import Violation, at, check
from workerstack.checks.worker import (
    ALARM,
    QUEUE,
    TASK,
    dead_letter_queues,
    dead_letter_target,
    is_open,
    listed,
    mapping,
    metrics,
    named_queue,
    number,
    queues_of,
    redrive,
    truth,
)
from workerstack.cloudformation import Resource, Stack, could_be_equal, text

QUEUES = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-dead-letter-queues.html"
)
CREATE = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"
)
VISIBILITY = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-visibility-timeout.html"
)
FOUR_DAYS = 345_600
HALF_A_MINUTE = 30
LEAST_VISIBILITY = 10
LIMITS = {
    "VisibilityTimeout": (0, 43_200, "s"),
    "MessageRetentionPeriod": (60, 1_209_600, "s"),
    "DelaySeconds": (0, 900, "s"),
    "ReceiveMessageWaitTimeSeconds": (0, 20, "s"),
    "MaximumMessageSize": (1_024, 1_048_576, "bytes"),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400, "s"),
}
MOST_RECEIVES = 1_000
LATE = 1_200
"""Seconds until a queue that slept starts a task: metrics up to 15 minutes late, alarm, start."""


def _retention(queue: Resource) -> float | None:
    given = queue.get("MessageRetentionPeriod")
    return FOUR_DAYS if given is None else number(given)


def _visibility(queue: Resource) -> float | None:
    given = queue.get("VisibilityTimeout")
    return HALF_A_MINUTE if given is None else number(given)


@check("E9214", "Dead letters", kind="loses messages", source=QUEUES,
       because="A message that always fails would be tried for days.")  # fmt: skip
def dead_letters_are_kept(stack: Stack) -> Iterator[Violation]:
    """An own queue has a dead-letter queue that keeps longer, with an alarm on it."""
    dead = dead_letter_queues(stack)
    watched = [
        named_queue(stack, metric.dimensions["QueueName"])
        for alarm in stack.of(ALARM)
        for metric in metrics(alarm)
        if "QueueName" in metric.dimensions
    ]
    consumed = [each.queue for task in stack.of(TASK) for each in queues_of(stack, task)]
    for queue in stack.of(QUEUE):
        name = queue.logical_id
        # A queue that no task here reads is somebody else's concern, unless nothing tells who reads
        # what.
        if any(consumed) and queue not in dead and queue not in consumed:
            continue
        if queue in dead:
            own = named_queue(stack, stack.reference(name))
            if own and not any(each and each.is_same(own) is not False for each in watched):
                yield at(queue).wrong(
                    f"No alarm looks at {name}",
                    "nobody would be notified of dead letters",
                    "Add one",
                )
            continue
        given = redrive(queue)
        target = dead_letter_target(stack, queue)
        if not given.get("deadLetterTargetArn") and not is_open(queue.get("RedrivePolicy")):
            yield at(queue).wrong(
                f"{name} has no dead-letter queue",
                "a message that always fails is tried for days",
                "Add a RedrivePolicy",
            )
        if target is None:
            continue
        kept, mine = _retention(target), _retention(queue)
        # SQS counts a standard queue's retention from when the message was first sent, also in the
        # dead-letter queue.
        if kept is not None and mine is not None and kept <= mine:
            yield at(target, "MessageRetentionPeriod").wrong(
                f"{target.logical_id} keeps no longer than {name}",
                "a message's age goes on counting when it moves",
                "Keep it longer",
            )


@check("E9225", "Numbers of the queue", kind="refused", source=CREATE,
       because="SQS refuses the queue.")  # fmt: skip
def numbers_are_allowed(stack: Stack) -> Iterator[Violation]:
    """Times, sizes and the receive count are within what SQS allows."""
    for queue in stack.of(QUEUE):
        for name, (least, most, unit) in LIMITS.items():
            found = number(queue.get(name))
            if found is not None and not least <= found <= most:
                yield at(queue, name).wrong(
                    f"{queue.logical_id} has {name} of {found:g} {unit}",
                    f"SQS takes {least:,} to {most:,}",
                    "Correct it",
                )
        given = redrive(queue)
        receives = number(given.get("maxReceiveCount"))
        if receives is not None and not 1 <= receives <= MOST_RECEIVES:
            yield at(queue, "RedrivePolicy", "maxReceiveCount").wrong(
                f"{queue.logical_id} has a maxReceiveCount of {receives:g}",
                "SQS takes 1 to 1,000",
                "Take 3 to 5",
            )
        half = {"deadLetterTargetArn", "maxReceiveCount"} - set(given)
        if given and len(half) == 1 and not is_open(queue.get("RedrivePolicy")):
            yield at(queue, "RedrivePolicy").wrong(
                f"The RedrivePolicy of {queue.logical_id} has no {half.pop()}",
                "SQS needs both",
                "Add it",
            )


@check(
    "E9226",
    "FIFO with FIFO",
    kind="refused",
    source=CREATE,
    because="SQS refuses a standard queue with a FIFO one, and names its kind by .fifo.",
)
def fifo_with_fifo(stack: Stack) -> Iterator[Violation]:
    """A queue and its dead-letter queue are of one kind, which their names say."""
    for queue in stack.of(QUEUE):
        is_fifo = _is_fifo(queue)
        name = text(queue.get("QueueName"))
        target = dead_letter_target(stack, queue)
        its = is_fifo if target is None or target is queue else _is_fifo(target)
        if target is not None and its != is_fifo and None not in (its, is_fifo):
            kinds = {True: "FIFO", False: "standard", None: ""}
            yield at(queue, "RedrivePolicy").wrong(
                f"{queue.logical_id} is {kinds[is_fifo]} and {target.logical_id}"
                f" {kinds[_is_fifo(target)]}",
                "SQS wants a dead-letter queue of the same kind",
                "Make both the same",
            )
        if target is queue:
            yield at(queue, "RedrivePolicy").wrong(
                f"{queue.logical_id} is its own dead-letter queue",
                "SQS refuses that",
                "Name another queue",
            )
        if name is not None and is_fifo is not None and name.endswith(".fifo") != is_fifo:
            yield at(queue, "QueueName").wrong(
                f"{queue.logical_id} is named {name}",
                "the name of a FIFO queue ends in .fifo, and no other does",
                "Change the name or FifoQueue",
            )
        for each in ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"):
            if (
                is_fifo is False
                and each in queue.properties
                and truth(queue.get(each)) is not False
            ):
                yield at(queue, each).wrong(
                    f"{queue.logical_id} has {each}", "only a FIFO queue has it", "Remove it"
                )


def _is_fifo(queue: Resource) -> bool | None:
    return truth(queue.get("FifoQueue", default=False))


@check("E9227", "One encryption", kind="refused", source=CREATE,
       because="SQS encrypts with its own key or with one of KMS.")  # fmt: skip
def one_encryption(stack: Stack) -> Iterator[Violation]:
    """A queue has a KMS key or SqsManagedSseEnabled, and not both."""
    for queue in stack.of(QUEUE):
        key = queue.get("KmsMasterKeyId")
        if key not in (None, "") and truth(queue.get("SqsManagedSseEnabled")) is True:
            yield at(queue, "KmsMasterKeyId").wrong(
                f"{queue.logical_id} has two encryptions",
                "SQS refuses SSE-KMS together with SSE-SQS",
                "Remove KmsMasterKeyId or SqsManagedSseEnabled",
            )


@check("E9228", "The dead-letter queue may be used", kind="refused", source=CREATE,
       because="SQS refuses a redrive policy that the other queue does not allow.")  # fmt: skip
def dead_letters_are_allowed(stack: Stack) -> Iterator[Violation]:
    """The dead-letter queue's RedriveAllowPolicy lets the queue use it."""
    for queue in stack.of(QUEUE):
        target = dead_letter_target(stack, queue)
        if target is None:
            continue
        given = mapping(target.get("RedriveAllowPolicy"))
        permission = text(given.get("redrivePermission"))
        allowed = listed(given.get("sourceQueueArns"))
        own = stack.reference(queue.logical_id, "Arn")
        is_named = any(
            stack.referred(each, QUEUE) is queue or could_be_equal(each, own) is not False
            if stack.referred(each, QUEUE) in (None, queue) and not _is_another(queue, each)
            else False
            for each in allowed
        )
        if permission == "denyAll" or (
            permission == "byQueue" and not is_named and not is_open(given.get("sourceQueueArns"))
        ):
            yield at(target, "RedriveAllowPolicy").wrong(
                f"{target.logical_id} does not let {queue.logical_id} use it",
                f"its redrivePermission is {permission}",
                f"Name {queue.logical_id} in sourceQueueArns, or write allowAll",
            )


def _is_another(queue: Resource, arn: object) -> bool:
    """Whether a known ARN has another name than the queue will have."""
    whole, name = text(arn), queue.get("QueueName")
    if whole is None:
        return False
    last = whole.rpartition(":")[2]
    return text(name) != last if name is not None else queue.logical_id not in last


@check("E9229", "Messages live long enough", kind="loses messages", source=CREATE,
       because="What is deleted before a task has started is never processed.")  # fmt: skip
def messages_live(stack: Stack) -> Iterator[Violation]:
    """Retention outlasts the start of a first task, and all tries."""
    dead = dead_letter_queues(stack)
    for queue in stack.of(QUEUE):
        kept, hidden = _retention(queue), _visibility(queue)
        if kept is None or hidden is None:
            continue
        receives = number(redrive(queue).get("maxReceiveCount")) or 1
        place = at(queue, "MessageRetentionPeriod")
        if queue not in dead and kept <= LATE:
            yield place.wrong(
                f"{queue.logical_id} keeps a message for {kept:g} s",
                f"a queue that slept may need {LATE} s until a task runs",
                "Keep it for days",
            )
        elif queue not in dead and kept <= hidden * receives:
            yield place.wrong(
                f"{queue.logical_id} keeps a message for {kept:g} s",
                f"{receives:g} tries of {hidden:g} s take longer, and what fails is gone before"
                " it comes back, or before it is a dead letter",
                "Keep it longer",
            )


@check("E9230", "Messages are hidden while they are processed", kind="loses messages",
       source=VISIBILITY, because="Two workers on one message do it twice.")  # fmt: skip
def messages_are_hidden(stack: Stack) -> Iterator[Violation]:
    """A worker's queue hides a message some seconds at least, and as long as its longest job."""
    dead = dead_letter_queues(stack)
    yield from _hidden_too_short(stack)
    for queue in stack.of(QUEUE):
        hidden = _visibility(queue)
        if queue not in dead and hidden is not None and hidden < LEAST_VISIBILITY:
            yield at(queue, "VisibilityTimeout").wrong(
                f"{queue.logical_id} hides a message for {hidden:g} s",
                "it is received again while the first worker has it",
                "Hide it for as long as a job may take",
            )


def _hidden_too_short(stack: Stack) -> Iterator[Violation]:
    """Queues of workers whose Metadata declares a longer job, and no heartbeat."""
    for task in stack.of(TASK):
        declared = mapping(task.metadata.get("Worker"))
        longest = number(declared.get("LongestJob"))
        extends = number(declared.get("Heartbeat")) or text(declared.get("Protection")) == "sidecar"
        for each in queues_of(stack, task):
            hidden = _visibility(each.queue) if each.queue else None
            if each.queue and hidden is not None and longest and longest > hidden and not extends:
                yield at(each.queue, "VisibilityTimeout").wrong(
                    f"{each.queue.logical_id} hides a message for {hidden:g} s",
                    f"{task.logical_id} declares jobs of up to {longest:g} s and no Heartbeat, and"
                    " a second worker receives the message before",
                    f"Hide it for {longest:g} s or more, or let the worker extend it",
                )


@check("W9231", "More than one try", kind="loses messages", source=QUEUES,
       because="A reception may get lost, and no attempt was made.")  # fmt: skip
def more_than_one_try(stack: Stack) -> Iterator[Violation]:
    """A message is received more than once before it is a dead letter."""
    for queue in stack.of(QUEUE):
        if number(redrive(queue).get("maxReceiveCount")) == 1:
            yield at(queue, "RedrivePolicy", "maxReceiveCount").wrong(
                f"{queue.logical_id} has a maxReceiveCount of 1",
                "a task that stops with a message makes a dead letter of it",
                "Take 3 to 5",
            )
