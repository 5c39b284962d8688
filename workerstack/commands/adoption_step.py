"""A step of an adoption, executed: what is beside a review of out/."""

from collections.abc import Collection
from pathlib import Path

from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.execute import Ask
from workerstack.deployer.source import Source
from workerstack.deployments import Deployment
from workerstack.output import say
from workerstack.problem import as_typed
from workerstack.review.model import Consent, Review
from workerstack.review.renaming import Renaming


def derived(
    deployment: Deployment, clients: Clients, consents: Collection[Consent]
) -> tuple[Source, Ask]:
    """What the step that is next makes of the template as it is deployed now.

    Which step that is, is read off the mapping's file and the stack, and never off the review.
    """
    from workerstack.adopter import advance, deployed_template

    source, names = advance.next_source(deployment, deployed_template.read(deployment, clients))
    return source, lambda stack, name: advance.requested(
        clients, source, stack, name, names, consents
    )


def rename(found: Renaming, deployment: Deployment, clients: Clients, file: Path) -> int:
    """Executes the refactoring; says what has its name now."""
    from workerstack.adopter import refactor

    resume = f"./deploy.py execute {as_typed(file)}"
    refactor.execute_renaming(found, deployment, clients, Clock(), resume)
    for each in found.renamed:
        say(f"  {each.old} is {each.new}: {each.physical_id}")
    say(f"Renamed {len(found.renamed)} resources of {found.where.stack_name}.")
    return ended(found, 0)


def ended(found: Review | Renaming, code: int) -> int:
    """Says what is next; after a good end, that is the next step, or the review of out/."""
    if code == 0:
        say("Go on with", f"    ./deploy.py adopt {found.where.deployment}")
    return code
