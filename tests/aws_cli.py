"""Does what a line of the AWS CLI says, through boto3: what a report prints is tried out."""

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

from botocore import xform_name

Client = Callable[[str], Any]


def follow(line: str, client: Client) -> None:
    """Each command of a line that ``&&`` joins; one that is not for the AWS CLI fails."""
    words: list[str] = []
    for word in [*shlex.split(line), "&&"]:
        if word != "&&":
            words.append(word)
            continue
        _run(words, client)
        words = []


def _run(words: list[str], client: Client) -> None:
    assert words[0] == "aws", words
    api = client(words[1])
    names = {xform_name(name, "-"): name for name in api.meta.service_model.operation_names}
    model = api.meta.service_model.operation_model(names[words[2]])
    members = {xform_name(name, "-"): name for name in model.input_shape.members}
    request: dict[str, Any] = {}
    option = ""
    for word in words[3:]:
        if word.startswith("--"):
            option = word[2:]
            if option == "region":
                continue
            negative = option.startswith("no-") and option not in members
            option = option[3:] if negative else option
            shape = model.input_shape.members[members[option]]
            if shape.type_name == "boolean":
                request[members[option]] = not negative
        elif option != "region":
            name = members[option]
            shape = model.input_shape.members[name]
            found = _value(shape, word)
            request[name] = [*request.get(name, []), *found] if shape.type_name == "list" else found
    getattr(api, xform_name(model.name))(**request)


def _value(shape: Any, word: str) -> Any:
    """JSON, the shorthand ``a=b,c=d``, or the plain value."""
    if shape.type_name == "list":
        return json.loads(word) if word.startswith("[") else [word]
    if shape.type_name in ("structure", "map"):
        if word.startswith("{"):
            return json.loads(word)
        pairs = dict(each.split("=", 1) for each in word.split(","))
        return {name: {"true": True, "false": False}.get(value, value)
                for name, value in pairs.items()}  # fmt: skip
    if shape.type_name in ("integer", "long"):
        return int(word)
    return float(word) if re.fullmatch("float|double", shape.type_name) else word
