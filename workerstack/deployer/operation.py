"""An operation in AWS: its events, how it ended, one look at it, and where it is shown."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from workerstack.deployer.service import Rollout
from workerstack.deployer.stack_states import CHANGED, LEFT
from workerstack.problem import Detached

STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class StackEvent:
    """What happened to one resource; ``time`` is an ISO time of UTC.

    ``token`` is what the operation is called, ``by`` who executed it, where the token says so.
    """

    id: str
    time: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    token: str = ""
    stack_id: str = ""
    by: str = ""

    @property
    def is_of_stack(self) -> bool:
        """Whether it is about the stack itself and none of its resources."""
        return self.type == STACK and self.physical_id == self.stack_id

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong."""
        return self.status.endswith("_FAILED")

    @property
    def is_consequence(self) -> bool:
        """Whether it only failed since something else had failed before."""
        reason = self.reason.lower()
        return "cancelled" in reason or "following resource(s) failed" in reason


class Events:
    """The events that are an operation's: by its token, or since it began without one."""

    def __init__(self, cloudformation: Any, operation: "Operation") -> None:
        self._cloudformation = cloudformation
        self._operation = operation
        self._tokens = {operation.token, operation.cancellation}
        self._seen: dict[str, StackEvent] = {}

    def _is_ours(self, event: StackEvent) -> bool:
        if self._operation.token:
            return event.token in self._tokens
        return event.time >= self._operation.since

    def new(self) -> list[StackEvent]:
        """The operation's events that no call has given before, oldest first.

        AWS answers newest first, and a page may come twice or be missing. Reading ends at the
        first page of ours with nothing new.
        """
        found: dict[str, StackEvent] = {}
        for ours in self._pages():
            fresh = [event for event in ours if event.id not in self._seen]
            found.update((event.id, event) for event in fresh)
            # A page without events of ours is no end: it may hold those of another operation only.
            if ours and not fresh:
                break
        self._seen.update(found)
        return _oldest_first(found.values())

    def all(self) -> list[StackEvent]:
        """All of the operation's events, oldest first, in the order in which AWS has them.

        What was given before and does not come again, since a page is missing, is put in by
        its time.
        """
        found = {event.id: event for ours in self._pages() for event in ours}
        missing = [event for event in self._seen.values() if event.id not in found]
        self._seen.update(found)
        return _oldest_first([*missing, *found.values()])

    def _pages(self) -> Iterator[list[StackEvent]]:
        """Each page's events that are ours, newest first, to the page before the first of them."""
        token: str | None = None
        begun = bool(self._seen)
        while True:
            options = {"NextToken": token} if token else {}
            page = self._cloudformation.describe_stack_events(
                StackName=self._operation.stack_id, **options
            )
            events = [event_of(each) for each in page["StackEvents"]]
            ours = [event for event in events if self._is_ours(event)]
            yield ours
            begun = begun or bool(ours)
            token = page.get("NextToken")
            # An empty page in the middle is possible in AWS's pagination, so it does not end the
            # reading.
            if not token or (events and not ours and begun):
                return


def _oldest_first(newest_first: Iterable[StackEvent]) -> list[StackEvent]:
    """By time; where that is the same, as AWS has them."""
    # Reversed before it is sorted: sorting is stable, and AWS gives several events one time.
    oldest_first = list(newest_first)[::-1]
    return sorted(oldest_first, key=lambda event: event.time)


BY = "-by-"
"""What stands in a token between what it is called and who began it."""

OURS = re.compile(rf"((?:review|rollback|delete)-\d{{8}}T\d{{6}}Z-[0-9a-f-]+){BY}([a-zA-Z0-9-]+)")
"""A token of ours that says who began it."""

LONGEST_NAME = 60
"""Characters of who executed it; a token holds 128 (API reference: ExecuteChangeSet)."""

SSO = "AWSReservedSSO_"
"""How the roles of IAM Identity Center begin; their sessions are called like the person."""


def token_of(name: str, caller: str) -> str:
    """The token of an execution: what it is called, and who begins it.

    CloudFormation's events tell no caller. A token takes letters, digits and hyphens (API
    reference: ExecuteChangeSet), so others become hyphens. ``caller`` is an ARN.
    """
    _, _, whom = caller.rpartition(":")[2].partition("/")
    role, _, session = whom.partition("/")
    who = session if role.startswith(SSO) else whom or caller.rpartition(":")[2]
    told = re.sub("[^a-zA-Z0-9]+", "-", who).strip("-")[:LONGEST_NAME].strip("-")
    return f"{name}{BY}{told}" if told else name


def event_of(answer: Mapping[str, Any]) -> StackEvent:
    """An event of DescribeStackEvents."""
    token, by = answer.get("ClientRequestToken", ""), ""
    if ours := OURS.fullmatch(token):
        token, by = ours.groups()
    return StackEvent(
        id=answer["EventId"],
        time=answer["Timestamp"].isoformat(),
        logical_id=answer.get("LogicalResourceId", ""),
        physical_id=answer.get("PhysicalResourceId", ""),
        type=answer.get("ResourceType", ""),
        status=answer.get("ResourceStatus", ""),
        reason=answer.get("ResourceStatusReason") or "",
        token=token,
        by=by,
        stack_id=answer.get("StackId", ""),
    )


@dataclass(frozen=True)
class OperationOutcome:
    """The end of an operation.

    ``causes`` are the failures that started it all, ``consequences`` those that followed;
    ``not_rolled_back`` failed when it was taken back; ``left_behind`` are resources that
    were not deleted, since that failed or their policy keeps them: they exist, and are
    billed. ``stopped`` are the reasons for which tasks of the service stopped meanwhile:
    what the failure of the service itself does not say. ``went_back`` says why ECS took the
    service's deployment back. ``was_cancelled``: somebody cancelled it, so that there is no cause.
    """

    status: str
    is_good: bool
    causes: tuple[StackEvent, ...]
    consequences: tuple[StackEvent, ...]
    rolled_back: tuple[str, ...]
    not_rolled_back: tuple[StackEvent, ...]
    left_behind: tuple[StackEvent, ...]
    stopped: tuple[str, ...] = ()
    went_back: tuple[str, ...] = ()
    was_cancelled: bool = False


def outcome(
    status: str,
    events: Sequence[StackEvent],
    wanted: Collection[str] = CHANGED,
    stopped: Iterable[str] = (),
) -> OperationOutcome:
    """What the events say of the end; pure.

    ``wanted`` are the end states that were asked for. A failure after the stack itself began
    to roll back or clean up is none of the causes, unless that is what was asked for.
    """
    turned = _turned(events) if wanted == CHANGED else len(events)
    failed = [event for event in events[:turned] if event.is_failure and not event.is_of_stack]
    real = [event for event in failed if not event.is_consequence]
    was_cancelled = wanted == CHANGED and not real and is_cancelled(events)
    causes = real or ([] if was_cancelled else failed[:1])
    later = events[turned:] if wanted == CHANGED else events
    # CloudFormation tries a deletion again that has failed: a later success counts.
    gone = {event.logical_id for event in later if event.status == "DELETE_COMPLETE"}
    stuck = [event for event in later if event.is_failure and not event.is_of_stack]
    return OperationOutcome(
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
        was_cancelled=was_cancelled,
    )


CANCEL = "-cancel"
"""How the token of a cancellation ends that this tool asked for."""


def is_cancelled(events: Iterable[StackEvent]) -> bool:
    """Whether somebody cancelled the update: by our token, or as the stack's own event says."""
    return any(
        event.token.endswith(CANCEL)
        or ("ROLLBACK_IN_PROGRESS" in event.status and "cancel" in event.reason.lower())
        for event in events
        if event.is_of_stack
    )


def _turned(events: Sequence[StackEvent]) -> int:
    """Where the stack began to roll back or clean up; the end, where it did not."""
    turns = (
        number
        for number, event in enumerate(events)
        if event.is_of_stack and ("ROLLBACK" in event.status or "CLEANUP" in event.status)
    )
    return next(turns, len(events))


def _rolled_back(events: Sequence[StackEvent]) -> tuple[str, ...]:
    done = (
        event.logical_id
        for event in events
        if not event.is_of_stack and event.status.endswith("_COMPLETE")
    )
    return tuple(dict.fromkeys(done))


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
        return f"{self.token}{CANCEL}"

    @property
    def resume(self) -> str:
        """The command that watches it again."""
        return f"./deploy.py watch {self.deployment}"

    def left(self, why: str) -> Detached:
        """What to raise where we stop watching before it has ended."""
        return Detached(
            "Stopped watching",
            why,
            f"The operation continues in AWS. Follow it with `{self.resume}`",
        )


@dataclass(frozen=True)
class Snapshot:
    """One look at the operation."""

    operation: Operation
    now: datetime
    started: datetime
    status: str
    events: tuple[StackEvent, ...]
    rollout: Rollout | None
    trouble: str = ""

    def in_progress(self) -> dict[str, StackEvent]:
        """The resources on which something is being done, with the event that began it."""
        latest: dict[str, StackEvent] = {}
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

    def failures(self) -> list[StackEvent]:
        """What failed, in order, without the stack's own."""
        return [event for event in self.events if event.is_failure and not event.is_of_stack]


class Screen(Protocol):
    """Where it is shown; the only part that knows a terminal."""

    def show(self, snapshot: Snapshot, fresh: list[StackEvent]) -> None:
        """One more look, with the events that are new."""

    def interrupted(self) -> Literal["detach", "cancel"]:
        """What to do after Ctrl-C."""

    def close(self) -> None:
        """Nothing more is to come."""
