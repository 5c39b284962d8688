"""Where refactoring is refused: a resource retained, removed, and imported under its new id.

Three changes of the deployed template, each a pure function. What refers to the resource gets
its values meanwhile, so that nothing else changes.
Source: CloudFormation user guide, "Move resources between stacks" and "Import resources".
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from workerstack.cloudformation import schemas
from workerstack.cloudformation.functions import PLACE
from workerstack.cloudformation.logical_ids import written_references
from workerstack.problem import Refusal

PREFIX = "Adopted"
"""Outputs that tell the values of what is going to be removed begin so."""

RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}

Template = Mapping[str, Any]
Known = Mapping[tuple[str, str], str]
"""The value of each Ref (empty attribute) and GetAtt."""


def retained(template: Template, ids: Collection[str]) -> dict[str, Any]:
    """The template with these resources kept when they go, and their values as outputs."""
    resources = {
        name: {**body, **RETAIN} if name in ids else body
        for name, body in template["Resources"].items()
    }
    outputs = dict(template.get("Outputs") or {})
    # Told before the resource leaves: afterwards nobody can ask CloudFormation for its attributes.
    for name, attribute in sorted(_used(template, ids)):
        value = {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
        outputs[output(name, attribute)] = {"Value": value}
    return {**template, "Resources": resources, "Outputs": outputs}


def is_retained(template: Template, name: str) -> bool:
    """Whether a removal would leave the resource alone, and its values are told."""
    body = template["Resources"].get(name, {})
    told = template.get("Outputs") or {}
    return all(body.get(key) == value for key, value in RETAIN.items()) and all(
        output(*each) in told for each in _used(template, [name])
    )


def output(name: str, attribute: str) -> str:
    """The output that tells a value."""
    return PREFIX + name + ("".join(filter(str.isalnum, attribute)) or "Ref")


def known(template: Template, ids: Collection[str], told: Mapping[str, str]) -> Known:
    """The values of these resources, from the stack's outputs."""
    return {each: told[output(*each)] for each in _used(template, ids)}


def _used(template: Template, ids: Collection[str]) -> set[tuple[str, str]]:
    """What refers to these resources, and what they refer to."""
    own = {
        name: body
        for name, body in (template.get("Outputs") or {}).items()
        if not name.startswith(PREFIX)
    }
    resources = template["Resources"]
    to_them = {each for each in _references([resources, own]) if each[0] in ids}
    bodies = [resources[name] for name in ids if name in resources]
    return to_them | {each for each in _references(bodies) if each[0] in resources}


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Each resource that a value refers to, with the attribute; a Sub's own names are none."""
    match value:
        case {"Ref": str()} | {"Fn::GetAtt": list()} | {"Fn::Sub": str()}:
            yield from written_references(value)
        case {"Fn::Sub": [str() as text, Mapping() as own]}:
            for name, attribute in written_references({"Fn::Sub": text}):
                if (f"{name}.{attribute}" if attribute else name) not in own:
                    yield name, attribute
            yield from _references(list(own.values()))
        case Mapping():
            for each in value.values():
                yield from _references(each)
        case list():
            for each in value:
                yield from _references(each)


def removed(template: Template, ids: Collection[str], values: Known) -> dict[str, Any]:
    """The template without these resources; their values stand where they were referred to."""
    of_them = {each: value for each, value in values.items() if each[0] in ids}
    resources = {
        name: _independent(body, ids, of_them)
        for name, body in template["Resources"].items()
        if name not in ids
    }
    outputs = {
        name: substituted(body, of_them)
        for name, body in (template.get("Outputs") or {}).items()
        if not any(name == output(*each) for each in values)
    }
    found = {**template, "Resources": resources, "Outputs": outputs}
    return found if outputs else {key: each for key, each in found.items() if key != "Outputs"}


def _independent(body: Any, ids: Collection[str], values: Known) -> Any:
    found = dict(substituted(body, values))
    if "DependsOn" in found:
        waits = found.pop("DependsOn")
        left = [each for each in ([waits] if isinstance(waits, str) else waits) if each not in ids]
        found |= {"DependsOn": left} if left else {}
    return found


def substituted(value: Any, values: Known) -> Any:
    """A value with what is known in the place of each reference to it."""
    match value:
        case {"Ref": str() as name}:
            return values.get((name, ""), value)
        case {"Fn::GetAtt": [str() as name, str() as attribute]}:
            return values.get((name, attribute), value)
        case {"Fn::Sub": str() as text}:
            return {"Fn::Sub": PLACE.sub(lambda place: _place(place, values), text)}
        case {"Fn::Sub": [str() as text, Mapping() as own]}:
            inner = PLACE.sub(lambda place: _place(place, values, own), text)
            return {"Fn::Sub": [inner, substituted(own, values)]}
    if isinstance(value, Mapping):
        return {key: substituted(each, values) for key, each in value.items()}
    return [substituted(each, values) for each in value] if isinstance(value, list) else value


def _place(place: Any, values: Known, own: Collection[str] = ()) -> str:
    literal, inside = place.groups()
    name, _, attribute = inside.strip().partition(".")
    if literal or inside.strip() in own or (name, attribute) not in values:
        return str(place.group())
    return values[name, attribute].replace("${", "${!")


def independent_body(template: Template, name: str, values: Known) -> dict[str, Any]:
    """A resource's body as it is imported: with values in the place of all references."""
    body = template["Resources"][name]
    kept = {key: body[key] for key in ("Type", "Properties", "Metadata") if key in body}
    return {**substituted(kept, values), **RETAIN}


def imported(template: Template, bodies: Mapping[str, Any]) -> dict[str, Any]:
    """The template with these resources, which exist and are in no stack."""
    return {**template, "Resources": {**template["Resources"], **bodies}}


def identifier(kind: str, physical_id: str, properties: Mapping[str, Any]) -> dict[str, str]:
    """What an import names the resource by: its primary identifier.

    Raises Refusal for a type that cannot be imported.
    """
    schema = schemas.read(kind) or {}
    pointers = schema.get("primaryIdentifier", ())
    if not pointers or "read" not in schema.get("handlers", ()):
        raise Refusal(
            f"{kind} can be neither refactored nor imported",
            "its provider reads no resource that exists already",
            "Map it to nothing (--map OURS=): then a new one is made, and the old one removed",
        )
    names = [pointer.rpartition("/")[2] for pointer in pointers]
    if len(names) == 1:
        return {names[0]: physical_id}
    whole = physical_id.split("|") if "|" in physical_id else []
    found = {}
    for position, name in enumerate(names):
        value = properties.get(name)
        if len(whole) == len(names):
            value = whole[position]
        found[name] = value if isinstance(value, str) else physical_id
    return found
