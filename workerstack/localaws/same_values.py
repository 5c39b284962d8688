"""A change set compares what a template's values come to, not how they are written.

MiniStack takes it for a change when a literal becomes a parameter of the same value, a number
becomes text, or a name that was joined is now substituted, and compares what a condition leaves
out. CloudFormation knows the values of all parameters, and those of the resources that stay.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Properties = dict[str, Any]
Template = dict[str, Any]


def install(changesets: Any) -> None:
    """Puts our resolution and comparison in the place of MiniStack's."""
    original = changesets._diff_resources
    if original.__module__ == __name__ or hasattr(original, "knows_drift"):
        return

    def compare(
        old: Template, new: Template, resources: Any, raw: Template, changed: Iterable[str],
        retag: Iterable[str],
    ) -> Any:  # fmt: skip
        return original(old, new, resources, _causes(old, new, raw, set(changed)), changed, retag)

    compare.__module__ = __name__
    changesets._diff_resources = compare
    changesets._resolve_props_for_diff = resolved


def resolved(template: Template, parameters: Any, stack: str, stack_id: str) -> Template:
    """The template with its resources' properties as values, as far as they are known now.

    What a condition leaves out is not there.
    """
    from ministack.services.cloudformation.engine import _evaluate_conditions
    from ministack.services.cloudformation.handlers import _resolve_stack

    if not template:
        return {}
    known = (_resolve_stack(stack_id) or {}).get("_resources", {})
    conditions = _evaluate_conditions(template, parameters)
    context = (
        known,
        parameters,
        conditions,
        template.get("Mappings", {}),
        stack,
        stack_id,
    )
    return {
        "Resources": {
            name: {**body, "Properties": _values(body.get("Properties") or {}, context)}
            for name, body in template["Resources"].items()
            if conditions.get(body.get("Condition"), True)
        }
    }


def _values(properties: Properties, context: tuple[Any, ...]) -> Properties:
    from ministack.services.cloudformation.engine import _NO_VALUE, _resolve_refs

    values = {}
    for name, value in properties.items():
        try:
            resolved = _resolve_refs(value, *context)
        except ValueError:  # an attribute that only the deployment will tell
            resolved = value
        if resolved is not _NO_VALUE:
            values[name] = as_text(resolved)
    return values


def as_text(value: Any) -> Any:
    """Numbers and booleans as the text that a parameter would be."""
    if isinstance(value, Mapping):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    # CloudFormation has every scalar as a text, so that 60 and "60" are no change.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _causes(old: Template, new: Template, raw: Template, parameters: set[str]) -> Template:
    """The template as written, without parameters where a property's value stays the same."""
    from ministack.services.cloudformation.engine import _intrinsic_references

    def reference(name: str, attribute: str | None) -> Properties:
        return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}

    resources = {}
    for name, body in raw["Resources"].items():
        if name not in new["Resources"]:
            continue  # a condition leaves it out
        before = old.get("Resources", {}).get(name, {}).get("Properties", {})
        after = new["Resources"][name]["Properties"]
        resources[name] = {
            **body,
            "Properties": {
                key: value
                if before.get(key) != after.get(key)
                else [
                    reference(*to) for to in _intrinsic_references(value) if to[0] not in parameters
                ]
                for key, value in (body.get("Properties") or {}).items()
            },
        }
    return {"Resources": resources}
