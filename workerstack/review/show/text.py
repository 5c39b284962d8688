"""A review as text for the terminal: a pure function, legible without colour."""

from collections.abc import Iterator
from typing import Any

import yaml

from workerstack.problem import harmless
from workerstack.review.model import AccessChange, Finding, OtherChange, ResourceChange, Review
from workerstack.review.show import words
from workerstack.review.show.console import console_link
from workerstack.review.show.words import Shown, Style, broken, plain, shown, wrapped

COLOURS = {"+": "green", "-": "red", "~": "yellow", "<": "blue"}
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def resources(review: Review, style: Style, width: int) -> Iterator[str]:
    """Every resource with what changes in it; of one that comes or goes the whole body."""
    for group, changes in words.grouped(review.resources).items():
        yield from ("", style(f"{group} ({len(changes)})", "bold"))
        for change in changes:
            yield from _resource(change, style, width)


def _resource(change: ResourceChange, style: Style, width: int) -> Iterator[str]:
    sign = words.sign(change)
    name = ", ".join([f"{change.logical_id} ({change.type})", *words.facts(change)])
    for line in wrapped(name, width, f"{sign} ", "    "):
        yield style(line, COLOURS.get(sign, "magenta"))
    if change.description:
        yield from wrapped(change.description, width, "    ", " " * 6)
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
    path = harmless(place.path)
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
        yield from broken(before, width, "        from: ", " " * 14)
        yield from broken(after, width, "          to: ", " " * 14)
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
        for line in text.rstrip("\n").split("\n"):
            indent = " " * (len(line) - len(line.lstrip()) + 6)
            yield from wrapped(line.lstrip(), width, indent, f"{indent}  ")


MARKS = {"blocking": "!!", "warning": "! ", "note": "- "}
LEVEL_COLOURS = {"blocking": "red", "warning": "yellow", "note": "cyan"}
WIDTH = 100
NARROWEST = 60
LONGEST = 1_000
"""What is copied from the terminal is not wrapped: an ARN is no longer than this."""


def render(review: Review, style: Style = plain, width: int = WIDTH) -> str:
    """The whole review as text: where, counts, findings, access, resources by risk, the rest.

    Lines are at most ``width`` columns wide, but for words that are longer.
    """
    width = max(width, NARROWEST)
    return "\n".join(
        harmless(line)
        for line in (
            *_header(review, style, width),
            *_findings(review, style, width),
            *_notices(review, style, width),
            *_access(review, style, width),
            *resources(review, style, width),
            *_scaling(review, style, width),
            *_others(review, style, width),
            *_unknown(review, style, width),
            *_footer(review),
        )
    )


def _header(review: Review, style: Style, width: int) -> Iterator[str]:
    for line in wrapped(words.title(review), width):
        yield style(line, "bold")
    if words.place(review):
        yield from wrapped(words.place(review), width)
    if review.predicted:
        yield from wrapped("predicted from the templates, without asking AWS", width)
    if review.change_set.reason:
        yield from wrapped(f"CloudFormation says: {review.change_set.reason}", width)
    for key, value in review.change_set.extra.items():
        yield from wrapped(f"{key}: {words.value_text(value)}", width)
    yield ""
    yield style(words.counts(review), "bold")


def _findings(review: Review, style: Style, width: int) -> Iterator[str]:
    if review.findings:
        yield from ("", style("Findings", "bold"))
    for finding in review.findings:
        yield from _finding(review, finding, style, width)


def _finding(review: Review, finding: Finding, style: Style, width: int) -> Iterator[str]:
    level = words.LEVELS[finding.level]
    first, *more = wrapped(finding.what, width, f"{MARKS[finding.level]} {level}: ", " " * 5)
    for line in (f"{first}  [{finding.id}]" if not more else first, *more):
        yield style(line, LEVEL_COLOURS[finding.level])
    if more:
        yield style(f"     [{finding.id}]", LEVEL_COLOURS[finding.level])
    yield from wrapped(f"{finding.why}.", width, " " * 5)
    yield from wrapped(f"{finding.next_step}.", width, "     > ", " " * 7)
    if finding.level == "blocking":
        by = words.let_through(review, finding)
        yield from wrapped(by or f"To accept it: --allow {finding.allowed_by}", width, "     > ")


def _notices(review: Review, style: Style, width: int) -> Iterator[str]:
    if review.notices:
        yield from ("", style("What CloudFormation and its hooks say", "bold"))
    for notice in review.notices:
        whom = f" on {notice.logical_id}" if notice.logical_id else ""
        said = f"{notice.mode} {notice.source}{whom}: {notice.text}"
        yield from wrapped(said, width, "   ")
        if notice.next_step:
            yield from wrapped(notice.next_step, width, "     > ", " " * 7)


def _access(review: Review, style: Style, width: int) -> Iterator[str]:
    kinds = {"permission": "Permissions", "trust": "Who may assume a role", "network": "Network"}
    for kind, heading in kinds.items():
        rows = [each for each in review.access if each.kind == kind]
        if rows:
            yield from ("", style(heading, "bold"))
            for row in rows:
                yield from _row(row, style, width)


def _row(change: AccessChange, style: Style, width: int) -> Iterator[str]:
    """One statement: what is gained or lost, by which resource; below it on what and when."""
    gained, resource, effect, actions, _, condition = words.access_row(change)
    colour = "green" if change.gained else "red"
    start = f"   {gained:<6}  {resource}  {effect}  "
    for line in wrapped(actions, width, start, " " * 11):
        yield style(line, colour)
    for word, text in (
        ("on ", ", ".join(change.resources)),
        ("for", change.principal),
        ("if ", condition),
    ):
        if text:
            yield from wrapped(text, width, f"{' ' * 11}{word} ", " " * 15)


def _scaling(review: Review, style: Style, width: int) -> Iterator[str]:
    if review.scaling:
        yield from ("", style(words.HEADING, "bold"))
        yield from words.lines(review.scaling, width)


def _others(review: Review, style: Style, width: int) -> Iterator[str]:
    """What is beside the resources, by kind; a creation gives values, an update differences."""
    for kind in dict.fromkeys(other.kind for other in review.others):
        yield ""
        sign = "+" if review.change_set.type == "CREATE" else "~"
        yield style(f"{sign} {words.KINDS.get(kind, kind)}", COLOURS[sign])
        for other in review.others:
            if other.kind == kind:
                yield from _other(other, width)


def _other(other: OtherChange, width: int) -> Iterator[str]:
    name = f"{other.name}: " if other.name else ""
    if other.kind == words.SECRET:
        text = f"{name}cannot be compared, CloudFormation keeps its value to itself"
    elif other.before is None:
        text = f"{name}{words.value_text(other.after)}"
    else:
        text = f"{name}{words.value_text(other.before)} -> {words.value_text(other.after)}"
    yield from broken(text, width, "    ", " " * 8)


def _unknown(review: Review, style: Style, width: int) -> Iterator[str]:
    if review.unknown:
        yield from ("", style("Not known", "bold"))
    for sentence in review.unknown:
        yield from wrapped(sentence, width, "   - ", " " * 5)


def _footer(review: Review) -> Iterator[str]:
    if not review.predicted:
        yield ""
        yield f"Console     {console_link(review)}"
        yield from wrapped(review.change_set.arn, LONGEST, "Change set  ")
