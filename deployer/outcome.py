"""How an operation ended, from its events: what failed first, what was left behind."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from deployer.events import Event

CHANGED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""The end states of a change that went well. A rolled-back one is none, whatever botocore's
waiters say."""

TAKEN_BACK = frozenset({"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
"""The end states of a rollback that somebody asked for."""

DELETED = frozenset({"DELETE_COMPLETE"})

LEFT = frozenset({"DELETE_FAILED", "DELETE_SKIPPED"})


@dataclass(frozen=True)
class Outcome:
    """The end of an operation.

    ``causes`` are the failures that started it all, ``consequences`` those that followed;
    ``not_rolled_back`` failed when it was taken back; ``left_behind`` are resources that
    were not deleted, since that failed or their policy keeps them: they exist, and are
    billed. ``stopped`` are the reasons for which tasks of the service stopped meanwhile:
    what the failure of the service itself does not say.
    """

    status: str
    is_good: bool
    causes: tuple[Event, ...]
    consequences: tuple[Event, ...]
    rolled_back: tuple[str, ...]
    not_rolled_back: tuple[Event, ...]
    left_behind: tuple[Event, ...]
    stopped: tuple[str, ...] = ()


def outcome(
    status: str,
    events: Sequence[Event],
    wanted: Collection[str] = CHANGED,
    stopped: Iterable[str] = (),
) -> Outcome:
    """What the events say of the end; pure.

    ``wanted`` are the end states that were asked for. A failure after the stack itself began
    to roll back or clean up is none of the causes, unless that is what was asked for.
    """
    turned = _turned(events) if wanted == CHANGED else len(events)
    failed = [event for event in events[:turned] if event.is_failure and not event.is_of_stack]
    causes = [event for event in failed if not event.is_consequence] or failed[:1]
    later = events[turned:] if wanted == CHANGED else events
    gone = {event.logical_id for event in later if event.status == "DELETE_COMPLETE"}
    stuck = [event for event in later if event.is_failure and not event.is_of_stack]
    return Outcome(
        status=status,
        is_good=status in wanted,
        causes=tuple(causes),
        consequences=tuple(event for event in failed if event not in causes),
        rolled_back=_rolled_back(later) if "ROLLBACK" in status else (),
        not_rolled_back=tuple(
            event for event in stuck if event not in failed and event.status not in LEFT
        ),
        left_behind=tuple(
            event for event in later if event.status in LEFT and event.logical_id not in gone
        ),
        stopped=tuple(dict.fromkeys(stopped)),
    )


def _turned(events: Sequence[Event]) -> int:
    """Where the stack began to roll back or clean up; the end, where it did not."""
    turns = (
        number
        for number, event in enumerate(events)
        if event.is_of_stack and ("ROLLBACK" in event.status or "CLEANUP" in event.status)
    )
    return next(turns, len(events))


def _rolled_back(events: Sequence[Event]) -> tuple[str, ...]:
    done = (
        event.logical_id
        for event in events
        if not event.is_of_stack and event.status.endswith("_COMPLETE")
    )
    return tuple(dict.fromkeys(done))
