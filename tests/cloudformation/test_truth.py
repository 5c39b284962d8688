"""Yes, no, and not known with the first reason."""

import pytest

from workerstack.cloudformation.truth import Maybe, Truth, all_of, any_of, negated

FIRST, SECOND = Maybe("the first"), Maybe("the second")


@pytest.mark.parametrize(
    ("truths", "every", "some"),
    [
        ([], True, False),
        ([True, True], True, True),
        ([True, False], False, True),
        ([False, False], False, False),
        ([True, FIRST], FIRST, True),
        ([False, FIRST], False, FIRST),
        ([FIRST, SECOND], FIRST, FIRST),
        ([FIRST, SECOND, False], False, FIRST),
        ([FIRST, SECOND, True], FIRST, True),
    ],
)
def test_what_is_known_decides_and_the_first_reason_is_told(
    truths: list[Truth], every: Truth, some: Truth
) -> None:
    assert all_of(truths) == every
    assert any_of(truths) == some


def test_what_is_not_known_stays_so_and_is_no_answer() -> None:
    assert negated(FIRST) == FIRST
    assert (negated(truth=True), negated(truth=False)) == (False, True)
    with pytest.raises(TypeError):
        bool(FIRST)
