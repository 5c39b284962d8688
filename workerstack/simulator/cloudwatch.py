"""CloudWatch: the queue's metrics on their way to the alarms, and the states of these.

Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data" and
"Avoiding premature transitions to alarm state".

Source: CloudWatch User Guide, "Evaluating an alarm": with a period of at least a minute an alarm
is evaluated every minute, on periods that end now.

Source: SQS Developer Guide, "Monitoring Amazon SQS queues using CloudWatch": a queue is active
for six hours after anything happens to it; the metrics of one that awakes may be 15 minutes late.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from math import fsum, inf
from operator import ge, gt, le, lt
from random import Random
from typing import TypeVar

from workerstack.simulator.ecs import Service
from workerstack.simulator.metric_math import Evaluate, Point, compile_math
from workerstack.simulator.model import Alarm, AlarmState, Metric, MissingData, Operator
from workerstack.simulator.settings import Settings
from workerstack.simulator.sqs import MessageQueue


def alarm_state(
    breaching: Sequence[bool | None],
    evaluation_periods: int,
    datapoints_to_alarm: int,
    treatment: MissingData,
    current: AlarmState,
) -> AlarmState:
    """The state after one evaluation.

    ``breaching`` are the datapoints of the whole evaluation range, oldest first, None where one
    is missing. Real points are used wherever they are enough; ``treatment`` fills the rest.
    """
    real = [point for point in breaching if point is not None]
    # CloudWatch retrieves more datapoints than it evaluates, so that late ones do not count as
    # missing.
    if len(real) >= evaluation_periods:
        return _state(sum(real[-evaluation_periods:]) >= datapoints_to_alarm)
    if treatment == "breaching":
        missing = evaluation_periods - len(real)
        return _state(sum(real) + missing >= datapoints_to_alarm)
    if treatment == "notBreaching":
        return _state(sum(real) >= datapoints_to_alarm)
    return _unfilled(breaching, real, datapoints_to_alarm, treatment, current)


def _unfilled(
    breaching: Sequence[bool | None],
    real: Sequence[bool],
    datapoints_to_alarm: int,
    treatment: MissingData,
    current: AlarmState,
) -> AlarmState:
    """Too few points, and none is made up: what is there decides, if it can."""
    count = sum(real)
    # One real point that does not breach settles OK: CloudWatch judges by those that exist.
    if count < len(real) or count >= datapoints_to_alarm:
        return _state(count >= datapoints_to_alarm)
    if treatment == "ignore":
        return current
    if not real:
        return AlarmState.INSUFFICIENT_DATA
    # "Avoiding premature transitions": lone breaching points alarm only once the oldest of them is
    # as old as M datapoints.
    return AlarmState.ALARM if _age(breaching) >= datapoints_to_alarm else current


def _state(alarm: bool) -> AlarmState:
    return AlarmState.ALARM if alarm else AlarmState.OK


def _age(breaching: Sequence[bool | None]) -> int:
    """How many datapoints ago the oldest real one is; the newest is 1."""
    return next(len(breaching) - i for i, point in enumerate(breaching) if point is not None)


T = TypeVar("T")
MOST_KNOWN = 4_096
"""Values of a minute whose datapoint is remembered."""
MINUTE = 60
Sample = tuple[Point, ...] | None
"""One minute's values in the order of ``metric_names``; None while the queue sleeps."""

COMPARE: Mapping[Operator, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": ge,
    "GreaterThanThreshold": gt,
    "LessThanOrEqualToThreshold": le,
    "LessThanThreshold": lt,
}
SIGN: Mapping[Operator, str] = {
    "GreaterThanOrEqualToThreshold": ">=",
    "GreaterThanThreshold": ">",
    "LessThanOrEqualToThreshold": "<=",
    "LessThanThreshold": "<",
}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: fsum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "Sum": fsum,
    "SampleCount": lambda values: float(len(values)),
}


def metric_names(alarms: Sequence[Alarm]) -> tuple[str, ...]:
    """The metrics that any of the alarms looks at, sorted."""
    return tuple(sorted({metric.name for alarm in alarms for _, metric in alarm.metrics}))


def evaluation_of(alarm: Alarm, *, zero: bool) -> Evaluate:
    """The function from the alarm's metrics, by id, to the value that is compared.

    Raises Problem for metric math that is not simulated.
    """
    metrics: dict[str, Evaluate] = {}
    for name, _ in alarm.metrics:
        metrics[name] = lambda values, name=name: values[name]  # type: ignore[misc]
    expressions: dict[str, Evaluate] = {}
    for name, expression in alarm.expressions:
        expressions[name] = compile_math(expression, metrics, expressions, zero=zero)
    return {**metrics, **expressions}[alarm.returned]


class AlarmEvaluator:
    """One alarm: its datapoints, one for each minute at which a period may end, and its state."""

    def __init__(self, alarm: Alarm, names: Sequence[str], settings: Settings) -> None:
        self.alarm = alarm
        self.state = AlarmState.INSUFFICIENT_DATA
        self._minutes = alarm.period // MINUTE
        self.slots = alarm.evaluation_periods + settings.evaluation_range_extra
        self.reach = self.slots * self._minutes
        self._known: dict[Sample, tuple[Point, bool | None]] = {}
        self._last: bool | None = None
        self._alike = 0
        """For so many minutes the datapoint has breached, or not, as the newest does."""
        self._constant = 0
        """So many of the newest samples, at least, are the same."""
        self._points: list[Point] = []
        self._breaching: list[bool | None] = []
        self._evaluate = evaluation_of(alarm, zero=settings.missing_operand_is_zero)
        self._metrics: list[tuple[str, int, Metric]] = [
            (name, names.index(metric.name), metric) for name, metric in alarm.metrics
        ]
        self._compare = COMPARE[alarm.operator]
        self.invokes: dict[AlarmState, list[str]] = {}
        for state, policy in alarm.actions if alarm.actions_enabled else ():
            self.invokes.setdefault(state, []).append(policy)

    def begin(self, past: Sample) -> None:
        """Takes the datapoints of a past in which each minute was like this one."""
        self.add([past] * self._minutes, self._minutes - 1)
        self.repeat(self.reach)

    def rebuild(self, samples: Sequence[Sample]) -> None:
        """Takes the datapoints of these minutes, as far as it looks back, instead of its own."""
        self._points.clear()
        self._breaching.clear()
        self._alike = self._constant = 0
        for end in range(max(0, len(samples) - self.reach), len(samples)):
            self.add(samples, end)

    def add(self, samples: Sequence[Sample], end: int) -> None:
        """The datapoint of the period that ends with the sample at ``end``."""
        sample = samples[end]
        known = self._known.get(sample) if self._minutes == 1 else self._same(samples, end)
        point, breaching = known or self._judged(samples, end)
        if breaching is self._last:
            self._alike += 1
        else:
            self._last, self._alike = breaching, 1
        self._points.append(point)
        self._breaching.append(breaching)
        # Cut seldom and by much: deleting from the front of a list costs as much as the list is
        # long.
        if len(self._points) > 4 * self.reach + 1024:
            del self._points[: -self.reach]
            del self._breaching[: -self.reach]

    def _same(self, samples: Sequence[Sample], end: int) -> tuple[Point, bool | None] | None:
        """The datapoint before, if this period has the same samples as the one before."""
        self._constant = self._constant + 1 if end and samples[end] == samples[end - 1] else 1
        if self._constant <= self._minutes:
            return None
        return self._points[-1], self._breaching[-1]

    def _judged(self, samples: Sequence[Sample], end: int) -> tuple[Point, bool | None]:
        """The datapoint, and whether it breaches; remembered where the sample alone decides."""
        point = self._point(samples, end)
        found = point, None if point is None else self._compare(point, self.alarm.threshold)
        if self._minutes == 1:
            if len(self._known) == MOST_KNOWN:
                self._known.clear()
            self._known[samples[end]] = found
        return found

    def repeat(self, count: int) -> None:
        """The newest datapoint again, for so many minutes in which nothing changed."""
        count = min(count, self.reach)
        self._alike += count
        self._constant += count
        self._points.extend(self._points[-1:] * count)
        self._breaching.extend(self._breaching[-1:] * count)

    def _point(self, samples: Sequence[Sample], end: int) -> Point:
        values = {
            name: self._statistic(metric, samples, end, index)
            for name, index, metric in self._metrics
        }
        return self._evaluate(values)

    def _statistic(self, metric: Metric, samples: Sequence[Sample], end: int, index: int) -> Point:
        if self._minutes == 1:
            sample = samples[end]
            value = None if sample is None else sample[index]
            return 1.0 if metric.statistic == "SampleCount" and value is not None else value
        found = [
            value
            for sample in samples[max(0, end + 1 - self._minutes) : end + 1]
            if sample is not None and (value := sample[index]) is not None
        ]
        return _STATISTICS[metric.statistic](found) if found else None

    def evaluate(self) -> bool:
        """Sets the state; True when it changed."""
        alarm, before = self.alarm, self.state
        if self._minutes == 1:
            if self._alike >= alarm.evaluation_periods and self._last is not None:
                self.state = AlarmState.ALARM if self._last else AlarmState.OK
                return self.state != before
            newest = self._breaching[-alarm.evaluation_periods :]
            if None not in newest:
                count = newest.count(True)
                enough = count >= alarm.datapoints_to_alarm
                self.state = AlarmState.ALARM if enough else AlarmState.OK
                return self.state != before
        self.state = alarm_state(
            self._range(self._breaching),
            alarm.evaluation_periods,
            alarm.datapoints_to_alarm,
            alarm.missing_data,
            before,
        )
        return self.state != before

    def evaluated(self) -> tuple[float, ...]:
        """The real datapoints that the last evaluation rested on, oldest first."""
        real = [point for point in self._range(self._points) if point is not None]
        return tuple(real[-self.alarm.evaluation_periods :])

    def _range(self, series: list[T]) -> list[T]:
        """Every period-th of the newest: the evaluation range, oldest first."""
        if self._minutes == 1:
            return series[-self.slots :]
        return series[-1 : -1 - self.reach : -self._minutes][::-1]

    def reason(self) -> str:
        """Why the state is what it is."""
        alarm = self.alarm
        points = self.evaluated()
        if points.count(points[0] if points else None) == len(points):
            runs = [(points[0], len(points))] if points else []
        else:
            runs = [(point, sum(1 for _ in same)) for point, same in groupby(points)]
        shown = [f"{point:g}" + (f" ({count} times)" if count > 1 else "") for point, count in runs]
        told = ", ".join(shown) or "none"
        return (
            f"{self.state}: datapoints {told} against {SIGN[alarm.operator]}"
            f" {alarm.threshold:g}, {alarm.datapoints_to_alarm} of {alarm.evaluation_periods}"
        )


VISIBLE, IN_FLIGHT = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
COUNTERS = {
    "NumberOfMessagesSent": "sent",
    "NumberOfMessagesReceived": "received",
    "NumberOfMessagesDeleted": "deleted",
}


class CloudWatch:
    """Takes a sample each minute, and keeps all alarms up to date."""

    def __init__(
        self, alarms: Sequence[Alarm], queue: MessageQueue, service: Service, settings: Settings
    ) -> None:
        self._queue = queue
        self._service = service
        self._settings = settings
        self._names = metric_names(alarms)
        self._reads = [self._reading(name) for name in self._names]
        self.alarms = [AlarmEvaluator(alarm, self._names, settings) for alarm in alarms]
        self._late = -(-settings.metric_delay // MINUTE)
        self._jitter = settings.metric_jitter
        self._minute = 0
        self._drawn: dict[tuple[int, str], int] = {}
        self._reach = max(each.reach for each in self.alarms)
        self._counted = dict.fromkeys(COUNTERS, 0)
        self._awake_since: float = -inf
        self.last_activity: float = -inf if settings.asleep_at_start else 0
        self._awakenings: list[float] = []
        past = None if settings.asleep_at_start else self._values(0)
        self._samples: list[Sample] = [past] * (2 * self._reach + self._late)
        self._activated: list[float] = [-inf] * len(self._samples)
        self._shown: list[Sample] = [past] * (2 * self._reach)
        self._constant = 0
        for alarm in self.alarms:
            alarm.begin(past)

    def active(self, now: int) -> None:
        """Something touches the queue at this second."""
        if now >= self.falls_asleep:
            self._awake_since = now
            if self._settings.activation_delay:
                self._awakenings.append(now + self._settings.activation_delay)
        self.last_activity = now

    def still_active(self, now: int) -> None:
        """The queue has been active without a break up to this second."""
        self.last_activity = now

    @property
    def falls_asleep(self) -> float:
        """The first second at which the queue sleeps, if nothing happens any more."""
        return self.last_activity + self._settings.sleep_after + 1

    def tick(self, now: int, skipped: int) -> None:
        """The minute ``now`` ends; in ``skipped`` minutes before it nothing changed."""
        if skipped:
            self._skip(min(skipped, 2 * self._reach + self._late))
        self._minute = now
        asleep = now > self.last_activity + self._settings.sleep_after
        self._samples.append(None if asleep else self._values(now))
        self._activated.append(self._awake_since)
        if self._awakenings and self._awakenings[0] <= now:
            del self._awakenings[0]
            self._reveal(now)
        elif self._jitter:
            self._reveal(now)
        else:
            index = len(self._samples) - 1 - self._late
            late = now < self._activated[index] + self._settings.activation_delay
            self._show(None if late else self._samples[index])
        if len(self._samples) > 4 * self._reach + 1024:
            self._forget()

    def _readable(self, index: int, now: int) -> Sample:
        late = now < self._activated[index] + self._settings.activation_delay
        sample = None if late else self._samples[index]
        if sample is None or not self._jitter:
            return sample
        minute = self._minute - (len(self._samples) - 1 - index) * MINUTE
        left = now - minute - self._settings.metric_delay
        if left >= self._jitter:
            return sample
        return tuple(
            value if minute < 0 or self._lateness(minute, name) <= left else None
            for name, value in zip(self._names, sample, strict=True)
        )

    def _lateness(self, minute: int, name: str) -> int:
        """Seconds by which this datapoint is later than others; the same whenever it is asked."""
        found = self._drawn.get((minute, name))
        if found is None:
            # From the minute and the name, and not from the run's own generator: how often it is
            # asked must not change the run.
            drawn = Random(f"{self._settings.seed}/{minute}/{name}")
            found = self._drawn[minute, name] = drawn.randint(0, self._jitter)
        return found

    def _show(self, sample: Sample) -> None:
        self._constant = self._constant + 1 if sample == self._shown[-1] else 0
        self._shown.append(sample)
        for alarm in self.alarms:
            alarm.add(self._shown, len(self._shown) - 1)

    def _reveal(self, now: int) -> None:
        """What was late can be read, all at once."""
        end = len(self._samples) - self._late
        begin = max(0, end - 2 * self._reach)
        self._shown = [self._readable(index, now) for index in range(begin, end)]
        self._constant = 0
        for alarm in self.alarms:
            alarm.rebuild(self._shown)

    def _skip(self, minutes: int) -> None:
        self._samples.extend(self._samples[-1:] * minutes)
        self._activated.extend(self._activated[-1:] * minutes)
        self._shown.extend(self._shown[-1:] * minutes)
        for alarm in self.alarms:
            alarm.repeat(minutes)

    def _forget(self) -> None:
        del self._samples[: -2 * self._reach - self._late]
        del self._activated[: -2 * self._reach - self._late]
        del self._shown[: -2 * self._reach]
        self._drawn.clear()

    @property
    def settled(self) -> bool:
        """Whether every datapoint in reach of an alarm, and each on its way, is the same."""
        # While something is on its way or grows by time alone, a minute that is left out could
        # differ.
        if self._jitter or self._awakenings or self._constant <= self._reach or self._ageing:
            return False
        newest = self._shown[-1]
        return all(each == newest for each in self._samples[-self._late - 1 :])

    @property
    def _ageing(self) -> bool:
        """Whether a metric grows although nothing happens."""
        return "ApproximateAgeOfOldestMessage" in self._names and self._queue.oldest_reported() >= 0

    def _values(self, now: int) -> Sample:
        return tuple([value(now) for value in self._reads])

    def _reading(self, name: str) -> Callable[[int], float | None]:
        """What gives a metric's value at a second; made once, since it is asked each minute."""
        queue, service = self._queue, self._service
        always = self._settings.notvisible_reported_when_zero

        def age(now: int) -> float | None:
            oldest = queue.oldest_reported()
            return None if oldest < 0 else now - oldest

        def counted(_: int) -> float:
            count: int = getattr(queue, COUNTERS[name])
            before, self._counted[name] = self._counted[name], count
            return count - before

        gauges: Mapping[str, Callable[[int], float | None]] = {
            VISIBLE: lambda _: queue.visible,
            IN_FLIGHT: lambda _: queue.in_flight if always or queue.in_flight else None,
            "ApproximateNumberOfMessagesDelayed": lambda _: queue.delayed,
            "ApproximateAgeOfOldestMessage": age,
            "RunningTaskCount": lambda _: len(service.running),
            "DesiredTaskCount": lambda _: service.desired,
        }
        return gauges.get(name, counted)
