"""The logical id under which a resource was created, from which its generated name comes.

MiniStack makes a name of the logical id again at each update, and replaces what is not called
so. CloudFormation generates a name once; a resource that gets another logical id keeps it.
"""

from functools import cache
from typing import Any


@cache
def names() -> Any:
    """Logical ids of each account and region, by physical id."""
    from ministack.core.responses import AccountRegionScopedDict

    return AccountRegionScopedDict()


def forget() -> None:
    """Drops what is kept for every account and region."""
    names.cache_clear()


def remember(physical_id: str, logical_id: str) -> None:
    """Keeps the first logical id that a resource ever had."""
    if physical_id not in names():
        names()[physical_id] = logical_id


def install(stacks: Any) -> None:
    """Wraps the function that updates a resource."""
    original = stacks._update_resource
    if original.__module__ == __name__:
        return

    def update(
        kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str, *more: Any
    ) -> Any:
        born = names().get(physical_id, logical_id)
        return original(kind, physical_id, old, new, stack, born, *more)

    update.__module__ = __name__
    stacks._update_resource = update
