"""Which step of an adoption is next: read off the stack, so that it can be left and resumed."""

from typing import Literal

from deployer.adopting.deployed import Deployed
from deployer.adopting.importing import is_retained
from deployer.adopting.mapping_file import Mapping

Step = Literal["retain", "remove", "rename", "import", "done"]

SAID: dict[Step, str] = {
    "retain": "sets {} to be retained, and writes down what refers to it",
    "remove": "takes {} out of the stack; nothing happens to them",
    "rename": "renames {} by stack refactoring",
    "import": "imports {}, as they are called from now on",
    "done": "",
}


def next_step(mapping: Mapping, deployed: Deployed) -> tuple[Step, tuple[str, ...]]:
    """The step, and which of ours it is about.

    Imports frame the renaming: what cannot be refactored leaves before it, and comes back after.
    """
    live = deployed.resources
    moving = {
        ours: entry
        for ours, entry in mapping.resources.items()
        if ours not in live and entry.by == "import"
    }
    there = tuple(ours for ours, entry in moving.items() if entry.is_ in live)
    loose = tuple(
        ours for ours in there if not is_retained(deployed.template, mapping.resources[ours].is_)
    )
    renamed = tuple(
        ours
        for ours, entry in mapping.resources.items()
        if entry.by == "refactoring" and entry.waits(ours, live)
    )
    ordered: tuple[tuple[Step, tuple[str, ...]], ...] = (
        ("retain", loose),
        ("remove", there),
        ("rename", renamed),
        ("import", tuple(moving)),
    )
    return next(((step, names) for step, names in ordered if names), ("done", ()))
