"""What is wrong with a template's scaling as such: one row for each kind, with its id.

A scale-in alarm that does not count messages in flight goes to ALARM while the only worker is
at work. From the pick-up the queue shows nothing; the alarm wants that for all of its
datapoints; the metric is late; then the task has its stop timeout.

Where numbers decide, the simulator is run: a warning says what happens, not what might.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from workerstack.simulator.model import Alarm, AlarmState, Policy, Scaling, Step
from workerstack.simulator.report import duration as shown
from workerstack.simulator.run import summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.steps import change_of, find_step
from workerstack.simulator.traces import Message, Trace

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


IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
VISIBLE = "ApproximateNumberOfMessagesVisible"
LONGEST = 12 * 3_600
"""Seconds of the longest job that is tried: SQS hides a message no longer than that."""

ATTEMPTS = 2 * 3_600
"""Seconds for which a job is given its chances."""

MINUTE = 60


@dataclass(frozen=True)
class JobLimit:
    """Seconds of the longest job that finishes for certain, and of the longest that ever may.

    ``computed`` is the same range from the template's numbers.
    """

    certain: int
    possible: int
    computed: tuple[int, int]


def scale_in_alarms(scaling: Scaling) -> tuple[Alarm, ...]:
    """The alarms whose ALARM invokes a policy that can remove tasks."""
    removing = {
        policy.name
        for policy in scaling.policies
        if any(
            step.adjustment < 0 or policy.adjustment_type == "ExactCapacity"
            for step in policy.steps
        )
    }
    return tuple(
        alarm
        for alarm in scaling.alarms
        if alarm.actions_enabled
        and alarm.operator.startswith("Less")
        and any(state == AlarmState.ALARM and name in removing for state, name in alarm.actions)
    )


def counts_in_flight(alarm: Alarm) -> bool:
    """Whether the messages that are being worked on keep the alarm quiet."""
    return any(metric.name == IN_FLIGHT for _, metric in alarm.metrics)


def stop_timeout(scaling: Scaling) -> int:
    """Seconds from SIGTERM to SIGKILL."""
    return scaling.task.stop_timeout if scaling.task else 30


def computed_limit(scaling: Scaling, alarm: Alarm, settings: Settings) -> tuple[int, int]:
    """From the shortest to the longest time between a pick-up and the kill, in seconds.

    All samples in the window must be without a message; the first of them is taken up to a
    minute after the pick-up. The last must become readable; then come the policy and the stop
    timeout.
    """
    window = alarm.period * alarm.datapoints_to_alarm - MINUTE
    late = settings.metric_delay + settings.application_autoscaling_delay
    whole = window + late + stop_timeout(scaling)
    return whole, whole + MINUTE - 1


def job_limit(scaling: Scaling, settings: Settings) -> JobLimit | None:
    """The limit of a single job, alone in the queue; None where any job finishes.

    Found by running the simulator, the task's start later by 0 to 50 seconds, so that the
    pick-up falls into each part of a minute, and by bisecting the length of the job. The
    worker extends its message's visibility, or SQS would give the message away, whatever
    scaling does.
    """
    kind = [alarm for alarm in scale_in_alarms(scaling) if not counts_in_flight(alarm)]
    if not kind:
        return None
    patient = replace(settings, heartbeat=settings.heartbeat or MINUTE)
    phases = [
        _longest(scaling, replace(patient, start_latency=patient.start_latency + phase))
        for phase in range(0, MINUTE, 10)
    ]
    if any(each is None for each in phases):
        return None
    found = [each for each in phases if each is not None]
    computed = [computed_limit(scaling, alarm, settings) for alarm in kind]
    return JobLimit(min(found), max(found), (min(computed)[0], min(computed)[1]))


def _longest(scaling: Scaling, settings: Settings) -> int | None:
    """The longest job that finishes; None: all do."""
    if _finishes(scaling, settings, LONGEST):
        return None
    low, high = 0, LONGEST
    for guess in (900, 7_200):
        if not _finishes(scaling, settings, guess):
            high = guess
            break
        low = guess
    while high - low > 1:
        middle = (low + high) // 2
        if _finishes(scaling, settings, middle):
            low = middle
        else:
            high = middle
    return low


def _finishes(scaling: Scaling, settings: Settings, service: int) -> bool:
    trace = Trace.of([Message(0, service)])
    return summarize(scaling, trace, settings, horizon=service + ATTEMPTS).done == 1


@dataclass(frozen=True)
class Warning:  # noqa: A001 - it is what people call it
    """One warning: its id, the logical id of what it is about, and what, why, what to do."""

    id: str
    subject: str
    what: str
    why: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}. {self.next_step}."


Found = Iterator[tuple[str, str, str, str]]
"""Subject, what, why, next step."""


def _kill_loop(scaling: Scaling, settings: Settings) -> Found:
    if settings.protection or not any(map(_blind, scale_in_alarms(scaling))):
        return
    limit = job_limit(scaling, settings)
    if limit is None:
        return
    subject = next(alarm.name for alarm in scale_in_alarms(scaling) if _blind(alarm))
    low, high = limit.computed
    yield (
        subject,
        f"A job longer than {shown(limit.possible)} can never finish",
        f"{subject} does not count messages in flight, so that picking up the only message stops"
        f" the worker that has it; by the second of the pick-up already after"
        f" {shown(limit.certain)} (computed {low} to {high} s, run {limit.certain} to"
        f" {limit.possible} s)",
        "Scale in on visible + FILL(in_flight, 0), or let the worker protect its task",
    )


def _blind(alarm: Alarm) -> bool:
    return not counts_in_flight(alarm)


def _wakes_late(scaling: Scaling, settings: Settings) -> Found:
    if scaling.min_capacity or any(each.min_capacity for each in scaling.scheduled):
        return
    waited = first_receive(scaling, settings, asleep=True)
    if waited is None or waited <= patience(settings):
        return
    yield (
        scaling.name,
        f"A queue that slept wakes the first worker after up to {shown(waited)}",
        "at zero tasks nobody polls; after 6 hours SQS sends no metrics, and the first come up to"
        " 15 minutes late",
        "Accept it, or raise MinCapacity in working hours by a scheduled action",
    )


def _reacts_late(scaling: Scaling, settings: Settings) -> Found:
    waited = first_receive(scaling, settings, asleep=False)
    if waited is not None and waited <= patience(settings):
        return
    yield (
        scaling.name,
        f"One message waits {shown(waited)} for its worker"
        if waited is not None
        else "One message never starts a worker",
        "the alarm's window and statistic hold it back although the queue is awake",
        "Alarm on Maximum over one minute, with a threshold of 1",
    )


def _two_tasks(scaling: Scaling, settings: Settings) -> Found:
    if scaling.min_capacity:
        return
    tasks = tasks_of_one_message(scaling, settings)
    if tasks <= 1:
        return
    yield (
        scaling.name,
        f"One message starts {tasks} tasks",
        "while the first is starting the alarm still fires, and the cooldown is over before the"
        " metric shows the pick-up",
        "Take a cooldown of at least period + metric delay + start of a task, such as 300 s",
    )


def _flapping(scaling: Scaling, settings: Settings) -> Found:
    times = scale_ins_of_steady_work(scaling, settings)
    if times <= STEADY_HOURS:
        return
    yield (
        scaling.name,
        f"Steady work for one worker removes a task {times} times in {STEADY_HOURS} hours",
        "an idle moment between two messages is enough for the scale-in alarm",
        "Take a longer window for scale-in, such as 15 of 15 minutes",
    )


def _step_never_reached(scaling: Scaling, _: Settings) -> Found:
    for policy, step, why in dead_steps(scaling):
        yield (policy, f"A step of {policy} is never reached: {step}", why, "Remove it, or mend it")


def _dead_zone(scaling: Scaling, _: Settings) -> Found:
    for low, high, zone, example in dead_zones(scaling):
        yield (
            low,
            f"Between {low} and {high} nothing happens: {zone}",
            f"neither alarm fires there, {example}",
            "Let the thresholds meet, and take Maximum instead of Average",
        )


def _no_step(scaling: Scaling, _: Settings) -> Found:
    for policy, value, alarm in values_without_step(scaling):
        yield (
            policy,
            f"{policy} has no step for {value:g}",
            f"{alarm} fires there, and Application Auto Scaling then does nothing but fail with"
            " 'No step adjustment found'",
            "Let the first step begin at the threshold, and the last one be open",
        )


def _missing_data(scaling: Scaling, _: Settings) -> Found:
    for alarm in scale_in_alarms(scaling):
        if alarm.missing_data == "breaching":
            yield (
                alarm.name,
                f"{alarm.name} takes missing data for an empty queue",
                "SQS delivers values late, and then a task is removed without evidence",
                "Set TreatMissingData to notBreaching",
            )


WARNINGS: Mapping[str, tuple[str, Callable[[Scaling, Settings], Found]]] = {
    "kill-loop": ("a job that is long enough is killed again and again", _kill_loop),
    "queue-wakes-late": ("the first message after a quiet time waits long", _wakes_late),
    "alarm-reacts-late": ("the first message waits long although metrics flow", _reacts_late),
    "one-message-two-tasks": ("one message starts more than one task", _two_tasks),
    "flapping": ("tasks come and go under steady work", _flapping),
    "step-never-reached": ("a step that can change nothing", _step_never_reached),
    "dead-zone": ("queue depths at which neither alarm fires", _dead_zone),
    "no-step-found": ("an alarm fires and its policy has no step", _no_step),
    "scale-in-on-missing-data": ("no data removes tasks", _missing_data),
}
"""Each id, what it means, and what finds it."""


def warn(scaling: Scaling, settings: Settings | None = None) -> tuple[Warning, ...]:
    """All warnings on a template's scaling, in the table's order."""
    settings = settings or Settings()
    return tuple(
        Warning(name, *found)
        for name, (_, check) in WARNINGS.items()
        for found in check(scaling, settings)
    )
