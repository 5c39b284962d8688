"""Writes down what happens, as change points and events."""

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from workerstack.simulator.ecs import Service
from workerstack.simulator.model import AlarmState
from workerstack.simulator.result import EventKind, Kill, Series, SimulatedEvent
from workerstack.simulator.sqs import MessageQueue

WORK = ("visible", "in_flight", "busy", "oldest", "oldest_reported")
TASKS = ("desired", "pending", "running")
"""The series, in two parts: how much there is to do changes all the time, the tasks seldom."""


class ChangePoints(Sequence[tuple[int, int]]):
    """A series as pairs of a second and a value, in a tenth of the memory that pairs take."""

    def __init__(self) -> None:
        self.seconds = array("i")
        self.values = array("i")

    def __len__(self) -> int:
        return len(self.seconds)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.seconds, self.values, strict=True)

    @overload
    def __getitem__(self, index: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[int, int]]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, int] | Sequence[tuple[int, int]]:
        if isinstance(index, slice):
            return list(zip(self.seconds[index], self.values[index], strict=True))
        return self.seconds[index], self.values[index]


class Recording:
    """Everything that a Run tells beyond the messages themselves.

    ``whole`` False leaves out series and events: a search over many runs needs the sums only.
    """

    def __init__(self, alarms: Sequence[str], *, whole: bool) -> None:
        self.whole = whole
        self.events: list[SimulatedEvent] = []
        self.kills: list[Kill] = []
        self.returned = 0
        self.wasted = 0
        self.duplicates = 0
        self.scale_outs = 0
        self.scale_ins = 0
        self.peak = 0
        self.backlog_max = 0
        self._work: tuple[int, ...] = (-2,) * len(WORK)
        self._tasks: tuple[int, ...] = (-2,) * len(TASKS)
        self._points = {name: ChangePoints() for name in (*WORK, *TASKS)}
        put = {
            name: (each.seconds.append, each.values.append) for name, each in self._points.items()
        }
        self._of_work = [put[name] for name in WORK]
        self._of_tasks = [put[name] for name in TASKS]
        self._alarms: dict[str, list[tuple[int, AlarmState]]] = {name: [] for name in alarms}
        self._refused: dict[str, str] = {}

    def event(self, second: int, kind: EventKind, subject: str, reason: str) -> None:
        """One thing that happened."""
        if self.whole:
            self.events.append(SimulatedEvent(second, kind, subject, reason))

    def alarm(self, second: int, name: str, state: AlarmState, reason: str) -> None:
        """An alarm is in another state."""
        self._alarms[name].append((second, state))
        self.event(second, "alarm", name, reason)

    def refused(self, second: int, policy: str, code: str, reason: str) -> None:
        """A policy was invoked for nothing; said once, until it is for another reason."""
        # An alarm in ALARM invokes its policy every minute; the same refusal each time would hide
        # the rest.
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
        work = queue.visible, queue.in_flight, busy, *queue.oldest_two()
        if work != self._work:
            for value, before, (since, put) in zip(work, self._work, self._of_work):  # noqa: B905
                if value != before:
                    since(second)
                    put(value)
            self._work = work
        tasks = service.desired, len(service.pending), running
        if tasks != self._tasks:
            for value, before, (since, put) in zip(tasks, self._tasks, self._of_tasks):  # noqa: B905
                if value != before:
                    since(second)
                    put(value)
            self._tasks = tasks

    def series(self) -> Series:
        """All change points."""
        alarms = {name: tuple(changes) for name, changes in self._alarms.items()}
        return Series(**self._points, alarms=alarms)
