"""How an operation ended, from its events: what failed first, what was left behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.events import Event

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""The end states of a success. A rolled-back update is none, whatever botocore's waiters say."""

ROLLED_BACK = frozenset(
    {"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)


LEFT = frozenset({"DELETE_FAILED", "DELETE_SKIPPED"})


@dataclass(frozen=True)
class Outcome:
    """The end of an operation.

    ``causes`` are the failures that started it all, ``consequences`` those that followed;
    ``left_behind`` are resources that were not deleted, since that failed or their policy
    keeps them: they exist, and are billed.
    """

    status: str
    causes: tuple[Event, ...]
    consequences: tuple[Event, ...]
    rolled_back: tuple[str, ...]
    left_behind: tuple[Event, ...]

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should."""
        return self.status in GOOD


def outcome(status: str, events: Sequence[Event]) -> Outcome:
    """What the events say of the end; pure.

    A failure after the stack itself began to roll back or clean up is none of the causes.
    """
    turned = next(
        (
            number
            for number, event in enumerate(events)
            if event.is_of_stack and ("ROLLBACK" in event.status or "CLEANUP" in event.status)
        ),
        len(events),
    )
    failed = [event for event in events[:turned] if event.is_failure and not event.is_of_stack]
    causes = [event for event in failed if not event.is_consequence] or failed[:1]
    later = events[turned:]
    gone = {event.logical_id for event in later if event.status == "DELETE_COMPLETE"}
    return Outcome(
        status=status,
        causes=tuple(causes),
        consequences=tuple(event for event in failed if event not in causes),
        rolled_back=tuple(
            dict.fromkeys(
                event.logical_id
                for event in later
                if not event.is_of_stack and event.status.endswith("_COMPLETE")
            )
        )
        if "ROLLBACK" in status
        else (),
        left_behind=tuple(
            event for event in later if event.status in LEFT and event.logical_id not in gone
        ),
    )
