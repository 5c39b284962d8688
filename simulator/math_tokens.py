"""A metric math expression as a list of its words and signs."""

import re

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^()<>,\[\]]))"
)


def tokens(expression: str) -> tuple[list[str], str]:
    """The tokens, and the rest that cannot be read."""
    found: list[str] = []
    at, text = 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            return found, text[at:].strip()
        found.append(match.group().strip())
        at = match.end()
    return found, ""
