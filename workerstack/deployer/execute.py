"""Executing what was reviewed, and nothing else."""

from typing import Any

from workerstack.deployer import aws, binding, change_set, make_review
from workerstack.deployer.aws import WITHOUT_ANSWER, Clients, cause_of, code_of, sentence
from workerstack.deployer.operation import Operation, event_of
from workerstack.deployer.source import Source, read_source
from workerstack.deployments import Deployment
from workerstack.problem import Detached, Refusal
from workerstack.review.model import Review

STALE = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound"})
"""ExecuteChangeSet's answers for a change set that was made obsolete since it was checked."""

TAKEN = "TokenAlreadyExistsException"
"""ExecuteChangeSet's answer to a call that has acted: nobody else has this token."""


def execute(
    review: Review, deployment: Deployment, clients: Clients, *, source: Source | None = None
) -> Operation:
    """Executes the review's change set; gives the operation that has begun, to be watched.

    The change set's name is the operation's token, so a repeated call never acts twice: one
    that is being executed already, or was the last that happened to the stack, is only watched.
    ``source`` is what the review is of, where that is not the checkout's files.
    Raises Refusal where something is not as reviewed.
    """
    source = source or read_source(deployment)
    aws.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    operation = _operation(review)
    if _status(cloudformation, review) == "EXECUTE_IN_PROGRESS":
        return operation
    if acting := _tokens(cloudformation, review, operation):
        if acting[0] in (operation.token, operation.cancellation):
            return operation
        if operation.token in acting:
            raise Refusal(
                f"The change set {review.change_set.name} was executed already",
                "and the stack was changed again since",
                f"See what was last: `{operation.resume}`",
            )
    binding.check_unchanged(review, source, clients)
    binding.check_same_findings(review, make_review.review_again(review, source, clients))
    _begin(clients, review, operation)
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


def _begin(clients: Clients, review: Review, operation: Operation) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    cloudformation = clients("cloudformation")
    try:
        cloudformation.execute_change_set(
            ChangeSetName=review.change_set.arn, ClientRequestToken=operation.token
        )
    except KeyboardInterrupt:
        raise _unknown("you interrupted it at that moment") from None
    except (BotoCoreError, ClientError) as error:
        # An answer that was lost made botocore ask again, and the first call had acted.
        if _acted(clients, review, operation, error):
            return
        if code_of(error) in STALE:
            raise Refusal(
                f"The change set {review.change_set.name} cannot be executed any more",
                _message(error) or "another one was executed meanwhile",
                f"Run `deploy.py review {operation.deployment}` again",
            ) from error
        if cause_of(error) in WITHOUT_ANSWER:
            raise _unknown(_why(error)) from error
        raise


def _acted(clients: Clients, review: Review, operation: Operation, error: Exception) -> bool:
    """Whether a call that failed has acted all the same; raises Detached where nobody says."""
    from botocore.exceptions import BotoCoreError, ClientError

    if code_of(error) == TAKEN:
        return True
    cloudformation = clients("cloudformation")
    try:
        executing = _status(cloudformation, review).startswith("EXECUTE")
        return executing or operation.token in _tokens(cloudformation, review, operation)
    except (BotoCoreError, ClientError) as another:
        advice = ""
        if cause_of(another) == "credentials":
            advice = sentence(another, clients.profile).next_step
        raise _unknown(f"{_why(error)}; and then: {_why(another)}", advice) from another


def _unknown(why: str, advice: str = "") -> Detached:
    again = "Run the same command again: it watches what has begun, and never executes twice"
    return Detached(
        "It is not known whether the execution has begun",
        why,
        f"{advice}. {again}" if advice else again,
    )


def _why(error: Exception) -> str:
    told = sentence(error)
    return f"{told.what}, {told.why}"


def _message(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Message", ""))


def _tokens(cloudformation: Any, review: Review, operation: Operation) -> list[str]:
    """The tokens of all that happened since the change set was made, newest first.

    No stack, no events. AWS answers newest first, so older ones need not be read.
    """
    from botocore.exceptions import ClientError

    pages = cloudformation.get_paginator("describe_stack_events").paginate(
        StackName=operation.stack_id
    )
    found: dict[str, None] = {}
    try:
        for page in pages:
            events = [event_of(each) for each in page["StackEvents"]]
            since = [event for event in events if event.time >= review.change_set.created]
            found.update(dict.fromkeys(event.token for event in since))
            if len(since) < len(events):
                break
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
    return list(found)


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
