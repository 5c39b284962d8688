"""A template with its values: parameters put in, conditions decided, functions computed."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from workerstack.cloudformation.template import declared_parameters
from workerstack.cloudformation.values import canonical
from workerstack.review.model import Part

NO_VALUE = "AWS::NoValue"
PLACE = re.compile(r"\$\{(!?)([^}]*)\}")

Resolve = Callable[[Any], Any]
"""Resolves an argument first."""


def is_intrinsic(value: Any) -> bool:
    """Whether a value is a function that is still to be called."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    [name] = value
    return name in ("Ref", "Condition") or str(name).startswith("Fn::")


def is_open(value: Any) -> bool:
    """Whether anything in a value is still to be computed."""
    if is_intrinsic(value):
        return True
    if isinstance(value, Mapping):
        return any(is_open(each) for each in value.values())
    return isinstance(value, list) and any(is_open(each) for each in value)


def as_text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def substitute(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Sub``, of a text or of a text with its own values."""
    own: Mapping[str, Any] = {}
    match argument:
        case str() as text:
            pass
        case [str() as text, Mapping() as own]:
            pass
        case _:
            return {"Fn::Sub": resolve(argument)}
    parts: list[Any] = []
    end = 0
    for found in PLACE.finditer(text):
        literal, name = found.groups()
        parts.append(text[end : found.start()])
        end = found.end()
        if literal:
            parts.append("${" + name + "}")
        elif name.strip() in own:
            parts.append(resolve(own[name.strip()]))
        else:
            parts.append(resolve(_named(name.strip())))
    return concatenated([*parts, text[end:]])


def _named(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": name.split(".", 1)} if "." in name else {"Ref": name}


def join(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Join``."""
    match resolve(argument):
        case [str() as delimiter, list() as items]:
            return concatenated([part for item in items for part in (delimiter, item)][1:])
        case found:
            return {"Fn::Join": found}


def concatenated(parts: list[Any]) -> Any:
    """Parts as one text; with what is not known in ``${...}``, or as a Join where it is more."""
    merged: list[Any] = []
    for part in (piece for each in parts for piece in _flat(each)):
        closed = not is_open(part) and not isinstance(part, list | Mapping)
        text = as_text(part) if closed else part
        if merged and closed and isinstance(merged[-1], str):
            merged[-1] += text
        elif text != "":
            merged.append(text)
    if not merged:
        return ""
    if len(merged) == 1:
        return merged[0]
    if all(isinstance(part, str) or _place(part) for part in merged):
        escaped = (
            part.replace("${", "${!") if isinstance(part, str) else _place(part) for part in merged
        )
        return {"Fn::Sub": "".join(escaped)}
    return {"Fn::Join": ["", merged]}


def _flat(part: Any) -> list[Any]:
    """The parts of a text that was itself put together."""
    if isinstance(part, Mapping) and list(part) == ["Fn::Join"]:
        argument = part["Fn::Join"]
        if isinstance(argument, list) and argument[0] == "" and isinstance(argument[1], list):
            return argument[1]
    if isinstance(part, Mapping) and list(part) == ["Fn::Sub"] and isinstance(part["Fn::Sub"], str):
        found: list[Any] = []
        end = 0
        for place in PLACE.finditer(part["Fn::Sub"]):
            literal, name = place.groups()
            found += [part["Fn::Sub"][end : place.start()]]
            found += ["${" + name + "}" if literal else _named(name)]
            end = place.end()
        return [*found, part["Fn::Sub"][end:]]
    return [part]


def _place(part: Any) -> str:
    """``${Queue.Arn}`` for a Ref or a GetAtt, nothing for other functions."""
    if not isinstance(part, Mapping):
        return ""
    argument = part.get("Ref", part.get("Fn::GetAtt"))
    if isinstance(argument, list) and all(isinstance(each, str) for each in argument):
        argument = ".".join(argument)
    return "${" + argument + "}" if isinstance(argument, str) else ""


def attribute(argument: Any, resolve: Resolve) -> Any:
    """``Fn::GetAtt``, in its form of two members whichever way it is written."""
    found = resolve(argument)
    parts = found.split(".", 1) if isinstance(found, str) else found
    return {"Fn::GetAtt": parts}


def select(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Select``; what is out of range is left as it is written."""
    match resolve(argument):
        case [index, list() as items] if str(index).isdigit() and int(index) < len(items):
            return items[int(index)]
        case found:
            return {"Fn::Select": found}


def split(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Split``."""
    match resolve(argument):
        case [str() as delimiter, str() as text] if delimiter:
            return text.split(delimiter)
        case found:
            return {"Fn::Split": found}


def encode(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Base64``."""
    found = resolve(argument)
    if isinstance(found, str):
        return base64.b64encode(found.encode()).decode()
    return {"Fn::Base64": found}


def length(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Length``, of the language extensions."""
    found = resolve(argument)
    return len(found) if isinstance(found, list) else {"Fn::Length": found}


def to_json(argument: Any, resolve: Resolve) -> Any:
    """``Fn::ToJsonString``, of the language extensions."""
    found = resolve(argument)
    if is_open(found):
        return {"Fn::ToJsonString": found}
    return json.dumps(found, separators=(",", ":"))


FUNCTIONS: Mapping[str, Callable[[Any, Resolve], Any]] = {
    "Fn::Base64": encode,
    "Fn::GetAtt": attribute,
    "Fn::Join": join,
    "Fn::Length": length,
    "Fn::Select": select,
    "Fn::Split": split,
    "Fn::Sub": substitute,
    "Fn::ToJsonString": to_json,
}
"""Those that need nothing but their arguments; others stay as they are written."""


class Conditions:
    """Conditions by name; ``value`` resolves what they compare."""

    def __init__(self, definitions: Mapping[str, Any], value: Callable[[Any], Any]) -> None:
        self._definitions = definitions
        self._value = value
        self._deciding: set[str] = set()

    def holds(self, condition: Any) -> bool | None:
        """Whether a condition, by name or written out, is true; None where it is open."""
        if isinstance(condition, str):
            return self._named(condition)
        if not is_intrinsic(condition):
            return None
        [(name, argument)] = condition.items()
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            compared = [self._value(each) for each in argument]
            return None if is_open(compared) else canonical(compared[0]) == canonical(compared[-1])
        connect = CONNECTIVES.get(name)
        return connect([self.holds(each) for each in argument]) if connect else None

    def _named(self, name: str) -> bool | None:
        if name in self._deciding or name not in self._definitions:
            return None
        self._deciding.add(name)
        decided = self.holds(self._definitions[name])
        self._deciding.discard(name)
        return decided


def _all(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True


def _any(parts: list[bool | None]) -> bool | None:
    return True if True in parts else None if None in parts else False


def _not(parts: list[bool | None]) -> bool | None:
    return None if parts[0] is None else not parts[0]


CONNECTIVES: Mapping[str, Callable[[list[bool | None]], bool | None]] = {
    "Fn::And": _all,
    "Fn::Or": _any,
    "Fn::Not": _not,
}


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
