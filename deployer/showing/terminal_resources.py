"""The resources of a review as lines for the terminal, by risk."""

from collections.abc import Iterator
from typing import Any

import yaml

from deployer.review import ResourceChange, Review
from deployer.showing import words
from deployer.showing.lines import Style, wrapped
from deployer.showing.properties import Shown, shown

COLOURS = {"+": "green", "-": "red", "~": "yellow", "<": "blue"}
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def resources(review: Review, style: Style, width: int) -> Iterator[str]:
    """Every resource with what changes in it; of one that comes or goes the whole body."""
    for group, changes in words.grouped(review.resources).items():
        yield from ("", style(f"{words.visible(group, '')} ({len(changes)})", "bold"))
        for change in changes:
            yield from _resource(change, style, width)


def _resource(change: ResourceChange, style: Style, width: int) -> Iterator[str]:
    sign = words.sign(change)
    name = ", ".join([f"{change.logical_id} ({change.type})", *words.facts(change)])
    for line in wrapped(name, width, f"{sign} ", "    "):
        yield style(line, COLOURS.get(sign, "magenta"))
    if change.description:
        yield from wrapped(change.description, width, "    ")
    if change.physical_id and change.action != "Add":
        yield from wrapped(f"id: {change.physical_id}", width, "    ")
    yield from _places(shown(change), style, width)
    if change.action != "Modify":
        body = change.after if change.before is None else change.before
        yield from _body(body, change.type, width)
    for key, value in words.more(change).items():
        yield from wrapped(f"{key}: {words.value_text(value)}", width, "    ", " " * 6)


def _places(places: list[Shown], style: Style, width: int) -> Iterator[str]:
    cause = ""
    for place in places:
        if place.cause not in ("", cause):
            yield from wrapped(f"{place.cause}:", width, "    ")
        cause = place.cause
        yield from _place(place, style, width)


def _place(place: Shown, style: Style, width: int) -> Iterator[str]:
    before, after = (words.value_text(value) for value in (place.before, place.after))
    path = words.visible(place.path, "")
    short = (
        f"      {path}: {before} -> {after}" if place.given else f"      {path}: value not given"
    )
    fits = len(short) <= width and "\n" not in short
    first = short if fits else f"      {path}"
    if not place.forces:
        yield first
    elif len(first) + 2 + len(place.forces) <= width:
        yield f"{first}  {style(place.forces, 'red')}"
    else:
        yield from (first, f"        {style(place.forces, 'red')}")
    if not fits:
        yield from wrapped(before, width, "        from: ", " " * 14)
        yield from wrapped(after, width, "          to: ", " " * 14)
    for key, value in place.extra:
        yield from wrapped(f"{key}: {value}", width, " " * 8, " " * 10)


def _body(body: Any, kind: str, width: int) -> Iterator[str]:
    """All that a resource is made of, but for what is said already."""
    if not isinstance(body, dict):
        if body is not None:
            yield from wrapped(words.value_text(body), width, "      ")
        return
    rest = {key: value for key, value in body.items() if (key, value) != ("Type", kind)}
    if rest:
        text = yaml.dump(rest, Dumper=DUMPER, sort_keys=False, width=10_000, allow_unicode=True)
        for line in text.splitlines():
            indent = " " * (len(line) - len(line.lstrip()) + 6)
            yield from wrapped(line.lstrip(), width, indent, f"{indent}  ")
