"""generate.py --watch: each save is judged, and what was judged before is not linted again."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import yaml

from workerstack.lint import watching
from workerstack.lint.inputs import read
from workerstack.lint.lint import AbandonedError, LintFinding, LintRequest
from workerstack.lint.watching import ROOM, Saves, WarmLinter, changed_only, seen

ROOT = Path(__file__).parents[2]
RULES = ROOT / "workerstack/lint/rules"
STEP = "Step(lower=10, change=+2)"


def finding(file: str, *deployments: str) -> LintFinding:
    return LintFinding(file, 1, 1, 1, 1, "E1", "wrong", "", deployments)


def test_only_what_is_new_is_linted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def lint_all(_: object, requests: list[LintRequest], unwanted: object) -> list[LintFinding]:
        assert unwanted is None
        asked.append([each.text for each in requests])
        return [finding(each.file, *each.values) for each in requests if "bad" in each.text]

    monkeypatch.setattr(watching, "Linter", lambda _: Mock())
    monkeypatch.setattr(watching, "lint_all", lint_all)
    linter = WarmLinter(RULES)
    one, two = LintRequest("1", "good", {}), LintRequest("2", "good too", {})
    bad, with_values = LintRequest("2", "bad", {}), LintRequest("2", "bad", {"dev": {"A": "1"}})
    assert linter.lint([one, two]) == []
    assert linter.lint([one, two]) == []
    assert linter.lint([one, bad, with_values]) == [finding("2"), finding("2", "dev")]
    assert linter.lint([one, bad]) == [finding("2")]
    assert linter.lint([one, two]) == []
    assert asked == [["good", "good too"], ["bad", "bad"]]


@pytest.mark.parametrize(
    "name", ["templates/workers.py", f"{ROOM}/parameters/size.py", "teams/one/workers.py"]
)
def test_each_save_is_seen_once(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text("a")
    (tmp_path / "other.py").write_text("a")
    changes = iter(["b", None, "bc", "gone"])

    def pause(_: float) -> None:
        change = next(changes)
        if change == "gone":
            file.unlink()
        elif change:
            file.write_text(change)

    found = iter(Saves(tmp_path, pause, "teams/one/**/*.py"))
    assert next(found) == []
    assert [next(found) for _ in range(3)] == [[name]] * 3
    assert seen(tmp_path) == {}


@pytest.fixture(scope="module")
def template() -> str:
    return (ROOT / "out/webordinary-edit.template.yaml").read_text()


@pytest.mark.parametrize("name", ["invoices", "reports"])
def test_a_part_of_an_example_is_cut_out(name: str) -> None:
    file = ROOT / f"examples/invoices/out/{name}.template.yaml"
    before = read(file.read_text(), name).data
    after = read(file.read_text().replace("MaximumPercent: 200", "MaximumPercent: 201"), name).data
    found = changed_only(before, after)
    assert found
    assert found[1] == {("Resources", "Service")}


PLANTED = {
    "a value that its schema does not allow": (
        "AssignPublicIp: !Ref AssignPublicIp", "AssignPublicIp: PERHAPS", False,
    ),
    "what only our checks know": (
        "LoadBalancers: []", "LoadBalancers: [{ContainerPort: 80}]", False,
    ),
    "a default": ("Default: :latest", "Default: :v2", True),
    "a default that is not allowed": ("Default: 7\n", "Default: 8\n", False),
    "a default that no resource can have": ("Default: ENABLED", "Default: PERHAPS", False),
    "half of what a group's id is known by": (
        "MaximumPercent: 200", "MaximumPercent: 150", True,
    ),
    "a parameter that is gone": (
        "\n  MaxTasks:\n    Default", "\n  MostTasks:\n    Default", False,
    ),
    "an output": ("Value: !Ref Cluster", "Value: !Ref Clutter", False),
    "what concerns all": ("Resources:\n", "Transform: Nothing\nResources:\n", False),
    "a label, which the whole is asked about": ("default: Max tasks", "default: Most tasks", True),
    "a cooldown": ("Cooldown: 300", "Cooldown: 240", True),
}  # fmt: skip


@pytest.fixture(scope="module")
def linter() -> WarmLinter:
    return WarmLinter(RULES)


VALUES = yaml.safe_load((ROOT / "params/dev/webordinary-edit.yaml").read_text())["parameters"]


def test_what_changed_is_judged_first(template: str, linter: WarmLinter) -> None:
    before = LintRequest("out/x.template.yaml", template, {})
    assert not linter.is_quickly_clean([before])
    assert linter.lint([before]) == []
    for name, (old, new, is_clean) in PLANTED.items():
        assert old in template, name
        changed = LintRequest("out/x.template.yaml", template.replace(old, new, 1), {})
        assert linter.is_quickly_clean([changed]) is is_clean, name


WRONG_VALUES = {
    "what its schema does not allow": ("AssignPublicIp", "PERHAPS"),
    "what only our checks know": ("MinTasks", "9"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_values_that_changed_are_judged_first(name: str, template: str, linter: WarmLinter) -> None:
    def request(**changed: str) -> LintRequest:
        subnets = tuple(VALUES["SubnetIds"].split(","))
        values = {**VALUES, "SubnetIds": subnets, **changed}
        return LintRequest("out/x.template.yaml", template, {"dev": values})

    assert linter.lint([request()]) == []
    assert linter.is_quickly_clean([request(MaxTasks="4")])
    parameter, value = WRONG_VALUES[name]
    assert not linter.is_quickly_clean([request(**{parameter: value})])
    assert linter.lint([request(**{parameter: value})])


def test_a_save_ends_a_lint_that_nobody_waits_for(template: str, linter: WarmLinter) -> None:
    request = LintRequest("out/y.template.yaml", template, {})
    with pytest.raises(AbandonedError):
        linter.lint([request], lambda: True)
    assert linter.lint([request], lambda: False) == []


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, "subprocess.Popen[str]"]]:
    """A copy of the project, and generate.py that watches it."""
    for name in ("generate.py", ".cfnlintrc.yaml", "out", "params", "templates"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    program = subprocess.Popen(
        [sys.executable, "generate.py", "--watch"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1,
    )  # fmt: skip
    try:
        yield tmp_path, program
    finally:
        program.kill()
        program.communicate()


def until_verdict(program: "subprocess.Popen[str]") -> str:
    """All that is printed to the end of the next verdict."""
    assert program.stdout
    lines = []
    for line in program.stdout:
        lines.append(line)
        if line.endswith(" s)\n"):
            break
    return "".join(lines)


def test_a_save_gives_the_verdict_and_the_diff(
    watched: tuple[Path, "subprocess.Popen[str]"],
) -> None:
    folder, program = watched
    workers = folder / "templates/workers.py"
    text = workers.read_text()
    assert "all is clean; out/ is current" in until_verdict(program)
    before = (folder / "out/webordinary-edit.template.yaml").read_bytes()
    workers.write_text(text.replace(STEP, "Step(lower=10, change=+3)"))
    said = until_verdict(program)
    assert "workers.py: what changed is clean; `generate.py` would write out/webordinary-e" in said
    assert "\n-" in said
    assert "\n+" in said
    assert "workers.py: all is clean; `generate.py` would write" in until_verdict(program)
    workers.write_text(text.replace("cpu=2048", "cpu=2047"))
    assert "templates/workers.py:" in (said := until_verdict(program))
    assert "2047 CPU units are impossible" in said
    workers.write_text("def (")
    assert "no Python" in until_verdict(program)
    workers.write_text(text)
    assert "what changed is clean; out/ is current" in until_verdict(program)
    assert "all is clean; out/ is current" in until_verdict(program)
    assert (folder / "out/webordinary-edit.template.yaml").read_bytes() == before
    program.send_signal(signal.SIGINT)
    assert program.wait(20) == 130
