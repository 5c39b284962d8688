"""Findings on who may do what: permissions gained and lost, trust, and what is open to whom."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from workerstack.cloudformation import references
from workerstack.cloudformation.dangerous_grants import found as dangers
from workerstack.cloudformation.policies import Policy
from workerstack.cloudformation.policy_exposure import Grant, who_may
from workerstack.review import network as networks
from workerstack.review.case import Case
from workerstack.review.model import Finding

if TYPE_CHECKING:
    from workerstack.review.network import NetworkRule
    from workerstack.review.rights import AllowedAction, Compared

BLOCKING = frozenset({"everything", "everything-but", "whole-service", "pass-any-role",
                      "escalation"})  # fmt: skip
"""Dangers by which everything can be had; of the others somebody may have need."""
LONGEST = 3
TASK = "AWS::ECS::TaskDefinition"
ROLES = ("TaskRoleArn", "ExecutionRoleArn")


def _is_new(case: Case, logical_id: str) -> bool:
    """Whether the resource comes with a new stack, so that nothing was there to widen."""
    return case.is_new and any(
        change.logical_id == logical_id and change.action == "Add" for change in case.resources
    )


def _places(rights: "Iterable[AllowedAction]") -> "dict[str, list[AllowedAction]]":
    found: dict[str, list[AllowedAction]] = {}
    for each in rights:
        found.setdefault(each.logical_id, []).append(each)
    return found


def _dangerous(each: "Compared") -> dict[str, dict[str, set[str]]]:
    """New dangers of a role: by where the statement stands and the danger, which actions."""
    before = each.before
    sides = [
        (holder.policies, None if holder.boundary is None else [holder.boundary])
        for holder in (before, each.holder)
        if holder is not None
    ]
    known = {
        (hit.danger.id, action) for hit in dangers(*sides[0]) for action in hit.granted.actions
    } if before is not None else set()  # fmt: skip
    found: dict[str, dict[str, set[str]]] = {}
    for placed in each.holder.placed:
        statements = set(placed.policy.statements)
        for right in each.gained:
            if right.logical_id == placed.logical_id and _is_whole_service(right):
                found.setdefault(placed.logical_id, {}).setdefault("whole-service", set()).add(
                    right.action
                )
        for hit in dangers(*sides[-1]):
            new = {action for action in hit.granted.actions if (hit.danger.id, action) not in known}
            # What a condition limits is told as a warning, with the condition in the table.
            limited = bool(hit.granted.statement.conditions)
            if new and hit.granted.statement in statements and not limited:
                found.setdefault(placed.logical_id, {}).setdefault(hit.danger.id, set()).update(new)
    return found


def _is_whole_service(right: "AllowedAction") -> bool:
    """All actions of a service on all its resources, or all of one kind, named by ARN."""
    parts = right.resource.split(":", 5)
    rest = parts[-1]
    return (
        len(parts) > 5  # noqa: PLR2004 - an ARN
        and right.action.endswith(":*")
        and not right.statement.conditions
        and re.fullmatch(r"\*(?:/\*)?" if parts[2] == "s3" else r"(?:[\w-]+[:/])?\*", rest)
        is not None
    )


def wildcard(case: Case) -> Iterator[Finding]:
    """A permission by which everything can be had: all actions, a whole service, any role."""
    for each in case.rights:
        if each.holder.kind != "role":
            continue
        for logical_id, found in _dangerous(each).items():
            worst = sorted(set(found) & BLOCKING)
            if worst:
                rights = [r for r in each.gained if r.logical_id == logical_id]
                yield Finding(
                    id="iam-wildcard",
                    level="blocking",
                    logical_id=logical_id,
                    what=f"{each.holder.name} can now {said(rights) or _listed(found[worst[0]])}",
                    why="so does anyone who gets into the container",
                    next_step="List the actions and ARNs that the job uses",
                )


def broadened(case: Case) -> Iterator[Finding]:
    """A role gains a permission, or a policy whose permissions are not known."""
    only_starting = _used(case, "ExecutionRoleArn") - _used(case, "TaskRoleArn")
    for each in case.rights:
        if each.holder.kind != "role":
            continue
        blocked = {name for name, found in _dangerous(each).items() if set(found) & BLOCKING}
        for logical_id, rights in _places(each.gained).items():
            if logical_id in blocked or _is_new(case, logical_id):
                continue
            yield Finding(
                id="iam-broadened",
                level="warning",
                logical_id=logical_id,
                what=f"{each.holder.name} can now {said(rights)}",
                why="ECS gets this within seconds, the job itself does not"
                if each.holder.name in only_starting
                else "running tasks get this within seconds, without a restart",
                next_step="Check that a task needs it to start"
                if each.holder.name in only_starting
                else "Check that the job needs it",
            )
        if each.unknown and not _is_new(case, each.holder.name):
            yield Finding(
                id="iam-broadened",
                level="warning",
                logical_id=each.holder.name,
                what=f"{each.holder.name} gets {', '.join(each.unknown)}",
                why="what that policy allows is not known here",
                next_step="Read it, and check that the job needs it",
            )


def _used(case: Case, *names: str) -> frozenset[str]:
    """The roles that tasks have by these properties, after the change."""
    return frozenset(
        one.logical_id
        for task in case.stacks[1].of(TASK)
        for name in names
        for one in references(task.properties.get(name))
    )


def deny_lost(case: Case) -> Iterator[Finding]:
    """A Deny goes or becomes narrower, wherever it stood, though its role or resource stays."""
    for each in case.rights:
        if not each.denies_lost:
            continue
        yield Finding(
            id="deny-lost",
            level="warning",
            logical_id=each.holder.name,
            what=f"{each.holder.name} loses the Deny of {said(each.denies_lost)}",
            why="another statement may now allow it",
            next_step=f"Check what else allows it to {each.holder.name}",
        )


def right_lost(case: Case) -> Iterator[Finding]:
    """A permission goes that a running task has, or the role itself."""
    before, after = case.stacks
    used = _used(case, *ROLES)
    for each in case.rights:
        if each.holder.kind == "role" and each.lost and each.holder.name in used:
            yield Finding(
                id="permission-lost",
                level="warning",
                logical_id=each.holder.name,
                what=f"{each.holder.name} can no longer {said(each.lost)}",
                why="a running task loses it within seconds, in the middle of its job",
                next_step="Check that no job uses it any more",
            )
    for task in after.of(TASK):
        old = before.resources.get(task.logical_id)
        if old is not None and old.get("TaskRoleArn") and not task.get("TaskRoleArn"):
            yield Finding(
                id="permission-lost",
                level="warning",
                logical_id=task.logical_id,
                what=f"{task.logical_id} has no task role any more",
                why="new tasks have no permissions, so they cannot read the queue",
                next_step="Keep TaskRoleArn",
            )


def trust(case: Case) -> Iterator[Finding]:
    """Somebody else may assume a role, or use a resource by its own policy."""
    for each in case.rights:
        if each.holder.kind == "role":
            continue
        denies = tuple(
            statement
            for policy in each.holder.policies
            for statement in policy.statements
            if statement.effect == "Deny"
        )
        found: dict[str, list[tuple[AllowedAction, Grant]]] = {}
        for right in each.gained:
            for grant in who_may(Policy((right.statement, *denies))):
                if grant.held_back_by is None:
                    found.setdefault(right.logical_id, []).append((right, grant))
        for logical_id, opened in found.items():
            yield from _opened(case, each, logical_id, opened)


def _opened(
    case: Case, each: "Compared", logical_id: str, opened: "list[tuple[AllowedAction, Grant]]"
) -> Iterator[Finding]:
    wide = [pair for pair in opened if pair[1].is_foreign(case.facts.account)]
    if not wide and _is_new(case, logical_id):
        return
    shown = wide or opened
    who = ", ".join(dict.fromkeys(str(grant.principal) for _, grant in shown))
    conditions = ", ".join(
        dict.fromkeys(str(test) for _, grant in shown for test in grant.statement.conditions)
    )
    verb = "assume" if each.holder.kind == "trust" else said_actions([r for r, _ in shown])
    yield Finding(
        id="trust-opened",
        level="blocking" if wide else "warning",
        logical_id=logical_id,
        what=f"{who} can now {verb} {each.holder.name}"
        if each.holder.kind == "trust"
        else f"{who} can now use {each.holder.name}: {verb}",
        why=f"it is limited by {conditions}" if conditions else "no condition limits it",
        next_step="Name the principal, or add a condition on its account or source",
    )


def network(case: Case) -> Iterator[Finding]:
    """An inbound rule that was not there, or a public address."""
    before, after = case.stacks
    if not case.is_whole:
        return
    old, new = networks.rules(before), networks.rules(after)
    gained = [each for each in networks.not_covered(new, old) if each.direction == "inbound"]
    by_place: dict[str, list[NetworkRule]] = {}
    for each in gained:
        by_place.setdefault(each.logical_id, []).append(each)
    for logical_id, rules in by_place.items():
        world = [
            rule
            for rule in rules
            if rule.network is not None
            and networks.is_world(
                [other for other in new if other.includes(rule) and other.network is not None]
            )
            and not rule.network.is_private
        ]
        opened = world or ([] if _is_new(case, logical_id) else rules)
        if not opened:
            continue
        traffic = ", ".join(dict.fromkeys(each.traffic for each in opened))
        sides = ", ".join(dict.fromkeys(each.side for each in opened))
        yield Finding(
            id="network-opened",
            level="blocking" if world else "warning",
            logical_id=logical_id,
            what=f"{logical_id} opens {traffic} to "
            + (f"the internet ({sides})" if world else sides),
            why="a worker listens on no port, so nothing needs this rule",
            next_step="Remove it, or name one source",
        )
    known = networks.public(before)
    for logical_id, how in networks.public(after).items():
        if logical_id not in known and not _is_new(case, logical_id):
            yield Finding(
                id="network-opened",
                level="warning",
                logical_id=logical_id,
                what=f"{logical_id} becomes public ({how})",
                why="it can be reached from the internet, as far as other rules allow it",
                next_step="Undo it, or check that nothing else keeps strangers out",
            )


def said(rights: "Iterable[AllowedAction]") -> str:
    """``sqs:SendMessage on jobs, s3:GetObject on results/*``, and how many more there are."""
    by_resource: dict[str, list[str]] = {}
    for each in rights:
        by_resource.setdefault(_short(each.resource), []).append(each.action)
    found = [
        ", ".join(dict.fromkeys(actions)) + (f" on {resource}" if resource else "")
        for resource, actions in by_resource.items()
    ]
    rest = f" and {len(found) - LONGEST} more" if len(found) > LONGEST else ""
    return "; ".join(found[:LONGEST]) + rest


def _listed(actions: Iterable[str]) -> str:
    return ", ".join(sorted(actions))


def said_actions(rights: "Iterable[AllowedAction]") -> str:
    """The actions alone."""
    return ", ".join(dict.fromkeys(each.action for each in rights))


def _short(resource: str) -> str:
    """The last part of an ARN; ``every resource`` for a star."""
    if resource == "*":
        return "every resource"
    # A value that is not known stands as its function, whose colons are none of the ARN's.
    resource = re.sub(r'\{\{"Ref": "(?:AWS::)?(\w+)"\}\}', r"\1", resource)
    resource = re.sub(r"\$?\{(\w+)\.\w+\}", r"\1", resource)
    parts = resource.split(":", 5)
    return parts[5] if len(parts) > 5 and parts[0].endswith("arn") else resource  # noqa: PLR2004
