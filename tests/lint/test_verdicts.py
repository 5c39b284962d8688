"""A clean verdict is found again wherever the project and the tool lie."""

from pathlib import Path

import pytest

from workerstack.lint.lint import LintRequest
from workerstack.lint.verdicts import Verdicts, project_files

REQUEST = LintRequest("out/x.template.yaml", "Resources: {}", {})


def judges(*folders: Path) -> list[Path]:
    """A file of each folder, each with its own name and content."""
    found = []
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"judge{number}.py"
        file.write_text(f"# {number}")
        found.append(file)
    return found


@pytest.mark.parametrize("folders", [("a", "b"), ("b", "a"), ("a", "a")])
def test_places_are_no_part_of_a_verdict(tmp_path: Path, folders: tuple[str, str]) -> None:
    kept = Verdicts(tmp_path / "kept", judges(tmp_path / "c", tmp_path / "d"))
    kept.keep([REQUEST])
    elsewhere = judges(*(tmp_path / name for name in folders))
    assert Verdicts(tmp_path / "kept", elsewhere).unknown([REQUEST]) == []


def test_a_judge_that_changed_judges_again(tmp_path: Path) -> None:
    [judge] = judges(tmp_path / "c")
    Verdicts(tmp_path / "kept", [judge]).keep([REQUEST])
    judge.write_text("# another")
    assert Verdicts(tmp_path / "kept", [judge]).unknown([REQUEST]) == [REQUEST]


TEXTS = {"out/x.template.yaml": "Resources: {}"}
PROJECT = {"out/x.template.yaml": b"Resources: {}", "params/dev/x.yaml": b"parameters: {}"}


@pytest.mark.parametrize(
    ("texts", "project"),
    [
        ({"out/x.template.yaml": "Resources: {} "}, PROJECT),
        ({**TEXTS, "out/y.template.yaml": ""}, PROJECT),
        (TEXTS, {**PROJECT, "params/dev/x.yaml": b"parameters: {a: b}"}),
        (TEXTS, {**PROJECT, "params/dev/y.yaml": b""}),
        (TEXTS, {**PROJECT, "out/x.template.yaml": b"Resources: {}\n"}),
        (TEXTS, {"out/x.template.yaml": PROJECT["out/x.template.yaml"]}),
        (TEXTS, {**PROJECT, "out/x.template.yaml": b"Resources: ", "params/dev/x.yaml": b"{}"}),
    ],
)
def test_a_project_is_current_to_the_byte(
    tmp_path: Path, texts: dict[str, str], project: dict[str, bytes]
) -> None:
    verdicts = Verdicts(tmp_path / "kept", [])
    assert not verdicts.is_current(TEXTS, PROJECT)
    verdicts.keep_current(TEXTS, PROJECT)
    assert verdicts.is_current(TEXTS, PROJECT)
    assert not verdicts.is_current(texts, project)


def test_a_projects_files_are_those_of_params_and_out(tmp_path: Path) -> None:
    for name in ("params/dev/x.yaml", "out/x.template.yaml", "docs/a.md", "docs/b.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert project_files(tmp_path, "docs/a.md", "docs/gone.md") == {
        name: name.encode() for name in ("params/dev/x.yaml", "out/x.template.yaml", "docs/a.md")
    }
