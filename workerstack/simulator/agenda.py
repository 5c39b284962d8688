"""What is due when. Within one second the phases below are the order."""

from enum import IntEnum
from heapq import heappush


class Phase(IntEnum):
    """The order of what happens within one second, after arrivals and expiries."""

    SHOWN = 0
    REAPPEARS = 1
    RUNNING = 2
    JOB_ENDS = 3
    KILL = 4
    FREE = 5
    PROTECTION_ENDS = 6
    RECLAIMED = 7
    DEPLOYMENT = 8
    SCHEDULED = 9
    DECISION = 10
    WAKE = 11


class Agenda:
    """A heap of (second, phase, subject, detail)."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, int, int]] = []

    def add(self, second: int, phase: int, subject: int, detail: int = 0) -> None:
        """Something is due at that second, later than now."""
        heappush(self.entries, (second, phase, subject, detail))
