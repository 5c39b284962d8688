"""One line of a report: what was looked at, how it is, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["PASS", "FAIL", "SKIP"]
"""``SKIP``: it could not be looked at, or nothing proves it; never as good as a PASS."""


@dataclass(frozen=True)
class Verdict:
    """One check; ``next_step`` says what to do where it does not pass."""

    id: str
    criterion: str
    status: Status
    evidence: str
    next_step: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was looked at and is as it should be."""
        return self.status == "PASS"


def judged(
    identifier: str, criterion: str, faults: Sequence[str], evidence: str, next_step: str
) -> Verdict:
    """A check that fails with its faults, or passes with the evidence."""
    if faults:
        return Verdict(identifier, criterion, "FAIL", "; ".join(faults), next_step)
    return Verdict(identifier, criterion, "PASS", evidence)


def exit_code(checks: Sequence[Verdict]) -> int:
    """1 where one fails; what was skipped is said, and fails nothing."""
    return 1 if any(check.status == "FAIL" for check in checks) else 0
