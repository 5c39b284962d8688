"""A later version merged with what a team made of the one before: git's own merge, and all told."""

import os
import subprocess
from pathlib import Path

import pytest

from workerstack.problem import Problem, Refusal
from workerstack.starter import begin, moved, pristine, update
from workerstack.starter.questions import answered

TEN = "".join(f"line {number}\n" for number in range(10))
FIRST, LAST, OTHER = (TEN.replace(*each) for each in (
    ("line 0", "zero"), ("line 9", "nine"), ("line 0", "nought"),
))  # fmt: skip
BOTH = FIRST.replace("line 9", "nine")

CASES: dict[str, tuple[str | None, str | None, str | None, str | None, str]] = {
    # name: base, new, ours -> what becomes of it (None: as ours), "" or conflict or said
    "nothing changed": (TEN, TEN, TEN, None, ""),
    "only the team changed it": (TEN, TEN, FIRST, None, ""),
    "only the version changed it": (TEN, FIRST, TEN, FIRST, ""),
    "both changed different lines": (TEN, FIRST, LAST, BOTH, ""),
    "both changed it alike": (TEN, FIRST, FIRST, None, ""),
    "both changed the same line": (TEN, FIRST, OTHER, "<<<<<<<", "conflict"),
    "a new file": (None, TEN, None, TEN, ""),
    "a new file that the team has, too": (None, TEN, FIRST, "<<<<<<<", "conflict"),
    "a new file that the team has alike": (None, TEN, TEN, None, ""),
    "a file that goes": (TEN, None, TEN, "gone", ""),
    "a file that goes and was changed": (TEN, None, FIRST, None, "stays: you changed it"),
    "a file that goes and went before": (TEN, None, None, None, ""),
    "a file that the team removed": (TEN, TEN, None, None, ""),
    "one that the team removed and that changed": (TEN, FIRST, None, None, "you removed it"),
    "the end of the file without a line break": (TEN, TEN + "x", FIRST, FIRST + "x", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_file(case: str) -> None:
    base, new, ours, expected, remark = CASES[case]
    sides = [{} if each is None else {"f": each} for each in (base, new, ours)]
    found = update.merge(*sides)
    if expected is None:
        assert "f" not in found.texts
    elif expected == "gone":
        assert found.texts == {"f": None}
    elif expected == "<<<<<<<":
        text = found.texts["f"] or ""
        assert "<<<<<<< yours: f" in text
        assert ">>>>>>> new: f" in text
    else:
        assert found.texts == {"f": expected}
    assert (found.conflicts == ("f",)) is (remark == "conflict")
    assert any(remark in each for each in found.said) is (remark not in ("", "conflict"))


def git(folder: Path, *words: str) -> str:
    who = {f"GIT_{who}_{what}": "somebody@example.com"
           for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True,
        env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
    ).stdout  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    begin.begin(folder, answered("orders", "team/orders", "own", "", "10m"), lambda *_: None)
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")


def test_a_later_version_is_merged_into_the_work_tree(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "templates/scaling.py"
    file.write_text("# ours\n" + file.read_text())
    commit(project)
    before = pristine.files()
    later = {**before, "templates/scaling.py": before["templates/scaling.py"] + "\n# later\n",
             "templates/extra.py": '"""New."""\n'}  # fmt: skip
    monkeypatch.setattr(pristine, "files", lambda: later)
    _, _, found = update.update(project)
    assert found.conflicts == ()
    assert file.read_text().startswith("# ours\n")
    assert file.read_text().endswith("\n# later\n")
    assert git(project, "status", "--short").split() == [
        "M", ".workerstack/base.zip", "M", "templates/scaling.py", "??", "templates/extra.py",
    ]  # fmt: skip
    commit(project)
    _, _, again = update.update(project)  # the base is the later version now
    assert again.texts == {}


def test_what_is_not_committed_is_not_merged_over(project: Path) -> None:
    (project / "templates/scaling.py").write_text("mine")
    with pytest.raises(Refusal) as told:
        update.update(project)
    assert str(told.value).startswith("Not committed: templates/scaling.py: ")


EARLIER = {
    "templates/specification.py": "class Worker: ...\n",
    "templates/steps.py": "class Step: ...\n",
    "templates/parts/__init__.py": "",
    "templates/parts/queues.py": "class OwnQueue: ...\n",
}
"""A project's base of when the specification was a part of it, as far as it matters here."""

IMPORTS = {
    "from templates.specification import OwnQueue, Worker": (
        "from workerstack.specification import OwnQueue, Worker"
    ),
    "from templates.specification import (\n    COOLDOWN,\n    Worker as W,\n)": (
        "from workerstack.specification import Worker as W\n"
        "from workerstack.specification.worker import COOLDOWN"
    ),
    "from templates.steps import Step, step_table": (
        "from workerstack.specification import Step\n"
        "from workerstack.specification.steps import step_table"
    ),
    "from templates.parts.telling import LONGEST_AGE": (
        "from workerstack.specification.alarms import LONGEST_AGE"
    ),
    "from templates.parts import queues": "from workerstack.specification import queues",
    "def late():\n    from templates.parameters.size import Size": (
        "def late():\n    from workerstack.specification.parameters.size import Size"
    ),
    "from templates.problems import Mistake": "from workerstack.specification import Mistake",
    "from templates import build": "from templates import build",
    "from templates.compute import cluster": "from templates.compute import cluster",
    "from templates.specification import (": "from templates.specification import (",
}


@pytest.mark.parametrize("before", IMPORTS)
def test_imports_of_what_moved_into_the_tool(before: str) -> None:
    text = f'"""Ours."""\n\n{before}\n\nX = 1\n'
    assert moved.brought_over(text) == text.replace(before, IMPORTS[before])


def test_a_project_that_holds_the_specification_is_brought_over(project: Path) -> None:
    workers = project / "templates/workers.py"
    now = workers.read_text()
    earlier = now.replace("workerstack.specification", "templates.specification")
    assert earlier != now
    (project / "templates/parts").mkdir()
    for name, text in EARLIER.items():
        (project / name).write_text(text)
    workers.write_text(earlier)
    (project / "templates/steps.py").write_text("class Step: ...\n# ours\n")
    base = {**pristine.files(), **EARLIER}
    (project / begin.BASE).write_bytes(pristine.packed(base))
    commit(project)
    _, _, found = update.update(project)
    assert found.conflicts == ()
    assert workers.read_text() == now
    assert {name for name in EARLIER if (project / name).exists()} == {"templates/steps.py"}
    [said] = found.said
    assert said.startswith("templates/steps.py is workerstack.specification.steps of the tool now")


def test_a_folder_of_something_else_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(Problem) as told:
        update.update(tmp_path)
    assert "was not made by `workerstack new`" in str(told.value)


def test_a_project_without_git_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent.resolve()))
    (project / ".git").rename(project / "not-git")
    with pytest.raises(Refusal) as told:
        update.update(project)
    assert "is not in a git repository" in str(told.value)


def test_a_torn_base_is_told(project: Path) -> None:
    base = project / begin.BASE
    base.write_bytes(base.read_bytes()[:1000])
    with pytest.raises(Problem) as told:
        update.update(project)
    assert "cannot be read" in str(told.value)
