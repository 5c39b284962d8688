"""Whatever the specification cannot say: a function of the project's own, and what it changed."""

import inspect
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from troposphere import Template

from workerstack.specification.mistakes import Mistake, SpecificationError

ANNOUNCED = "Customized"
"""The Metadata under which the changes are listed; they head the file in out/."""


def apply(customize: Callable[[Template, Any], None], template: Template, worker: object) -> None:
    """Lets the function change the template, and lists in its Metadata what is different.

    Raises SpecificationError, with its file and line, for a function that fails, whatever it
    raises, and for one that leaves what is no template.
    """
    before = template.to_dict()
    try:
        customize(template, worker)
        after = template.to_dict()
    except SpecificationError:
        raise
    except Exception as error:
        raise SpecificationError(_failed(customize, error)) from error
    changes = sorted(_changes(before, after, ()))
    template.metadata[ANNOUNCED] = changes or ["nothing"]


def _failed(customize: Callable[..., None], error: Exception) -> Mistake:
    """At the innermost line of the function's own file; where none of it ran, at its first."""
    code = getattr(inspect.unwrap(customize), "__code__", None)
    file, line, name = "", 0, getattr(customize, "__name__", "the function")
    next_step = "Correct this line"
    if code:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if frame.filename == code.co_filename]
        file, line = code.co_filename, (own and own[-1]) or code.co_firstlineno
        if not own:
            next_step = f"Correct the function: `{name}(template, worker)` is what is called"
    said = f"there is no {error}" if isinstance(error, LookupError) else str(error)
    why = " ".join(said.split()).rstrip(".") or f"it raises {type(error).__name__}"
    what = "customize fails" if name == "<lambda>" else f"customize={name} fails"
    return Mistake(what, why, next_step, file=file, line=line)


def _changes(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name in {*before} | {*after}:
        here = (*path, name)
        if name not in before:
            yield f"added {'.'.join(here)}"
        elif name not in after:
            yield f"removed {'.'.join(here)}"
        elif before[name] == after[name]:
            continue
        elif len(here) < LEVELS.get(here[0], 2) and isinstance(after[name], dict):
            yield from _changes(before[name], after[name], here)
        else:
            yield f"changed {'.'.join(here)}"


LEVELS = {"Resources": 4}
"""How deep it is told what changed: ``Resources.Service.Properties.EnableExecuteCommand``."""
