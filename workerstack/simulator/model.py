"""What a template says about scaling, as plain data. Seconds, messages and tasks are integers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Protection = Literal["worker", "sidecar", "none"]
AdjustmentType = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]
Aggregation = Literal["Average", "Minimum", "Maximum"]
Statistic = Literal["Average", "Maximum", "Minimum", "Sum", "SampleCount"]
Operator = Literal[
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanThreshold",
]
MissingData = Literal["missing", "ignore", "breaching", "notBreaching"]
MetricName = Literal[
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateAgeOfOldestMessage",
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
]
TaskCount = Literal["RunningTaskCount", "DesiredTaskCount"]
"""Metrics of the service, as ECS Container Insights has them."""


class AlarmState(StrEnum):
    """The three states of a CloudWatch alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class SimulatedStep:
    """One step: bounds count from the alarm's threshold, None is without end."""

    lower: float | None
    upper: float | None
    adjustment: int


@dataclass(frozen=True, kw_only=True)
class ScalingPolicy:
    """A step scaling policy; ``name`` is its logical id. ``cooldown`` in seconds."""

    name: str
    adjustment_type: AdjustmentType
    steps: tuple[SimulatedStep, ...]
    cooldown: int = 300
    aggregation: Aggregation = "Average"
    min_adjustment_magnitude: int = 0
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrackingPolicy(ScalingPolicy):
    """A target tracking policy; it has no steps. ``cooldown`` is that of scale-out."""

    target_value: float
    scale_in_cooldown: int = 300
    adjustment_type: AdjustmentType = "ExactCapacity"
    steps: tuple[SimulatedStep, ...] = ()


@dataclass(frozen=True)
class Metric:
    """One metric of the queue or the service, and its statistic over the alarm's period."""

    name: MetricName | TaskCount
    statistic: Statistic


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm that a policy acts on; ``name`` is its logical id.

    ``metrics`` are by id; a plain alarm has one, ``m``, and the expression ``m``.
    ``expressions`` are the ids that are metric math, in the order in which they can be
    evaluated; ``returned`` is the id whose value is compared. ``actions`` are pairs of a state
    and a policy's name: what is invoked, every minute, while the alarm is in that state.
    """

    name: str
    metrics: tuple[tuple[str, Metric], ...]
    expressions: tuple[tuple[str, str], ...] = ()
    returned: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    operator: Operator
    missing_data: MissingData = "missing"
    actions: tuple[tuple[AlarmState, str], ...]
    actions_enabled: bool = True
    line: int | None = None


@dataclass(frozen=True)
class ScheduledAction:
    """A scheduled action of the scalable target: when, and the bounds that hold from then on.

    ``schedule`` is ``cron(...)``, ``rate(...)`` or ``at(...)`` in ``timezone``; ``start`` and
    ``end`` are ISO 8601 times or None.
    """

    name: str
    schedule: str
    timezone: str = "UTC"
    min_capacity: int | None = None
    max_capacity: int | None = None
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Suspended:
    """What the scalable target's SuspendedState holds back."""

    scaling_in: bool = False
    scaling_out: bool = False
    scheduled: bool = False


@dataclass(frozen=True)
class TaskSize:
    """What one task is: CPU units, MiB, seconds from SIGTERM to SIGKILL, and what it is billed as.

    ``storage`` is GiB of ephemeral storage; 20 are free.
    """

    cpu: int
    memory: int
    arm: bool = False
    spot: bool = False
    public_ip: bool = False
    stop_timeout: int = 30
    storage: int = 20


@dataclass(frozen=True)
class Queue:
    """A queue that stands in the template; seconds. ``max_receive_count`` None: no dead letters.

    ``delay`` is for how long a message that was sent cannot be received yet.
    """

    visibility_timeout: int = 30
    retention: int = 345_600
    max_receive_count: int | None = None
    delay: int = 0


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What ``Metadata.Worker`` of the task definition says of the worker; docs/scaling.md.

    Seconds; None where it says nothing. ``protection``: who protects the task while it works,
    ``protection_expiry`` after how long that ends unless it is renewed.
    """

    protection: Protection | None = None
    protection_expiry: int | None = None
    heartbeat: int | None = None
    longest_job: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """All that a template says about how one service scales.

    ``name`` is the service's logical id, or the scalable target's where the service is not in
    the template; ``queue_name`` is what the alarms write: ``${Queue}`` or a name.
    ``task`` and ``queue`` are None where the template only names them; Settings then say.
    ``desired_count`` is the number that every update of the service sends, None where it sends
    none. ``minimum_healthy`` and ``maximum`` are the deployment's percentages.
    ``declared`` is what the template says of the worker's code.
    ``notes`` are sentences on what stands in the template and is not simulated.
    """

    name: str
    file: str
    min_capacity: int
    max_capacity: int
    policies: tuple[ScalingPolicy, ...]
    alarms: tuple[Alarm, ...]
    queue_name: str
    queue: Queue | None = None
    task: TaskSize | None = None
    suspended: Suspended = Suspended()
    scheduled: tuple[ScheduledAction, ...] = ()
    desired_count: int | None = None
    minimum_healthy: int = 100
    maximum: int = 200
    declared: Declared = Declared()
    notes: tuple[str, ...] = ()
    line: int | None = None
