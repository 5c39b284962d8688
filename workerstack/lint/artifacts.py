"""The files that are generated and committed: compared, or written all or not at all."""

import difflib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

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
    prepared: list[tuple[Path, Path]] = []
    try:
        for name in changed:
            if name in artifacts:
                file = root / name
                prepared.append((_beside(file, artifacts[name]), file))
        for temporary, file in prepared:
            temporary.replace(file)
    finally:
        for temporary, _ in prepared:
            temporary.unlink(missing_ok=True)
    for name in left_overs(artifacts, root):
        (root / name).unlink()
    return changed


def _beside(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
    temporary = Path(name)
    temporary.chmod(0o644)
    return temporary
