"""CloudWatch: datapoints of sliding periods, and the states of alarms, minute by minute.

Source: CloudWatch User Guide, "Evaluating an alarm": with a period of at least a minute an alarm
is evaluated every minute, on periods that end now.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from math import fsum
from operator import ge, gt, le, lt
from typing import TypeVar

from simulator.math_operations import Evaluate, Point
from simulator.metric_math import compile_math
from simulator.missing_data import alarm_state
from simulator.model import Alarm, AlarmState, Metric, Operator
from simulator.settings import Settings

T = TypeVar("T")
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

    Raises SimulationError for metric math that is not simulated.
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
        self._points: list[Point] = []
        self._breaching: list[bool | None] = []
        self._evaluate = evaluation_of(alarm, zero=settings.missing_operand_is_zero)
        self._metrics: list[tuple[str, int, Metric]] = [
            (name, names.index(metric.name), metric) for name, metric in alarm.metrics
        ]
        self._compare = COMPARE[alarm.operator]

    def rebuild(self, samples: Sequence[Sample]) -> None:
        """Takes the datapoints of all these minutes instead of what it had."""
        self._points.clear()
        self._breaching.clear()
        for end in range(len(samples)):
            self.add(samples, end)

    def add(self, samples: Sequence[Sample], end: int) -> None:
        """The datapoint of the period that ends with the sample at ``end``."""
        point = self._point(samples, end)
        self._points.append(point)
        self._breaching.append(
            None if point is None else self._compare(point, self.alarm.threshold)
        )
        if len(self._points) > 4 * self.reach + 1024:
            del self._points[: -self.reach]
            del self._breaching[: -self.reach]

    def repeat(self, count: int) -> None:
        """The newest datapoint again, for so many minutes in which nothing changed."""
        count = min(count, self.reach)
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
        runs = [(point, sum(1 for _ in same)) for point, same in groupby(self.evaluated())]
        shown = [f"{point:g}" + (f" ({count} times)" if count > 1 else "") for point, count in runs]
        points = ", ".join(shown) or "none"
        return (
            f"{self.state}: datapoints {points} against {SIGN[alarm.operator]}"
            f" {alarm.threshold:g}, {alarm.datapoints_to_alarm} of {alarm.evaluation_periods}"
        )
