"""A run as data for programs: all of it as JSON, or minute by minute as CSV."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from simulator.model import AlarmState
from simulator.run import Run
from simulator.warnings import Warning  # noqa: A004 - it is what people call it

VERSION = 1
"""Grows when a field of the JSON changes its meaning or goes."""

COLUMNS = ("visible", "in_flight", "desired", "pending", "running", "busy")


def as_json(run: Run, warnings: Sequence[Warning] = ()) -> str:
    """Everything; the same run gives the same bytes."""
    body: dict[str, Any] = {"version": VERSION, **asdict(run)}
    body["summary"]["cost"]["total"] = run.summary.cost.total
    body["warnings"] = [asdict(each) for each in warnings]
    return json.dumps(body, indent=1, ensure_ascii=False)


def as_csv(run: Run) -> str:
    """One row a minute: counts, ages in seconds (empty while there is none), alarm states."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    alarms = list(run.series.alarms)
    writer.writerow(["second", *COLUMNS, "oldest_age", "oldest_age_reported", *alarms])
    writer.writerows(_rows(run, alarms))
    return out.getvalue()


def _rows(run: Run, alarms: Sequence[str]) -> Iterator[list[Any]]:
    minutes = range(0, run.horizon + 1, 60)
    counts = [at_each(getattr(run.series, name), minutes, 0) for name in COLUMNS]
    arrivals = [
        at_each(each, minutes, -1) for each in (run.series.oldest, run.series.oldest_reported)
    ]
    states = [
        at_each(run.series.alarms[name], minutes, AlarmState.INSUFFICIENT_DATA) for name in alarms
    ]
    for second, *values in zip(minutes, *counts, *arrivals, *states, strict=True):
        middle = len(COLUMNS)
        ages = [second - each if each >= 0 else "" for each in values[middle : middle + 2]]
        yield [second, *values[:middle], *ages, *values[middle + 2 :]]


def at_each(
    points: Sequence[tuple[int, Any]], seconds: Sequence[int], before: Any
) -> Iterator[Any]:
    """The value of change points at each of some growing seconds."""
    index, value = 0, before
    for second in seconds:
        while index < len(points) and points[index][0] <= second:
            value = points[index][1]
            index += 1
        yield value
