"""What a change of a property means for its resource: the provider schemas' answer.

`createOnlyProperties` force a replacement, `conditionalCreateOnlyProperties` may. The schemas'
answers for all types lie beside this file; ``workerstack.lint.provider_schemas`` writes them.
Source: CloudFormation CLI user guide, "Resource type schema".
"""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("provider_schemas.json.gz")

Names = tuple[str, ...]
"""A property's path without positions in lists: ``("Volumes", "Name")``."""


def recreation(kind: str, names: Names) -> str:
    """``Always``, ``Conditionally`` or ``Never``; Conditionally for a type without schema."""
    schema = read(kind)
    if schema is None:
        return "Conditionally"
    for member, answer in (
        ("createOnlyProperties", "Always"),
        ("conditionalCreateOnlyProperties", "Conditionally"),
    ):
        if any(_touches(_names(pointer), names) for pointer in schema.get(member, ())):
            return answer
    return "Never"


def _touches(pointer: Names, names: Names) -> bool:
    """Whether a change at ``names`` changes what is at the pointer."""
    shared = min(len(pointer), len(names))
    return pointer[:shared] == names[:shared]


def is_tagged(kind: str) -> bool:
    """Whether a stack's tags reach resources of this type."""
    tagging = (read(kind) or {}).get("tagging", {})
    return bool(tagging.get("taggable") and tagging.get("tagUpdatable", True))


@cache
def _names(pointer: str) -> Names:
    return tuple(part for part in pointer.split("/")[2:] if part not in ("*", "items"))


def read(kind: str) -> Mapping[str, Any] | None:
    """What the schema of a resource type says; None for a type that has none.

    Of the schema's members those that decide what a change means, and the names of its handlers.
    """
    custom = kind.startswith("Custom::")
    return _all().get("AWS::CloudFormation::CustomResource" if custom else kind)


@cache
def _all() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = json.loads(written())
    return found


def written() -> bytes:
    """The file's text, unpacked."""
    return gzip.decompress(FILE.read_bytes())
