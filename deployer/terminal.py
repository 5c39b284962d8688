"""A review as text for the terminal: a pure function, legible without colour."""

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from deployer.review import UNKNOWN, OtherChange, PropertyChange, ResourceChange, Review

Style = Callable[[str, str], str]
"""Gives a text a colour; the identity where there is none."""

SIGNS = {"Add": "+", "Remove": "-", "Modify": "~", "Import": "<", "Dynamic": "?"}
COLOURS = {"+": "green", "-": "red", "~": "yellow", "<": "blue"}

ORDER = ("Remove", "Modify", "Dynamic", "Import", "SyncWithActual", "Add")
"""What is lost comes first, what is new last."""

REPLACEMENT = {"True": "REPLACED", "Conditional": "MAY BE REPLACED"}

CAUSES = {
    "DirectModification": "changed in the template",
    "ParameterReference": "because the parameter {} changes",
    "ResourceReference": "because {} changes",
    "ResourceAttribute": "because {} changes",
    "Automatic": "changed by CloudFormation itself",
}

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}

UNCOMPARABLE = "secret parameter"
KINDS = {
    "parameter": "Parameters",
    UNCOMPARABLE: "Secret parameters",
    "tag": "Tags",
    "output": "Outputs",
    "description": "Description",
}

WIDTH = 100
DEEP = " " * 8
LONGEST_VALUE = 400


def plain(text: str, _colour: str) -> str:
    """No colour at all."""
    return text


def render(review: Review, style: Style = plain) -> str:
    """The whole review as text: where, counts, resources by risk, the rest, what is next."""
    return "\n".join(
        [
            *_header(review),
            "",
            style(counts(review), "bold"),
            *(
                line
                for change in sorted(review.resources, key=_risk)
                for line in _resource(change, style)
            ),
            *_others(review, style),
            "",
            f"Console     {console_link(review)}",
            f"Change set  {review.change_set.arn}",
        ]
    )


def counts(review: Review) -> str:
    """One line: how much of what."""
    actions = Counter(change.action for change in review.resources)
    replaced = sum(1 for change in review.resources if change.replacement == "True")
    maybe = sum(1 for change in review.resources if change.replacement == "Conditional")
    parts = [f"{actions[action]} to {action.lower()}" for action in ORDER if actions[action]]
    parts += [f"{number} {action}" for action, number in actions.items() if action not in ORDER]
    parts += [f"{replaced} replaced"] if replaced else []
    parts += [f"{maybe} perhaps replaced"] if maybe else []
    if review.others and review.change_set.type != "CREATE":
        parts += [f"{len(review.others)} beside the resources"]
    return ", ".join(parts) or "no resource changes"


def console_link(review: Review) -> str:
    """The change set's page in the AWS console of the stack's partition."""
    partition = review.where.stack_id.split(":")[1] if ":" in review.where.stack_id else "aws"
    host = CONSOLES.get(partition, CONSOLES["aws"])
    region = review.where.region
    return (
        f"https://{region}.{host}/cloudformation/home?region={region}#/stacks/changesets/changes"
        f"?stackId={quote(review.where.stack_id, safe='')}"
        f"&changeSetId={quote(review.change_set.arn, safe='')}"
    )


def _header(review: Review) -> Iterator[str]:
    where, change_set = review.where, review.change_set
    kind = "creation" if change_set.type == "CREATE" else "update"
    yield f"{where.deployment}: {kind} of the stack {where.stack_name}"
    yield f"in account {where.account}, {where.region}, as {where.caller}"
    if change_set.reason:
        yield f"CloudFormation says: {change_set.reason}"
    for key, value in change_set.extra.items():
        yield f"{key}: {value}"


def _risk(change: ResourceChange) -> tuple[int, int, str]:
    replaced = {"True": 0, "Conditional": 1}.get(change.replacement or "", 2)
    position = ORDER.index(change.action) if change.action in ORDER else len(ORDER)
    return (position, replaced, change.logical_id)


def _resource(change: ResourceChange, style: Style) -> Iterator[str]:
    sign = SIGNS.get(change.action, "!")
    facts = [f"{change.logical_id} ({change.type})"]
    facts += [REPLACEMENT[change.replacement]] if change.replacement in REPLACEMENT else []
    facts += [f"policy: {change.policy_action}"] if change.policy_action else []
    facts += [f"drift: {change.drift_status}"] if change.drift_status else []
    yield ""
    yield style(f"{sign} {change.action} {', '.join(facts)}", COLOURS.get(sign, "magenta"))
    if change.description:
        yield f"    {change.description}"
    if change.physical_id and change.action != "Add":
        yield f"    id: {change.physical_id}"
    for label, group in _by_label(change.properties):
        yield from _property(label, group, style)
    extra = {"module": change.module, "nested change set": change.nested_change_set}
    for key, value in {**extra, **change.extra}.items():
        if value is not None:
            yield f"    {key}: {value}"


def _by_label(
    properties: tuple[PropertyChange, ...],
) -> Iterator[tuple[str, list[PropertyChange]]]:
    labels = dict.fromkeys(each.label for each in properties)
    for label in labels:
        yield label, [each for each in properties if each.label == label]


def _property(label: str, group: list[PropertyChange], style: Style) -> Iterator[str]:
    forces = {each.requires_recreation for each in group}
    mark = "forces replacement" if "Always" in forces else ""
    mark = mark or ("may force replacement" if "Conditionally" in forces else "")
    valued = [each for each in group if each.values_given]
    causes = list(dict.fromkeys(_cause(each) for each in group if each.change_source))
    facts = [*([] if valued else ["value not given"]), *causes]
    yield f"    {label}{'  ' if mark else ''}{style(mark, 'red')}"
    yield from textwrap.wrap("; ".join(facts), WIDTH, initial_indent=DEEP, subsequent_indent=DEEP)
    shown: list[tuple[Any, Any]] = []
    for each in valued:
        if (each.before, each.after) not in shown:
            shown.append((each.before, each.after))
            yield from _value("from", each.before)
            yield from _value("to", each.after)
    for each in group:
        for key, value in {**(each.drift or {}), **each.extra}.items():
            yield f"{DEEP}{key}: {value}"


def _cause(change: PropertyChange) -> str:
    words = CAUSES.get(change.change_source or "", change.change_source or "")
    return words.replace("{}", str(change.causing_entity))


def _value(word: str, value: Any) -> Iterator[str]:
    shown = value if isinstance(value, str) else json.dumps(value)
    shown = "nothing" if value is None else shown
    shown = "known only after execution" if shown == UNKNOWN else shown
    if len(shown) > LONGEST_VALUE:
        shown = f"{shown[:LONGEST_VALUE]} ... ({len(shown)} characters, all in the review file)"
    lines = textwrap.wrap(
        shown, WIDTH, initial_indent=f"        {word:>4}: ", subsequent_indent=" " * 14
    )
    yield from lines or [f"        {word:>4}: (empty)"]


def _others(review: Review, style: Style) -> Iterator[str]:
    """What is beside the resources, by kind; a creation gives values, an update differences."""
    for kind in dict.fromkeys(other.kind for other in review.others):
        yield ""
        sign = "+" if review.change_set.type == "CREATE" else "~"
        yield style(f"{sign} {KINDS.get(kind, kind)}", COLOURS[sign])
        for other in review.others:
            if other.kind == kind:
                yield from _other(other)


def _other(other: OtherChange) -> Iterator[str]:
    if other.kind == UNCOMPARABLE:
        yield f"    {other.name}: cannot be compared, CloudFormation keeps its value to itself"
    elif other.before is None:
        yield from _wrapped(f"{other.name}: " if other.name else "", other.after)
    else:
        yield from _wrapped(f"{other.name}", "")
        yield from _value("from", other.before)
        yield from _value("to", other.after)


def _wrapped(label: str, value: str | None) -> list[str]:
    return textwrap.wrap(
        f"{label}{value or ''}", WIDTH, initial_indent="    ", subsequent_indent=" " * 8
    )
