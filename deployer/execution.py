"""Executing what was reviewed, and nothing else."""

from typing import Any

from deployer import binding, change_set, guards, reviewing
from deployer.clients import Clients
from deployer.events import event_of
from deployer.operation import Operation
from deployer.review import Review
from deployer.source import Source, read_source
from deployments import Deployment
from problem import Refusal

STALE = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound"})
"""ExecuteChangeSet's answers for a change set that was made obsolete since it was checked."""


def execute(
    review: Review, deployment: Deployment, clients: Clients, *, source: Source | None = None
) -> Operation:
    """Executes the review's change set; gives the operation that has begun, to be watched.

    The change set's name is the operation's token, so a repeated call never acts twice: one
    that is being executed already is only watched. ``source`` is what the review is of, where
    that is not the checkout's files. Raises Refusal where something is not
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
    except KeyboardInterrupt:
        raise operation.left("you interrupted it while it began, if it has") from None
    except (BotoCoreError, ClientError) as error:
        # An answer that was lost made botocore ask again, and the first call had acted.
        executing = _status(cloudformation, review).startswith("EXECUTE")
        if executing or _has_begun(cloudformation, operation):
            return
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in STALE:
            raise Refusal(
                f"The change set {review.change_set.name} cannot be executed any more",
                error.response["Error"].get("Message", "") or "another one was executed meanwhile",
                f"Run `deploy.py review {operation.deployment}` again",
            ) from error
        raise


def _has_begun(cloudformation: Any, operation: Operation) -> bool:
    """Whether the stack already has events of the operation; no stack, no events."""
    from botocore.exceptions import ClientError

    try:
        found = cloudformation.describe_stack_events(StackName=operation.stack_id)["StackEvents"]
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
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
