"""The documents: their text, their blocks, and the commands that these show."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in DOCUMENTS}


class Block(NamedTuple):
    """A fenced block: its language, the file that it quotes if any, its text."""

    language: str
    file: str
    text: str


def blocks(text: str) -> list[Block]:
    found = re.finditer(r"^```(\w*) ?(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(*each.groups()) for each in found]


def all_blocks(language: str) -> list[Block]:
    return [each for text in TEXTS.values() for each in blocks(text) if each.language == language]


def commands(text: str) -> list[tuple[str, str]]:
    """Each ``$ command`` of the console blocks with the output that is shown below it."""
    consoles = [each.text for each in blocks(text) if each.language == "console"]
    parts = [part for each in consoles for part in re.split(r"^\$ ", each, flags=re.M)[1:]]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def shown(expected: str) -> str:
    """A pattern for an output: ``...`` in a line is anything in it, alone it is any lines."""
    lines = expected.strip("\n").splitlines()
    return "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in lines
    )
