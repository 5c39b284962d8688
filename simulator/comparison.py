"""Two or more runs side by side, in the numbers that decide."""

from collections.abc import Callable, Mapping, Sequence

from simulator.report import duration
from simulator.run import Summary


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


def text(named: Sequence[tuple[str, Summary]]) -> str:
    """A table for the terminal; a star marks what differs from the first run."""
    table = [("", *(name for name, _ in named)), *rows([summary for _, summary in named])]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        differs = row[0] and len(set(row[1:])) > 1
        lines.append(f"{'  '.join(cells)}{' *' if differs else ''}".rstrip())
    return "\n".join(lines)
