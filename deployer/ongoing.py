"""The operation that a stack is in, or was in last, found in the stack's own events."""

from collections.abc import Iterable, Iterator
from typing import Any

from deployer import change_set
from deployer import stack as stacks
from deployer.events import Event, event_of
from deployer.operation import Operation
from deployer.outcome import CHANGED, DELETED, TAKEN_BACK
from deployer.source import descriptions_in
from deployments import Deployment
from deployments.template import parse_template
from problem import Problem

ASKED_FOR = "user initiated"
"""The reason, lower case, of the first event of what somebody asked for."""

BEGINNINGS = frozenset(
    {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"}
)
"""Statuses with which an operation begins, whatever the reason; a rollback may be its end."""


def latest(cloudformation: Any, deployment: Deployment) -> Operation:
    """The operation to watch, whoever began it; raises Problem where there is none."""
    stack = stacks.read(cloudformation, deployment.stack)
    found = [] if stack.is_new else list(_last(_of_stack(cloudformation, stack.id)))
    if not found:
        raise Problem(
            f"There is nothing to watch at {deployment.stack}",
            "there is no such stack, or nothing was executed yet",
            f"Begin with `deploy.py review {deployment.name}`",
        )
    begun = found[-1]
    token = begun.token.removesuffix("-cancel")
    return Operation(
        deployment=deployment.name,
        stack_id=stack.id,
        stack_name=stack.name,
        token=token,
        since=begun.time,
        wanted=_wanted(begun),
        expected=_expected(cloudformation, stack.id, token),
        descriptions=_descriptions(deployment),
    )


def _of_stack(cloudformation: Any, stack_id: str) -> Iterator[Event]:
    """The events of the stack itself, newest first."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    events = (event_of(each) for page in pages for each in page["StackEvents"])
    return (event for event in events if event.is_of_stack)


def _last(events: Iterable[Event]) -> Iterator[Event]:
    """Those of the last operation, newest first: to a change of the token, or its beginning."""
    token: str | None = None
    for event in events:
        own = event.token.removesuffix("-cancel")
        if event.status == "REVIEW_IN_PROGRESS" or token not in (None, own):
            return
        token = own
        yield event
        if not token and _begins(event):
            return


def _begins(event: Event) -> bool:
    return event.status in BEGINNINGS or event.reason.lower() == ASKED_FOR


def _wanted(begun: Event) -> frozenset[str]:
    if begun.status.startswith("DELETE"):
        return DELETED
    return TAKEN_BACK if "ROLLBACK" in begun.status else CHANGED


def _expected(cloudformation: Any, stack_id: str, token: str) -> int | None:
    """How many resources change, where the token is the name of a change set of ours."""
    from botocore.exceptions import ClientError

    if not token.startswith(change_set.PREFIX):
        return None
    try:
        found = cloudformation.describe_change_set(ChangeSetName=token, StackName=stack_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ChangeSetNotFound":
            raise
        return None
    changes = change_set.describe(cloudformation, found["ChangeSetId"], values=False)["Changes"]
    return len(changes) or None


def _descriptions(deployment: Deployment) -> dict[str, str]:
    """What the resources are for, as the checkout says; it may be another version."""
    if not deployment.template.is_file():
        return {}
    text = deployment.template.read_text(encoding="utf-8")
    return descriptions_in(parse_template(text, str(deployment.template)))
