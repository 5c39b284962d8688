"""One picture of one run, or of several below each other: SVG or PNG, always the same bytes.

Panels over the same time: messages, what was killed, tasks, waiting time, alarms. It is legible
without colour: what is drawn differs in darkness, line style and hatching, and kills are crosses.
An SVG follows the light or dark scheme of whoever looks at it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from workerstack.problem import harmless
from workerstack.simulator.model import AlarmState

if TYPE_CHECKING:
    from workerstack.simulator.result import Points, Run


UNITS = (("minutes", 60), ("hours", 3_600), ("days", 86_400))
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2880, 7200, 14_400,
         43_200, 86_400, 432_000)  # fmt: skip
"""Minutes between two ticks."""

MOST_TICKS = 9


@dataclass(frozen=True)
class Axis:
    """Where the axis begins and ends and its ticks, in seconds; what stands at them; the unit."""

    begin: int
    end: int
    ticks: tuple[int, ...]
    labels: tuple[str, ...]
    label: str


def time_axis(begin: int, end: int) -> Axis:
    """At most ten ticks; minutes up to three hours, hours up to three days, then days."""
    end = max(end, begin + 60)
    name, size = UNITS[0 if end <= 3 * 3_600 else 1 if end <= 3 * 86_400 else 2]
    length = end - begin
    step = next(
        (each * 60 for each in STEPS if each * 60 * MOST_TICKS >= length and each * 60 >= size / 4),
        length,
    )
    ticks = tuple(range(-(-begin // step) * step, end + 1, step))
    return Axis(begin, end, ticks, tuple(f"{tick / size:g}" for tick in ticks), name)


WAITING, WORKING = "#8fb3d9", "#1f4e79"
DESIRED, RUNNING, BUSY = "0.1", "#9ecb9a", "#3f7f3b"
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
MARKS: dict[str, Any] = {
    "killed": {"color": KILLED, "marker": "x", "markersize": 6, "markeredgewidth": 1.8,
               "linestyle": ""},
    "dead letter": {"color": "white", "marker": "D", "markeredgecolor": "0.1", "markersize": 4.5,
             "markeredgewidth": 1.2, "linestyle": ""},
}  # fmt: skip
LEGEND: dict[str, Any] = {
    "loc": "lower right", "bbox_to_anchor": (1.0, 0.97), "ncols": 4, "borderaxespad": 0.0,
    "handlelength": 1.4, "columnspacing": 1.0, "handletextpad": 0.5,
}  # fmt: skip


DENSE = 250
"""Change points of one line from which on it is drawn thin, or as a shade."""
MOST_POINTS = 1_500
"""Change points of one line, about twice what the picture has dots for."""


def thinned(points: "Points", end: int) -> "Points":
    """The points up to ``end``; of too many, the greatest of each of equal stretches of time.

    What is left is never below what was: a peak is seen however short it is.
    """
    kept = [(second, value) for second, value in points if second <= end]
    if len(kept) <= MOST_POINTS:
        return kept
    begin = kept[0][0]
    width = (end - begin) / MOST_POINTS
    greatest: dict[int, int] = {}
    last = before = 0
    for second, value in kept:
        stretch = int((second - begin) / width)
        # A value holds until the next one, through every stretch in between.
        for passed in range(last, stretch + 1):
            greatest[passed] = max(greatest.get(passed, before), before)
        greatest[stretch] = max(greatest[stretch], value)
        last, before = stretch, value
    return [(begin + int(stretch * width), value) for stretch, value in sorted(greatest.items())]


def steps(points: "Points", end: int) -> tuple[list[int], list[int]]:
    """Change points as a line of steps up to ``end``."""
    kept = thinned(points, end) or [(0, 0)]
    return [*(second for second, _ in kept), end], [*(value for _, value in kept), kept[-1][1]]


def summed(first: "Points", second: "Points") -> "Points":
    """Two series on top of each other."""
    one, other = dict(first), dict(second)
    found, left, right = [], 0, 0
    for moment in sorted({*one, *other}):
        left, right = one.get(moment, left), other.get(moment, right)
        found.append((moment, left + right))
    return tuple(found)


def draw_messages(panel: Any, run: "Run", axis: "Axis") -> None:
    """Messages in flight (dark), and those that wait on top of them (light)."""
    series = run.series
    total = steps(summed(series.visible, series.in_flight), axis.end)
    flying = steps(series.in_flight, axis.end)
    panel.fill_between(*total, step="post", color=WAITING, linewidth=0, label="waiting")
    if len(total[0]) < MOST_POINTS:
        panel.step(*total, where="post", color=WORKING, linewidth=0.4)
    panel.fill_between(*flying, step="post", color=WORKING, linewidth=0, label="in flight")
    panel.legend(**LEGEND)
    _whole(panel, max(total[1]))


def draw_losses(panel: Any, run: "Run", axis: "Axis") -> None:
    """A lane for each: crosses where a job was killed, diamonds where a message became dead."""
    lanes = [name for name, seconds in losses(run).items() if seconds]
    for row, name in enumerate(lanes):
        seconds = [each for each in losses(run)[name] if each <= axis.end]
        panel.plot(seconds, [row] * len(seconds), **MARKS[name], zorder=5, clip_on=False)
    panel.set_yticks(range(len(lanes)), [f"{name} ({len(losses(run)[name])})" for name in lanes])
    panel.set_ylim(len(lanes) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)


def losses(run: "Run") -> dict[str, list[int]]:
    """The seconds at which jobs were killed, and messages became dead letters."""
    return {
        "killed": [kill.second for kill in run.kills],
        "dead letter": [second for second, _ in run.dead_letters],
    }


def draw_tasks(panel: Any, run: "Run", axis: "Axis") -> None:
    """Running tasks as an area, those that are busy dark in it; desired as a dashed line."""
    series = run.series
    running, busy = steps(series.running, axis.end), steps(series.busy, axis.end)
    panel.fill_between(*running, step="post", color=RUNNING, linewidth=0, label="running")
    panel.fill_between(*busy, step="post", color=BUSY, linewidth=0, label="busy")
    desired = steps(series.desired, axis.end)
    if len(desired[0]) > DENSE:  # so close together, dashes are one black block
        panel.fill_between(
            *desired, step="post", color="0.8", linewidth=0, zorder=0.5, label="desired"
        )
    else:
        panel.step(
            *desired, where="post", color=DESIRED, linewidth=1.1, linestyle=(0, (3, 1.2)),
            label="desired",
        )  # fmt: skip
    panel.legend(**LEGEND)
    _whole(panel, max(*running[1], *desired[1]))


def draw_age(panel: Any, run: "Run", axis: "Axis") -> None:
    """The true age of the oldest message, and what the metric says where that differs."""
    for points, style in (
        (run.series.oldest, {"color": "0.15", "linewidth": 1.0, "label": "actual"}),
        (
            run.series.oldest_reported,
            {
                "color": "0.55",
                "linewidth": 1.4,
                "linestyle": (0, (1, 1)),
                "label": "as CloudWatch shows it",
            },
        ),
    ):
        seconds, ages = _sawtooth(points, axis.end)
        if len(seconds) > DENSE:
            style |= {"linewidth": 0.4, "linestyle": "-"}
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
    if len(seconds) <= 2 * MOST_POINTS:
        return seconds, ages
    width = end / MOST_POINTS
    oldest: dict[int, tuple[int, int]] = {}
    for second, waited in zip(seconds, ages, strict=True):
        stretch = int(second / width)
        # The greatest, and what it ends with, so that a quiet night stays quiet.
        oldest[stretch] = (max(oldest.get(stretch, (0, 0))[0], waited), waited)
    times = [int(stretch * width) for stretch in oldest for _ in range(2)]
    return times, [draw_age for pair in oldest.values() for draw_age in pair]


def draw_alarms(panel: Any, run: "Run", axis: "Axis") -> None:
    """One bar for each alarm, by its state."""
    from matplotlib.patches import Patch

    names = list(run.series.alarms)
    seen: set[AlarmState] = set()
    for row, name in enumerate(names):
        changes = [each for each in run.series.alarms[name] if each[0] <= axis.end]
        ends = [*(second for second, _ in changes[1:]), axis.end]
        spans: dict[AlarmState, list[tuple[int, int]]] = {}
        for (begin, state), finish in zip(changes, ends, strict=True):
            spans.setdefault(state, []).append((begin, finish - begin))
        for state, found in spans.items():
            colour, hatch = STATES[state]
            seen.add(state)
            panel.broken_barh(
                found, (row - 0.36, 0.72), facecolor=colour, hatch=hatch,
                edgecolor="0.6", linewidth=0.3 if len(changes) < DENSE else 0,
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
    name = harmless(name)
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _whole(panel: Any, most: int) -> None:
    """Counts have no fractions; something of the axis is seen even where all is 0."""
    from matplotlib.ticker import MaxNLocator

    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    panel.set_ylim(0, max(1.2, most * 1.12, panel.get_ylim()[1]))


Form = Literal["svg", "png"]

STYLE: Any = {
    "svg.hashsalt": "fargate-worker-stack",
    "svg.fonttype": "none",
    "path.simplify": True,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.45",
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": "0.35",
    "ytick.color": "0.35",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.5,
    "text.parse_math": False,
}
"""Nothing of the machine's own settings may decide how a picture looks."""

WIDTH, HEIGHT, DPI = 6.2, 4.6, 150
"""Inches of one run, and dots of a PNG's inch: letters have 11 dots where it is shown 600 wide."""
LINE = 84
"""Characters of a title's line."""

DARK = {
    "#ffffff": "#0d1117", "#000000": "#e6edf3", "#1a1a1a": "#e6edf3", "#262626": "#e6edf3",
    "#595959": "#b1bac4", "#737373": "#8b949e", "#8c8c8c": "#a5adb6", "#999999": "#8b949e",
    "#cccccc": "#484f58", "#e6e6e6": "#30363d",
    WAITING: "#3d74ab", WORKING: "#9ecbff", RUNNING: "#3a8341", BUSY: "#8ddb8c",
    KILLED: "#ff7b72", "#c0504d": "#d9655f",
}  # fmt: skip
"""Each colour of a picture, and what stands for it where the reader's scheme is dark."""


def picture(runs: Sequence[tuple[str, "Run"]], form: Form, *, title: str = "") -> bytes:
    """The picture of runs with their names: one below the other, with the same scales."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, HEIGHT * len(runs)), layout="constrained")
        FigureCanvasAgg(figure)
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.03)  # type: ignore[union-attr, call-arg]
        _draw(figure, runs, title)
        said = title or " and ".join(name for name, _ in runs)
        told = " ".join(f"{name}: {headline(run)}." for name, run in runs)
        return saved(figure, form, said, told)


def saved(figure: Any, form: Form, said: str, told: str) -> bytes:
    """A figure's bytes, always the same; an SVG with the title ``said`` and what is ``told``."""
    bytes_of = BytesIO()
    metadata: dict[str, Any] = {"Date": None} if form == "svg" else {"Software": None}
    figure.savefig(bytes_of, format=form, metadata=metadata, dpi=DPI)
    if form == "png":
        return bytes_of.getvalue()
    return _described(_numbered(bytes_of.getvalue()), said, told)


def _described(svg: bytes, said: str, told: str) -> bytes:
    """The same as one image with a title and a description, for those who do not see it."""
    parts = {"title": said, "desc": told}
    text = "".join(
        f'<{tag} id="{tag}">{escape(harmless(each))}</{tag}>\n' for tag, each in parts.items()
    ).encode()
    begin = svg.index(b"<svg ")
    end = svg.index(b">", begin) + 1
    marked = svg[begin : end - 1] + b' role="img" aria-labelledby="title desc">\n'
    return svg[:begin] + marked + text + _scheme() + svg[end:].lstrip(b"\n")


def _scheme() -> bytes:
    """Rules that put the dark colours over those that stand in the elements themselves."""
    rules = ["text { fill: #e6edf3 }"]
    for light, dark in DARK.items():
        for paint in ("fill", "stroke"):
            at = f'[style*="{paint}: {light}"], [{paint}="{light}"]'
            rules.append(f"{at} {{ {paint}: {dark} !important }}")
    inside = "\n".join(rules)
    return f"<style>@media (prefers-color-scheme: dark) {{\n{inside}\n}}</style>\n".encode()


def headline(run: "Run") -> str:
    """A run in one line: messages, what was killed or lost, cost."""
    summary = run.summary
    parts = [f"{summary.done:,} of {summary.messages:,} messages done"]
    if summary.killed:
        parts.append(f"{summary.killed:,} job{'s'[: summary.killed != 1]} killed")
    if summary.dead_letters:
        parts.append(f"{summary.dead_letters:,} dead letter{'s'[: summary.dead_letters != 1]}")
    return ", ".join([*parts, f"${summary.cost.total:,.2f}"])


def _numbered(svg: bytes) -> bytes:
    """The same with ids counted: some of matplotlib's are made of places in memory."""
    found = dict.fromkeys(re.findall(rb'id="([a-zA-Z][0-9a-f]{10})"', svg))
    for number, each in enumerate(found):
        svg = svg.replace(each, b"n%d" % number)
    return svg


def _draw(figure: Any, runs: Sequence[tuple[str, "Run"]], title: str) -> None:
    from textwrap import fill

    begin, end = min(since(run) for _, run in runs), max(until(run) for _, run in runs)
    axis = time_axis(begin, end)
    drawn: dict[str, list[Any]] = {}
    for part, (name, run) in zip(
        figure.subfigures(len(runs), squeeze=False)[:, 0], runs, strict=True
    ):
        panels = _panels(run)
        axes = part.subplots(
            len(panels), sharex=True, squeeze=False,
            height_ratios=[height for _, height, _ in panels],
        )[:, 0]  # fmt: skip
        for panel, (label, _, draw) in zip(axes, panels, strict=True):
            draw(panel, run, axis)
            panel.set_ylabel(label)
            drawn.setdefault(label, []).append(panel)
        _time(axes[-1], axis)
        told = fill(harmless(name), LINE) + "\n" + fill(headline(run), LINE)
        part.suptitle(told, x=0.01, ha="left", fontsize=9, fontweight="bold")
    for label, same in drawn.items():
        if label:
            top = max(panel.get_ylim()[1] for panel in same)
            for panel in same:
                panel.set_ylim(top=top)
    if title:
        figure.suptitle(fill(title, LINE), x=0.01, ha="left", fontsize=9.5)


def _panels(run: "Run") -> list[tuple[str, float, Callable[[Any, "Run", Axis], None]]]:
    """The name of each panel's axis, its part of the height, and what draws it."""
    lanes = sum(bool(seconds) for seconds in losses(run).values())
    return [
        ("messages", 3.0, draw_messages),
        *([("", 0.36 * lanes, draw_losses)] if lanes else []),
        ("tasks", 1.8, draw_tasks),
        ("age of\noldest, min", 1.5, draw_age),
        ("", 0.32 * max(len(run.series.alarms), 1), draw_alarms),
    ]


def _time(panel: Any, axis: Axis) -> None:
    panel.set_xlim(axis.begin, axis.end)
    panel.set_xticks(axis.ticks, axis.labels)
    panel.set_xlabel(axis.label)


def since(run: "Run") -> int:
    """The second from which on there is something to see: an hour before the first message."""
    first = min((outcome.arrival for outcome in run.outcomes), default=0)
    return max(first - 3_600, 0) // 3_600 * 3_600


def until(run: "Run") -> int:
    """The second up to which there is something to see: a while after the last task."""
    if run.summary.waiting or run.summary.in_flight:
        return run.horizon
    last = [life.ended or run.horizon for life in run.tasks]
    last += [outcome.finished for outcome in run.outcomes if outcome.finished is not None]
    return min(run.horizon, max(last, default=run.horizon) + 600)
