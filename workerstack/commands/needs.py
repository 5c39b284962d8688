"""What a deployment needs, looked for by the commands that review and execute it."""

from typing import TYPE_CHECKING

from workerstack.deployer.aws_errors import explained
from workerstack.problem import Problem, Refusal

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.source import Source
    from workerstack.deployments import Deployment
    from workerstack.review.model import NeedAtReview, Review


def needs(
    deployment: "Deployment", clients: "Clients", source: "Source | None" = None
) -> "tuple[NeedAtReview, ...]":
    """Whether what a stack needs exists; one line where even that cannot be looked for.

    ``source`` is what to deploy instead of the checkout's files.
    """
    from workerstack.review.model import NeedAtReview
    from workerstack.verifier.preflight import preflight

    try:
        with explained(profile=clients.profile):
            found = preflight(deployment, clients, source)
    except Problem as problem:
        said = f"not known: {problem.what}, {problem.why}"
        return (NeedAtReview(id="needs", criterion="what the stack needs exists", status="SKIP",
                     evidence=said, next_step=problem.next_step),)  # fmt: skip
    return tuple(NeedAtReview(**vars(each)) for each in found)


def check_still_met(review: "Review", now: "tuple[NeedAtReview, ...]") -> None:
    """Raises Refusal where a need is not met any more that was met, or not known, at the review.

    What a review says of needs binds nothing, and approvers saw those that were not met: only
    what came since stands in the way.
    """
    seen = {(each.id, each.criterion) for each in review.needs if each.status == "FAIL"}
    gone = [each for each in now
            if each.status == "FAIL" and (each.id, each.criterion) not in seen]  # fmt: skip
    if not gone:
        return
    name = review.where.deployment
    said = "; ".join(f"{each.id}: {each.evidence}" for each in gone)
    steps = "; ".join(dict.fromkeys(each.next_step.rstrip(".") for each in gone))
    again = "rollback" if review.binding.origin else "review"
    raise Refusal(
        f"What {name} needs is not there any more",
        f"this is so since the review: {said}",
        f"{steps}. Then execute it again, or review it as it is: ./deploy.py {again} {name}",
    )
