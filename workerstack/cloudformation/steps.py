"""Which step adjustment a policy takes for a metric value.

Source: Application Auto Scaling API reference, StepAdjustment; user guide, "Step scaling
policies".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol, TypeVar

from workerstack.cloudformation.values import text

SMALL = 0.001
DEEP = 1_000_000.0


class Bounded(Protocol):
    """What has bounds that count from the alarm's threshold; None is open."""

    @property
    def lower(self) -> float | None: ...  # noqa: D102 - see the class

    @property
    def upper(self) -> float | None: ...  # noqa: D102 - see the class


OneStep = TypeVar("OneStep", bound=Bounded)


@dataclass(frozen=True)
class StepBounds:
    """One step adjustment; bounds count from the alarm's threshold, None is open.

    ``change`` is None where it is not known.
    """

    lower: float | None
    upper: float | None
    change: float | None


def steps_of(configuration: Any) -> list[StepBounds]:
    """The steps of a ``StepScalingPolicyConfiguration``; a bound that is no number is open."""
    listed = configuration.get("StepAdjustments") if isinstance(configuration, Mapping) else None
    return [
        StepBounds(
            _number(each.get("MetricIntervalLowerBound")),
            _number(each.get("MetricIntervalUpperBound")),
            _number(each.get("ScalingAdjustment")),
        )
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, Mapping)
    ]


def is_upward(operator: str) -> bool:
    """Whether an alarm with this comparison fires above its threshold."""
    return operator.startswith("Greater")


def matching(steps: Iterable[OneStep], distance: float, *, upward: bool) -> list[OneStep]:
    """The steps for a metric that is ``distance`` above the threshold; AWS wants exactly one.

    Above it, lower bounds are inclusive; below it, upper bounds are. At the threshold itself
    the alarm's direction decides: only so both examples of the API reference hold.
    """
    above = distance > 0 or (distance == 0 and upward)
    found = []
    for step in steps:
        lower = -inf if step.lower is None else step.lower
        upper = inf if step.upper is None else step.upper
        if (lower <= distance < upper) if above else (lower < distance <= upper):
            found.append(step)
    return found


def probes(
    steps: Sequence[Bounded], *, upward: bool, beside: float = SMALL, deep: float = DEEP
) -> list[float]:
    """Distances on the breaching side at which a gap or an overlap would show.

    ``beside`` is how far from each bound, ``deep`` what counts as beyond all of them.
    """
    edges = {bound for step in steps for bound in (step.lower, step.upper) if bound is not None}
    around = {edge + shift for edge in {0.0, *edges} for shift in (-beside, 0.0, beside)}
    every = {*around, deep, -deep}
    return sorted(each for each in every if (each >= 0 if upward else each <= 0))


def _number(value: Any) -> float | None:
    written = None if isinstance(value, bool) else text(value)
    try:
        return None if written is None else float(written)
    except ValueError:
        return None
