"""What is wrong with a template's scaling as such: one row for each kind, with its id.

Where numbers decide, the simulator is run: a warning says what happens, not what might.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from simulator import probing
from simulator.limits import counts_in_flight, job_limit, scale_in_alarms
from simulator.model import Alarm, Scaling
from simulator.report import duration as shown
from simulator.settings import Settings


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
    waited = probing.first_receive(scaling, settings, asleep=True)
    if waited is None or waited <= probing.patience(settings):
        return
    yield (
        scaling.name,
        f"A queue that slept wakes the first worker after up to {shown(waited)}",
        "at zero tasks nobody polls; after 6 hours SQS sends no metrics, and the first come up to"
        " 15 minutes late",
        "Accept it, or raise MinCapacity in working hours by a scheduled action",
    )


def _reacts_late(scaling: Scaling, settings: Settings) -> Found:
    waited = probing.first_receive(scaling, settings, asleep=False)
    if waited is not None and waited <= probing.patience(settings):
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
    tasks = probing.tasks_of_one_message(scaling, settings)
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
    times = probing.scale_ins_of_steady_work(scaling, settings)
    if times <= probing.STEADY_HOURS:
        return
    yield (
        scaling.name,
        f"Steady work for one worker removes a task {times} times in {probing.STEADY_HOURS} hours",
        "an idle moment between two messages is enough for the scale-in alarm",
        "Take a longer window for scale-in, such as 15 of 15 minutes",
    )


def _step_never_reached(scaling: Scaling, _: Settings) -> Found:
    for policy, step, why in probing.dead_steps(scaling):
        yield (policy, f"A step of {policy} is never reached: {step}", why, "Remove it, or mend it")


def _dead_zone(scaling: Scaling, _: Settings) -> Found:
    for low, high, zone, example in probing.dead_zones(scaling):
        yield (
            low,
            f"Between {low} and {high} nothing happens: {zone}",
            f"neither alarm fires there, {example}",
            "Let the thresholds meet, and take Maximum instead of Average",
        )


def _no_step(scaling: Scaling, _: Settings) -> Found:
    for policy, value, alarm in probing.values_without_step(scaling):
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
