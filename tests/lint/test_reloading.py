"""After a save, what changed is imported anew, with all that imports it; the rest stays."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workerstack.lint.reloading import ProjectModules

FILES = {
    "__init__.py": "from team.stack import BUILT\n",
    "size.py": "CPU = 1\n",
    "task.py": "from .size import CPU\nTASK = CPU + 10\n",
    "queue.py": "QUEUE = object()\n",
    "stack.py": "from team import task, queue\nBUILT = (task.TASK, queue.QUEUE)\n",
    "parts/__init__.py": "",
    "parts/image.py": "IMAGE = 'a'\n",
    "workers.py": "import team.queue\nfrom team.parts import image\nALL = (image.IMAGE,)\n",
}


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "team"
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in [each for each in sys.modules if each.partition(".")[0] == "team"]:
        del sys.modules[name]


def imported() -> tuple[object, object, object]:
    """What the package builds, its queue, and its workers."""
    built = importlib.import_module("team").BUILT
    return (*built, importlib.import_module("team.workers").ALL)


def imported_after(modules: ProjectModules, *saved: Path) -> tuple[object, object, object]:
    modules.renew(saved)
    return imported()


def test_what_imports_a_changed_file_is_imported_anew(team: Path) -> None:
    modules = ProjectModules("team")
    modules.renew([])
    cpu, queue, workers = imported()
    assert (cpu, workers) == (11, ("a",))
    (team / "size.py").write_text("CPU = 2\n")
    before = {**sys.modules}
    modules.renew([team / "size.py"])
    assert imported() == (12, queue, ("a",))
    renewed = {name for name in sys.modules if sys.modules[name] is not before.get(name)}
    assert {each for each in renewed if each.startswith("team")} == {
        "team.size", "team.stack", "team.task",
    }  # fmt: skip


def test_the_workers_alone(team: Path) -> None:
    modules = ProjectModules("team")
    modules.renew([])
    cpu, queue, _ = imported()
    (team / "workers.py").write_text("from team.size import CPU\nALL = ('b', CPU)\n")
    modules.renew([team / "workers.py"])
    assert imported() == (cpu, queue, ("b", 1))
    (team / "size.py").write_text("CPU = 3\n")
    modules.renew([team / "size.py"])
    assert imported() == (13, queue, ("b", 3))


def test_a_package_inside_that_changed_is_everything(team: Path) -> None:
    modules = ProjectModules("team")
    modules.renew([])
    _, queue, _ = imported()
    (team / "parts/__init__.py").write_text("IMAGE = 'c'\n")
    (team / "workers.py").write_text("from team.parts import IMAGE\nALL = (IMAGE,)\n")
    modules.renew([team / "parts/__init__.py", team / "workers.py"])
    assert imported()[2] == ("c",)
    assert imported()[1] is not queue


@pytest.mark.parametrize("broken", ["def (", "raise ValueError('wrong')", "from team import gone"])
@pytest.mark.parametrize("name", ["task.py", "workers.py", "stack.py", "__init__.py"])
def test_after_an_error_it_is_imported_whole(team: Path, name: str, broken: str) -> None:
    modules = ProjectModules("team")
    modules.renew([])
    imported()
    (team / name).write_text(broken)
    with pytest.raises((SyntaxError, ValueError, ImportError)):
        imported_after(modules, team / name)
    modules.failed()
    (team / name).write_text(FILES[name])
    (team / "size.py").write_text("CPU = 5\n")
    modules.renew([team / name, team / "size.py"])
    assert imported()[0] == 15
    assert imported()[2] == ("a",)


def test_a_file_that_is_gone(team: Path) -> None:
    modules = ProjectModules("team")
    modules.renew([])
    imported()
    (team / "queue.py").unlink()
    (team / "stack.py").write_text("from team import task\nBUILT = (task.TASK, None)\n")
    (team / "workers.py").write_text("ALL = ()\n")
    modules.renew([team / "queue.py", team / "stack.py", team / "workers.py"])
    assert imported() == (11, None, ())
    assert "team.queue" not in sys.modules


def test_what_it_is_made_with_is_imported_anew_where_that_changed(
    team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "kit/room"
    room.mkdir(parents=True)
    unit = "from kit.room import unit\nUNIT = unit.UNIT\n"
    texts = {"../__init__.py": "", "../other.py": "", "__init__.py": unit, "unit.py": "UNIT = 1\n"}
    for name, text in texts.items():
        (room / name).write_text(text)
    (team / "size.py").write_text("from kit.room import UNIT\nCPU = UNIT\n")
    for name in ("kit", "kit.other", "kit.room", "kit.room.unit"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    other = importlib.import_module("kit.other")
    modules = ProjectModules("team", "kit.room")
    assert imported_after(modules)[0] == 11
    kit = importlib.import_module("kit.room")
    (team / "workers.py").write_text("ALL = ()\n")
    assert imported_after(modules, team / "workers.py")[2] == ()
    assert importlib.import_module("kit.room") is kit
    (room / "unit.py").write_text("UNIT = 4\n")
    assert imported_after(modules, room / "unit.py")[0] == 14
    assert importlib.import_module("kit.other") is other
