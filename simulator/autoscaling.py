"""Application Auto Scaling: what the policies make of alarms.

Sources: Application Auto Scaling User Guide, "Step scaling policies", "Suspend and resume
scaling", "Not scaled reasons"; ECS Developer Guide, "Service auto scaling" (the running count is
where it starts from; no scale-in during deployments); API, PutScalingPolicy (the policy with the
largest capacity wins).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean

from simulator.cooldown import Cooldown
from simulator.model import Alarm, Policy, Scaling
from simulator.settings import Settings
from simulator.steps import change_of, find_step


@dataclass(frozen=True, slots=True)
class Invocation:
    """An alarm's message to a policy: ``points`` are the datapoints that were evaluated."""

    policy: Policy
    alarm: Alarm
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A capacity that a policy wants; ``base`` and ``change`` say how it came about."""

    policy: Policy
    target: int
    base: int
    change: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a policy wants nothing. ``passing``: the same question may soon be answered otherwise."""

    policy: Policy
    code: str
    reason: str
    passing: bool = False


class ScalableTarget:
    """The bounds and the policies of one service, and what they did last."""

    def __init__(self, scaling: Scaling, settings: Settings) -> None:
        self.min = scaling.min_capacity
        self.max = scaling.max_capacity
        self._suspended = scaling.suspended
        self._settings = settings
        self._cooldowns: Mapping[str, Cooldown] = {
            policy.name: Cooldown() for policy in scaling.policies
        }

    def decide(
        self,
        invocations: Sequence[Invocation],
        now: int,
        *,
        running: int,
        desired: int,
        deploying: bool,
    ) -> tuple[Proposal | None, list[Refused]]:
        """The proposal that wins, if any, and what was refused and why."""
        refused = []
        winner: Proposal | None = None
        for each in invocations:
            answer = self._answer(each, now, running, desired, deploying=deploying)
            if isinstance(answer, Refused):
                refused.append(answer)
            elif winner is None or answer.target > winner.target:
                winner = answer
        if winner:
            self._remember(winner, now, out=winner.target > desired)
        return winner, refused

    def _answer(
        self, invocation: Invocation, now: int, running: int, desired: int, *, deploying: bool
    ) -> Proposal | Refused:
        policy, alarm = invocation.policy, invocation.alarm
        if not invocation.points:
            return Refused(policy, "no datapoints", f"{alarm.name} carries no datapoint")
        value = _aggregated(policy, invocation.points)
        step = find_step(policy.steps, value, alarm.threshold, alarm.operator)
        if step is None:
            sentence = (
                f"No step adjustment found for metric value {list(invocation.points)}"
                f" and breach threshold {alarm.threshold}"
            )
            return Refused(policy, "no step", sentence)
        change = change_of(policy, step, running)
        if change > 0:
            return self._out(policy, change, now, running, desired, step_of=(value, alarm))
        if change < 0:
            return self._in(
                policy, change, now, running, desired, deploying=deploying, step_of=(value, alarm)
            )
        return Refused(policy, "no change", "the step changes nothing")

    def _out(
        self, policy: Policy, change: int, now: int, running: int, desired: int,
        *, step_of: tuple[float, Alarm],
    ) -> Proposal | Refused:  # fmt: skip
        last = self._cooldowns[policy.name]
        if self._suspended.scaling_out:
            return Refused(policy, "suspended", "scaling out is suspended")
        base = running
        if now < last.out_until:
            base = last.base
            step = find_step(policy.steps, step_of[0], step_of[1].threshold, step_of[1].operator)
            change = change_of(policy, step, base) if step else change
            if change <= last.change:
                return Refused(
                    policy, "cooldown", "the cooldown of its scale-out holds", passing=True
                )
        target = max(self.min, min(self.max, base + change)) if desired >= self.min else self.min
        if target <= desired:
            at_max = desired >= self.max
            code = "AlreadyAtMaxCapacity" if at_max else "AlreadyAtDesiredCapacity"
            return Refused(policy, code, f"{desired} tasks are desired already", passing=not at_max)
        return Proposal(policy, target, base, change, _reason(step_of, base, change))

    def _in(
        self, policy: Policy, change: int, now: int, running: int, desired: int,
        *, deploying: bool, step_of: tuple[float, Alarm],
    ) -> Proposal | Refused:  # fmt: skip
        if self._suspended.scaling_in:
            return Refused(policy, "suspended", "scaling in is suspended")
        if deploying:
            return Refused(policy, "deployment", "a deployment is in progress", passing=True)
        if now < self._cooldowns[policy.name].in_until:
            return Refused(policy, "cooldown", "the cooldown of its scale-in holds", passing=True)
        if self._settings.scale_in_blocked_by_scale_out and any(
            now < each.out_until for each in self._cooldowns.values()
        ):
            return Refused(policy, "cooldown", "the cooldown of a scale-out holds", passing=True)
        target = max(self.min, min(self.max, running + change)) if desired <= self.max else self.max
        if target >= desired:
            at_min = desired <= self.min
            code = "AlreadyAtMinCapacity" if at_min else "AlreadyAtDesiredCapacity"
            return Refused(policy, code, f"{desired} tasks are desired already", passing=not at_min)
        return Proposal(policy, target, running, change, _reason(step_of, running, change))

    def _remember(self, winner: Proposal, now: int, *, out: bool) -> None:
        at_once = self._settings.cooldown_from == "decision"
        until = now + winner.policy.cooldown if at_once else inf
        last = self._cooldowns[winner.policy.name]
        if not out:
            last.in_until = until
            return
        last.base, last.change, last.out_until = winner.base, winner.change, until
        for each in self._cooldowns.values():
            each.in_until = -1

    def fulfil(self, now: int, policies: Sequence[Policy]) -> None:
        """The running tasks are as many as desired: cooldowns that waited begin."""
        for policy in policies:
            self._cooldowns[policy.name].fulfil(now + policy.cooldown)


def _aggregated(policy: Policy, points: Sequence[float]) -> float:
    if policy.aggregation == "Average":
        return fmean(points)
    return max(points) if policy.aggregation == "Maximum" else min(points)


def _reason(step_of: tuple[float, Alarm], base: int, change: int) -> str:
    value, alarm = step_of
    return f"{alarm.name} at {value:g}: {change:+d} on {base} running"
