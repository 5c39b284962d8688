"""What a command prints of one run, or of several on the same messages."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from workerstack.problem import harmless
from workerstack.simulator import report
from workerstack.simulator.cost import Prices
from workerstack.simulator.model import AlarmState
from workerstack.simulator.report import duration
from workerstack.simulator.result import Run, Summary
from workerstack.simulator.warn import (
    Warning,  # noqa: A004 - it is what people call it
    warn,
)


def _time(value: int | None) -> str:
    return "never" if value is None else duration(value)


ROWS: Mapping[str, Callable[[Summary], str]] = {
    "done": lambda run: f"{run.done:,} of {run.messages:,}",
    "killed": lambda run: f"{run.killed:,}",
    "wasted": lambda run: duration(run.wasted),
    "dead letters": lambda run: f"{run.dead_letters:,}",
    "first receive p50": lambda run: _time(run.first_receive_p50),
    "first receive p95": lambda run: _time(run.first_receive_p95),
    "completion p50": lambda run: _time(run.completion_p50),
    "completion p95": lambda run: _time(run.completion_p95),
    "peak tasks": lambda run: f"{run.peak}",
    "scale-outs, scale-ins": lambda run: f"{run.scale_outs:,}, {run.scale_ins:,}",
    "task hours": lambda run: f"{run.task_hours:,.2f}",
    "cost": lambda run: f"${run.cost.total:,.4f}",
}
"""What each row is called, and its value in a run."""


def rows(summaries: Sequence[Summary]) -> list[tuple[str, ...]]:
    """Each row's name and its value in each run."""
    return [(name, *map(value, summaries)) for name, value in ROWS.items()]


def comparison(named: Sequence[tuple[str, Summary]]) -> str:
    """A table for the terminal; a star marks what differs from the first run."""
    table = [("", *(harmless(name) for name, _ in named)), *rows([summary for _, summary in named])]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        differs = row[0] and len(set(row[1:])) > 1
        lines.append(f"{'  '.join(cells)}{' *' if differs else ''}".rstrip())
    return "\n".join(lines)


VERSION = 1
"""Grows when a field of the JSON changes its meaning or goes."""

COLUMNS = ("visible", "in_flight", "desired", "pending", "running", "busy")


def as_json(run: Run, warnings: Sequence[Warning] = ()) -> str:
    """Everything; the same run gives the same bytes."""
    body: dict[str, Any] = {"version": VERSION}
    for each in fields(run):
        value = getattr(run, each.name)
        if each.name == "series":
            series = {name.name: getattr(value, name.name) for name in fields(value)}
            body["series"] = {
                name: dict(points) if name == "alarms" else list(points)
                for name, points in series.items()
            }
        elif is_dataclass(value) and not isinstance(value, type):
            body[each.name] = asdict(value)
        elif isinstance(value, Sequence):
            body[each.name] = [asdict(one) if is_dataclass(one) else one for one in value]  # type: ignore[arg-type]
        else:
            body[each.name] = value
    body["summary"]["cost"]["total"] = run.summary.cost.total
    body["warnings"] = [asdict(each) for each in warnings]
    return json.dumps(body, indent=1, ensure_ascii=False)


def as_csv(run: Run) -> str:
    """One row a minute: counts, ages in seconds (empty while there is none), alarm states."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    alarms = list(run.series.alarms)
    writer.writerow(
        ["second", *COLUMNS, "oldest_age", "oldest_age_reported", *map(harmless, alarms)]
    )
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


def shown(runs: Sequence[Run], prices: Prices, style: str, *, events: bool) -> str:
    """Runs as ``text``, ``json`` or ``csv``; several as one table, warnings below."""
    if style == "csv":
        return as_csv(runs[0]).rstrip("\n")
    warnings = [warn(run.scaling, run.settings, run) for run in runs]
    if style == "json":
        each = [as_json(run, found) for run, found in zip(runs, warnings, strict=True)]
        return each[0] if len(each) == 1 else "[{}]".format(",\n".join(each))
    parts = [report.text(run, prices, events=events) for run in runs if len(runs) == 1 or events]
    if len(runs) > 1:
        parts.append(comparison([(run.scaling.file, run.summary) for run in runs]))
        parts += [
            f"note on {run.scaling.file}: {note}" for run in runs for note in run.scaling.notes
        ]
    for run, found in zip(runs, warnings, strict=True):
        lines = [line for each in found for line in (f"{each.id}  {each.subject}", f"    {each}")]
        if lines:
            parts.append("\n".join(map(harmless, [f"warnings on {run.scaling.file}", *lines])))
    return "\n\n".join(parts)
