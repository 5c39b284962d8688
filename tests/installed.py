"""The wheel, built without a network, and an environment that has it: as one installs it."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Installed(NamedTuple):
    """The wheel's file, and the folder of the environment that it is installed in."""

    wheel: Path
    environment: Path

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self.environment / "bin"

    def run(
        self, *words: str, folder: Path, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """``workerstack`` with these words, in a folder and with nothing of ours around it."""
        return subprocess.run(
            [str(self.bin / "workerstack"), *words], cwd=folder, capture_output=True, text=True,
            check=False, env={**minimal(), **environment},
        )  # fmt: skip


def minimal() -> dict[str, str]:
    """An environment that knows no account, no configuration and no PYTHONPATH."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def install(folder: Path) -> Installed:
    """Builds the wheel of what git would commit, and installs it into a new environment.

    The environment sees the libraries that this one has, and no checkout of ours.
    """
    source, wheels, environment = folder / "source", folder / "wheels", folder / "environment"
    source.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if name.startswith(("workerstack/", "templates/", ".github/")) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    [wheel] = wheels.glob("*.whl")
    venv.create(environment, symlinks=True)
    [libraries] = environment.glob("lib/python*/site-packages")
    seen = [path for path in sys.path if path.endswith("site-packages")]
    (libraries / "libraries.pth").write_text("".join(f"{path}\n" for path in seen))
    python = str(environment / "bin/python")
    _pip("--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", str(wheel))
    return Installed(wheel, environment)


def _pip(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words],
        check=True, capture_output=True,
    )  # fmt: skip
