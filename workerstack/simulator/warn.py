"""What is wrong with a template's scaling as such: one row for each kind, with its id.

A scale-in alarm that does not count messages in flight goes to ALARM while the only worker is
at work. From the pick-up the queue shows nothing; the alarm wants that for all of its
datapoints; the metric is late; then the task has its stop timeout.

Where numbers decide, the simulator is run: a warning says what happens, not what might. A run on
messages of one's own, where there is one, adds what happened in it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from workerstack.cloudformation.steps import is_upward
from workerstack.simulator.autoscaling import change_of, find_step
from workerstack.simulator.cloudwatch import MINUTE, evaluation_of
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    MetricName,
    Scaling,
    ScalingPolicy,
    SimulatedStep,
    TrackingPolicy,
)
from workerstack.simulator.report import duration as shown
from workerstack.simulator.result import MessageOutcome, Run
from workerstack.simulator.run import simulate, summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

STEADY_HOURS = 6
CALM_MINUTES = 15
"""Minutes for which nothing must be left until a task goes, where tasks came and went."""
HURTING_MOST = 3_600
"""Seconds before a worker is removed in which the edge of its quiet window is looked for."""
USUAL_WIDTH = 160
"""The same where the metrics are about a minute late."""
NEAR_ENOUGH = 5
"""Seconds to which that edge is found."""
MOST_TOGETHER = 16_384
"""Messages at once that are tried to see what starts a worker."""
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
    trace = Trace.of([Message(0, 240)])
    return summarize(scaling, trace, patient(scaling, settings), horizon=1_800).peak


def scale_ins_of_steady_work(scaling: Scaling, settings: Settings) -> int:
    """How often tasks are removed while a message of 2 minutes arrives every 8, for 6 hours."""
    # A quarter of the time at work: enough for one worker, and with pauses in which scale-in may
    # come.
    gaps = range(0, STEADY_HOURS * 3_600, 480)
    trace = Trace.of(Message(second, 120) for second in gaps)
    return summarize(scaling, trace, settings, horizon=STEADY_HOURS * 3_600).scale_ins


def calmer(scaling: Scaling, settings: Settings) -> str | None:
    """What ends the coming and going under steady work, found by trying; None: nothing tried."""
    longer = [
        replace(each, evaluation_periods=periods, datapoints_to_alarm=periods)
        if each in scale_in_alarms(scaling)
        and (periods := CALM_MINUTES * 60 // each.period) > each.datapoints_to_alarm
        else each
        for each in scaling.alarms
    ]
    window = f"{CALM_MINUTES} of {CALM_MINUTES} minutes"
    remedies = {
        f"Take a longer window for scale-in, such as {window}": (
            replace(scaling, alarms=tuple(longer))
        ),
        f"Scale in on visible + FILL(in_flight, 0), for {window}": _on_outstanding(scaling),
    }
    for said, changed in remedies.items():
        if changed == scaling:
            continue
        if scale_ins_of_steady_work(changed, settings) <= STEADY_HOURS:
            return said
    return None


def _on_outstanding(scaling: Scaling) -> Scaling:
    """The same, but the first policy that removes is invoked by all outstanding messages alone."""
    removing = triggers(scaling, removing=True)
    gone = {(each.alarm.name, each.state, each.policy.name) for each in removing}
    kept = tuple(
        replace(
            each,
            actions=tuple(pair for pair in each.actions if (each.name, *pair) not in gone),
        )
        for each in scaling.alarms
    )
    drained = Alarm(
        name="Drained",
        metrics=(("v", Metric(VISIBLE, "Maximum")), ("f", Metric(IN_FLIGHT, "Maximum"))),
        expressions=(("sum", "v + FILL(f, 0)"),),
        returned="sum",
        period=60,
        evaluation_periods=CALM_MINUTES,
        datapoints_to_alarm=CALM_MINUTES,
        threshold=0,
        operator="LessThanOrEqualToThreshold",
        missing_data="notBreaching",
        actions=((AlarmState.ALARM, removing[0].policy.name),),
    )
    return replace(scaling, alarms=(*kept, drained))


@lru_cache(maxsize=32)
def hurting_gaps(scaling: Scaling, settings: Settings) -> tuple[int, int] | None:
    """Seconds after the end of a job in which a new message is picked up, and its job killed.

    The only worker has nothing to do, and is removed after a quiet window; what comes just
    before that is not in the metrics yet. From the shortest to the longest such gap; None where
    there is none. The job that comes is longer than the stop timeout. Metrics are sampled at the
    full minute: a job that ends there is seen first to have gone, one that ends a second later
    last, so these two tell the range.
    """
    chosen = patient(scaling, settings)
    found = []
    ended = summarize(scaling, Trace.of([Message(0, 180)]), chosen).completion_max
    full = 180 + -(ended or 0) % MINUTE
    for first in (full, full + 1):
        lonely = simulate(scaling, Trace.of([Message(0, first)]), chosen)
        ended = lonely.outcomes[0].finished
        stopped = next((life.stopping for life in lonely.tasks if life.running is not None), None)
        if ended is None or stopped is None or stopped <= ended + 1:
            continue
        edge = _edge(scaling, chosen, first, ended, stopped - ended - 1)
        if edge is not None:
            found.append((edge, stopped - ended - 1))
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _edge(scaling: Scaling, settings: Settings, first: int, ended: int, last: int) -> int | None:
    """The shortest gap up to ``last`` from which on a second job is killed; None: not even that."""
    length = stop_timeout(scaling) + 60

    def kills(gap: int) -> bool:
        trace = Trace.of([Message(0, first), Message(ended + gap, length)])
        until = ended + gap + length + 1
        return summarize(scaling, trace, settings, horizon=until).killed > 0

    if not kills(last):
        return None
    low, high = max(-1, last - USUAL_WIDTH), last
    if low >= 0 and kills(low):
        low, high = max(-1, last - HURTING_MOST), low
    while high - low > NEAR_ENOUGH:
        middle = (low + high) // 2
        low, high = (low, middle) if kills(middle) else (middle, high)
    return low + 1


def why_nothing_starts(  # noqa: PLR0911 - one return a reason
    scaling: Scaling, settings: Settings
) -> tuple[str, str]:
    """Why one message never starts a worker, and what to do."""
    adding = triggers(scaling, removing=False)
    if scaling.suspended.scaling_out:
        return "scaling out is suspended", "Take DynamicScalingOutSuspended away"
    if not scaling.max_capacity:
        return "MaxCapacity is 0", "Raise it"
    if not adding:
        return "no enabled alarm invokes a policy that adds tasks", "Add one, or enable its actions"
    if not scaling.min_capacity and all(_by_tasks(each) for each in adding):
        return (
            "its metric is divided by the tasks that run, so that it has no value at 0 tasks",
            "Divide by MAX([tasks, 1]), wake the first task by a step policy, or set MinCapacity 1",
        )
    if all(each.policy.steps for each in adding) and not any(
        change_of(each.policy, step, 0) > 0 or each.policy.adjustment_type.startswith("Percent")
        for each in adding
        for step in each.policy.steps
    ):
        names = ", ".join(dict.fromkeys(each.policy.name for each in adding))
        return f"no step of {names} adds a task to none", "Give a step a capacity of 1 or more"
    nothing = [
        f"{step.adjustment} % of 0 tasks is 0"
        for each in adding
        for step in each.policy.steps
        if step.adjustment > 0 and not change_of(each.policy, step, 0)
    ]
    if nothing and all(each.policy.adjustment_type.startswith("Percent") for each in adding):
        return nothing[0], "Take ChangeInCapacity, or set MinAdjustmentMagnitude to 1"
    together = messages_that_start(scaling, settings)
    if together is not None:
        watched = ", ".join(dict.fromkeys(each.alarm.name for each in adding))
        return (
            f"it takes {together:,} messages that wait at once until {watched} has a task started",
            "Set the threshold to 1",
        )
    return (
        f"not even {MOST_TOGETHER:,} messages at once start one",
        "Look at --events: they say what each alarm and policy did",
    )


def messages_that_start(scaling: Scaling, settings: Settings) -> int | None:
    """How many messages at once it takes until a task is started; None: more than are tried."""

    def starts(count: int) -> bool:
        trace = Trace.of([Message(0, 60)] * count)
        return summarize(scaling, trace, settings, horizon=7_200).tasks_started > 0

    high = 2
    while not starts(high):
        high *= 2
        if high > MOST_TOGETHER:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if starts(middle) else (middle, high)
    return high


def faster(scaling: Scaling) -> str:
    """What would shorten the wait for the first worker: what the alarms that add are not yet."""
    for each in triggers(scaling, removing=False):
        alarm = each.alarm
        if isinstance(each.policy, TrackingPolicy):
            return (
                f"Wake the first task by a step policy: tracking waits {alarm.evaluation_periods}"
                " minutes"
            )
        statistics = {metric.statistic for _, metric in alarm.metrics}
        quick = alarm.period == MINUTE and alarm.datapoints_to_alarm == 1
        if statistics == {"Maximum"} and quick and alarm.threshold <= 1:
            return "Accept it, or keep a task: MinCapacity 1"
    return "Alarm on Maximum over one minute, with a threshold of 1"


def pairs(scaling: Scaling) -> Iterator[tuple[Alarm, ScalingPolicy]]:
    """Each alarm with each step policy that it invokes in ALARM."""
    policies = {
        policy.name: policy for policy in scaling.policies if not isinstance(policy, TrackingPolicy)
    }
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


def _near(step: SimulatedStep, alarm: Alarm) -> float:
    bound = step.lower if alarm.operator.startswith("Greater") else step.upper
    return 0 if bound is None else abs(bound)


def _on_its_side(step: SimulatedStep, alarm: Alarm) -> bool:
    if alarm.operator.startswith("Greater"):
        return step.upper is None or step.upper > 0
    # Nothing is below 0 messages.
    return (step.lower is None or step.lower < 0) and (
        step.upper is None or step.upper + alarm.threshold >= 0
    )


def said(step: SimulatedStep) -> str:
    """A step as people read it."""
    lower = "-inf" if step.lower is None else f"{step.lower:g}"
    upper = "+inf" if step.upper is None else f"{step.upper:g}"
    return f"from {lower} to {upper}: {step.adjustment:+d}"


def dead_zones(scaling: Scaling) -> Iterator[tuple[str, str, str, str]]:
    """The two alarms, the values between them, and when they occur."""
    stepping = [alarm for alarm, _ in pairs(scaling)]
    inward = [alarm for alarm in scale_in_alarms(scaling) if alarm in stepping]
    outward = [alarm for alarm in stepping if is_upward(alarm.operator)]
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


IN_FLIGHT: MetricName = "ApproximateNumberOfMessagesNotVisible"
VISIBLE: MetricName = "ApproximateNumberOfMessagesVisible"
LONGEST = 12 * 3_600
"""Seconds of the longest job that is tried: SQS hides a message no longer than that."""

ATTEMPTS = 2 * 3_600
"""Seconds for which a job is given its chances."""


@dataclass(frozen=True)
class Trigger:
    """What invokes a policy: an alarm, and the state in which it does."""

    alarm: Alarm
    state: AlarmState
    policy: ScalingPolicy


@dataclass(frozen=True)
class JobLimit:
    """Seconds of the longest job that finishes for certain, and of the longest that ever may.

    ``trigger`` is what ends the others. ``computed`` is the same range from the template's
    numbers; None where it cannot be told from them.
    """

    certain: int
    possible: int
    trigger: Trigger
    computed: tuple[int, int] | None


def _by_tasks(trigger: Trigger) -> bool:
    """Whether the alarm's value is missing where no task runs."""
    evaluate = evaluation_of(trigger.alarm, zero=False)
    counts = ("RunningTaskCount", "DesiredTaskCount")
    return evaluate({n: 0.0 if m.name in counts else 1.0 for n, m in trigger.alarm.metrics}) is None


def triggers(scaling: Scaling, *, removing: bool) -> tuple[Trigger, ...]:
    """All that can remove tasks, or all that can add them."""
    policies = {policy.name: policy for policy in scaling.policies}
    return tuple(
        Trigger(alarm, state, policies[name])
        for alarm in scaling.alarms
        if alarm.actions_enabled
        for state, name in alarm.actions
        if name in policies and _can(policies[name], alarm, removing=removing)
    )


def _can(policy: ScalingPolicy, alarm: Alarm, *, removing: bool) -> bool:
    """Whether this alarm can make the policy remove tasks, or add them."""
    if isinstance(policy, TrackingPolicy):
        return is_upward(alarm.operator) != removing
    return any(
        (step.adjustment < 0 if removing else step.adjustment > 0)
        or policy.adjustment_type == "ExactCapacity"
        for step in policy.steps
    )


def scale_in_alarms(scaling: Scaling) -> tuple[Alarm, ...]:
    """The alarms on few messages whose ALARM invokes a policy that can remove tasks."""
    return tuple(
        dict.fromkeys(
            each.alarm
            for each in triggers(scaling, removing=True)
            if each.state == AlarmState.ALARM and each.alarm.operator.startswith("Less")
        )
    )


def counts_in_flight(alarm: Alarm) -> bool:
    """Whether the messages that are being worked on are part of what the alarm looks at."""
    return any(metric.name == IN_FLIGHT for _, metric in alarm.metrics)


def stop_timeout(scaling: Scaling) -> int:
    """Seconds from SIGTERM to SIGKILL."""
    return scaling.task.stop_timeout if scaling.task else 30


def patient(scaling: Scaling, settings: Settings) -> Settings:
    """The settings with a worker that keeps its message hidden for as long as it works.

    SQS would else give the message away, whatever scaling does.
    """
    visibility = (scaling.queue or settings.imported_queue()).visibility_timeout
    if settings.heartbeat and settings.heartbeat < visibility:
        return settings
    return replace(settings, heartbeat=min(MINUTE, max(1, visibility // 2)))


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


@lru_cache(maxsize=32)
def job_limit(scaling: Scaling, settings: Settings) -> JobLimit | None:
    """The limit of a single job, alone in the queue; None where any job finishes.

    None, too, where one message starts no task. Found by running the simulator, the task's
    start later by 0 to 50 seconds, so that the pick-up falls into each part of a minute, and by
    bisecting the length of the job.
    """
    if not triggers(scaling, removing=True):
        return None
    willing = patient(scaling, settings)
    whole = summarize(scaling, _job(LONGEST), willing, horizon=LONGEST + ATTEMPTS)
    if whole.done or not whole.killed:
        return None
    trigger = _culprit(
        simulate(scaling, _job(LONGEST), willing, horizon=LONGEST + ATTEMPTS), scaling
    )
    if trigger is None:
        return None
    found = []
    # Metrics are sampled at the full minute: where in it the pick-up falls decides how late it is
    # seen.
    for phase in range(0, MINUTE, 10):
        longest = _longest(scaling, replace(willing, start_latency=willing.start_latency + phase))
        if longest is None:
            return None
        found.append(longest)
    told = trigger.state == AlarmState.ALARM and not counts_in_flight(trigger.alarm)
    computed = computed_limit(scaling, trigger.alarm, settings) if told else None
    return JobLimit(min(found), max(found), trigger, computed)


def _job(service: int) -> Trace:
    return Trace.of([Message(0, service)])


def _culprit(run: Run, scaling: Scaling) -> Trigger | None:
    """What invoked the policy that stopped the first task that was killed."""
    kill = run.kills[0]
    stopped = next(life.stopping for life in run.tasks if life.number == kill.task) or 0
    scaled = [
        event
        for event in run.events
        if event.kind in ("scale-in", "scheduled", "deployment") and event.second <= stopped
    ]
    if not scaled or scaled[-1].kind != "scale-in":
        return None
    for each in triggers(scaling, removing=True):
        changes = run.series.alarms[each.alarm.name]
        state = [state for second, state in changes if second <= scaled[-1].second][-1:]
        if each.policy.name == scaled[-1].subject and state == [each.state]:
            return each
    return None


def _longest(scaling: Scaling, settings: Settings) -> int | None:
    """The longest job that finishes; None: all do."""
    if _finishes(scaling, settings, LONGEST):
        return None
    low, high = 0, LONGEST
    # Two likely lengths first: most limits are below two hours, which halves the search.
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
    return summarize(scaling, _job(service), settings, horizon=service + ATTEMPTS).done == 1


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


def _kill_loop(scaling: Scaling, settings: Settings, _: Run | None) -> Found:
    limit = None if settings.protection else job_limit(scaling, settings)
    if limit is None:
        return
    found = f"run {limit.certain} to {limit.possible} s"
    if limit.computed:
        found = "computed {} to {} s, ".format(*limit.computed) + found
    yield (
        limit.trigger.alarm.name,
        f"A job longer than {shown(limit.possible)} can never finish",
        f"{_removes(limit)}, so that picking up the only message stops the worker that has it; by"
        f" the second of the pick-up already after {shown(limit.certain)} ({found})",
        "Scale in on visible + FILL(in_flight, 0), or let the worker protect its task",
    )


ACTIONS = {
    AlarmState.ALARM: "AlarmActions",
    AlarmState.OK: "OKActions",
    AlarmState.INSUFFICIENT_DATA: "InsufficientDataActions",
}


def _removes(limit: JobLimit) -> str:
    """What removes the worker of the only message."""
    alarm, policy = limit.trigger.alarm, limit.trigger.policy.name
    if limit.trigger.state != AlarmState.ALARM:
        return (
            f"the {ACTIONS[limit.trigger.state]} of {alarm.name} invoke {policy}, which removes"
            " tasks as soon as the queue is picked up"
        )
    if counts_in_flight(alarm):
        return f"{alarm.name} is in ALARM and invokes {policy} although one message is in flight"
    return f"{alarm.name} does not count messages in flight"


def _kill_on_arrival(scaling: Scaling, settings: Settings, run: Run | None) -> Found:
    if settings.protection or job_limit(scaling, settings):
        return
    gaps = hurting_gaps(scaling, settings)
    stop, remedy = stop_timeout(scaling), "Let the worker protect its task, or take another window"
    killed = run.summary.killed if run else 0
    if gaps:
        low, high = gaps
        here = f"; in this run {killed} of {run.summary.messages}" if run and killed else ""
        yield (
            scaling.name,
            f"A message that comes {shown(low)} to {shown(high)} after the end of the last job is"
            " killed",
            "an idle worker picks it up although the quiet window has ended and the worker is about"
            f" to be removed, if its job takes longer than the stop timeout of {stop} s{here}",
            remedy,
        )
    elif killed and run and not (run.settings.deployments or run.settings.spot_reclaim):
        yield (
            scaling.name,
            f"{killed} jobs were killed in this run of {run.summary.messages} messages",
            "tasks were removed while they worked, and ECS does not know who is idle",
            remedy,
        )


def _outlives(scaling: Scaling, settings: Settings, run: Run | None) -> Found:
    visibility = _visibility(scaling, settings)
    heartbeat = settings.heartbeat or 0
    if settings.old_receipt_deletes or 0 < heartbeat < visibility:
        return
    extended = (
        f"extends the visibility timeout of {shown(visibility)} after {shown(heartbeat)} only"
        if heartbeat
        else f"does not extend the visibility timeout of {shown(visibility)}"
    )
    why = (
        f"the worker {extended}, so that the message is received again while it works, and its"
        " delete counts no longer"
    )
    remedy = (
        "Extend it more often, or raise VisibilityTimeout above the longest job"
        if heartbeat
        else "If the worker extends it, say so: --set heartbeat=60, or Heartbeat in"
        " Metadata.Worker. Else raise VisibilityTimeout above the longest job"
    )
    long = [each for each in run.outcomes if each.service > visibility] if run else []
    hurt = [each for each in long if each.receives > 1 or each.fate != "done"]
    if hurt:
        yield scaling.queue_name.strip("${}"), _outliving(hurt, visibility), why, remedy
    elif (declared := scaling.declared.longest_job or 0) > visibility:
        what = f"A job may take {shown(declared)}, as the template declares, and never end"
        yield scaling.queue_name.strip("${}"), what, why, remedy


def _outliving(hurt: list[MessageOutcome], visibility: int) -> str:
    done = sum(each.fate == "done" for each in hurt)
    longest = shown(max(each.service for each in hurt))
    subject = "1 job takes" if len(hurt) == 1 else f"{len(hurt)} jobs take"
    if not done:
        return f"{subject} up to {longest}, and nothing longer than {visibility} s is ever deleted"
    again = sum(each.receives for each in hurt) - len(hurt)
    return f"{subject} up to {longest}, and are begun {again} times more than they are"


def _visibility(scaling: Scaling, settings: Settings) -> int:
    return (scaling.queue or settings.imported_queue()).visibility_timeout


def _slow_heartbeat(scaling: Scaling, settings: Settings, _: Run | None) -> Found:
    visibility, heartbeat = _visibility(scaling, settings), settings.heartbeat or 0
    if heartbeat >= visibility:
        yield (
            scaling.name,
            f"A heartbeat each {heartbeat} s does not help",
            f"the visibility timeout is {visibility} s, so that a message is visible again before"
            " it is extended, and it is simulated as without heartbeat",
            "Extend it more often, such as each third of the timeout, or raise VisibilityTimeout",
        )


def _wakes_late(scaling: Scaling, settings: Settings, _: Run | None) -> Found:
    if scaling.min_capacity or any(each.min_capacity for each in scaling.scheduled):
        return
    waited = first_receive(scaling, settings, asleep=True)
    if waited is None or waited <= patience(settings):
        return
    yield (
        scaling.name,
        f"After 6 idle hours the first message can wait {shown(waited)}",
        "SQS stops sending metrics of an idle queue, and the first arrive up to 15 minutes late",
        "Accept it, or raise MinCapacity in working hours by a scheduled action",
    )


def _reacts_late(scaling: Scaling, settings: Settings, _: Run | None) -> Found:
    delay = scaling.queue.delay if scaling.queue else 0
    waited = first_receive(scaling, settings, asleep=False)
    if waited is None:
        why, remedy = why_nothing_starts(scaling, settings)
        yield scaling.name, "One message never starts a worker", why, remedy
    elif waited > patience(settings) + delay:
        yield (
            scaling.name,
            f"One message waits {shown(waited)} for its worker",
            "the alarm's window and statistic hold it back although the queue is awake",
            faster(scaling),
        )


def _two_tasks(scaling: Scaling, settings: Settings, _: Run | None) -> Found:
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
        "Take a cooldown of at least period + metric delay + start of a task, which are"
        f" {_least_cooldown(scaling, settings)} s here",
    )


def _least_cooldown(scaling: Scaling, settings: Settings) -> int:
    """Seconds until the alarm that adds tasks can have seen what the first task picked up."""
    adding = triggers(scaling, removing=False)
    window = max((each.alarm.period * each.alarm.evaluation_periods for each in adding), default=60)
    return window + settings.metric_delay + settings.start_latency


def _flapping(scaling: Scaling, settings: Settings, _: Run | None) -> Found:
    if settings.protection:  # tasks that go when they are idle are what protection is for
        return
    times = scale_ins_of_steady_work(scaling, settings)
    if times <= STEADY_HOURS:
        return
    yield (
        scaling.name,
        f"Steady work for one worker removes a task {times} times in {STEADY_HOURS} hours",
        "an idle moment between two messages is enough for scale-in",
        calmer(scaling, settings) or "Accept it, or keep a task: MinCapacity 1",
    )


def _step_never_reached(scaling: Scaling, _: Settings, __: Run | None) -> Found:
    for policy, step, why in dead_steps(scaling):
        yield (policy, f"A step of {policy} is never reached: {step}", why, "Remove it, or fix it")


def _dead_zone(scaling: Scaling, _: Settings, __: Run | None) -> Found:
    for low, high, zone, example in dead_zones(scaling):
        yield (
            low,
            f"Between {low} and {high} nothing happens: {zone}",
            f"neither alarm fires there, {example}",
            "Let the thresholds meet, and take Maximum instead of Average",
        )


def _no_step(scaling: Scaling, _: Settings, __: Run | None) -> Found:
    for policy, value, alarm in values_without_step(scaling):
        yield (
            policy,
            f"{policy} has no step for {value:g}",
            f"{alarm} fires there, and Application Auto Scaling then does nothing but fail with"
            " 'No step adjustment found'",
            "Let the first step begin at the threshold, and the last one be open",
        )


def _missing_data(scaling: Scaling, _: Settings, __: Run | None) -> Found:
    for alarm in scale_in_alarms(scaling):
        if alarm.missing_data == "breaching":
            yield (
                alarm.name,
                f"{alarm.name} takes missing data for an empty queue",
                "SQS delivers values late, and then a task is removed without evidence",
                "Set TreatMissingData to notBreaching",
            )


WARNINGS: Mapping[str, tuple[str, Callable[[Scaling, Settings, Run | None], Found]]] = {
    "kill-loop": ("a job that is long enough is killed again and again", _kill_loop),
    "kill-on-arrival": ("a message is picked up by a worker that is removed", _kill_on_arrival),
    "job-outlives-visibility": ("a job is given to another worker while it runs", _outlives),
    "heartbeat-too-slow": ("a message is visible again before it is extended", _slow_heartbeat),
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


def warn(
    scaling: Scaling, settings: Settings | None = None, run: Run | None = None
) -> tuple[Warning, ...]:
    """All warnings on a template's scaling, and on a run of it, in the table's order."""
    settings = (settings or Settings()).for_scaling(scaling)
    return tuple(
        Warning(name, *found)
        for name, (_, check) in WARNINGS.items()
        for found in check(scaling, settings, run)
    )
