"""Lines of a terminal: wrapped, and with a style that may be none."""

import re
import textwrap
from collections.abc import Callable

from deployer.showing.words import visible

Style = Callable[[str, str], str]
"""Gives a text a colour; the identity where there is none."""


def plain(text: str, _colour: str) -> str:
    """No colour at all."""
    return text


COMMAND = re.compile(r"`[^`]*`")
UNBROKEN = "\ue000"
"""Stands for a space at which no line ends; a character of the private use area."""


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """A text in lines, its own line breaks kept; never without a line.

    ``first`` stands before the first line, ``rest`` before the others. A command in
    backticks stays on one line, so that it can be copied.
    """
    rest = first if rest is None else rest
    found: list[str] = []
    for line in visible(text).replace("\t", "    ").split("\n"):
        start = rest if found else first
        if len(start) + len(line) <= width:
            found.append(f"{start}{line}")
        else:
            kept = COMMAND.sub(lambda command: command[0].replace(" ", UNBROKEN), line)
            lines = textwrap.wrap(
                kept, width, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False
            )
            found += [each.replace(UNBROKEN, " ") for each in lines] or [start]
    return found
