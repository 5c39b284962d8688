"""Whether a message was consumed, told from what its queue says.

SQS lets nobody ask for one message, and its counts are approximate: they need about a minute
to be consistent (SQS API reference, GetQueueAttributes). So one empty answer proves nothing.
"""

from dataclasses import dataclass
from typing import Any

from deployer import rollout

SETTLED = 3
"""Empty answers in a row that count, once the message was seen or what it does was."""

UNSEEN = 30
"""Empty answers in a row that count where it was never seen: a minute of them."""


@dataclass(frozen=True)
class Depth:
    """A queue's messages; ``dead`` is None where it has no dead-letter queue."""

    waiting: int
    in_flight: int
    delayed: int
    dead: int | None

    @property
    def outstanding(self) -> int:
        """Those that nobody has deleted."""
        return self.waiting + self.in_flight + self.delayed

    def __str__(self) -> str:
        """As people say it."""
        delayed = f", {self.delayed} delayed" if self.delayed else ""
        return f"{self.waiting} waiting, {self.in_flight} in flight{delayed}"


def depth(sqs: Any, url: str) -> Depth:
    """What the queue says now."""
    found = rollout.depth(sqs, url)
    return Depth(
        found["waiting"] or 0, found["in_flight"] or 0, found["delayed"] or 0, found["dead"]
    )


class Consumption:
    """Looks at a queue, poll by poll, after a message was sent to it."""

    def __init__(self, before: Depth) -> None:
        self.before = before
        self.last = before
        self._seen = False
        self._empty = 0

    def look(self, now: Depth) -> None:
        """One more answer."""
        self.last = now
        self._seen = self._seen or now.outstanding > 0
        self._empty = 0 if now.outstanding else self._empty + 1

    def is_gone(self, *, proved: bool) -> bool:
        """Whether nobody can receive it again; ``proved``: what it does has been seen."""
        return self._empty >= (SETTLED if self._seen or proved else UNSEEN)

    @property
    def is_dead(self) -> bool:
        """Whether a message has come to the dead-letter queue since."""
        return (self.last.dead or 0) > (self.before.dead or 0)


def take_back(sqs: Any, url: str, message_id: str, consumption: Consumption) -> tuple[bool, str]:
    """Deletes the message if it is the only one there: (whether it is gone, what was done).

    Another one is never deleted, and one that a consumer holds cannot be: only its receipt
    handle would do. A queue with other messages is not received from, since each receive
    counts towards the dead-letter queue.
    """
    if not message_id:
        return False, "Whether the message was sent is not known: the call was cut off."
    now = depth(sqs, url)
    if not now.outstanding:
        return True, f"The message {message_id} is no longer in the queue."
    if consumption.before.outstanding or (now.waiting, now.outstanding) != (1, 1):
        return False, f"The message {message_id} was left in the queue ({now})."
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, VisibilityTimeout=30)
    for each in received.get("Messages", ()):
        if each["MessageId"] == message_id:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            return True, f"The message {message_id} was taken out of the queue again."
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
        )
    return False, f"The message {message_id} was not found when we tried to take it back."
