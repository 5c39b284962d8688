"""What is asked before a command acts, each question here; without a yes nothing is done.

Where nobody can answer, `--yes` is the answer.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workerstack.output import confirm
from workerstack.problem import Refusal

if TYPE_CHECKING:
    from workerstack.deployer.stack import StackDescription
    from workerstack.deployments import Deployment
    from workerstack.review.model import Review
    from workerstack.review.renaming import Renaming
    from workerstack.verifier.smoke import SmokePlan


def before_making_a_change_set(deployment: "Deployment") -> None:
    """Whether the caller's account and region are meant, where no file says them."""
    if deployment.of_file:
        where = f"{deployment.target.account}, {deployment.target.region}"
        _ask(f"Make a change set for {deployment.stack} in {where}", "nothing was made")


def before_importing_instead() -> bool:
    """Whether what cannot be renamed is retained, removed and imported; a no leaves the refusal.

    No `--yes` answers it: it is another way than the one that was asked for.
    """
    return confirm("Retain, remove and import them instead")


def before_executing(review: "Review | Renaming") -> None:
    """Whether what was reviewed is executed, with its counts and its place."""
    from workerstack.review.renaming import Renaming
    from workerstack.review.show.words import counts

    what = f"{len(review.renamed)} to rename" if isinstance(review, Renaming) else counts(review)
    where = f"{review.where.stack_name} in {review.where.account}, {review.where.region}"
    _ask(f"Execute on {where}: {what}", "nothing was executed")


def before_rolling_back(stack: "StackDescription", skip: Sequence[str]) -> None:
    """Whether a stack that failed is rolled back, without the resources of ``skip``."""
    without = f", without {', '.join(skip)}" if skip else ""
    _ask(f"Roll back {stack.name}, which is in {stack.status}{without}", "nothing was rolled back")


def before_deleting_change_sets(names: Sequence[str]) -> None:
    """Whether all that are pending are deleted."""
    _ask(f"Delete {', '.join(names)}", "no change set was deleted")


def before_deleting_a_stack(stack: "StackDescription") -> None:
    """Whether a stack goes of which the creation failed."""
    _ask(f"Delete the stack {stack.name}", "nothing was deleted")


def before_a_smoke_test(plan: "SmokePlan", where: str) -> None:
    """Whether a message is sent, with all that is done for it."""
    _ask(f"On {where}: {plan.sentence()}", f"no message was sent to {plan.queue_url}")


def before_putting_back(what: str, perhaps: str) -> None:
    """Whether what a smoke test left that was killed is put back."""
    _ask(f"Put back {what}: perhaps {perhaps}", "nothing was put back", "Answer yes, or pass --yes")


def _ask(
    question: str,
    otherwise: str,
    next_step: str = "Run it on a terminal and answer yes, or pass --yes",
) -> None:
    """Raises Refusal without a yes, and where nobody can answer.

    ``otherwise`` says what was not done.
    """
    if not confirm(question):
        raise Refusal("Not confirmed", otherwise, next_step)
