"""`python -m tests.in_memory COMMAND ...`: runs it with its temporary files in memory.

The suite makes some hundred thousand files that live for a moment, and on a disk a file takes
up to twenty times as long. Where memory has no room for them, or nothing there may be executed
(as in many containers), the command runs as it is.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM = 4_000_000_000
"""Bytes that must be free there; all files of a run take a fourth of it."""


def is_usable(folder: Path) -> bool:
    """Whether a file system has room, and lets what it holds be executed."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize >= ROOM and not status.f_flag & os.ST_NOEXEC


def run(command: Sequence[str], memory: Path = MEMORY) -> int:
    """Runs a command to its end, and removes its temporary files; gives its exit code."""
    if not is_usable(memory):
        return subprocess.run(command, check=False).returncode
    with tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder:
        begun = subprocess.Popen(command, env={**os.environ, "TMPDIR": folder})
        while True:
            try:
                return begun.wait()
            except KeyboardInterrupt:
                # The command was interrupted, too, and what it still writes is to be removed.
                continue


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
