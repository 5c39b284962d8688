"""CloudFormation's intrinsic functions, computed as far as their arguments are known.

What is not known stays as it is written, so that two templates can still be compared.
Texts that are put together take one form, whether Sub or Join made them.
Source: CloudFormation template reference, "Intrinsic function reference".
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

NO_VALUE = "AWS::NoValue"
PLACE = re.compile(r"\$\{(!?)([^}]*)\}")

Resolve = Callable[[Any], Any]
"""Resolves an argument first."""


def is_intrinsic(value: Any) -> bool:
    """Whether a value is a function that is still to be called."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    [name] = value
    return name in ("Ref", "Condition") or str(name).startswith("Fn::")


def is_open(value: Any) -> bool:
    """Whether anything in a value is still to be computed."""
    if is_intrinsic(value):
        return True
    if isinstance(value, Mapping):
        return any(is_open(each) for each in value.values())
    return isinstance(value, list) and any(is_open(each) for each in value)


def as_text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def substitute(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Sub``, of a text or of a text with its own values."""
    own: Mapping[str, Any] = {}
    match argument:
        case str() as text:
            pass
        case [str() as text, Mapping() as own]:
            pass
        case _:
            return {"Fn::Sub": resolve(argument)}
    parts: list[Any] = []
    end = 0
    for found in PLACE.finditer(text):
        literal, name = found.groups()
        parts.append(text[end : found.start()])
        end = found.end()
        if literal:
            parts.append("${" + name + "}")
        elif name.strip() in own:
            parts.append(resolve(own[name.strip()]))
        else:
            parts.append(resolve(_named(name.strip())))
    return concatenated([*parts, text[end:]])


def _named(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": name.split(".", 1)} if "." in name else {"Ref": name}


def join(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Join``."""
    match resolve(argument):
        case [str() as delimiter, list() as items]:
            return concatenated([part for item in items for part in (delimiter, item)][1:])
        case found:
            return {"Fn::Join": found}


def concatenated(parts: list[Any]) -> Any:
    """Parts as one text; with what is not known in ``${...}``, or as a Join where it is more."""
    merged: list[Any] = []
    for part in (piece for each in parts for piece in _flat(each)):
        closed = not is_open(part) and not isinstance(part, list | Mapping)
        text = as_text(part) if closed else part
        if merged and closed and isinstance(merged[-1], str):
            merged[-1] += text
        elif text != "":
            merged.append(text)
    if not merged:
        return ""
    if len(merged) == 1:
        return merged[0]
    if all(isinstance(part, str) or _place(part) for part in merged):
        escaped = (
            part.replace("${", "${!") if isinstance(part, str) else _place(part) for part in merged
        )
        return {"Fn::Sub": "".join(escaped)}
    return {"Fn::Join": ["", merged]}


def _flat(part: Any) -> list[Any]:
    """The parts of a text that was itself put together."""
    if isinstance(part, Mapping) and list(part) == ["Fn::Join"]:
        argument = part["Fn::Join"]
        if isinstance(argument, list) and argument[0] == "" and isinstance(argument[1], list):
            return argument[1]
    if isinstance(part, Mapping) and list(part) == ["Fn::Sub"] and isinstance(part["Fn::Sub"], str):
        found: list[Any] = []
        end = 0
        for place in PLACE.finditer(part["Fn::Sub"]):
            literal, name = place.groups()
            found += [part["Fn::Sub"][end : place.start()]]
            found += ["${" + name + "}" if literal else _named(name)]
            end = place.end()
        return [*found, part["Fn::Sub"][end:]]
    return [part]


def _place(part: Any) -> str:
    """``${Queue.Arn}`` for a Ref or a GetAtt, nothing for other functions."""
    if not isinstance(part, Mapping):
        return ""
    argument = part.get("Ref", part.get("Fn::GetAtt"))
    if isinstance(argument, list) and all(isinstance(each, str) for each in argument):
        argument = ".".join(argument)
    return "${" + argument + "}" if isinstance(argument, str) else ""


def attribute(argument: Any, resolve: Resolve) -> Any:
    """``Fn::GetAtt``, in its form of two members whichever way it is written."""
    found = resolve(argument)
    parts = found.split(".", 1) if isinstance(found, str) else found
    return {"Fn::GetAtt": parts}


def select(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Select``; what is out of range is left as it is written."""
    match resolve(argument):
        case [index, list() as items] if str(index).isdigit() and int(index) < len(items):
            return items[int(index)]
        case found:
            return {"Fn::Select": found}


def split(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Split``."""
    match resolve(argument):
        case [str() as delimiter, str() as text] if delimiter:
            return text.split(delimiter)
        case found:
            return {"Fn::Split": found}


def encode(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Base64``."""
    found = resolve(argument)
    if isinstance(found, str):
        return base64.b64encode(found.encode()).decode()
    return {"Fn::Base64": found}


def length(argument: Any, resolve: Resolve) -> Any:
    """``Fn::Length``, of the language extensions."""
    found = resolve(argument)
    return len(found) if isinstance(found, list) else {"Fn::Length": found}


def to_json(argument: Any, resolve: Resolve) -> Any:
    """``Fn::ToJsonString``, of the language extensions."""
    found = resolve(argument)
    if is_open(found):
        return {"Fn::ToJsonString": found}
    return json.dumps(found, separators=(",", ":"))


FUNCTIONS: Mapping[str, Callable[[Any, Resolve], Any]] = {
    "Fn::Base64": encode,
    "Fn::GetAtt": attribute,
    "Fn::Join": join,
    "Fn::Length": length,
    "Fn::Select": select,
    "Fn::Split": split,
    "Fn::Sub": substitute,
    "Fn::ToJsonString": to_json,
}
"""Those that need nothing but their arguments; others stay as they are written."""
