"""A template as YAML text, in CloudFormation's short form.

troposphere's own rendering goes through two pure-Python passes; this one gives PyYAML's C
emitter a tree with tags, ten times as fast. Keys are sorted, so that moving a function
from one module to another changes no byte of out/.
"""

import re
from typing import Any

import yaml

SOURCE = "templates/workers.py"
"""The file in which a project says which workers there are."""

CUSTOMIZED = "Customized"
"""The Metadata under which a template lists what its project changed in it by hand."""

NO_TEXT = re.compile(
    r"""[-+]?(0[xob])?(?=[a-f_.,:]*[0-9])[0-9a-f_.,:]+([-+][0-9_]+)?  # numbers, times, base 60
    |([-+]|[-+]?\.)_+  # ruamel.yaml holds `-_` and `._` to be numbers, and fails
    |[-+]?\.?(inf|nan)|y|n|yes|no|on|off|true|false|null|~|=|<<|\s*
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*""",
    re.IGNORECASE | re.VERBOSE,
)
"""Text that some reader of YAML 1.1 or 1.2 takes for a number, a truth, a date or nothing.

PyYAML quotes what it would itself read otherwise, by the rules of 1.1, and those leave out
`012345678901` and `1234e567`, which 1.2 takes for numbers. Source: YAML 1.1, types int, float,
bool, null, timestamp, merge and value; YAML 1.2, "Core schema".
"""


class _Intrinsic:
    def __init__(self, tag: str, value: Any) -> None:
        self.tag, self.value = tag, value


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """PyYAML's dumper with CloudFormation's tags and without anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - whatever it is
        """CloudFormation takes no YAML aliases."""
        return True

    def represent_text(self, data: str) -> yaml.Node:
        """Text that stays text to every reader."""
        style = "'" if NO_TEXT.fullmatch(data) else None
        node: yaml.Node = self.represent_scalar("tag:yaml.org,2002:str", data, style=style)
        return node

    def represent_intrinsic(self, data: _Intrinsic) -> yaml.Node:
        """``!Ref X``, ``!Sub [..]``: the value's node under the intrinsic's tag."""
        node: yaml.Node = self.represent_data(data.value)
        node.tag = data.tag
        if isinstance(node, yaml.ScalarNode):
            node.style = None
        return node


_Dumper.add_representer(_Intrinsic, _Dumper.represent_intrinsic)
_Dumper.add_representer(str, _Dumper.represent_text)


def render(template: dict[str, Any], source: str = SOURCE) -> str:
    """The YAML text of a template in its long form (``Template.to_dict()``), made from a file."""
    text: str = yaml.dump(
        _short(template), Dumper=_Dumper, sort_keys=True, width=100, allow_unicode=True
    )
    header = f"# Made by generate.py from {source}. Change it there, not here.\n"
    return header + _customized(template) + text


def _customized(template: dict[str, Any]) -> str:
    """What a project changed by hand, where everybody sees it first."""
    changes = template.get("Metadata", {}).get(CUSTOMIZED, [])
    return "".join(f"# Customized: {each}\n" for each in changes)


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
