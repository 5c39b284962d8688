"""Findings from the table of checks: what the change brings, and in one line what it mends.

The table looks at one state. A sentence that is true of the stack after and not of the stack
before is a finding under the check's id, with the check's level.
"""

from collections.abc import Iterator, Sequence

from workerstack import checks
from workerstack.checks import CheckedViolation, behaviour
from workerstack.cloudformation import Stack
from workerstack.review.case import Case
from workerstack.review.model import Finding

IDS = tuple(each.id for each in checks.CHECKS)
NAMED = 5
"""Mended places that are named; the others are counted."""


def brought(case: Case) -> Iterator[Finding]:
    """What does not hold after the change, and held before, or was not there."""
    if case.resolved is None:
        return
    known = {_sentence(each) for each in _found(case, "before")}
    for each in _found(case, "after"):
        violation = each.violation
        if _sentence(each) not in known:
            yield Finding(
                id=each.check.id,
                level=each.check.finding,
                logical_id=violation.logical_id,
                what=violation.what,
                why=violation.why,
                next_step=violation.next_step,
            )


def mended(case: Case) -> Iterator[Finding]:
    """One note on all that does not hold before the change, and does after it."""
    if case.resolved is None or case.is_new:
        return
    still = {_place(each) for each in _found(case, "after")}
    gone = dict.fromkeys(_place(each) for each in _found(case, "before"))
    found = [each for each in gone if each not in still]
    if found:
        named = ", ".join(f"{identifier} of {name}" for identifier, name in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield Finding(
            id="mends",
            level="note",
            logical_id=found[0][1],
            what=f"The change fixes {named}{more}",
            why="these checks did not hold before, and hold after it",
            next_step="docs/checks.md says what each of them is",
        )


def _found(case: Case, side: str) -> list[CheckedViolation]:
    """What the table says of one side, ``before`` or ``after``; both are asked once."""
    if not case.checked:
        before, after = case.stacks
        rows = _asked(case, before, after)
        case.checked["before"] = [] if case.is_new else checks.run(before, checks=rows)
        case.checked["after"] = checks.run(after, checks=rows)
    return case.checked[side]


def _asked(case: Case, before: Stack, after: Stack) -> Sequence[checks.Check]:
    """All; but nothing is simulated where all that decides on the scaling is as before."""
    if case.is_new or behaviour.decides(before) != behaviour.decides(after):
        return checks.CHECKS
    return [each for each in checks.CHECKS if each.id not in behaviour.SIMULATED]


def _sentence(found: CheckedViolation) -> tuple[str, str]:
    return found.check.id, found.violation.sentence


def _place(found: CheckedViolation) -> tuple[str, str]:
    return found.check.id, found.violation.logical_id
