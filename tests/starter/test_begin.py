"""A new project: its five answers, what is refused, and what is written."""

import ast
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from templates import build
from workerstack.commands.new import new
from workerstack.problem import Problem, Refusal
from workerstack.starter import begin, pristine
from workerstack.starter.questions import answered

ANSWERS = {
    "name": "orders", "image": "team/orders", "queue": "own", "secrets": "", "longest_job": "10m",
}  # fmt: skip


def silent(*_: str) -> None:
    pass


IMPOSSIBLE = [
    ("name", "Orders", "--name 'Orders' is impossible"),
    ("name", "", "--name '' is impossible"),
    ("name", "a" * 41, "is impossible"),
    ("name", 'x"; import os #', "is impossible"),
    ("image", "https://host/x", "--image 'https://host/x' is impossible"),
    ("image", "team/orders:latest", "without host and version"),
    ("image", "123456789012.dkr.ecr.us-west-2.amazonaws.com/x:1", "is impossible"),
    ("queue", "orders.fifo", "--queue 'orders.fifo' is impossible"),
    ("queue", "arn:aws:sqs:us-west-2:111122223333:orders", "not its URL or ARN"),
    ("secrets", "API_TOKEN", "VARIABLE=NAME"),
    ("secrets", "API-TOKEN=x", "VARIABLE=NAME"),
    ("secrets", "A=x,A=y", "names a variable twice"),
    ("secrets", "A=x,,B=", "--secrets 'B=' is impossible"),
    ("longest_job", "0", "--longest-job '0' is impossible"),
    ("longest_job", "7h", "is impossible"),
    ("longest_job", "soon", "90s, 10m or 2h"),
    ("longest_job", "-5", "is impossible"),
]


@pytest.mark.parametrize(("option", "given", "said"), IMPOSSIBLE)
def test_an_impossible_answer_is_told(option: str, given: str, said: str) -> None:
    with pytest.raises(Problem) as told:
        answered(**{**ANSWERS, option: given})
    assert said in str(told.value)


POSSIBLE: list[dict[str, str]] = [
    {},
    {"queue": "team-orders_2"},
    {"secrets": "API_TOKEN=team/api-token, _x=a+b=c@d.e"},
    {"longest_job": "6h"},
    {"longest_job": "1"},
    {"longest_job": "90s", "name": "a"},
    {"name": "x" * 40, "image": "a/b/c_d.e-f"},
]


@pytest.mark.parametrize("given", POSSIBLE, ids=str)
def test_possible_answers_give_a_worker_that_is_built(given: dict[str, str]) -> None:
    answers = answered(**{**ANSWERS, **given})
    text = begin.workers(answers)
    ast.parse(text)
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 - what we wrote
    [worker] = names["ALL"]
    assert worker.name == answers.name
    template = build(worker).to_dict()
    assert template["Resources"]
    if answers.queue == "own":
        assert answers.longest_job < worker.queue.visibility_timeout <= 43_200
    assert [(each.variable, each.name) for each in worker.secrets] == list(answers.secrets)


def test_a_project_begins_in_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("text")
    with pytest.raises(Refusal) as told:
        begin.begin(tmp_path, answered(**ANSWERS), silent)
    assert "is not empty" in str(told.value)
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


LARGEST = 2_500
"""Lines of a project that has just begun, whatever of it a person could read."""


def test_a_whole_project_is_read_in_an_hour(tmp_path: Path) -> None:
    begin.begin(tmp_path / "project", answered(**{**ANSWERS, "secrets": "A=b"}), silent)
    lines = {
        path.relative_to(tmp_path / "project").as_posix(): len(path.read_text().splitlines())
        for path in (tmp_path / "project").rglob("*")
        if path.is_file() and path.suffix not in (".whl", ".zip")
    }
    own = {name: count for name, count in lines.items() if not name.startswith("templates/")}
    assert 1_000 < sum(lines.values()) < LARGEST
    assert sum(own.values()) < 500
    assert lines["README.md"] < 70
    assert {"Makefile", "setup.cfg", ".cfnlintrc.yaml", ".github/workflows/check.yml"} < set(own)


def test_a_project_holds_what_makes_resources_and_its_workers() -> None:
    """What a worker can be is the tool's, and there is no second place to import it from."""
    for name, text in pristine.files().items():
        if name.startswith("templates/"):
            classes = [each.name for each in ast.walk(ast.parse(text))
                       if isinstance(each, ast.ClassDef)]  # fmt: skip
            assert classes in ([], ["QueueReference"], ["RoleArn"]), name
            assert "Mistake(" not in text, name


def test_nobody_is_asked_without_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(Problem) as told:
        new.main([str(tmp_path / "p"), "--name", "orders"], standalone_mode=False)
    assert str(told.value).startswith("--image is missing: nobody can be asked")
    assert not (tmp_path / "p").exists()


def test_what_no_option_says_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    done = CliRunner().invoke(
        new, [str(tmp_path / "p"), "--name", "orders"], input="team/orders\n\nA=b/c\n5m\n"
    )
    assert done.exit_code == 0, done.output
    text = (tmp_path / "p/templates/workers.py").read_text()
    assert "OwnQueue(visibility_timeout=480)" in text
    assert 'name="b/c"' in text


def test_the_archive_of_the_base_is_the_same_each_time() -> None:
    files = pristine.files()
    assert pristine.packed(files) == pristine.packed(dict(reversed(list(files.items()))))
    assert pristine.unpacked(pristine.packed(files))[1] == files
    with pytest.raises(ValueError, match="zip"):
        pristine.unpacked(b"something else")


def test_workflows_of_a_project_need_no_file_of_ours() -> None:
    for name, text in pristine.files().items():
        if name.startswith(".github/"):
            assert "requirements/" not in text, name
            assert text.count("docs/") == text.count("fargate-worker-stack: docs/"), name
