"""A copy of the project to work in, and a shell in it as a reader has one.

In that shell ``python`` is a fork of a process that has loaded what our programs import, the
tool among it: it is the same in the copy. What a reader changes (templates/, params/, out/,
examples/) is the copy's own, and so is the program that runs.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from workerstack.localaws import walkthrough

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv*",
    ".*_cache",
    ".hypothesis",
    ".reviews",
    "__pycache__",
    "*.egg-info",
    "node_modules",
)
MARK = "=== end of command ==="


class Checkouts:
    """Copies of the project, and what stands for Python there (tests/interpreter.py)."""

    def __init__(self, python: Path) -> None:
        self._python = python
        self._folder = tempfile.TemporaryDirectory()
        self._first = Path(self._folder.name, "checkout")

    def copy(self, folder: Path) -> Path:
        """The project in a repository of its own, all committed; linted, as after `make run`."""
        if not self._first.exists():
            self._make_the_first()
        shutil.copytree(self._first, folder, symlinks=True)
        # What git has noted of the files is that of the first copy's.
        subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=folder, check=True)
        return folder

    def _make_the_first(self) -> None:
        shutil.copytree(ROOT, self._first, ignore=LEFT_OUT)
        (self._first / ".venv").symlink_to(sys.prefix)
        subprocess.run(["git", "init", "--quiet"], cwd=self._first, check=True)
        (self._first / ".git/info/exclude").write_text(".venv\n")
        [_, generated] = self.run(
            [
                # One file instead of hundreds: each copy is quicker.
                "git add --all && git commit --quiet --message all && git repack -adq",
                "python generate.py --check",
            ],
            self._first,
            environment(""),
        )
        assert generated == "Up to date: no lint findings.\n"

    def run(self, lines: Sequence[str], folder: Path, environment: Mapping[str, str]) -> list[str]:
        """What each command prints, both streams together, all in one shell as a reader has it."""
        script = [*self._programs(), "exec 2>&1 </dev/null"]
        for line in lines:
            script += [line, f"code=$?; echo '{MARK}'; (exit $code)"]
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.split(f"{MARK}\n")[:-1]

    def _programs(self) -> list[str]:
        python = [str(self._python)]
        linter = [*python, str(Path(sys.prefix, "bin/cfn-lint"))]
        command = [*python, "-c", "from workerstack.commands.program import main; main()"]
        return [
            f'{name}() {{ {shlex.join(words)} "$@"; }}'
            for name, words in (("python", python), ("cfn-lint", linter), ("workerstack", command))
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def environment(url: str) -> dict[str, str]:
    """A person's environment, with nothing but the endpoint to reach."""
    of_aws = {**walkthrough.credentials(url), "AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"]}
    git = {
        f"GIT_{who}_{what}": "somebody@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return {**os.environ, **of_aws, **git, "GIT_CONFIG_GLOBAL": os.devnull, "COLUMNS": "100"}
