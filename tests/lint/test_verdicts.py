"""A clean verdict is found again wherever the project and the tool lie."""

from pathlib import Path

import pytest

from workerstack.lint.lint import LintRequest
from workerstack.lint.verdicts import Verdicts

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
