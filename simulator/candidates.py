"""Step tables to try: thresholds, steps, windows and cooldowns, and a template that has them."""

from dataclasses import dataclass, replace
from itertools import product
from random import Random

from simulator.errors import SimulationError
from simulator.limits import scale_in_alarms
from simulator.model import Alarm, AlarmState, Policy, Scaling, Step

FIRST_CHANGES = (1, 2, 5)
SECOND_BEGINS = (5, 10, 20, 50)
SECOND_CHANGES = (2, 4, 10)
BEGINS = (1, 2, 5)
WINDOWS = (3, 5, 10, 15, 30)
COOLDOWNS = (60, 120, 180, 240, 300)
REMOVED = (1, 2, 5)
"""What is tried: tasks, messages, minutes, seconds, tasks."""


@dataclass(frozen=True, order=True)
class Candidate:
    """One table, in queue depths. ``steps`` add tasks: where each begins, and how many.

    ``window`` is in minutes: for how long at most ``steps[0][0] - 1`` messages must be left
    before ``removed`` tasks go. Cooldowns are in seconds.
    """

    steps: tuple[tuple[int, int], ...]
    removed: int
    window: int
    cooldown_out: int
    cooldown_in: int

    def __str__(self) -> str:
        """The table as a worker's specification has it."""
        lines = [f"    Step(upper={self.steps[0][0] - 1}, change={-self.removed}),"]
        lines += [f"    Step(lower={begin}, change={change:+d})," for begin, change in self.steps]
        return "\n".join(
            [
                "steps=(", *lines, "),", f"drained_minutes={self.window},",
                f"# Cooldown of the policies: {self.cooldown_out} s out, {self.cooldown_in} s in",
            ]
        )  # fmt: skip

    def applied(self, scaling: Scaling) -> Scaling:
        """The template with this table instead of its own. Raises SimulationError."""
        (out_alarm, out_policy), (in_alarm, in_policy) = _sides(scaling)
        begin = self.steps[0][0]
        ends = [*(next_begin - begin for next_begin, _ in self.steps[1:]), None]
        steps = tuple(
            Step(float(lower - begin), None if end is None else float(end), change)
            for (lower, change), end in zip(self.steps, ends, strict=True)
        )
        periods = max(1, self.window * 60 // in_alarm.period)
        alarms = {
            out_alarm.name: replace(
                out_alarm, threshold=float(begin), operator="GreaterThanOrEqualToThreshold"
            ),
            in_alarm.name: replace(
                in_alarm, threshold=float(begin - 1), operator="LessThanOrEqualToThreshold",
                evaluation_periods=periods, datapoints_to_alarm=periods,
            ),
        }  # fmt: skip
        policies = {
            out_policy.name: replace(
                out_policy, steps=steps, cooldown=self.cooldown_out,
                adjustment_type="ChangeInCapacity", min_adjustment_magnitude=0,
            ),
            in_policy.name: replace(
                in_policy, steps=(Step(None, 0.0, -self.removed),), cooldown=self.cooldown_in,
                adjustment_type="ChangeInCapacity", min_adjustment_magnitude=0,
            ),
        }  # fmt: skip
        return replace(
            scaling,
            alarms=tuple(alarms.get(each.name, each) for each in scaling.alarms),
            policies=tuple(policies.get(each.name, each) for each in scaling.policies),
        )


def candidates(scaling: Scaling, count: int, seed: int) -> list[Candidate]:
    """So many different tables, of all that can be tried; the same for the same seed."""
    _sides(scaling)
    most = scaling.max_capacity - scaling.min_capacity
    found = []
    for begin, first, second, change in product(
        BEGINS, _within(FIRST_CHANGES, most), (0, *SECOND_BEGINS), _within(SECOND_CHANGES, most)
    ):
        if second and (second <= begin or change <= first):
            continue
        steps = ((begin, first), (second, change)) if second else ((begin, first),)
        found += [
            Candidate(steps, *rest)
            for rest in product(_within(REMOVED, most), WINDOWS, COOLDOWNS, COOLDOWNS)
        ]
    different = sorted(set(found))
    return Random(f"candidates/{seed}").sample(different, min(count, len(different)))


def neighbours(candidate: Candidate, scaling: Scaling) -> list[Candidate]:
    """Tables that differ from this one in one value."""
    most = scaling.max_capacity - scaling.min_capacity
    found = [replace(candidate, window=each) for each in WINDOWS]
    found += [replace(candidate, removed=each) for each in _within(REMOVED, most)]
    found += [replace(candidate, cooldown_out=each) for each in COOLDOWNS]
    found += [replace(candidate, cooldown_in=each) for each in COOLDOWNS]
    (begin, first), *rest = candidate.steps
    for each in _within(FIRST_CHANGES, most):
        found.append(replace(candidate, steps=((begin, each), *rest)))
    found.append(replace(candidate, steps=((begin, first),)))
    for second, change in product(SECOND_BEGINS, _within(SECOND_CHANGES, most)):
        found.append(replace(candidate, steps=((begin, first), (second, change))))
    return sorted({each for each in found if _rising(each)} - {candidate})


def _rising(candidate: Candidate) -> bool:
    steps = candidate.steps
    return len(steps) == 1 or (steps[0][0] < steps[1][0] and steps[0][1] < steps[1][1])


def _within(values: tuple[int, ...], most: int) -> tuple[int, ...]:
    return tuple(sorted({min(each, max(most, 1)) for each in values}))


def _sides(scaling: Scaling) -> tuple[tuple[Alarm, Policy], tuple[Alarm, Policy]]:
    """The alarm and the policy of each direction."""
    policies = {policy.name: policy for policy in scaling.policies}
    inward = scale_in_alarms(scaling)
    outward = [
        alarm
        for alarm in scaling.alarms
        if alarm.operator.startswith("Greater") and alarm.actions_enabled
    ]
    if len(inward) != 1 or len(outward) != 1:
        raise SimulationError(
            "No table can be advised",
            f"the template has {len(outward)} alarms that add tasks and {len(inward)} that"
            " remove them, and one of each can be searched",
            "Give a template with one step policy in each direction",
            file=scaling.file,
        )

    def acting(alarm: Alarm) -> Policy:
        return next(policies[name] for state, name in alarm.actions if state == AlarmState.ALARM)

    return (outward[0], acting(outward[0])), (inward[0], acting(inward[0]))
