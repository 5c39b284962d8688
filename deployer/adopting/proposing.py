"""The renaming, proposed to CloudFormation and bound to what was seen; nothing is changed."""

import hashlib
from collections.abc import Mapping
from typing import Any

from deployer.adopting import mapping_file, proposal, refactoring
from deployer.adopting.checking import check_no_policy, immovable
from deployer.adopting.planning import Plan
from deployer.adopting.proposal import Bound, Renamed, Renaming
from deployer.bound import Where
from deployer.clients import Clients
from deployer.clock import Clock
from deployer.source import Source
from deployer.stack import OWNER
from deployer.template_store import placed
from deployments import Deployment
from problem import Refusal


class CannotRefactor(Refusal):
    """Resources that CloudFormation cannot refactor; ``names`` are ours."""

    def __init__(self, deployment: str, refused: Mapping[str, str]) -> None:
        options = " ".join(f"--import {ours}" for ours in refused)
        super().__init__(
            f"CloudFormation cannot refactor {', '.join(refused)}",
            "; ".join(f"{ours}: {why}" for ours, why in refused.items()),
            "Have them retained, removed from the stack and imported again, in reviewed steps"
            f" (`deploy.py adopt {deployment} {options}`), or leave them out"
            f" (--map {next(iter(refused))}=), so that new ones are made",
        )
        self.names = tuple(refused)


def check_movable(plan: Plan, cloudformation: Any) -> None:
    """Raises CannotRefactor for a type that the registry excludes, Refusal for a policy."""
    check_no_policy(plan.deployed, cloudformation)
    kinds = {ours: plan.mapping.resources[ours].type for ours in plan.names.values()}
    why = immovable(kinds.values(), cloudformation)
    refused = {ours: why[kind] for ours, kind in kinds.items() if kind in why}
    if refused:
        raise CannotRefactor(plan.source.deployment.name, refused)


def propose(plan: Plan, clients: Clients, clock: Clock, caller: str) -> Renaming:
    """Makes the refactoring and reads it; raises CannotRefactor where it refuses a type.

    Raises Refusal where the service would do another thing than rename what was mapped.
    """
    cloudformation, deployed = clients("cloudformation"), plan.deployed
    source, deployment = as_source(plan), plan.source.deployment
    refactor = refactoring.create(
        cloudformation,
        deployed.stack.name,
        placed(source, clients),
        plan.names,
        f"{deployment.name} of {OWNER}, template {source.template_digest[:8]}",
    )
    entries = plan.mapping.resources
    try:
        refactoring.wait_created(cloudformation, refactor, clock)
    except refactoring.Unsupported as error:
        names = plan.names.values()
        refused = {ours: error.why for ours in names if entries[ours].type == error.kind}
        if not refused:
            raise
        raise CannotRefactor(deployment.name, refused) from error
    actions = refactoring.actions(cloudformation, refactor)
    physical = {old: deployed.resources[old].physical_id for old in plan.names}
    wrong = list(proposal.unexpected(actions, plan.names, physical))
    if wrong:
        raise Refusal(
            "The refactoring would not do what was asked for",
            "; ".join(wrong),
            "Correct the mapping and adopt again; nothing was changed",
        )
    return Renaming(
        where=Where(
            deployment=deployment.name,
            account=deployment.target.account,
            region=clients.region,
            caller=caller,
            stack_name=deployed.stack.name,
            stack_id=deployed.stack.id,
        ),
        refactor_id=refactor,
        renamed=tuple(
            Renamed(
                old=old, new=new, type=entries[new].type, physical_id=physical[old],
                certainty=entries[new].certainty, because=entries[new].because,
            )
            for old, new in plan.names.items()
        ),
        binding=Bound(
            mapping=mapping_name(deployment),
            mapping_digest=mapping_digest(deployment),
            deployed_digest=deployed.template_digest,
            template_digest=source.template_digest,
            stack_status=deployed.stack.status,
            stack_last_updated=deployed.stack.last_updated,
            actions_digest=proposal.digest_of_actions(actions),
        ),
    )  # fmt: skip


def as_source(plan: Plan) -> Source:
    """The renamed template, ready to be sent."""
    source = plan.source
    return Source(
        source.deployment, plan.deployed.file, plan.renamed, plan.deployed.template, {}
    )  # fmt: skip


def mapping_name(deployment: Deployment) -> str:
    """The mapping's file as people write it."""
    return f"params/{deployment.environment}/adopt/{deployment.stack}.yaml"


def mapping_digest(deployment: Deployment) -> str:
    """SHA-256 of the mapping's file; of nothing where there is none."""
    file = mapping_file.path(deployment)
    return hashlib.sha256(file.read_bytes() if file.exists() else b"").hexdigest()
