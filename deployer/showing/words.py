"""The words in which every format speaks of a review."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from deployer.review import UNKNOWN, AccessChange, PropertyChange, ResourceChange, Review

ORDER = ("Remove", "Modify", "Dynamic", "Import", "SyncWithActual", "Add")
"""What is lost comes first, what is new last."""

GROUPS = (
    "Removed",
    "Replaced",
    "Perhaps replaced",
    "Decided during execution",
    "Modified",
    "Imported",
    "Synchronized with what is there",
    "Added",
)
"""Resources are shown in these groups, by risk."""

_GROUP = {
    "Remove": "Removed",
    "Modify": "Modified",
    "Dynamic": "Decided during execution",
    "Import": "Imported",
    "SyncWithActual": "Synchronized with what is there",
    "Add": "Added",
}
SIGNS = {"Add": "+", "Remove": "-", "Modify": "~", "Import": "<", "Dynamic": "?"}
REPLACEMENT = {"True": "REPLACED", "Conditional": "MAY BE REPLACED"}
POLICIES = {
    "Delete": "is deleted",
    "Retain": "stays in the account",
    "Snapshot": "is deleted, a snapshot stays",
    "ReplaceAndDelete": "the old one is deleted",
    "ReplaceAndRetain": "the old one stays in the account",
    "ReplaceAndSnapshot": "the old one is deleted, a snapshot stays",
}
CAUSES = {
    "DirectModification": "changed in the template",
    "ParameterReference": "because the parameter {} changes",
    "ResourceReference": "because {} changes",
    "ResourceAttribute": "because {} changes",
    "Automatic": "changed by CloudFormation itself",
    "NoModification": "not changed in the template",
}
FORCES = {"Always": "forces replacement", "Conditionally": "may force replacement"}
SECRET = "secret parameter"  # noqa: S105 - a kind of change
KINDS = {
    "parameter": "Parameters",
    SECRET: "Secret parameters",
    "tag": "Tags",
    "notification topic": "Notification topics",
    "termination protection": "Termination protection",
    "stack policy": "Stack policy",
    "output": "Outputs",
    "description": "Description",
}
LEVELS = {"blocking": "BLOCKING", "warning": "Warning", "note": "Note"}


def title(review: Review) -> str:
    """Which stack, and whether it is new."""
    stack = f"the stack {review.where.stack_name}" if review.where.stack_name else "a stack"
    kind = "creation" if review.change_set.type == "CREATE" else "update"
    kind = f"adoption ({review.adoption})" if review.adoption else kind
    return f"{review.where.deployment}: {'predicted ' if review.predicted else ''}{kind} of {stack}"


def place(review: Review) -> str:
    """Account, region and caller; empty where none is known."""
    where = review.where
    account = f"account {where.account}" if where.account else ""
    found = ", ".join(part for part in (account, where.region) if part)
    asked = f", as {where.caller}" if where.caller else ""
    return f"in {found}{asked}" if found else ""


def counts(review: Review) -> str:
    """One line: how much of what."""
    actions = Counter(change.action for change in review.resources)
    replaced = Counter(
        change.replacement for change in review.resources if change.action == "Modify"
    )
    parts = [f"{actions[action]} to {action.lower()}" for action in ORDER if actions[action]]
    parts += [f"{number} {action}" for action, number in actions.items() if action not in ORDER]
    parts += [f"{replaced['True']} replaced"] if replaced["True"] else []
    parts += [f"{replaced['Conditional']} perhaps replaced"] if replaced["Conditional"] else []
    if review.others and review.change_set.type != "CREATE":
        parts += [f"{len(review.others)} beside the resources"]
    return ", ".join(parts) or "no resource changes"


def group_of(change: ResourceChange) -> str:
    """The group in which a change is shown; an unknown action is a group of its own."""
    if change.action == "Modify" and change.replacement in REPLACEMENT:
        return "Replaced" if change.replacement == "True" else "Perhaps replaced"
    return _GROUP.get(change.action, change.action)


def grouped(resources: Iterable[ResourceChange]) -> dict[str, list[ResourceChange]]:
    """The changes by group, the groups by risk, each by logical id."""
    found: dict[str, list[ResourceChange]] = {}
    for change in sorted(resources, key=lambda each: (each.logical_id, each.action)):
        found.setdefault(group_of(change), []).append(change)
    known = [group for group in GROUPS if group in found]
    # An action that is not known yet may be anything, so it comes first.
    return {group: found[group] for group in (*(found.keys() - set(GROUPS)), *known)}


def sign(change: ResourceChange) -> str:
    """One character for an action."""
    return SIGNS.get(change.action, "!")


def facts(change: ResourceChange) -> list[str]:
    """What is said of a resource beside its name: replacement, policy, drift."""
    found = [REPLACEMENT[change.replacement]] if change.replacement in REPLACEMENT else []
    if change.action == "Add":
        found = []
    if change.replacement not in (*REPLACEMENT, "False", None):
        found.append(f"replacement {change.replacement}")
    if change.policy_action:
        found.append(POLICIES.get(change.policy_action, f"policy {change.policy_action}"))
    if change.drift_status:
        found.append(f"drift: {change.drift_status}")
    return found


def more(change: ResourceChange) -> dict[str, Any]:
    """What is rarely there, by the words for it."""
    found = {
        "module": change.module,
        "nested change set": change.nested_change_set,
        "hook invocations": change.hook_invocations,
        "not compared for drift": list(change.drift_ignored) or None,
        "before the last deployment": change.previous_deployment,
        "scope": ", ".join(change.scope) if change.scope and not change.properties else None,
        "values": "from the templates" if change.from_templates and change.properties else None,
        **change.extra,
    }
    return {key: value for key, value in found.items() if value is not None}


def cause(change: PropertyChange) -> str:
    """Why a property changes; empty where it is not said."""
    words = CAUSES.get(change.change_source or "", change.change_source or "")
    return words.replace("{}", str(change.causing_entity))


def forces(changes: Iterable[PropertyChange]) -> str:
    """What a property's change means for its resource, the worst of its causes."""
    found = {change.requires_recreation for change in changes} - {None, "", "Never"}
    unknown = [f"recreation {each}" for each in sorted(found - set(FORCES), key=str)]
    return ", ".join([*(FORCES[each] for each in FORCES if each in found), *unknown])


def value_text(value: Any) -> str:
    """A value in one line: a text as it is, anything else as JSON."""
    if value is None:
        return "nothing"
    if value == UNKNOWN:
        return "known only after execution"
    if value == "":
        return "(empty)"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def visible(text: str, breaks: str = "\n\t") -> str:
    """A text whose control characters and hidden formatting are written out.

    A value must not move a terminal's cursor or turn a line's direction around; only
    ``breaks`` are left as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each in breaks or each.isprintable() else f"\\u{ord(each):04x}" for each in text
    )


def access_row(change: AccessChange) -> tuple[str, str, str, str, str, str]:
    """Gained or lost, resource, effect, actions, on what and for whom, condition."""
    whom = [*change.resources, *([change.principal] if change.principal else [])]
    return (
        "gained" if change.gained else "lost",
        change.logical_id,
        change.effect,
        ", ".join(change.actions),
        ", ".join(whom),
        change.condition,
    )
