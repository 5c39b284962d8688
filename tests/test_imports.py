"""The arrows of the house: which room may import which, and what is imported late."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "workerstack"
HEAVY = {"boto3", "botocore", "cfnlint", "rich", "ministack", "hypercorn", "matplotlib"}
FREE = {"files", "problem"}
"""What every room may import."""

ARROWS = {
    "cloudformation": set[str](),
    "simulator": {"cloudformation"},
    "checks": {"cloudformation", "simulator"},
    "deployments": {"cloudformation"},
    "lint": {"checks", "cloudformation", "deployments"},
    "review": {"checks", "cloudformation", "simulator"},
    "deployer": {"cloudformation", "deployments", "output", "review"},
    "verifier": {"checks", "cloudformation", "deployer", "deployments", "installation"},
    "adopter": {"cloudformation", "deployer", "deployments", "review"},
    "commands": {
        "adopter", "checks", "cloudformation", "command_line", "deployer", "deployments", "lint",
        "output", "review", "simulator", "specification", "starter", "verifier",
    },
    "ci": {"cloudformation", "command_line", "deployer", "deployments", "output", "review"},
    "localaws": {"cloudformation"},
    "specification": set[str](),
    "starter": set[str](),
    "command_line": {"installation", "output"},
    "output": {"installation"},
    "installation": set[str](),
    "files": set[str](),
    "problem": set[str](),
}  # fmt: skip
"""Room: the rooms that it may import, besides itself."""

LIBRARIES = {
    "cloudformation": {"yaml"},
    "simulator": {"yaml", "matplotlib"},
    "checks": set[str](),
    "deployments": {"pydantic", "yaml"},
    "lint": {"cfnlint", "yaml"},
    "review": {"jinja2", "markupsafe", "pydantic", "yaml"},
    "deployer": {"boto3", "botocore", "click", "pydantic", "rich", "yaml"},
    "verifier": {"boto3", "botocore", "pydantic", "yaml"},
    "adopter": {"boto3", "botocore", "pydantic", "yaml"},
    "ci": {"click"},
    "commands": {"botocore", "click", "junit_xml", "rich", "yaml"},
    "localaws": {"boto3", "botocore", "hypercorn", "ministack", "yaml"},
    "specification": {"awacs", "troposphere"},
    "starter": set[str](),
    "command_line": {"click"},
    "output": {"click", "rich"},
    "installation": set[str](),
    "files": set[str](),
    "problem": set[str](),
}
"""Room: the libraries that it may import."""

YOURS = {"templates": {"awacs", "troposphere", "workerstack.specification"}}
"""What is yours: the libraries that it may import, and the room of the tool."""


def sources(room: str) -> list[Path]:
    folder = HOUSE / room
    inside = (each for each in folder.glob("**/*.py") if each.parent.name != "skeleton")
    return sorted(inside) if folder.is_dir() else [folder.with_suffix(".py")]


class Source(NamedTuple):
    """What is asked of a file: it is read and walked once for all tests."""

    imports: list[ast.Import | ast.ImportFrom]
    at_start: list[ast.Import | ast.ImportFrom]
    classes: list[str]


@cache
def read(file: Path) -> Source:
    tree = ast.parse(file.read_text())
    nodes = list(ast.walk(tree))
    return Source(
        [each for each in nodes if isinstance(each, ast.Import | ast.ImportFrom)],
        [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)],
        [each.name for each in nodes if isinstance(each, ast.ClassDef)],
    )


@cache
def imported(file: Path, *, at_start: bool = False) -> frozenset[str]:
    """The modules that a file imports, in full: ``workerstack.review.model``."""
    names: set[str] = set()
    for node in read(file).at_start if at_start else read(file).imports:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.module:
            names |= {_module(node.module, alias.name) for alias in node.names}
    return frozenset(names)


@cache
def _module(package: str, name: str) -> str:
    path = ROOT / package.replace(".", "/") / name
    return f"{package}.{name}" if path.is_dir() or path.with_suffix(".py").exists() else package


def rooms_of(file: Path) -> Iterator[str]:
    for name in imported(file):
        first, _, rest = name.partition(".")
        if first == "workerstack" and rest:
            yield rest.partition(".")[0]


@pytest.mark.parametrize("room", ARROWS)
def test_arrows(room: str) -> None:
    for file in sources(room):
        beyond = set(rooms_of(file)) - ARROWS[room] - FREE - {room}
        assert not beyond, f"{file.relative_to(ROOT)} imports {beyond}"


@pytest.mark.parametrize("room", ARROWS)
def test_libraries(room: str) -> None:
    for file in sources(room):
        names = {name.partition(".")[0] for name in imported(file)}
        beyond = names - LIBRARIES[room] - {"workerstack"} - set(sys.stdlib_module_names)
        if room == "lint":
            beyond -= {"templates"}
        assert not beyond, f"{file.relative_to(ROOT)} imports {beyond}"


@pytest.mark.parametrize("room", YOURS)
def test_what_is_yours_knows_of_the_tool_what_a_worker_can_be(room: str) -> None:
    for file in sorted((ROOT / room).glob("**/*.py")):
        known = tuple(f"{name}." for name in {*YOURS[room], room, *sys.stdlib_module_names})
        beyond = {name for name in imported(file) if not f"{name}.".startswith(known)}
        assert not beyond, f"{file.relative_to(ROOT)} imports {beyond}"


def test_every_room_is_held() -> None:
    rooms = {path.stem for path in HOUSE.glob("*.py")} - {"__init__", "__main__"}
    rooms |= {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert rooms == set(ARROWS) == set(LIBRARIES)


def test_showing_knows_only_the_model() -> None:
    for file in sources("review/show"):
        ours = {name for name in imported(file) if name.startswith("workerstack.review")}
        beyond = {name for name in ours if not name.startswith("workerstack.review.show")}
        assert beyond <= {"workerstack.review.model"}, f"{file.relative_to(ROOT)}: {beyond}"


@pytest.mark.parametrize("room", sorted(ARROWS))
def test_what_is_heavy_is_imported_late(room: str) -> None:
    """All but the rules that cfn-lint itself loads."""
    for file in sources(room):
        if file.parent == HOUSE / "lint/rules":
            continue
        names = {name.partition(".")[0] for name in imported(file, at_start=True)}
        assert not names & HEAVY, file


@pytest.mark.parametrize("room", ARROWS)
def test_no_circle_in_a_room(room: str) -> None:
    """The modules of a room can be put in an order in which each imports only earlier ones."""
    prefix = f"workerstack.{room}."
    files = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in sources(room)}
    left = {
        name: {each for each in imported(file) if each.startswith(prefix) and each != name}
        for name, file in files.items()
        if not name.endswith("__init__")
    }
    while left:
        free = {name for name, needs in left.items() if not needs & set(left)}
        assert free, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in free}


@pytest.mark.parametrize("room", ARROWS)
def test_private_names_stay_in_their_file(room: str) -> None:
    for file in sources(room):
        for node in read(file).imports:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workerstack"):
                crossed = [each.name for each in node.names if each.name.startswith("_")]
                assert not crossed, f"{file.relative_to(ROOT)} imports {crossed}"


def test_a_class_name_means_one_thing() -> None:
    """Which `Row` is meant must not depend on the file that one is reading."""
    found: dict[str, list[str]] = {}
    for file in [*HOUSE.rglob("*.py"), *(ROOT / "templates").rglob("*.py")]:
        for name in read(file).classes:
            if not name.startswith("_"):
                found.setdefault(name, []).append(str(file.relative_to(ROOT)))
    twice = {name: files for name, files in found.items() if len(files) > 1}
    assert not twice
