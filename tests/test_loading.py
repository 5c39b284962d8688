"""What a command loads: executing a review needs neither adoption nor the simulator."""

import subprocess
import sys
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
                     "installation",
                     "files", "output", "problem"}  # fmt: skip


def test_help_of_all_is_quick() -> None:
    """Under 0.15 s of CPU, held by what it loads: it takes as long as that, on each machine."""
    code = LOADED.format(words=["deploy.py", "--help"]).replace(
        'sorted(each for each in sys.modules if each.startswith("workerstack."))', "sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = set(done.stdout.splitlines()[-1].split()[1:])
    ours = {name for name in names if name.partition(".")[0] == "workerstack"}
    assert ours <= {
        "workerstack", "workerstack.command_line", "workerstack.commands",
        "workerstack.commands.deploy", "workerstack.commands.late", "workerstack.installation",
        "workerstack.output", "workerstack.problem",
    }  # fmt: skip
    slow = {"asyncio", "concurrent.futures", "ctypes", "email", "http", "importlib.metadata",
            "importlib.resources", "multiprocessing", "pydantic", "rich", "socket", "ssl",
            "subprocess", "tempfile", "unittest", "xml", "yaml", "zipfile"}  # fmt: skip
    assert not slow & names
    assert len(names) < 160, sorted(names)  # 132 with Python 3.11


def test_executing_a_review_loads_what_the_change_needs(command: Run, checkout: Path) -> None:
    file = str(checkout / "review.json")
    params = checkout / "params/dev/webordinary-edit.yaml"
    words = ("execute", file, "--root", str(checkout), "--yes", "--uncommitted")
    assert command("review", "dev/webordinary-edit", "--output", file)[0] == 2
    assert command("execute", file)[0] == 0
    for value, simulated in (("LogRetentionDays: 30", False), ("MaxTasks: 9", True)):
        params.write_text(params.read_text().replace("tags:", f"  {value}\ntags:"))
        assert command("review", "dev/webordinary-edit", "--output", file)[0] == 2
        code, rooms = loaded(*words)
        assert code == 0
        assert "adopter" not in rooms
        assert ("simulator" in rooms) is simulated
