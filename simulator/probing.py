"""Questions to a template's scaling: some are put to its steps, some to a short run."""

from collections.abc import Iterator
from dataclasses import replace

from simulator.limits import scale_in_alarms
from simulator.model import Alarm, AlarmState, Policy, Scaling, Step
from simulator.settings import Settings
from simulator.simulation import summarize
from simulator.steps import change_of, find_step
from simulator.trace import Message, Trace

STEADY_HOURS = 6
MANY = 1_000_000
"""More messages than any queue reports."""


def first_receive(scaling: Scaling, settings: Settings, *, asleep: bool) -> int | None:
    """Seconds that one message waits at MinCapacity; None: for ever."""
    chosen = replace(settings, asleep_at_start=asleep)
    return summarize(scaling, Trace.of([Message(0, 60)]), chosen).first_receive_max


def patience(settings: Settings) -> int:
    """Seconds that one message waits at best, and a minute: delay, sample, alarm, start."""
    return settings.metric_delay + settings.start_latency + 120


def tasks_of_one_message(scaling: Scaling, settings: Settings) -> int:
    """Tasks that one message starts before any is stopped; its worker keeps it hidden."""
    chosen = replace(settings, heartbeat=settings.heartbeat or 60)
    trace = Trace.of([Message(0, 240)])
    return summarize(scaling, trace, chosen, horizon=1_800).peak


def scale_ins_of_steady_work(scaling: Scaling, settings: Settings) -> int:
    """How often tasks are removed while a message of 2 minutes arrives every 8, for 6 hours."""
    gaps = range(0, STEADY_HOURS * 3_600, 480)
    trace = Trace.of(Message(second, 120) for second in gaps)
    return summarize(scaling, trace, settings, horizon=STEADY_HOURS * 3_600).scale_ins


def pairs(scaling: Scaling) -> Iterator[tuple[Alarm, Policy]]:
    """Each alarm with each policy that it invokes in ALARM."""
    policies = {policy.name: policy for policy in scaling.policies}
    for alarm in scaling.alarms:
        for state, name in alarm.actions:
            if state == AlarmState.ALARM and alarm.actions_enabled and name in policies:
                yield alarm, policies[name]


def breaches(alarm: Alarm, value: float) -> bool:
    """Whether this value is one that the alarm fires on."""
    difference = value - alarm.threshold
    if difference == 0:
        return alarm.operator.endswith("OrEqualToThreshold")
    return (difference > 0) == alarm.operator.startswith("Greater")


def values_without_step(scaling: Scaling) -> Iterator[tuple[str, float, str]]:
    """Policies, the first value for which each has no step, and the alarm that then fires."""
    for alarm, policy in pairs(scaling):
        edges = [bound for step in policy.steps for bound in (step.lower, step.upper)]
        near = {0.0, *(edge for edge in edges if edge is not None)}
        around = {edge + aside for edge in near for aside in (-1, -0.5, 0, 0.5, 1)} | {MANY}
        for difference in sorted(around, key=abs):
            value = alarm.threshold + difference
            if value < 0 or not breaches(alarm, value):
                continue
            if find_step(policy.steps, value, alarm.threshold, alarm.operator) is None:
                yield policy.name, value, alarm.name
                break


def dead_steps(scaling: Scaling) -> Iterator[tuple[str, str, str]]:
    """Policies, steps that change nothing more than another does, and why."""
    room = scaling.max_capacity - scaling.min_capacity
    for alarm, policy in pairs(scaling):
        greatest = 0
        for step in sorted(policy.steps, key=lambda step: _near(step, alarm)):
            if not _on_its_side(step, alarm):
                yield (
                    policy.name,
                    said(step),
                    f"its bounds count from the threshold {alarm.threshold:g}, on the side on"
                    f" which {alarm.name} does not fire",
                )
                continue
            change = change_of(policy, step, scaling.min_capacity)
            if greatest >= room > 0 and change > greatest:
                yield (
                    policy.name,
                    said(step),
                    f"a step before it goes from {scaling.min_capacity} to MaxCapacity"
                    f" {scaling.max_capacity} already",
                )
            greatest = max(greatest, change)


def _near(step: Step, alarm: Alarm) -> float:
    bound = step.lower if alarm.operator.startswith("Greater") else step.upper
    return 0 if bound is None else abs(bound)


def _on_its_side(step: Step, alarm: Alarm) -> bool:
    if alarm.operator.startswith("Greater"):
        return step.upper is None or step.upper > 0
    # Nothing is below 0 messages.
    return (step.lower is None or step.lower < 0) and (
        step.upper is None or step.upper + alarm.threshold >= 0
    )


def said(step: Step) -> str:
    """A step as people read it."""
    lower = "-inf" if step.lower is None else f"{step.lower:g}"
    upper = "+inf" if step.upper is None else f"{step.upper:g}"
    return f"from {lower} to {upper}: {step.adjustment:+d}"


def dead_zones(scaling: Scaling) -> Iterator[tuple[str, str, str, str]]:
    """The two alarms, the values between them, and when they occur."""
    inward = scale_in_alarms(scaling)
    outward = [alarm for alarm, _ in pairs(scaling) if alarm.operator.startswith("Greater")]
    for low in inward:
        for high in outward:
            if {m.name for _, m in low.metrics} != {m.name for _, m in high.metrics}:
                continue
            whole = all(
                m.statistic in ("Maximum", "Minimum") for _, m in (*low.metrics, *high.metrics)
            )
            first = low.threshold + (0 if breaches(low, low.threshold) else -1)
            last = high.threshold - (0 if breaches(high, high.threshold) else -1)
            if whole and last - first > 1:
                zone = f"{first + 1:g} to {last - 1:g} messages"
                yield low.name, high.name, zone, "though messages wait and workers may idle"
            elif not whole and last > first:
                zone = f"above {low.threshold:g} and below {high.threshold:g} on average"
                yield (
                    low.name,
                    high.name,
                    zone,
                    ("and one message that is seen in some minutes of the period is such a value"),
                )
