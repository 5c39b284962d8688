"""Texts that stay texts in GitHub's Markdown, whatever they contain."""

import re
from html import escape
from typing import NamedTuple

from deployer.showing.words import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:=$^])")
_MENTION = re.compile(r"(@|#(?!x?[0-9a-fA-F]+;))")
_RUNS = re.compile(r"(`+|~+)")


class Block(NamedTuple):
    """A piece of the comment; ``short`` stands for it where there is no room, if anything."""

    full: str
    short: str = ""


def text(value: str) -> str:
    """One line that shows the value: no markup, no HTML, no mention, no table cell's end."""
    escaped = _SPECIAL.sub(r"\\\1", escape(visible(value, ""), quote=False))
    return _silent(escaped)


def within_html(value: str) -> str:
    """The same inside of an HTML block, where GitHub reads no Markdown."""
    return _silent(escape(visible(value, "")))


def _silent(escaped: str) -> str:
    """A comment between the sign and the name keeps GitHub from notifying or linking."""
    return _MENTION.sub(r"\1<!-- -->", escaped)


def code(value: str) -> str:
    """The value in the font of code."""
    return f"<code>{text(value)}</code>" if value else ""


def fenced(lines: list[str], language: str = "") -> str:
    """Lines in a fence that no run of backticks in them can end."""
    content = "\n".join(visible(line) for line in lines)
    longest = max((len(run) for run in _RUNS.findall(content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def folded(summary: str, content: str) -> str:
    """What is seen only when one opens it."""
    return f"<details><summary>{within_html(summary)}</summary>\n\n{content}\n\n</details>"


def row(*cells: str) -> str:
    """One row of a table, of cells that are safe already."""
    return f"| {' | '.join(cells)} |"
