"""The files that are generated and committed: compared, or written all or not at all."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from workerstack import files

TEMPLATES = "out/*.template.yaml"
"""The files that only this generator writes; others of that name are left-overs."""


def left_overs(artifacts: Mapping[str, str], root: Path) -> list[str]:
    """Templates in out/ that no worker generates any more."""
    found = (str(path.relative_to(root)) for path in sorted(root.glob(TEMPLATES)))
    return [name for name in found if name not in artifacts]


def stale(artifacts: Mapping[str, str], root: Path) -> dict[str, str]:
    """Each file that is not as it would be generated, with the unified diff."""
    differences = {name: _difference(name, text, root) for name, text in artifacts.items()}
    differences |= {name: _difference(name, "", root) for name in left_overs(artifacts, root)}
    return {name: lines for name, lines in differences.items() if lines}


def _difference(name: str, text: str, root: Path) -> str:
    file = root / name
    present = file.read_bytes().decode(errors="replace") if file.exists() else ""
    if present == text and file.exists():
        return ""
    lines = difflib.unified_diff(
        present.splitlines(keepends=True),
        text.splitlines(keepends=True),
        name if file.exists() else "/dev/null",
        f"{name} (generated)" if text else "/dev/null",
    )
    return "".join(lines) or f"{name} differs\n"


def write(artifacts: Mapping[str, str], root: Path) -> list[str]:
    """Writes what differs, removes left-overs, and names both.

    All texts are on the disk beside their files before the first file is replaced, and
    each is replaced in one step: a full disk or a kill leaves no half-written file.
    """
    changed = list(stale(artifacts, root))
    files.write_all({root / name: artifacts[name] for name in changed if name in artifacts})
    for name in left_overs(artifacts, root):
        files.remove(root / name)
    return changed
