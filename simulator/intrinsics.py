"""CloudFormation's intrinsic functions, as far as a text can say what they give.

What only AWS knows stays a name: the resource ``Queue`` is ``${Queue}``, its attribute
``${Queue.QueueName}``, an import ``${import:name}``. So two references to one thing are equal.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.document import Located
from simulator.errors import SimulationError, nearest

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
