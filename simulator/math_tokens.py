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


def in_order(expressions: dict[str, str]) -> dict[str, str]:
    """Expressions after those that they refer to; circles stay, and are then unknown names."""
    ordered: dict[str, str] = {}
    left = dict(expressions)
    while left:
        free = [
            name
            for name, text in left.items()
            if not any(other != name and _names(text, other) for other in left)
        ] or list(left)
        for name in free:
            ordered[name] = left.pop(name)
    return ordered


def _names(expression: str, name: str) -> bool:
    return name in tokens(expression)[0]
