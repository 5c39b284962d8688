"""A review as text for the terminal: a pure function, legible without colour.

What is read each week is short: verdict, findings, what changes, and one line on what
CloudFormation only lists. ``whole`` unfolds everything: bodies, tables of permissions, proofs,
settings, and where AWS shows it.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import yaml

from workerstack.problem import harmless
from workerstack.review.model import UNKNOWN, Finding, OtherChange, ResourceChange, Review
from workerstack.review.show import permissions, words
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
                 "ManagedPolicyArns", "KeyPolicy", "/Policies")  # fmt: skip
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
    for _, alike in groupby(loud, key=lambda it: (it.id, it.level, it.why, it.next_step)):
        yield from _findings(review, list(alike), style, width)
    yield from _notices(review, style, width)
    yield from words.needs_lines(review.needs, width, style)
    yield from _resources(review, rows, style, width, whole=whole)
    yield from _cannot(cannot, style, width, whole=whole)
    if words.surprises(review):
        yield from wrapped(words.surprises(review), width, "  ", "    ")
    yield from _scaling(review, style, width, whole=whole)
    yield from _others(review, style, width, whole=whole)
    if whole:
        yield from _access(review, style, width)
    yield from _unknown(review, style, width, whole=whole)
    if review.needs and not words.needs_to_show(review.needs):
        yield from wrapped(f"{words.needs_in_short(review.needs)}.", width, "  ")
    if whole:
        yield from _footer(review, width)


def _resources(
    review: Review, rows: list[ResourceChange], style: Style, width: int, *, whole: bool
) -> Iterator[str]:
    """What can change, each with its notes; then the notes on what is not among it."""
    beside = [] if whole else [each for each in rows if words.is_metadata(each)]
    notes = [each for each in review.findings if each.level == "note"]
    named = set()
    for change in rows:
        if change in beside:
            continue
        named.add(change.logical_id)
        yield from _resource(review, change, style, width, whole=whole)
        for finding in notes:
            if finding.logical_id == change.logical_id:
                yield from _finding(review, finding, style, width, whole=whole, indent="  ")
    for finding in notes:
        if finding.logical_id not in named:
            yield from _finding(review, finding, style, width, whole=whole)
    if beside:
        yield from wrapped(f"{words.only_metadata(beside)} ({ALL}).", width, "  ")


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


def _findings(
    review: Review, alike: list[Finding], style: Style, width: int, indent: str = ""
) -> Iterator[str]:
    """Findings for one reason, and what to do about all of them; each can be accepted."""
    first = alike[0]
    level = words.LEVELS[first.level]
    rest = " " * (len(indent) + len(level) + 2)
    for each in alike:
        said = f"{each.what}.  [{each.id}]"
        for line in wrapped(said, width, f"{indent}{level}: ", rest):
            yield style(line, LEVEL_COLOURS[each.level])
    yield from wrapped(f"{words.capital(first.why)}. {first.next_step}.", width, rest)
    for each in alike:
        if each.level == "blocking":
            by = words.let_through(review, each)
            yield from wrapped(by or f"To accept it: `--allow {each.allowed_by}`", width, rest)


def _finding(
    review: Review, finding: Finding, style: Style, width: int, *, whole: bool, indent: str = ""
) -> Iterator[str]:
    """A note: in short without what to do, which is nothing."""
    if whole:
        yield from _findings(review, [finding], style, width, indent)
        return
    said = finding.what if finding.id == "mends" else f"{finding.what}: {finding.why}"
    for line in wrapped(f"{said}.", width, f"{indent}note: ", " " * (len(indent) + 6)):
        yield style(line, LEVEL_COLOURS["note"])


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
    says_kind = not whole and kind.rpartition("::")[2] == change.logical_id
    typed = change.logical_id if says_kind else f"{change.logical_id} ({kind})"
    name = f"{typed}, {words.effect(change, review)}{since}"
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
        worth = [each for each in places if _is_worth(each, change, bool(rows))]
        places = words.merged(
            each for each in worth if not _is_description(each) or len(worth) == 1
        )
    most = len(places) if whole or len(places) <= FEW else FEW - 1
    for place in places[:most]:
        yield from _place(place if whole else words.compact(place), style, width, whole=whole)
    if len(places) > most:
        yield f"    and {len(places) - most} more places ({ALL})"
    if not whole:
        lines = permissions.brief(rows, (f.what for f in review.findings if f.level != "note"))
        most = len(lines) if len(lines) <= FEW else FEW - 1
        for line in lines[:most]:
            yield from wrapped(line, width, "    ", " " * 8)
        if len(lines) > most:
            yield f"    and {len(lines) - most} more permissions or rules ({ALL})"
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
    if place.path.lstrip("/").startswith("Metadata") and not words.is_metadata(change):
        return False
    if not place.given and not place.cause and not place.forces:
        return False
    return not (has_rows and any(each in place.path for each in POLICY_PLACES))


def _is_description(place: Shown) -> bool:
    """Words for people, that follow what changes besides them."""
    return place.path.rpartition("/")[2] in ("AlarmDescription", "Description")


def _place(  # noqa: C901, PLR0912 - one case a kind of value
    place: Shown, style: Style, width: int, *, whole: bool
) -> Iterator[str]:
    path = harmless(words.short_path(place.path))
    # Several parameters of one property: which of them it is here, nobody said.
    is_clear = whole or place.cause.count("from parameter") < 2  # noqa: PLR2004
    cause = f"    {place.cause}" if place.cause and is_clear else ""
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
        elif not whole and len(said) + 6 <= width and "\n" not in said:
            yield from _headed(path, cause, "", width)
            yield f"      {said}"
        else:
            yield from _headed(path, cause, forces, width)
            if place.before is not None:
                yield from broken(before, width, "      - ", " " * 10)
            if place.after is not None:
                yield from broken(after, width, "      + ", " " * 10)
    if whole:
        for key, value in place.extra:
            yield from wrapped(f"{key}: {words.value_text(value)}", width, " " * 6, " " * 8)


def _headed(path: str, cause: str, forces: str, width: int) -> Iterator[str]:
    """A place and where its value comes from, below each other where that is long."""
    if len(f"    {path}{cause}") <= width:
        yield f"    {path}{cause}{forces}"
    else:
        yield f"    {path}{forces}"
        yield from wrapped(cause.strip(), width, " " * 8)


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
            line = permissions.line(row)
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
            yield from _other(other, width, whole=whole)
        if len(found) > most:
            yield f"    and {len(found) - most} more ({ALL})"


def _other(other: OtherChange, width: int, *, whole: bool) -> Iterator[str]:
    name = f"{other.name}  " if other.name else ""
    if other.kind == words.NO_ECHO:
        text = f"{name}not compared: CloudFormation never returns its value"
    elif other.before is None:
        text = f"{name}+ {words.value_text(other.after)}"
    elif other.after is None:
        text = f"{name}- {words.value_text(other.before)}"
    else:
        sides = words.value_text(other.before), words.value_text(other.after)
        if not whole and len(name) + sum(map(len, sides)) + 8 > width:
            sides = words.told_apart(*(each.strip('"') for each in sides))
        text = f"{name}{sides[0]} -> {sides[1]}"
    if not whole and len(text) + 4 > width:
        text = f"{text[: width - 7]}..."
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
