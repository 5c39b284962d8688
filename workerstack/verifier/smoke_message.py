"""Whether a message was consumed, and the object that it leaves in S3.

SQS lets nobody ask for one message, and its counts are approximate: they need about a minute
to be consistent (SQS API reference, GetQueueAttributes). So one empty answer proves nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from workerstack.deployer import service
from workerstack.deployer.aws import Clients
from workerstack.problem import Problem

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
    found = service.depth(sqs, url)
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


def take_back(
    sqs: Any, url: str, is_ours: Callable[[Mapping[str, Any]], bool], name: str, before: int
) -> tuple[bool, str]:
    """Deletes the message if it is the only one there: (whether it is gone, what was done).

    ``is_ours`` tells it, ``name`` is what it is called, ``before`` how many others there were.

    Another one is never deleted, and one that a consumer holds cannot be: only its receipt
    handle would do. A queue with other messages is not received from, since each receive
    counts towards the dead-letter queue.
    """
    now = depth(sqs, url)
    if not now.outstanding:
        return True, f"The message {name} is no longer in the queue."
    if before or (now.waiting, now.outstanding) != (1, 1):
        return False, f"The message {name} was left in the queue ({now})."
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, VisibilityTimeout=30)
    for each in received.get("Messages", ()):
        if is_ours(each):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            return True, f"The message {name} was taken out of the queue again."
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
        )
    return False, f"The message {name} was not found when we tried to take it back."


MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})


@dataclass(frozen=True)
class Object:
    """An object of S3."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """As it is typed."""
        return f"s3://{self.bucket}/{self.key}"


def named(text: str) -> Object:
    """An object named as ``s3://bucket/key``; raises Problem for anything else."""
    parts = urlsplit(text)
    key = text.removeprefix(f"s3://{parts.netloc}/")
    if parts.scheme != "s3" or not parts.netloc or key in {"", text}:
        raise Problem(
            f"{text} names no object", "it is not like s3://bucket/key", "Correct --expect-object"
        )
    return Object(parts.netloc, key)


def check_bucket(s3: Any, bucket: str) -> None:
    """Raises Problem where there is no such bucket.

    A refusal may mean that we may not list it, and still may look at the object.
    """
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            raise Problem(
                f"There is no bucket {bucket}", "S3 says so", "Correct --expect-object"
            ) from None
        if error.response["Error"]["Code"] not in FORBIDDEN:
            raise


class Appearance:
    """Watches for an object that was not there, or was another version, when this began.

    Versions are compared with each other and never with our clock, which may be wrong.
    ``refused``: why we may not look; ``has_come`` once it is there.
    """

    def __init__(self, clients: Clients, wanted: Object) -> None:
        self.wanted = wanted
        self.refused = ""
        self.has_come = False
        self._s3 = clients("s3")
        self._old = self._version()

    def look(self) -> bool:
        """One more look; whether it has come."""
        if not self.refused and not self.has_come:
            new = self._version()
            self.has_come = new is not None and new != self._old
        return self.has_come

    def _version(self) -> tuple[Any, ...] | None:
        from botocore.exceptions import ClientError

        try:
            found = self._s3.head_object(Bucket=self.wanted.bucket, Key=self.wanted.key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in FORBIDDEN:
                self.refused = f"S3 refuses to show it ({code})"
            elif code not in MISSING:
                raise
            return None
        return (found["LastModified"], found["ETag"], found.get("VersionId"))
