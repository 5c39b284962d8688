"""A review as text for the terminal: a pure function, legible without colour.

What is read each week is short: verdict, findings, what changes, and one line on what
CloudFormation only lists. ``whole`` unfolds everything: bodies, tables of permissions, proofs,
settings, and where AWS shows it.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from workerstack.problem import harmless
from workerstack.review.model import UNKNOWN, Finding, OtherChange, ResourceChange, Review
from workerstack.review.show import words
from workerstack.review.show.console import console_link
from workerstack.review.show.words import Shown, Style, broken, plain, shown, wrapped

COLOURS = {"+": "green", "-": "red", "~": "yellow", "<": "blue", "±": "red"}
LEVEL_COLOURS = {"blocking": "red", "warning": "yellow", "note": "cyan"}
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WIDTH = 100
NARROWEST = 60
LONGEST = 1_000
"""What is copied from the terminal is not wrapped: an ARN is no longer than this."""
FEW = 4
"""Places of one resource, settings and sentences that are shown unless everything is."""
ALL = "--all"
POLICY_PLACES = ("PolicyDocument", "/Statement", "SecurityGroupIngress", "SecurityGroupEgress",
                 "ManagedPolicyArns", "KeyPolicy")  # fmt: skip
"""Places that the lines on permissions and rules say better."""


def render(review: Review, style: Style = plain, width: int = WIDTH, *, whole: bool = False) -> str:
    """The review as text: verdict, findings, what changes, what follows, the rest.

    Lines are at most ``width`` columns wide, but for words that are longer.
    """
    width = max(width, NARROWEST)
    return "\n".join(harmless(line) for line in _lines(review, style, width, whole=whole))


def _lines(review: Review, style: Style, width: int, *, whole: bool) -> Iterator[str]:
    rows, cannot = words.in_order(review)
    yield from _header(review, style, width, whole=whole)
    yield ""
    loud = [each for each in review.findings if each.level != "note"]
    for finding in loud:
        yield from _finding(review, finding, style, width, whole=whole)
    yield from _notices(review, style, width)
    for change in rows:
        yield from _resource(review, change, style, width, whole=whole)
        for finding in review.findings:
            if finding.level == "note" and finding.logical_id == change.logical_id:
                yield from _finding(review, finding, style, width, whole=whole, indent="  ")
    named = {change.logical_id for change in rows}
    for finding in review.findings:
        if finding.level == "note" and finding.logical_id not in named:
            yield from _finding(review, finding, style, width, whole=whole)
    yield from _cannot(cannot, style, width, whole=whole)
    if words.surprises(review):
        yield from wrapped(words.surprises(review), width, "  ", "    ")
    yield from _scaling(review, style, width, whole=whole)
    yield from _others(review, style, width, whole=whole)
    if whole:
        yield from _access(review, style, width)
    yield from _unknown(review, style, width, whole=whole)
    if whole:
        yield from _footer(review, width)


def _header(review: Review, style: Style, width: int, *, whole: bool) -> Iterator[str]:
    where = words.place(review)
    title = words.title(review)
    joined = f"{title} ({where})" if where else title
    for line in wrapped(joined if len(joined) <= width else title, width):
        yield style(line, "bold")
    if where and len(joined) > width:
        yield from wrapped(where, width)
    if review.change_set.reason:
        yield from wrapped(f"CloudFormation says: {review.change_set.reason}", width)
    members = review.change_set.extra if whole else words.unknown_members(review)
    for key, value in members.items():
        if not whole and not value:
            continue
        yield from wrapped(f"{key}: {words.value_text(value)}", width)
    verdict = words.verdict(review)
    colour = "red" if words.refused(review) else "bold"
    for line in wrapped(f"{words.counts(review)}. {verdict}", width):
        yield style(line, colour)


def _finding(
    review: Review, finding: Finding, style: Style, width: int, *, whole: bool, indent: str = ""
) -> Iterator[str]:
    level = words.LEVELS[finding.level]
    rest = " " * (len(indent) + len(level) + 2)
    if finding.level == "note" and not whole:
        for line in wrapped(f"{finding.what}: {finding.why}.", width, f"{indent}note: ", rest):
            yield style(line, LEVEL_COLOURS["note"])
        return
    for line in wrapped(f"{finding.what}.  [{finding.id}]", width, f"{indent}{level}: ", rest):
        yield style(line, LEVEL_COLOURS[finding.level])
    because = f"{words.capital(finding.why)}. {finding.next_step}."
    by = words.let_through(review, finding)
    yield from wrapped(because, width, rest)
    if finding.level == "blocking":
        yield from wrapped(by or f"To accept it: `--allow {finding.allowed_by}`", width, rest)


def _notices(review: Review, style: Style, width: int) -> Iterator[str]:
    if review.notices:
        yield style("Messages of CloudFormation and hooks", "bold")
    for notice in review.notices:
        whom = f" on {notice.logical_id}" if notice.logical_id else ""
        said = f"{notice.mode} {notice.source}{whom}: {notice.text}"
        yield from wrapped(said, width, "  ", "    ")
        if notice.next_step:
            yield from wrapped(notice.next_step, width, "    ", "      ")


def _resource(  # noqa: C901 - one line a part
    review: Review, change: ResourceChange, style: Style, width: int, *, whole: bool
) -> Iterator[str]:
    sign = words.sign(change)
    kind = change.type
    since = f", {words.since(change)}" if words.since(change) else ""
    name = f"{change.logical_id} ({kind}), {words.effect(change, review)}{since}"
    for line in wrapped(name, width, f"{sign} ", "    "):
        yield style(line, COLOURS.get(sign, "magenta"))
    if whole:
        if change.description:
            yield from wrapped(change.description, width, "    ", " " * 6)
        if change.physical_id and change.action != "Add":
            yield from wrapped(f"physical ID: {change.physical_id}", width, "    ")
    rows = [each for each in review.access if each.logical_id == change.logical_id]
    places = shown(change)
    if not whole:
        places = words.merged(each for each in places if _is_worth(each, change, bool(rows)))
    most = len(places) if whole or len(places) <= FEW else FEW - 1
    for place in places[:most]:
        yield from _place(place, style, width, whole=whole)
    if len(places) > most:
        yield f"    and {len(places) - most} more places ({ALL})"
    if not whole:
        most = len(rows) if len(rows) <= FEW else FEW - 1
        for row in rows[:most]:
            yield from wrapped(words.access_line(row), width, "    ", " " * 8)
        if len(rows) > most:
            yield f"    and {len(rows) - most} more permissions or rules ({ALL})"
    if whole and change.action != "Modify":
        body = change.after if change.before is None else change.before
        yield from _body(body, change.type, width)
    for key, value in words.more(change).items():
        yield from wrapped(f"{key}: {words.value_text(value)}", width, "    ", " " * 6)


def _is_worth(place: Shown, change: ResourceChange, has_rows: bool) -> bool:
    """What a short review leaves out: what did not change, and what another line says better."""
    if place.given and place.before == place.after:
        return False
    if place.after == UNKNOWN and change.follows:
        return False
    if place.path.startswith("/Metadata") and len(change.properties) > 1:
        return False
    if not place.given and not place.cause and not place.forces:
        return False
    return not (has_rows and any(each in place.path for each in POLICY_PLACES))


def _place(  # noqa: C901, PLR0912 - one case a kind of value
    place: Shown, style: Style, width: int, *, whole: bool
) -> Iterator[str]:
    path = harmless(words.short_path(place.path))
    cause = f"    {place.cause}" if place.cause else ""
    forces = f"  {style(place.forces, 'red')}" if whole and place.forces else ""
    plain_forces = f"  {place.forces}" if whole and place.forces else ""
    if not place.given:
        yield f"    {path}: value not given{cause}{forces}"
    elif place.before == place.after:
        yield from broken(
            f"{path}: {words.value_text(place.after)} (not changed){cause}", width, "    ", " " * 8
        )
    else:
        before, after = (words.value_text(value) for value in (place.before, place.after))
        if not whole and len(before) + len(after) + len(path) + len(cause) + 10 > width:
            before, after = words.told_apart(before, after)
        if place.before is None and place.after is not None:
            said = f"+ {after}"
        elif place.after is None:
            said = f"- {before}"
        elif not whole and place.after == UNKNOWN and place.cause:
            said = "another value"
        else:
            said = f"{before} -> {after}"
        short = f"    {path}  {said}{cause}"
        if len(short) + len(plain_forces) <= width and "\n" not in short:
            yield f"{short}{forces}"
        else:
            yield from (f"    {path}{cause}{forces}",)
            if place.before is not None:
                yield from broken(before, width, "      - ", " " * 10)
            if place.after is not None:
                yield from broken(after, width, "      + ", " " * 10)
    if whole:
        for key, value in place.extra:
            yield from wrapped(f"{key}: {words.value_text(value)}", width, " " * 6, " " * 8)


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


def _cannot(
    changes: list[ResourceChange], style: Style, width: int, *, whole: bool
) -> Iterator[str]:
    said = words.cannot_change(changes)
    if not said:
        return
    if not whole:
        yield from wrapped(f"{said} ({ALL}).", width, "  ")
        return
    yield ""
    yield style(f"{said}:", "bold")
    for change in changes:
        yield from wrapped(f"{change.logical_id} ({change.type})", width, "  ")
        for place in shown(change):
            same = place.before == place.after or place.after is None
            value = words.value_text(place.before if place.given else None)
            after = "" if same else f" -> {words.value_text(place.after)}"
            yield from wrapped(
                f"{words.short_path(place.path)}: {value}{after}", width, "    ", " " * 8
            )
        for proof in dict.fromkeys(each.proof for each in change.properties):
            yield from wrapped(f"{proof}.", width, "    ", " " * 6)


def _access(review: Review, style: Style, width: int) -> Iterator[str]:
    """Every statement and rule: which action on which resource, for whom, on what condition."""
    for kind, heading in words.ACCESS.items():
        rows = [each for each in review.access if each.kind == kind]
        if rows:
            yield from ("", style(heading, "bold"))
        for row in rows:
            line = words.access_line(row)
            colour = "green" if row.gained else "red"
            for part in wrapped(f"{row.logical_id}  {line}", width, "  ", " " * 8):
                yield style(part, colour)
            if row.kind == "network":
                yield from wrapped(
                    ", ".join(each for each in (*row.resources, row.condition) if each),
                    width, " " * 8,
                )  # fmt: skip


def _scaling(review: Review, style: Style, width: int, *, whole: bool) -> Iterator[str]:
    if review.scaling is not None and (whole or words.scales_otherwise(review.scaling)):
        if whole:
            yield from ("", style(words.HEADING, "bold"))
        shown_ = words.lines(review.scaling, width) if whole else words.worst(review.scaling, width)
        yield from shown_


def _others(review: Review, style: Style, width: int, *, whole: bool) -> Iterator[str]:
    """The stack's settings, by kind; a creation gives values, an update differences."""
    others = list(review.others) if whole else words.unshown_settings(review)
    if not whole and review.change_set.type == "CREATE":
        others = [other for other in others if other.kind in words.GUARDS]
    for kind in dict.fromkeys(other.kind for other in others):
        found = [other for other in others if other.kind == kind]
        if whole:
            yield ""
        sign = "+" if review.change_set.type == "CREATE" else "~"
        yield style(f"{sign} {words.KINDS.get(kind, kind)}", COLOURS[sign])
        most = len(found) if whole or len(found) <= FEW else FEW - 1
        for other in found[:most]:
            yield from _other(other, width)
        if len(found) > most:
            yield f"    and {len(found) - most} more ({ALL})"


def _other(other: OtherChange, width: int) -> Iterator[str]:
    name = f"{other.name}  " if other.name else ""
    if other.kind == words.NO_ECHO:
        text = f"{name}not compared: CloudFormation never returns its value"
    elif other.before is None:
        text = f"{name}+ {words.value_text(other.after)}"
    elif other.after is None:
        text = f"{name}- {words.value_text(other.before)}"
    else:
        text = f"{name}{words.value_text(other.before)} -> {words.value_text(other.after)}"
    yield from broken(text, width, "    ", " " * 8)


def _unknown(review: Review, style: Style, width: int, *, whole: bool) -> Iterator[str]:
    if not review.unknown:
        return
    if not whole and len(review.unknown) == 1:
        yield from wrapped(f"Not known: {review.unknown[0]}.", width, "  ", "    ")
        return
    yield style("Not known", "bold")
    for sentence in review.unknown:
        yield from wrapped(sentence, width, "  - ", "    ")


def _footer(review: Review, width: int) -> Iterator[str]:
    if review.where.caller:
        yield ""
        yield from wrapped(f"Reviewed as {review.where.caller}", width)
    if not review.predicted:
        yield f"Console     {console_link(review)}"
        yield from wrapped(review.change_set.arn, LONGEST, "Change set  ")
