"""What a change of a property means for its resource: the provider schemas' answer.

Read from the schemas that cfn-lint ships, without importing it. `createOnlyProperties`
force a replacement, `conditionalCreateOnlyProperties` may.
Source: CloudFormation CLI user guide, "Resource type schema".
"""

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workerstack.problem import Problem

Names = tuple[str, ...]
"""A property's path without positions in lists: ``("Volumes", "Name")``."""

REGION = "us-east-1"
"""Where nearly all types exist; replacement does not differ between regions."""


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


def is_create_only(kind: str, name: str) -> bool:
    """Whether a property cannot change but with its resource, or is its identity."""
    schema = read(kind) or {}
    fixed = (*schema.get("createOnlyProperties", ()), *schema.get("primaryIdentifier", ()))
    return any(_names(pointer)[:1] == (name,) for pointer in fixed)


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


@cache
def read(kind: str) -> Mapping[str, Any] | None:
    """The schema of a resource type; None for a type that has none, such as a custom one.

    Raises Problem where cfn-lint is not installed.
    """
    name = _index().get("AWS::CloudFormation::CustomResource" if _is_custom(kind) else kind)
    if name is None:
        return None
    found: Mapping[str, Any] = json.loads((_folder() / "resources" / f"{name}.json").read_text())
    return found


def _is_custom(kind: str) -> bool:
    return kind.startswith("Custom::")


@cache
def _index() -> dict[str, str]:
    found: dict[str, str] = json.loads((_folder() / "providers" / f"{REGION}.json").read_text())
    return found


@cache
def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")
    folder = Path(found.origin).parent / "data" / "schemas" if found and found.origin else None
    if folder is None or not (folder / "providers" / f"{REGION}.json").is_file():
        raise Problem(
            "The provider schemas are not there",
            "cfn-lint ships them, and it is not installed in the version of constraints.txt",
            "Run `make setup`, and use the Python of .venv",
        )
    return folder
