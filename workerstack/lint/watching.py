"""What a process that stays keeps between two builds: the rules, the verdicts, what was seen.

Files are asked for their times, 20 times a second: no library, no limit of the system on watches,
and the same on every disk.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from workerstack.lint.lint import Finding, Linter, Request, lint_all

WATCHED = ("templates/**/*.py", "params/**/*.yaml", ".cfnlintrc.yaml")
POLL = 0.05
"""Seconds between two looks."""

Seen = dict[Path, tuple[int, int]]


class WarmLinter:
    """A linter that remembers what it found: only requests that are new are linted."""

    def __init__(self, rules: Path) -> None:
        self._linter = Linter(rules)
        self._found: dict[str, list[Finding]] = {}

    def lint(self, requests: Sequence[Request]) -> list[Finding]:
        """The findings of all requests; those of an earlier call that are gone are forgotten."""
        keys = [repr(each) for each in requests]
        new = [each for each, key in zip(requests, keys, strict=True) if key not in self._found]
        found = lint_all(self._linter, new) if new else []
        fresh = {repr(each): [one for one in found if _is_of(one, each)] for each in new}
        self._found = {key: fresh[key] if key in fresh else self._found[key] for key in keys}
        return [each for key in keys for each in self._found[key]]


def _is_of(finding: Finding, request: Request) -> bool:
    return finding.file == request.file and bool(finding.deployments) == bool(request.values)


def saved(root: Path, pause: Callable[[float], None]) -> Iterator[list[str]]:
    """Each time that files of the project were saved, which; the first time it is none."""
    before = seen(root)
    yield []
    while True:
        pause(POLL)
        now = seen(root)
        changed = {file for file in {*before, *now} if before.get(file) != now.get(file)}
        if changed:
            before = now
            yield sorted(str(file.relative_to(root)) for file in changed)


def seen(root: Path) -> Seen:
    """Time and size of each file that is watched."""
    found: Seen = {}
    for pattern in WATCHED:
        for file in root.glob(pattern):
            try:
                state = file.stat()
            except FileNotFoundError:  # between two steps of an editor that replaces it
                continue
            found[file] = state.st_mtime_ns, state.st_size
    return found


def forget(package: str) -> None:
    """Imports a project's package anew next time, and not from what was compiled of it.

    Compiled files are told apart by whole seconds, and people save twice within one.
    """
    sys.dont_write_bytecode = True
    for name in [each for each in sys.modules if each.partition(".")[0] == package]:
        del sys.modules[name]
