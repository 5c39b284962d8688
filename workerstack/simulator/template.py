"""A template's resources with intrinsics resolved, as far as a text can say what they give.

What only AWS knows stays a name: the resource ``Queue`` is ``${Queue}``, its attribute
``${Queue.QueueName}``, an import ``${import:name}``. So two references to one thing are equal.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from workerstack.simulator.quantities import SimulationError, nearest


class Located(dict[str, Any]):
    """A mapping that knows its line in the file, None if the file was JSON that is no YAML."""

    line: int | None = None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short intrinsics, dates left as text."""


def _mapping(loader: Any, node: yaml.MappingNode) -> Located:
    found = Located(loader.construct_mapping(node, deep=True))
    found.line = node.start_mark.line + 1
    return found


def _intrinsic(loader: Any, suffix: str, node: yaml.Node) -> Located:
    """``!Ref X`` as ``{"Ref": "X"}``, ``!GetAtt A.B`` as ``{"Fn::GetAtt": ["A", "B"]}``."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = _mapping(loader, node)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    found = Located({suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value})
    found.line = node.start_mark.line + 1
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_multi_constructor("!", _intrinsic)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def parse(text: str, file: str) -> Located:
    """The mapping that a YAML or JSON text is; SimulationError with the line where it is not."""
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        data = _json(text)
        if data is None:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or str(error).partition("\n")[0]
            raise SimulationError(
                "The file is malformed", str(why), "Correct it", file=file,
                line=mark.line + 1 if mark else None,
            ) from error  # fmt: skip
    if not isinstance(data, dict):
        raise SimulationError(
            "The file holds no mapping",
            f"it is {type(data).__name__}",
            "Give a CloudFormation template",
            file=file,
        )
    return data if isinstance(data, Located) else Located(data)


def _json(text: str) -> Any:
    """JSON that YAML does not take, for its tabs."""
    try:
        return json.loads(text, object_hook=Located)
    except (ValueError, RecursionError):
        return None


class Resource:
    """One resource. Properties are without intrinsics."""

    def __init__(self, name: str, body: Mapping[str, Any], resolver: "Resolver") -> None:
        self.name = name
        self.type = str(body.get("Type"))
        self.line = getattr(body, "line", None)
        self._properties = body.get("Properties") or {}
        self._resolver = resolver

    def get(self, name: str, default: Any = None) -> Any:
        """A property; ``default`` where it is absent or AWS::NoValue."""
        if not isinstance(self._properties, dict) or name not in self._properties:
            return default
        value = self._resolver.resolve(self._properties[name])
        if value is None:
            return default
        if isinstance(default, dict | list) and not isinstance(value, type(default)):
            raise self.error(
                f"{self.name} is malformed",
                f"{name} is {value!r}",
                f"Make it a {'list' if isinstance(default, list) else 'mapping'}",
            )
        return value

    def error(self, what: str, why: str, next_step: str) -> SimulationError:
        """An error at this resource."""
        return SimulationError(what, why, next_step, file=self._resolver.file, line=self.line)

    def mappings(self, value: Any, name: str) -> list[dict[str, Any]]:
        """A list of mappings from what stands in a template; empty where it is absent."""
        found = [] if value is None else value
        if not isinstance(found, list):
            raise self.error(f"{self.name} is malformed", f"{name} is {value!r}", "Make it a list")
        return [self.mapping(each, name) for each in found]

    def mapping(self, value: Any, name: str) -> dict[str, Any]:
        """A mapping from what stands in a template; empty where it is absent."""
        found = {} if value is None else value
        if not isinstance(found, dict):
            raise self.error(
                f"{self.name} is malformed", f"{name} is {value!r}", "Make it a mapping"
            )
        return found

    def integer(self, name: str, default: int | None = None) -> int:
        """A property that is a whole number and must be known."""
        found = self.optional_integer(name)
        if found is not None:
            return found
        if default is not None:
            return default
        raise self.error(f"{self.name} has no {name}", "it is required", "Add it")

    def optional_integer(self, name: str) -> int | None:
        """The same, None where it is absent."""
        return self.number(self.get(name), name)

    def number(self, value: Any, name: str) -> int | None:
        """A whole number from what stands in a template."""
        real = self.real(value, name)
        if real is not None and real != int(real):
            raise self.error(f"{self.name} is malformed", f"{name} is {value!r}", "Make it whole")
        return None if real is None else int(real)

    def real(self, value: Any, name: str) -> float | None:
        """A number from what stands in a template: text or number."""
        if value is None:
            return None
        if isinstance(value, str) and (unknown := UNKNOWN.search(value)):
            raise self._resolver.no_value(unknown[0], Located())
        try:
            found = float(value)
        except (TypeError, ValueError):
            found = float("nan")
        if isinstance(value, bool) or not abs(found) < float("inf"):
            raise self.error(
                f"{self.name} is malformed", f"{name} is {value!r}", "Make it a number"
            )
        return found

    def truth(self, value: Any, name: str) -> bool:
        """A boolean from what stands in a template."""
        text = str(value).lower()
        if text not in ("true", "false"):
            raise self.error(
                f"{self.name} is malformed", f"{name} is {value!r}", "Make it true or false"
            )
        return text == "true"

    def word(self, name: str, default: str, allowed: tuple[str, ...]) -> Any:
        """A property that is one of several words."""
        value = self.get(name, default)
        if value not in allowed:
            raise self.error(
                f"{self.name} is not simulated",
                f"{name} is {value!r}",
                f"What is simulated: {', '.join(allowed)}",
            )
        return value

    def refers_to(self, value: Any) -> bool:
        """Whether a resolved value is this resource: its Ref, or an attribute of it."""
        return str(value) == f"${{{self.name}}}" or str(value).startswith(f"${{{self.name}.")


class Resources:
    """All resources that the template makes with these parameter values."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str], file: str) -> None:
        body = template.get("Resources")
        if not isinstance(body, dict):
            raise SimulationError(
                "This is not a template",
                "it has no mapping of Resources",
                "Give a CloudFormation template",
                file=file,
            )
        self.file = file
        self.resolver = Resolver(template, values, file)
        self._bodies = {
            name: each for name, each in body.items() if isinstance(each, dict) and "Type" in each
        }
        self._found: dict[str, Resource | None] = {}

    def get(self, name: str) -> Resource | None:
        """A resource by logical id; None if there is none or its condition does not hold."""
        if name not in self._found:
            body = self._bodies.get(name)
            made = body is not None and (
                "Condition" not in body or self.resolver.condition(str(body["Condition"]))
            )
            self._found[name] = Resource(name, body, self.resolver) if body and made else None
        return self._found[name]

    def of_type(self, kind: str) -> list[Resource]:
        """All resources of a type, in the template's order."""
        names = [name for name, body in self._bodies.items() if body["Type"] == kind]
        return [found for name in names if (found := self.get(name))]

    def referred(self, value: Any, kind: str) -> Resource | None:
        """The resource of that type which a resolved value names, if it is in the template."""
        return next((each for each in self.of_type(kind) if each.refers_to(value)), None)


NOTHING = {"Ref": "AWS::NoValue"}
UNKNOWN = re.compile(r"\$\{[^}]*\}")


class Resolver:
    """Resolves values of one template with given parameter values."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str], file: str) -> None:
        self.file = file
        self._template = template
        declared = self._section("Parameters")
        self._values: dict[str, Any] = {
            name: each["Default"]
            for name, each in declared.items()
            if isinstance(each, dict)
            and "Default" in each
            and "AWS::SSM::" not in str(each.get("Type"))
        }
        self._declared = set(declared)
        for name, value in values.items():
            if name not in declared and not name.startswith("AWS::"):
                raise SimulationError(
                    f"Unknown parameter {name}",
                    "the template has none of that name",
                    nearest(name, declared),
                    file=file,
                )
            self._values[name] = value
        self._conditions: dict[str, bool] = {}

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self._template.get(name) or {}
        if isinstance(section, dict):
            return section
        raise self.error(f"{name} is malformed", f"it is {section!r}"[:80], "Make it a mapping")

    def error(self, what: str, why: str, next_step: str, at: Any = None) -> SimulationError:
        """An error at the line of ``at``."""
        line = at.line if isinstance(at, Located) else None
        return SimulationError(what, why, next_step, file=self.file, line=line)

    def resolve(self, value: Any) -> Any:
        """The value without intrinsics; None for AWS::NoValue."""
        if isinstance(value, list):
            items = [self.resolve(each) for each in value if each != NOTHING]
            return [each for each in items if each is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument, value)
        found = Located(
            {key: item for key, each in value.items() if (item := self.resolve(each)) is not None}
        )
        found.line = getattr(value, "line", None)
        return found

    def _function(self, name: str, argument: Any, at: Any) -> Any:
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": lambda each: f"${{import:{self.resolve(each)}}}",
        }
        try:
            if name in functions:
                return functions[name](argument)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError):
            raise self.error(
                f"{name} cannot be resolved",
                f"its argument is {json.dumps(argument, default=str)[:80]}",
                "Write it as the CloudFormation user guide says",
                at,
            ) from None
        inner = json.dumps(argument, sort_keys=True, default=str)
        return f"${{{name}:{inner.translate(str.maketrans('{}', '()'))}}}"

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return None
        return self._values.get(name, f"${{{name}}}")

    def _get_att(self, argument: Any) -> str:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        return f"${{{parts[0]}.{self.resolve(parts[1])}}}"

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = {name: self.resolve(value) for name, value in own.items()}

        def filled(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            return str(own[name] if name in own else self._ref(name))

        return re.sub(r"\$\{([^}]*)\}", filled, text)

    def _if(self, argument: Any) -> Any:
        name, true, false = argument
        return self.resolve(true if self.condition(name) else false)

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(str(each) for each in self._list(parts))

    def _select(self, argument: Any) -> Any:
        index, parts = argument
        return self._list(parts)[int(self.resolve(index))]

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return str(self.resolve(text)).split(separator)

    def _list(self, value: Any) -> list[Any]:
        found = self.resolve(value)
        return found if isinstance(found, list) else str(found).split(",")

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = (self.resolve(each) for each in argument[:3])
        return self.resolve(self._template["Mappings"][name][str(first)][str(second)])

    def condition(self, name: str) -> bool:
        """Whether a condition holds; SimulationError where a parameter has no value."""
        if name not in self._conditions:
            conditions = self._section("Conditions")
            if name not in conditions:
                raise self.error(
                    f"Unknown condition {name}", "it is not declared", nearest(name, conditions)
                )
            self._conditions[name] = self._holds(conditions[name])
        return self._conditions[name]

    def _holds(self, value: Any) -> bool:
        ((name, argument),) = value.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Not":
            return not self._holds(argument[0])
        if name in ("Fn::And", "Fn::Or"):
            held = [self._holds(each) for each in argument]
            return all(held) if name == "Fn::And" else any(held)
        left, right = (self._known(each, value) for each in argument)
        return left == right

    def _known(self, value: Any, at: Any) -> str:
        found = self.resolve(value)
        text = str(found).lower() if isinstance(found, bool) else str(found)
        if unknown := UNKNOWN.search(text):
            raise self.no_value(unknown[0], at)
        return text

    def no_value(self, name: str, at: Any) -> SimulationError:
        """The error for a value that only AWS or a parameter can give."""
        bare = name.removeprefix("${").removesuffix("}")
        return self.error(
            f"{bare} has no value",
            "the template gives no default, and scaling depends on it",
            f"Give it: --parameter {bare}=VALUE",
            at,
        )
