"""Discarding change sets of ours: that of a review, or all that wait; and an empty stack."""

from typing import Any

from workerstack.deployer import binding, change_set
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployments import Deployment
from workerstack.problem import Refusal
from workerstack.review.model import Review


def waiting(deployment: Deployment, clients: Clients) -> list[tuple[str, str]]:
    """The deployment's change sets that nobody executed, as (name, ARN), oldest first.

    Ours are told by their name, their description and the stack's tag; those of somebody else are
    not listed.
    """
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, deployment.stack)
    stacks.check_owner(stack, deployment.name)
    if stack.status == "ABSENT":
        return []
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack.id)
    found = sorted(
        (
            each
            for page in pages
            for each in page["Summaries"]
            if change_set.NAME.fullmatch(each["ChangeSetName"])
            and str(each.get("Description", "")).startswith(f"{deployment.name} of {stacks.OWNER},")
            and not str(each.get("ExecutionStatus", "")).startswith("EXECUTE")
        ),
        key=lambda each: str(each["CreationTime"]),
    )
    return [(each["ChangeSetName"], each["ChangeSetId"]) for each in found]


def discard_waiting(deployment: Deployment, clients: Clients) -> list[str]:
    """Deletes all of them, and the empty stack if we made it; what that was, in sentences."""
    cloudformation = clients("cloudformation")
    deleted = waiting(deployment, clients)
    for _, arn in deleted:
        change_set.delete(cloudformation, arn)
    found = [f"Deleted the change set {name}." for name, _ in deleted]
    stack = stacks.read(cloudformation, deployment.stack)
    if change_set.delete_shell(cloudformation, stack, [arn for _, arn in deleted]):
        found.append(f"Deleted the empty stack {stack.name}.")
    return found


def discard(review: Review, deployment: Deployment, clients: Clients) -> str:
    """Deletes what the review left in AWS and says what that was.

    Raises Refusal where the change set is not the one that the review shows, or is not ours.
    """
    cloudformation = clients("cloudformation")
    found = binding.select(review, deployment, clients)
    name = review.change_set.name
    deleted = _deleted(cloudformation, review, found)
    said = f"Deleted the change set {name}" if deleted else f"The change set {name} was gone"
    # The command may have been cut off between the two.
    stack = stacks.read(cloudformation, deployment.stack)
    if stack.id != review.where.stack_id:
        return f"{said}."
    if change_set.delete_shell(cloudformation, stack, [review.change_set.arn]):
        return f"{said}, and the empty stack {stack.name} is deleted."
    return f"{said}."


def _deleted(cloudformation: Any, review: Review, found: binding.Selected) -> bool:
    """Whether the change set was there to be deleted; raises Refusal for an executed one."""
    if found.plain is None:
        return False
    status = str(found.plain.get("ExecutionStatus", ""))
    if status.startswith("EXECUTE"):
        raise Refusal(
            f"The change set {review.change_set.name} is in {status}",
            "it is no longer a proposal",
            "Review again to change the stack back",
        )
    binding.check_selected(review, found)
    change_set.delete(cloudformation, review.change_set.arn)
    return True
