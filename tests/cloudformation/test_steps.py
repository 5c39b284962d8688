"""Which step a metric value takes: the examples of the API reference, StepAdjustment."""

from typing import Any

import pytest

from workerstack.cloudformation import Unknown
from workerstack.cloudformation.steps import is_upward, matching, probes, steps_of

CONFIGURATION = {
    "StepAdjustments": [
        {"MetricIntervalLowerBound": "0", "MetricIntervalUpperBound": 10, "ScalingAdjustment": 0},
        {"MetricIntervalLowerBound": 10, "MetricIntervalUpperBound": 20, "ScalingAdjustment": "10"},
        {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 30},
    ]
}


@pytest.mark.parametrize(
    ("distance", "change"), [(0, 0), (9.99, 0), (10, 10), (19, 10), (20, 30), (1e9, 30)]
)
def test_above_the_threshold_lower_bounds_are_inclusive(distance: float, change: int) -> None:
    [step] = matching(steps_of(CONFIGURATION), distance, upward=True)
    assert step.change == change


def test_below_the_threshold_upper_bounds_are_inclusive() -> None:
    steps = steps_of(
        {
            "StepAdjustments": [
                {"MetricIntervalUpperBound": -20, "ScalingAdjustment": -30},
                {"MetricIntervalLowerBound": -20, "MetricIntervalUpperBound": 0},
            ]
        }
    )
    assert [each.change for each in matching(steps, -20, upward=False)] == [-30]
    assert [each.change for each in matching(steps, 0, upward=False)] == [None]
    assert matching(steps, 0, upward=True) == []


@pytest.mark.parametrize(
    "configuration", [None, [], {}, {"StepAdjustments": "x"}, {"StepAdjustments": [1, "x"]}]
)
def test_what_has_no_steps(configuration: Any) -> None:
    assert steps_of(configuration) == []


def test_a_bound_that_is_not_known_is_open() -> None:
    unknown = Unknown({"Ref": "Least"}, "it has no value", "parameter")
    [step] = steps_of({"StepAdjustments": [{"MetricIntervalLowerBound": unknown}]})
    assert step.lower is None


def test_probes_lie_on_the_breaching_side() -> None:
    steps = steps_of(CONFIGURATION)
    assert min(probes(steps, upward=True)) == 0
    assert max(probes(steps, upward=False)) == 0
    assert {10, 20} <= set(probes(steps, upward=True))
    assert is_upward("GreaterThanThreshold")
    assert not is_upward("LessThanOrEqualToThreshold")
