"""Loading the rules in a process of its own while the templates are being built.

Importing cfn-lint and loading its rules takes half a second, and building takes a quarter of
one: on two cores they need not wait for each other.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from workerstack.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from workerstack.lint.lint import Finding, Request


class Preloaded:
    """A linter of ``rules``, loaded early on another core or when it is first needed."""

    def __init__(self, rules: Path, *, early: bool) -> None:
        self._rules = rules
        self._process: BaseProcess | None = None
        if early and hasattr(os, "fork") and (os.cpu_count() or 1) > 1:
            import multiprocessing

            context = multiprocessing.get_context("fork")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(rules, theirs))
            self._process.start()
            theirs.close()

    def lint(self, requests: "Sequence[Request]") -> "list[Finding]":
        """The findings of all requests; raises Problem where the linter's process ended."""
        if self._process is None:
            from workerstack.lint.lint import Linter, lint_all

            return lint_all(Linter(self._rules), requests)
        self._connection.send(list(requests))
        try:
            found: list[Finding] | str = self._connection.recv()
        except (EOFError, ConnectionError):
            found = "its process was stopped"
        if isinstance(found, str):
            raise Problem(
                "Linting ended before it was done",
                found,
                "Run it again; if it happens again, report it",
            )
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join()
            self._connection.close()


def _serve(rules: Path, connection: "Connection") -> None:
    from workerstack.lint.lint import Linter, lint_all

    try:
        linter = Linter(rules)
        connection.send(lint_all(linter, connection.recv()))
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
