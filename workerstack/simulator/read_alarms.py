"""Alarms that invoke scaling policies, and the one queue that they look at."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from workerstack.cloudformation import Stack, Unknown, text
from workerstack.problem import Problem
from workerstack.simulator.cloudwatch import MINUTE, evaluation_of
from workerstack.simulator.custom_metrics import CustomMetric
from workerstack.simulator.leaving_out import notes_on_alarm
from workerstack.simulator.metric_math import in_order
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    MetricName,
    MissingData,
    Operator,
    Statistic,
    TaskCount,
    TrackingPolicy,
)
from workerstack.simulator.properties import Properties, of_type
from workerstack.simulator.read_service import POLICY, TRACKING, Watched, find_watched

ALARM = "AWS::CloudWatch::Alarm"
ACTIONS = {
    "AlarmActions": AlarmState.ALARM,
    "OKActions": AlarmState.OK,
    "InsufficientDataActions": AlarmState.INSUFFICIENT_DATA,
}
PLAIN = "m"
"""The id of the metric of an alarm without metric math."""
MOST = 10
"""Metrics that an alarm on metric math may have."""


Customs = Mapping[str, CustomMetric]
"""Metrics of one's own by name."""


HOUR, DAY, WEEK = 3_600, 86_400, 604_800


@dataclass
class AlarmsRead:
    """Alarms, what is not simulated of them, and each queue with who looks at it."""

    alarms: list[Alarm] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    queues: dict[str, tuple[Watched, Properties]] = field(default_factory=dict)
    looked_at: list[set[str]] = field(default_factory=list)

    def queue(self) -> Watched | None:
        """The first queue; None where the metrics name none. Raises Problem for several.

        But where each alarm looks at all of them: one that gets all messages is simulated, and
        the others are idle, which is the same where their sum decides.
        """
        looked_at = [each for each in self.looked_at if each]
        if any(each != looked_at[0] for each in looked_at):
            raise next(reversed(self.queues.values()))[1].error(
                "The alarms look at several queues",
                f"these are {', '.join(self.queues)}",
                "Let each alarm look at all of them, as a sum",
            )
        return next((watched for watched, _ in self.queues.values()), None)

    def add_queues(self, watched: list[Watched], resource: Properties) -> None:
        """What one alarm, or tracking policy, looks at."""
        self.queues |= {one.name: (one, resource) for one in watched}
        self.looked_at.append({one.name for one in watched})


def read_alarms(stack: Stack, policies: Collection[str], customs: Customs) -> AlarmsRead:
    """The alarms of the stack that invoke any of the policies. Raises Problem."""
    found = AlarmsRead()
    for each in of_type(stack, ALARM):
        actions = _actions(each, policies)
        if actions:
            alarm, watched = _alarm(each.certain(), actions, customs)
            found.alarms.append(alarm)
            found.notes += notes_on_alarm(each)
            found.add_queues(watched, each)
    return found


HIGH, LOW = 3, 15
"""Minutes above the target until tracking adds, and far enough below it until it removes."""
FAR_BELOW = 0.9


def read_tracking(policy: Properties, customs: Customs, into: AlarmsRead) -> TrackingPolicy:
    """A target tracking policy, and into ``into`` the two alarms that AWS makes for it.

    Raises Problem where its metric is not one of the queue.

    Source: Application Auto Scaling User Guide, "How target tracking scaling works": capacity is
    removed only where the metric is far enough below the target, usually more than 10 %. The
    minutes are those of the alarms that AWS makes, which no document promises.
    """
    body = policy.inner(TRACKING)
    spec = policy.mapping(
        body.get("CustomizedMetricSpecification"), "CustomizedMetricSpecification"
    )
    target = policy.real(body.get("TargetValue"), "TargetValue")
    if target is None or target <= 0:
        raise policy.error(
            f"{policy.name} is not simulated",
            f"its TargetValue is {target}",
            "Give it one above 0",
            TRACKING,
        )
    queries = policy.members(spec.get("Metrics"), "Metrics")
    read = (
        _math(policy, queries, customs, MINUTE)
        if queries
        else _plain_metric(policy, {**spec, "Period": MINUTE}, customs)
    )
    made = [_tracking_alarm(policy, "High", HIGH, target, read)]
    if not policy.truth(body.get("DisableScaleIn"), "DisableScaleIn"):
        made.append(_tracking_alarm(policy, "Low", LOW, target * FAR_BELOW, read))
    cooldowns = [
        policy.number(body.get(name, 300), name) for name in ("ScaleOutCooldown", "ScaleInCooldown")
    ]
    into.alarms += made
    into.add_queues(read.queues, policy)
    return TrackingPolicy(
        name=policy.name,
        target_value=target,
        cooldown=cooldowns[0] or 0,
        scale_in_cooldown=cooldowns[1] or 0,
        line=policy.line,
    )


def _tracking_alarm(
    policy: Properties, side: str, minutes: int, threshold: float, read: "Read"
) -> Alarm:
    return _valid(
        policy,
        Alarm(
            name=f"{policy.name}-Alarm{side}",
            metrics=tuple(read.metrics.items()),
            expressions=tuple(read.expressions.items()),
            returned=read.returned,
            period=read.period,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            threshold=threshold,
            operator="GreaterThanThreshold" if side == "High" else "LessThanThreshold",
            actions=((AlarmState.ALARM, policy.name),),
            line=policy.line,
        ),
    )


def _valid(resource: Properties, alarm: Alarm) -> Alarm:
    """The alarm; raises Problem at the resource where its metric math is not simulated."""
    try:
        evaluation_of(alarm, zero=False)
    except Problem as error:
        raise resource.error(error.what, error.why, error.next_step) from error
    return alarm


def _actions(alarm: Properties, policies: Collection[str]) -> tuple[tuple[AlarmState, str], ...]:
    found = []
    for name, state in ACTIONS.items():
        value = alarm.get(name)
        for action in [value] if isinstance(value, Unknown) else alarm.members(value, name):
            policy = alarm.stack.referred(action, POLICY)
            if policy is not None and policy.logical_id in policies:
                if isinstance(action, Unknown):
                    raise alarm.not_known(action, f"{name} of {alarm.name}", name)
                found.append((state, policy.logical_id))
    return tuple(found)


def _alarm(
    resource: Properties, actions: tuple[tuple[AlarmState, str], ...], customs: Customs
) -> tuple[Alarm, list[Watched]]:
    if resource.get("ThresholdMetricId") is not None:
        raise resource.error(
            f"{resource.name} is not simulated",
            "its threshold is an anomaly detection band",
            "AWS does not scale on such alarms either: give it a Threshold",
        )
    periods = resource.integer("EvaluationPeriods")
    needed = resource.integer("DatapointsToAlarm", periods)
    written = resource.members(resource.get("Metrics"), "Metrics")
    read = (
        _math(resource, written, customs)
        if written
        else _plain_metric(resource, resource.resource.properties, customs)
    )
    period = read.period
    if period < MINUTE or period % MINUTE:
        raise resource.error(
            f"{resource.name} is not simulated",
            f"its period is {period} s, and SQS sends one value a minute",
            "Make it a multiple of 60",
        )
    # CloudWatch API reference, PutMetricAlarm: EvaluationPeriods.
    if not 1 <= needed <= periods or periods * period > (WEEK if period >= HOUR else DAY):
        raise resource.error(
            f"{resource.name} is impossible",
            f"{needed} of {periods} datapoints of {period} s",
            "At least 1, at most all of them, and together no more than a day; a week, if a period"
            " is an hour or more",
        )
    threshold = resource.real(resource.get("Threshold"), "Threshold")
    if threshold is None:
        raise resource.error(f"{resource.name} has no Threshold", "it is required", "Add it")
    alarm = Alarm(
        name=resource.name,
        metrics=tuple(read.metrics.items()),
        expressions=tuple(read.expressions.items()),
        returned=read.returned,
        period=period,
        evaluation_periods=periods,
        datapoints_to_alarm=needed,
        threshold=threshold,
        operator=resource.word("ComparisonOperator", "", get_args(Operator)),
        missing_data=resource.word("TreatMissingData", "missing", get_args(MissingData)),
        actions=actions,
        actions_enabled=resource.truth(resource.get("ActionsEnabled", True), "ActionsEnabled"),
        line=resource.line,
    )
    return _valid(resource, alarm), read.queues


class Read(NamedTuple):
    """What an alarm looks at: metrics and expressions by id, and which one is returned."""

    metrics: dict[str, Metric]
    expressions: dict[str, str]
    returned: str
    period: int
    queues: list[Watched]


def _plain_metric(resource: Properties, body: Mapping[str, Any], customs: Customs) -> Read:
    extended = resource.known(body.get("ExtendedStatistic"), "ExtendedStatistic")
    if extended is not None:
        raise _statistic(resource, extended)
    period = resource.number(body.get("Period"), "Period")
    measured = _measured(resource, PLAIN, body, body.get("Statistic"), customs)
    if period is None:
        raise resource.error(f"{resource.name} has no Period", "it is required", "Add it")
    return Read(measured.metrics, measured.expressions, PLAIN, period, measured.queues)


def _statistic(resource: Properties, given: str | None) -> Problem:
    return resource.error(
        f"{resource.name} is not simulated",
        f"its statistic is {given}",
        f"What is simulated: {', '.join(get_args(Statistic))}",
    )


class Measured(NamedTuple):
    """One metric: itself, or the expression that it is by what it is made of."""

    metrics: dict[str, Metric]
    expressions: dict[str, str]
    queues: list[Watched]


def _measured(
    resource: Properties, name: str, body: Mapping[str, Any], statistic: Any, customs: Customs
) -> Measured:
    """The metric ``name`` of an alarm: of the queue, of the service, or one's own."""
    namespace = resource.known(body.get("Namespace"), "Namespace")
    metric: Any = resource.known(body.get("MetricName"), "MetricName")
    taken: Any = resource.known(statistic, "Statistic")
    own = customs.get(metric) if namespace != "AWS/SQS" else None
    of_service = namespace == "ECS/ContainerInsights" and metric in get_args(TaskCount)
    of_queue = namespace == "AWS/SQS" and metric in get_args(MetricName)
    if not (own or of_service or of_queue):
        mapped = "" if namespace == "AWS/SQS" else f", or say --metric {metric}='visible / tasks'"
        raise resource.error(
            f"{resource.name} is not simulated",
            f"it looks at {namespace} {metric}",
            f"What is simulated: AWS/SQS {', '.join(get_args(MetricName))}{mapped}",
            "MetricName" if namespace == "AWS/SQS" else "Namespace",
        )
    if taken not in get_args(Statistic) or (own and taken == "SampleCount"):
        raise _statistic(resource, taken)
    if own:
        metrics, expression = own.named(name, taken)
        return Measured(metrics, {name: expression}, [])
    found = {name: Metric(metric, taken)}
    if of_service:
        return Measured(found, {}, [])
    queues = [
        each.get("Value")
        for each in resource.mappings(body.get("Dimensions"), "Dimensions")
        if text(each.get("Name")) == "QueueName"
    ]
    if len(queues) != 1:
        raise resource.error(
            f"{resource.name} looks at no queue", "it has no dimension QueueName", "Add it"
        )
    return Measured(found, {}, [find_watched(resource, queues[0])])


def _math(
    resource: Properties, written: list[Any], customs: Customs, period: int | None = None
) -> Read:
    """Metric math; ``period`` is that of queries which give none."""
    metrics: dict[str, Metric] = {}
    expressions: dict[str, str] = {}
    periods: set[int] = set() if period is None else {period}
    queues: list[Watched] = []
    idle: dict[str, str] = {}
    returned, asked = [], 0
    for each in resource.mappings(written, "Metrics"):
        name = str(resource.known(each.get("Id"), "Id"))
        if resource.truth(each.get("ReturnData", True), "ReturnData"):
            returned.append(name)
        if each.get("Period") is not None:
            periods.add(resource.number(each["Period"], "Period") or 0)
        if "Expression" in each:
            expressions[name] = str(resource.known(each["Expression"], "Expression"))
            continue
        asked += 1
        stat = resource.mapping(each.get("MetricStat"), "MetricStat")
        metric = resource.mapping(stat.get("Metric"), "Metric")
        measured = _measured(resource, name, metric, stat.get("Stat"), customs)
        if queues and measured.queues and measured.queues[0].name != queues[0].name:
            idle[name] = "0"  # all messages are those of the first queue
        else:
            metrics |= measured.metrics
            expressions |= measured.expressions
        queues += measured.queues
        if period is None or stat.get("Period") is not None:
            periods.add(resource.number(stat.get("Period"), "Period") or 0)
    if len(periods) != 1 or len(returned) != 1 or not 1 <= asked <= MOST:
        raise resource.error(
            f"The metric math of {resource.name} is impossible",
            f"it has {asked} metrics, {len(returned)} returned, periods {sorted(periods)}",
            f"Up to {MOST} metrics of one period, of which or of whose expressions one is returned",
        )
    found = in_order({**idle, **expressions})
    return Read(metrics, found, returned[0], periods.pop(), queues)
