"""docs/architecture.md is the house as it stands: its picture, its rooms, where to change what."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/architecture.md").read_text()
ROWS = [
    line.strip("|").split(" | ")
    for line in TEXT.split("## Where to change what")[1].splitlines()
    if line.startswith("| ") and not line.startswith("| change")
]


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "docs/architecture.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(architecture: ModuleType) -> None:
    assert architecture.page() == TEXT, "Run `python docs/architecture.py`"


def test_each_room_says_what_it_is(architecture: ModuleType) -> None:
    said = {room: architecture.sentence(files) for room, files in architecture.rooms().items()}
    assert len(said) > 15
    assert not [room for room, text in said.items() if not 20 < len(text) < 160]


def test_arrows_that_follow_from_others_are_left_out(architecture: ModuleType) -> None:
    graph = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": set()}
    assert architecture.essential(graph) == {"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}


def test_the_picture_shows_what_is_imported(architecture: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(
        "from workerstack import files, lint\nimport workerstack.review.model\nimport json\n"
        "def late():\n    from templates.workers import ALL\n    from workerstack.checks import x\n"
    )
    found = set(architecture.imported(file))
    assert found == {"files", "lint", "review", "templates", "checks"}
    drawn = architecture.picture({"one": {"files", "lint"}, "lint": set(), "files": set()})
    assert re.findall(r"(\w+) --> (\w+)", drawn) == [("one", "lint")]


def defined(file: Path) -> set[str]:
    """The names that a file defines at its top level, those within functions left out."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {each.id for each in node.targets if isinstance(each, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_the_table_is_read() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_where_to_change_what(row: list[str]) -> None:
    """Each file exists, and defines the names that the row gives after it."""
    cells = " ".join(row[1:])
    named = re.findall(r"`([\w./-]+/[\w./-]*)`(?:: ((?:`\w+`(?:, )?)+))?", cells)
    assert named
    for path, names in named:
        assert (ROOT / path).exists(), path
        wanted = set(re.findall(r"`(\w+)`", names))
        if wanted:
            assert wanted <= defined(ROOT / path), f"{path} has no {wanted}"
