"""Yes, no, or not known and why: the logic in which policies are judged."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Maybe:
    """Neither yes nor no; `reason` says what is not known."""

    reason: str

    def __bool__(self) -> bool:
        msg = f"neither true nor false, ask with `is True` or `is False`: {self.reason}"
        raise TypeError(msg)


Truth = bool | Maybe


def all_of(truths: Iterable[Truth]) -> Truth:
    """No when one is no; else not known when one is not known."""
    result: Truth = True
    for each in truths:
        if each is False:
            return False
        if isinstance(each, Maybe) and result is True:
            result = each
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Yes when one is yes; else not known when one is not known."""
    result: Truth = False
    for each in truths:
        if each is True:
            return True
        if isinstance(each, Maybe) and result is False:
            result = each
    return result


def negated(truth: Truth) -> Truth:
    """What is not known stays so."""
    return truth if isinstance(truth, Maybe) else not truth
