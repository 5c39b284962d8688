"""Whether a deployment's files are committed: who reviews a pull request saw these bytes."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from problem import Refusal


def check(files: Sequence[Path], root: Path) -> None:
    """Raises Refusal where one of the files is not as it is in git's HEAD."""
    git = ["git", "-C", str(root), "status", "--porcelain", "--ignored", "--untracked-files=all"]
    try:
        found = subprocess.run(
            [*git, "--", *map(str, files)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise _refusal("Whether it is committed is not known", "git is not installed") from None
    if found.returncode:
        raise _refusal("What would be executed is in no git repository", found.stderr.strip())
    changed = [line[3:] for line in found.stdout.splitlines()]
    if changed:
        raise _refusal(
            f"Not committed: {', '.join(changed)}", "nobody else can see what would be executed"
        )


def _refusal(what: str, why: str) -> Refusal:
    return Refusal(what, why, "Commit first, or execute with --uncommitted")
