"""One picture of one run, or of several beside each other: SVG or PNG, always the same bytes.

Four panels over the same time: messages, tasks, waiting time, alarms. It is legible without
colour: what is drawn differs in darkness, line style and hatching, and kills are crosses.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from simulator.drawing import panels
from simulator.drawing.axis import Axis, time_axis

if TYPE_CHECKING:
    from simulator.run import Run

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
    "legend.fontsize": 8,
    "hatch.linewidth": 0.5,
}
"""Nothing of the machine's own settings may decide how a picture looks."""

WIDTH, HEIGHT, DPI = 5.6, 4.6, 150
"""Inches of one run, and dots of a PNG's inch."""


def picture(runs: Sequence[tuple[str, "Run"]], form: Form, *, title: str = "") -> bytes:
    """The picture of runs with their names: one column each, with the same scales."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        width = WIDTH * len(runs) + (0.6 if len(runs) == 1 else 0)
        figure = Figure(figsize=(width, HEIGHT), layout="constrained")
        FigureCanvasAgg(figure)
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.03)  # type: ignore[union-attr, call-arg]
        _draw(figure, runs, title)
        bytes_of = BytesIO()
        metadata: dict[str, Any] = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(bytes_of, format=form, metadata=metadata, dpi=DPI)
    return _numbered(bytes_of.getvalue()) if form == "svg" else bytes_of.getvalue()


def _numbered(svg: bytes) -> bytes:
    """The same with ids counted: some of matplotlib's are made of places in memory."""
    found = dict.fromkeys(re.findall(rb'id="([a-zA-Z][0-9a-f]{10})"', svg))
    for number, each in enumerate(found):
        svg = svg.replace(each, b"n%d" % number)
    return svg


def _draw(figure: Any, runs: Sequence[tuple[str, "Run"]], title: str) -> None:
    alarms = max(len(run.series.alarms) for _, run in runs)
    heights = [3.0, 1.8, 1.5, 0.32 * max(alarms, 1)]
    axes = figure.subplots(
        4, len(runs), sharex="col", sharey="row", squeeze=False, height_ratios=heights
    )
    begin, end = min(since(run) for _, run in runs), max(until(run) for _, run in runs)
    for column, (name, run) in enumerate(runs):
        axis = time_axis(begin, end)
        top, middle, waiting, bottom = axes[:, column]
        top.set_title(name, loc="left", fontsize=9.5, fontweight="bold")
        panels.messages(top, run, axis)
        panels.tasks(middle, run, axis)
        panels.age(waiting, run, axis)
        panels.alarms(bottom, run, axis)
        _time(bottom, axis)
        if column == 0:
            for each, label in zip(
                axes[:, 0], ("messages", "tasks", "oldest, min", ""), strict=True
            ):
                each.set_ylabel(label)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)


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
