"""Time and chance, from one place, so that tests need not wait for either."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

SHORTEST, LONGEST = 2.0, 30.0
"""Seconds between two polls: short after something happened, longer while nothing does."""

GROWTH = 1.5


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """The time of day, a way to let some of it pass (seconds), and chance between 0 and 1."""

    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    limit: float = 3 * 3600.0

    def waits(self) -> "Waits":
        """Pauses between polls, until ``limit`` seconds are over."""
        return Waits(self)


class Waits:
    """Pauses that grow while nothing happens; counts them, so that a loop has an end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited = 0.0
        self._pause = SHORTEST / GROWTH

    def wait(self, *, news: bool = False) -> bool:
        """Sleeps once, briefly after news; False when the limit is reached.

        The jitter, up to a fifth, keeps several deployers from asking at the same moment.
        """
        if self._waited >= self._clock.limit:
            return False
        self._pause = SHORTEST if news else min(self._pause * GROWTH, LONGEST)
        seconds = self._pause * (1 - self._clock.chance() / 5)
        self._clock.sleep(seconds)
        self._waited += seconds
        return True
