"""What was done to a stack, read off its own events: each execution, who began it, how it ended.

Source: CloudFormation API reference, DescribeStackEvents ("in reverse chronological order", for
a stack that exists all of them), StackEvent: ClientRequestToken; user guide, "Stack status codes".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workerstack.deployer import change_set
from workerstack.deployer.operation import CANCEL, StackEvent, event_of, is_cancelled
from workerstack.deployer.stack_states import BEGINNINGS, CHANGED, SHELL

ASKED_FOR = "user initiated"
"""The reason, lower case, of the first event of what somebody asked for."""


@dataclass(frozen=True)
class Execution:
    """One operation on the stack. Times are ISO times of UTC; ``ended`` is empty while it runs.

    ``name`` is the change set's where it was one of ours, else the token, or empty. ``first`` and
    ``status`` are the stack's states at its beginning and now; ``cause`` is the first failure.
    """

    name: str
    by: str
    began: str
    ended: str
    first: str
    status: str
    cause: str = ""
    was_cancelled: bool = False

    @property
    def told(self) -> change_set.NamedDigests | None:
        """What the name says that it deployed; None where it was not made by this tool."""
        return change_set.told(self.name)

    @property
    def went_well(self) -> bool:
        """Whether it deployed what it was asked to deploy."""
        return self.first in BEGINNINGS and self.status in CHANGED

    @property
    def outcome(self) -> str:
        """How it ended, in a word or two."""
        if not self.ended:
            return "in progress"
        if self.went_well:
            return "deployed"
        if self.status.endswith("ROLLBACK_COMPLETE"):
            return "cancelled, rolled back" if self.was_cancelled else "rolled back"
        return "deleted" if self.status == "DELETE_COMPLETE" else "failed"

    def deploys_as(self, other: "Execution") -> bool:
        """Whether both are known to have deployed the same template with the same values."""
        mine, theirs = self.told, other.told
        return bool(mine and theirs and mine.values and mine[1:] == theirs[1:])


def executions(cloudformation: Any, stack_id: str) -> Iterator[Execution]:
    """Everything that was done to the stack, newest first, read as far as it is asked for."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    return each_of(event_of(each) for page in pages for each in page["StackEvents"])


def last_cause(cloudformation: Any, stack_id: str) -> str:
    """Why the newest operation that failed did; empty where the events do not tell."""
    found = (each.cause for each in executions(cloudformation, stack_id))
    return next(filter(None, found), "")


def each_of(newest_first: Iterable[StackEvent]) -> Iterator[Execution]:
    """The executions that events tell of; pure. A page that came twice changes nothing."""
    seen: set[str] = set()
    own: list[StackEvent] = []
    for event in newest_first:
        if event.id in seen:
            continue
        seen.add(event.id)
        if event.is_of_stack and _parts(own, event):
            yield _execution(own)
            own = []
        if event.is_of_stack and event.status == SHELL:
            return
        # What a resource was last told before the stack's own end is another operation's.
        if own or event.is_of_stack:
            own.append(event)
    if own:
        yield _execution(own)


def last(newest_first: Iterable[StackEvent]) -> Iterator[StackEvent]:
    """The stack's own events of its last operation, newest first."""
    own: list[StackEvent] = []
    for event in newest_first:
        if event.status == SHELL or _parts(own, event):
            return
        own.append(event)
        yield event


def _parts(own: list[StackEvent], event: StackEvent) -> bool:
    """Whether an event of the stack belongs to an operation before the one that was read."""
    of_stack = [each for each in own if each.is_of_stack]
    if not of_stack:
        return False
    if event.status == SHELL:
        return True
    token = _name(of_stack[-1])
    return token != _name(event) or (not token and _begins(of_stack[-1]))


def _begins(event: StackEvent) -> bool:
    return event.status in BEGINNINGS or event.reason.lower() == ASKED_FOR


def _name(event: StackEvent) -> str:
    return event.token.removesuffix(CANCEL)


def _execution(newest_first: list[StackEvent]) -> Execution:
    of_stack = [event for event in newest_first if event.is_of_stack]
    first, end = of_stack[-1], of_stack[0]
    failed = [event for event in newest_first if event.is_failure and not event.is_of_stack]
    causes = [event for event in failed if not event.is_consequence] or failed
    cause = f"{causes[-1].logical_id}: {causes[-1].reason}" if causes else ""
    return Execution(
        # Of the newest event: where somebody cancels, its token differs by its end alone, which is
        # cut off.
        name=_name(end),
        by=next((each.by for each in reversed(of_stack) if each.by), ""),
        began=first.time,
        ended="" if end.status.endswith("_IN_PROGRESS") else end.time,
        first=first.status,
        status=end.status,
        cause=cause,
        was_cancelled=is_cancelled(of_stack),
    )
