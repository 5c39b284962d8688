"""A resource's role: what it refers to, what refers to it, and at which property."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from deployer.adopting.deployed import Resource
from deployer.adopting.names import NAMES
from deployer.canonical import canonical
from deployer.prediction.intrinsics import is_intrinsic
from deployer.prediction.resolving import references

Names = tuple[str, ...]
Leaf = tuple[Names, Any]

NOT_COMPARED = frozenset({"Tags", *NAMES.values()})
"""Properties that say nothing of what a resource is for; names are compared before."""


class Edge(NamedTuple):
    """A reference of ``source`` to ``target`` at a property of the source."""

    source: str
    path: Names
    target: str


def edges(resources: Mapping[str, Resource]) -> list[Edge]:
    """Every reference within a stack, dependencies left out: they order and do not mean."""
    return list(
        dict.fromkeys(
            Edge(name, path, target)
            for name, resource in resources.items()
            for path, value in leaves(resource.properties)
            for target, _ in references(value)
            if target in resources and target != name
        )
    )


def leaves(value: Any, path: Names = ()) -> Iterator[Leaf]:
    """Each deepest value with its path; positions in lists are left out."""
    if isinstance(value, Mapping) and not is_intrinsic(value):
        for key, each in value.items():
            yield from leaves(each, (*path, str(key)))
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    else:
        yield path, value


class Roles:
    """Two stacks' graphs, and how far two resources stand at the same place in them."""

    def __init__(self, ours: Mapping[str, Resource], theirs: Mapping[str, Resource]) -> None:
        self._ours, self._theirs = ours, theirs
        self._edges = edges(ours), edges(theirs)

    def shared(self, ours: str, theirs: str, matched: Mapping[str, str]) -> list[str]:
        """What both have in common: places beside resources that are already matched."""
        named = {there: here for here, there in matched.items()}
        mine = set(_places(self._edges[0], ours, {name: name for name in matched}))
        other = set(_places(self._edges[1], theirs, named))
        return sorted(mine & other)

    def is_held(self, ours: str, theirs: str, matched: Mapping[str, str]) -> bool:
        """Whether the same resource refers to both, at the same property."""
        return any("refers to it" in each for each in self.shared(ours, theirs, matched))

    def likeness(self, ours: str, theirs: str, matched: Mapping[str, str]) -> float:
        """How much of their properties is equal, 0 to 1; references count by what is matched."""
        named = {there: here for here, there in matched.items()}
        mine = _counted(self._ours[ours], {})
        other = _counted(self._theirs[theirs], named)
        total = mine.total() + other.total()
        return 2 * (mine & other).total() / total if total else 1.0


def _places(found: list[Edge], name: str, called: Mapping[str, str]) -> Iterator[str]:
    for edge in found:
        at = ".".join(edge.path)
        if edge.source == name and edge.target in called:
            yield f"refers to {called[edge.target]} ({at})"
        if edge.target == name and edge.source in called:
            yield f"{called[edge.source]} refers to it ({at})"


def _counted(resource: Resource, called: Mapping[str, str]) -> Counter[tuple[Names, str]]:
    return Counter(
        (path, canonical(_called(value, called)))
        for path, value in leaves(resource.properties)
        if path[0] not in NOT_COMPARED
    )


def _called(value: Any, called: Mapping[str, str]) -> Any:
    """A reference as the resources it leads to, whatever the function; others as they are."""
    targets = [called.get(target, target) for target, _ in references(value)]
    return targets or value
