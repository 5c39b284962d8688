"""The templates that a project builds, or one clear error with the line that is wrong."""

import ast
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from workerstack.problem import Problem

Build = Callable[[], Sequence[tuple[str, dict[str, Any]]]]
"""Imports and builds a project's templates: (the name that its file in out/ has, the template)."""

LIBRARIES = ("awacs", "troposphere")
"""What templates are made with."""

NOT_FROM_A_MISTAKE = (NameError, ImportError, LookupError, ArithmeticError)
"""What goes wrong of itself; other errors may follow from a worker that is wrong."""

SOURCE = "templates"
"""The folder in which a project's specification is written."""


def built(build: Build) -> dict[str, dict[str, Any]]:
    """The templates by name; raises Problem with the place where the specification is wrong.

    An exception of the project's own says what is wrong by its attribute ``mistakes``, each with
    ``what``, ``why``, ``next_step``, and where known ``file``, ``line``, ``owner`` and ``field``:
    so the tool needs to know no class of theirs. Of several, an ExceptionGroup of Problems.
    """
    try:
        templates = build()
    except SyntaxError as error:
        raise Problem(
            "The specification is no Python",
            error.msg,
            "Fix this line",
            file=error.filename,
            line=error.lineno,
        ) from error
    except ModuleNotFoundError as error:
        if error.name in LIBRARIES:  # of the installation, and not of what was written
            raise
        raise _unreadable(error) from error
    except (TypeError, NameError, AttributeError, ImportError, ArithmeticError) as error:
        raise _unreadable(error) from error
    except LookupError as error:
        raise _unreadable(error, f"there is no {error}") from error
    except ValueError as error:
        problems = _problems(error)
        if not problems:
            raise
        if len(problems) == 1:
            raise problems[0] from error
        raise ExceptionGroup("The specification is wrong", problems) from error
    names = [name for name, _ in templates]
    if len(set(names)) < len(names):
        raise Problem(
            "Two workers have the same name",
            f"the names are {', '.join(names)}, and each is a file in out/",
            "Give each worker its own name",
            file=f"{SOURCE}/workers.py",
        )
    return dict(templates)


def _problems(error: ValueError) -> list[Problem]:
    found = [_problem(each, error) for each in getattr(error, "mistakes", ())]
    if found and isinstance(error.__cause__, NOT_FROM_A_MISTAKE):
        found.append(_unreadable(error.__cause__))
    return sorted(found, key=_place)


def _problem(mistake: Any, error: BaseException) -> Problem:
    what, why, next_step = (str(getattr(mistake, name)) for name in ("what", "why", "next_step"))
    file = getattr(mistake, "file", "")
    if not file or not Path(file).is_file():
        return _located(what, why, next_step, error)
    line = _field_line(file, mistake.line, mistake.owner, mistake.field)
    return Problem(what, why, next_step, file=file, line=line)


def _place(problem: Problem) -> tuple[str, int]:
    return str(problem.file), problem.line or 0


def _field_line(file: str, line: int, owner: str, field: str) -> int:
    """The line of ``field=...`` in the call that begins at ``line``; else that line."""
    fields = [
        (name != owner, keyword.lineno)
        for name, keyword in _keywords(ast.parse(Path(file).read_text(encoding="utf-8")), line)
        if keyword.arg == field
    ]
    return min(fields)[1] if fields else line


def _keywords(tree: ast.AST, line: int) -> Iterator[tuple[str, ast.keyword]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno == line:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield from ((name, each) for each in node.keywords)


def _unreadable(error: Exception, why: str = "") -> Problem:
    return _located(
        "The specification cannot be read",
        why or str(error),
        "Compare it with what `workerstack fields` shows",
        error,
    )


def _located(what: str, why: str, next_step: str, error: BaseException) -> Problem:
    """The innermost line of the workers' file is where the specification was written.

    Where that is no part of it, the project's own function that failed is what is wrong.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent.name == SOURCE]
    written = [frame for frame in own if Path(frame.filename).name == "workers.py"]
    if written:
        return Problem(what, why, next_step, file=written[-1].filename, line=written[-1].lineno)
    if own:
        return Problem(
            f"{own[-1].name} of {SOURCE}/ fails", why, "Correct this line",
            file=own[-1].filename, line=own[-1].lineno,
        )  # fmt: skip
    return Problem(what, why, next_step, file=f"{SOURCE}/workers.py")
