"""What arrives: messages with the second of their arrival and the seconds of their work."""

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.errors import SimulationError

MOST_MESSAGES = 1_000_000
"""A run of a million takes a minute and 630 MiB on two cores; more is likely a mistake."""

LATEST = 10 * 366 * 86_400
"""Ten years: nothing arrives later."""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One message: ``arrival`` in seconds from the beginning, ``service`` in seconds of work.

    A poison message fails after its work and is never deleted by the worker. Work of 0 s takes
    one second, since nothing happens within a second.
    """

    arrival: int
    service: int
    poison: bool = False


@dataclass(frozen=True)
class Trace:
    """Messages in the order of arrival. Make it by ``Trace.of``, which sorts and checks."""

    messages: tuple[Message, ...]

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Trace":
        """The trace of these messages; SimulationError on negative times or far too many."""
        ordered = tuple(
            sorted(messages, key=lambda each: (each.arrival, each.service, each.poison))
        )
        if len(ordered) > MOST_MESSAGES:
            raise SimulationError(
                f"{len(ordered):,} messages are too many",
                f"one run takes at most {MOST_MESSAGES:,}",
                "Simulate a part of the time",
            )
        for message in ordered:
            if message.arrival < 0 or message.service < 0:
                raise SimulationError(
                    f"A message arrives at second {message.arrival} and takes {message.service} s",
                    "neither can be negative",
                    "Count seconds from the beginning of the trace",
                )
        if ordered and ordered[-1].arrival > LATEST:
            raise SimulationError(
                f"A message arrives at second {ordered[-1].arrival}",
                "that is more than ten years after the beginning",
                "Count seconds from the beginning of the trace, not from 1970",
            )
        return cls(ordered)

    def shifted(self, seconds: int) -> "Trace":
        """The same messages, so many seconds later."""
        return Trace(
            tuple(
                Message(each.arrival + seconds, each.service, each.poison) for each in self.messages
            )
        )
