"""A template's text as plain data, with the line of every mapping."""

import json
from typing import Any

import yaml

from simulator.errors import SimulationError


class Located(dict[str, Any]):
    """A mapping that knows its line in the file, None if the file was JSON that is no YAML."""

    line: int | None = None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short intrinsics, dates left as text."""


def _mapping(loader: Any, node: yaml.MappingNode) -> Located:
    found = Located(loader.construct_mapping(node, deep=True))
    found.line = node.start_mark.line + 1
    return found


def _intrinsic(loader: Any, suffix: str, node: yaml.Node) -> Located:
    """``!Ref X`` as ``{"Ref": "X"}``, ``!GetAtt A.B`` as ``{"Fn::GetAtt": ["A", "B"]}``."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = _mapping(loader, node)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    found = Located({suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value})
    found.line = node.start_mark.line + 1
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_multi_constructor("!", _intrinsic)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def parse(text: str, file: str) -> Located:
    """The mapping that a YAML or JSON text is; SimulationError with the line where it is not."""
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        data = _json(text)
        if data is None:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or str(error).partition("\n")[0]
            raise SimulationError(
                "The file is malformed", str(why), "Correct it", file=file,
                line=mark.line + 1 if mark else None,
            ) from error  # fmt: skip
    if not isinstance(data, dict):
        raise SimulationError(
            "The file holds no mapping",
            f"it is {type(data).__name__}",
            "Give a CloudFormation template",
            file=file,
        )
    return data if isinstance(data, Located) else Located(data)


def _json(text: str) -> Any:
    """JSON that YAML does not take, for its tabs."""
    try:
        return json.loads(text, object_hook=Located)
    except (ValueError, RecursionError):
        return None
