"""What the container would do, in a thread: receive, write the object, log, delete."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

KEY = "index.html"
QUEUE = "webordinary-email-queue"
LOG_GROUP = "/ecs/webordinary/edit"
SERVICE = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}

LONGEST = 5.0
"""Seconds that a pause waits for a worker that is held up in what it does."""


class _Worker(threading.Thread):
    """One that counts how often it has looked for work."""

    rounds = 0


_WORKERS: set[_Worker] = set()


def pause(_: float) -> None:
    """A pause between two looks: on a busy machine, too, each worker has looked for work in it."""
    end = time.monotonic() + LONGEST
    # The look that is under way may have begun before what it should find.
    wanted = {each: each.rounds + 2 for each in _WORKERS}
    time.sleep(0.01)
    for each, rounds in wanted.items():
        while each.is_alive() and each.rounds < rounds and time.monotonic() < end:
            time.sleep(0.002)


class Account:
    """One test's account, as its people and its worker see it."""

    def __init__(self, client: Callable[[str], Any], bucket: str = "") -> None:
        self.sqs, self.s3, self.logs = client("sqs"), client("s3"), client("logs")
        self.ecs, self.autoscaling = client("ecs"), client("application-autoscaling")
        self.queue = self.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        # The names of buckets are everybody's.
        account = client("sts").get_caller_identity()["Account"]
        self.bucket = bucket or f"edit.{account}.webordinary.com"
        self.object = f"s3://{self.bucket}/{KEY}"
        self.s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )

    def count(self) -> int:
        if not self.ecs.list_clusters()["clusterArns"]:
            return 0
        found = self.ecs.describe_services(
            cluster=SERVICE["cluster"], services=[SERVICE["service"]]
        )
        return sum(each["desiredCount"] for each in found["services"])

    def suspended(self) -> bool:
        [target] = self.autoscaling.describe_scalable_targets(ServiceNamespace="ecs")[
            "ScalableTargets"
        ]
        return bool(target["SuspendedState"]["DynamicScalingInSuspended"])

    def depth(self) -> tuple[int, int]:
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])[
            "Attributes"
        ]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        waiting, in_flight = (int(found[name]) for name in names)
        return waiting, in_flight

    def is_as_before(self) -> bool:
        return (self.count(), self.suspended()) == (0, False)

    def log(self, lines: Sequence[str]) -> None:
        stream = f"edit-service/webordinary-edit/{time.time_ns()}"
        self.logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
        now = int(time.time() * 1000)
        self.logs.put_log_events(
            logGroupName=LOG_GROUP, logStreamName=stream,
            logEvents=[{"timestamp": now, "message": line} for line in lines],
        )  # fmt: skip

    @contextmanager
    def worker(
        self, *, lines: Sequence[str] = ("ready", "done"), writes: bool = True,
        deletes: bool = True, received: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> Iterator[None]:  # fmt: skip
        """A worker that consumes while it is wanted, and fails the test if it fails."""
        stopping, errors = threading.Event(), list[Exception]()

        def work() -> None:
            try:
                while not stopping.wait(0.01):
                    self._one(lines, received, writes=writes, deletes=deletes)
                    thread.rounds += 1
            except Exception as error:
                errors.append(error)

        thread = _Worker(target=work)
        thread.start()
        _WORKERS.add(thread)
        try:
            yield
        finally:
            _WORKERS.discard(thread)
            stopping.set()
            thread.join()
        assert not errors, errors

    def _one(
        self, lines: Sequence[str], received: Callable[[dict[str, Any]], None],
        *, writes: bool, deletes: bool,
    ) -> None:  # fmt: skip
        if not self.count():
            return
        for each in self.sqs.receive_message(QueueUrl=self.queue).get("Messages", ()):
            received(each)
            if lines:
                self.log(lines)
            if writes:
                self.s3.put_object(Bucket=self.bucket, Key=KEY, Body=each["Body"].encode())
            if deletes:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
