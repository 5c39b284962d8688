"""A template as YAML text, in CloudFormation's short form.

troposphere's own rendering goes through two pure-Python passes; this one gives PyYAML's C
emitter a tree with tags, ten times as fast. Keys are sorted, so that moving a function
from one module to another changes no byte of out/.
"""

from typing import Any

import yaml

HEADER = "# Made by generate.py from templates/workers.py. Change it there, not here.\n"


class _Intrinsic:
    def __init__(self, tag: str, value: Any) -> None:
        self.tag, self.value = tag, value


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """PyYAML's dumper with CloudFormation's tags and without anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - whatever it is
        """CloudFormation takes no YAML aliases."""
        return True

    def represent_intrinsic(self, data: _Intrinsic) -> yaml.Node:
        """``!Ref X``, ``!Sub [..]``: the value's node under the intrinsic's tag."""
        node: yaml.Node = self.represent_data(data.value)
        node.tag = data.tag
        if isinstance(node, yaml.ScalarNode):
            node.style = None
        return node


_Dumper.add_representer(_Intrinsic, _Dumper.represent_intrinsic)


def render(template: dict[str, Any]) -> str:
    """The YAML text of a template in its long form (``Template.to_dict()``)."""
    text: str = yaml.dump(
        _short(template), Dumper=_Dumper, sort_keys=True, width=100, allow_unicode=True
    )
    return HEADER + text


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == "Ref":
            return _Intrinsic("!Ref", item)
        if key == "Fn::GetAtt" and isinstance(item, list) and all(map(_is_text, item)):
            return _Intrinsic("!GetAtt", ".".join(item))
        if key.startswith("Fn::"):
            return _Intrinsic(f"!{key.removeprefix('Fn::')}", _short(item))
    return {key: _short(item) for key, item in value.items()}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
