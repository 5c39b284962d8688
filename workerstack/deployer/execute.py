"""Executing what was reviewed, and nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

from workerstack.deployer import aws, binding, change_set, make_review
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import WITHOUT_ANSWER, cause_of, code_of, sentence
from workerstack.deployer.change_set import Request
from workerstack.deployer.operation import Operation, event_of, token_of
from workerstack.deployer.source import Source, read_source
from workerstack.deployer.stack import StackDescription
from workerstack.deployments import Deployment
from workerstack.problem import Detached, Refusal
from workerstack.review.model import Review

STALE = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound"})
"""ExecuteChangeSet's answers for a change set that was made obsolete since it was checked."""

TAKEN = "TokenAlreadyExistsException"
"""ExecuteChangeSet's answer to a call that has acted: nobody else has this token."""


Ask = Callable[[StackDescription, str], Request]
"""What would be asked of CreateChangeSet, for a stack and the change set's name."""


def execute(
    review: Review,
    deployment: Deployment,
    clients: Clients,
    *,
    source: Source | None = None,
    ask: Ask | None = None,
    check_needs: Callable[[], None] = lambda: None,
) -> Operation:
    """Executes the review's change set; gives the operation that has begun, to be watched.

    The change set's name is the operation's token, so a repeated call never acts twice: one
    that is being executed already, or was the last that happened to the stack, is only watched.
    ``source`` is what the review is of, where that is not the checkout's files, and ``ask`` what
    is asked of AWS for it; ``check_needs`` raises where what it needs is gone. Raises Refusal
    where something is not as reviewed.
    """
    source = source or read_source(deployment)
    cloudformation = clients("cloudformation")
    stack, plain = binding.select(review, deployment, clients)
    operation = _operation(review, source, stack, plain)
    # Asked before the comparison: a change set that is being executed has changed the stack
    # already, so it would never be as it was reviewed.
    if plain is not None and plain.get("ExecutionStatus") == "EXECUTE_IN_PROGRESS":
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
    if plain is None:
        raise binding.gone(review, stack)
    request = (ask or asked(review, source, clients))(stack, operation.token)
    binding.check_unchanged(review, source, stack, request, plain, cloudformation)
    where = review.where.model_copy(update={"stack_id": stack.id})
    # Last, since it asks most of AWS: not worth its time where something differs already.
    now, steady = make_review.review_again(clients, source, stack, plain, where, request)
    binding.check_same(review, now, steady)
    # Only of what is about to begin: an execution that is merely watched again needs nothing more.
    check_needs()
    _begin(clients, review, operation, caller=aws.identify(deployment, clients))
    return operation


def asked(review: Review, source: Source, clients: Clients) -> Ask:
    """What is asked for a review of a source; what a person chose then is told by the file.

    It stands in the change set's description, too, and is compared with that.
    """
    return lambda stack, name: change_set.requested(
        clients,
        source,
        stack,
        name=name,
        revert_drift=review.binding.mode == change_set.REVERT_DRIFT,
        consents=review.allowed,
    )


def _operation(
    review: Review, source: Source, stack: StackDescription, plain: Mapping[str, Any] | None
) -> Operation:
    return Operation(
        deployment=source.deployment.name,
        stack_id=stack.id,
        stack_name=source.deployment.stack,
        token=review.change_set.name,
        expected=len(plain["Changes"]) or None if plain else None,
        descriptions=source.descriptions(),
    )


def _begin(clients: Clients, review: Review, operation: Operation, *, caller: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    cloudformation = clients("cloudformation")
    try:
        cloudformation.execute_change_set(
            ChangeSetName=review.change_set.arn,
            ClientRequestToken=token_of(operation.token, caller),
            # What a failure leaves under its name would make the next attempt fail (API reference).
            **({} if review.adoption else {"RetainExceptOnCreate": True}),
        )
    # The request may have left this machine: neither "executed" nor "not executed" would be true.
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
        # The status may be late, and the change set may be gone by now: the stack's events carry
        # the token.
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
    answer = change_set.described(cloudformation, review.change_set.arn)
    return str((answer or {}).get("ExecutionStatus", ""))
