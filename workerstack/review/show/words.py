"""One set of words for all formats: causes, properties, scaling, how lines are wrapped. Pure."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from workerstack.cloudformation import differences
from workerstack.problem import harmless
from workerstack.review.model import (
    UNKNOWN,
    Figures,
    Finding,
    LoadEffect,
    NeedAtReview,
    OtherChange,
    PropertyChange,
    ResourceChange,
    Review,
    ScalingEffect,
)

GROUPS = (
    "Deleted",
    "Replaced",
    "May be replaced",
    "Decided during execution",
    "Updated in place",
    "May change, known only afterwards",
    "Imported",
    "Synchronized with what is there",
    "Added",
    "Cannot change",
)
"""Resources are shown in these groups, by risk; what only CloudFormation lists comes last."""

COUNTED = {
    "Deleted": "to delete",
    "Replaced": "to replace",
    "May be replaced": "may be replaced",
    "Decided during execution": "decided during execution",
    "Updated in place": "to update",
    "May change, known only afterwards": "may change",
    "Imported": "to import",
    "Synchronized with what is there": "to synchronize",
    "Added": "to add",
}
CANNOT = "Cannot change"
_GROUP = {
    "Remove": "Deleted",
    "Dynamic": "Decided during execution",
    "Import": "Imported",
    "SyncWithActual": "Synchronized with what is there",
    "Add": "Added",
}
SIGNS = {"Add": "+", "Remove": "-", "Modify": "~", "Import": "<", "Dynamic": "?"}
REPLACEMENT = {"True": "REPLACED", "Conditional": "may be replaced"}
POLICIES = {
    "Delete": "deleted",
    "Retain": "retained, outside any stack",
    "RetainExceptOnCreate": "retained, outside any stack",
    "Snapshot": "deleted, a snapshot is kept",
    "ReplaceAndDelete": "the old one is deleted",
    "ReplaceAndRetain": "the old one is retained, outside any stack",
    "ReplaceAndSnapshot": "the old one is deleted, a snapshot is kept",
}
CAUSES = {
    "DirectModification": "",
    "ParameterReference": "from parameter {}",
    "ResourceReference": "from {}",
    "ResourceAttribute": "from {}",
    "Automatic": "changed by CloudFormation itself",
    "NoModification": "not changed in the template",
}
FORCES = {"Always": "forces replacement", "Conditionally": "may force replacement"}
NO_ECHO = "NoEcho parameter"
KINDS = {
    "parameter": "Parameters",
    NO_ECHO: "NoEcho parameters",
    "tag": "Tags",
    "notification topic": "Notification topics",
    "termination protection": "Termination protection",
    "stack policy": "Stack policy",
    "output": "Outputs",
    "description": "Description",
}
GUARDS = ("termination protection", "stack policy")
"""Settings that a creation shows in short too: they are of the stack, not of the template."""
LEVELS = {"blocking": "BLOCKED", "warning": "warning", "note": "note"}
ACCESS = {
    "permission": "Permissions",
    "trust": "Trust policies",
    "network": "Security groups and public addresses",
}
TASK, SERVICE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service"


def let_through(review: Review, finding: Finding) -> str:
    """By whom a blocking finding was let through; empty where it was not."""
    by = [each.by for each in review.allowed if each.finding == finding.allowed_by]
    return f"let through by {by[0]}" if by and finding.level == "blocking" else ""


def refused(review: Review) -> list[Finding]:
    """The blocking findings for which `execute` refuses the change set."""
    return [
        each
        for each in review.findings
        if each.level == "blocking" and not let_through(review, each)
    ]


def commands(review: Review, file: str, again: str = "") -> list[tuple[str, str]]:
    """What can be done with a review that is kept in ``file``; what accepts findings comes last.

    Where findings block it, nothing that `execute` would refuse is among them. ``again`` is
    what makes another one, by default `review`.
    """
    blocking = refused(review)
    if not blocking:
        return [
            ("Execute", f"./deploy.py execute {file}"), ("Discard", f"./deploy.py discard {file}")
        ]  # fmt: skip
    allowed = " ".join(f"--allow {each.allowed_by}" for each in blocking)
    return [
        ("Fix it, then", again or f"./deploy.py review {review.where.deployment}"),
        ("Discard", f"./deploy.py discard {file}"),
        ("Accept it", f"./deploy.py execute {file} {allowed}"),
    ]


def unknown_members(review: Review) -> dict[str, Any]:
    """What AWS says of the change set and this version does not know.

    Not what each answer has and is empty, nor topics: those that change stand among the settings.
    """
    found = review.change_set.extra
    quiet = {"NotificationARNs"} | {
        each for each in ("RollbackConfiguration",) if not found.get(each)
    }
    return {key: value for key, value in found.items() if key not in quiet}


def title(review: Review) -> str:
    """Which stack, and whether it is new."""
    stack = review.where.stack_name or "a stack"
    kind = "creation" if review.change_set.type == "CREATE" else "update"
    kind = f"adoption ({review.adoption})" if review.adoption else kind
    return f"{review.where.deployment}: {'predicted ' if review.predicted else ''}{kind} of {stack}"


def place(review: Review) -> str:
    """Account and region; empty where none is known."""
    where = review.where
    account = f"account {where.account}" if where.account else ""
    return ", ".join(part for part in (account, where.region) if part)


def counts(review: Review) -> str:
    """How much of what, each resource once: ``1 to replace, 2 to update; 1 parameter changes``."""
    found = Counter(group_of(change) for change in review.resources if change.can_change)
    known = [group for group in GROUPS if found[group]]
    parts = [f"{found[group]} {COUNTED[group]}" for group in known]
    parts += [f"{found[group]} {group}" for group in found if group not in COUNTED]
    resources_ = ", ".join(parts) or "No resource changes"
    settings = Counter(each.kind for each in review.others)
    if review.change_set.type == "CREATE" or not settings:
        return resources_
    said = ", ".join(
        f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in settings.items()
    )
    return f"{resources_}; {said} change{'s' if sum(settings.values()) == 1 else ''}"


def verdict(review: Review) -> str:
    """What the findings come to, in one sentence."""
    blocking = refused(review)
    rest: Counter[str] = Counter(each.level for each in review.findings if each not in blocking)
    parts = [
        f"{rest[level]} {word}{'' if rest[level] == 1 else 's'}"
        for level, word in (
            ("blocking", "finding that was let through"), ("warning", "warning"), ("note", "note"),
        )
        if rest[level]
    ]  # fmt: skip
    if blocking:
        number = f"{len(blocking)} finding{'' if len(blocking) == 1 else 's'}"
        more = f", {', '.join(parts)}" if parts else ""
        refuses = "" if review.predicted else ": `execute` refuses this change set"
        return f"BLOCKED by {number}{more}{refuses}."
    return f"Findings: {', '.join(parts)}." if parts else "No findings."


def group_of(change: ResourceChange) -> str:
    """The group in which a change is shown; an unknown action is a group of its own."""
    if not change.can_change:
        return CANNOT
    if change.action == "Modify":
        if change.replaces == "True":
            return "Replaced"
        if change.is_open:
            return "May change, known only afterwards"
        return "May be replaced" if change.replaces == "Conditional" else "Updated in place"
    return _GROUP.get(change.action, change.action)


def grouped(resources: Iterable[ResourceChange]) -> dict[str, list[ResourceChange]]:
    """The changes by group, the groups by risk.

    Within a group what the template or a parameter changes comes first, then what follows.
    """
    found: dict[str, list[ResourceChange]] = {}
    for change in sorted(resources, key=lambda each: (each.follows, each.logical_id, each.action)):
        found.setdefault(group_of(change), []).append(change)
    known = [group for group in GROUPS if group in found]
    # An action that is not known yet may be anything, so it comes first.
    return {group: found[group] for group in (*(found.keys() - set(GROUPS)), *known)}


def in_order(review: Review) -> tuple[list[ResourceChange], list[ResourceChange]]:
    """What can change, what you change before what follows, by risk; and what cannot."""
    groups = grouped(review.resources)
    cannot = groups.pop(CANNOT, [])
    rows = [change for changes in groups.values() for change in changes]
    return sorted(rows, key=lambda each: each.follows), cannot


def is_metadata(change: ResourceChange) -> bool:
    """Whether nothing of the resource itself changes, only what the template says about it."""
    left = [each for each in change.properties if not each.proof]
    return change.action == "Modify" and bool(left) and all(
        each.attribute == "Metadata" for each in left
    )  # fmt: skip


def only_metadata(changes: Sequence[ResourceChange]) -> str:
    """One line on what changes in its metadata alone; empty for nothing."""
    if not changes:
        return ""
    names = ", ".join(each.logical_id for each in changes[:NAMED])
    more_ = f" and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
    return f"Only the metadata changes of {names}{more_}: nothing happens to them"


NAMED = 4


def cannot_change(changes: Sequence[ResourceChange]) -> str:
    """One line on what CloudFormation lists and what cannot change; empty for nothing."""
    if not changes:
        return ""
    number = f"{len(changes)} resource{'' if len(changes) == 1 else 's'}"
    return f"CloudFormation also lists {number} that cannot change"


def surprises(review: Review) -> str:
    """One line on where CloudFormation listed something else than was predicted."""
    found = [each for each in review.unforeseen if each.matters]
    if not found:
        return ""
    said = "; ".join(
        f"{each.logical_id} ({each.listed or 'not listed'}, predicted: {each.predicted or 'none'})"
        for each in found
    )
    return f"CloudFormation's list is another one than was predicted, please report it: {said}"


def sign(change: ResourceChange) -> str:
    """One character for an action."""
    if change.action == "Modify" and change.replaces == "True":
        return "±"
    return SIGNS.get(change.action, "!")


def effect(change: ResourceChange, review: Review | None = None) -> str:
    """What happens to a resource, in a few words."""
    if not change.can_change:
        return "cannot change"
    policy = change.policy_action
    kept = POLICIES.get(policy, f"policy {policy}") if policy else ""
    said = {"Add": "added", "Import": "imported", "Dynamic": "decided during execution"}
    if change.action == "Remove":
        found = kept or "deleted"
    elif change.action != "Modify":
        found = said.get(change.action, change.action)
    elif change.replaces == "True":
        if change.type == TASK:
            old = (change.physical_id or "").rpartition("/")[2]
            gone = "retained" if "Retain" in (policy or "") else "deregistered"
            found = "REPLACED: new revision" + (f"; {old} is {gone}" if old else "")
        else:
            found = f"REPLACED: {kept}" if kept else "REPLACED"
    elif change.is_open:
        found = "may change, known only afterwards"
    elif change.replaces == "Conditional":
        found = "may be replaced" + (f": {kept}" if kept else "")
    else:
        found = "updated in place" + _on_tasks(change, review)
    if change.replacement not in (*REPLACEMENT, "False", None):
        found += f", replacement {change.replacement}"
    return found + (f", drift: {change.drift_status}" if change.drift_status else "")


def _on_tasks(change: ResourceChange, review: Review | None) -> str:
    """What an update means for the running tasks, where there are any."""
    if review is None:
        return ""
    deploys = {each.logical_id for each in review.findings if each.id == "tasks-restarted"}
    if change.type == SERVICE:
        return ": rolling deployment" if change.logical_id in deploys and not change.follows else ""
    has_service = any(part.type == SERVICE for part in review.parts)
    moved = deploys or any(each.type == SERVICE and each.can_change for each in review.resources)
    return ": no task restarts" if has_service and not moved else ""


def more(change: ResourceChange) -> dict[str, Any]:
    """What is rarely there, by the words for it."""
    found = {
        "module": change.module,
        "nested change set": change.nested_change_set,
        "hook invocations": change.hook_invocations,
        "not compared for drift": list(change.drift_ignored) or None,
        "before the last deployment": change.previous_deployment,
        "scope": ", ".join(change.scope) if change.scope and not change.properties else None,
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
        return "(not set)"
    if value == UNKNOWN:
        return "(known only afterwards)"
    if value == "":
        return "(empty)"
    if value == []:
        return "(empty list)"
    return harmless(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), "\n\t"
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


def needs_in_short(needs: Sequence[NeedAtReview]) -> str:
    """How many needs are met, in one line; empty where none was looked for."""
    number = len(needs)
    if not number:
        return ""
    red = sum(each.status == "FAIL" for each in needs)
    unknown = sum(each.status == "SKIP" for each in needs)
    if not red and not unknown:
        return f"Needs: {number} looked for, all met"
    said = [f"{red} of {number} not met"] if red else [f"{number - unknown} of {number} met"]
    return f"Needs: {', '.join([*said, *([f'{unknown} not known'] if unknown else [])])}"


def needs_to_show(needs: Sequence[NeedAtReview]) -> list[NeedAtReview]:
    """Those that are not met, then those that could not be looked for."""
    loud = [each for each in needs if each.status != "PASS"]
    return sorted(loud, key=lambda each: each.status)


def needs_lines(
    needs: Sequence[NeedAtReview], width: int = 100, style: Style = plain
) -> Iterator[str]:
    """What is not there of what a stack needs; what may not be looked for is one line."""
    loud = needs_to_show(needs)
    if not loud:
        return
    yield style(needs_in_short(needs), "bold")
    for each in loud:
        if each.status == "FAIL":
            for line in wrapped(f"{each.id}: {each.evidence}", width, "  FAIL  ", " " * 8):
                yield style(line, "red")
            yield from wrapped(f"next: {each.next_step}", width, " " * 8)
    unknown = "; ".join(f"{each.id} ({each.evidence})" for each in loud if each.status == "SKIP")
    if unknown:
        yield from wrapped(unknown, width, "  SKIP  ", " " * 8)


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
        if each.proof and change.can_change:
            continue
        groups.setdefault(each.label, []).append(each)
    return [place for label, group in groups.items() for place in _places(label, group)]


def _places(label: str, group: list[PropertyChange]) -> Iterator[Shown]:
    causes = _causes(group)
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


def _causes(group: Iterable[PropertyChange]) -> str:
    """Each cause once: ``from parameters QueueName and TaskCpu``."""
    found = list(dict.fromkeys(filter(None, map(cause, group))))
    start = cause(PropertyChange(change_source="ParameterReference", causing_entity=""))
    names = [each.removeprefix(start) for each in found if each.startswith(start)]
    if len(names) > 1:
        plural = f"{start.rstrip()}s {', '.join(names[:-1])} and {names[-1]}"
        found = [plural, *(each for each in found if not each.startswith(start))]
    return ", ".join(found)


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


def _span(seconds: int | None) -> str:
    """Seconds as people say them: ``90 s``, ``6 min 1 s``, ``2 h 30 min``."""
    if seconds is None:
        return "never"
    if seconds < 120:  # noqa: PLR2004 - two minutes are still said in seconds
        return f"{seconds} s"
    parts: list[tuple[int, str]] = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


FIGURES: Mapping[str, Callable[[Figures], str]] = {
    "done": lambda it: f"{it.done:,} of {it.total:,}",
    "killed": lambda it: f"{it.killed:,}",
    "dead letters": lambda it: f"{it.dead_letters:,}",
    "first receive p95": lambda it: _span(it.first_receive_p95_seconds),
    "completion p95": lambda it: _span(it.completion_p95_seconds),
    "cost": lambda it: f"${it.cost_dollars:,.4f}",
}
"""What each figure is called, and how it is read."""


def figure(load: LoadEffect, name: str) -> str:
    """``5 of 5``, or ``3 of 5 -> 5 of 5``; a cost says for how long."""
    sides = [FIGURES[name](each) for each in (load.before, load.after) if each is not None]
    said = " -> ".join(dict.fromkeys(sides))
    return f"{said} in {load.hours:g} h" if name == "cost" else said


def figure_differs(load: LoadEffect, name: str) -> bool:
    """Whether a figure is another one afterwards; not where a side is missing."""
    if load.before is None or load.after is None:
        return False
    return FIGURES[name](load.before) != FIGURES[name](load.after)


def sentence(load: LoadEffect) -> str:
    """What differs on one load; of a creation, or an end, all of it."""
    whole = load.before is None or load.after is None
    found = [name for name in FIGURES if whole or figure_differs(load, name)]
    return "; ".join(f"{name} {figure(load, name)}" for name in found) or SAME


def lines(effect_: ScalingEffect, width: int, *, whole: bool = True) -> Iterator[str]:
    """One line a load, then the warnings, then what is not known; or only what differs."""
    for load in effect_.loads:
        if whole or load.differs:
            yield from wrapped(f"{load.title}: {sentence(load)}", width, "    ", " " * 8)
    for warning in effect_.warnings:
        yield from wrapped(f"warning: {warning}", width, "    ", " " * 8)
    for unknown in effect_.unknown:
        yield from wrapped(f"{unknown}.", width, "    ", " " * 8)


def worst(effect_: ScalingEffect, width: int, most: int = 2) -> Iterator[str]:
    """The loads that differ most, a line each, and the first sentence of each warning."""
    found = sorted(
        (load for load in effect_.loads if load.differs),
        key=lambda load: not any(figure_differs(load, name) for name in GRAVE),
    )
    most = most if found and any(figure_differs(found[0], name) for name in GRAVE) else 1
    rest = f"; and {len(found) - most} more loads (--all)" if len(found) > most else ""
    for number, load in enumerate(found[:most]):
        said = f"{'Scaling, simulated: ' if not number else ''}{load.title}: "
        more_ = rest if number == most - 1 else ""
        parts = [
            f"{name} {figure(load, name)}"
            for name in FIGURES
            if figure_differs(load, name) or None in (load.before, load.after)
        ]
        kept = [parts[0]]
        for part in parts[1:]:
            if len(said) + len("; ".join([*kept, part])) + len(more_) + 2 <= width:
                kept.append(part)
        yield from wrapped(said + "; ".join(kept) + more_, width, "  ", " " * 6)
    for warning in effect_.warnings:
        name, _, said = warning.partition(": ")
        yield from wrapped(f"warning: {_first(said)}.  [{name}]", width, "  ", " " * 6)
    for unknown in effect_.unknown:
        yield from wrapped(f"{unknown}.", width, "  ", " " * 6)


GRAVE = ("done", "killed", "dead letters")
"""Figures that are worse than waiting or money."""


def _first(sentences: str) -> str:
    return re.split(r"[.:] ", sentences, maxsplit=1)[0].rstrip(".")


def scales_otherwise(effect_: ScalingEffect | None) -> bool:
    """Whether there is anything to say of it."""
    if effect_ is None:
        return False
    return bool(effect_.warnings or effect_.unknown or any(each.differs for each in effect_.loads))


def capital(sentence_: str) -> str:
    """The same with a capital letter at its start, unless a name stands there."""
    first = sentence_.split(" ", 1)[0]
    return sentence_[:1].upper() + sentence_[1:] if first.isalpha() else sentence_


def unshown_settings(review: Review) -> list[OtherChange]:
    """Changes of the stack's settings that no change of a resource names as its cause.

    A new parameter whose value a change shows is told there.
    """
    told = {
        each.causing_entity
        for change in review.resources
        if change.can_change
        for each in change.properties
        if each.change_source == "ParameterReference"
    }
    if review.change_set.type == "CREATE":
        return list(review.others)
    values = json.dumps(
        [
            each.after
            for change in review.resources
            if change.can_change
            for each in change.properties
        ]
    )

    def is_told(each: OtherChange) -> bool:
        if each.kind != "parameter":
            return False
        new = each.before is None and bool(each.after)
        return each.name in told or (new and json.dumps(each.after)[1:-1] in values)

    return [each for each in review.others if not is_told(each)]


def told_apart(before: str, after: str) -> tuple[str, str]:
    """Two long texts without what both begin with: ``.../jobs:1`` and ``:2``."""
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    common = before[:same]
    last = max(common.rfind(each) for each in ":@/,.")
    if common[:last].endswith(ALGORITHM):  # of a digest, which is one word
        last -= len(ALGORITHM)
    if last < SHARED:
        return before, after
    name = common.rfind("/", 0, last)
    start = f"...{before[name:]}" if name > 0 else f"...{before[last:]}"
    return start, f"{'...' if after[last] == '/' else ''}{after[last:]}"


ALGORITHM = "@sha256"
SHARED = 20
"""Characters that two texts must share before they are cut."""


def merged(places: Iterable[Shown]) -> list[Shown]:
    """Members of one list of texts that come and go are one place."""
    found: list[Shown] = []
    for each in places:
        parent, _, position = each.path.rpartition("/")
        last = found[-1] if found else None
        if (
            position.isdigit()
            and each.given
            and None in (each.before, each.after)
            and all(isinstance(value, str | None) for value in (each.before, each.after))
        ):
            if last is not None and last.path == parent and isinstance(last.extra, tuple):
                joined = [
                    ", ".join(value for value in pair if value is not None) or None
                    for pair in ((last.before, each.before), (last.after, each.after))
                ]
                found[-1] = last._replace(before=joined[0], after=joined[1])
            else:
                found.append(each._replace(path=parent))
        else:
            found.append(each)
    return found


def compact(place: Shown) -> Shown:
    """A member of a list that has a name and one more thing: ``Environment/LEVEL/Value``."""
    if place.before in (None, []) and _is_named(place.after):
        [only] = place.after
        place = place._replace(path=f"{place.path}/{only['Name']}", before=None, after=only)
    name = place.path.rpartition("/")[2]
    value = place.after if place.before is None else place.before
    if None not in (place.before, place.after) or not isinstance(value, dict):
        return place
    rest = [key for key, each in value.items() if each != name]
    if len(value) != 2 or len(rest) != 1:  # noqa: PLR2004 - its name and the one thing
        return place
    path = f"{place.path}/{rest[0]}"
    if place.before is None:
        return place._replace(path=path, after=value[rest[0]])
    return place._replace(path=path, before=value[rest[0]])


def _is_named(value: Any) -> bool:
    """Whether it is a list of one member that has a name."""
    return (
        isinstance(value, list)
        and len(value) == 1
        and isinstance(value[0], dict)
        and isinstance(value[0].get("Name"), str)
    )


def since(change: ResourceChange) -> str:
    """From what a change follows: ``since TaskDefinition is replaced``; empty for another."""
    left = [each for each in change.properties if not each.proof]
    if not change.follows or not left:
        return ""
    names = dict.fromkeys(str(each.causing_entity).partition(".")[0] for each in left)
    sure = all(each.evaluation == "Static" for each in left)
    how = "replaced" if sure else "updated"
    return f"since {' and '.join(names)} {'is' if len(names) == 1 else 'are'} {how}"


def short_path(path: str) -> str:
    """The path without what all of them begin with."""
    found = path.removeprefix("/Properties/").removeprefix("/")
    name, _, rest = found.removeprefix("ContainerDefinitions/").partition("/")
    is_container = found.startswith("ContainerDefinitions/") and not name.isdigit() and rest
    return f"{name}/{rest}" if is_container else found
