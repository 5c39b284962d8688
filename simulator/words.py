"""The nearest right word, for errors."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, allowed: Iterable[str]) -> str:
    """``Did you mean ...?``, or nothing where nothing is near."""
    found = get_close_matches(word.lower(), list(allowed), n=1)
    return f"Did you mean {found[0]}?" if found else ""
