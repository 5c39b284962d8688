"""What a process that stays keeps between two builds: the rules, the verdicts, what was seen.

Files are asked for their times, 20 times a second: no library, no limit of the system on watches,
and the same on every disk.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workerstack.checks import CHECKS, run
from workerstack.cloudformation import read, resolve
from workerstack.lint.diagram import references
from workerstack.lint.lint import Linter, LintFinding, LintRequest, lint_all
from workerstack.lint.rendering import render

if TYPE_CHECKING:
    from workerstack.deployments import ParameterValue

ROOM = "workerstack/specification"
"""What templates are made of, where a checkout of the tool is what is watched."""

WATCHED = ("templates/**/*.py", f"{ROOM}/**/*.py", "params/**/*.yaml", ".cfnlintrc.yaml")
POLL = 0.05
"""Seconds between two looks."""

Seen = dict[Path, tuple[int, int]]


class WarmLinter:
    """A linter that remembers what it found: only requests that are new are linted."""

    def __init__(self, rules: Path) -> None:
        self._linter = Linter(rules)
        self._found: dict[str, list[LintFinding]] = {}
        self._clean: dict[str, str] = {}

    def is_quickly_clean(self, requests: Sequence[LintRequest]) -> bool:
        """Whether what changed in each template is clean by itself; False where it must be seen.

        Of a template that was clean, cfn-lint is asked about the resources that changed, among
        stubs of the others, and our checks about the whole. `lint` has the last word: what one
        resource means for another, cfn-lint tells only of all.
        """
        for each in requests:
            before = self._clean.get(each.file)
            if before == each.text:
                continue
            if before is None or not (each.values or self._is_clean_alone(before, each)):
                return False
            template = read(each.text, each.file)
            sets: list[Mapping[str, ParameterValue]] = [*each.values.values()] or [{}]
            if any(any(run(resolve(template, values))) for values in map(_joined, sets)):
                return False
        return True

    def _is_clean_alone(self, before: str, request: LintRequest) -> bool:
        found = changed_only(read(before, request.file).data, read(request.text, request.file).data)
        if found is None:
            return False
        cut, changed = found
        findings = self._linter.lint(LintRequest(request.file, render(cut), {}))
        ours = {check.id for check in CHECKS}  # which are asked about the whole
        return not any(
            each.path.split("/")[1:2] == [name]
            for each in findings
            if each.rule not in ours
            for name in changed
        )

    def lint(self, requests: Sequence[LintRequest]) -> list[LintFinding]:
        """The findings of all requests; those of an earlier call that are gone are forgotten."""
        keys = [repr(each) for each in requests]
        new = [each for each, key in zip(requests, keys, strict=True) if key not in self._found]
        found = lint_all(self._linter, new) if new else []
        fresh = {repr(each): [one for one in found if _is_of(one, each)] for each in new}
        self._found = {key: fresh[key] if key in fresh else self._found[key] for key in keys}
        wrong = {each.file for key in keys for each in self._found[key]}
        self._clean = {each.file: each.text for each in requests if each.file not in wrong}
        return [each for key in keys for each in self._found[key]]


def changed_only(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], frozenset[str]] | None:
    """The template with the resources that changed, the others as stubs; and which changed.

    None where something else changed than resources: then it is no matter of these alone.
    """
    if {**before, "Resources": 0} != {**after, "Resources": 0}:
        return None
    resources: Mapping[str, Any] = after["Resources"]
    if before["Resources"].keys() != resources.keys():
        return None
    changed = frozenset(
        name for name, body in resources.items() if before["Resources"][name] != body
    )
    used = set(references([resources[name] for name in changed]))
    used |= set(references([after.get("Conditions", {}), after.get("Rules", {})]))
    declared: Mapping[str, Any] = after.get("Parameters", {})
    cut = {
        **{name: each for name, each in after.items() if name not in ("Metadata", "Outputs")},
        "Parameters": {name: each for name, each in declared.items() if name in used},
        "Resources": {
            name: body
            if name in changed
            else {key: body[key] for key in ("Type", "Condition") if key in body}
            for name, body in resources.items()
        },
    }
    return {name: each for name, each in cut.items() if each}, changed


def _joined(values: "Mapping[str, ParameterValue]") -> dict[str, str]:
    return {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def _is_of(finding: LintFinding, request: LintRequest) -> bool:
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
    """Imports a package anew next time, and not from what was compiled of it.

    Compiled files are told apart by whole seconds, and people save twice within one.
    """
    sys.dont_write_bytecode = True
    for name in [each for each in sys.modules if f"{each}.".startswith(f"{package}.")]:
        del sys.modules[name]
