"""Files as they were in a git revision."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from problem import Problem


def resolved(revision: str, root: Path) -> str:
    """A revision's commit, all forty digits; raises Problem for an unknown one, or without git."""
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise Problem(
            f"There is no revision {revision}",
            "git does not know it here",
            "Fetch it, or name another one",
        )
    return found.stdout.strip()


def text_at(revision: str, path: str, root: Path) -> str | None:
    """A file's text in a revision, ``path`` from the checkout's root; None where it is not.

    Raises Problem for an unknown revision, and where there is no git.
    """
    found = _git(root, "show", f"{resolved(revision, root)}:./{path}")
    return None if found.returncode else found.stdout


def revisions_of(path: str, root: Path) -> list[tuple[str, datetime]]:
    """The commits that touched a file, on any branch, with their times; none outside of git."""
    found = _git(root, "log", "--all", "--format=%H %ct", "--", path)
    pairs = (line.split() for line in found.stdout.splitlines())
    return [(commit, datetime.fromtimestamp(int(time), UTC)) for commit, time in pairs]


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem(
            "git is not installed", "files of a revision are read with it", "Install git"
        ) from None
