"""Rolling back by CloudFormation itself: an update that failed, or a rollback that did."""

from collections.abc import Sequence

from deployer.change_set import random_token
from deployer.clients import Clients
from deployer.clock import Clock
from deployer.operation import Operation
from deployer.outcome import TAKEN_BACK
from deployer.stack import Stack
from deployments import Deployment
from problem import Refusal

STUCK = "UPDATE_ROLLBACK_FAILED"
"""Where ContinueUpdateRollback goes on (API reference)."""

FAILED = frozenset({"CREATE_FAILED", "UPDATE_FAILED", STUCK})
"""The states that CloudFormation rolls back when it is told to (API reference: RollbackStack)."""


def check_continued(
    stack: Stack, deployment: Deployment, *, goes_on: bool, skip: Sequence[str]
) -> None:
    """Raises Refusal where ``--continue`` or ``--skip`` does not fit the stack's state."""
    if stack.status == STUCK and not goes_on:
        raise Refusal(
            f"{stack.name} is in {STUCK}",
            stack.reason or "a rollback failed half-way",
            f"Mend what its events name (`deploy.py watch {deployment.name}`), then"
            f" `deploy.py rollback {deployment.name} --continue`; --skip LOGICAL_ID leaves out"
            " what cannot be mended",
        )
    if stack.status != STUCK and (goes_on or skip):
        raise Refusal(
            f"{stack.name} is in {stack.status}",
            f"--continue and --skip are for {STUCK}",
            "Run the command without them",
        )


def begin(
    stack: Stack, deployment: Deployment, clients: Clients, clock: Clock, skip: Sequence[str]
) -> Operation:
    """Begins the rollback and gives the operation, to be watched."""
    cloudformation = clients("cloudformation")
    token = f"rollback-{clock.now():%Y%m%dT%H%M%SZ}-{random_token()}"
    role = deployment.target.service_role
    request = {
        "StackName": stack.id,
        "ClientRequestToken": token,
        **({"RoleARN": role} if role else {}),
    }
    if stack.status == STUCK:
        skipped = {"ResourcesToSkip": list(skip)} if skip else {}
        cloudformation.continue_update_rollback(**request, **skipped)
    else:
        cloudformation.rollback_stack(**request)
    return Operation(deployment.name, stack.id, stack.name, token, wanted=TAKEN_BACK)
