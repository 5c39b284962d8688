"""What only some commands need is an extra; where it is missing, one sentence says so."""

import configparser
import subprocess
import sys
from pathlib import Path

import click
import pytest

from workerstack.command_line import EXTRAS, run

ROOT = Path(__file__).parents[1]
BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
sys.argv = {words!r}
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def without(names: set[str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a Python that has none of these libraries."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(names=names, words=list(words))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def extras() -> dict[str, set[str]]:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg")
    return {
        extra: {line.split("=")[0].split("[")[0] for line in lines.split("\n") if line}
        for extra, lines in found["options.extras_require"].items()
    }


def test_each_library_belongs_to_its_extra() -> None:
    projects = {"cfnlint": "cfn-lint"}
    for library, extra in EXTRAS.items():
        if library != "hypercorn":  # ministack brings it
            assert projects.get(library, library) in extras()[extra]


LOAD = ("--load", "job:service=1m")
TEMPLATE = "out/thumbnails.template.yaml"


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("troposphere", ("generate.py", "--check")),
        ("cfnlint", ("generate.py", "--check", "--lint-format", "json")),
        ("cfnlint", ("deploy.py", "rights", "prod")),
        ("matplotlib", ("simulate.py", TEMPLATE, *LOAD, "--picture", "x.png")),
    ],
)
def test_a_missing_extra_is_one_sentence(library: str, words: tuple[str, ...]) -> None:
    done = without({library}, *words)
    extra = EXTRAS[library]
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"This command needs {library}: it is not installed, and belongs to the extra `{extra}`."
        f" Install it with `pip install 'fargate-worker-stack[{extra}]'`."
    )


@pytest.mark.parametrize(
    "words",
    [
        ("deploy.py", "review", "--help"),
        ("deploy.py", "execute", "--help"),
        ("deploy.py", "verify", "--help"),
        ("deploy.py", "diff", TEMPLATE, TEMPLATE),
        ("simulate.py", TEMPLATE, *LOAD),
    ],
)
def test_the_tool_alone_reviews_executes_verifies_and_simulates(words: tuple[str, ...]) -> None:
    done = without(set(EXTRAS), *words)
    assert done.returncode == 0, done.stderr


def test_it_predicts_what_a_change_replaces(tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text((ROOT / TEMPLATE).read_text().replace("Cpu: !Ref TaskCpu", "Cpu: 1024"))
    done = without(set(EXTRAS), "deploy.py", "diff", TEMPLATE, str(new))
    assert done.returncode == 2, done.stderr
    assert "TaskDefinition" in done.stdout


def test_a_project_has_an_environment_that_has_the_extras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def needing() -> None:
        raise ModuleNotFoundError("No module named 'troposphere'", name="troposphere")

    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["workerstack"])
    monkeypatch.setattr("logging.captureWarnings", lambda **_: None)
    for prefix, said in (
        ("/usr", "Enter the project's environment, which has it: `. .venv/bin/activate`."),
        (
            str(tmp_path / ".venv"),
            "Install it with `pip install 'fargate-worker-stack[generate]'`.",
        ),
    ):
        monkeypatch.setattr("sys.prefix", prefix)
        with pytest.raises(SystemExit):
            run(needing)
        assert capsys.readouterr().err.strip().endswith(said)
