"""Commands of the AWS CLI that put back what was changed by hand, ready to be pasted.

CloudFormation says "no changes" to a template that has not changed, whatever was changed by hand.
So what one call of the service's own API puts back is that call, with the deployed values.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from workerstack.cloudformation import is_known
from workerstack.cloudformation.values import scalar
from workerstack.deployer.aws import Clients


class NotKnownError(Exception):
    """A value that the call needs is not known here."""


def put_back(
    clients: Clients, service: str, operation: str, values: Mapping[str, Any], region: str = ""
) -> str:
    """The command that makes one call; ``values`` are properties as CloudFormation spells them.

    What the operation does not take is left out, numbers and booleans become such. Raises
    NotKnownError where a value is not known. ``operation`` is the API's name.
    """
    model = clients(service).meta.service_model.operation_model(operation)
    request = _typed(model.input_shape, values)
    return command(service, operation, request, region)


def command(service: str, operation: str, request: Mapping[str, Any], region: str = "") -> str:
    """``aws SERVICE OPERATION --member value ...``; what is not a scalar is written as JSON."""
    from botocore import xform_name

    words = ["aws", service, xform_name(operation, "-")]
    for name, value in request.items():
        option = f"--{xform_name(name, '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif isinstance(value, list) and value and all(isinstance(e, str) for e in value):
            words += [option, *map(shlex.quote, value)]
        else:
            written = scalar(value)
            text = json.dumps(value) if written is None else written
            words += [option, shlex.quote(text)]
    return " ".join([*words, *(["--region", region] if region else [])])


def _typed(shape: Any, value: Any) -> Any:  # noqa: PLR0911 - one return a kind of shape
    """A value as the API takes it: its own spelling of members, numbers as numbers."""
    if not is_known(value):
        raise NotKnownError
    match shape.type_name:
        case "structure":
            members = {name.lower(): name for name in shape.members}
            return {
                members[key.lower()]: _typed(shape.members[members[key.lower()]], each)
                for key, each in value.items()
                if key.lower() in members
            }
        case "list":
            listed = value if isinstance(value, list) else [value]
            return [_typed(shape.member, each) for each in listed]
        case "map":
            if isinstance(value, list):  # tags, which CloudFormation has as pairs
                value = {each["Key"]: each["Value"] for each in value}
            return {str(key): _typed(shape.value, each) for key, each in value.items()}
        case "boolean":
            return str(scalar(value)).lower() == "true"
        case "integer" | "long":
            return int(float(str(scalar(value))))
        case "float" | "double":
            number = float(str(scalar(value)))
            return int(number) if number.is_integer() else number
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(scalar(value))
