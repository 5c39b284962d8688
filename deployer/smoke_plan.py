"""What a smoke test is about to do: read and checked, before anything is touched."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployer import guards, live, recovery, rollout
from deployer import stack as stacks
from deployer.check import Check
from deployer.clients import Clients
from deployer.expected import Object, check_bucket
from deployer.smoke_verdicts import CRITERIA
from deployments import Deployment
from problem import Problem, Refusal


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
        check_bucket(clients("s3"), expected.bucket)
    return Plan(stack, worker, url, message, expected, timeout)


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
