"""One text for values that CloudFormation takes as equal."""

import json
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> str:
    """A value as text in which ``1`` and ``"1"``, ``true`` and ``"true"`` are the same.

    CloudFormation compares so: every scalar of a template reaches it as a text.
    """
    return json.dumps(_texts(value), sort_keys=True)


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _texts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)
