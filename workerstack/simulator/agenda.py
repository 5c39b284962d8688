"""What is due when. Within one second the phases below are the order."""

from enum import IntEnum
from heapq import heappop, heappush


class Phase(IntEnum):
    """The order of what happens within one second, after arrivals and expiries."""

    REAPPEARS = 0
    RUNNING = 1
    JOB_ENDS = 2
    KILL = 3
    FREE = 4
    PROTECTION_ENDS = 5
    DEPLOYMENT = 6
    SCHEDULED = 7
    DECISION = 8
    WAKE = 9


class Agenda:
    """A heap of (second, phase, subject, detail)."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, int, int]] = []

    def add(self, second: int, phase: int, subject: int, detail: int = 0) -> None:
        """Something is due at that second, later than now."""
        heappush(self.entries, (second, phase, subject, detail))

    def take(self, now: int) -> tuple[int, int, int, int] | None:
        """The next entry of this second, if any."""
        if self.entries and self.entries[0][0] == now:
            return heappop(self.entries)
        return None
