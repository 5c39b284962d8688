"""Templates that the endpoint has parsed once: it parses the same text at every call.

Its parser is written in Python, and each review has a template parsed six times.
"""

import pickle
from functools import lru_cache
from typing import Any

KEPT = 64
"""How many texts are remembered."""


def install(*modules: Any) -> None:
    """Wraps the parser where these modules name it; doing it twice changes nothing."""
    parse = modules[0]._parse_template
    if hasattr(parse, "remembers"):
        return

    @lru_cache(KEPT)
    def remembered(text: str) -> bytes:
        return pickle.dumps(parse(text))

    def parsed(text: str) -> Any:
        # A copy for each caller, who may change it.
        return pickle.loads(remembered(text))  # noqa: S301 - written just above

    parsed.remembers = True  # type: ignore[attr-defined]
    for module in modules:
        module._parse_template = parsed
