"""The JavaScript SDK, installed as its lock file says."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/protection"


def installed() -> Path:
    """A folder with the example and its packages; made once for each lock file.

    Skips where there is no Node.js 20, or no registry; in CI that is a failure.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return _without("Node.js 20 with npm is not installed")
    lock = (EXAMPLE / "package-lock.json").read_bytes()
    folder = ROOT / ".cache" / f"javascript-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    for each in ("package.json", "package-lock.json", "worker.mjs"):
        shutil.copy(EXAMPLE / each, folder / each)
    ready = folder / ".ready"
    if not ready.exists():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return _without(f"npm ci failed: {done.stderr.strip()[-300:]}")
        ready.touch()
    return folder


def _without(reason: str) -> Path:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
