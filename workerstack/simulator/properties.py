"""A resource's properties as the simulator wants them: numbers, words, lists; or what is wrong.

What is not known and must be is a Problem that names the parameter which would give it; what is
malformed is one with the line at which it stands.
"""

from typing import Any

from workerstack.cloudformation import Reference, Stack, Unknown, references, text, written
from workerstack.cloudformation import Resource as ResolvedResource
from workerstack.cloudformation import unknowns as unknowns_in
from workerstack.problem import Problem

GIVEN = {
    "parameter": "the template gives no default, and scaling depends on it",
    "stored": "it is in Parameter Store, and scaling depends on it",
    "pseudo": "it depends on where the stack is, and so does scaling",
}
"""Kinds of unknown values that can be given by hand, and why they are needed."""


class Properties:
    """The properties of one resource of a stack; ``name`` is its logical id."""

    def __init__(self, stack: Stack, resource: ResolvedResource) -> None:
        self.stack = stack
        self.resource = resource
        self.name = resource.logical_id

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same resource."""
        return isinstance(other, Properties) and other.resource is self.resource

    __hash__ = None  # type: ignore[assignment]

    @property
    def line(self) -> int:
        """The line of its name."""
        return self.stack.line(self.name)

    def get(self, name: str, default: Any = None) -> Any:
        """A property as it was resolved; ``default`` where it is absent."""
        found = self.resource.properties.get(name)
        return default if found is None else found

    def error(self, what: str, why: str, next_step: str, name: str = "") -> Problem:
        """An error at this resource, or at its property ``name`` where it has it."""
        way = ("Properties", name) if name in self.resource.properties else ()
        line = self.stack.line(self.name, *way)
        return Problem(what, why, next_step, file=self.stack.template.file, line=line)

    def certain(self) -> "Properties":
        """This; raises Problem where it is not decided whether the resource exists."""
        if self.resource.open is not None:
            raise self.not_known(self.resource.open, f"the condition of {self.name}")
        return self

    def referred(self, value: Any, kind: str) -> "Properties | None":
        """The resource of that type which a value in here names, if it is in the stack.

        Raises Problem where that depends on a condition that cannot be decided.
        """
        found = self.stack.referred(value, kind)
        if found is None:
            return None
        if isinstance(value, Unknown) and value.kind == "condition":
            raise self.not_known(value, f"what {self.name} refers to")
        return Properties(self.stack, found).certain()

    def known(self, value: Any, name: str) -> str | None:
        """A value as text; None where it is absent. Raises Problem where it is not known."""
        found = text(value)
        if found is not None or value is None:
            return found
        if isinstance(value, dict | list):
            raise self.malformed(value, name, "Make it a single value")
        unknown = next(unknowns_in(value), None)
        if unknown is not None:
            raise self.not_known(unknown, f"{name} of {self.name}", name)
        source = next((each.logical_id for each in references(value)), "AWS")
        raise self.error(
            f"{name} of {self.name} is not known", f"only AWS knows what {source} gives",
            "Write the value itself, or a parameter", name,
        )  # fmt: skip

    def not_known(self, unknown: Unknown, what: str, name: str = "") -> Problem:
        """The error for a value that only AWS, or whoever runs this, can give."""
        for each in unknowns_in(unknown):
            given = next(
                (one for one, value in self.stack.parameters.items() if value == each),
                str(each.expression["Ref"]) if each.kind == "pseudo" else "",
            )
            if given and each.kind in GIVEN:
                return self.error(
                    f"{given} has no value", GIVEN[each.kind],
                    f"Give it: --parameter {given}=VALUE", name,
                )  # fmt: skip
            for fault in self.stack.faults:
                if each.kind == "malformed" and each.reason == f"{fault.what}: {fault.why}":
                    return fault
        what = what[0].upper() + what[1:]
        return self.error(
            f"{what} is not known", unknown.reason, "Write the value itself, or a parameter", name
        )

    def malformed(self, value: Any, name: str, next_step: str) -> Problem:
        """The error for a value of the wrong kind."""
        shown = repr(value) if isinstance(value, str | int | float) else written(value)
        return self.error(f"{self.name} is malformed", f"{name} is {shown}", next_step, name)

    def mappings(self, value: Any, name: str) -> list[dict[str, Any]]:
        """A list of mappings; empty where it is absent."""
        found = self.members(value, name)
        return [self.mapping(each, name) for each in found]

    def members(self, value: Any, name: str) -> list[Any]:
        """A list; empty where it is absent."""
        found = [] if value is None else value
        if isinstance(found, Unknown):
            raise self.not_known(found, f"{name} of {self.name}", name)
        if not isinstance(found, list):
            raise self.malformed(found, name, "Make it a list")
        return found

    def mapping(self, value: Any, name: str) -> dict[str, Any]:
        """A mapping; empty where it is absent."""
        found = {} if value is None else value
        if isinstance(found, Unknown):
            raise self.not_known(found, f"{name} of {self.name}", name)
        if not isinstance(found, dict):
            raise self.malformed(found, name, "Make it a mapping")
        return found

    def inner(self, name: str) -> dict[str, Any]:
        """A property that is a mapping."""
        return self.mapping(self.get(name), name)

    def integer(self, name: str, default: int | None = None) -> int:
        """A property that is a whole number and must be known."""
        found = self.number(self.get(name), name)
        if found is not None:
            return found
        if default is not None:
            return default
        raise self.error(f"{self.name} has no {name}", "it is required", "Add it")

    def number(self, value: Any, name: str) -> int | None:
        """A whole number; None where it is absent."""
        real = self.real(value, name)
        if real is not None and real != int(real):
            raise self.malformed(value, name, "Make it whole")
        return None if real is None else int(real)

    def real(self, value: Any, name: str) -> float | None:
        """A number, text or not; None where it is absent."""
        if isinstance(value, bool | list | dict):
            raise self.malformed(value, name, "Make it a number")
        known = self.known(value, name)
        if known is None:
            return None
        try:
            found = float(known)
        except ValueError:
            found = float("nan")
        if not abs(found) < float("inf"):
            raise self.malformed(known, name, "Make it a number")
        return found

    def truth(self, value: Any, name: str) -> bool:
        """A boolean; false where it is absent."""
        if value is None:
            return False
        found = (self.known(value, name) or "").lower()
        if found not in ("true", "false"):
            raise self.malformed(value, name, "Make it true or false")
        return found == "true"

    def word(self, name: str, default: str, allowed: tuple[str, ...]) -> Any:
        """A property that is one of several words."""
        value = self.known(self.get(name, default), name)
        if value not in allowed:
            raise self.error(
                f"{self.name} is not simulated",
                f"{name} is {value!r}",
                f"What is simulated: {', '.join(allowed)}",
                name,
            )
        return value


def of_type(stack: Stack, kind: str) -> list[Properties]:
    """All resources of a type that exist or may exist, in the template's order."""
    return [Properties(stack, each) for each in stack.of(kind)]


def shown(value: Any) -> str:
    """A name for people: of a resource its logical id, of an import what is imported."""
    if isinstance(value, Reference):
        return value.logical_id
    match value:
        case Unknown(expression={"Fn::ImportValue": str() as name}):
            return name
    return written(value)
