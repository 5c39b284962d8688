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
from workerstack.lint.lint import Linter, LintRequest, lint_all
requests = [LintRequest(f"{n}.yaml", text, {}) for n, text in enumerate(texts())]
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


WATCHED = """
import importlib, sys, time
from pathlib import Path
from workerstack.commands import generate
from workerstack.lint.reloading import ProjectModules
from workerstack.lint.watching import WarmLinter
root = Path.cwd()
sys.path.insert(0, str(root))
def build():
    from templates import build_all
    return build_all(lambda: importlib.import_module("templates.workers"))
modules, linter = ProjectModules("templates"), WarmLinter(generate.HOUSE / "lint/rules")
def seconds(file, text):
    file.write_text(text)
    started, verdicts = time.process_time(), []
    def built():
        modules.renew([file])
        return build()
    def told(verdict):
        verdicts.append((time.process_time() - started, verdict))
    told(generate._verdict(built, root, generate.SOURCE, linter, told, lambda: False))
    assert "clean" in verdicts[0][1], verdicts
    return verdicts[0][0]
file = root / "{file}"
text = file.read_text()
assert "{old}" in text
seconds(file, text)
found = [seconds(file, text.replace("{old}", f"{new}")) for each in range({rounds} + 1)]
print(sorted(found[1:])[{rounds} // 2], file=sys.stderr)
"""
SAVES = (
    ("a step of workers.py", "templates/workers.py", "lower=10,", "lower={11 + each},"),
    ("a comment of workers.py", "templates/workers.py", "EDIT = ", "# {each}\\nEDIT = "),
    ("a function of templates/", "templates/compute.py", "MaximumPercent=200",
     "MaximumPercent={190 - each}"),
    ("a value of params/", "params/dev/webordinary-edit.yaml", "MaxTasks: 2",
     "MaxTasks: {3 + each}"),
)  # fmt: skip
"""What is saved while generate.py watches: the file, and what in it."""


def main() -> int:
    """Prints the figures; 1 when one of them is above its limit."""
    with tempfile.TemporaryDirectory() as folder:
        alone = _alone(Path(folder))
        cold, unchanged = _commands(alone)
        saves = {what: _saved(alone, *change) for what, *change in SAVES}
    above = show("generate.py cold / cfn-lint's command line", cold, 0.9)
    above += show("generate.py unchanged / cfn-lint's command line", unchanged, 0.2)
    above += show(f"{WORKERS} workers generated and linted / api.lint", _many(), 0.15)
    above += show("peak memory of a process", peak_of_children(), 250, " MiB")
    for what, taken in saves.items():
        above += show(f"generate.py --watch, CPU to the verdict: {what}", taken, 0.3, " s")
    return int(above > 0)


def _saved(copy: Path, file: str, old: str, new: str) -> float:
    """CPU seconds from a save to the verdict about what changed, in a process that is warm."""
    import subprocess

    program = WATCHED
    for name, text in (("file", file), ("old", old), ("new", new), ("rounds", str(ROUNDS))):
        program = program.replace(f"{{{name}}}", text)
    before = (copy / file).read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=copy, check=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    (copy / file).write_text(before, encoding="utf-8")
    return float(done.stderr.splitlines()[-1])


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
