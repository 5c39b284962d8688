"""Executing what was reviewed, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

from deployer import change_set, guards, reading
from deployer import stack as stacks
from deployer.clients import Clients, explained
from deployer.clock import Clock
from deployer.events import Event, Events
from deployer.review import Review
from deployer.source import Source, read_source
from deployments import Deployment
from problem import Detached, Problem, Refusal

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
    _check(review, source, clients, cloudformation)
    token = review.change_set.name
    cloudformation.execute_change_set(ChangeSetName=review.change_set.arn, ClientRequestToken=token)
    console = f"aws cloudformation describe-stack-events --stack-name {review.where.stack_id}"
    with explained(resume=console):
        return _watch(cloudformation, review.where.stack_id, token, clock, show, console)


def _check(review: Review, source: Source, clients: Clients, cloudformation: Any) -> None:
    for what, then, now in _comparisons(review, source, clients, cloudformation):
        if then != now:
            raise Refusal(
                f"The review is stale: {what} was {then or 'nothing'} and is {now or 'nothing'}",
                "only what was reviewed is executed",
                f"Run `deploy.py review {review.where.deployment}` again",
            )


def _comparisons(
    review: Review, source: Source, clients: Clients, cloudformation: Any
) -> Iterator[tuple[str, str, str]]:
    """What must still be so, as (what, then, now); cheap and local things first."""
    then, where = review.binding, review.where
    yield "the account", where.account, source.deployment.target.account
    yield "the region", where.region, clients.region
    yield f"the digest of {then.template}", then.template_digest, source.template_digest
    yield "the digest of the params file", then.parameters_digest, source.parameters_digest
    stack = stacks.read(cloudformation, where.stack_id)
    yield "the stack", where.stack_id, stack.id
    yield "the stack's status", then.stack_status, stack.status
    if not stack.is_new:
        yield "the stack's last update", then.stack_last_updated, stack.last_updated
    plain = _described(review, cloudformation)
    yield "the change set", review.change_set.arn, plain["ChangeSetId"]
    yield "the change set's status", "CREATE_COMPLETE", plain["Status"]
    yield "its execution status", "AVAILABLE", plain.get("ExecutionStatus", "")
    yield "the list of changes", then.changes_digest, reading.digest_of_changes(plain)


def _described(review: Review, cloudformation: Any) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        return change_set.describe(cloudformation, review.change_set.arn, values=False)
    except ClientError as error:
        if "ChangeSetNotFound" not in error.response["Error"]["Code"]:
            raise
        raise Refusal(
            f"The change set {review.change_set.name} is gone",
            "it was deleted, or made obsolete by another one",
            f"Run `deploy.py review {review.where.deployment}` again",
        ) from error


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
