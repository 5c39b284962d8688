"""Rights that only look new: they are narrower than what the same resource loses."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from deployer.review import AccessChange


def widened(changes: Iterable[AccessChange]) -> Iterator[AccessChange]:
    """The gained statements, without the actions that a lost one allowed as well.

    A condition that is added to a statement, or a resource named where it was `*`, takes
    rights away, though the new statement as such was not there before.
    """
    every = list(changes)
    for gained in every:
        if not gained.gained:
            continue
        lost = [each for each in every if _compares(each, gained)]
        actions = tuple(each for each in gained.actions if not _covered(each, gained, lost))
        if actions:
            yield gained.model_copy(update={"actions": actions})


def _compares(lost: AccessChange, gained: AccessChange) -> bool:
    return (
        not lost.gained
        and lost.effect == gained.effect == "Allow"
        and (lost.kind, lost.logical_id) == (gained.kind, gained.logical_id)
        and lost.principal in (gained.principal, "*")
        and lost.condition in ("", gained.condition)
    )


def _covered(action: str, gained: AccessChange, lost: list[AccessChange]) -> bool:
    """Whether each resource was allowed this action by one of the lost statements."""
    fitting = [each for each in lost if any(_matches(action, one) for one in each.actions)]
    return bool(fitting) and all(
        any(_matches(resource, one) for each in fitting for one in each.resources or ("",))
        for resource in gained.resources or ("",)
    )


def _matches(value: str, pattern: str) -> bool:
    """IAM's wildcards; what begins with "all but" only matches itself."""
    return value == pattern or bool(_expression(pattern).fullmatch(value))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.IGNORECASE | re.DOTALL)
