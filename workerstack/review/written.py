"""A template's value as it is written in a sentence or a table."""

import json
from collections.abc import Mapping
from typing import Any


def written(value: Any) -> str:
    """A text as it is; a reference as ``${Queue.Arn}``, as in Fn::Sub; the rest as JSON."""
    match value:
        case str():
            return value
        case {"Ref": str() as name, **rest} if not rest:
            return "${" + name + "}"
        case {"Fn::GetAtt": [str() as name, str() as attribute], **rest} if not rest:
            return "${" + f"{name}.{attribute}" + "}"
        case {"Fn::Sub": str() as text, **rest} if not rest:
            return text
    return json.dumps(value, sort_keys=True)


def is_intrinsic(value: Any) -> bool:
    """Whether a value is one function of CloudFormation."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and str(next(iter(value))).startswith(("Fn::", "Ref"))
    )
