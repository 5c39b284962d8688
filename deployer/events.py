"""The events of one operation: each once, in order, whatever else the stack went through."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployer.operation import Operation

STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Event:
    """What happened to one resource; ``time`` is an ISO time of UTC."""

    id: str
    time: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    token: str = ""
    stack_id: str = ""

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
        self._seen: dict[str, Event] = {}

    def _is_ours(self, event: Event) -> bool:
        if self._operation.token:
            return event.token in self._tokens
        return event.time >= self._operation.since

    def new(self) -> list[Event]:
        """The operation's events that no call has given before, oldest first.

        AWS answers newest first, and a page may come twice or be missing. Reading ends at the
        first page of ours with nothing new.
        """
        found: dict[str, Event] = {}
        for ours in self._pages():
            fresh = [event for event in ours if event.id not in self._seen]
            found.update((event.id, event) for event in fresh)
            if ours and not fresh:
                break
        self._seen.update(found)
        return _oldest_first(found.values())

    def all(self) -> list[Event]:
        """All of the operation's events, oldest first, in the order in which AWS has them.

        What was given before and does not come again, since a page is missing, is put in by
        its time.
        """
        found = {event.id: event for ours in self._pages() for event in ours}
        missing = [event for event in self._seen.values() if event.id not in found]
        self._seen.update(found)
        return _oldest_first([*missing, *found.values()])

    def _pages(self) -> Iterator[list[Event]]:
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
            if not token or (events and not ours and begun):
                return


def _oldest_first(newest_first: Iterable[Event]) -> list[Event]:
    """By time; where that is the same, as AWS has them."""
    oldest_first = list(newest_first)[::-1]
    return sorted(oldest_first, key=lambda event: event.time)


def event_of(answer: Mapping[str, Any]) -> Event:
    """An event of DescribeStackEvents."""
    return Event(
        id=answer["EventId"],
        time=answer["Timestamp"].isoformat(),
        logical_id=answer.get("LogicalResourceId", ""),
        physical_id=answer.get("PhysicalResourceId", ""),
        type=answer.get("ResourceType", ""),
        status=answer.get("ResourceStatus", ""),
        reason=answer.get("ResourceStatusReason") or "",
        token=answer.get("ClientRequestToken", ""),
        stack_id=answer.get("StackId", ""),
    )
