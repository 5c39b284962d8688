"""What an intrinsic function may ask while a template is evaluated: its arguments, and faults."""

from collections.abc import Mapping
from typing import Any, Protocol

from workerstack.cloudformation.document import Place
from workerstack.cloudformation.template import Template
from workerstack.cloudformation.values import Unknown


class Context(Protocol):
    """The evaluation of a template, as its functions and loops see it (``evaluate.Evaluator``)."""

    template: Template
    mappings: Mapping[str, Any]

    @property
    def given(self) -> Any:
        """All parameters' values, by name."""

    def present(self, raw: Any, place: Place) -> Any:
        """A value where there must be one: NoValue stays its function."""

    def dynamic(self, raw: str) -> Any:
        """A text with its dynamic references, whose values are elsewhere, as pieces."""

    def resource(self, name: str, attribute: str, place: Place) -> Any:
        """A resource of the template, or one of its attributes."""

    def fault(
        self, what: str, why: str, next_step: str, place: Place, expression: Any = None
    ) -> Unknown:
        """Something that CloudFormation refuses: noted, or raised where we are strict."""
