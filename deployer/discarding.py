"""Discarding a review: its change set, and the empty stack if we made it."""

from deployer import change_set, guards
from deployer import stack as stacks
from deployer.clients import Clients
from deployer.review import Review
from deployments import Deployment
from problem import Refusal


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
