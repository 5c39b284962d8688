"""The cases that were written before the checks: what each says, asked of the table itself."""

from functools import cache

import pytest

from tests.checks.cases import CASES, Case
from tests.checks.edits import edited, emitted
from workerstack.checks import run
from workerstack.cloudformation import from_data, resolve

Said = set[tuple[str, str]]


def said(template: dict[str, object]) -> Said:
    return {(each.check.id, each.violation.sentence) for each in run(resolve(from_data(template)))}


@cache
def before(name: str) -> frozenset[tuple[str, str]]:
    return frozenset(said(emitted(name)))


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case) -> None:
    new = said(edited(case.base, case.edit)) - before(case.base)
    if case.expect == "fault":
        assert new, case.why
    else:
        assert not new, case.why
