"""JSON schemas with which editors complete and check the files of params/."""

import json
from collections.abc import Mapping
from typing import Any

from workerstack.cloudformation import Parameter
from workerstack.deployments.models import DeploymentFile, Target

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def target_schema() -> str:
    """The schema of ``params/ENV/target.yaml``, from the model that reads it."""
    return _text(Target.model_json_schema())


def deployment_schema(declared: Mapping[str, Parameter]) -> str:
    """The schema of one template's deployment files, from the parameters it declares."""
    schema = DeploymentFile.model_json_schema()
    schema["properties"]["parameters"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _parameter(each) for name, each in sorted(declared.items())},
        "required": sorted(name for name, each in declared.items() if each.default is None),
    }
    schema["required"] = ["template-file-path", "parameters"]
    return _text(schema)


def _parameter(declared: Parameter) -> dict[str, Any]:
    if declared.is_list:
        return {
            "type": ["string", "array"],
            "items": {"type": "string"},
            "minItems": 1,
            "description": declared.description,
        }
    schema: dict[str, Any] = {"description": declared.description}
    if declared.type == "Number":
        schema["type"] = "number"
        bounds = {"minimum": declared.least, "maximum": declared.most}
        schema |= {name: bound for name, bound in bounds.items() if bound is not None}
        if declared.allowed:
            schema["enum"] = [json.loads(value) for value in declared.allowed]
    elif declared.allowed == ("true", "false"):
        schema["enum"] = ["true", "false", True, False]
    elif declared.allowed:
        schema["enum"] = list(declared.allowed)
    else:
        schema["type"] = "string"
        if declared.pattern:
            schema["pattern"] = declared.pattern
    if declared.default is not None:
        schema["default"] = declared.default
    return schema


def _text(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": DIALECT, **schema}, indent=2) + "\n"
