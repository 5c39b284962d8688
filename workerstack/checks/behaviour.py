"""E92xx, by behaviour: the simulator replays four small loads through the stack's own values.

One message, one long job, a burst, and the hours after it. A template is simulated once, however
many checks ask: what is read is the key of the cache.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from workerstack.checks.check import Violation, at, check
from workerstack.checks.worker import (
    ACTIONS,
    ALARM,
    POLICY,
    QUEUE,
    SERVICE,
    TARGET,
    TASK,
    scaling_alarms,
    service_of,
    target_of,
)
from workerstack.cloudformation import Resource, Stack, from_data, plain, resolve, unknowns
from workerstack.cloudformation.logical_ids import written_references
from workerstack.problem import Problem

if TYPE_CHECKING:
    from workerstack.simulator.model import Scaling

MODEL = "docs/scaling.md"
METRICS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-available-cloudwatch-metrics.html"
)
SIMULATED = frozenset({"E9205", "E9212", "E9216", "E9217", "E9232", "E9233", "W9218"})
"""The checks of this module; the simulator is only loaded where one of them is asked."""

MINUTE, HOUR = 60, 3_600
LONG_JOB = 2 * HOUR
DEEP = 1_000
"""Messages of a burst; steps that begin above are not reached by it."""
MOST_SIMULATED = 60
"""Tasks up to which it is asked whether the maximum is reached: each takes its time."""


@dataclass(frozen=True)
class Behaviour:
    """What happens: whether a task starts for one message, whether all but the minimum stop.

    ``least`` is the desired count hours after a short job, ``reaches`` the most tasks of a
    burst, ``stopped`` whether a long job is killed, or its task is stopped before it can begin.
    """

    starts: bool
    returns: bool
    least: int
    reaches: int
    stopped: bool
    returns_unseen: bool


@dataclass(frozen=True)
class Reading:
    """The scaling of one target, or why it is not simulated."""

    target: Resource
    scaling: "Scaling | None"
    why: str = ""


def readings(stack: Stack) -> Iterator[Reading]:
    """Each target that scales by steps, as the simulator reads it.

    Those of which a value is not known are left out: no possible value could be told wrong.
    """
    for target, text in _texts(stack):
        yield _read(target, text)


def decides(stack: Stack) -> dict[str, str]:
    """All that the checks of this module go by: two stacks with the same have the same faults."""
    ignores = {
        each.logical_id: each.metadata.get("cfn-lint")
        for kind in (ALARM, TARGET)
        for each in stack.of(kind)
    }
    found = {target.logical_id: text for target, text in _texts(stack)}
    return {**found, "": json.dumps(plain(ignores), sort_keys=True, default=str)}


def _texts(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for target in stack.of(TARGET):
        parts = _parts(stack, target)
        if parts is not None:
            body = {name: _only(stack, each) for name, each in parts.items()}
            yield target, json.dumps({"Resources": body}, sort_keys=True, default=str)


def _read(target: Resource, text: str) -> Reading:
    found = _scaling(text, target.logical_id)
    if isinstance(found, str):
        return Reading(target, None, found)
    return Reading(target, found)


@lru_cache(maxsize=256)
def _scaling(text: str, target: str) -> "Scaling | str":
    from workerstack.simulator.read import scaling_of

    try:
        return scaling_of(resolve(from_data(json.loads(text))), target=target)
    except Problem as error:
        return f"{error.what}, {error.why}"


KEPT = {
    ALARM: (
        "ActionsEnabled", "ComparisonOperator", "DatapointsToAlarm", "Dimensions",
        "EvaluationPeriods", "ExtendedStatistic", "MetricName", "Metrics", "Namespace", "Period",
        "Statistic", "Threshold", "ThresholdMetricId", "TreatMissingData", *ACTIONS,
    ),
    POLICY: (
        "PolicyType", "ScalingTargetId", "ResourceId", "StepScalingPolicyConfiguration",
    ),
    TARGET: ("MaxCapacity", "MinCapacity", "ResourceId", "SuspendedState", "ScalableDimension"),
    SERVICE: ("ServiceName", "DeploymentConfiguration", "TaskDefinition"),
    TASK: (),
    QUEUE: ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy", "QueueName"),
}  # fmt: skip
"""Properties that decide how a template scales."""


def _parts(stack: Stack, target: Resource) -> dict[str, Resource] | None:
    """What scales by this target; None where that is not by steps here, or not known."""
    policies = [each for each in stack.of(POLICY) if target_of(stack, each) is target]
    alarms = [alarm for alarm, policy in scaling_alarms(stack) if policy in policies]
    service = service_of(stack, target)
    if not policies or not alarms or service is None:
        return None
    definition = stack.referred(service.get("TaskDefinition"), TASK)
    tasks = [] if definition is None else [definition]
    found = {each.logical_id: each for each in (target, *policies, *alarms, service, *tasks)}
    for each in found.values():
        for name in KEPT[each.type]:
            is_name = name in (
                "ResourceId",
                "Dimensions",
                "Metrics",
                "ServiceName",
                "ScalingTargetId",
                "TaskDefinition",
            )
            if not is_name and any(True for _ in unknowns(each.get(name))):
                return None
    return {**found, **{each.logical_id: each for each in stack.of(QUEUE)}}


def _only(stack: Stack, resource: Resource) -> dict[str, object]:
    body = resource.body
    given = body.get("Properties", {})
    kept = {name: given[name] for name in KEPT[resource.type] if name in given}
    if resource.type == ALARM:
        kept = _with_queues(stack, kept)
    declared = {"Worker": resource.metadata["Worker"]} if "Worker" in resource.metadata else {}
    return {"Type": resource.type, "Properties": kept, "Metadata": plain(declared)}


def _with_queues(stack: Stack, value: Any) -> Any:
    """An alarm with each dimension of a queue of the stack written as its name."""
    if isinstance(value, list):
        return [_with_queues(stack, each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("Name") == "QueueName" and "Value" in value:
        found = [each for each, _ in written_references(value["Value"])]
        queue = next((each for each in stack.of(QUEUE) if each.logical_id in found), None)
        if queue is not None:
            return {**value, "Value": {"Fn::GetAtt": [queue.logical_id, "QueueName"]}}
    return {name: _with_queues(stack, each) for name, each in value.items()}


@lru_cache(maxsize=256)
def behaviour(scaling: "Scaling") -> Behaviour:
    """What the four loads show, for a worker that extends its message's visibility each minute."""
    from workerstack.simulator.run import simulate
    from workerstack.simulator.settings import Settings
    from workerstack.simulator.traces import Message, Trace

    settings = Settings(heartbeat=60)
    # The same, of a queue that leaves out a count of zero in flight.
    uncounted = Settings(heartbeat=60, notvisible_reported_when_zero=False)
    one = simulate(scaling, Trace.of([Message(0, MINUTE)]), settings, horizon=3 * HOUR)
    starts = one.summary.tasks_started > 0 or scaling.min_capacity > 0
    least = one.series.desired[-1][1]
    long = simulate(
        scaling, Trace.of([Message(0, LONG_JOB)]), settings, horizon=LONG_JOB + HOUR
    ).summary
    unseen = simulate(
        scaling, Trace.of([Message(0, MINUTE)]), uncounted, horizon=3 * HOUR
    ).series.desired[-1][1]
    reaches, returns = scaling.max_capacity, least <= scaling.min_capacity
    stopped = long.killed > 0 or (long.tasks_started > 0 and long.waiting > 0)
    if starts and scaling.min_capacity < scaling.max_capacity <= MOST_SIMULATED:
        minutes = 90 + 12 * (scaling.max_capacity - scaling.min_capacity)
        messages = [Message(0, 12 * HOUR) for _ in range(DEEP)]
        burst = simulate(scaling, Trace.of(messages), settings, horizon=minutes * MINUTE)
        reaches = burst.summary.peak
    return Behaviour(starts, returns, least, reaches, stopped, unseen <= scaling.min_capacity)


def _simulated(stack: Stack) -> Iterator[tuple[Reading, Behaviour]]:
    for reading in readings(stack):
        if reading.scaling is not None:
            yield reading, behaviour(reading.scaling)


def _alarms(stack: Stack, reading: Reading, *, adds: bool) -> list[Resource]:
    """The alarms that invoke a policy which adds, or removes, tasks."""
    assert reading.scaling is not None  # noqa: S101 - only what is simulated is asked
    changing = {
        policy.name
        for policy in reading.scaling.policies
        if any((step.adjustment > 0) == adds and step.adjustment for step in policy.steps)
    }
    return [alarm for alarm, policy in scaling_alarms(stack) if policy.logical_id in changing]


@check(
    "E9205",
    "No job in flight is stopped",
    kind="kills work",
    source=MODEL,
    because="Scale-in that does not count messages in flight stops the worker that has one.",
)
def no_job_is_killed(stack: Stack) -> Iterator[Violation]:
    """Simulated, one job of two hours is finished by the task that began it."""
    for reading, found in _simulated(stack):
        if found.stopped:
            removing = _alarms(stack, reading, adds=False)
            alarm = next(iter(removing), None) or reading.target
            yield at(alarm).wrong(
                f"{alarm.logical_id} stops the worker that has the only message",
                "simulated, a job of two hours never ends, since its task is stopped before",
                "Scale in on visible + FILL(in_flight, 0), from AlarmActions only",
            )


@check("E9212", "One message is enough", kind="never scales", source=MODEL,
       because="From zero, a waiting message must start a task.")  # fmt: skip
def one_message_starts_a_task(stack: Stack) -> Iterator[Violation]:
    """Simulated, one message is worked off within three hours."""
    for reading, found in _simulated(stack):
        if not found.starts:
            alarm = next(iter(_alarms(stack, reading, adds=True)), None) or reading.target
            yield at(alarm).wrong(
                f"{alarm.logical_id} lets a single message wait for ever",
                "simulated from no task, none is started for it in three hours",
                "Fire on one waiting message, with actions that add a task from zero",
            )


@check("E9216", "Back to the minimum", kind="costs", source=MODEL,
       because="Tasks that are never stopped cost for nothing.")  # fmt: skip
def comes_back(stack: Stack) -> Iterator[Violation]:
    """Simulated, three hours after one short job the desired count is the minimum again."""
    for reading, found in _simulated(stack):
        if found.starts and not found.returns:
            alarm = next(iter(_alarms(stack, reading, adds=False)), None) or reading.target
            yield at(alarm).wrong(
                f"{reading.target.logical_id} does not come back to its minimum",
                f"simulated, three hours after one short job the desired count is {found.least}",
                "Let an alarm on an empty queue remove tasks",
            )


@check(
    "E9233",
    "Idle queues are seen",
    kind="costs",
    source=METRICS,
    because="SQS may leave out the count of messages in flight while it is zero.",
)
def idle_queues_are_seen(stack: Stack) -> Iterator[Violation]:
    """Simulated without counts of zero in flight, the desired count is the minimum again."""
    for reading, found in _simulated(stack):
        if found.starts and found.returns and not found.returns_unseen:
            alarm = next(iter(_alarms(stack, reading, adds=False)), None) or reading.target
            yield at(alarm).wrong(
                f"{alarm.logical_id} has no value while nothing is in flight",
                "SQS may leave out that count then, the sum is missing, and no task is stopped",
                "Use FILL on the messages in flight, with 0",
            )


@check(
    "E9232",
    "No data is no empty queue",
    kind="kills work",
    source=METRICS,
    because="SQS sends some values late, and a sum with 0 in their place is a guess.",
)
def no_data_is_no_empty_queue(stack: Stack) -> Iterator[Violation]:
    """Where no metric of an alarm has a value, metric math gives none that removes tasks."""
    from workerstack.simulator.cloudwatch import evaluation_of
    from workerstack.simulator.warn import breaches

    for reading in readings(stack):
        if reading.scaling is None:
            continue
        removing = {alarm.logical_id for alarm in _alarms(stack, reading, adds=False)}
        for alarm in reading.scaling.alarms:
            if alarm.name in removing and alarm.expressions:
                nothing = dict.fromkeys((name for name, _ in alarm.metrics), None)
                value = evaluation_of(alarm, zero=False)(nothing)
                if value is not None and breaches(alarm, value):
                    yield at(stack.resources[alarm.name], "Metrics").wrong(
                        f"{alarm.name} takes missing metrics for {value:g} messages",
                        "SQS sends some values late, and a task would be stopped without evidence",
                        "Use FILL on the messages in flight only",
                    )


@check("E9217", "The maximum is reached", kind="never scales", source=MODEL,
       because="Tasks that are never started let messages wait.")  # fmt: skip
def reaches_the_maximum(stack: Stack) -> Iterator[Violation]:
    """Simulated, a thousand long jobs start as many tasks as are allowed."""
    for reading, found in _simulated(stack):
        assert reading.scaling is not None  # noqa: S101 - only what is simulated is asked
        most = reading.scaling.max_capacity
        if found.starts and found.reaches < most:
            alarm = next(iter(_alarms(stack, reading, adds=True)), None) or reading.target
            yield at(alarm).wrong(
                f"{reading.target.logical_id} never reaches its maximum of {most}",
                f"simulated, {DEEP} messages that wait start {found.reaches} tasks",
                "Let the last step be open and add tasks, or lower the maximum",
            )


@check("W9218", "The scaling can be simulated", kind="care", source=MODEL,
       because="What cannot be simulated is not checked by behaviour.")  # fmt: skip
def can_be_simulated(stack: Stack) -> Iterator[Violation]:
    """All that scales is understood by the simulator."""
    for reading in readings(stack):
        if reading.scaling is None:
            yield at(reading.target).wrong(
                f"The scaling of {reading.target.logical_id} is not checked by behaviour",
                reading.why.rstrip("."),
                "Compare it with docs/scaling.md, and try it with messages",
            )
