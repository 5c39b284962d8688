"""Change sets: created, awaited, described in full, deleted. Always by ARN once it is known."""

import re
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of, explained
from workerstack.deployer.clock import Clock
from workerstack.deployer.patience import Patience
from workerstack.deployer.source import Source, placed
from workerstack.deployer.stack import OWNER, StackDescription
from workerstack.deployer.stack_states import SHELL
from workerstack.output import say
from workerstack.problem import Problem, Refusal
from workerstack.review.model import Consent

PREFIX = "review-"
NAME = re.compile(rf"{PREFIX}(\d{{8}}T\d{{6}}Z)-([0-9a-f]{{8}})(?:-([0-9a-f]{{8}}))?-[0-9a-f]{{4}}")
"""A change set of ours: when it was made, and how the digests of template and values begin.

Those of before had no digest of the values.
"""

ARN = re.compile(r"arn:[a-z-]+:cloudformation:([a-z0-9-]+):(\d{12}):changeSet/([^/]+)/[^/]+")
"""A change set's ARN: region, account and name."""

NO_CHANGES = ("didn't contain changes", "no updates are to be performed")
"""The two wordings for "nothing to do", lower case; they count only when FAILED."""

REVERT_DRIFT = "REVERT_DRIFT"
LONGEST_DESCRIPTION = 1024
"""Characters of a change set's description (API reference: CreateChangeSet)."""

PENDING = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS"})
EXPANDS = frozenset({"CAPABILITY_AUTO_EXPAND"})

Token = Callable[[], str]


class NamedDigests(NamedTuple):
    """What the name of a change set of ours says; ``values`` is empty in one of before."""

    made: datetime
    template: str
    values: str

    def fits(self, source: Source) -> bool:
        """Whether a source may be what was deployed under this name."""
        return source.template_digest.startswith(self.template) and (
            source.values_digest.startswith(self.values)
        )


def told(name: str) -> NamedDigests | None:
    """What a change set's name says; None where it is not one of ours."""
    found = NAME.fullmatch(name)
    if not found:
        return None
    made = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return NamedDigests(made, found[2], found[3] or "")


def random_token() -> str:
    """Four random hexadecimal digits, so that two names never collide."""
    return secrets.token_hex(2)


Request = dict[str, Any]
"""What CreateChangeSet is asked for."""


def requested(
    clients: Clients,
    source: Source,
    stack: StackDescription,
    *,
    name: str,
    revert_drift: bool = False,
    consents: Collection[Consent] = (),
) -> Request:
    """What is asked of CreateChangeSet for this source, with each value spelled out.

    ``name`` is also the idempotency token: a repeated call makes no second change set.
    ``revert_drift``: what was changed by hand is put back as well, where the API can.
    The stack's tags are those of the params file; a new stack is marked as ours.
    Pure but for questions: an execution asks anew, and compares.
    """
    cloudformation, template = clients("cloudformation"), placed(source, clients)
    ours = {OWNER: source.deployment.name} if stack.is_new or stack.is_ours else {}
    # Ours last: a tag of the params file with this name would let another deployment delete it.
    tags = {**source.deployment.tags, **ours}
    return dict(
        # The service takes a name only for a stack that is still to be created.
        StackName=stack.name if stack.is_new else stack.id,
        ChangeSetName=name,
        ClientToken=name,
        ChangeSetType="CREATE" if stack.is_new else "UPDATE",
        Description=description(source, revert_drift=revert_drift, consents=consents),
        **template,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in sorted(source.values().items())
        ],
        Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        Capabilities=capabilities(cloudformation, source, template),
        **({"DeploymentMode": REVERT_DRIFT} if revert_drift else {}),
        **target_options(source),
    )


def description(
    source: Source, *, revert_drift: bool = False, consents: Collection[Consent] = ()
) -> str:
    """What the change set says of itself, so that AWS keeps what it does not answer otherwise.

    DescribeChangeSet tells no role (API reference). Raises Problem where it becomes too long.
    """
    role = source.deployment.target.service_role
    by: dict[str, list[str]] = {}
    for each in consents:
        by.setdefault(each.by, []).append(each.finding)
    parts = [
        f"{source.deployment.name} of {OWNER}",
        *([f"adoption: {source.adoption}"] if source.adoption else []),
        f"template {source.template_digest[:8]}",
        *([f"as of {source.origin}"] if source.origin else []),
        *([f"role {role}"] if role else []),
        *(["puts drift back"] if revert_drift else []),
        *(f"{' '.join(sorted(names))} let through by {whom}" for whom, names in by.items()),
    ]
    text = ", ".join(parts)
    if len(text) > LONGEST_DESCRIPTION:
        raise Problem(
            "The change set's description becomes too long",
            f"it names what is let through, and holds {LONGEST_DESCRIPTION} characters",
            "Let fewer findings through in the review, and the others when it is executed",
        )
    return text


def submit(cloudformation: Any, request: dict[str, Any]) -> str:
    """Asks for the change set, once, however often an answer is lost; gives its ARN."""
    from botocore.exceptions import ClientError

    try:
        return str(cloudformation.create_change_set(**request)["Id"])
    except ClientError as error:
        # The name is unique: it exists where an answer was lost and botocore asked again.
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        name, stack = request["ChangeSetName"], request["StackName"]
        found = cloudformation.describe_change_set(ChangeSetName=name, StackName=stack)
        return str(found["ChangeSetId"])


def change_set_name(source: Source, clock: Clock, token: Token = random_token) -> str:
    """``review-<UTC time>-<template digest>-<values digest>-<random>``: when, what, and unique.

    It is the execution's token, too, so that the stack's events say what was deployed.
    """
    what = f"{source.template_digest[:8]}-{source.values_digest[:8]}"
    return f"{PREFIX}{clock.now():%Y%m%dT%H%M%SZ}-{what}-{token()}"


def capabilities(cloudformation: Any, source: Source, template: Mapping[str, str]) -> list[str]:
    """What a template, as it is sent, needs and no more; never the right to expand macros."""
    summary = cloudformation.get_template_summary(**template)
    needed = set(summary.get("Capabilities", ()))
    # The summary finds macros deep in the template as well; a section is refused even where no
    # capability is asked for.
    if needed & EXPANDS or source.template.get("Transform"):
        raise Refusal(
            f"{source.file} has a transform",
            "what a macro makes of it cannot be reviewed here",
            "Generate plain CloudFormation",
        )
    return sorted(needed)


def target_options(source: Source) -> dict[str, Any]:
    """What ``target.yaml`` says of service role, notifications and rollback."""
    target = source.deployment.target
    options: dict[str, Any] = {}
    if target.service_role:
        options["RoleARN"] = target.service_role
    if target.notification_topics:
        options["NotificationARNs"] = list(target.notification_topics)
    if target.rollback_alarms:
        options["RollbackConfiguration"] = {
            "RollbackTriggers": [
                {"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in target.rollback_alarms
            ],
            "MonitoringTimeInMinutes": target.rollback_minutes,
        }
    return options


def awaited(clients: Clients, arn: str, clock: Clock, resume: str) -> Mapping[str, Any]:
    """As ``wait``; raises Detached where the connection was lost for good.

    ``resume`` is the command to run then; it makes another change set, and offers to delete
    this one.
    """
    goes_on = "AWS goes on making the change set, and executes nothing. Run again"
    with explained(resume, goes_on=goes_on, profile=clients.profile):
        return wait(clients("cloudformation"), arn, clock)


def wait(cloudformation: Any, arn: str, clock: Clock) -> Mapping[str, Any]:
    """The plain answer, all pages, once the change set is made or has failed."""
    from botocore.exceptions import BotoCoreError, ClientError

    waits, patience = clock.waits(), Patience()
    status = "CREATE_PENDING"
    while True:
        try:
            answer = describe(cloudformation, arn, values=False)
            patience.answered()
            status = answer["Status"]
            if status not in PENDING:
                return answer
        except (BotoCoreError, ClientError) as error:
            if "ChangeSetNotFound" in code_of(error):
                raise Problem(
                    "The change set is gone",
                    "somebody deleted it while it was made",
                    "Review again",
                ) from error
            patience.bear(error)
        if not waits.wait():
            raise Problem(
                "The change set is still being made",
                f"it is in {status}",
                f"Look at it in the console, or discard it: {arn}",
            )


def described(cloudformation: Any, arn: str) -> dict[str, Any] | None:
    """The plain answer, all pages; None where the change set is gone."""
    from botocore.exceptions import ClientError

    try:
        return describe(cloudformation, arn, values=False)
    except ClientError as error:
        if "ChangeSetNotFound" not in error.response["Error"]["Code"]:
            raise
        return None


def describe(cloudformation: Any, arn: str, *, values: bool) -> dict[str, Any]:
    """One description of a change set, the changes of all its pages together."""
    options = {"IncludePropertyValues": True} if values else {}
    answer = dict(cloudformation.describe_change_set(ChangeSetName=arn, **options))
    changes = list(answer.get("Changes", ()))
    token = answer.get("NextToken")
    while token:
        page = cloudformation.describe_change_set(ChangeSetName=arn, NextToken=token, **options)
        changes += page.get("Changes", ())
        token = page.get("NextToken")
    return {**answer, "Changes": changes}


def is_empty(answer: Mapping[str, Any]) -> bool:
    """Whether the change set failed only because there is nothing to change."""
    reason = (answer.get("StatusReason") or "").lower()
    return answer["Status"] == "FAILED" and any(words in reason for words in NO_CHANGES)


def delete(cloudformation: Any, arn: str) -> None:
    """Deletes a change set, executed or not; the stack stays as it is."""
    cloudformation.delete_change_set(ChangeSetName=arn)


DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


def delete_shell(
    cloudformation: Any, stack: StackDescription, deleted: Collection[str] = ()
) -> bool:
    """Deletes the empty stack that a change set of type CREATE left, if it is ours alone.

    Not when somebody else made it, nor when another change set waits in it; and a reviewer of
    `deploy.py rights` may not, since that right is one on whole stacks. ``deleted`` are ARNs of
    those that are gone, which an answer from before may still list.
    """
    from botocore.exceptions import ClientError

    if stack.status != SHELL or not stack.is_ours:
        return False
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack.id)
    if any(
        each["Status"] != "DELETE_COMPLETE" and each["ChangeSetId"] not in deleted
        for page in pages
        for each in page.get("Summaries", ())
    ):
        return False
    token = f"discard-{stack.id.rpartition('/')[2]}"
    try:
        cloudformation.delete_stack(StackName=stack.id, ClientRequestToken=token)
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        say(
            f"The empty stack {stack.name} stays: who makes reviews may not delete stacks."
            " It has nothing in it, and the next review uses it."
        )
        return False
    return True
