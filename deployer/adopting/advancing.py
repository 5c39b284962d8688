"""The next step of an adoption, proposed; nothing is changed but the mapping's file."""

from dataclasses import replace

from deployer.adopting import change_sets, mapping_file, proposing
from deployer.adopting.planning import Plan
from deployer.adopting.proposal import Renaming
from deployer.clients import Clients
from deployer.clock import Clock
from deployer.review import Review


def advance(
    plan: Plan, clients: Clients, clock: Clock, caller: str
) -> tuple[Plan, Renaming | Review | None]:
    """The plan as it was written down, and its next step: a renaming, or a change set.

    None where everything has our names. Raises CannotRefactor where a type must be imported.
    """
    step, _ = plan.step
    if step == "rename":
        proposing.check_movable(plan, clients("cloudformation"))
    if step == "remove":
        plan = replace(plan, mapping=change_sets.with_bodies(plan))
    mapping_file.write(plan.mapping, plan.source.deployment)
    if step == "done":
        return plan, None
    propose = proposing.propose if step == "rename" else change_sets.propose
    return plan, propose(plan, clients, clock, caller)
