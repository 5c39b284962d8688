"""The workers that are emitted, or one clear error with the line that is wrong."""

import importlib
import traceback
from collections.abc import Sequence
from pathlib import Path

from templates.problems import SpecificationError
from templates.specification import Worker
from workerstack.problem import Problem

MODULE = "templates.workers"


def load_workers() -> Sequence[Worker]:
    """``templates.workers.ALL``; raises Problem where a specification is impossible."""
    try:
        workers: Sequence[Worker] = importlib.import_module(MODULE).ALL
    except SpecificationError as error:
        raise _located(error.what, error.why, error.next_step, error) from error
    except SyntaxError as error:
        raise Problem(
            "The specification is no Python",
            error.msg,
            "Mend this line",
            file=error.filename,
            line=error.lineno,
        ) from error
    except (TypeError, NameError, AttributeError, ImportError) as error:
        raise _located(
            "The specification cannot be read",
            str(error),
            "Compare it with the fields of `Worker` in templates/specification.py",
            error,
        ) from error
    names = [worker.name for worker in workers]
    if len(set(names)) < len(names):
        raise Problem(
            "Two workers have the same name",
            f"the names are {', '.join(names)}, and each is a file in out/",
            "Give each worker its own name",
            file="templates/workers.py",
        )
    return workers


def _located(what: str, why: str, next_step: str, error: BaseException) -> Problem:
    """The innermost line of the workers' file is where the specification was written."""
    frames = traceback.extract_tb(error.__traceback__)
    written = [frame for frame in frames if Path(frame.filename).name == "workers.py"]
    written = [frame for frame in written if Path(frame.filename).parent.name == "templates"]
    if not written:
        return Problem(what, why, next_step, file="templates/workers.py")
    return Problem(what, why, next_step, file=written[-1].filename, line=written[-1].lineno)
