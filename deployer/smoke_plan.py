"""What a smoke test is about to do: read and checked, before anything is touched."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployer import guards, live, recovery, rollout
from deployer import stack as stacks
from deployer.check import Check
from deployer.clients import Clients
from deployments import Deployment
from problem import Problem, Refusal

NOT_DONE = "not done"

CRITERIA = {
    "start": "the container starts",
    "message": "the message is received and deleted",
    "object": "the expected object appears",
    "network": "the log tells of no network error",
}


@dataclass(frozen=True)
class Object:
    """An object of S3."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """As it is typed."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Plan:
    """The worker as it is found, the message, what is expected; ``timeout`` in seconds."""

    stack: stacks.Stack
    worker: live.Worker
    queue_url: str
    message: str
    expected: Object | None
    timeout: int

    @property
    def raises_count(self) -> bool:
        """Whether no task is wanted yet."""
        return int(self.worker.service["desiredCount"]) == 0

    def sentence(self) -> str:
        """What is going to be done, for consent."""
        start = "start one task of it, " if self.raises_count else ""
        return f"{start}suspend its scale-in meanwhile, and send a message to {self.queue_url}"


def expected_object(text: str) -> Object:
    """An object named as ``s3://bucket/key``; raises Problem for anything else."""
    parts = urlsplit(text)
    key = text.removeprefix(f"s3://{parts.netloc}/")
    if parts.scheme != "s3" or not parts.netloc or key in {"", text}:
        raise Problem(
            f"{text} names no object", "it is not like s3://bucket/key", "Correct --expect-object"
        )
    return Object(parts.netloc, key)


def read_message(file: Path) -> str:
    """The message's body; raises Problem where there is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            "The message cannot be read", str(error), "Name a text file with --message", file=file
        ) from None
    if not text:
        raise Problem("The message is empty", "SQS takes none", "Write one", file=file)
    return text


def plan(
    deployment: Deployment, clients: Clients, message: str, expected: Object | None, timeout: int
) -> Plan:
    """Reads what there is; raises Refusal while the stack is not at rest."""
    guards.identify(deployment, clients)
    stack = stacks.existing(clients("cloudformation"), deployment)
    stacks.check_owner(stack, deployment.name)
    if stack.status not in recovery.UPDATABLE:
        raise Refusal(
            f"The stack {stack.name} is in {stack.status}",
            "a smoke test needs a stack that has come to rest",
            recovery.next_step(stack.status, deployment.name),
        )
    worker = live.read(clients, stack.id)
    url = rollout.queue_url(worker.task_definition)
    if not url:
        raise Problem(
            "The worker has no queue",
            "no container has the environment variable QUEUE_URL",
            "Deploy the worker first",
        )
    if expected:
        _check_bucket(clients("s3"), expected.bucket)
    return Plan(stack, worker, url, message, expected, timeout)


def _check_bucket(s3: Any, bucket: str) -> None:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        # 403 may mean that we may not list it, and still may look at the object.
        if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
            raise Problem(
                f"There is no bucket {bucket}", "S3 says so", "Correct --expect-object"
            ) from None
        if error.response["Error"]["Code"] not in {"403", "AccessDenied"}:
            raise


def rehearsed(plan: Plan) -> Iterator[Check]:
    """The checks of a run that does not take place."""
    service = plan.worker.service
    would = {
        "start": f"would set the desired count of {service['serviceName']} from 0 to 1"
        if plan.raises_count
        else f"would take the {service['desiredCount']} tasks that are wanted already",
        "message": f"would send {len(plan.message.encode())} bytes to {plan.queue_url},"
        f" and wait {plan.timeout} s at most",
        "object": f"would look for {plan.expected}" if plan.expected else "none is named",
        "network": "would read the log from the start on",
    }
    for identifier, criterion in CRITERIA.items():
        yield Check(identifier, criterion, "unknown", would[identifier])
    yield Check(
        "restored", "everything is as it was", "unknown",
        "would suspend scale-in until then, and put back the desired count",
    )  # fmt: skip
