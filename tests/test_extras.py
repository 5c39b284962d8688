"""What only some commands need is an extra; where it is missing, one sentence says so."""

import configparser
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from workerstack import installation
from workerstack.command_line import run
from workerstack.installation import EXTRAS, with_extra

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
        f" Install it: `{with_extra(extra)}`."
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
        (str(tmp_path / ".venv"), f"Install it: `{with_extra('generate')}`."),
    ):
        monkeypatch.setattr("sys.prefix", prefix)
        with pytest.raises(SystemExit):
            run(needing)
        assert capsys.readouterr().err.strip().endswith(said)


HERE = "fargate-worker-stack"


@pytest.mark.parametrize(
    ("origin", "prefix", "files", "said"),
    [
        ({"url": "file://{here}", "dir_info": {"editable": True}}, "/env", [],
         "/env/bin/python -m pip install -e '.[live]'"),
        ({"url": "file://{here}/a%20b", "dir_info": {"editable": True}}, "{here}/.venv", [],
         ".venv/bin/python -m pip install -e './a b[live]'"),
        ({"url": "file://{here}/w/t.whl", "archive_info": {}}, "/env", ["w/t.whl"],
         "/env/bin/python -m pip install './w/t.whl[live]'"),
        ({"url": "file:///elsewhere/gone.whl", "archive_info": {}}, "/env", [],
         f"/env/bin/python -m pip install '{HERE}[live]'"),
        ({"url": "file://{here}/t.whl"}, "/home/x/.local/share/pipx/venvs/t", ["t.whl"],
         "pipx install --force './t.whl[live]'"),
        ({"url": "https://example.com/t.whl", "archive_info": {}}, "/env", [],
         f"/env/bin/python -m pip install '{HERE}[live] @ https://example.com/t.whl'"),
        ({}, "/env", ["wheels/fargate_worker_stack-0.1.0-py3-none-any.whl"],
         f"/env/bin/python -m pip install --find-links wheels '{HERE}[live]'"),
        ({}, "/env", [], f"/env/bin/python -m pip install '{HERE}[live]'"),
        ({}, "/env", ["Makefile", "generate.py"], "make setup && . .venv/bin/activate"),
        ({}, "/env", ["Makefile", "generate.py", ".venv/bin/activate"], ". .venv/bin/activate"),
    ],
)  # fmt: skip
def test_an_extra_is_installed_from_where_the_tool_came(
    origin: dict[str, object], prefix: str, files: list[str], said: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    text = json.dumps(origin).replace("{here}", str(tmp_path))
    prefix = prefix.replace("{here}", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", f"{prefix}/bin/python")
    monkeypatch.setattr(installation, "_origin", lambda: json.loads(text))
    assert with_extra("live") == said


WATCHED = """
import sys
sys.modules["rich"] = None
from datetime import UTC, datetime
from workerstack import output
from workerstack.commands import operation
from workerstack.deployer.clock import Clock
from workerstack.deployer.screen import LineScreen
assert type(operation._screen("text", Clock(limit=1))) is LineScreen
with output.status(2, "Reviewing") as one:
    one("dev/a")
    one("dev/b")
"""


def test_a_terminal_without_rich_shows_lines_and_says_it_once() -> None:
    first, second = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], cwd=ROOT, stdin=second, stdout=second, stderr=second,
        timeout=60, check=False,
    )  # fmt: skip
    os.close(second)
    shown = os.read(first, 10_000).decode()
    os.close(first)
    assert done.returncode == 0, shown
    assert shown.count("without the extra `live`. To add it: ") == 1
    assert "100%" in shown


@pytest.mark.parametrize("program", ["generate", "deploy", "simulate"])
@pytest.mark.parametrize("library", ["workerstack", "click"])
def test_a_program_outside_of_its_environment_says_where_that_is(
    program: str, library: str
) -> None:
    done = without({library}, f"{program}.py", "--help")
    assert done.returncode == 1
    assert done.stderr == (
        f"This Python has no {library}: the project's environment, .venv, has it."
        f" Run `make setup`, then `.venv/bin/python {program}.py`.\n"
    )
