"""A template with its values: parameters put in, conditions decided, functions computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deployer.prediction.conditions import Conditions
from deployer.prediction.intrinsics import FUNCTIONS, NO_VALUE, PLACE, as_text, is_intrinsic
from deployer.review import Part
from deployments.template import declared_parameters

NOTHING = object()
"""What a property with the value ``AWS::NoValue`` is: not there."""


@dataclass(frozen=True)
class Resolved:
    """A template's resources and outputs with the values that are known.

    ``unsettled``: resources whose condition cannot be decided; they are in ``resources``.
    ``unknown``: sentences on what could not be known.
    """

    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def resolve(
    template: Mapping[str, Any], parameters: Mapping[str, str], surroundings: Mapping[str, str]
) -> Resolved:
    """``template`` as parsed, with a text for each parameter that is known.

    ``surroundings`` are the pseudo parameters that are known, ``AWS::Region`` and so on. A
    secret parameter is never put in; one without value and default stays a reference.
    """
    resolver = _Resolver(template, parameters, surroundings)
    resources: dict[str, Mapping[str, Any]] = {}
    unsettled = set()
    for name, body in template["Resources"].items():
        if not isinstance(body, Mapping):
            resolver.unknown[f"{name} is expanded by CloudFormation alone"] = None
            continue
        holds = resolver.holds(body["Condition"]) if "Condition" in body else True
        if holds is False:
            continue
        if holds is None:
            unsettled.add(name)
            resolver.unknown[f"whether {name} exists: the condition {body['Condition']}"] = None
        resources[name] = resolver.value(body)
    outputs = {
        name: resolver.value(body)
        for name, body in template.get("Outputs", {}).items()
        if isinstance(body, Mapping)
        and ("Condition" not in body or resolver.holds(body["Condition"]) is not False)
    }
    for transform in _listed(template.get("Transform")):
        name = transform.get("Name") if isinstance(transform, Mapping) else transform
        resolver.unknown[f"what the transform {name} makes of the template"] = None
    return Resolved(resources, outputs, frozenset(unsettled), tuple(resolver.unknown))


def parts(*templates: Resolved) -> tuple[Part, ...]:
    """Every resource of the templates with what it refers to, or depends on, within them."""
    bodies = {name: body for template in templates for name, body in template.resources.items()}
    return tuple(
        Part(
            logical_id=name,
            type=str(body.get("Type")),
            refers_to=tuple(
                dict.fromkeys(
                    target
                    for target in (
                        *(target for target, _ in references(body.get("Properties"))),
                        *_listed(body.get("DependsOn")),
                    )
                    if target in bodies and target != name
                )
            ),
        )
        for name, body in bodies.items()
    )


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Each resource that a value refers to, with the attribute; empty for a Ref."""
    if isinstance(value, Mapping):
        for name, argument in value.items():
            if name == "Ref" and isinstance(argument, str):
                yield argument, ""
            elif name == "Fn::GetAtt" and isinstance(argument, list):
                yield str(argument[0]), ".".join(map(str, argument[1:]))
            elif name == "Fn::Sub" and isinstance(argument, str):
                yield from _in_text(argument)
            else:
                yield from references(argument)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@cache
def _in_text(text: str) -> tuple[tuple[str, str], ...]:
    names = [name for literal, name in PLACE.findall(text) if not literal]
    return tuple((name.partition(".")[0], name.partition(".")[2]) for name in names)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


class _Resolver:
    """One template's values and decided conditions."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        surroundings: Mapping[str, str],
    ) -> None:
        self.holds = Conditions(template.get("Conditions", {}), self.value).holds
        self.mappings = template.get("Mappings", {})
        self.unknown: dict[str, None] = {}
        self.known: dict[str, Any] = dict(surroundings)
        self.open: set[str] = set()
        for name, declared in declared_parameters(dict(template)).items():
            value = parameters.get(name, declared.default)
            if declared.secret or value is None:
                self.open.add(name)
            elif declared.is_list:
                self.known[name] = [part.strip() for part in value.split(",")] if value else []
            else:
                self.known[name] = value

    def value(self, value: Any) -> Any:
        """A value with all that is known put in; NOTHING where it is not there."""
        if is_intrinsic(value):
            return self._called(*next(iter(value.items())))
        if isinstance(value, Mapping):
            found = {key: self.value(each) for key, each in value.items()}
            return {key: each for key, each in found.items() if each is not NOTHING}
        if isinstance(value, list):
            return [each for each in map(self.value, value) if each is not NOTHING]
        return value

    def _called(self, name: str, argument: Any) -> Any:
        own = {
            "Ref": self._reference,
            "Fn::If": self._choice,
            "Fn::FindInMap": self._looked_up,
        }
        if name in own:
            return own[name](argument)
        if name in FUNCTIONS:
            return FUNCTIONS[name](argument, self.value)
        return {name: self.value(argument)}

    def _reference(self, name: Any) -> Any:
        if name == NO_VALUE:
            return NOTHING
        if name in self.open:
            self.unknown[f"the value of the parameter {name}"] = None
        return self.known.get(name, {"Ref": name}) if isinstance(name, str) else {"Ref": name}

    def _choice(self, argument: Any) -> Any:
        try:
            name, then, otherwise = argument
        except (TypeError, ValueError):
            return {"Fn::If": argument}
        holds = self.holds(name)
        if holds is None:
            sides = [self.value(then), self.value(otherwise)]
            return {"Fn::If": [name, *({"Ref": NO_VALUE} if s is NOTHING else s for s in sides)]}
        return self.value(then if holds else otherwise)

    def _looked_up(self, argument: Any) -> Any:
        found = self.value(argument)
        try:
            *keys, last = found
        except TypeError:
            return {"Fn::FindInMap": found}
        default = last.get("DefaultValue") if isinstance(last, Mapping) else None
        value: Any = self.mappings
        for key in keys if default is not None else found:
            value = value.get(as_text(key)) if isinstance(value, Mapping) else None
        value = default if value is None else value
        return {"Fn::FindInMap": found} if value is None else self.value(value)
