"""What binds a review to its execution: everything that must still be as it was reviewed."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from workerstack.deployer import answers, change_set
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.source import Source, digest
from workerstack.deployer.stack import Stack
from workerstack.problem import Refusal
from workerstack.review.model import Binding, Finding, Review


def bind(source: Source, stack: Stack, plain: Mapping[str, Any]) -> Binding:
    """What a review of this change set is bound to."""
    return Binding(
        template=source.file,
        template_digest=source.template_digest,
        parameters_digest=source.parameters_digest,
        not_bound=source.not_bound,
        stack_status="REVIEW_IN_PROGRESS" if stack.is_new else stack.status,
        stack_last_updated="" if stack.is_new else stack.last_updated,
        changes_digest=answers.digest_of_changes(plain),
        origin=source.origin,
    )


def check_allowed(review: Review, allowed: Collection[str]) -> None:
    """Raises Refusal while a blocking finding is not allowed by its own name."""
    again = f"Run `deploy.py review {review.where.deployment}` again"
    if review.predicted:
        raise Refusal(
            "This review was predicted from templates",
            "there is no change set that could be executed",
            again,
        )
    known = {finding.allowed_by for finding in review.findings if finding.level == "blocking"}
    for name in sorted(set(allowed) - known):
        raise Refusal(
            f"There is no blocking finding {name}",
            f"the review has {', '.join(sorted(known)) or 'none'}",
            "Allow only what the review names",
        )
    refused = [each for each in _blocking(review) if each.allowed_by not in allowed]
    if refused:
        raise Refusal(
            f"Blocked by {', '.join(each.allowed_by for each in refused)}",
            "; ".join(each.what for each in refused),
            "Mend it and review again, or let it through by name: "
            + " ".join(f"--allow {each.allowed_by}" for each in refused),
        )


def _blocking(review: Review) -> Iterator[Finding]:
    return (finding for finding in review.findings if finding.level == "blocking")


def check_same_findings(review: Review, now: Review) -> None:
    """Raises Refusal where the change set is now judged to block what the review does not."""
    new = {each.allowed_by for each in _blocking(now)} - {
        each.allowed_by for each in _blocking(review)
    }
    if new:
        raise Refusal(
            f"The review does not have the blocking {', '.join(sorted(new))}",
            "the account has changed since, or the file was edited",
            f"Run `deploy.py review {review.where.deployment}` again",
        )


def check_unchanged(review: Review, source: Source, clients: Clients) -> None:
    """Raises Refusal, naming the difference, where something is not as it was reviewed."""
    for what, then, now in _comparisons(review, source, clients):
        if then != now:
            raise Refusal(
                f"The review is stale: {what} was {then or 'nothing'} and is {now or 'nothing'}",
                "only what was reviewed is executed",
                f"Run `deploy.py review {review.where.deployment}` again",
            )


def _comparisons(
    review: Review, source: Source, clients: Clients
) -> Iterator[tuple[str, str, str]]:
    """What must still be so, as (what, then, now); cheap and local things first."""
    then, where, cloudformation = review.binding, review.where, clients("cloudformation")
    yield "the account", where.account, source.deployment.target.account
    yield "the region", where.region, clients.region
    yield f"the digest of {then.template}", then.template_digest, source.template_digest
    yield "the digest of the params file", then.parameters_digest, source.parameters_digest
    stack = stacks.read(cloudformation, where.stack_id)
    yield "the stack", where.stack_id, stack.id
    yield "the stack's status", then.stack_status, stack.status
    if not stack.is_new:
        yield "the stack's last update", then.stack_last_updated, stack.last_updated
    plain = _described(review, cloudformation)
    yield "the change set", review.change_set.arn, plain["ChangeSetId"]
    yield "the change set's status", "CREATE_COMPLETE", plain["Status"]
    yield "its execution status", "AVAILABLE", plain.get("ExecutionStatus", "")
    yield "the list of changes", then.changes_digest, answers.digest_of_changes(plain)
    held = cloudformation.get_template(
        StackName=where.stack_id, ChangeSetName=review.change_set.arn, TemplateStage="Original"
    )["TemplateBody"]
    yield "the change set's template", then.template_digest, digest(held)


def _described(review: Review, cloudformation: Any) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        return change_set.describe(cloudformation, review.change_set.arn, values=False)
    except ClientError as error:
        if "ChangeSetNotFound" not in error.response["Error"]["Code"]:
            raise
        raise Refusal(
            f"The change set {review.change_set.name} is gone",
            "it was deleted, or made obsolete by another one",
            f"Run `deploy.py review {review.where.deployment}` again",
        ) from error
