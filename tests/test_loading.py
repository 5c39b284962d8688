"""What a command loads: executing a review needs neither adoption nor the simulator."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

ROOT = Path(__file__).parents[1]
LOADED = """
import sys
sys.argv = {words!r}
from workerstack.command_line import run
from workerstack.commands.deploy import deploy
try:
    run(deploy)
except SystemExit as end:
    print(end.code, *sorted(each for each in sys.modules if each.startswith("workerstack.")))
"""


def loaded(*words: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=["deploy.py", *words])],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, *names = done.stdout.splitlines()[-1].split()
    return int(code), {name.split(".")[1] for name in names}


@pytest.mark.parametrize("words", [("--help",), ("execute", "--help"), ("review", "--help")])
def test_help_loads_the_commands_alone(words: tuple[str, ...]) -> None:
    code, rooms = loaded(*words)
    assert code == 0
    assert rooms <= {"command_line", "commands", "deployer", "deployments", "cloudformation",
                     "files", "output", "problem"}  # fmt: skip


@pytest.fixture
def reviewed(command: Run, checkout: Path) -> Callable[[str, str], Path]:
    """The worker deployed, a value of it changed, and that reviewed: the review's file."""
    first, second = checkout / "first.json", checkout / "second.json"
    params = checkout / "params/dev/webordinary-edit.yaml"
    assert command("review", "dev/webordinary-edit", "--output", str(first))[0] == 2
    assert command("execute", str(first))[0] == 0

    def change(name: str, value: str) -> Path:
        params.write_text(params.read_text().replace("tags:", f"  {name}: {value}\ntags:"))
        assert command("review", "dev/webordinary-edit", "--output", str(second))[0] == 2
        return second

    return change


@pytest.mark.parametrize(("name", "value", "simulated"), [("MaxTasks", "9", True)])
def test_executing_a_review_loads_what_the_change_needs(
    reviewed: Callable[[str, str], Path], checkout: Path, name: str, value: str, simulated: bool
) -> None:
    file = reviewed(name, value)
    words = ("execute", str(file), "--root", str(checkout), "--yes", "--uncommitted")
    code, rooms = loaded(*words)
    assert code == 0
    assert "adopter" not in rooms
    assert "verifier" not in rooms
    assert ("simulator" in rooms) is simulated
