"""One resource of a review as Markdown: a line, and what it folds away."""

from collections.abc import Iterator
from typing import Any

import yaml

from deployer.review import ResourceChange
from deployer.showing import words
from deployer.showing.markdown_text import Block, fenced, folded, text
from deployer.showing.properties import shown

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def resource(change: ResourceChange) -> Block:
    """One resource: its line, with all that changes in it folded below."""
    name = ", ".join([f"{change.logical_id} ({change.type})", *words.facts(change)])
    summary = f"{words.sign(change)} {name}"
    lines = [*_facts(change), *_places(change), *_body(change)]
    if not lines:
        return Block(f"- {text(summary)}")
    return Block(folded(summary, fenced(lines, "diff")), f"- {text(summary)}")


def _facts(change: ResourceChange) -> Iterator[str]:
    if change.description:
        yield f"  {change.description}"
    if change.physical_id and change.action != "Add":
        yield f"  id: {change.physical_id}"
    for key, value in words.more(change).items():
        yield f"  {key}: {words.value_text(value)}"


def _places(change: ResourceChange) -> Iterator[str]:
    cause = ""
    for place in shown(change):
        if place.cause not in ("", cause):
            yield f"  {place.cause}:"
        cause = place.cause
        forces = f"  {place.forces}" if place.forces else ""
        missing = "" if place.given else ": value not given"
        yield f"@@ {words.visible(place.path, '')}{missing}{forces} @@"
        if place.given:
            yield from signed("-", place.before)
            yield from signed("+", place.after)
        for key, value in place.extra:
            yield f"  {key}: {value}"


def signed(sign: str, value: Any) -> Iterator[str]:
    """A value as lines of a diff."""
    for line in words.value_text(value).split("\n"):
        yield f"{sign} {line}"


def _body(change: ResourceChange) -> Iterator[str]:
    body = change.after if change.before is None else change.before
    if change.action == "Modify" or body is None:
        return
    sign = {"Add": "+", "Remove": "-"}.get(change.action, " ")
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if (key, value) != ("Type", change.type)}
        dumped = yaml.dump(body, Dumper=DUMPER, sort_keys=False, width=10_000, allow_unicode=True)
        yield from (f"{sign} {line}" for line in dumped.splitlines())
    else:
        yield from signed(sign, body)
