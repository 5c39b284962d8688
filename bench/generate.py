"""Generating and linting against cfn-lint: its command line, and `cfnlint.api.lint`.

The same template on both sides: generate.py runs in a copy of the project that has the edit
worker only, with its params files, which cfn-lint's command line is not even asked to look at.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.measure import ROUNDS, peak_of_children, seconds, show

ROOT = Path(__file__).parent.parent
WORKERS = 200
SAMPLE = 10
"""Calls of `cfnlint.api.lint` that are timed a round; one takes as long as the other."""

PREPARE = """
from dataclasses import replace
from templates import build
from templates.workers import EDIT
from workerstack.lint.rendering import render
def texts():
    for n in range({count}):
        worker = replace(EDIT, name=f"worker-{{n}}", max_tasks=1 + n)
        yield render(build(worker).to_dict())
"""
OURS = """
from pathlib import Path
from workerstack.lint.lint import Linter, Request, lint_all
requests = [Request(f"{n}.yaml", text, {}) for n, text in enumerate(texts())]
assert len({each.text for each in requests}) == len(requests)
assert lint_all(Linter(Path("workerstack/lint/rules")), requests) == []
"""
THEIRS = """
import time
from cfnlint.api import lint
made = list(texts())
lint(made[0])
started = time.perf_counter()
for text in made:
    assert not lint(text)
print(time.perf_counter() - started)
"""


def main() -> int:
    """Prints the four figures; 1 when one of them is above its limit."""
    with tempfile.TemporaryDirectory() as folder:
        alone = _alone(Path(folder))
        cold, unchanged = _commands(alone)
    above = show("generate.py cold / cfn-lint's command line", cold, 0.9)
    above += show("generate.py unchanged / cfn-lint's command line", unchanged, 0.2)
    above += show(f"{WORKERS} workers generated and linted / api.lint", _many(), 0.15)
    above += show("peak memory of a process", peak_of_children(), 250, " MiB")
    return int(above > 0)


def _alone(folder: Path) -> Path:
    """A copy of the project with one worker."""
    copy = folder / "project"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    shutil.copy(ROOT / ".cfnlintrc.yaml", copy)
    workers = copy / "templates/workers.py"
    lines = workers.read_text(encoding="utf-8").splitlines()
    kept = [line if not line.startswith("ALL") else "ALL = (EDIT,)" for line in lines]
    workers.write_text("\n".join(kept) + "\n", encoding="utf-8")
    for file in (copy / "params").glob("*/*.yaml"):
        if file.name not in ("webordinary-edit.yaml", "target.yaml"):
            file.unlink()
    seconds([sys.executable, "generate.py"], copy)
    return copy


def _commands(copy: Path) -> tuple[float, float]:
    """Both ratios to the command line; the three take turns, so that noise hits all."""
    plain = copy.parent / "plain"
    plain.mkdir()
    template = shutil.copy(copy / "out/webordinary-edit.template.yaml", plain)
    theirs, cold, unchanged = [], [], []
    check = [sys.executable, "generate.py", "--check"]
    for _ in range(ROUNDS):
        theirs.append(
            seconds([str(Path(sys.executable).with_name("cfn-lint")), str(template)], plain)
        )
        shutil.rmtree(copy / ".cache")
        cold.append(seconds(check, copy))
        unchanged.append(seconds(check, copy))
    return median(cold) / median(theirs), median(unchanged) / median(theirs)


def _many() -> float:
    """Ours in full; of theirs a sample, taken up to the same number."""
    import subprocess

    ours, theirs = [], []
    for _ in range(ROUNDS):
        program = PREPARE.format(count=WORKERS) + OURS
        ours.append(seconds([sys.executable, "-c", program], ROOT))
        sample = subprocess.run(
            [sys.executable, "-c", PREPARE.format(count=SAMPLE) + THEIRS],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        theirs.append(float(sample.stdout) / SAMPLE * WORKERS)
    return median(ours) / median(theirs)
