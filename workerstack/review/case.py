"""Everything that a judgement may look at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from workerstack.checks import CheckedViolation
from workerstack.cloudformation import Stack, from_data, resolve, text, written
from workerstack.cloudformation.bodies import dimensions
from workerstack.review.model import UNKNOWN, AccessChange, OtherChange, ResourceChange
from workerstack.review.rights import Compared, compared

Body = Mapping[str, Any]
"""One resource as a template has it: Type, Properties, DeletionPolicy, ..."""

Bodies = Mapping[str, Body]
"""All resources of a template by logical id, with values for what is known."""


@dataclass(frozen=True)
class MovedTag:
    """A deployed tag that means another image by now; ``runs`` and ``means`` are digests.

    ``image`` is the whole image, as the deployed task definition says it.
    """

    service: str
    image: str
    tag: str
    runs: str
    means: str
    pushed: datetime | None


@dataclass(frozen=True)
class Facts:
    """What only the live account knows; None where it was not asked or did not answer.

    ``imports``: the stacks that import an export, by the export's name. ``waiting``: messages,
    visible and in flight, of each queue that the change leaves.
    """

    account: str = ""
    running_tasks: int | None = None
    messages_in_flight: int | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    rollback_disabled: bool = False
    moved_tags: tuple[MovedTag, ...] = ()


class Export(NamedTuple):
    """One export: of which output, and its value."""

    output: str
    value: Any


@dataclass(frozen=True)
class Case:
    """A change set's changes with both templates; ``is_new`` is a stack's creation.

    ``before`` and ``after`` hold the unchanged resources, too, and are empty where a
    template is not known. ``stacks`` are the whole stack before and after, resolved.
    """

    is_new: bool
    resources: tuple[ResourceChange, ...]
    others: tuple[OtherChange, ...] = ()
    before: Bodies = field(default_factory=dict)
    after: Bodies = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    access: tuple[AccessChange, ...] = ()
    resolved: tuple[Stack, Stack] | None = field(default=None, repr=False, compare=False)
    checked: dict[str, list[CheckedViolation]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """What the table of checks says of each side, once it was asked; other facts change nothing."""

    @cached_property
    def stacks(self) -> tuple[Stack, Stack]:
        """Both templates resolved; where only bodies are known, those with unknown values."""
        if self.resolved is not None:
            return self.resolved
        return _stack(self.before), _stack(self.after)

    @cached_property
    def rights(self) -> tuple[Compared, ...]:
        """Who gains and loses which permissions; nothing where a side is not known."""
        return compared(*self.stacks) if self.is_whole else ()

    @cached_property
    def is_whole(self) -> bool:
        """Whether both stacks have what changes: else nothing can be said of the rest."""
        before, after = self.stacks
        return all(
            (each.action == "Add" or each.logical_id in before.resources)
            and (each.action == "Remove" or each.logical_id in after.resources)
            for each in self.resources
            if each.action in ("Add", "Modify", "Remove")
        )

    @cached_property
    def exports(self) -> tuple[dict[str, Export], dict[str, Export]]:
        """What both stacks export, by the export's name as far as it is known."""
        before, after = self.stacks
        return _exports(before), _exports(after)

    def changes(self, *types: str, action: str = "") -> Iterator[ResourceChange]:
        """The changes of these types, of all when none is named, with this action."""
        for change in self.resources:
            if (not types or change.type in types) and action in ("", change.action):
                yield change


def _stack(bodies: Bodies) -> Stack:
    found = {
        name: {key: value for key, value in body.items() if key not in ("Condition", "DependsOn")}
        for name, body in bodies.items()
    }
    return resolve(from_data({"Resources": found}), {}, {})


def _exports(stack: Stack) -> dict[str, Export]:
    return {
        text(each.export) or written(each.export): Export(name, each.value)
        for name, each in stack.outputs.items()
        if each.export is not None
    }


ALARM, QUEUE = "AWS::CloudWatch::Alarm", "AWS::SQS::Queue"


def watched(bodies: Bodies) -> set[str]:
    """The queues by name whose depth the alarms watch."""
    alarms = [properties(body) for body in bodies.values() if body.get("Type") == ALARM]
    return {name for alarm in alarms for name in _queues(alarm)}


def _queues(alarm: Any) -> Iterator[str]:
    """The names of the queues that an alarm's body looks at, where they are known."""
    for each in dimensions(alarm, "QueueName"):
        if isinstance(each, str):
            yield each


def left_queues(changes: Iterable[ResourceChange], after: Bodies) -> dict[str, str]:
    """Queues that nobody processes afterwards, by name, with the resource that says so."""
    new = watched(after)
    found: dict[str, str] = {}
    for change in changes:
        if change.type == ALARM:
            for name in _queues(properties(change.before)):
                if name not in new:
                    found.setdefault(name, change.logical_id)
        gone = change.action == "Remove" or is_replaced(change)
        if change.type == QUEUE and gone and change.physical_id:
            found[change.physical_id.rpartition("/")[2]] = change.logical_id
    return found


def properties(body: Any) -> dict[str, Any]:
    """A body's properties; empty for a body that is absent or unreadable."""
    found = body.get("Properties") if isinstance(body, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def is_replaced(change: ResourceChange) -> bool:
    """Whether the resource will, or may, be made anew. An addition is not."""
    return change.action == "Modify" and change.replacement in ("True", "Conditional")


def known(value: Any) -> bool:
    """Whether a value is given and is a plain one, that can be compared."""
    return value is not None and not isinstance(value, Mapping) and UNKNOWN not in str(value)
