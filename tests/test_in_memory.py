"""The suite's temporary files are in memory where they may be, and are gone afterwards."""

import sys
from pathlib import Path

import pytest

from tests import in_memory

WRITES = "import sys, tempfile; open(sys.argv[1], 'w').write(tempfile.mkdtemp()); sys.exit(3)"


def written(memory: Path, told: Path) -> Path:
    """Where a command that ends with 3 made a folder."""
    assert in_memory.run([sys.executable, "-c", WRITES, str(told)], memory) == 3
    return Path(told.read_text())


def test_they_are_in_memory_and_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "ROOM", 1)
    memory = tmp_path / "memory"
    memory.mkdir()
    made = written(memory, tmp_path / "told")
    assert memory in made.parents
    assert not list(memory.iterdir())


@pytest.mark.parametrize("room", [1, 10**18])
def test_without_room_or_such_a_place_they_are_where_they_were(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "ROOM", room)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    memory = tmp_path / "memory"
    if room > 1:
        memory.mkdir()
    assert written(memory, tmp_path / "told").parent == tmp_path
