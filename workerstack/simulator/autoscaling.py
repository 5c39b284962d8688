"""Application Auto Scaling: alarms invoke, policies decide, cooldowns hold, capacity changes.

Source: Application Auto Scaling User Guide, "Cooldown period": within a scale-out's cooldown
only a larger scale-out counts, and what was added already is part of it; a scale-in's cooldown
blocks scale-in and is cancelled by a scale-out.

Sources: Application Auto Scaling User Guide, "Step scaling policies", "Suspend and resume
scaling", "Not scaled reasons"; ECS Developer Guide, "Service auto scaling" (the running count is
where it starts from; no scale-in during deployments); API, PutScalingPolicy (the policy with the
largest capacity wins), StepAdjustment; User Guide, "Scaling adjustment types"
and "How target tracking scaling works".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from statistics import fmean

from workerstack.cloudformation.steps import is_upward, matching
from workerstack.simulator.cloudwatch import AlarmEvaluator
from workerstack.simulator.ecs import Service
from workerstack.simulator.model import (
    Alarm,
    Operator,
    Scaling,
    ScalingPolicy,
    ScheduledAction,
    SimulatedStep,
    TrackingPolicy,
)
from workerstack.simulator.recording import Recording
from workerstack.simulator.settings import Settings

NEVER = -1.0

Changer = Callable[[int], int]
"""By how many tasks a capacity changes."""


@dataclass(slots=True)
class Cooldown:
    """``base`` and ``change`` are those of the last scale-out; seconds, inf until fulfilled."""

    base: int = 0
    change: int = 0
    out_until: float = NEVER
    in_until: float = NEVER

    def fulfil(self, out_until: float, in_until: float) -> None:
        """Capacity is as desired: what waited for it begins to count."""
        if self.out_until == inf:
            self.out_until = out_until
        if self.in_until == inf:
            self.in_until = in_until


@dataclass(frozen=True, slots=True)
class Invocation:
    """An alarm's message to a policy: ``points`` are the datapoints that were evaluated."""

    policy: ScalingPolicy
    alarm: Alarm
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """The service at the second ``now``: tasks that run, that are desired, a deployment or not."""

    now: int
    running: int
    desired: int
    deploying: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A capacity that a policy wants; ``base`` and ``change`` say how it came about."""

    policy: ScalingPolicy
    target: int
    base: int
    change: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a policy wants nothing; until the second ``until`` the same question is answered so."""

    policy: ScalingPolicy
    code: str
    reason: str
    until: float = inf


class ScalableTarget:
    """The bounds and the policies of one service, and what they did last."""

    def __init__(self, scaling: Scaling, settings: Settings) -> None:
        self.min = scaling.min_capacity
        self.max = scaling.max_capacity
        self._suspended = scaling.suspended
        tracking = {each.name for each in scaling.policies if isinstance(each, TrackingPolicy)}
        self._tracking = {
            policy
            for alarm in scaling.alarms
            for _, policy in alarm.actions
            if policy in tracking and not is_upward(alarm.operator)
        }
        self._settings = settings
        self._cooldowns: Mapping[str, Cooldown] = {
            policy.name: Cooldown() for policy in scaling.policies
        }

    def decide(
        self, invocations: Sequence[Invocation], situation: Situation
    ) -> tuple[Proposal | None, list[Refused]]:
        """The proposal that wins, if any, and what was refused and why."""
        refused = []
        winner: Proposal | None = None
        for each in invocations:
            answer = self._answer(each, situation)
            if isinstance(answer, Proposal) and self._waits(answer, invocations, situation):
                reason = "another policy that tracks a target is not ready to scale in"
                answer = Refused(answer.policy, "not ready", reason)
            if isinstance(answer, Refused):
                refused.append(answer)
            # Of several policies the one with the largest capacity wins, also among those that
            # scale in.
            elif winner is None or answer.target > winner.target:
                winner = answer
        if winner:
            self._remember(winner, situation.now, out=winner.target > situation.desired)
        return winner, refused

    def _waits(
        self, answer: Proposal, invocations: Sequence[Invocation], situation: Situation
    ) -> bool:
        """Whether a scale-in of target tracking has to wait for the other tracking policies.

        Source: user guide, target tracking, "Considerations": it scales in only if all of them
        are ready to.
        """
        if not isinstance(answer.policy, TrackingPolicy) or answer.target >= situation.desired:
            return False
        ready = {each.policy.name for each in invocations if not is_upward(each.alarm.operator)}
        return not self._tracking <= ready

    def _answer(self, invocation: Invocation, situation: Situation) -> Proposal | Refused:
        policy, alarm = invocation.policy, invocation.alarm
        if not invocation.points:
            return Refused(policy, "no datapoints", f"{alarm.name} carries no datapoint")
        tracks = isinstance(policy, TrackingPolicy)
        value = invocation.points[-1] if tracks else _aggregated(policy, invocation.points)
        change = _changer(policy, alarm, value)
        if change is None:
            sentence = (
                f"No step adjustment found for metric value {list(invocation.points)}"
                f" and breach threshold {alarm.threshold}"
            )
            return Refused(policy, "no step", sentence)
        cause = f"{alarm.name} at {value:g}"
        wanted = change(situation.running)
        if wanted > 0:
            return self._out(policy, change, cause, situation)
        if wanted < 0:
            return self._in(policy, wanted, cause, situation)
        reason = "the target is kept" if tracks else "the step changes nothing"
        return Refused(policy, "no change", reason)

    def _out(
        self, policy: ScalingPolicy, changer: Changer, cause: str, situation: Situation
    ) -> Proposal | Refused:
        if self._suspended.scaling_out:
            return Refused(policy, "suspended", "scaling out is suspended")
        last, desired = self._cooldowns[policy.name], situation.desired
        cooling = situation.now < last.out_until
        # Within the cooldown it counts from where the last scale-out began: what that added may not
        # run yet, and would be added again.
        base = last.base if cooling else situation.running
        change = changer(base)
        if cooling and change <= last.change:
            reason = "the cooldown of its scale-out holds"
            return Refused(policy, "cooldown", reason, last.out_until)
        # A desired count below the minimum is brought to the minimum first, whatever the step says.
        target = max(self.min, min(self.max, base + change)) if desired >= self.min else self.min
        if target <= desired:
            code = "AlreadyAtMaxCapacity" if desired >= self.max else "AlreadyAtDesiredCapacity"
            until = last.out_until if cooling else inf
            return Refused(policy, code, f"{desired} tasks are desired already", until)
        return Proposal(policy, target, base, change, f"{cause}: {change:+d} on {base} running")

    def _in(
        self, policy: ScalingPolicy, change: int, cause: str, situation: Situation
    ) -> Proposal | Refused:
        now, base, desired = situation.now, situation.running, situation.desired
        if self._suspended.scaling_in:
            return Refused(policy, "suspended", "scaling in is suspended")
        if situation.deploying:
            return Refused(policy, "deployment", "a deployment is in progress")
        until = self._cooldowns[policy.name].in_until
        if now < until:
            return Refused(policy, "cooldown", "the cooldown of its scale-in holds", until)
        until = max(each.out_until for each in self._cooldowns.values())
        if self._settings.scale_in_blocked_by_scale_out and now < until:
            return Refused(policy, "cooldown", "the cooldown of a scale-out holds", until)
        target = max(self.min, min(self.max, base + change)) if desired <= self.max else self.max
        if target >= desired:
            code = "AlreadyAtMinCapacity" if desired <= self.min else "AlreadyAtDesiredCapacity"
            return Refused(policy, code, f"{desired} tasks are desired already")
        return Proposal(policy, target, base, change, f"{cause}: {change:+d} on {base} running")

    def _remember(self, winner: Proposal, now: int, *, out: bool) -> None:
        at_once = self._settings.cooldown_from == "decision"
        cooldown = winner.policy.cooldown if out else scale_in_cooldown(winner.policy)
        until = now + cooldown if at_once else inf
        last = self._cooldowns[winner.policy.name]
        if not out:
            last.in_until = until
            return
        last.base, last.change, last.out_until = winner.base, winner.change, until
        # A scale-out cancels every cooldown of scale-in; it begins again with the next scale-in.
        for each in self._cooldowns.values():
            each.in_until = -1

    def fulfil(self, now: int, policies: Sequence[ScalingPolicy]) -> None:
        """The running tasks are as many as desired: cooldowns that waited begin."""
        for policy in policies:
            out_until, in_until = now + policy.cooldown, now + scale_in_cooldown(policy)
            self._cooldowns[policy.name].fulfil(out_until, in_until)


def _changer(policy: ScalingPolicy, alarm: Alarm, value: float) -> Changer | None:
    """What a policy does at a metric ``value``; None where it has no step for it."""
    if isinstance(policy, TrackingPolicy):
        return lambda capacity: tracked_change(policy, value, capacity)
    step = find_step(policy.steps, value, alarm.threshold, alarm.operator)
    return None if step is None else lambda capacity: change_of(policy, step, capacity)


def tracked_change(policy: TrackingPolicy, value: float, capacity: int) -> int:
    """By how many tasks target tracking changes ``capacity``, in proportion to the metric.

    Rounded so that never too few are added, nor too many removed; from nothing, by one.
    """
    if not capacity:
        return int(value > policy.target_value)
    # Rounded before the ceiling: 3 * 0.1 / 0.1 is a little more than 3, and would add a task.
    return ceil(round(capacity * value / policy.target_value, 9)) - capacity


def scale_in_cooldown(policy: ScalingPolicy) -> int:
    """Seconds; a step policy has one cooldown for both directions."""
    return policy.scale_in_cooldown if isinstance(policy, TrackingPolicy) else policy.cooldown


def _aggregated(policy: ScalingPolicy, points: Sequence[float]) -> float:
    if policy.aggregation == "Average":
        return fmean(points)
    return max(points) if policy.aggregation == "Maximum" else min(points)


class Controller:
    """Sets the desired count of one service."""

    def __init__(
        self, scaling: Scaling, settings: Settings, service: Service, recording: Recording
    ) -> None:
        self._scaling = scaling
        self._target = ScalableTarget(scaling, settings)
        self._policies = {policy.name: policy for policy in scaling.policies}
        self._service = service
        self._recording = recording
        self._invoked: list[Invocation] = []
        self._answered: tuple[object, ...] = ()
        self._holds_until = inf
        self.waits = False
        """Whether the time alone will change what the alarms were last answered."""
        self.unfulfilled = False
        """Whether a cooldown waits for the running tasks to be as many as desired."""

    def invoked_by(self, alarms: Iterable[AlarmEvaluator], at: int) -> bool:
        """Notes whom the alarms invoke: each minute anew, while they are in that state.

        False, too, where the same question in the same situation was answered before, and the
        answer is the same at the second ``at`` of the next decision.
        """
        self._invoked = [
            Invocation(self._policies[policy], each.alarm, each.evaluated())
            for each in alarms
            if each.state in each.invokes
            for policy in each.invokes[each.state]
        ]
        self.waits = False
        if not self._invoked:
            return False
        if self._answered == self._question() and at < self._holds_until:
            self.waits = self._holds_until < inf
            return False
        return True

    def _question(self) -> tuple[object, ...]:
        """All that an answer depends on, but the time."""
        service, target = self._service, self._target
        situation = (len(service.running), service.desired, service.deploying)
        return (*self._invoked, *situation, target.min, target.max)

    def decide(self, now: int) -> bool:
        """Answers the invocations; True unless the answer would be the same at any time."""
        service, recording = self._service, self._recording
        situation = Situation(now, len(service.running), service.desired, service.deploying)
        winner, refused = self._target.decide(self._invoked, situation)
        for each in refused:
            recording.refused(now, each.policy.name, each.code, each.reason)
        if winner is None:
            self._answered = self._question()
            self._holds_until = min((each.until for each in refused), default=inf)
            return self._holds_until < inf
        self._answered = ()
        out = winner.target > service.desired
        recording.scale_outs += out
        recording.scale_ins += not out
        recording.scaled(winner.policy.name)
        reason = f"{winner.reason}: from {service.desired} to {winner.target} tasks"
        recording.event(now, "scale-out" if out else "scale-in", winner.policy.name, reason)
        service.desired = winner.target
        self.unfulfilled = True
        return True

    def fulfilled(self, now: int) -> bool:
        """Begins the cooldowns that wait for as many tasks as desired; True if any did."""
        if len(self._service.running) != self._service.desired:
            return False
        self._target.fulfil(now, self._scaling.policies)
        self.unfulfilled = False
        self._answered = ()  # cooldowns that had no end have one now
        return True

    def scheduled(self, now: int, action: ScheduledAction) -> None:
        """New bounds; a capacity outside them is moved to the nearest, whatever the cooldowns."""
        target, service = self._target, self._service
        low = target.min if action.min_capacity is None else action.min_capacity
        high = target.max if action.max_capacity is None else action.max_capacity
        if low > high:
            reason = f"refused: the bounds would be {low} to {high} tasks"
            self._recording.event(now, "scheduled", action.name, reason)
            return
        target.min, target.max = low, high
        service.desired = max(target.min, min(target.max, service.desired))
        reason = f"from {target.min} to {target.max} tasks, now {service.desired}"
        self._recording.event(now, "scheduled", action.name, reason)


def find_step(
    steps: Iterable[SimulatedStep], value: float, threshold: float, operator: Operator
) -> SimulatedStep | None:
    """The step for a metric ``value``, or None: real policies then fail with a message."""
    return next(iter(matching(steps, value - threshold, upward=is_upward(operator))), None)


def change_of(policy: ScalingPolicy, step: SimulatedStep, capacity: int) -> int:
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
