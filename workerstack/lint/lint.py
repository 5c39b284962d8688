"""Linting templates before they are written: cfn-lint's rules and our own, loaded once.

`cfnlint.api.lint` loads some 400 rules at each call, which takes longer than linting.
Here they are loaded once, with garbage collection out of the way, and shared with
forked processes when there are several templates.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workerstack.deployments import ParameterValue


INFORMATIONAL = ["I"]
"""Informational rules count, too: what is worth saying is worth mending."""

PATIENCE = 0.05
"""Seconds between two questions whether the findings are still wanted."""

REGION = "us-east-1"
"""Whose resource schemas are taken: cfn-lint's own default."""


@dataclass(frozen=True)
class LintRequest:
    """A template's text, the file that it will be, and the values it is deployed with.

    ``values`` are by params file; an empty mapping is the template alone.
    """

    file: str
    text: str
    values: "Mapping[str, Mapping[str, ParameterValue]]"


@dataclass(frozen=True)
class LintFinding:
    """One thing that a rule found; lines and columns count from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    rule: str
    message: str
    path: str
    deployments: tuple[str, ...]


class Linter:
    """The rules of cfn-lint and of this project, ready to be used again and again."""

    def __init__(self, rules: Path) -> None:
        loaded = _loaded(rules)
        # A collection of its own: it notes which of its rules were asked.
        self.rules: Any = type(loaded)(loaded.data)
        """cfn-lint's collection of rules, by which its formatters describe findings."""

    def without(self, ids: Collection[str]) -> "Linter":
        """The same rules except these, loaded no second time."""
        other = copy(self)
        other.rules = type(self.rules)(
            {name: rule for name, rule in self.rules.items() if name not in ids}
        )
        return other

    def lint(self, request: LintRequest) -> list[LintFinding]:
        """Everything that is wrong with one template."""
        if not request.values:
            return self._run(request, ())
        if not self._run(request, tuple(request.values)):
            return []
        # Something is wrong with some values: only one by one is it clear with which.
        return [finding for name in request.values for finding in self._run(request, (name,))]

    def _run(self, request: LintRequest, names: tuple[str, ...]) -> list[LintFinding]:
        from cfnlint.config import ConfigMixIn
        from cfnlint.context.parameters import ParameterSet
        from cfnlint.decode.decode import decode_str
        from cfnlint.runner.template import run_template_by_data

        template, matches = decode_str(request.text)
        if template is not None and not matches:
            sets = [ParameterSet(name, _plain(request.values[name])) for name in names]
            config = ConfigMixIn([*_OPTIONS], parameters=sets)
            matches = list(run_template_by_data(template, config, self.rules))
        return sorted(
            (_finding(request.file, match, names) for match in matches),
            key=lambda finding: (finding.line, finding.column, finding.rule),
        )


@cache
def _loaded(rules: Path) -> Any:
    """Once for a process: it takes as long as linting a template."""
    with _without_collection():
        from cfnlint.config import ConfigMixIn
        from cfnlint.runner import Runner

        config = ConfigMixIn([f"--append-rules={rules}", *_OPTIONS], templates=[])
        return Runner(config).rules


_OPTIONS = ("--include-checks", *INFORMATIONAL, "--regions", REGION)


class AbandonedError(Exception):
    """The findings are not wanted any more."""


def lint_all(
    linter: Linter, requests: Sequence[LintRequest], unwanted: Callable[[], bool] | None = None
) -> list[LintFinding]:
    """The findings of all requests, in their order, on all cores when that pays.

    ``unwanted`` is asked 20 times a second; once it is true, linting ends with AbandonedError.
    """
    cores = min(os.cpu_count() or 1, len(requests))
    alone = cores < 2 and not unwanted  # noqa: PLR2004
    if alone or "fork" not in multiprocessing.get_all_start_methods():
        return lint_one_by_one(linter, requests)
    # Forked children share the loaded rules; frozen, collection does not copy them.
    gc.freeze()
    try:
        with multiprocessing.get_context("fork").Pool(
            cores, initializer=_remember, initargs=(linter,)
        ) as pool:
            awaited = pool.map_async(_lint_remembered, requests, chunksize=1)
            while unwanted and not awaited.ready():
                if unwanted():
                    raise AbandonedError
                awaited.wait(PATIENCE)
            found = awaited.get()
    finally:
        gc.unfreeze()
    return merged(finding for each in found for finding in each)


def lint_one_by_one(linter: Linter, requests: Sequence[LintRequest]) -> list[LintFinding]:
    """The findings of all requests, in their order, with the rules used in this process."""
    return merged(finding for each in requests for finding in linter.lint(each))


_remembered: list[Linter] = []


def _remember(linter: Linter) -> None:
    gc.disable()
    _remembered[:] = [linter]


def _lint_remembered(request: LintRequest) -> list[LintFinding]:
    findings = _remembered[0].lint(request)
    gc.collect(1)
    return findings


def merged(findings: Iterator[LintFinding]) -> list[LintFinding]:
    """Each finding once: what is wrong with the template alone needs no values."""
    seen: dict[tuple[Any, ...], LintFinding] = {}
    for finding in findings:
        key = (finding.file, finding.line, finding.column, finding.rule, finding.message)
        known = seen.setdefault(key, finding)
        if known.deployments and finding.deployments:
            both = dict.fromkeys((*known.deployments, *finding.deployments))
            seen[key] = LintFinding(**{**vars(known), "deployments": tuple(both)})
    return list(seen.values())


def _finding(file: str, match: Any, names: tuple[str, ...]) -> LintFinding:
    return LintFinding(
        file=file,
        line=match.linenumber,
        column=match.columnnumber,
        end_line=match.linenumberend,
        end_column=match.columnnumberend,
        rule=match.rule.id,
        message=match.message,
        path="/".join(str(part) for part in getattr(match, "path", None) or ()),
        deployments=names,
    )


def _plain(values: "Mapping[str, ParameterValue]") -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection while some hundred thousand long-lived objects are made."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
