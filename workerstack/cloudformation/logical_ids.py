"""Every place of a template at which the logical id of a resource stands.

Source: CloudFormation template reference, "Intrinsic function reference" and "Resource
attribute reference". Templates are walked as YAML nodes, which know their place in the text;
JSON is YAML, too.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import yaml

from workerstack.cloudformation.document import parse
from workerstack.cloudformation.functions import PLACE
from workerstack.problem import Refusal

Kind = Literal["key", "whole", "dotted", "text"]


@dataclass(frozen=True)
class Occurrence:
    """One scalar with an id in it, and how.

    ``key``: of the mapping of resources; ``whole``: the scalar is the id; ``dotted``: the id
    ends at the first dot; ``text``: it stands in ``${}``. ``own`` are names that a Fn::Sub
    defines itself.
    """

    node: yaml.ScalarNode
    kind: Kind
    own: frozenset[str] = frozenset()


class Section(Mapping[str, yaml.Node]):
    """A section of a template by its keys; empty where it is not there."""

    def __init__(self, node: yaml.Node | None) -> None:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        self.keys_as_nodes = {str(key.value): key for key, _ in pairs}
        self._values: dict[str, yaml.Node] = {str(key.value): value for key, value in pairs}

    def __getitem__(self, name: str) -> yaml.Node:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def sections(text: str, file: str) -> dict[str, Section]:
    """The template's sections; raises Problem where it is malformed.

    Raises Refusal for a template with a transform: what a macro makes of it has ids that do
    not stand in the text.
    """
    parse(text, file)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    whole = Section(root)
    if "Transform" in whole:
        raise Refusal(
            "The template has a transform",
            "a macro may make resources and references that do not stand in the text",
            "Deploy what the macro makes of it as a plain template first (GetTemplate, Processed)",
            file=file,
        )
    return {name: Section(node) for name, node in whole.items()}


def occurrences(parts: Mapping[str, Section]) -> Iterator[Occurrence]:
    """All of them: keys, references, dependencies; parameters and conditions are none.

    The template's own Metadata is left out, since no function is called there, and so are
    Parameters, Mappings and Rules, which cannot refer to a resource.
    """
    resources = parts.get("Resources", Section(None))
    for name, body in resources.items():
        yield Occurrence(resources.keys_as_nodes[name], "key")
        attributes = Section(body)
        for attribute, value in attributes.items():
            if attribute == "DependsOn":
                yield from _dependencies(value)
            else:
                yield from references(value)
    for section in ("Conditions", "Outputs"):
        for value in parts.get(section, Section(None)).values():
            yield from references(value)


def _dependencies(node: yaml.Node) -> Iterator[Occurrence]:
    members = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for member in members:
        if isinstance(member, yaml.ScalarNode):
            yield Occurrence(member, "whole")


def references(node: yaml.Node) -> Iterator[Occurrence]:
    """The references within a value, however deep, in their short and long forms."""
    match node.tag:
        case "!Ref":
            yield from _reference(node)
        case "!GetAtt":
            yield from _attribute(node)
        case "!Sub":
            yield from _substitution(node)
        case _ if isinstance(node, yaml.MappingNode):
            yield from _mapping(node)
        case _ if isinstance(node, yaml.SequenceNode):
            for member in node.value:
                yield from references(member)


def _mapping(node: yaml.MappingNode) -> Iterator[Occurrence]:
    if len(node.value) == 1:
        [(key, value)] = node.value
        call = {"Ref": _reference, "Fn::GetAtt": _attribute, "Fn::Sub": _substitution}
        if key.value in call:
            yield from call[key.value](value)
            return
    for _, value in node.value:
        yield from references(value)


def _reference(node: yaml.Node) -> Iterator[Occurrence]:
    if isinstance(node, yaml.ScalarNode):
        yield Occurrence(node, "whole")


def _attribute(node: yaml.Node) -> Iterator[Occurrence]:
    if isinstance(node, yaml.ScalarNode):
        yield Occurrence(node, "dotted")
    elif isinstance(node, yaml.SequenceNode) and node.value:
        first, *others = node.value
        yield from _reference(first)
        for each in others:
            yield from references(each)


def written_references(value: Any) -> Iterator[tuple[str, str]]:
    """Each name that plain data refers to, with the attribute; empty for a Ref.

    ``value`` has functions in their long form, and need not be resolved. Names of parameters
    are among them.
    """
    if isinstance(value, Mapping):
        for name, argument in value.items():
            if name == "Ref" and isinstance(argument, str):
                yield argument, ""
            elif name == "Fn::GetAtt" and isinstance(argument, list) and argument:
                yield str(argument[0]), ".".join(map(str, argument[1:]))
            elif name == "Fn::Sub" and isinstance(argument, str):
                yield from _in_text(argument)
            elif name == "Fn::Sub" and isinstance(argument, list) and argument:
                own = {key for each in argument[1:] if isinstance(each, Mapping) for key in each}
                yield from (
                    each
                    for each in _in_text(argument[0] if isinstance(argument[0], str) else "")
                    if ".".join(filter(None, each)) not in own
                )
                yield from written_references(
                    [value for each in argument[1:] if isinstance(each, Mapping)
                     for value in each.values()]
                )  # fmt: skip
            else:
                yield from written_references(argument)
    elif isinstance(value, list):
        for each in value:
            yield from written_references(each)


@cache
def _in_text(text: str) -> tuple[tuple[str, str], ...]:
    names = [name for literal, name in PLACE.findall(text) if not literal]
    return tuple((name.partition(".")[0], name.partition(".")[2]) for name in names)


def _substitution(node: yaml.Node) -> Iterator[Occurrence]:
    """A text, or a text with the values of some of its names; those are no ids."""
    if isinstance(node, yaml.ScalarNode):
        yield Occurrence(node, "text")
    elif isinstance(node, yaml.SequenceNode) and node.value:
        text, *others = node.value
        own = frozenset(name for each in others for name in Section(each))
        if isinstance(text, yaml.ScalarNode):
            yield Occurrence(text, "text", own)
        for each in others:
            for value in Section(each).values():
                yield from references(value)


def taken(parts: Mapping[str, Section]) -> Collection[str]:
    """Names that no resource may take: a template's logical names are unique."""
    return {
        name
        for section in ("Parameters", "Conditions", "Mappings")
        for name in parts.get(section, Section(None))
    }
