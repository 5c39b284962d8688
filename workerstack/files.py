"""Files written whole or not at all, on any disk: full, read-only, or with a folder in the way."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from workerstack.problem import Problem

UNFINISHED = ".unfinished"
FORGOTTEN = 3600.0
"""Seconds after which a file with that ending is no longer being written by anybody."""

PUBLIC = 0o644
"""Everybody may read what is committed."""


def write(file: Path, content: str | bytes, next_step: str = "", *, private: bool = False) -> None:
    """Writes one file, like `write_all`."""
    write_all({file: content}, next_step, private=private)


def write_all(
    contents: Mapping[Path, str | bytes], next_step: str = "", *, private: bool = False
) -> None:
    """Writes files, text as UTF-8, each as it was or as it shall be, whatever ends the process.

    All contents are on the disk, beside their files, before the first file is replaced, so
    that a full disk changes none of them. Missing folders are made. What is ``private`` only
    its owner can read. Raises Problem with ``next_step``, or one that fits.
    """
    prepared: list[tuple[Path, Path]] = []
    try:
        for file, content in contents.items():
            with _explained(file, next_step):
                prepared.append((_beside(file, content, private=private), file))
        for temporary, file in prepared:
            with _explained(file, next_step):
                temporary.replace(file)
        for folder in {file.parent for _, file in prepared}:
            with _explained(folder, next_step):
                _settle(folder)
    finally:
        for temporary, _ in prepared:
            temporary.unlink(missing_ok=True)


def remove(file: Path, next_step: str = "") -> None:
    """Removes a file that may be gone already; raises Problem like `write_all`."""
    with _explained(file, next_step):
        file.unlink(missing_ok=True)


def _beside(file: Path, content: str | bytes, *, private: bool) -> Path:
    """The content on the disk in a file of its own; takes away what killed processes left."""
    if file.is_dir():
        raise IsADirectoryError
    file.parent.mkdir(parents=True, exist_ok=True)
    for left in file.parent.glob(f".*{UNFINISHED}"):
        with suppress(FileNotFoundError):  # another process takes it away as well
            if time.time() - left.stat().st_mtime > FORGOTTEN:
                left.unlink()
    # A long name with more round it would be too long for the file system.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=UNFINISHED)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        if not private:
            temporary.chmod(PUBLIC)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _settle(folder: Path) -> None:
    """The new names are on the disk, too, where a folder can be told so."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(file: Path, next_step: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What is in the way may be a folder above the file.
        place = error.filename if isinstance(error.filename, str) else None
        above = place is not None and Path(place) in file.parents and Path(place) != file.parent
        reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror
        reason = reason or str(error)
        raise Problem(
            f"{file} cannot be written",
            f"{place}: {reason}" if above else reason,
            next_step
            or "Free space, or grant the permission to write there, and run the command again",
        ) from error
