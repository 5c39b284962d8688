"""What other repositories take from here: an action, a GitLab job, hooks for pre-commit."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.interpreter import Interpreter
from tests.workflows import aws, not_installed
from workerstack.localaws import Endpoint

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "review/action.yml").read_text())
GITLAB = yaml.safe_load((ROOT / "review/gitlab.yml").read_text())[".workerstack-review"]
HOOKS = {each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
TEMPLATE = """Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {DelaySeconds: 5}
"""
Step = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Another repository, with a trap: a module of its own that is called like one of ours."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "web.yaml").write_text(TEMPLATE)
    for name in ("workerstack.py", "click.py", "sitecustomize.py"):
        (folder / name).write_text("raise SystemExit('the repository was run')\n")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "a")):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    return folder


def installed_programs(folder: Path) -> Path:
    """An environment's folder of programs, as the step before left it."""
    made = folder / "workerstack/bin"
    made.mkdir(parents=True)
    (made / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (made / "workerstack").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -P -m workerstack "$@"\n'
    )
    for each in made.iterdir():
        each.chmod(0o755)
    return made


@pytest.fixture
def action(theirs: Path, tmp_path: Path, endpoint: Endpoint, account: str) -> Step:
    """The action's own script in the other repository; its output and summary are files."""
    assert account
    installed_programs(tmp_path)
    text = ACTION["runs"]["steps"][-1]["run"]

    def run(**inputs: str) -> "subprocess.CompletedProcess[str]":
        given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | inputs
        for name in ("output", "summary"):
            (tmp_path / name).write_text("")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
            cwd=theirs, capture_output=True, text=True, check=False,
            env={**os.environ, **aws(endpoint.url), "TOOL": str(ROOT / "review/.."),
                 **{name.upper(): value for name, value in given.items()},
                 "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"),
                 "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")},
        )  # fmt: skip

    return run


def test_the_action_makes_a_review(action: Step, theirs: Path, tmp_path: Path) -> None:
    done = action(file="web.yaml", stack="web")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "output").read_text() == "changes=true\nreview=.reviews/review.json\n"
    assert "Queue" in (tmp_path / "summary").read_text()
    assert (theirs / ".reviews/review.json").is_file()


def test_the_action_predicts_without_aws(action: Step, theirs: Path, tmp_path: Path) -> None:
    done = action(file="web.yaml", stack="web", base="HEAD")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "changes=false\n"
    (theirs / "web.yaml").write_text(TEMPLATE.replace("5", "6"))
    done = action(file="web.yaml", stack="web", base="HEAD")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "changes=true\n"
    assert "DelaySeconds" in (tmp_path / "summary").read_text()


@pytest.mark.parametrize(
    "file", ["none.yaml", "--help", "web.yaml; touch hacked", "$(touch hacked)"]
)
def test_what_is_wrong_fails_the_action(action: Step, theirs: Path, file: str) -> None:
    done = action(file=file, stack="web")
    assert done.returncode == 1
    assert "There is no file" in done.stderr
    assert not (theirs / "hacked").exists()


def test_the_action_gives_no_input_to_a_script_but_as_a_variable() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    install = ACTION["runs"]["steps"][0]["run"]
    assert "--require-hashes --only-binary :all:" in install
    assert "requirements/execute.txt" in install
    # And what it installs is enough: tests/test_ci.py reviews with nothing else.
    assert "cfnlint" in not_installed("execute")


def test_the_gitlab_job_reviews(
    theirs: Path, tmp_path: Path, endpoint: Endpoint, account: str
) -> None:
    assert account
    made = installed_programs(tmp_path)
    environment: dict[str, Any] = {
        **os.environ, **aws(endpoint.url), **GITLAB["variables"], "FILE": "web.yaml",
        "STACK": "web", "PYTHONPATH": str(ROOT), "PATH": f"{made}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    [script] = GITLAB["script"]
    for more, files in (({"BASE": "HEAD"}, {"review.md"}), ({}, {"review.md", "review.json"})):
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=theirs, env={**environment, **more},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {each.name for each in theirs.glob("review.*")} == files
    assert set(GITLAB["artifacts"]["paths"]) == files
    wrong = subprocess.run(
        ["bash", "-c", script], cwd=theirs, env={**environment, "FILE": "none.yaml"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert wrong.returncode == 1


Hook = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def hook(programs: Interpreter) -> Hook:
    """A hook as pre-commit runs it, with the files that it would be given."""

    def run(name: str, *files: str) -> "subprocess.CompletedProcess[str]":
        program, *words = shlex.split(HOOKS[name]["entry"])
        code = {
            "workerstack": "from workerstack.commands.program import main; main()",
            "cfn-lint": "from cfnlint.runner import main; main()",
        }[program]
        return programs.run("-c", code, *words, *files, folder=ROOT, PYTHONPATH=str(ROOT))

    return run


def test_hooks_find_what_is_wrong_and_nothing_else(tmp_path: Path, hook: Hook) -> None:
    good = ROOT / "out/thumbnails.template.yaml"
    assert re.search(HOOKS["workerstack-templates"]["files"], good.name)
    bad = tmp_path / "bad.template.yaml"
    bad.write_text(
        good.read_text().replace("LoadBalancers: []", "LoadBalancers: [{ContainerPort: 80}]")
    )
    done = hook("workerstack-templates", str(good))
    assert done.returncode == 0, done.stdout + done.stderr
    done = hook("workerstack-templates", str(good), str(bad))
    assert done.returncode != 0
    assert "E9104" in done.stdout
    assert hook("workerstack-generate").returncode == 0


def test_hooks_say_all_that_pre_commit_asks_for() -> None:
    for each in HOOKS.values():
        assert {"id", "name", "description", "entry", "language", "files"} <= set(each)
        assert each["language"] == "python"
        assert each["additional_dependencies"] == [".[generate]"]
