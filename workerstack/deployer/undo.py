"""Rolling back by CloudFormation itself, and deleting a stack that failed: only if asked."""

from collections.abc import Sequence
from typing import Any

from workerstack.deployer import stack_states
from workerstack.deployer.aws import Clients
from workerstack.deployer.change_set import random_token
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import Operation, token_of
from workerstack.deployer.stack import OWNER, StackDescription, resources
from workerstack.deployer.stack_states import DELETED, NEVER_LIVED, STUCK, TAKEN_BACK
from workerstack.deployments import Deployment
from workerstack.problem import Refusal


def check_continued(
    stack: StackDescription, deployment: Deployment, *, goes_on: bool, skip: Sequence[str]
) -> None:
    """Raises Refusal where ``--continue`` or ``--skip`` does not fit the stack's state."""
    if stack.status == STUCK and not goes_on:
        raise Refusal(
            f"{stack.name} is in {STUCK}",
            stack.reason or "a rollback failed half-way",
            f"Fix the cause that its events name (`deploy.py watch {deployment.name}`), then"
            f" `deploy.py rollback {deployment.name} --continue`; --skip LOGICAL_ID leaves out"
            " what cannot be fixed",
        )
    if stack.status != STUCK and (goes_on or skip):
        raise Refusal(
            f"{stack.name} is in {stack.status}",
            f"--continue and --skip are for {STUCK}",
            "Run the command without them",
        )


def begin_rollback(
    stack: StackDescription,
    deployment: Deployment,
    clients: Clients,
    clock: Clock,
    skip: Sequence[str],
    caller: str = "",
) -> Operation:
    """Begins the rollback, as ``caller`` (an ARN), and gives the operation, to be watched."""
    cloudformation = clients("cloudformation")
    token = f"rollback-{clock.now():%Y%m%dT%H%M%SZ}-{random_token()}"
    role = deployment.target.service_role
    request = {
        "StackName": stack.id,
        "ClientRequestToken": token_of(token, caller),
        **({"RoleARN": role} if role else {}),
    }
    # RollbackStack refuses this state, and ContinueUpdateRollback every other one.
    if stack.status == STUCK:
        skipped = {"ResourcesToSkip": list(skip)} if skip else {}
        cloudformation.continue_update_rollback(**request, **skipped)
    else:
        # What a failed creation leaves under its name makes the next attempt fail.
        cloudformation.rollback_stack(**request, RetainExceptOnCreate=True)
    return Operation(deployment.name, stack.id, stack.name, token, wanted=TAKEN_BACK)


def check_ours(stack: StackDescription, deployment: Deployment, retain: Sequence[str]) -> None:
    """Raises Refusal where it is not ours to delete, or must not be."""
    if stack.status not in NEVER_LIVED:
        raise Refusal(
            f"The stack {stack.name} is in {stack.status}",
            "only one whose creation or deletion failed is deleted by this tool",
            stack_states.next_step(stack.status, deployment.name),
        )
    if (stack.tags or {}).get(OWNER) != deployment.name:
        raise Refusal(
            f"The stack {stack.name} was not made by this tool",
            f"it has no tag {OWNER} that says {deployment.name}, and it is in {stack.status}",
            f"Whoever made it can delete it: `aws cloudformation delete-stack --stack-name"
            f" {stack.name}`",
        )
    if stack.answer.get("EnableTerminationProtection"):
        raise Refusal(
            f"The stack {stack.name} is protected from deletion",
            "somebody wants it to stay",
            "Turn the protection off in the console first, if that is a mistake",
        )
    if retain and stack.status != "DELETE_FAILED":
        raise Refusal(
            f"The stack {stack.name} is in {stack.status}",
            "CloudFormation keeps resources only when a deletion failed before",
            "Run the command without --retain",
        )


def remaining(cloudformation: Any, stack: StackDescription) -> list[str]:
    """What the stack still has, as ``LogicalId (type)``."""
    return [
        f"{each.logical_id} ({each.type})"
        for each in resources(cloudformation, stack.id)
        if each.physical_id
    ]


def begin_deletion(
    cloudformation: Any,
    stack: StackDescription,
    deployment: Deployment,
    clock: Clock,
    retain: Sequence[str] = (),
) -> Operation:
    """Begins the deletion and gives the operation, to be watched."""
    token = f"delete-{clock.now():%Y%m%dT%H%M%SZ}-{random_token()}"
    kept = {"RetainResources": list(retain)} if retain else {}
    role = deployment.target.service_role
    as_role = {"RoleARN": role} if role else {}
    cloudformation.delete_stack(StackName=stack.id, ClientRequestToken=token, **as_role, **kept)
    return Operation(deployment.name, stack.id, stack.name, token, wanted=DELETED)
