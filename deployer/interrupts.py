"""Ctrl-C and SIGTERM, so that what was touched is put back whenever they come."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C; the end of a CI job; the end of a terminal."""


class Interrupts:
    """Raises KeyboardInterrupt once at most, and only while something may be given up.

    Never after that: what follows, putting back, is not disturbed by a second Ctrl-C.
    """

    def __init__(self) -> None:
        self._open = False
        self.arrived = False

    @contextmanager
    def may_end(self) -> Iterator[None]:
        """What is done in here may be interrupted."""
        try:
            self._open = not self.arrived
            if self.arrived:
                raise KeyboardInterrupt
            yield
        finally:
            self._open = False

    def arrive(self, _number: int, _frame: FrameType | None) -> None:
        """The handler of a signal."""
        self.arrived = True
        if self._open:
            self._open = False
            raise KeyboardInterrupt


@contextmanager
def held() -> Iterator[Interrupts]:
    """Signals are held from here on; one that came outside of ``may_end`` is raised at the end."""
    interrupts = Interrupts()
    before = {each: signal.signal(each, interrupts.arrive) for each in SIGNALS}
    try:
        yield interrupts
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if interrupts.arrived:
        raise KeyboardInterrupt
