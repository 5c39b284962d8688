"""The arrows of the design: which package may import which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {
    "command_line", "deploy", "deployer", "deployments", "generate", "generator", "localaws",
    "problem", "rules", "simulate", "simulator", "templates",
}  # fmt: skip
HEAVY = {"boto3", "botocore", "cfnlint", "rich", "ministack", "hypercorn", "matplotlib"}

ALLOWED = {
    "templates": {"troposphere", "awacs"},
    "rules": {"cfnlint"},
    "deployments": {"problem", "pydantic", "yaml"},
    "generator": {"templates", "deployments", "problem", "cfnlint", "yaml"},
    "generate.py": {"templates", "generator", "deployments", "command_line", "problem", "click"},
    "deployer": {
        "boto3",
        "botocore",
        "click",
        "deployments",
        "jinja2",
        "junit_xml",
        "problem",
        "pydantic",
        "rich",
        # A review shows what a change of scaling does; `out/` is read as by any stranger.
        "simulator",
        "yaml",
    },
    "deploy.py": {"deployer", "command_line", "click"},
    "simulator": {"yaml", "matplotlib"},
    "simulate.py": {"simulator", "command_line", "problem", "click"},
    "localaws": {"ministack", "hypercorn", "boto3"},
    "command_line.py": {"problem", "click"},
    "problem.py": set(),
}


def sources(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.suffix else sorted(path.glob("**/*.py"))


def imported(file: Path, *, at_start: bool = False) -> set[str]:
    tree = ast.parse(file.read_text())
    nodes = tree.body if at_start else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows(room: str) -> None:
    import sys

    own = room.removesuffix(".py")
    for file in sources(room):
        beyond = imported(file) - ALLOWED[room] - {own} - set(sys.stdlib_module_names)
        assert not beyond, f"{file.relative_to(ROOT)} imports {beyond}"


def test_every_room_is_held() -> None:
    rooms = {path.name for path in ROOT.glob("*.py")}
    rooms |= {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms - {"tests", "bench"} == set(ALLOWED)


@pytest.mark.parametrize("room", sorted(set(ALLOWED) - {"rules"}))
def test_what_is_heavy_is_imported_late(room: str) -> None:
    for file in sources(room):
        assert not imported(file, at_start=True) & HEAVY, file


def test_modules_are_small_rooms() -> None:
    for room in ALLOWED:
        for file in sources(room):
            assert len(file.read_text().splitlines()) <= 210, file
