"""Writes down what happens, as change points and events."""

from collections.abc import Sequence

from workerstack.simulator.ecs import Service
from workerstack.simulator.model import AlarmState
from workerstack.simulator.result import Event, EventKind, Kill, Series
from workerstack.simulator.sqs import MessageQueue

NAMES = (
    "visible",
    "in_flight",
    "desired",
    "pending",
    "running",
    "busy",
    "oldest",
    "oldest_reported",
)


class Recording:
    """Everything that a Run tells beyond the messages themselves.

    ``whole`` False leaves out series and events: a search over many runs needs the sums only.
    """

    def __init__(self, alarms: Sequence[str], *, whole: bool) -> None:
        self.whole = whole
        self.events: list[Event] = []
        self.kills: list[Kill] = []
        self.returned = 0
        self.wasted = 0
        self.duplicates = 0
        self.scale_outs = 0
        self.scale_ins = 0
        self.peak = 0
        self.backlog_max = 0
        self._last: list[int | None] = [None] * len(NAMES)
        self._points: list[list[tuple[int, int]]] = [[] for _ in NAMES]
        self._alarms: dict[str, list[tuple[int, AlarmState]]] = {name: [] for name in alarms}
        self._refused: dict[str, str] = {}

    def event(self, second: int, kind: EventKind, subject: str, reason: str) -> None:
        """One thing that happened."""
        if self.whole:
            self.events.append(Event(second, kind, subject, reason))

    def alarm(self, second: int, name: str, state: AlarmState, reason: str) -> None:
        """An alarm is in another state."""
        self._alarms[name].append((second, state))
        self.event(second, "alarm", name, reason)

    def refused(self, second: int, policy: str, code: str, reason: str) -> None:
        """A policy was invoked for nothing; said once, until it is for another reason."""
        if self._refused.get(policy) != code:
            self._refused[policy] = code
            self.event(second, "not-scaled", policy, f"{code}: {reason}")

    def scaled(self, policy: str) -> None:
        """A policy scaled: what it is refused next is said again."""
        self._refused.pop(policy, None)

    def state(self, second: int, queue: MessageQueue, service: Service, busy: int) -> None:
        """How things are at the end of a second in which something happened."""
        running = len(service.running)
        if running > self.peak:  # noqa: PLR1730 - many times faster than max(), every second
            self.peak = running
        if queue.visible > self.backlog_max:  # noqa: PLR1730
            self.backlog_max = queue.visible
        if not self.whole:
            return
        values = (
            queue.visible,
            queue.in_flight,
            service.desired,
            len(service.pending),
            running,
            busy,
            queue.oldest(),
            queue.oldest_reported(),
        )
        last = self._last
        for index, value in enumerate(values):
            if value != last[index]:
                last[index] = value
                self._points[index].append((second, value))

    def series(self) -> Series:
        """All change points."""
        points = dict(zip(NAMES, map(tuple, self._points), strict=True))
        alarms = {name: tuple(changes) for name, changes in self._alarms.items()}
        return Series(**points, alarms=alarms)
