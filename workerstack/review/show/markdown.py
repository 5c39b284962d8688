"""A review as Markdown for a pull request's comment: findings first, details folded."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

import yaml

from workerstack.problem import harmless
from workerstack.review.model import (
    UNKNOWN,
    AccessChange,
    Finding,
    OtherChange,
    ResourceChange,
    Review,
    ScalingEffect,
)
from workerstack.review.show import permissions, words
from workerstack.review.show.console import console_link
from workerstack.review.show.several import alike
from workerstack.review.show.words import Shown, shown

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:=$^])")
_MENTION = re.compile(r"(@|#(?!x?[0-9a-fA-F]+;)|\b[Gg][Hh](?=\\?-))")
_RUNS = re.compile(r"(`+|~+)")


class CommentPart(NamedTuple):
    """A piece of the comment; ``short`` stands for it where there is no room, if anything."""

    full: str
    short: str = ""


def text(value: str) -> str:
    """One line that shows the value: no markup, no HTML, no mention, no table cell's end."""
    escaped = _SPECIAL.sub(r"\\\1", escape(harmless(value), quote=False))
    return _silent(escaped)


def within_html(value: str) -> str:
    """The same inside of an HTML block, where GitHub reads no Markdown."""
    return _silent(escape(harmless(value)))


def _silent(escaped: str) -> str:
    """A comment between the sign and the name keeps GitHub from notifying or linking."""
    return _MENTION.sub(r"\1<!-- -->", escaped)


def code(value: str) -> str:
    """The value in the font of code."""
    return f"<code>{text(value)}</code>" if value else ""


def fenced(lines: list[str], language: str = "") -> str:
    """Lines in a fence that no run of backticks in them can end."""
    content = "\n".join(harmless(line, "\t") for line in lines)
    longest = max((len(run) for run in _RUNS.findall(content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def folded(summary: str, content: str) -> str:
    """What is seen only when one opens it."""
    return f"<details><summary>{within_html(summary)}</summary>\n\n{content}\n\n</details>"


def row(*cells: str) -> str:
    """One row of a table, of cells that are safe already."""
    return f"| {' | '.join(cells)} |"


DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def resource(review: Review, change: ResourceChange) -> CommentPart:
    """One resource: its line, with all that changes in it folded below."""
    name = f"{change.logical_id} ({change.type}), {words.effect(change, review)}"
    summary = f"{words.sign(change)} {name}"
    lines = [*_facts(change), *_places(change), *_body(change)]
    if not lines:
        return CommentPart(f"- {text(summary)}")
    return CommentPart(folded(summary, fenced(lines, "diff")), f"- {text(summary)}")


def _facts(change: ResourceChange) -> Iterator[str]:
    if change.description:
        yield f"  {change.description}"
    if change.physical_id and change.action != "Add":
        yield f"  physical ID: {change.physical_id}"
    for key, value in words.more(change).items():
        yield f"  {key}: {words.value_text(value)}"
    for proof in dict.fromkeys(each.proof for each in change.properties if each.proof):
        yield f"  {proof}"


def _places(change: ResourceChange) -> Iterator[str]:
    for place in shown(change):
        forces = f"  {place.forces}" if place.forces and change.can_change else ""
        missing = "" if place.given else ": value not given"
        cause = f"  {place.cause}" if place.cause else ""
        yield f"@@ {words.short_path(place.path)}{missing}{cause}{forces} @@"
        if place.given and place.before == place.after:
            yield from signed(" ", place.after)
        elif place.given:
            yield from signed("-", place.before)
            yield from signed("+", place.after)
        for key, value in place.extra:
            yield f"  {key}: {words.value_text(value)}"


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
        yield from (f"{sign} {line}" for line in dumped.rstrip("\n").split("\n"))
    else:
        yield from signed(sign, body)


LIMIT = 65_536
"""Characters that a comment on GitHub holds."""

MARKER = "<!-- fargate-worker-stack: review -->"
"""By this the workflow finds its own comment, to update it in place."""

ALERTS = {"blocking": "CAUTION", "warning": "WARNING", "note": "NOTE"}
"""GitHub's alerts by the level of a finding."""
SHOWN = 3
"""Changes of one resource that its row in the table shows; the rest is folded."""
LONGEST = 60
"""Characters of a value in the table; the whole one is folded."""
RESERVE = 200
"""Characters kept for the sentence that says what was left out."""


def render(reviews: Sequence[Review], limit: int = LIMIT) -> str:
    """One comment on all the reviews; what does the same is shown once.

    Never longer than ``limit`` characters; a last sentence says what was left out.
    """
    blocks = [CommentPart(MARKER)]
    for group in alike(reviews):
        blocks += _review(group)
    return fitted(blocks, limit)


def fitted(blocks: Sequence[CommentPart], limit: int) -> str:
    """The blocks in their order, the first ones whole, as many as there is room for.

    A block is cut to its short form before a later one loses its own.
    """
    kept: list[str] = []
    left_out = 0
    shorts = sum(len(block.short) + 1 for block in blocks)
    used = RESERVE
    for block in blocks:
        shorts -= len(block.short) + 1
        if used + len(block.full) + 1 + shorts <= limit:
            chosen = block.full
        else:
            left_out += 1
            chosen = block.short if used + len(block.short) + 1 <= limit else ""
        if chosen or not block.full:
            kept.append(chosen)
            used += len(chosen) + 1
    if left_out:
        kept.append(
            f"\n_Left out or shortened: {left_out} parts, as a comment holds {limit:,} characters."
            " The review file has everything._"
        )
    return "\n".join(kept)


def _review(group: Sequence[Review]) -> Iterator[CommentPart]:  # noqa: C901 - one block a part
    """Verdict, findings, what changes: seen without opening anything. The rest is folded."""
    review = group[0]
    rows, cannot = words.in_order(review)
    yield from _header(group)
    yield from (_finding(review, each) for each in review.findings)
    for notice in review.notices:
        said = " ".join([notice.source, notice.logical_id, notice.text, notice.next_step])
        yield CommentPart(f"- **{text(notice.mode)}** {text(said)}")
    yield from _needs(review)
    if rows:
        lines = [row("", "Resource", "Effect", "Change"), row(*["---"] * 4)]
        yield CommentPart("\n" + "\n".join(lines))
        yield from (CommentPart(_row(review, each)) for each in rows)
        yield CommentPart("")
    if words.surprises(review):
        yield CommentPart(f"\n{text(words.surprises(review))}\n")
    if words.scales_otherwise(review.scaling) and review.scaling is not None:
        yield _scaling(review.scaling)
    for kind, heading in words.ACCESS.items():
        found = [each for each in review.access if each.kind == kind]
        if found:
            name = f"{heading} ({len(found)})"
            yield CommentPart(f"\n{folded(name, _table(found))}", f"\n{text(name)}")
    if rows:
        yield CommentPart("\n<details><summary>Every change</summary>\n")
        yield from (resource(review, each) for each in rows)
        yield CommentPart("\n</details>")
    if cannot:
        yield CommentPart(f"\n<details><summary>{words.cannot_change(cannot)}</summary>\n")
        yield from (resource(review, each) for each in cannot)
        yield CommentPart("\n</details>")
    if review.others:
        lines = [line for each in review.others for line in _other(each, review.change_set.type)]
        summary = f"Stack settings ({len(review.others)})"
        yield CommentPart(f"\n{folded(summary, fenced(lines, 'diff'))}", f"\n{summary}")
    if review.unknown:
        sentences = "\n".join(f"- {text(sentence)}" for sentence in review.unknown)
        yield CommentPart(f"\n{folded('Not known', sentences)}")
    yield from _footer(group)


def _needs(review: Review) -> Iterator[CommentPart]:
    """One line, and below it what is not met or not known."""
    if not review.needs:
        return
    lines = [f"\n{text(words.needs_in_short(review.needs))}"]
    for each in words.needs_to_show(review.needs):
        if each.status == "FAIL":
            step = text(each.next_step)
            lines.append(f"- **{code(each.id)}**: {text(each.evidence)}. {step}")
        else:
            lines.append(f"- {code(each.id)}: {text(each.evidence)}")
    yield CommentPart("\n".join(lines), lines[0])


def _row(review: Review, change: ResourceChange) -> str:
    """One resource in the table, with the first of its changes."""
    found = [
        each
        for each in review.access
        if each.logical_id == change.logical_id and each.kind != "trust"
    ]
    cells = [code(each) for each in permissions.brief(found)]
    if not cells and change.action == "Modify":
        cells = [
            _change(words.compact(place))
            for place in words.merged(shown(change))
            if place.before != place.after and not (place.after == UNKNOWN and change.follows)
        ]
    effect = ", ".join(filter(None, (words.effect(change, review), words.since(change))))
    more_ = [f"and {len(cells) - SHOWN} more"] if len(cells) > SHOWN else []
    return row(
        text(words.sign(change)), code(change.logical_id), text(effect),
        "<br>".join([*cells[:SHOWN], *more_]),
    )  # fmt: skip


def _change(place: Shown) -> str:
    path = code(words.short_path(place.path))
    if not place.given:
        return path
    texts = [words.value_text(value) for value in (place.before, place.after)]
    if sum(map(len, texts)) > LONGEST:
        texts = list(words.told_apart(*texts))
    before, after = map(_cut, texts)
    if place.after == UNKNOWN:
        return f"{path} {text(place.cause)}"
    return f"{path} {code(before)} → {code(after)}"


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}..."


def _scaling(effect: ScalingEffect) -> CommentPart:
    heading = f"\n**{words.HEADING}**\n"
    lines = [heading]
    if effect.loads:
        names = list(words.FIGURES)
        lines += [row("", *map(text, names)), row(*["---"] * (len(names) + 1))]
    for load in effect.loads:
        cells = [
            f"**{text(words.figure(load, name))}**"
            if words.figure_differs(load, name)
            else text(words.figure(load, name))
            for name in words.FIGURES
        ]
        lines.append(row(text(load.title), *cells))
    said = [*effect.warnings, *effect.unknown]
    lines += ["", *(f"- {text(each)}" for each in said)] if said else []
    return CommentPart("\n".join(lines), heading)


def _header(group: Sequence[Review]) -> Iterator[CommentPart]:
    review = group[0]
    blocking = "BLOCKED, " if words.refused(review) else ""
    warnings = sum(each.level == "warning" for each in review.findings)
    warned = f", {warnings} warning{'' if warnings == 1 else 's'}" if warnings else ""
    name = f"{review.where.deployment}: {blocking}{words.counts(review)}{warned}"
    yield CommentPart(f"\n### {text(name)}\n")
    for each in group:
        same = "" if each is review else f"**{text(each.where.deployment)}** does the same, "
        stack = f"{'predicted, ' if each.predicted else ''}stack {each.where.stack_name}"
        said = ", ".join(part for part in (stack, words.place(each)) if part)
        yield CommentPart(f"{same}{text(said)}  ")
    if review.change_set.reason:
        yield CommentPart(f"CloudFormation says: {text(review.change_set.reason)}\n")
    for key, value in words.unknown_members(review).items():
        yield CommentPart(f"{text(key)}: {code(words.value_text(value))}\n")


def _footer(group: Sequence[Review]) -> Iterator[CommentPart]:
    for each in group:
        if not each.predicted:
            yield CommentPart(
                f"\n[{text(each.where.stack_name)} in the console]({console_link(each)}),"
                f" change set {code(each.change_set.arn)}"
            )


def _finding(review: Review, finding: Finding) -> CommentPart:
    """One alert; blank lines around it, or GitHub does not draw it."""
    # The full stops belong to the texts: a sentence that is a number would begin a list.
    what = f"> {text(f'{finding.what}.')} {code(finding.id)}"
    lines = [f"\n> [!{ALERTS[finding.level]}]", what]
    lines += [f"> {text(f'{words.capital(finding.why)}.')} {text(f'{finding.next_step}.')}"]
    if finding.level == "blocking":
        by = words.let_through(review, finding)
        accept = f"To accept it: {code(f'--allow {finding.allowed_by}')}"
        lines.append(f"> {f'**{text(by)}**' if by else accept}")
    return CommentPart("\n".join([*lines, ""]), "\n".join([*lines[:2], ""]))


def _table(rows: Sequence[AccessChange]) -> str:
    head = ("", "Where", "Effect", "Action", "Resource", "Principal", "Condition")
    return "\n".join(
        [
            row(*head),
            row(*["---"] * len(head)),
            *(
                row(
                    "\\+" if each.gained else "\\-",
                    code(each.logical_id),
                    text(each.effect),
                    "<br>".join(map(code, each.actions)),
                    "<br>".join(map(code, each.resources)),
                    code(each.principal),
                    code(each.condition),
                )
                for each in rows
            ),
        ]
    )


def _other(other: OtherChange, kind: str) -> Iterator[str]:
    name = f"{words.KINDS.get(other.kind, other.kind)} {other.name}"
    if other.kind == words.NO_ECHO:
        yield f"  {name}: not compared"
        return
    yield f"@@ {name} @@"
    if kind != "CREATE":
        yield from signed("-", other.before)
    yield from signed("+", other.after)
