"""One table, four askers: they give the same ids and the same sentences for the same faults."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.checks.edits import EDIT, ROOT, Template, edited, emitted
from tests.checks.planted import PLANTED
from workerstack import checks
from workerstack.cloudformation import from_data, resolve
from workerstack.commands.generate import generating
from workerstack.review.predict import TemplateSide, predict_review

TEN = (
    "E9101", "E9202", "E9206", "E9301", "E9310", "E9313", "E9325", "E9404", "E9421", "E9432",
)  # fmt: skip
Said = set[tuple[str, str]]


def ten_faults(template: Template) -> None:
    for identifier in TEN:
        if identifier != "E9325":
            PLANTED[identifier].fault(template)
    for body in template["Resources"].values():
        for policy in (
            (body["Properties"].get("Policies") or [])
            if body["Type"].endswith("::Role")
            else [body["Properties"]]
        ):
            found = policy.get("PolicyDocument")
            for each in found["Statement"] if isinstance(found, dict) else ():
                if each.get("Sid") == "ConsumeQueue":
                    each["Action"].remove("sqs:ReceiveMessage")


@pytest.fixture(scope="module")
def template() -> Template:
    return edited(EDIT, ten_faults)


@pytest.fixture(scope="module")
def said(template: Template) -> Said:
    """What the table says of the template alone."""
    found = checks.run(resolve(from_data(template)))
    return {(each.check.id, each.violation.sentence) for each in found}


def test_all_ten_are_seen(said: Said) -> None:
    assert set(TEN) <= {identifier for identifier, _ in said}


def test_the_command_of_cfn_lint(template: Template, said: Said, tmp_path: Path) -> None:
    file = tmp_path / "faulty.template.json"
    file.write_text(json.dumps(template))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--format", "json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert ours((each["Rule"]["Id"], each["Message"]) for each in found) == said
    assert all(each["Location"]["Path"] for each in found)


def test_generating(template: Template, said: Said, tmp_path: Path) -> None:
    for name in ("README.md", ".cfnlintrc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "params").mkdir()
    command = generating(lambda: [(EDIT, template)], tmp_path)
    done = CliRunner().invoke(command, ["--lint-format", "json"])
    assert done.exit_code == 1 or done.exception is None, done.exception
    found = json.loads(done.stdout)
    assert ours((each["Rule"]["Id"], each["Message"]) for each in found) == said
    assert not list(tmp_path.glob("out/*"))


def test_reviewing(template: Template, said: Said) -> None:
    sides = [TemplateSide(each, {}) for each in (emitted(EDIT), template)]
    review = predict_review(*sides, name=EDIT)
    found = ours(
        (each.id, f"{each.what}: {each.why}. {each.next_step}.") for each in review.findings
    )
    before = {
        (each.check.id, each.violation.sentence)
        for each in checks.run(resolve(from_data(emitted(EDIT))))
    }
    assert found == said - before
    back = predict_review(*reversed(sides), name=EDIT)
    [line] = [each for each in back.findings if each.id == "mends"]
    assert "E9101 of TaskDefinition" in line.what


def ours(found: Iterable[tuple[str, str]]) -> Said:
    return {(name, sentence) for name, sentence in found if name[1:].startswith("9")}
