"""The provider schemas that cfn-lint ships, read without importing it; and the registry's words."""

import importlib.util
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workerstack.localaws.answers import Answer, answer, error, escaped


@cache
def schema(kind: str) -> Mapping[str, Any] | None:
    """The schema of a resource type; None for one that has none."""
    name = _index().get(kind)
    if name is None:
        return None
    found: Mapping[str, Any] = json.loads((_folder() / "resources" / f"{name}.json").read_text())
    return found


@cache
def _index() -> dict[str, str]:
    found: dict[str, str] = json.loads((_folder() / "providers" / "us-east-1.json").read_text())
    return found


def _folder() -> Path:
    specification = importlib.util.find_spec("cfnlint")
    if specification is None or specification.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed, whose schemas are needed")
    return Path(specification.origin).parent / "data" / "schemas"


def provisioning_type(kind: str) -> str:
    """What the registry says of a type, by the handlers of its schema (DescribeType)."""
    handlers = set((schema(kind) or {}).get("handlers", ()))
    if not {"create", "delete"} <= handlers:
        return "NON_PROVISIONABLE"
    return "FULLY_MUTABLE" if "update" in handlers else "IMMUTABLE"


def _describe_type(request: Any) -> Answer:
    from ministack.services.cloudformation.helpers import _p

    kind = _p(request, "TypeName")
    if schema(kind) is None:
        return error("TypeNotFoundException", f"The type '{kind}' cannot be found.")
    return answer(
        "DescribeType",
        f"<Type>RESOURCE</Type><TypeName>{escaped(kind)}</TypeName>"
        f"<ProvisioningType>{provisioning_type(kind)}</ProvisioningType>",
    )


HANDLERS: dict[str, Callable[[Any], Answer]] = {"DescribeType": _describe_type}
