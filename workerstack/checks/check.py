"""One row of the table: what must hold of a worker's stack, and the function that finds where not.

::

    @check("E9313", "Stop timeout", kind="refused", source=CONTAINER,
           because="Fargate grants two minutes at most.")
    def stop_timeout(stack):
        \"\"\"A stop timeout is 2 to 120 seconds.\"\"\"
        yield at(task, "ContainerDefinitions", 0, "StopTimeout").wrong(what, why, next_step)

A check stays silent where a value is not known, unless no possible value is right.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from workerstack.cloudformation import Place, Resource, Stack

Level = Literal["error", "warning"]
Finding = Literal["blocking", "warning", "note"]
"""Levels of a finding of a review."""

Kind = Literal[
    "criterion",  # what this project's worker is meant to be
    "refused",  # AWS refuses it, or the deployment fails
    "cannot run",  # no task starts, or none can work
    "never scales",
    "costs",  # tasks run for nothing
    "kills work",
    "loses messages",
    "access",  # strangers, or the worker itself, may do more than is meant
    "care",  # it works, and hurts one day
]
BLOCKING = frozenset({"refused", "cannot run", "never scales", "kills work", "access"})


@dataclass(frozen=True)
class Violation:
    """One place at which a check does not hold.

    ``path`` leads through the resolved body of the resource, as ``Stack.line`` takes it:
    ``("Properties", "Cpu")``. The three texts are without the punctuation between them.
    """

    logical_id: str
    path: tuple[str | int, ...]
    what: str
    why: str
    next_step: str

    @property
    def sentence(self) -> str:
        """``What: why. What to do.`` as every use of the table says it."""
        return f"{self.what}: {self.why}. {self.next_step}."


@dataclass(frozen=True)
class At:
    """A place in a resource, for violations there."""

    resource: Resource
    path: tuple[str | int, ...]

    def wrong(self, what: str, why: str, next_step: str) -> Violation:
        """A violation at this place."""
        return Violation(self.resource.logical_id, self.path, what, why, next_step)


def at(resource: Resource, *path: str | int) -> At:
    """A place in a resource's properties."""
    return At(resource, ("Properties", *path))


Find = Callable[[Stack], Iterator[Violation]]


@dataclass(frozen=True)
class Check:
    """One row.

    ``id``: E91xx acceptance criteria, E92xx scaling and queues, E93xx what AWS refuses or cannot
    run, E94xx access; W9xxx are warnings. ``holds`` says in a sentence when it holds,
    ``because`` why; ``source`` is the AWS document. ``live``: whether it can be asked of a stack
    that was read from AWS, which has no conditions, names of parameters and references.
    """

    id: str
    title: str
    kind: Kind
    source: str
    because: str
    holds: str
    find: Find
    live: bool = True

    @property
    def level(self) -> Level:
        """Error or warning, as the first letter of the id says; so cfn-lint has it, too."""
        return "warning" if self.id.startswith("W") else "error"

    @property
    def finding(self) -> Finding:
        """The level of a finding of a review: what is refused, cannot run or opens blocks."""
        if self.level == "warning":
            return "warning"
        return "blocking" if self.kind in BLOCKING else "warning"


def check(
    identifier: str, title: str, *, kind: Kind, source: str, because: str, live: bool = True
) -> Callable[[Find], Check]:
    """Makes a row of a function, whose docstring says when the check holds."""

    def make(find: Find) -> Check:
        holds = " ".join((find.__doc__ or "").split())
        return Check(identifier, title, kind, source, because, holds, find, live)

    return make


@dataclass(frozen=True)
class CheckedViolation:
    """A violation with its check."""

    check: Check
    violation: Violation

    def place(self, stack: Stack) -> Place:
        """Where it stands in the template as it is written."""
        return stack.place(self.violation.logical_id, *self.violation.path)
