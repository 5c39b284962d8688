"""Which step a policy takes for a metric value, as Application Auto Scaling decides it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workerstack.checks.resolved import Resource, mapping, number, sequence

SMALL = 0.001
DEEP = 1_000_000.0


@dataclass(frozen=True)
class Step:
    """One step adjustment; bounds count from the alarm's threshold, None is open."""

    lower: float | None
    upper: float | None
    change: float | None


def steps_of(policy: Resource) -> list[Step]:
    """The step adjustments of a policy."""
    configuration = mapping(policy.properties.get("StepScalingPolicyConfiguration"))
    return [
        Step(
            number(mapping(each).get("MetricIntervalLowerBound")),
            number(mapping(each).get("MetricIntervalUpperBound")),
            number(mapping(each).get("ScalingAdjustment")),
        )
        for each in sequence(configuration.get("StepAdjustments"))
    ]


def configuration(policy: Resource) -> dict[str, Any]:
    """The step configuration of a policy."""
    return mapping(policy.properties.get("StepScalingPolicyConfiguration"))


def matching(steps: Sequence[Step], distance: float, *, upward: bool) -> list[Step]:
    """The steps for a metric that is ``distance`` above the threshold.

    Above it, lower bounds are inclusive; below it, upper bounds are (StepAdjustment). At
    the threshold itself the alarm's direction decides.
    """
    above = distance > 0 or (distance == 0 and upward)
    found = []
    for step in steps:
        lower = float("-inf") if step.lower is None else step.lower
        upper = float("inf") if step.upper is None else step.upper
        if (lower <= distance < upper) if above else (lower < distance <= upper):
            found.append(step)
    return found


def probes(steps: Sequence[Step], *, upward: bool) -> list[float]:
    """Distances on the breaching side at which a gap or an overlap would show."""
    edges = {bound for step in steps for bound in (step.lower, step.upper) if bound is not None}
    around = {edge + shift for edge in {0.0, *edges} for shift in (-SMALL, 0.0, SMALL)}
    every = {*around, DEEP, -DEEP}
    return sorted(each for each in every if (each >= 0 if upward else each <= 0))
