"""Variables whose values differ between environments."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from troposphere import Ref

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import parameter_name


@specified
class Varying:
    """A variable's value that differs: the template's parameter of that name.

    Without a ``default`` each environment gives it. ``allowed`` are the only values, if any;
    ``pattern`` is what the whole value must look like (a regular expression).
    """

    parameter: str
    description: str
    default: str | None = None
    allowed: tuple[str, ...] = ()
    pattern: str = ""

    @about("parameter")
    def _parameter(self) -> Iterator[Mistake]:
        return parameter_name(self.parameter)

    @about("default", "allowed", "pattern")
    def _default(self) -> Iterator[Mistake]:
        try:
            fits = not self.pattern or bool(re.fullmatch(self.pattern, self.default or ""))
        except re.error as error:
            yield Mistake(
                f"Pattern {self.pattern!r} is impossible",
                f"it is no regular expression ({error})",
                "Correct it",
                field="pattern",
            )
            return
        if self.default is not None and (
            not fits or (self.allowed and self.default not in self.allowed)
        ):
            yield Mistake(
                f"Default {self.default!r} of {self.parameter} is impossible",
                "allowed and pattern exclude it",
                "Take another default, or none",
            )


def values_of(environment: Mapping[str, str | Varying]) -> dict[str, Any]:
    """Each variable's value, or the parameter that has it."""
    return {
        name: Ref(value.parameter) if isinstance(value, Varying) else value
        for name, value in environment.items()
    }
