"""Executing what was reviewed, and nothing else."""

from collections.abc import Callable
from typing import Any

from deployer import binding, guards, reviewing
from deployer import stack as stacks
from deployer.clients import Clients, explained
from deployer.clock import Clock
from deployer.events import Event, Events
from deployer.review import Review
from deployer.source import read_source
from deployments import Deployment
from problem import Detached, Problem

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""The end states of a success. A rolled-back update is none, whatever botocore's waiters say."""

Show = Callable[[Event], None]


def execute(
    review: Review, deployment: Deployment, clients: Clients, clock: Clock, show: Show
) -> str:
    """Executes the review's change set, shows events as they come, gives the end state.

    Raises Refusal where something is not as reviewed, Problem where the stack fails,
    Detached where only the watching ended.
    """
    source = read_source(deployment)
    guards.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    binding.check_unchanged(review, source, clients)
    binding.check_same_findings(review, reviewing.again(review, source, clients))
    token = review.change_set.name
    cloudformation.execute_change_set(ChangeSetName=review.change_set.arn, ClientRequestToken=token)
    console = f"aws cloudformation describe-stack-events --stack-name {review.where.stack_id}"
    with explained(resume=console):
        return _watch(cloudformation, review.where.stack_id, token, clock, show, console)


def _watch(
    cloudformation: Any, stack_id: str, token: str, clock: Clock, show: Show, console: str
) -> str:
    """Shows events until the stack has come to rest; gives its good end state."""
    events = Events(cloudformation, stack_id, token)
    failures: list[Event] = []
    waits = clock.waits()
    while True:
        status = stacks.read(cloudformation, stack_id).status
        for event in events.new():
            show(event)
            if event.is_failure and event.physical_id != stack_id:
                failures.append(event)
        if not status.endswith("_IN_PROGRESS"):
            break
        if not waits.wait():
            raise Detached(
                "We stopped watching",
                f"the stack is still in {status} after {clock.limit / 3600:g} hours",
                f"The operation goes on in AWS. See `{console}`",
            )
    if status not in GOOD:
        cause = failures[0] if failures else None
        raise Problem(
            f"The stack ended in {status}",
            f"{cause.logical_id} ({cause.type}): {cause.reason}" if cause else "no event says why",
            stacks.ADVICE.get(status, "Mend the cause and review again"),
        )
    return status
