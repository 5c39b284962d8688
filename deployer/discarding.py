"""Discarding change sets of ours: that of a review, or all that wait; and an empty stack."""

from deployer import change_set, guards
from deployer import stack as stacks
from deployer.clients import Clients
from deployer.review import Review
from deployments import Deployment
from problem import Refusal


def waiting(deployment: Deployment, clients: Clients) -> list[tuple[str, str]]:
    """The deployment's change sets that nobody executed, as (name, ARN), oldest first.

    Ours are told by their description; those of somebody else are not listed.
    """
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, deployment.stack)
    if stack.status == "ABSENT":
        return []
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack.id)
    found = sorted(
        (
            each
            for page in pages
            for each in page["Summaries"]
            if str(each.get("Description", "")).startswith(f"{deployment.name} of {stacks.OWNER},")
            and not str(each.get("ExecutionStatus", "")).startswith("EXECUTE")
        ),
        key=lambda each: str(each["CreationTime"]),
    )
    return [(each["ChangeSetName"], each["ChangeSetId"]) for each in found]


def discard_waiting(deployment: Deployment, clients: Clients) -> list[str]:
    """Deletes all of them, and the empty stack if we made it; what that was, in sentences."""
    cloudformation = clients("cloudformation")
    found = []
    for name, arn in waiting(deployment, clients):
        change_set.delete(cloudformation, arn)
        found.append(f"Deleted the change set {name}.")
    stack = stacks.read(cloudformation, deployment.stack)
    if change_set.delete_shell(cloudformation, stack):
        found.append(f"Deleted the empty stack {stack.name}.")
    return found


def discard(review: Review, deployment: Deployment, clients: Clients) -> str:
    """Deletes what the review left in AWS and says what that was."""
    from botocore.exceptions import ClientError

    guards.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    arn = review.change_set.arn
    try:
        status = change_set.describe(cloudformation, arn, values=False).get("ExecutionStatus", "")
        if status.startswith("EXECUTE"):
            raise Refusal(
                f"The change set {review.change_set.name} is in {status}",
                "it is no longer a proposal",
                "Review again to change the stack back",
            )
        change_set.delete(cloudformation, arn)
    except ClientError as error:
        if "ChangeSetNotFound" not in error.response["Error"]["Code"]:
            raise
        return f"The change set {review.change_set.name} was already gone."
    stack = stacks.read(cloudformation, review.where.stack_id)
    if change_set.delete_shell(cloudformation, stack):
        return f"Deleted the change set {review.change_set.name} and the empty stack {stack.name}."
    return f"Deleted the change set {review.change_set.name}."
