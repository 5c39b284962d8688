"""A template under one set of values, in the form in which the rules compare: texts.

References to parameters are their values. What stays is text such as ``${Cluster}`` or
``${Service.Name}``, one for each thing that is meant, however it is written: what is equal in
the stack is equal here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workerstack.cloudformation import (
    Place,
    Reference,
    Stack,
    Text,
    Unknown,
    from_data,
    plain,
    resolve,
)
from workerstack.cloudformation.attributes import names
from workerstack.problem import Problem

Path = Place
Values = Mapping[str, Any]


def value_sets(sets: Iterable[Any] | None) -> list[Values]:
    """Each set of values that is given, or none but the parameters' defaults."""
    return [each.parameters for each in sets or ()] or [{}]


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one: templates may hold anything."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """The value as a number, also when it is written as text."""
    try:
        return None if isinstance(value, bool | None) else float(value)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Resource:
    """One resource: its logical id, its properties as the rules compare them, where they stand.

    ``written`` are the properties as they are written.
    """

    id: str
    type: str
    properties: dict[str, Any]
    written: Mapping[str, Any]
    stack: Stack = field(repr=False, compare=False)

    @property
    def path(self) -> Path:
        """The way to the properties, or to the resource where it has none."""
        return self.at()

    def at(self, *keys: str | int) -> Path:
        """The way to a property, or to the nearest thing around it that exists."""
        return self.stack.place(self.id, "Properties", *keys)


class Resolved:
    """A whole template under one set of parameter values."""

    def __init__(self, template: Any, values: Values) -> None:
        self._template = mapping(template)
        self._values = values

    @cached_property
    def resources(self) -> list[Resource]:
        """Every resource that may exist, in the template's order; none of an ill template.

        What is wrong with that, cfn-lint says itself.
        """
        try:
            stack = resolve(from_data(self._template), self._values)
        except Problem:
            return []
        types = {name: each.type for name, each in stack.resources.items()}
        found = [
            Resource(
                id=name,
                type=each.type,
                properties=mapping(_compared(each.properties, types)),
                written=mapping(each.written.get("Properties")),
                stack=stack,
            )
            for name, each in stack.resources.items()
        ]
        _give_roles_their_policies(found)
        return found

    def of(self, kind: str) -> Iterator[Resource]:
        """The resources of a type, ``ECS::Service`` for ``AWS::ECS::Service``."""
        return (resource for resource in self.resources if resource.type == f"AWS::{kind}")


def _give_roles_their_policies(resources: Iterable[Resource]) -> None:
    """Policies that stand beside a role are rights of that role as much as those inside it."""
    roles = {f"${{{each.id}}}": each for each in resources if each.type == "AWS::IAM::Role"}
    roles |= {
        str(each.properties["RoleName"]): each
        for each in roles.values()
        if "RoleName" in each.properties
    }
    for each in resources:
        names = {
            "AWS::IAM::RolePolicy": [each.properties.get("RoleName")],
            "AWS::IAM::Policy": sequence(each.properties.get("Roles")),
        }.get(each.type, [])
        for name in names:
            if role := roles.get(str(name)):
                inside = sequence(role.properties.get("Policies"))
                role.properties["Policies"] = [*inside, each.properties]


def _compared(  # noqa: PLR0911 - one return a kind of value
    value: Any, types: Mapping[str, str]
) -> Any:
    """A resolved value with one text for each thing that it refers to."""
    if isinstance(value, Reference):
        by_ref = not value.attribute or value.means == names(types.get(value.logical_id, "")).ref
        whole = value.logical_id if by_ref else f"{value.logical_id}.{value.attribute}"
        return f"${{{whole}}}"
    if isinstance(value, Text):
        return "".join(str(_compared(piece, types)) for piece in value.pieces)
    if isinstance(value, Unknown):
        match value.expression:
            case {"Ref": str() as name}:
                return f"${{{name}}}"
            case str() as stored:
                return stored
        return _compared(plain(value.expression), types)
    if isinstance(value, dict):
        return {key: _compared(each, types) for key, each in value.items()}
    if isinstance(value, list):
        return [_compared(each, types) for each in value]
    return value
