"""What a run leaves: a summary, what happened and why, and series that a picture can draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workerstack.simulator.model import AlarmState, Scaling
from workerstack.simulator.settings import Settings

Points = Sequence[tuple[int, int]]
"""Change points: from that second on, that value."""

EventKind = Literal[
    "alarm",
    "scale-out",
    "scale-in",
    "not-scaled",
    "scheduled",
    "deployment",
    "task-starts",
    "task-runs",
    "task-stops",
    "task-stopped",
    "reclaimed",
    "kill",
    "returned",
    "dead-letter",
    "expired",
]
Fate = Literal["done", "dead", "expired", "waiting", "in flight"]


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """One thing that happened: when, what kind, to whom, and why, as a sentence."""

    second: int
    kind: EventKind
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What became of one message, in the trace's order.

    Seconds are absolute; ``first_received`` and ``finished`` are None where it never was.
    A message that was deleted is ``done``; ``receives`` counts all receives.
    """

    arrival: int
    service: int
    fate: Fate
    receives: int
    first_received: int | None
    finished: int | None


@dataclass(frozen=True, slots=True)
class TaskLife:
    """One task: seconds of its start, of RUNNING, SIGTERM and end; None where not (yet)."""

    number: int
    started: int
    running: int | None
    stopping: int | None
    ended: int | None


@dataclass(frozen=True, slots=True)
class Kill:
    """A job that SIGKILL ended: when, which message (index in the trace), task, seconds lost."""

    second: int
    message: int
    task: int
    wasted: int


@dataclass(frozen=True)
class Series:
    """How everything went over time, as change points from second 0.

    ``oldest`` holds the arrival second of the oldest message in the queue (so that the age at t
    is ``t - value``), -1 while there is none; ``oldest_reported`` that of the message that the
    metric names, which passes over those received three times or more. ``alarms`` holds each
    alarm's state by name.
    """

    visible: Points
    in_flight: Points
    desired: Points
    pending: Points
    running: Points
    busy: Points
    oldest: Points
    oldest_reported: Points
    alarms: Mapping[str, tuple[tuple[int, AlarmState], ...]]


@dataclass(frozen=True)
class Cost:
    """Dollars: tasks, their public addresses, alarms."""

    compute: float
    addresses: float
    alarms: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.compute + self.addresses + self.alarms


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The run in numbers; times in seconds.

    Percentiles are nearest-rank over all messages, and None where that rank was never reached:
    a message that was never received waited for ever.
    """

    messages: int
    done: int
    waiting: int
    in_flight: int
    dead_letters: int
    expired: int
    receives: int
    duplicates: int
    killed: int
    returned: int
    wasted: int
    first_receive_p50: int | None
    first_receive_p95: int | None
    first_receive_max: int | None
    completion_p50: int | None
    completion_p95: int | None
    completion_max: int | None
    oldest_age_max: int
    backlog_max: int
    peak: int
    scale_outs: int
    scale_ins: int
    tasks_started: int
    task_hours: float
    cost: Cost


@dataclass(frozen=True)
class Run:
    """A whole run. ``horizon`` is the second at which it ended."""

    scaling: Scaling
    settings: Settings
    horizon: int
    summary: Summary
    events: tuple[SimulatedEvent, ...]
    series: Series
    tasks: tuple[TaskLife, ...]
    kills: tuple[Kill, ...]
    dead_letters: tuple[tuple[int, int], ...]
    """Second, and the message's index in the trace."""
    outcomes: Sequence[MessageOutcome]
