"""A review as Markdown for a pull request's comment: findings first, details folded."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

import yaml

from workerstack.problem import harmless
from workerstack.review.model import (
    AccessChange,
    Finding,
    OtherChange,
    ResourceChange,
    Review,
    ScalingEffect,
)
from workerstack.review.show import words
from workerstack.review.show.console import console_link
from workerstack.review.show.several import alike
from workerstack.review.show.words import shown

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:=$^])")
_MENTION = re.compile(r"(@|#(?!x?[0-9a-fA-F]+;)|\b[Gg][Hh](?=\\?-))")
_RUNS = re.compile(r"(`+|~+)")


class Block(NamedTuple):
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
        yield f"@@ {place.path}{missing}{forces} @@"
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
        yield from (f"{sign} {line}" for line in dumped.rstrip("\n").split("\n"))
    else:
        yield from signed(sign, body)


LIMIT = 65_536
"""Characters that a comment on GitHub holds."""

MARKER = "<!-- fargate-worker-stack: review -->"
"""By this the workflow finds its own comment, to update it in place."""

ICONS = {"blocking": ":no_entry:", "warning": ":warning:", "note": ":information_source:"}
ACCESS = {"permission": "Permissions", "trust": "Who may assume a role", "network": "Network"}
RESERVE = 200
"""Characters kept for the sentence that says what was left out."""


def render(reviews: Sequence[Review], limit: int = LIMIT) -> str:
    """One comment on all the reviews; what does the same is shown once.

    Never longer than ``limit`` characters; a last sentence says what was left out.
    """
    blocks = [Block(MARKER)]
    for group in alike(reviews):
        blocks += _review(group)
    return fitted(blocks, limit)


def fitted(blocks: Sequence[Block], limit: int) -> str:
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


def _review(group: Sequence[Review]) -> Iterator[Block]:
    review = group[0]
    yield from _header(group)
    yield from (_finding(review, each) for each in review.findings)
    for notice in review.notices:
        said = " ".join([notice.source, notice.logical_id, notice.text, notice.next_step])
        yield Block(f"- **{text(notice.mode)}** {text(said)}")
    for kind, heading in ACCESS.items():
        rows = [each for each in review.access if each.kind == kind]
        if rows:
            yield Block(f"\n**{heading}**\n\n{_table(rows)}", f"\n**{heading}**: {len(rows)} rows")
    for name, changes in words.grouped(review.resources).items():
        yield Block(f"\n**{text(name)} ({len(changes)})**\n")
        yield from map(resource, changes)
    if review.scaling:
        yield _scaling(review.scaling)
    if review.others:
        lines = [line for each in review.others for line in _other(each, review.change_set.type)]
        summary = f"{len(review.others)} beside the resources"
        yield Block(f"\n{folded(summary, fenced(lines, 'diff'))}", f"\n{summary}")
    if review.unknown:
        sentences = "\n".join(f"- {text(sentence)}" for sentence in review.unknown)
        yield Block(f"\n{folded('Not known', sentences)}")
    yield from _footer(group)


def _scaling(effect: ScalingEffect) -> Block:
    heading = f"\n**{words.HEADING}**\n"
    lines = [heading]
    if effect.loads:
        names = [each.name for each in effect.loads[0].figures]
        lines += [row("", *map(text, names)), row(*["---"] * (len(names) + 1))]
    for load in effect.loads:
        cells = [text(words.figure(each)) for each in load.figures]
        marked = [
            f"**{cell}**" if each.differs and each.before else cell
            for cell, each in zip(cells, load.figures, strict=True)
        ]
        lines.append(row(text(load.title), *marked))
    said = [*effect.warnings, *effect.unknown]
    lines += ["", *(f"- {text(each)}" for each in said)] if said else []
    return Block("\n".join(lines), heading)


def _header(group: Sequence[Review]) -> Iterator[Block]:
    review = group[0]
    yield Block(f"\n### {text(words.title(review))}\n")
    for each in group:
        same = "" if each is review else f"**{text(each.where.deployment)}** does the same, "
        if same or words.place(each):
            yield Block(f"{same}{text(words.place(each))}  ")
    if review.predicted:
        yield Block("predicted from the templates, without asking AWS  ")
    yield Block(f"\n**{text(words.counts(review))}**\n")
    if review.change_set.reason:
        yield Block(f"CloudFormation says: {text(review.change_set.reason)}\n")
    for key, value in review.change_set.extra.items():
        yield Block(f"{text(key)}: {code(words.value_text(value))}\n")


def _footer(group: Sequence[Review]) -> Iterator[Block]:
    for each in group:
        if not each.predicted:
            yield Block(
                f"\n[{text(each.where.stack_name)} in the console]({console_link(each)}),"
                f" change set {code(each.change_set.arn)}"
            )


def _finding(review: Review, finding: Finding) -> Block:
    first = (
        f"- {ICONS[finding.level]} **{words.LEVELS[finding.level]}** {text(finding.what)}"
        f" ({code(finding.id)})"
    )
    lines = [first, f"  <br>{text(finding.why)}.", f"  <br>**Do:** {text(finding.next_step)}."]
    if finding.level == "blocking":
        by = words.let_through(review, finding)
        accept = f"To accept it: {code(f'--allow {finding.allowed_by}')}"
        lines.append(f"  <br>{f'**{text(by)}**' if by else accept}")
    return Block("\n".join(lines), first)


def _table(rows: Sequence[AccessChange]) -> str:
    head = ("", "Resource", "Effect", "Action", "On", "For", "If")
    return "\n".join(
        [
            row(*head),
            row(*["---"] * len(head)),
            *(
                row(
                    "gained" if each.gained else "lost",
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
    if other.kind == words.SECRET:
        yield f"  {name}: cannot be compared"
        return
    yield f"@@ {name} @@"
    if kind != "CREATE":
        yield from signed("-", other.before)
    yield from signed("+", other.after)
