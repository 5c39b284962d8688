"""One line of a report: what was looked at, how it is, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["green", "red", "unknown"]
"""``unknown``: it could not be looked at, or nothing proves it; never as good as green."""


@dataclass(frozen=True)
class Check:
    """One check; ``next_step`` says what to do where it is not green."""

    id: str
    criterion: str
    status: Status
    evidence: str
    next_step: str = ""

    @property
    def green(self) -> bool:
        """Whether it was looked at and is as it should be."""
        return self.status == "green"


def judged(
    identifier: str, criterion: str, faults: Sequence[str], evidence: str, next_step: str
) -> Check:
    """A check that is red with its faults, or green with the evidence."""
    if faults:
        return Check(identifier, criterion, "red", "; ".join(faults), next_step)
    return Check(identifier, criterion, "green", evidence, next_step)


def exit_code(checks: Sequence[Check]) -> int:
    """1 where one is red; what is unknown is said, and fails nothing."""
    return 1 if any(check.status == "red" for check in checks) else 0
