"""A template with its references resolved as far as values are known.

References to parameters become their values, all others text such as ``${Cluster}`` or
``${Service.Name}``, and so do intrinsics that only join text: what is equal in the stack
is then equal here. Everything else keeps its shape and its place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Path = tuple[str | int, ...]
Values = Mapping[str, Any]


def value_sets(template: Any, sets: Iterable[Any] | None) -> list[Values]:
    """The parameters' defaults, overlaid with each set of values that is given."""
    declared = mapping(mapping(template).get("Parameters"))
    defaults = {
        name: body["Default"] for name, body in declared.items() if "Default" in mapping(body)
    }
    return [{**defaults, **each.parameters} for each in sets or ()] or [defaults]


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
    """One resource: its logical id, its resolved properties, and the way to them."""

    id: str
    type: str
    properties: dict[str, Any]
    path: Path

    def at(self, *keys: str | int) -> Path:
        """The way to a property, or to the nearest thing round it that exists."""
        path: Path = self.path
        value: Any = self.properties
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                break
            path = (*path, key)
        return path


class Resolved:
    """A whole template under one set of parameter values."""

    def __init__(self, template: Any, values: Values) -> None:
        self._template = mapping(template)
        self._values = values

    @cached_property
    def resources(self) -> list[Resource]:
        """Every resource, in the template's order."""
        return [
            Resource(
                id=str(name),
                type=str(mapping(body).get("Type")),
                properties=mapping(self.resolve(mapping(body).get("Properties"))),
                path=("Resources", name, "Properties")
                if "Properties" in mapping(body)
                else ("Resources", name),
            )
            for name, body in mapping(self._template.get("Resources")).items()
        ]

    def of(self, kind: str) -> Iterator[Resource]:
        """The resources of a type, ``ECS::Service`` for ``AWS::ECS::Service``."""
        return (resource for resource in self.resources if resource.type == f"AWS::{kind}")

    def resolve(self, value: Any) -> Any:
        """A value with its references replaced."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, item),) = value.items()
            text = self._text(key, item)
            if text is not None:
                return text
        return {key: self.resolve(item) for key, item in value.items()}

    def _text(self, key: str, item: Any) -> Any:
        """What an intrinsic comes to, or None for one that stays as it is."""
        if key == "Ref" and isinstance(item, str):
            return self._values.get(item, f"${{{item}}}")
        if key == "Fn::GetAtt":
            parts = item.split(".") if isinstance(item, str) else sequence(item)
            return f"${{{'.'.join(str(part) for part in parts)}}}" if parts else None
        if key == "Fn::Sub":
            return self._substituted(item)
        if key == "Fn::Join" and len(sequence(item)) == 2:  # noqa: PLR2004 - separator, parts
            parts = self.resolve(item[1])
            if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
                return str(item[0]).join(parts)
        return None

    def _substituted(self, item: Any) -> str | None:
        text, variables = (item, {}) if isinstance(item, str) else [*sequence(item), None, None][:2]
        if not isinstance(text, str):
            return None
        known = {**self._values, **mapping(self.resolve(mapping(variables)))}

        def replace(found: re.Match[str]) -> str:
            value = known.get(found[1])
            return value if isinstance(value, str) else found[0]

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", replace, text)
