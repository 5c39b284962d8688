"""Files as they were in a git revision."""

import subprocess
from pathlib import Path

from problem import Problem


def text_at(revision: str, path: str, root: Path) -> str | None:
    """A file's text in a revision, ``path`` from the checkout's root; None where it is not.

    Raises Problem for an unknown revision, and where there is no git.
    """
    if _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        raise Problem(
            f"There is no revision {revision}",
            "git does not know it here",
            "Fetch it, or name another one",
        )
    found = _git(root, "show", f"{revision}:./{path}")
    return None if found.returncode else found.stdout


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem(
            "git is not installed", "files of a revision are read with it", "Install git"
        ) from None
