"""Pictures and tables of docs/scaling.md and the settings: ``python docs/scaling.py [--check]``.

The literal variant against the default, on six loads. With ``--check`` nothing is written, and
1 is the answer where something is not current.
"""

import re
import sys
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import templates
from templates.workers import EDIT
from workerstack.simulator.loads import LOADS as LOADS_BY_TITLE
from workerstack.simulator.loads import SETTINGS, load
from workerstack.simulator.picture import picture
from workerstack.simulator.read import read_scaling
from workerstack.simulator.report import written
from workerstack.simulator.result import Run
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.show import ROWS

DOCUMENTS = (ROOT / "docs/scaling.md", ROOT / "docs/reference/simulator.md")
NAMES = ("short-job", "long-job", "burst", "trickle", "day", "poison")
LOADS = {
    name: (title, LOADS_BY_TITLE[title]) for name, title in zip(NAMES, LOADS_BY_TITLE, strict=True)
}
"""The name of each picture, its title and its loads."""

SHOWN = ("done", "killed", "dead letters", "first receive p95", "completion p95", "cost")
MARKS = re.compile(r"(<!-- (table|settings) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


@cache
def runs(name: str) -> tuple[tuple[str, Run], ...]:
    """The literal variant and the default on one of the loads."""
    trace = load(LOADS[name][1], SETTINGS.seed)
    variants = {"literal": replace(EDIT, scale_in_on="visible"), "default": EDIT}
    return tuple(
        (
            variant,
            simulate(read_scaling(templates.build(worker).to_yaml(), variant), trace, SETTINGS),
        )
        for variant, worker in variants.items()
    )


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
    made = {"table": table(), "settings": settings_table()}
    texts = {
        document: MARKS.sub(
            lambda found: found[1] + made[found[2]] + found[3], document.read_text("utf-8")
        ).encode()
        for document in DOCUMENTS
    }
    drawn = {
        ROOT / f"docs/scaling-{name}.svg": picture(
            runs(name), "svg", title=f"{title}: {' + '.join(loads)}"
        )
        for name, (title, loads) in LOADS.items()
    }
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
