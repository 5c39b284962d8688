"""Executing what was reviewed, and nothing else."""

from typing import Any

from deployer import binding, change_set, guards, reviewing
from deployer.clients import Clients
from deployer.events import STACK, event_of
from deployer.operation import Operation
from deployer.review import Review
from deployer.source import Source, read_source
from deployments import Deployment
from problem import Problem, Refusal


def execute(
    review: Review, deployment: Deployment, clients: Clients, source: Source | None = None
) -> Operation:
    """Executes the review's change set; gives the operation that has begun, to be watched.

    ``source`` is what it must hold, if that is not the deployment's own template.
    The change set's name is the operation's token, so a repeated call never acts twice: one
    that is being executed already is only watched. Raises Refusal where something is not
    as reviewed.
    """
    source = source or read_source(deployment)
    guards.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    operation = _operation(review)
    if _status(cloudformation, review) == "EXECUTE_IN_PROGRESS":
        return operation
    if _has_begun(cloudformation, operation):
        raise Refusal(
            f"The change set {review.change_set.name} was executed already",
            "events of the stack carry its name",
            f"See how it ended: `{operation.resume}`",
        )
    binding.check_unchanged(review, source, clients)
    binding.check_same_findings(review, reviewing.again(review, source, clients))
    _begin(cloudformation, review, operation)
    return operation


def _operation(review: Review) -> Operation:
    return Operation(
        deployment=review.where.deployment,
        stack_id=review.where.stack_id,
        stack_name=review.where.stack_name,
        token=review.change_set.name,
        expected=len(review.resources) or None,
        descriptions={
            each.logical_id: each.description for each in review.resources if each.description
        },
    )


def _begin(cloudformation: Any, review: Review, operation: Operation) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        cloudformation.execute_change_set(
            ChangeSetName=review.change_set.arn, ClientRequestToken=operation.token
        )
    except (BotoCoreError, ClientError):
        # An answer that was lost made botocore ask again, and the first call had acted.
        executing = _status(cloudformation, review).startswith("EXECUTE")
        if not executing and not _has_begun(cloudformation, operation):
            raise


def _has_begun(cloudformation: Any, operation: Operation) -> bool:
    """Whether the stack already has events of the operation."""
    found = cloudformation.describe_stack_events(StackName=operation.stack_id)["StackEvents"]
    return any(event_of(each).token == operation.token for each in found)


def _status(cloudformation: Any, review: Review) -> str:
    """The change set's execution status; empty where it is gone."""
    from botocore.exceptions import ClientError

    try:
        arn = review.change_set.arn
        answer = change_set.describe(cloudformation, arn, values=False)
        return str(answer.get("ExecutionStatus", ""))
    except ClientError as error:
        if "ChangeSetNotFound" not in error.response["Error"]["Code"]:
            raise
        return ""


def latest(cloudformation: Any, deployment: Deployment) -> Operation:
    """The operation that a stack is in, or was in last; raises Problem where there is none."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(
        StackName=deployment.stack
    )
    for page in pages:
        for event in map(event_of, page["StackEvents"]):
            if event.is_of_stack and event.type == STACK and event.token:
                return Operation(
                    deployment=deployment.name,
                    stack_id=event.stack_id,
                    stack_name=deployment.stack,
                    token=event.token.removesuffix("-cancel"),
                )
    raise Problem(
        f"There is nothing to watch at {deployment.stack}",
        "none of its events belongs to an operation with a token",
        f"Begin one: `deploy.py review {deployment.name}`",
    )
