"""Which step a metric value falls into, and how many tasks that step means.

Sources: Application Auto Scaling API, StepAdjustment; User Guide, "Step scaling policies",
"Scaling adjustment types".
"""

from collections.abc import Iterable

from workerstack.cloudformation.steps import is_upward, matching
from workerstack.simulator.model import Operator, Policy, Step


def find_step(
    steps: Iterable[Step], value: float, threshold: float, operator: Operator
) -> Step | None:
    """The step for a metric ``value``, or None: real policies then fail with a message."""
    upward = is_upward(operator)
    return next(iter(matching(steps, value - threshold, upward=upward)), None)


def change_of(policy: Policy, step: Step, capacity: int) -> int:
    """By how many tasks ``step`` changes ``capacity``; negative removes."""
    if policy.adjustment_type == "ExactCapacity":
        return step.adjustment - capacity
    if policy.adjustment_type == "ChangeInCapacity":
        return step.adjustment
    change = _rounded(capacity * step.adjustment)
    magnitude = policy.min_adjustment_magnitude
    if step.adjustment and abs(change) < magnitude:
        return magnitude if step.adjustment > 0 else -magnitude
    return change


def _rounded(hundredths: int) -> int:
    """Whole tasks: toward zero, but never less than one if there is any change."""
    if hundredths > 0:
        return max(1, hundredths // 100)
    return min(-1, -(-hundredths // 100)) if hundredths else 0
