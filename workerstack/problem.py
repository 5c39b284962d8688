"""The one kind of error that a person is meant to read, and what makes text from outside harmless.

Values, reasons, names and messages of AWS, of templates and of files are shown by us, and must
not be obeyed by what shows them. A terminal obeys control characters, and lays text out by
invisible ones (Unicode Technical Report 36; CVE-2021-42574). GitHub's runner obeys each line
that begins with ``::``, after white space, and ``##[`` anywhere in a line (actions/runner:
ActionCommand.cs); Azure's obeys ``##vso[``, TeamCity ``##teamcity[``.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

_KEY = os.urandom(8).hex()
"""What no text from outside can know, so that a style of ours is told from one in a value."""

MARK = re.compile(rf"\x1b{_KEY}\[(\d+)m")
"""A style of ours in a text that has not left the program; the group is its ANSI number."""

_STYLE = rf"\x1b(?:{_KEY})?\[\d+m"
_ANNOUNCED = re.compile(rf"#(?=(?:{_STYLE})*#(?:{_STYLE}|[A-Za-z])*\[)")
_COMMAND = re.compile(rf"^((?:[ \t]|{_STYLE})*):(?=(?:{_STYLE})*:)", re.MULTILINE)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc\ufffd\U0001d159"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
"""What Python calls printable, and nobody sees: fillers, blanks and variation selectors."""

_MARKS_IN_A_ROW = 2
"""Combining marks that a letter may carry, as in Vietnamese; more of them hide other lines."""


def marked(code: int) -> str:
    """The beginning of a style of ours, by its ANSI number; 0 is the end of all styles."""
    return f"\x1b{_KEY}[{code}m"


def harmless(text: str, breaks: str = "") -> str:
    r"""A text in which everything that would be obeyed, or is not seen, is written out.

    ``\x1b``, ``\u202e``, ``\U000e0041``, as Python writes them; nothing is dropped, and only
    ``breaks`` and styles of ours (`marked`) are left as they are. Twice is the same as once.
    """
    if text.isascii() and text.isprintable():
        return _ANNOUNCED.sub(r"\\x23", text)
    shown: list[str] = []
    end = 0
    for mark in MARK.finditer(text):
        shown += (_seen(text[end : mark.start()], breaks), mark[0])
        end = mark.end()
    shown.append(_seen(text[end:], breaks))
    return _ANNOUNCED.sub(r"\\x23", "".join(shown))


def harmless_lines(text: str, *, coloured: bool) -> str:
    """A text as it leaves the program, its lines kept, styles of ours as ANSI or left out.

    Whoever puts a value into one of the lines sees to it that the value has no line break:
    that is what `harmless` alone is for.
    """
    lines = MARK.sub("\x1b[\\1m" if coloured else "", harmless(text, "\n\t"))
    return _COMMAND.sub(r"\1\\x3a", _ANNOUNCED.sub(r"\\x23", lines))


def json_text(data: Any, indent: int | None = None) -> str:
    """Data as JSON that is harmless, too: all that is no plain ASCII is escaped."""
    return harmless_json(json.dumps(data, indent=indent))


def harmless_json(text: str) -> str:
    """A JSON text, made by whatever library, of the same meaning and harmless."""
    escaped = re.sub(r"[^\n -~]", lambda found: json.dumps(found[0])[1:-1], text)
    return _ANNOUNCED.sub(r"\\u0023", escaped.replace("\x7f", r"\u007f"))


def _seen(text: str, breaks: str) -> str:
    if text.isascii():
        return "".join(
            each if each.isprintable() or each in breaks else _out(each) for each in text
        )
    from unicodedata import category

    shown: list[str] = []
    marks, carries = 0, False
    for each in text:
        kind = category(each)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if each in breaks:
            shown.append(each)
            carries = False
        elif (
            not each.isprintable()
            or each in _UNSEEN
            or marks > _MARKS_IN_A_ROW
            or (marks and not carries)
        ):
            shown.append(_out(each))
            carries = False
        else:
            shown.append(each)
            carries = kind[0] in "LMN"
    return "".join(shown)


def _out(character: str) -> str:
    number = ord(character)
    if number < 0x100:  # noqa: PLR2004 - two digits are enough for it
        return _NAMED.get(character, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004


class Problem(Exception):  # noqa: N818 - it is shown to people as what it is
    """Something that the reader can put right: what happened, why, what to do next.

    Shown as ``[file:line: ]What: why. Next step.`` and ends a command with ``code``:
    1 for an error, 3 for a refusal, 4 where watching stopped before
    the operation did (README, "When it fails").
    """

    code = 1

    def __init__(
        self,
        what: str,
        why: str,
        next_step: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(what, why, next_step)
        self.what = what
        self.why = why
        self.next_step = next_step
        self.file = file
        self.line = line

    def __str__(self) -> str:
        """One line for the terminal, harmless whatever is quoted in it."""
        sentence = f"{self.what}: {_ended(self.why)} {_ended(self.next_step)}"
        if self.file is not None:
            place = as_typed(Path(self.file))
            sentence = f"{place}:{self.line}: {sentence}" if self.line else f"{place}: {sentence}"
        return harmless(sentence)


def as_typed(file: Path) -> Path:
    """A file as one would type it from here; whole where the working directory is gone."""
    try:
        here = Path.cwd()
    except OSError:
        return file
    return file.relative_to(here) if file.is_relative_to(here) else file


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


class Refusal(Problem):
    """A guard that held: nothing was done, and it will not be without consent."""

    code = 3


class Detached(Problem):
    """We stopped watching; what runs in AWS goes on."""

    code = 4
