"""One set of words for all formats: causes, properties, scaling, how lines are wrapped. Pure."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from workerstack.cloudformation import differences
from workerstack.problem import harmless
from workerstack.review.model import (
    UNKNOWN,
    AccessChange,
    Figure,
    Finding,
    LoadEffect,
    PropertyChange,
    ResourceChange,
    Review,
    ScalingEffect,
)

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


def let_through(review: Review, finding: Finding) -> str:
    """By whom a blocking finding was let through; empty where it was not."""
    by = [each.by for each in review.allowed if each.finding == finding.allowed_by]
    return f"let through by {by[0]}" if by and finding.level == "blocking" else ""


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
    """A value, harmless: a text in the lines that it has, anything else as JSON in one."""
    if value is None:
        return "nothing"
    if value == UNKNOWN:
        return "known only after execution"
    if value == "":
        return "(empty)"
    return harmless(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), "\n\t"
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


Style = Callable[[str, str], str]
"""Gives a text a colour; the identity where there is none."""


def plain(text: str, _colour: str) -> str:
    """No colour at all."""
    return text


COMMAND = re.compile(r"`[^`]*`")
UNBROKEN = "\ue000"
"""Stands for a space at which no line ends; a character of the private use area."""


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """A text in lines, its own line breaks shown; never without a line.

    ``first`` stands before the first line, ``rest`` before the others. A command in
    backticks stays on one line, so that it can be copied.
    """
    return broken(harmless(text, "\t"), width, first, rest)


def broken(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """The same with its own line breaks kept, for values that have several lines.

    ``rest`` is then deeper than any line of ours, or a line of the value could be taken for one.
    """
    rest = first if rest is None else rest
    found: list[str] = []
    for line in harmless(text, "\n\t").replace("\t", "    ").split("\n"):
        start = rest if found else first
        if len(start) + len(line) <= width:
            found.append(f"{start}{line}")
        else:
            kept = COMMAND.sub(lambda command: command[0].replace(" ", UNBROKEN), line)
            lines = textwrap.wrap(
                kept, width, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False
            )
            found += [each.replace(UNBROKEN, " ") for each in lines] or [start]
    return found


CONTAINERS = ("{", "[")


class Shown(NamedTuple):
    """One place in a resource that changes.

    ``given`` is False where AWS did not say the values; ``extra`` are drift and what this
    version does not know.
    """

    path: str
    cause: str
    forces: str
    given: bool
    before: Any
    after: Any
    extra: tuple[tuple[str, str], ...]


def shown(change: ResourceChange) -> list[Shown]:
    """Every place, in the order of the answer; several causes of one place are one."""
    groups: dict[str, list[PropertyChange]] = {}
    for each in change.properties:
        groups.setdefault(each.label, []).append(each)
    return [place for label, group in groups.items() for place in _places(label, group)]


def _places(label: str, group: list[PropertyChange]) -> Iterator[Shown]:
    causes = "; ".join(dict.fromkeys(filter(None, map(cause, group))))
    extra = tuple(item for each in group for item in {**(each.drift or {}), **each.extra}.items())
    valued = [each for each in group if each.values_given]
    if not valued:
        yield Shown(label, causes, forces(group), False, None, None, extra)
    told: list[tuple[str, Any, Any]] = []
    for each in valued:
        for place in _deepest(label, _parsed(each.before), _parsed(each.after)):
            if place not in told:
                told.append(place)
    for number, (path, before, after) in enumerate(told):
        yield Shown(path, causes, forces(group), True, before, after, () if number else extra)


def _more(change: PropertyChange) -> dict[str, Any]:
    """What is rarely said of a property: where its values come from, drift, new members."""
    found = {"before is": change.before_from, "after is": change.after_from}
    known = {name: value for name, value in found.items() if value}
    return {**known, **(change.drift or {}), **change.extra}


def _deepest(label: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if UNKNOWN in (before, after) or not isinstance(before, dict | list):
        yield label, before, after
        return
    found = [(f"{label}{each.pointer}", each.before, each.after)
             for each in differences(before, after)]  # fmt: skip
    # Values that are only written differently are shown as AWS gave them.
    yield from found or [(label, before, after)]


def _parsed(value: Any) -> Any:
    """AWS gives a list or a mapping as JSON text; a text that only looks so stays one."""
    if isinstance(value, str) and value.startswith(CONTAINERS):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


HEADING = "How it scales, simulated"
SAME = "no difference"


def figure(each: Figure) -> str:
    """``5 of 5``, or ``3 of 5 -> 5 of 5``."""
    if each.before is None or each.after is None or not each.differs:
        return str(each.before if each.after is None else each.after)
    return f"{each.before} -> {each.after}"


def sentence(load: LoadEffect) -> str:
    """What differs on one load; of a creation, or an end, all of it."""
    found = [each for each in load.figures if each.differs]
    return "; ".join(f"{each.name} {figure(each)}" for each in found) or SAME


def lines(effect: ScalingEffect, width: int) -> Iterator[str]:
    """One line a load, then the warnings, then what is not known."""
    for load in effect.loads:
        yield from wrapped(f"{load.title}: {sentence(load)}", width, "   ", " " * 7)
    for warning in effect.warnings:
        yield from wrapped(warning, width, "!  ", " " * 5)
    for unknown in effect.unknown:
        yield from wrapped(f"{unknown}.", width, "   ", " " * 5)
