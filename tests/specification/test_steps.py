import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerstack.cloudformation.steps import StepBounds as RuleStep
from workerstack.cloudformation.steps import matching, probes
from workerstack.specification import SpecificationError, Step
from workerstack.specification.steps import Adjustment, Side, step_table


def test_the_edit_workers_table() -> None:
    table = step_table(
        [Step(upper=0, change=-1), Step(lower=1, change=+1), Step(lower=10, change=+2)]
    )
    assert table.scale_in == Side(0, (Adjustment(None, 0, -1),))
    assert table.scale_out == Side(1, (Adjustment(0, 9, 1), Adjustment(9, None, 2)))


def test_several_steps_each_way_and_in_any_order() -> None:
    table = step_table(
        [
            Step(lower=50, change=+3),
            Step(lower=2, upper=4, change=-1),
            Step(upper=2, change=-5),
            Step(lower=5, upper=50, change=+1),
        ]
    )
    assert table.scale_in == Side(4, (Adjustment(None, -2, -5), Adjustment(-2, 0, -1)))
    assert table.scale_out == Side(5, (Adjustment(0, 45, 1), Adjustment(45, None, 3)))


IN, OUT = Step(upper=0, change=-1), Step(lower=1, change=+1)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([OUT], "No step removes tasks"),
        ([IN], "No step adds tasks"),
        ([IN, OUT, Step(lower=5, change=0)], "changes nothing"),
        ([IN, Step(upper=5, change=1)], "has no lower bound"),
        ([Step(lower=0, change=-1), OUT], "has no upper bound"),
        ([IN, Step(lower=-1, change=1)], "has a negative bound"),
        ([IN, OUT, Step(lower=1, change=2)], "overlap"),
        ([IN, Step(lower=1, upper=5, change=1), Step(lower=10, change=2)], "leave a gap"),
        ([IN, Step(lower=1, upper=12, change=1), Step(lower=10, change=2)], "overlap"),
        ([IN, Step(lower=3, change=1)], "leave a gap"),
        ([Step(upper=1, change=-1), OUT], "overlap"),
        ([IN, Step(lower=1, upper=5, change=1)], "leaves a gap"),
        ([Step(lower=0, upper=0, change=-1), OUT], "leaves a gap"),
        (
            [Step(upper=1, change=-2), Step(lower=3, upper=4, change=-1), Step(lower=5, change=1)],
            "leave a gap",
        ),
        ([IN, *(Step(lower=n, change=1) for n in range(1, 23))], "at most 20"),
    ],
)
def test_wrong_tables(steps: list[Step], words: str) -> None:
    with pytest.raises(SpecificationError, match=words):
        step_table(steps)


@st.composite
def tables(draw: st.DrawFn) -> list[Step]:
    """Tables as people may write them: edges, in steps up and down."""
    lows = sorted(draw(st.sets(st.integers(0, 50), min_size=1, max_size=5)))
    highs = sorted(draw(st.sets(st.integers(lows[-1] + 2, 9999), max_size=5)))
    removing = [Step(upper=low, change=-draw(st.integers(1, 9))) for low in lows]
    adding = [Step(lower=high, change=draw(st.integers(1, 9))) for high in (lows[-1] + 1, *highs)]
    return draw(st.permutations([*removing, *adding]))


@given(tables())
def test_aws_finds_exactly_the_step_that_was_written(steps: list[Step]) -> None:
    """For every queue depth, the derived bounds find the change that the table says."""
    table = step_table(steps)
    for side, upward in ((table.scale_in, False), (table.scale_out, True)):
        adjustments = [RuleStep(each.lower, each.upper, each.change) for each in side.adjustments]
        for probe in probes(adjustments, upward=upward):
            assert len(matching(adjustments, probe, upward=upward)) == 1
        for depth in range(120):
            if (depth >= side.threshold) if upward else (depth <= side.threshold):
                [found] = matching(adjustments, depth - side.threshold, upward=upward)
                assert found.change == _written(steps, depth, upward=upward)


def _written(steps: list[Step], depth: int, *, upward: bool) -> int:
    if upward:
        fitting = [step for step in steps if step.lower is not None and step.lower <= depth]
        return max(fitting, key=lambda step: step.lower or 0).change
    fitting = [step for step in steps if step.upper is not None and step.upper >= depth]
    return min(fitting, key=lambda step: step.upper or 0).change
