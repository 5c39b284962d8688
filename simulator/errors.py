"""The one kind of error that a person is meant to read, and the nearest right word."""

from collections.abc import Iterable
from difflib import get_close_matches


class SimulationError(Exception):
    """Input that cannot be simulated: what happened, why, what to do next; where, if known."""

    def __init__(
        self,
        what: str,
        why: str,
        next_step: str,
        *,
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(what, why, next_step)
        self.what = what
        self.why = why
        self.next_step = next_step
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = (
            ""
            if self.file is None
            else f"{self.file}:{self.line}: "
            if self.line
            else (f"{self.file}: ")
        )
        return f"{place}{self.what}: {self.why}. {self.next_step}."


def nearest(word: str, known: Iterable[str]) -> str:
    """What to do about an unknown word: the nearest right one, or all of them."""
    all_known = sorted(known)
    close = get_close_matches(word, all_known, n=1)
    return f"Did you mean {close[0]}?" if close else f"There is {', '.join(all_known) or 'none'}"
