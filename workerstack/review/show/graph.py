"""The stack as a picture: what refers to what, in layers from left to right."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workerstack.review.model import Review

CHARACTER = 7.2
"""Pixels of one character, at the size in which the page writes them."""

LONGEST = 20
"""Characters of a type that are written out; its title has all of it."""

HEIGHT, GAP, BETWEEN, EDGE = 40, 14, 44, 10


class Node(NamedTuple):
    """One resource with its place; ``action`` is empty for one that does not change."""

    logical_id: str
    type: str
    action: str
    mark: str
    x: float
    y: float
    width: float
    height: float


class Link(NamedTuple):
    """From a resource to one that it refers to, as the path of an SVG.

    ``goes``: one of the two is deleted, and the reference with it.
    """

    source: str
    target: str
    path: str
    goes: bool


class Graph(NamedTuple):
    """All nodes and links, and how large the picture is."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    width: float
    height: float


def graph(review: Review) -> Graph:
    """The review's parts; what others refer to stands left of them."""
    refers = {part.logical_id: part.refers_to for part in review.parts}
    layers = _ordered(_layers(refers), refers)
    types = {part.logical_id: part.type for part in review.parts}
    changes = {change.logical_id: change for change in review.resources}
    nodes: dict[str, Node] = {}
    left = float(EDGE)
    for layer in layers:
        longest = max(len(text) for name in layer for text in (name, _short(types[name])))
        width = longest * CHARACTER + 34
        for position, name in enumerate(layer):
            change = changes.get(name)
            if change is not None and not change.can_change:
                change = None
            replaced = change is not None and change.action == "Modify" and change.replaces
            mark = {"True": "Replace", "Conditional": "Replace"}.get(str(replaced), "")
            nodes[name] = Node(
                name, _short(types[name]), change.action if change else "", mark,
                left, EDGE + position * (HEIGHT + GAP), width, HEIGHT,
            )  # fmt: skip
        left += width + BETWEEN
    links = tuple(
        Link(
            name, target, _path(nodes[target], nodes[name]),
            "Remove" in (nodes[name].action, nodes[target].action),
        )
        for name, targets in refers.items()
        for target in targets
    )  # fmt: skip
    tallest = max((len(layer) for layer in layers), default=0)
    return Graph(tuple(nodes.values()), links, left, tallest * (HEIGHT + GAP) + 2 * EDGE)


def _short(kind: str) -> str:
    """``ECS Service``; of a long one its last part, which leaves room for more beside it."""
    whole = kind.removeprefix("AWS::").replace("::", " ")
    return whole if len(whole) <= LONGEST else whole.rpartition(" ")[2]


def _layers(refers: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Each resource one layer after the last that it refers to; circles are cut."""
    depth: dict[str, int] = {}
    for start in refers:
        pending = [(start, iter(refers[start]))]
        going = {start}
        while pending:
            name, targets = pending[-1]
            target = next((each for each in targets if each not in depth and each not in going), "")
            if target:
                pending.append((target, iter(refers[target])))
                going.add(target)
            else:
                known = [depth[each] for each in refers[name] if each in depth]
                depth.setdefault(name, max(known, default=-1) + 1)
                going.discard(name)
                pending.pop()
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in refers:
        layers[depth[name]].append(name)
    return layers


def _ordered(layers: list[list[str]], refers: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Within a layer, at the height of what they refer to, so that few links cross."""
    place: dict[str, float] = {}
    for layer in layers:
        centres = {
            name: sum(found) / len(found)
            for name in layer
            if (found := [place[target] for target in refers[name] if target in place])
        }
        layer.sort(key=lambda name: centres.get(name, float("inf")))
        place.update({name: float(position) for position, name in enumerate(layer)})
    return layers


def _path(start: Node, end: Node) -> str:
    """From the right of what is referred to, to the left of what refers to it."""
    x, y = start.x + start.width, start.y + start.height / 2
    to_x, to_y = end.x, end.y + end.height / 2
    bend = max((to_x - x) / 2, 20)
    return (
        f"M{x:.0f} {y:.0f}"
        f"C{x + bend:.0f} {y:.0f} {to_x - bend:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    )
