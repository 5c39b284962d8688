"""Findings on what is opened: permissions, trust and network, and what only looks opened."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from workerstack.review.access import WORLD
from workerstack.review.case import Case
from workerstack.review.model import AccessChange, Finding


def widened(changes: Iterable[AccessChange]) -> Iterator[AccessChange]:
    """The gained statements, without the actions that a lost one allowed as well.

    A condition that is added to a statement, or a resource named where it was `*`, takes
    rights away, though the new statement as such was not there before.
    """
    every = list(changes)
    for gained in every:
        if not gained.gained:
            continue
        lost = [each for each in every if _compares(each, gained)]
        actions = tuple(each for each in gained.actions if not _covered(each, gained, lost))
        if actions:
            yield gained.model_copy(update={"actions": actions})


def _compares(lost: AccessChange, gained: AccessChange) -> bool:
    return (
        not lost.gained
        and lost.effect == gained.effect == "Allow"
        and (lost.kind, lost.logical_id) == (gained.kind, gained.logical_id)
        and lost.principal in (gained.principal, "*")
        and lost.condition in ("", gained.condition)
    )


def _covered(action: str, gained: AccessChange, lost: list[AccessChange]) -> bool:
    """Whether each resource was allowed this action by one of the lost statements."""
    fitting = [each for each in lost if any(_matches(action, one) for one in each.actions)]
    return bool(fitting) and all(
        any(_matches(resource, one) for each in fitting for one in each.resources or ("",))
        for resource in gained.resources or ("",)
    )


def _matches(value: str, pattern: str) -> bool:
    """IAM's wildcards; what begins with "all but" only matches itself."""
    return value == pattern or bool(_expression(pattern).fullmatch(value))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.IGNORECASE | re.DOTALL)


DANGEROUS = ("iam:PassRole", "iam:Create", "iam:Attach", "iam:Put", "sts:AssumeRole", "kms:")
"""Actions by which all others can be had, or secrets read, when the resource is `*`."""


def _by_resource(
    case: Case, kind: str, *, gained: bool = True
) -> Iterator[tuple[str, list[AccessChange]]]:
    found: dict[str, list[AccessChange]] = {}
    lost = (each for each in case.access if not each.gained)
    for access in widened(case.access) if gained else lost:
        if access.kind == kind:
            found.setdefault(access.logical_id, []).append(access)
    yield from found.items()


def _is_new(case: Case, logical_id: str) -> bool:
    """Whether the resource comes with a new stack, so that nothing was there to widen."""
    return case.is_new and any(
        change.logical_id == logical_id and change.action == "Add" for change in case.resources
    )


def _is_wildcard(access: AccessChange) -> bool:
    if access.effect != "Allow" or access.condition:
        return False
    everywhere = any(each in ("*", "") for each in access.resources) or not access.resources
    return any(
        action == "*"
        or action.startswith("all but ")
        or (everywhere and (action.endswith(":*") or action.startswith(DANGEROUS)))
        or (action == "managed policy" and "AdministratorAccess" in " ".join(access.resources))
        for action in access.actions
    )


def wildcard(case: Case) -> Iterator[Finding]:
    """A right to everything: any action, or a whole service or a right to rights, anywhere."""
    for logical_id, gained in _by_resource(case, "permission"):
        worst = [each for each in gained if _is_wildcard(each) and not each.principal]
        if worst:
            yield Finding(
                id="iam-wildcard",
                level="blocking",
                logical_id=logical_id,
                what=f"{logical_id} may {_actions(worst)} on {_resources(worst)}",
                why="whoever takes over the container has these rights, too",
                next_step="Name the actions and the resources that are really used",
            )


def broadened(case: Case) -> Iterator[Finding]:
    """An existing role or policy gains a statement, or loses a Deny."""
    for logical_id, gained in _by_resource(case, "permission"):
        allowed = [each for each in gained if each.effect == "Allow"]
        if allowed and not _is_new(case, logical_id):
            yield Finding(
                id="iam-broadened",
                level="warning",
                logical_id=logical_id,
                what=f"{logical_id} gains {_actions(allowed)}",
                why=f"on {_resources(allowed)}",
                next_step="Check that the worker needs it; the table has each statement",
            )
    for logical_id, lost in _by_resource(case, "permission", gained=False):
        denied = [each for each in lost if each.effect == "Deny"]
        stays = any(
            change.logical_id == logical_id and change.action != "Remove"
            for change in case.resources
        )
        if denied and stays:
            yield Finding(
                id="iam-broadened",
                level="warning",
                logical_id=logical_id,
                what=f"{logical_id} is no longer denied {_actions(denied)}",
                why=f"on {_resources(denied)}: what the statement held back may now be allowed",
                next_step="Check that nothing else allows it",
            )


def trust(case: Case) -> Iterator[Finding]:
    """Somebody else may take on a role, or use a resource by its own policy."""
    for logical_id, gained in [*_by_resource(case, "trust"), *_by_resource(case, "permission")]:
        allowed = [each for each in gained if each.effect == "Allow" and each.principal]
        new = _is_new(case, logical_id)
        opened = [each for each in allowed if _is_foreign(case, each) or not new]
        if opened:
            wide = any(_is_foreign(case, each) for each in opened)
            who = ", ".join(dict.fromkeys(each.principal for each in opened))
            conditions = ", ".join(
                dict.fromkeys(each.condition for each in opened if each.condition)
            )
            yield Finding(
                id="trust-opened",
                level="blocking" if wide else "warning",
                logical_id=logical_id,
                what=f"{logical_id} is opened to {who}",
                why=f"for {_actions(opened)}"
                + (f", if {conditions}" if conditions else ", without a condition"),
                next_step="Limit the principal, or add a condition on the account or the source",
            )


def _is_foreign(case: Case, access: AccessChange) -> bool:
    """Everybody, or an account that is not this one, without a condition."""
    principal = access.principal
    if access.condition or principal.startswith("Service "):
        return False
    own = bool(case.facts.account) and case.facts.account in principal
    return principal == "*" or principal.endswith(" *") or ("AWS " in principal and not own)


def network(case: Case) -> Iterator[Finding]:
    """A way in that was not there, or a public address."""
    for logical_id, gained in _by_resource(case, "network"):
        ways = [each for each in gained if not each.actions[0].startswith("egress")]
        world = [each for each in ways if each.principal in WORLD]
        public = [each for each in ways if each.actions[0].startswith("public")]
        opened = world or ([] if _is_new(case, logical_id) else ways)
        if opened:
            yield Finding(
                id="network-opened",
                level="blocking" if world else "warning",
                logical_id=logical_id,
                what=f"{logical_id} opens {_actions(opened)}",
                why=f"to {', '.join(dict.fromkeys(each.principal for each in opened))}"
                + ("; a worker that reads a queue needs no way in" if not public else ""),
                next_step="Name the narrowest source and port, or leave the rule out",
            )


def _actions(found: list[AccessChange]) -> str:
    return ", ".join(dict.fromkeys(action for each in found for action in each.actions))


def _resources(found: list[AccessChange]) -> str:
    return ", ".join(dict.fromkeys(each for one in found for each in one.resources)) or "itself"
