"""Everything that a judgement may look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workerstack.cloudformation import Stack
from workerstack.review.model import UNKNOWN, AccessChange, OtherChange, ResourceChange

Body = Mapping[str, Any]
"""One resource as a template has it: Type, Properties, DeletionPolicy, ..."""

Bodies = Mapping[str, Body]
"""All resources of a template by logical id, with values for what is known."""


@dataclass(frozen=True)
class Facts:
    """What only the live account knows; None where it was not asked or did not answer.

    ``imports``: the stacks that import an export, by the export's name.
    """

    account: str = ""
    running_tasks: int | None = None
    messages_in_flight: int | None = None
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    rollback_disabled: bool = False


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
    stacks: tuple[Stack, Stack] | None = None

    def changes(self, *types: str, action: str = "") -> Iterator[ResourceChange]:
        """The changes of these types, of all when none is named, with this action."""
        for change in self.resources:
            if (not types or change.type in types) and action in ("", change.action):
                yield change


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
