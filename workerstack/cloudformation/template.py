"""A template's text as plain data with lines, and the parameters that it declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workerstack.problem import Problem

Place = tuple[str | int, ...]
"""The way to a value: keys and list positions."""


@dataclass(frozen=True)
class Located:
    """A YAML file's content, all scalars as they are written, with each value's line.

    Scalars stay text: ``012345678901`` is an account and no octal number, ``true`` is a
    parameter's value and no boolean.
    """

    file: Path
    data: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing round it that exists."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(file: Path) -> Located:
    """A YAML file; raises Problem where it is missing, malformed or repeats a key."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Problem(
            "No such file", "it is needed to know what is deployed", "Create it", file=file
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            "The file cannot be read", str(error), "Make it a readable UTF-8 file", file=file
        ) from error
    return parse_yaml(text, file)


def parse_yaml(text: str, file: Path) -> Located:
    """YAML that was already read, from ``file``; raises Problem like read_yaml."""
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        lines: dict[Place, int] = {}
        data = _convert(root, (), lines, file) if root else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Problem(
            "The YAML is malformed",
            error.problem or "it cannot be parsed",
            "Mend this line or the one before",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Problem("The YAML is malformed", str(error), "Mend the file", file=file) from error
    return Located(file, data, lines)


def _convert(node: yaml.Node, place: Place, lines: dict[Place, int], file: Path) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in content:
                raise Problem(
                    f"The key {key} is given twice",
                    f"the first is in line {lines[(*place, key)]}, and only one can hold",
                    "Remove one of them",
                    file=file,
                    line=line,
                )
            lines[(*place, key)] = line
            content[key] = _convert(value, (*place, key), lines, file)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [
            _convert(item, (*place, position), lines, file)
            for position, item in enumerate(node.value)
        ]
    return node.value


LOOP = "Fn::ForEach::"
"""With this begins the name of a loop, which is a list (language extensions of CloudFormation)."""


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
    for name, body in data["Resources"].items():
        if not isinstance(body, dict) and not str(name).startswith(LOOP):
            raise Problem(
                f"{name} is no resource",
                "what stands under Resources is a mapping with a Type",
                "Correct it",
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
