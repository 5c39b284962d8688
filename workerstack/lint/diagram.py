"""The stack as a picture: a Mermaid diagram made from the emitted template."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workerstack.problem import harmless

IMPORTED = ("Network", "Workspace", "Container", "Queue")
"""The groups of parameters that name things which live outside the stack."""

PLAIN_VALUES = frozenset({"AssignPublicIp", "VpcCidr", "ImageReference", "VisibilityTimeout"})
"""Parameters of these groups that are mere values and no things."""

RESERVED = frozenset(
    {"end", "graph", "flowchart", "subgraph", "style", "class", "click", "default"}
)
"""Words with which Mermaid begins something else."""

START, END = "<!-- diagram: {} -->", "<!-- /diagram -->"


def in_document(document: str, file: str, template: Mapping[str, Any]) -> str:
    """The document with the diagram of ``file`` between its two marks made anew."""
    start = START.format(file)
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(END)}", re.DOTALL)
    block = f"{start}\n```mermaid\n{mermaid(template)}```\n{END}"
    return pattern.sub(lambda _: block, document)


def mermaid(template: Mapping[str, Any]) -> str:
    """A flow chart: resources, the imported things (rounded), and references as arrows."""
    resources: Mapping[str, Any] = template["Resources"]
    things = [name for name in _imported(template) if _is_used(name, resources)]
    lines = ["flowchart LR"]
    lines += [f"    {_node(name)}([{_label(_words(name))}])" for name in things]
    lines += [
        f'    {_node(name)}["{_label(name)}<br/>{_label(_kind(body))}"]'
        for name, body in resources.items()
    ]
    known = {*things, *resources}
    for name, body in resources.items():
        for target in sorted(set(references(body)) & known - {name}):
            lines.append(f"    {_node(name)} --> {_node(target)}")
    return "\n".join(lines) + "\n"


def references(value: Any) -> Iterator[str]:
    """Every logical id or parameter that a value refers to, in parsed long-form YAML."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "DependsOn":  # a container's holds mappings, which name containers
                names = item if isinstance(item, list) else [item]
                yield from (name for name in names if isinstance(name, str))
            elif key == "Fn::Sub":
                text, variables = (item, {}) if isinstance(item, str) else item
                yield from re.findall(r"\$\{([A-Za-z0-9]+)[.}]", text)
                yield from references(variables)
            else:
                yield from references(item)


def _imported(template: Mapping[str, Any]) -> list[str]:
    interface = template.get("Metadata", {}).get("AWS::CloudFormation::Interface", {})
    return [
        name
        for group in interface.get("ParameterGroups", [])
        if group["Label"]["default"] in IMPORTED
        for name in group["Parameters"]
        if name not in PLAIN_VALUES
    ]


def _is_used(name: str, resources: Mapping[str, Any]) -> bool:
    return any(name in references(body) for body in resources.values())


def _node(name: str) -> str:
    """What the diagram calls it: no character, and no word, that Mermaid reads otherwise."""
    plain = re.sub(r"[^A-Za-z0-9]", "_", name)
    return f"{plain}_" if plain.lower() in RESERVED or plain != name else plain


def _label(text: str) -> str:
    """A text in it: all but plain words as Mermaid's entities (`#34;`), so that it stays one."""
    return re.sub(r"[^A-Za-z0-9 _.:/-]", lambda found: f"#{ord(found[0])};", harmless(text))


def _kind(body: Mapping[str, Any]) -> str:
    return str(body["Type"]).removeprefix("AWS::").replace("::", " ")


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"(Ids?|Arn|Name)$", "", name))
