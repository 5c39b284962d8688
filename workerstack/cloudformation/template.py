"""A template as it is written: its sections, its parameters, and which value is wrong.

Source: CloudFormation template reference, "Template sections", "Parameters".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from workerstack.cloudformation.document import Document, Place, parse, read_text
from workerstack.cloudformation.values import scalar
from workerstack.problem import Problem

MAPPINGS = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Rules", "Metadata")
"""The sections that are mappings."""

STORED = "AWS::SSM::Parameter::Value<"
IDENTIFIERS = {
    "AWS::EC2::VPC::Id": r"vpc-[0-9a-f]{8,17}",
    "AWS::EC2::Subnet::Id": r"subnet-[0-9a-f]{8,17}",
    "AWS::EC2::SecurityGroup::Id": r"sg-[0-9a-f]{8,17}",
}
"""What the AWS-specific types look like (CloudFormation: "Parameter types")."""


@dataclass(frozen=True)
class Parameter:
    """What a template declares of one parameter; values are texts, as CloudFormation has them."""

    name: str
    type: str = "String"
    default: str | None = None
    allowed: tuple[str, ...] = ()
    pattern: str | None = None
    constraint: str | None = None
    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = None
    description: str = ""
    no_echo: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self.type == "CommaDelimitedList" or "List<" in self.type

    @property
    def is_stored(self) -> bool:
        """Whether its value is the name of an entry of Parameter Store, which has the value."""
        return self.type.startswith(STORED)

    def wrong(self, value: str) -> str | None:  # noqa: PLR0911 - one return a rule
        """Why one value (of a list: one member) is not allowed; None where it is."""
        if self.allowed and value not in self.allowed:
            return f"allowed are {', '.join(self.allowed)}"
        if self.pattern is not None and not _matches(self.pattern, value):
            return f"it must be {self.constraint or f'like {self.pattern}'}"
        # Lengths are asked of a String alone, and least and most of a Number (CloudFormation:
        # "Parameters").
        if self.type in ("Number", "List<Number>"):
            return self._wrong_number(value)
        if self.shortest is not None and len(value) < self.shortest:
            return f"it must have {self.shortest} characters or more"
        if self.longest is not None and len(value) > self.longest:
            return f"it must have at most {self.longest} characters"
        for name, pattern in IDENTIFIERS.items():
            if not self.is_stored and name in self.type and not re.fullmatch(pattern, value):
                return f"an {name} looks like {pattern.split('[')[0]}0123456789abcdef0"
        return None

    def _wrong_number(self, value: str) -> str | None:
        try:
            number = float(value)
        except ValueError:
            return "it must be a number"
        if self.least is not None and number < self.least:
            return f"the least is {self.least:g}"
        if self.most is not None and number > self.most:
            return f"the most is {self.most:g}"
        return None


def _matches(pattern: str, value: str) -> bool:
    """Whether the whole value is like a pattern; a pattern that only Java knows lets all pass."""
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


@dataclass(frozen=True)
class Template:
    """A template whose sections are what they must be; ``data`` has functions in long form."""

    document: Document[Any] = field(repr=False)

    @property
    def data(self) -> dict[str, Any]:
        """The whole template as plain data."""
        found: dict[str, Any] = self.document.data
        return found

    @property
    def file(self) -> Path | str:
        """Where it was read, as errors name it."""
        found: Path | str = self.document.file
        return found

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that exists."""
        return self.document.line(place)

    def section(self, name: str) -> Mapping[str, Any]:
        """One of the sections that are mappings; empty where it is not there."""
        return self.data.get(name) or {}

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The declared parameters by name."""
        return declared_parameters(self.data)

    @cached_property
    def transforms(self) -> tuple[str, ...]:
        """The names of the macros that the whole template goes through."""
        found = self.data.get("Transform")
        listed = found if isinstance(found, list) else [] if found is None else [found]
        return tuple(
            str(each.get("Name")) if isinstance(each, dict) else str(each) for each in listed
        )

    def problem(self, what: str, why: str, next_step: str, place: Place = ()) -> Problem:
        """An error at a place of this template."""
        line = self.line(place) if place else None
        return Problem(what, why, next_step, file=self.file, line=line)


def read(text: str, file: Path | str) -> Template:
    """A template's text, YAML or JSON.

    Raises Problem with file and line where it is malformed, beyond the limits of
    ``document.parse``, or where a section, a parameter or a resource is not what it must be.
    """
    return _checked(Template(parse(text, file)))


def read_template(file: Path) -> Template:
    """The template in a file; raises Problem as ``read``, and where it cannot be read."""
    return read(read_text(file), file)


def from_data(data: Mapping[str, Any], file: Path | str = "the template") -> Template:
    """A template that is data already, as GetTemplate answers; it has no lines."""
    return _checked(Template(Document(file, dict(data), "")))


def declared_parameters(template: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters that a template, as plain data, declares; by name."""
    return {
        str(name): _parameter(str(name), body if isinstance(body, dict) else {})
        for name, body in (template.get("Parameters") or {}).items()
    }


def _parameter(name: str, body: Mapping[str, Any]) -> Parameter:
    allowed = body.get("AllowedValues")
    pattern = body.get("AllowedPattern")
    constraint = body.get("ConstraintDescription")
    return Parameter(
        name=name,
        type=str(body.get("Type", "String")),
        default=_joined(body.get("Default")),
        allowed=tuple(map(_text, allowed)) if isinstance(allowed, list) else (),
        pattern=None if pattern is None else _text(pattern),
        constraint=None if constraint is None else _text(constraint),
        least=_number(body.get("MinValue")),
        most=_number(body.get("MaxValue")),
        shortest=_whole(body.get("MinLength")),
        longest=_whole(body.get("MaxLength")),
        description=_text(body.get("Description", "")),
        no_echo=_text(body.get("NoEcho", "false")).lower() == "true",
    )


def _joined(value: Any) -> str | None:
    if value is None:
        return None
    return ",".join(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    found = scalar(value)
    return str(value) if found is None else found


def _number(value: Any) -> float | None:
    """A number as it is written: a whole one stays whole."""
    try:
        found = None if value is None else float(value)
    except (TypeError, ValueError):
        return None
    return int(found) if found is not None and found.is_integer() else found


def _whole(value: Any) -> int | None:
    found = _number(value)
    return None if found is None or found != int(found) else int(found)


def _checked(template: Template) -> Template:
    data = template.data
    if not isinstance(data, dict) or "Resources" not in data:
        raise Problem(
            "This is not a template",
            "it has no mapping of Resources",
            "Give the path of a CloudFormation template",
            file=template.file,
        )
    for section in MAPPINGS:
        found = data.get(section)
        if found is not None and not isinstance(found, dict):
            raise template.problem(
                f"{section} is no mapping",
                f"it is {_kind(found)}",
                "Write `Name: ...` for each",
                (section,),
            )
    if data["Resources"] is None:
        raise template.problem(
            "Resources is empty", "a template has at least one resource", "Add it", ("Resources",)
        )
    for section in ("Parameters", "Resources", "Outputs", "Mappings", "Rules"):
        for name, body in template.section(section).items():
            place = (section, name)
            # These hold a list, or what a macro makes: no resource yet that could be checked.
            if name.startswith("Fn::ForEach::") or name == "Fn::Transform":
                continue
            if not isinstance(body, dict):
                raise template.problem(
                    f"{name} is no mapping",
                    f"it is {_kind(body)}, and {section} holds mappings",
                    "Write `Key: value` lines below it",
                    place,
                )
            if section == "Resources":
                _check_resource(template, name, body, place)
    return template


def _check_resource(template: Template, name: str, body: dict[str, Any], place: Place) -> None:
    kind = body.get("Type")
    if not isinstance(kind, str) and not ("Type" not in body and "Fn::Transform" in body):
        raise template.problem(
            f"{name} has no type",
            "every resource needs one" if kind is None else f"Type is {_kind(kind)}",
            "Write `Type: AWS::...`",
            place,
        )
    for attribute in ("Properties", "Metadata"):
        found = body.get(attribute)
        if found is not None and not isinstance(found, dict):
            raise template.problem(
                f"{attribute} of {name} is no mapping",
                f"it is {_kind(found)}",
                "Write `Key: value` lines below it",
                (*place, attribute),
            )


def _kind(value: Any) -> str:
    """What a value is, in a word."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        bool: "a boolean",
        type(None): "null",
    }
    return names.get(type(value), "a number")
