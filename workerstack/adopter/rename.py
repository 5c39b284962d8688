"""Renaming logical ids in a template's text, everywhere they occur, and nothing else. Pure.

Formatting and comments stay. All names change at once, so that two can be exchanged.
"""

import json
import re
from collections.abc import Mapping

import yaml

from workerstack.cloudformation.functions import PLACE
from workerstack.cloudformation.logical_ids import Occurrence, Section, occurrences, sections, taken
from workerstack.problem import Refusal

LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
"""Source: CloudFormation user guide, "Resources": logical ID."""


def rename(text: str, names: Mapping[str, str], file: str = "the template") -> str:
    """The template with each id of ``names`` replaced by its new one.

    Raises Refusal where a name is impossible, taken, or not there.
    """
    parts = sections(text, file)
    changing = {old: new for old, new in names.items() if old != new}
    _check(parts, changing, file)
    edits = [edit for each in occurrences(parts) if (edit := _edit(text, each, changing))]
    # A YAML alias is the same place twice.
    for start, end, new in sorted(set(edits), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _check(parts: Mapping[str, Section], names: Mapping[str, str], file: str) -> None:
    resources = parts.get("Resources", Section(None))
    staying = set(resources) - names.keys()
    for old, new in names.items():
        if old not in resources:
            what, why = f"There is no resource {old}", "only what is there can be renamed"
        elif not LOGICAL_ID.fullmatch(new):
            what, why = f"{new!r} is no logical id", "it has letters and digits only"
        elif new in staying:
            what, why = f"{old} cannot become {new}", "another resource has that name and keeps it"
        elif new in taken(parts):
            what = f"{old} cannot become {new}"
            why = "a parameter, condition or mapping has that name, and these cannot be renamed"
        elif list(names.values()).count(new) > 1:
            what, why = f"{old} cannot become {new}", "so would another resource"
        else:
            continue
        raise Refusal(what, why, "Correct the mapping, or rename it with its own tool", file=file)


def _edit(text: str, found: Occurrence, names: Mapping[str, str]) -> tuple[int, int, str] | None:
    """Where the text changes, and to what; None where it does not."""
    node = found.node
    new = _renamed(node.value, found, names)
    if new == node.value:
        return None
    start, end = node.start_mark.index, node.end_mark.index
    raw = text[start:end]
    if found.kind == "text":
        written = PLACE.sub(lambda place: _place(place, found, names), raw)
    else:
        before, _, after = raw.rpartition(node.value)
        written = before + new + after
    if _value(written) != new:
        # An id that is written with escapes: the scalar is written anew.
        tag = f"{node.tag} " if node.tag.startswith("!") else ""
        written = tag + json.dumps(new, ensure_ascii=False) + ("\n" if raw.endswith("\n") else "")
    return start, end, written


def _value(written: str) -> str | None:
    """What a scalar reads as, once it is in its place."""
    try:
        node = yaml.compose(written, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _renamed(value: str, found: Occurrence, names: Mapping[str, str]) -> str:
    if found.kind == "dotted":
        name, dot, attribute = value.partition(".")
        return names.get(name, name) + dot + attribute
    if found.kind == "text":
        return PLACE.sub(lambda place: _place(place, found, names), value)
    return names.get(value, value)


def _place(place: "re.Match[str]", found: Occurrence, names: Mapping[str, str]) -> str:
    literal, inside = place.groups()
    name = inside.strip().partition(".")[0]
    if literal or inside.strip() in found.own or name not in names:
        return str(place.group())
    return "${" + inside.replace(name, names[name], 1) + "}"
