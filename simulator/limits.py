"""How long a job may take before it can never finish: computed, and found by running it.

A scale-in alarm that does not count messages in flight goes to ALARM while the only worker is
at work. From the pick-up the queue shows nothing; the alarm wants that for all of its
datapoints; the metric is late; then the task has its stop timeout.
"""

from dataclasses import dataclass, replace

from simulator.model import Alarm, AlarmState, Scaling
from simulator.settings import Settings
from simulator.simulation import summarize
from simulator.trace import Message, Trace

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
