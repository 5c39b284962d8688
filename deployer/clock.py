"""Time, from one place, so that tests need not wait for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """The time of day, and a way to let some of it pass (seconds)."""

    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] = time.sleep
    poll: float = 2.0
    limit: float = 3 * 3600.0

    def waits(self) -> "Waits":
        """Pauses between polls, until ``limit`` seconds are over."""
        return Waits(self)


class Waits:
    """Counts what was slept, so that a loop has an end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited = 0.0

    def wait(self) -> bool:
        """Sleeps once; False when the limit is reached."""
        if self._waited >= self._clock.limit:
            return False
        self._clock.sleep(self._clock.poll)
        self._waited += self._clock.poll
        return True
