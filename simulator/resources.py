"""The resources of a template whose conditions hold, with properties resolved when asked for."""

from collections.abc import Mapping
from typing import Any

from simulator.document import Located
from simulator.errors import SimulationError
from simulator.intrinsics import UNKNOWN, Resolver


class Resource:
    """One resource. Properties are without intrinsics."""

    def __init__(self, name: str, body: Mapping[str, Any], resolver: Resolver) -> None:
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
                "This is no template",
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
