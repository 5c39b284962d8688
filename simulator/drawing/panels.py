"""The panels of a picture: each draws one part of a run onto matplotlib's axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.model import AlarmState

if TYPE_CHECKING:
    from simulator.drawing.axis import Axis
    from simulator.run import Points, Run

WAITING, WORKING = "#8fb3d9", "#1f4e79"
DESIRED, RUNNING = "0.1", "#9ecb9a"
KILLED = "#b3261e"
STATES = {
    AlarmState.OK: ("#e6e6e6", ""),
    AlarmState.ALARM: ("#c0504d", ""),
    AlarmState.INSUFFICIENT_DATA: ("white", "////"),
}
NAMES = {
    AlarmState.OK: "OK",
    AlarmState.ALARM: "ALARM",
    AlarmState.INSUFFICIENT_DATA: "no data",
}
LEGEND: dict[str, Any] = {
    "loc": "lower right", "bbox_to_anchor": (1.0, 0.97), "ncols": 4, "borderaxespad": 0.0,
    "handlelength": 1.4, "columnspacing": 1.0, "handletextpad": 0.5,
}  # fmt: skip


def steps(points: "Points", end: int) -> tuple[list[int], list[int]]:
    """Change points as a line of steps up to ``end``."""
    kept = [(second, value) for second, value in points if second <= end] or [(0, 0)]
    return [*(second for second, _ in kept), end], [*(value for _, value in kept), kept[-1][1]]


def summed(first: "Points", second: "Points") -> "Points":
    """Two series on top of each other."""
    one, other = dict(first), dict(second)
    found, left, right = [], 0, 0
    for moment in sorted({*one, *other}):
        left, right = one.get(moment, left), other.get(moment, right)
        found.append((moment, left + right))
    return tuple(found)


def messages(panel: Any, run: "Run", axis: "Axis") -> None:
    """Messages in flight (dark), and those that wait on top of them (light)."""
    series = run.series
    total = steps(summed(series.visible, series.in_flight), axis.end)
    flying = steps(series.in_flight, axis.end)
    panel.fill_between(*total, step="post", color=WAITING, linewidth=0, label="waiting")
    panel.step(*total, where="post", color=WORKING, linewidth=0.4)
    panel.fill_between(*flying, step="post", color=WORKING, linewidth=0, label="in flight")
    kills = [kill.second for kill in run.kills if kill.second <= axis.end]
    if kills:
        heights = _at(summed(series.visible, series.in_flight), kills)
        panel.plot(
            kills, heights, "x", color=KILLED, markersize=6, markeredgewidth=1.8, zorder=5,
            clip_on=False, label=f"killed ({len(run.kills)})",
        )  # fmt: skip
    _dead(panel, run, axis)
    panel.legend(**LEGEND)
    _whole(panel, max(total[1]))


def _dead(panel: Any, run: "Run", axis: "Axis") -> None:
    dead = [second for second, _ in run.dead_letters if second <= axis.end]
    if dead:
        panel.plot(
            dead, [0] * len(dead), "D", color="white", markeredgecolor="0.1", markersize=4.5,
            markeredgewidth=1.2, zorder=6, clip_on=False, label=f"dead letter ({len(dead)})",
        )  # fmt: skip


def tasks(panel: Any, run: "Run", axis: "Axis") -> None:
    """Running tasks as an area, those that are busy dark in it; desired as a dashed line."""
    series = run.series
    running, busy = steps(series.running, axis.end), steps(series.busy, axis.end)
    panel.fill_between(*running, step="post", color=RUNNING, linewidth=0, label="running")
    panel.fill_between(*busy, step="post", color="#3f7f3b", linewidth=0, label="busy")
    desired = steps(series.desired, axis.end)
    panel.step(
        *desired, where="post", color=DESIRED, linewidth=1.1, linestyle=(0, (3, 1.2)),
        label="desired",
    )  # fmt: skip
    panel.legend(**LEGEND)
    _whole(panel, max(*running[1], *desired[1]))


def age(panel: Any, run: "Run", axis: "Axis") -> None:
    """The true age of the oldest message, and what the metric says where that differs."""
    for points, style in (
        (run.series.oldest, {"color": "0.15", "linewidth": 1.0, "label": "true"}),
        (
            run.series.oldest_reported,
            {"color": "0.55", "linewidth": 1.4, "linestyle": (0, (1, 1)), "label": "metric"},
        ),
    ):
        seconds, ages = _sawtooth(points, axis.end)
        panel.plot(seconds, [each / 60 for each in ages], **style)
    panel.legend(**LEGEND)
    panel.set_ylim(bottom=0)
    panel.locator_params(axis="y", nbins=4)


def _sawtooth(points: "Points", end: int) -> tuple[list[int], list[int]]:
    """Ages from arrivals of the oldest: each rises until another message is the oldest."""
    seconds, ages = [0], [0]
    following = [*(second for second, _ in points[1:]), end]
    for (begin, arrival), finish in zip(points, following, strict=True):
        last = min(finish, end)
        if begin <= end:
            seconds += [begin, last]
            ages += [0, 0] if arrival < 0 else [begin - arrival, last - arrival]
    return seconds, ages


def alarms(panel: Any, run: "Run", axis: "Axis") -> None:
    """One bar for each alarm, by its state."""
    from matplotlib.patches import Patch

    names = list(run.series.alarms)
    seen: set[AlarmState] = set()
    for row, name in enumerate(names):
        changes = [each for each in run.series.alarms[name] if each[0] <= axis.end]
        ends = [*(second for second, _ in changes[1:]), axis.end]
        for (begin, state), finish in zip(changes, ends, strict=True):
            colour, hatch = STATES[state]
            seen.add(state)
            panel.broken_barh(
                [(begin, finish - begin)], (row - 0.36, 0.72), facecolor=colour, hatch=hatch,
                edgecolor="0.6", linewidth=0.3,
            )  # fmt: skip
    panel.set_yticks(range(len(names)), [_short(name) for name in names])
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.grid(visible=False)
    panel.tick_params(axis="y", length=0)
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="0.6", label=NAMES[state])
        for state, (colour, hatch) in STATES.items()
        if state in seen
    ]
    panel.legend(handles=handles, **LEGEND)


LONGEST_NAME = 14


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _at(points: "Points", seconds: Sequence[int]) -> list[int]:
    """The value at each of these seconds."""
    from bisect import bisect_right

    starts = [second for second, _ in points]
    return [points[max(bisect_right(starts, each) - 1, 0)][1] for each in seconds]


def _whole(panel: Any, most: int) -> None:
    """Counts have no fractions; something of the axis is seen even where all is 0."""
    from matplotlib.ticker import MaxNLocator

    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    panel.set_ylim(0, max(1.2, most * 1.12, panel.get_ylim()[1]))
