"""Disks as they are: full, read-only, with something in the way. One clear error, nothing half."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from workerstack import files
from workerstack.problem import Problem

ROOT = Path(__file__).parent.parent
NOBODY = 65_534
TEMPLATES = ("nothing", "out/webordinary-edit.template.yaml")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_written_whole_with_its_folders(tmp_path: Path) -> None:
    files.write(tmp_path / "a/b.yaml", "Grüße\n")
    files.write(tmp_path / "a/b.yaml", b"x")
    files.write(tmp_path / "a/c.json", "{}", private=True)
    assert (tmp_path / "a/b.yaml").read_bytes() == b"x"
    assert names(tmp_path) == ["a", "a/b.yaml", "a/c.json"]
    modes = [(tmp_path / "a" / name).stat().st_mode & 0o777 for name in ("b.yaml", "c.json")]
    assert modes == [0o644, 0o600]


def folder_there(folder: Path) -> Path:
    (folder / "x").mkdir()
    return folder / "x"


def file_above(folder: Path) -> Path:
    (folder / "x").write_text("")
    return folder / "x/y/z.yaml"


def link_to_nowhere_above(folder: Path) -> Path:
    (folder / "x").symlink_to(folder / "gone")
    return folder / "x/y.yaml"


@pytest.mark.parametrize("place", [folder_there, file_above, link_to_nowhere_above])
def test_what_is_in_the_way_is_told(place: Callable[[Path], Path], tmp_path: Path) -> None:
    file = place(tmp_path)
    before = names(tmp_path)
    with pytest.raises(Problem, match=r"cannot be written: .+\. Give another path\."):
        files.write(file, "x", "Give another path")
    assert names(tmp_path) == before


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
def test_a_disk_that_gets_full_changes_nothing(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"pathlib.Path.{call}" if call == "replace" else f"os.{call}", full)
    with pytest.raises(Problem, match=r"a cannot be written: No space left on device\. Free space"):
        files.write_all({tmp_path / "a": "new", tmp_path / "b": "new"})
    monkeypatch.undo()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_real_limit_on_the_second_file_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    code = (
        "import pathlib; from workerstack import files; there = pathlib.Path.cwd();"
        " files.write_all({there / 'a': 'new', there / 'b': 'x' * 100_000})"
    )

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=limited,
    )  # fmt: skip
    assert "b cannot be written: File too large" in found.stderr
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_folder_that_only_others_may_write_to() -> None:
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there)
        folder.chmod(0o755)
        (folder / "a").write_text("old")
        (folder / "a").chmod(0o600)
        # The modules are read before the rights are given up: ROOT may be closed to others.
        code = (
            "import os, pathlib, workerstack.commands.diff as diff, workerstack.deployer.earlier\n"
            "import workerstack.review.predict; from workerstack import files\n"
            f"os.setuid({NOBODY}); file = pathlib.Path({there!r}) / 'a'\n"
            "for go in (lambda: files.write(file, 'new'), lambda: diff._text(str(file), file)):\n"
            "    try: go()\n"
            "    except Exception as problem: print(problem)"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
        )
        first, second = found.stdout.splitlines()
        assert "cannot be written: Permission denied" in first
        assert "cannot be read: Permission denied" in second
        assert names(folder) == ["a"]
        assert (folder / "a").read_text() == "old"


def said(command: str, folder: Path = ROOT, python: str | Path = sys.executable) -> tuple[int, str]:
    """Exit code and standard error of a shell command with our Python."""
    found = subprocess.run(
        ["bash", "-c", command.replace("PYTHON", f"exec {python}")], cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.returncode, found.stderr


def test_standard_output_on_a_full_disk() -> None:
    code, err = said(f"PYTHON deploy.py diff {' '.join(TEMPLATES)} > /dev/full")
    assert code == 1
    assert err == (
        "What is said to standard output cannot be written: No space left on device."
        " Free space, or send it elsewhere, and run the command again.\n"
    )


def test_standard_error_on_a_full_disk() -> None:
    assert said("PYTHON deploy.py diff a b 2> /dev/full") == (1, "")


def test_a_reader_that_leaves_is_no_error() -> None:
    code, err = said(
        f"PYTHON deploy.py diff {' '.join(TEMPLATES)} | head -1; exit ${{PIPESTATUS[1]}}"
    )
    assert (code, err) == (0, "")


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    for command, expected in (
        (f"{ROOT}/deploy.py diff nothing a", "a cannot be read"),
        (f"{ROOT}/deploy.py diff nothing {ROOT}/{TEMPLATES[1]} --params x", "cannot be"),
        (f"{ROOT}/simulate.py x --load poisson:rate=5/h,for=1h,service=3m", "x cannot be read"),
    ):
        gone = tmp_path / "gone"
        gone.mkdir()
        code, err = said(f"rmdir {gone}; PYTHON {command}", gone)
        assert code == 1
        assert expected in err
        assert len(err.splitlines()) == 1, err


def test_a_picture_where_a_folder_is(tmp_path: Path, python: Path) -> None:
    (tmp_path / "x.svg").mkdir()
    code, err = said(
        f"PYTHON simulate.py {TEMPLATES[1]} --load poisson:rate=5/h,for=1h,service=3m"
        f" --picture {tmp_path}/x.svg",
        python=python,
    )
    assert code == 1
    assert err == f"{tmp_path}/x.svg cannot be written: it is a folder. Give another path.\n"


def test_a_review_file_that_is_a_folder_or_cannot_be_read(tmp_path: Path, python: Path) -> None:
    code, err = said(f"PYTHON deploy.py execute {tmp_path} --yes", python=python)
    assert code == 1
    assert len(err.splitlines()) == 1
    shutil.copy("/dev/null", tmp_path / "empty.json")
    code, err = said(f"PYTHON deploy.py execute {tmp_path}/empty.json --yes", python=python)
    assert code == 1
    assert len(err.splitlines()) == 1
