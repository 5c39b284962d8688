"""Whatever the specification cannot say: a function of the project's own, and what it changed."""

from collections.abc import Callable, Iterator
from typing import Any

from troposphere import Template

ANNOUNCED = "Customized"
"""The Metadata under which the changes are listed; they head the file in out/."""


def apply(customize: Callable[[Template, Any], None], template: Template, worker: object) -> None:
    """Lets the function change the template, and lists in its Metadata what is different."""
    before = template.to_dict()
    customize(template, worker)
    changes = sorted(_changes(before, template.to_dict(), ()))
    template.metadata[ANNOUNCED] = changes or ["nothing"]


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
