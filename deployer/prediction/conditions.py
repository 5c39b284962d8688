"""A template's conditions, decided where their values are known."""

from collections.abc import Callable, Mapping
from typing import Any

from deployer.canonical import canonical
from deployer.prediction.intrinsics import is_intrinsic, is_open


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
