"""Forty-two risky changes are flagged, as many harmless ones are not."""

import pytest

from tests.review.cases.changes import ACCOUNT, HARMLESS, RISKY, Change
from workerstack.review import find_checks
from workerstack.review.predict import TemplateSide, predict_review
from workerstack.review.show import words

LEVELS = {"blocking": {"blocking"}, "flagged": {"blocking", "warning"}}


def said(change: Change) -> dict[str, set[str]]:
    """The ids of the findings, by level."""
    sides = [
        TemplateSide({"Resources": bodies, **({"Outputs": outputs} if outputs else {})})
        for bodies, outputs in zip((change.before, change.after), change.outputs, strict=True)
    ]
    review = predict_review(
        *sides, name="dev/jobs", account=ACCOUNT, region="us-west-2", stack="jobs"
    )
    found: dict[str, set[str]] = {}
    for each in review.findings:
        if each.id in find_checks.IDS:
            continue  # the table of checks looks at one state, and has tests of its own
        found.setdefault(each.level, set()).add(each.allowed_by)
    return found


@pytest.mark.parametrize("change", RISKY, ids=lambda each: each.name)
def test_what_is_risky_is_flagged(change: Change) -> None:
    found = said(change)
    assert found.keys() & LEVELS[change.expect], f"{change.why}: {found}"


@pytest.mark.parametrize("change", HARMLESS, ids=lambda each: each.name)
def test_what_is_harmless_is_not(change: Change) -> None:
    found = said(change)
    assert not found.keys() & LEVELS["flagged"], f"{change.why}: {found}"


def test_there_are_as_many_of_each() -> None:
    names = [each.name for each in (*RISKY, *HARMLESS)]
    assert len(RISKY) == len(HARMLESS) == 42
    assert len(set(names)) == len(names)


def test_long_values_are_told_apart_by_whole_words() -> None:
    base = "111122223333.dkr.ecr.us-west-2.amazonaws.com/shop/worker"
    digests = [f"@sha256:{each * 64}" for each in "ab"]
    assert words.told_apart(*(base + each for each in digests)) == (
        f".../worker{digests[0]}",
        digests[1],
    )
    assert words.told_apart(f"{base}:1", f"{base}:2") == (".../worker:1", ":2")
