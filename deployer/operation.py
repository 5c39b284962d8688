"""An operation that goes on in AWS: what it is, one look at it, and where it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from deployer.events import Event
from deployer.outcome import CHANGED
from deployer.rollout import Rollout
from problem import Detached


@dataclass(frozen=True)
class Operation:
    """What is watched: which stack, by which token, since when, how many resources.

    ``token`` is empty where whoever began it gave none; then ``since``, an ISO time of UTC,
    tells its events from those of before. ``wanted`` are the end states of a success.
    """

    deployment: str
    stack_id: str
    stack_name: str
    token: str
    expected: int | None = None
    since: str = ""
    wanted: frozenset[str] = CHANGED
    descriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def cancellation(self) -> str:
        """The token with which it is cancelled; its events are the operation's, too."""
        return f"{self.token}-cancel"

    @property
    def resume(self) -> str:
        """The command that watches it again."""
        return f"./deploy.py watch {self.deployment}"

    def left(self, why: str) -> Detached:
        """What to raise where we stop watching before it has ended."""
        return Detached(
            "We stopped watching",
            why,
            f"The operation goes on in AWS. Watch it again with `{self.resume}`",
        )


@dataclass(frozen=True)
class Snapshot:
    """One look at the operation."""

    operation: Operation
    now: datetime
    started: datetime
    status: str
    events: tuple[Event, ...]
    rollout: Rollout | None
    trouble: str = ""

    def in_progress(self) -> dict[str, Event]:
        """The resources on which something is being done, with the event that began it."""
        latest: dict[str, Event] = {}
        for event in self.events:
            if not event.is_of_stack:
                began = latest.get(event.logical_id)
                same = began is not None and began.status == event.status
                latest[event.logical_id] = began if began and same else event
        return {
            name: event for name, event in latest.items() if event.status.endswith("_IN_PROGRESS")
        }

    def done(self) -> int:
        """How many resources have come to an end."""
        ended = {
            event.logical_id
            for event in self.events
            if not event.is_of_stack and event.status.endswith("_COMPLETE")
        }
        return len(ended - self.in_progress().keys())

    def failures(self) -> list[Event]:
        """What failed, in order, without the stack's own."""
        return [event for event in self.events if event.is_failure and not event.is_of_stack]


class Screen(Protocol):
    """Where it is shown; the only part that knows a terminal."""

    def show(self, snapshot: Snapshot, fresh: list[Event]) -> None:
        """One more look, with the events that are new."""

    def interrupted(self) -> Literal["detach", "cancel"]:
        """What to do after Ctrl-C."""

    def close(self) -> None:
        """Nothing more is to come."""
