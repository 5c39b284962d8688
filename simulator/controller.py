"""Application Auto Scaling at the service: alarms invoke, policies decide, capacity changes."""

from collections.abc import Iterable

from simulator.alarms import AlarmEvaluator
from simulator.autoscaling import Invocation, ScalableTarget, Situation
from simulator.model import Scaling, ScheduledAction
from simulator.recording import Recording
from simulator.settings import Settings
from simulator.tasks import Service


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
        self.unfulfilled = False
        """Whether a cooldown waits for the running tasks to be as many as desired."""

    def invoked_by(self, alarms: Iterable[AlarmEvaluator]) -> bool:
        """Notes whom the alarms invoke: each minute anew, while they are in that state."""
        self._invoked = [
            Invocation(self._policies[policy], each.alarm, each.evaluated())
            for each in alarms
            if each.alarm.actions_enabled
            for state, policy in each.alarm.actions
            if state == each.state
        ]
        return bool(self._invoked)

    def decide(self, now: int) -> bool:
        """Answers the invocations; True unless the answer would be the same in a minute."""
        service, recording = self._service, self._recording
        situation = Situation(now, len(service.running), service.desired, service.deploying)
        winner, refused = self._target.decide(self._invoked, situation)
        for each in refused:
            recording.refused(now, each.policy.name, each.code, each.reason)
        if winner is None:
            return any(each.passing for each in refused)
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
        return True

    def scheduled(self, now: int, action: ScheduledAction) -> None:
        """New bounds; a capacity outside them is moved to the nearest, whatever the cooldowns."""
        target, service = self._target, self._service
        target.min = target.min if action.min_capacity is None else action.min_capacity
        target.max = target.max if action.max_capacity is None else action.max_capacity
        service.desired = max(target.min, min(target.max, service.desired))
        reason = f"from {target.min} to {target.max} tasks, now {service.desired}"
        self._recording.event(now, "scheduled", action.name, reason)
