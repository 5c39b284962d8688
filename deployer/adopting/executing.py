"""Executing a renaming as it was proposed, and looking that nothing else has changed."""

from collections.abc import Iterator
from typing import Any

from deployer import guards
from deployer import stack as stacks
from deployer.adopting import deployed as deploying
from deployer.adopting import proposal, proposing, refactoring
from deployer.adopting.proposal import Renaming
from deployer.clients import Clients
from deployer.clock import Clock
from deployments import Deployment
from problem import Problem, Refusal


def execute(
    found: Renaming, deployment: Deployment, clients: Clients, clock: Clock, resume: str
) -> None:
    """Executes the refactoring and waits for its end; one that has begun is only awaited.

    ``resume`` is the command that does the latter. Raises Refusal where something is not as
    proposed, Problem where it failed or a resource is not what it was.
    """
    guards.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    status = refactoring.describe(cloudformation, found.refactor_id).get("ExecutionStatus", "")
    if status not in (*refactoring.UNDER_WAY, "EXECUTE_COMPLETE"):
        for what, then, now in _comparisons(found, deployment, clients):
            if then != now:
                raise Refusal(
                    f"The renaming is stale: {what} was {then or 'nothing'} and is"
                    f" {now or 'nothing'}",
                    "only what was proposed is executed",
                    f"Run `deploy.py adopt {found.where.deployment}` again",
                )
    refactoring.execute(cloudformation, found.refactor_id, clock, resume)
    _check_end(found, deployment, clients)


def _comparisons(
    found: Renaming, deployment: Deployment, clients: Clients
) -> Iterator[tuple[str, str, str]]:
    """What must still be so, as (what, then, now); cheap and local things first."""
    then, where, cloudformation = found.binding, found.where, clients("cloudformation")
    yield "the account", where.account, deployment.target.account
    yield "the region", where.region, clients.region
    yield f"the digest of {then.mapping}", then.mapping_digest, proposing.mapping_digest(deployment)
    stack = stacks.read(cloudformation, where.stack_id)
    yield "the stack", where.stack_id, stack.id
    yield "the stack's status", then.stack_status, stack.status
    yield "the stack's last update", then.stack_last_updated, stack.last_updated
    now = deploying.read(deployment, clients)
    yield "the digest of the deployed template", then.deployed_digest, now.template_digest
    answer = refactoring.describe(cloudformation, found.refactor_id)
    yield "the refactoring's status", "CREATE_COMPLETE", answer.get("Status", "")
    yield "its execution status", "AVAILABLE", answer.get("ExecutionStatus", "")
    actions = refactoring.actions(cloudformation, found.refactor_id)
    yield "the list of actions", then.actions_digest, proposal.digest_of_actions(actions)
    physical = {each.old: each.physical_id for each in found.renamed}
    names = {each.old: each.new for each in found.renamed}
    wrong = "; ".join(proposal.unexpected(actions, names, physical))
    yield "what the list says beside the renamings", "", wrong


def _check_end(found: Renaming, deployment: Deployment, clients: Clients) -> None:
    now: Any = deploying.read(deployment, clients).resources
    wrong = [
        f"{each.new} is {now[each.new].physical_id if each.new in now else 'not there'}"
        for each in found.renamed
        if each.new not in now or now[each.new].physical_id != each.physical_id
    ]
    if wrong:
        raise Problem(
            "The refactoring is complete, and the stack is not as it said",
            "; ".join(wrong),
            "Look at the stack's resources before anything else is done",
        )
