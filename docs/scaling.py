"""Pictures and tables of docs/scaling.md and the settings: ``python docs/scaling.py [--check]``.

The literal variant, the default and a worker that is protected, on six loads; and what other
step tables and windows cost a protected worker. With ``--check`` nothing is written, and 1 is the
answer where something is not current.
"""

import re
import sys
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import templates
from templates.workers import EDIT
from workerstack.simulator.loads import LOADS as LOADS_BY_TITLE
from workerstack.simulator.loads import SETTINGS, load
from workerstack.simulator.model import Scaling
from workerstack.simulator.picture import STYLE, picture, saved
from workerstack.simulator.read import read_scaling
from workerstack.simulator.report import duration, written
from workerstack.simulator.result import Run
from workerstack.simulator.run import simulate, summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.show import ROWS
from workerstack.specification import Step, Worker

DOCUMENTS = (ROOT / "docs/scaling.md", ROOT / "docs/reference/simulator.md")
NAMES = ("short-job", "long-job", "burst", "trickle", "day", "poison")
LOADS = {
    name: (title, LOADS_BY_TITLE[title]) for name, title in zip(NAMES, LOADS_BY_TITLE, strict=True)
}
"""The name of each picture, its title and its loads."""

SHOWN = ("done", "killed", "dead letters", "first receive p95", "completion p95", "cost")
PROTECTED = replace(EDIT, protection="worker", unprotected="", longest_job=7_200)
FAST = (
    Step(upper=0, change=-1),
    *(Step(lower=begin, change=change) for begin, change in ((1, 1), (2, 2), (3, 3), (4, 5))),
)
AT_ONCE = (Step(upper=0, change=-5), *FAST[1:])
DESIGNS = {
    "default, not protected": EDIT,
    "literal, not protected": replace(EDIT, scale_in_on="visible"),
    "visible, 2 min (what a protected worker has)": PROTECTED,
    "visible, 1 min": replace(PROTECTED, drained_minutes=1),
    "visible, 5 min": replace(PROTECTED, drained_minutes=5),
    "visible, 2 min, cooldowns 300 s": replace(
        PROTECTED, scale_out_cooldown=300, scale_in_cooldown=300
    ),
    "visible, 2 min, cooldown out 300 s": replace(PROTECTED, scale_out_cooldown=300),
    "outstanding, 2 min": replace(PROTECTED, scale_in_on="outstanding"),
    "outstanding, 15 min": replace(PROTECTED, scale_in_on="outstanding", drained_minutes=15),
    "visible, 2 min, fast": replace(PROTECTED, steps=FAST),
    "visible, 2 min, fast, all at once": replace(PROTECTED, steps=AT_ONCE),
    "outstanding, 2 min, fast, all at once": replace(
        PROTECTED, steps=AT_ONCE, scale_in_on="outstanding"
    ),
}  # fmt: skip
"""What the frontier compares. ``fast`` adds 1, 2, 3 and 5 tasks from 1, 2, 3 and 4 messages on."""

FRESH = range(9_000, 9_005)
"""Seeds of the frontier: no search has used them."""
MARKS = re.compile(r"(<!-- (table|frontier|settings) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


@cache
def variants() -> dict[str, Scaling]:
    """The literal variant, the default and the protected one."""
    workers = {
        "literal": replace(EDIT, scale_in_on="visible"),
        "default": EDIT,
        "protected": PROTECTED,
    }
    return {name: scaling_of(worker, name) for name, worker in workers.items()}


@cache
def runs(name: str) -> tuple[tuple[str, Run], ...]:
    """Each variant on one of the loads."""
    trace = load(LOADS[name][1], SETTINGS.seed)
    return tuple(
        (variant, simulate(scaling, trace, SETTINGS)) for variant, scaling in variants().items()
    )


def scaling_of(worker: Worker, name: str) -> Scaling:
    """How a worker's template scales."""
    return read_scaling(templates.build(worker).to_json(), name)


@dataclass(frozen=True)
class Point:
    """A design: jobs killed in all runs, dollars of a run, seconds of first receive p95."""

    name: str
    kills: int
    cost: float
    wait: float


@cache
def points() -> tuple[Point, ...]:
    """Each design on all loads and fresh seeds: kills, cost and wait of an average run."""
    found = []
    for name, worker in DESIGNS.items():
        scaling = scaling_of(worker, name)
        runs = [
            summarize(scaling, load(loads, seed), replace(SETTINGS, seed=seed))
            for _, loads in LOADS.values()
            for seed in FRESH
        ]
        found.append(
            Point(
                name,
                kills=sum(each.killed for each in runs),
                cost=sum(each.cost.total for each in runs) / len(runs),
                wait=sum(each.first_receive_p95 or 0 for each in runs) / len(runs),
            )
        )
    return tuple(found)


def frontier() -> list[Point]:
    """Designs that kill nothing, and that none other beats in both cost and wait."""
    safe = [each for each in points() if not each.kills]
    return [
        each
        for each in safe
        if not any(
            other is not each and other.cost <= each.cost and other.wait <= each.wait
            for other in safe
        )
    ]


def frontier_picture() -> bytes:
    """The same drawn: each design a number, as in the table; crosses have killed jobs."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    title = "Cost and wait of an average run of the six loads"
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        panel = figure.subplots()
        line = sorted((each.cost, each.wait / 60) for each in frontier())
        panel.step(*zip(*line, strict=True), where="post", color="0.6", linestyle="--", zorder=1)
        for number, each in enumerate(ordered(), 1):
            killed = each.kills > 0
            panel.plot(
                each.cost, each.wait / 60, "X" if killed else "o",
                color="#b3261e" if killed else "#1f4e79", markersize=7,
            )  # fmt: skip
            panel.annotate(
                str(number), (each.cost, each.wait / 60), xytext=(5, -12 if killed else 4),
                textcoords="offset points",
            )  # fmt: skip
        panel.set_xlabel("dollars of a run")
        panel.set_ylabel("first receive p95, min")
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)
        panel.set_title(title, loc="left", fontsize=9, fontweight="bold")
        told = " ".join(
            f"{number}: {each.name}, ${each.cost:.2f}, {each.wait / 60:.1f} min,"
            f" {each.kills} killed."
            for number, each in enumerate(ordered(), 1)
        )
        return saved(figure, "svg", title, told)


def ordered() -> list[Point]:
    """The designs by cost, as the table and the picture number them."""
    return sorted(points(), key=lambda point: point.cost)


def frontier_table() -> str:
    """The frontier as Markdown: what no other design beats is set in bold."""
    best = frontier()
    head = ("", "design", "killed", "cost", "of the default's", "first receive p95")
    lines = [f"| {' | '.join(head)} |".replace("|  |", "| |"), f"|{'---|' * len(head)}"]
    default = points()[0].cost
    for number, each in enumerate(ordered(), 1):
        name = f"**{each.name}**" if each in best else each.name
        lines.append(
            f"| {number} | {name} | {each.kills} | ${each.cost:.4f} | {each.cost / default:.2f}"
            f" | {duration(round(each.wait))} |"
        )
    return "\n".join(lines) + "\n"


def table() -> str:
    """The numbers as Markdown, literal first."""
    lines = [f"| | | {' | '.join(SHOWN)} |", f"|---|---|{'---|' * len(SHOWN)}"]
    for name, (title, _) in LOADS.items():
        for variant, run in runs(name):
            cells = [ROWS[each](run.summary) for each in SHOWN]
            lines.append(f"| {title} | {variant} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


SOURCES = {
    "metric_delay": "AWS gives no number; about a minute is what is seen",
    "activation_delay": "SQS Developer Guide, CloudWatch metrics: up to 15 minutes",
    "sleep_after": "SQS Developer Guide, CloudWatch metrics: active for up to six hours",
    "evaluation_range_extra": "CloudWatch User Guide, missing data: 5 for 3 in its example",
    "notvisible_reported_when_zero": "SQS Developer Guide in two versions says both",
    "cooldown_from": "Application Auto Scaling User Guide: after it successfully scales out",
    "scale_in_blocked_by_scale_out": "AWS is silent; not blocked is what was reported",
    "start_latency": "measured by others: 53 to 62 s for an image of 413 MB",
    "missing_operand_is_zero": "CloudWatch User Guide, metric math: no point without both",
    "old_receipt_deletes": "SQS API, DeleteMessage: it might not be deleted",
    "metric_jitter": "AWS gives no number; datapoints that come one by one are what is seen",
    "healthy_after": "ECS Developer Guide: 40 s without load balancer and health check",
    "heartbeat": "SQS API, ChangeMessageVisibility: the worker's own choice",
    "protection": "ECS Developer Guide, task scale-in protection: 1 to 2880 minutes",
    "retention": "SQS API: 4 days unless set",
    "spot_reclaim": "AWS promises none; the rate differs by zone and time",
}
"""Where a setting's default comes from; the others are choices of the model."""


def settings_table() -> str:
    """Each setting with its default, what it is, and its source, as Markdown."""
    lines = ["| setting | default | what it is | source |", "|---|---|---|---|"]
    lines += [
        f"| `{each.name}` | {written(each.default)} | {each.metadata['about']}"
        f" | {SOURCES.get(each.name, 'a choice')} |"
        for each in fields(Settings)
    ]
    return "\n".join(lines) + "\n"


def files() -> dict[Path, bytes]:
    """What each file must hold."""
    made = {"table": table(), "frontier": frontier_table(), "settings": settings_table()}
    texts = {
        document: MARKS.sub(
            lambda found: found[1] + made[found[2]] + found[3], document.read_text("utf-8")
        ).encode()
        for document in DOCUMENTS
    }
    drawn = {
        ROOT / f"docs/scaling-{name}.svg": picture(
            runs(name)[:2], "svg", title=f"{title}: {' + '.join(loads)}"
        )
        for name, (title, loads) in LOADS.items()
    }
    drawn[ROOT / "docs/scaling-frontier.svg"] = frontier_picture()
    return {**texts, **drawn}


def main(*, check: bool) -> int:
    """Writes what is not current, or says so; 1 when a check finds something."""
    stale = [
        (file, content)
        for file, content in files().items()
        if not file.exists() or file.read_bytes() != content
    ]
    for file, content in stale:
        if not check:
            file.write_bytes(content)
        said = "is not current" if check else "written"
        sys.stderr.write(f"{file.relative_to(ROOT)} {said}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
