"""The events of one operation: each once, in order, whatever else the stack went through."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """What happened to one resource; the stack's own events carry its id."""

    id: str
    time: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether it is a cause, and not a consequence of another failure."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()


class Events:
    """The events that carry an operation's token."""

    def __init__(self, cloudformation: Any, stack_id: str, token: str) -> None:
        self._cloudformation = cloudformation
        self._stack_id = stack_id
        self._token = token
        self._seen: set[str] = set()

    def new(self) -> Iterator[Event]:
        """The events since the last call, oldest first.

        AWS answers newest first; reading ends at the first page with nothing new of ours.
        """
        found: list[Event] = []
        token: str | None = None
        while True:
            options = {"NextToken": token} if token else {}
            page = self._cloudformation.describe_stack_events(StackName=self._stack_id, **options)
            fresh = [
                _event(each)
                for each in page["StackEvents"]
                if each.get("ClientRequestToken") == self._token
                and each["EventId"] not in self._seen
            ]
            found += fresh
            self._seen.update(event.id for event in fresh)
            token = page.get("NextToken")
            if not token or not fresh:
                break
        return reversed(found)


def _event(answer: dict[str, Any]) -> Event:
    return Event(
        id=answer["EventId"],
        time=answer["Timestamp"].strftime("%H:%M:%S"),
        logical_id=answer.get("LogicalResourceId", ""),
        physical_id=answer.get("PhysicalResourceId", ""),
        type=answer.get("ResourceType", ""),
        status=answer.get("ResourceStatus", ""),
        reason=answer.get("ResourceStatusReason") or "",
    )
