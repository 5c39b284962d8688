"""A template's text as plain data, the way any stranger would read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from problem import Problem


class _TemplateLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short intrinsics, dates left as text."""


def _intrinsic(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """``!Ref X`` as ``{"Ref": "X"}``, ``!GetAtt A.B`` as ``{"Fn::GetAtt": ["A", "B"]}``."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _intrinsic)
_TemplateLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in _TemplateLoader.yaml_implicit_resolvers.items()
}


def parse_template(text: str, file: Path | str) -> dict[str, Any]:
    """A template, YAML or JSON, with intrinsics in their long form.

    Raises Problem where it is malformed or no mapping with Resources.
    """
    try:
        data = yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 - derived from SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Problem(
            "The template is malformed",
            str(getattr(error, "problem", None) or error),
            "Generate it again",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from error
    if not isinstance(data, dict) or not isinstance(data.get("Resources"), dict):
        raise Problem(
            "This is no template",
            "it has no mapping of Resources",
            "Give the path of a CloudFormation template",
            file=file,
        )
    return data


@dataclass(frozen=True)
class Declared:
    """What a template says of one parameter."""

    type: str
    default: str | None
    allowed: tuple[str, ...]
    pattern: str | None
    constraint: str | None
    least: float | None
    most: float | None
    description: str
    secret: bool

    @property
    def is_list(self) -> bool:
        """Whether the parameter takes several values."""
        return self.type == "CommaDelimitedList" or "List<" in self.type


def declared_parameters(template: dict[str, Any]) -> dict[str, Declared]:
    """The parameters that a parsed template declares, by name."""
    return {
        name: Declared(
            type=str(body.get("Type", "String")),
            default=None if body.get("Default") is None else str(body["Default"]),
            allowed=tuple(str(value) for value in body.get("AllowedValues", ())),
            pattern=body.get("AllowedPattern"),
            constraint=body.get("ConstraintDescription"),
            least=body.get("MinValue"),
            most=body.get("MaxValue"),
            description=str(body.get("Description", "")),
            secret=str(body.get("NoEcho", "false")).lower() == "true",
        )
        for name, body in template.get("Parameters", {}).items()
    }
