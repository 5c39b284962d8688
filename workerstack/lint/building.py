"""The templates that a project builds, or one clear error with the line that is wrong."""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workerstack.problem import Problem

Build = Callable[[], Sequence[tuple[str, dict[str, Any]]]]
"""Imports and builds a project's templates: (the name that its file in out/ has, the template)."""

LIBRARIES = ("awacs", "troposphere")
"""What templates are made with."""

SOURCE = "templates"
"""The folder in which a project's specification is written."""


def built(build: Build) -> dict[str, dict[str, Any]]:
    """The templates by name; raises Problem with the place where the specification is wrong.

    An exception of the project's own says what is wrong by its attributes ``what``, ``why`` and
    ``next_step``: so the tool needs to know no class of theirs.
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
    except (TypeError, NameError, AttributeError, ImportError) as error:
        raise _unreadable(error) from error
    except ValueError as error:
        said = [getattr(error, name, None) for name in ("what", "why", "next_step")]
        if None in said:
            raise
        what, why, next_step = map(str, said)
        raise _located(what, why, next_step, error) from error
    names = [name for name, _ in templates]
    if len(set(names)) < len(names):
        raise Problem(
            "Two workers have the same name",
            f"the names are {', '.join(names)}, and each is a file in out/",
            "Give each worker its own name",
            file=f"{SOURCE}/workers.py",
        )
    return dict(templates)


def _unreadable(error: Exception) -> Problem:
    return _located(
        "The specification cannot be read",
        str(error),
        "Compare it with the fields of `Worker` in templates/specification.py",
        error,
    )


def _located(what: str, why: str, next_step: str, error: BaseException) -> Problem:
    """The innermost line of the workers' file is where the specification was written."""
    frames = traceback.extract_tb(error.__traceback__)
    written = [frame for frame in frames if Path(frame.filename).name == "workers.py"]
    written = [frame for frame in written if Path(frame.filename).parent.name == SOURCE]
    if not written:
        return Problem(what, why, next_step, file=f"{SOURCE}/workers.py")
    return Problem(what, why, next_step, file=written[-1].filename, line=written[-1].lineno)
