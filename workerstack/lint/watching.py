"""What a process that stays keeps between two builds: the rules, the verdicts, what was seen.

Files are asked for their times, 20 times a second: no library, no limit of the system on watches,
and the same on every disk.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workerstack.checks import CHECKS, run
from workerstack.cloudformation import resolve
from workerstack.lint.diagram import references
from workerstack.lint.inputs import read
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
        # Our checks are asked about the whole: of a part of a template they would say nonsense.
        self._shipped = self._linter.without({each.id for each in CHECKS})
        self._found: dict[bytes, list[LintFinding]] = {}
        self._clean: dict[tuple[str, bool], LintRequest] = {}
        self._held: set[bytes] = set()

    def is_quickly_clean(self, requests: Sequence[LintRequest]) -> bool:
        """Whether what changed in each template is clean by itself; False where it must be seen.

        Of what was clean, cfn-lint is asked about the resources that changed, or that use a
        parameter whose value did, among stubs of those that they name; and our checks about the
        whole. `lint` has the last word: what one resource means for another, cfn-lint tells only
        of all.
        """
        return all(
            self._found.get(_digest(each)) == [] or self._is_quickly_clean(each)
            for each in requests
        )

    def _is_quickly_clean(self, request: LintRequest) -> bool:
        before = self._clean.get((request.file, bool(request.values)))
        if before is None or before.values.keys() != request.values.keys():
            return False
        valued = _differing(before.values, request.values)
        is_new = valued if request.values else before.text != request.text
        if is_new and not self._is_clean_alone(before, request, valued):
            return False
        sets: list[Mapping[str, ParameterValue]] = [*request.values.values()] or [{}]
        return all(self._holds(request, _joined(values)) for values in sets)

    def _is_clean_alone(
        self, before: LintRequest, request: LintRequest, valued: frozenset[str]
    ) -> bool:
        old, new = (read(each.text, each.file).data for each in (before, request))
        found = changed_only(old, new, valued)
        if found is None:
            return False
        cut, changed = found
        values = {
            file: {name: value for name, value in given.items() if name in cut["Parameters"]}
            for file, given in request.values.items()
        }
        findings = self._shipped.lint(LintRequest(request.file, render(cut), values))
        return not any(tuple(each.path.split("/")[:2]) in changed for each in findings)

    def _holds(self, request: LintRequest, values: Mapping[str, str]) -> bool:
        """Whether all of our checks hold with these values."""
        key = _digest((request.file, request.text, values))
        if key not in self._held:
            if run(resolve(read(request.text, request.file), values)):
                return False
            self._held.add(key)
        return True

    def lint(
        self, requests: Sequence[LintRequest], unwanted: Callable[[], bool] | None = None
    ) -> list[LintFinding]:
        """The findings of all requests; those of an earlier call that are gone are forgotten.

        Raises AbandonedError once ``unwanted`` is true.
        """
        keys = [_digest(each) for each in requests]
        new = [each for each, key in zip(requests, keys, strict=True) if key not in self._found]
        found = lint_all(self._linter, new, unwanted) if new else []
        self._found |= {_digest(each): [one for one in found if _is_of(one, each)] for each in new}
        self._found = {
            key: of_one for key, of_one in self._found.items() if key in keys or not of_one
        }
        wrong = {each.file for key in keys for each in self._found[key]}
        self._clean = {
            (each.file, bool(each.values)): each for each in requests if each.file not in wrong
        }
        return [each for key in keys for each in self._found[key]]


def _digest(value: object) -> bytes:
    return hashlib.sha256(repr(value).encode()).digest()


def _differing(
    before: "Mapping[str, Mapping[str, ParameterValue]]",
    after: "Mapping[str, Mapping[str, ParameterValue]]",
) -> frozenset[str]:
    """The parameters that have another value in one of the files."""
    return frozenset(
        name
        for file, values in after.items()
        for name in {*values, *before[file]}
        if values.get(name) != before[file].get(name)
    )


PARTS = ("Resources", "Parameters", "Outputs")
"""Sections whose parts can be looked at each by itself."""


def changed_only(
    before: Mapping[str, Any], after: Mapping[str, Any], valued: Collection[str] = ()
) -> tuple[dict[str, Any], frozenset[tuple[str, str]]] | None:
    """The template with what changed and what that names, as stubs; and what changed.

    ``valued`` are parameters that count as changed, and so does whatever uses one that did, or
    names what is gone. What is left out is linted with the whole, Metadata with it. None where
    something changed that concerns all.
    """
    apart = {**dict.fromkeys(PARTS, 0), "Metadata": 0}
    if {**before, **apart} != {**after, **apart}:
        return None
    parts = {part: after.get(part, {}) for part in PARTS}
    earlier = {part: before.get(part, {}) for part in PARTS}
    differs = {*valued}
    for part in ("Parameters", "Resources"):
        gone = {*earlier[part]} - {*parts[part]}
        other = {name for name, body in parts[part].items() if body != earlier[part].get(name)}
        differs |= gone | (other if part == "Parameters" else set())
    if differs & {*references([after.get("Conditions", {}), after.get("Rules", {})])}:
        return None
    changed = frozenset(
        (part, name)
        for part, members in parts.items()
        for name, body in members.items()
        if body != earlier[part].get(name) or differs & {name, *references([body])}
    )
    used = {*references([parts[part][name] for part, name in changed])}
    used |= {*references([after.get("Conditions", {}), after.get("Rules", {})])}
    cut = {
        **{name: each for name, each in after.items() if name not in ("Metadata", *PARTS)},
        "Parameters": {
            name: body
            for name, body in parts["Parameters"].items()
            if name in used or ("Parameters", name) in changed
        },
        "Resources": {
            name: body if ("Resources", name) in changed else _stub(body)
            for name, body in parts["Resources"].items()
            if name in used or ("Resources", name) in changed
        },
        "Outputs": {
            name: body for name, body in parts["Outputs"].items() if ("Outputs", name) in changed
        },
    }
    return cut, changed


def _stub(body: Mapping[str, Any]) -> dict[str, Any]:
    """A resource that others name: what it is, and what of it is simple.

    Which format an id has, cfn-lint knows by such a property: that of a security group by VpcId.
    """
    kept = {key: body[key] for key in ("Type", "Condition") if key in body}
    simple = {
        name: value
        for name, value in body.get("Properties", {}).items()
        if not isinstance(value, list | dict) or (isinstance(value, dict) and {*value} == {"Ref"})
    }
    return {**kept, "Properties": simple} if simple else kept


def _joined(values: "Mapping[str, ParameterValue]") -> dict[str, str]:
    return {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def _is_of(finding: LintFinding, request: LintRequest) -> bool:
    return finding.file == request.file and bool(finding.deployments) == bool(request.values)


class Saves:
    """The files of a project, as they are saved: ``more`` are patterns of others."""

    def __init__(self, root: Path, pause: Callable[[float], None], *more: str) -> None:
        self._root, self._pause, self._patterns = root, pause, dict.fromkeys((*WATCHED, *more))
        self._before: Seen | None = None

    def __iter__(self) -> Iterator[list[str]]:
        """Each time that files were saved, which; the first time it is none."""
        self._before = seen(self._root, self._patterns)
        yield []
        while True:
            self._pause(POLL)
            if changed := self._changed():
                yield changed

    def is_waiting(self) -> bool:
        """Whether a file was saved since; it is told by the iteration then."""
        return self._before is not None and seen(self._root, self._patterns) != self._before

    def _changed(self) -> list[str]:
        before, now = self._before or {}, seen(self._root, self._patterns)
        self._before = now
        return sorted(
            str(file.relative_to(self._root))
            for file in {*before, *now}
            if before.get(file) != now.get(file)
        )


def seen(root: Path, patterns: Iterable[str] = WATCHED) -> Seen:
    """Time and size of each file that is watched."""
    found: Seen = {}
    for pattern in patterns:
        for file in root.glob(pattern):
            try:
                state = file.stat()
            except FileNotFoundError:  # between two steps of an editor that replaces it
                continue
            found[file] = state.st_mtime_ns, state.st_size
    return found
