"""Durations and rates as people write them: ``90``, ``15m``, ``6h``; ``30/h``."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from workerstack.problem import Problem


def nearest(word: str, known: Iterable[str]) -> str:
    """What to do about an unknown word: the nearest right one, or all of them."""
    all_known = sorted(known)
    close = get_close_matches(word, all_known, n=1)
    return f"Did you mean {close[0]}?" if close else f"There is {', '.join(all_known) or 'none'}"


UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""Seconds in each unit; a number alone is seconds."""

NUMBER = r"\d+(?:\.\d+)?"


def duration(text: str, what: str) -> float:
    """Seconds; ``what`` names the value in the error. Raises Problem."""
    found = re.fullmatch(rf"({NUMBER})([smhd]?)", text)
    if not found:
        raise Problem(
            f"{what} is {text!r}, which is no duration",
            "a duration is a number of seconds, or one with s, m, h or d",
            "Write it like 90, 15m, 6h or 2d",
        )
    return float(found[1]) * UNITS[found[2] or "s"]


def rate(text: str, what: str) -> float:
    """Events per second; ``what`` names the value in the error. Raises Problem."""
    found = re.fullmatch(rf"({NUMBER})/([smhd])", text)
    if not found or float(found[1]) <= 0:
        raise Problem(
            f"{what} is {text!r}, which is no rate",
            "a rate is a number above 0 of messages in a unit of time",
            "Write it like 30/h, 0.5/m or 2/s",
        )
    return float(found[1]) / UNITS[found[2]]


def count(text: str, what: str) -> int:
    """A whole number of at least 1. Raises Problem."""
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        raise Problem(
            f"{what} is {text!r}, which is no count",
            "a count is a whole number from 1 on",
            "Write it like 25",
        )
    return int(text)


def share(text: str, what: str) -> float:
    """A number from 0 to 1. Raises Problem."""
    if not re.fullmatch(NUMBER, text) or float(text) > 1:
        raise Problem(
            f"{what} is {text!r}, which is no share",
            "a share is a number from 0 to 1",
            "Write it like 0.02 for two of a hundred",
        )
    return float(text)
