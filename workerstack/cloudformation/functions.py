"""The intrinsic functions, computed as far as their arguments are known.

Each takes the evaluator, the argument as it is written, and its place; it gives a value, or an
Unknown whose expression has everything put in that is known. What CloudFormation refuses is a
fault with its line.

Source: CloudFormation template reference, "Intrinsic function reference".
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from workerstack.cloudformation.compare import equal
from workerstack.cloudformation.context import Context
from workerstack.cloudformation.document import Place
from workerstack.cloudformation.pseudo_parameters import PSEUDO
from workerstack.cloudformation.values import (
    Kind,
    Reference,
    Text,
    Unknown,
    concatenated,
    is_plain,
    pieces,
    scalar,
    text,
)

PLACE = re.compile(r"\$\{(!?)([^}]*)\}")
MOST_CIDRS = 256


def _unknown(name: str, argument: Any, kind: Kind = "function") -> Unknown:
    reasons = [each.reason for each in _unknown_parts(argument)]
    reason = "; ".join(dict.fromkeys(reasons)) or f"only AWS knows what {name} gives here"
    return Unknown({name: argument}, reason, kind)


def _unknown_parts(value: Any) -> list[Unknown]:
    if isinstance(value, Unknown):
        return [value]
    if isinstance(value, Text):
        return [each for each in value.pieces if isinstance(each, Unknown)]
    if isinstance(value, dict):
        return [found for each in value.values() for found in _unknown_parts(each)]
    return [f for each in value for f in _unknown_parts(each)] if isinstance(value, list) else []


def _shape(evaluator: Context, name: str, wanted: str, argument: Any, place: Place) -> Unknown:
    return evaluator.fault(
        f"{name} takes {wanted}",
        f"it has {str(argument)[:80]}",
        "Write it as the intrinsic function reference says",
        place,
        {name: argument},
    )


def _text_of(evaluator: Context, value: Any, name: str, place: Place) -> Any:
    """A value as a piece of a text; a list or a mapping is a fault."""
    if isinstance(value, list | dict) or value is None:
        return evaluator.fault(
            f"{name} puts texts together", f"one of them is {str(value)[:80]}",
            "Join a list with Fn::Join first", place, value,
        )  # fmt: skip
    return value


def _finished(evaluator: Context, value: Any) -> Any:
    """A text that was put together; it may have become a dynamic reference."""
    if isinstance(value, str) and "{{resolve:" in value:
        return evaluator.dynamic(value)
    return value


def substitute(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Sub``, of a text or of a text with its own values."""
    own: Mapping[str, Any] = {}
    match argument:
        case str() as whole:
            pass
        case [str() as whole, dict() as own]:
            pass
        case _:
            wanted = "a text, or a text and a mapping of its names"
            return _shape(evaluator, "Fn::Sub", wanted, argument, place)
    parts: list[Any] = []
    end = 0
    for found in PLACE.finditer(whole):
        literal, name = found.group(1), found.group(2).strip()
        parts.append(whole[end : found.start()])
        end = found.end()
        if literal:
            parts.append("${" + found.group(2) + "}")
            continue
        if name in own:
            value = evaluator.present(own[name], (*place, 1, name))
        elif "." in name:
            resource, _, attribute = name.partition(".")
            value = evaluator.resource(resource, attribute, place)
        else:
            value = evaluator.present({"Ref": name}, place)
        parts.append(_text_of(evaluator, value, "Fn::Sub", place))
    return _finished(evaluator, concatenated([*parts, whole[end:]]))


def join(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Join``."""
    if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - delimiter, values
        return _shape(evaluator, "Fn::Join", "a delimiter and a list", argument, place)
    delimiter = evaluator.present(argument[0], (*place, 0))
    items = evaluator.present(argument[1], (*place, 1))
    if isinstance(items, Unknown) or text(delimiter) is None:
        return _unknown("Fn::Join", [delimiter, items])
    if not isinstance(items, list):
        return _shape(evaluator, "Fn::Join", "a delimiter and a list", [delimiter, items], place)
    parts = [_text_of(evaluator, each, "Fn::Join", place) for each in items]
    joined = [part for each in parts for part in (text(delimiter), each)][1:]
    return _finished(evaluator, concatenated(joined))


def select(  # noqa: PLR0911 - one return a case
    evaluator: Context, argument: Any, place: Place
) -> Any:
    """``Fn::Select``."""
    if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - index, values
        return _shape(evaluator, "Fn::Select", "an index and a list", argument, place)
    index = evaluator.present(argument[0], (*place, 0))
    items = evaluator.present(argument[1], (*place, 1))
    at = text(index)
    if at is None and not isinstance(index, list | dict):
        return _unknown("Fn::Select", [index, items])
    if at is None or not at.isdecimal():
        return _shape(evaluator, "Fn::Select", "an index from 0", [index, items], place)
    if isinstance(items, Unknown):
        start = _certain_start(items)
        return start[int(at)] if int(at) < len(start) else _unknown("Fn::Select", [at, items])
    if not isinstance(items, list):
        return _shape(evaluator, "Fn::Select", "an index and a list", [index, items], place)
    if int(at) >= len(items):
        return evaluator.fault(
            "Fn::Select goes beyond the list", f"it takes {at} of {len(items)}, counted from 0",
            "Correct the index", place, {"Fn::Select": [at, items]},
        )  # fmt: skip
    return items[int(at)]


def _certain_start(items: Unknown) -> list[Any]:
    """The first members of a split text that are sure, whatever its unknown pieces hold."""
    match items.expression:
        case {"Fn::Split": [str() as delimiter, Text() as whole]} if isinstance(
            whole.pieces[0], str
        ):
            return list(whole.pieces[0].split(delimiter)[:-1])
    return []


def split(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Split``; of a text in pieces where no unknown piece can hold the delimiter."""
    if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - delimiter, text
        return _shape(evaluator, "Fn::Split", "a delimiter and a text", argument, place)
    delimiter = text(evaluator.present(argument[0], (*place, 0)))
    whole = evaluator.present(argument[1], (*place, 1))
    if not delimiter or isinstance(whole, list | dict):
        return _shape(evaluator, "Fn::Split", "a delimiter and a text", [delimiter, whole], place)
    parts: list[list[Any]] = [[]]
    for piece in pieces(whole):
        known = scalar(piece)
        if known is None:
            if not _never_holds(piece, delimiter):
                return _unknown("Fn::Split", [delimiter, whole])
            parts[-1].append(piece)
            continue
        first, *others = known.split(delimiter)
        parts[-1].append(first)
        parts += [[each] for each in others]
    return [concatenated(each) for each in parts]


def _never_holds(piece: Any, delimiter: str) -> bool:
    """Whether an unknown piece cannot have the delimiter in it, as no region has a colon."""
    match piece:
        case Reference(means="QueueName"):  # SQS: letters, digits, hyphens, underscores, ".fifo"
            return any(not re.match(r"[A-Za-z0-9_.-]", each) for each in delimiter)
        case Unknown(expression={"Ref": str() as name}, kind="pseudo") if name in PSEUDO:
            letters = {
                "AWS::AccountId": "0123456789",
                "AWS::Partition": "abcdefghijklmnopqrstuvwxyz-",
                "AWS::Region": "abcdefghijklmnopqrstuvwxyz0123456789-",
                "AWS::URLSuffix": "abcdefghijklmnopqrstuvwxyz.",
            }.get(name)
            return letters is not None and any(each not in letters for each in delimiter)
    return False


def look_up(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::FindInMap``, with ``DefaultValue``; the value where all that it may find is one."""
    default: Any = None
    match argument:
        case [_, _, _]:
            pass
        case [_, _, _, {"DefaultValue": default, **rest}] if not rest:
            pass
        case _:
            wanted = "a mapping's name and two keys"
            return _shape(evaluator, "Fn::FindInMap", wanted, argument, place)
    keys = [evaluator.present(each, (*place, at)) for at, each in enumerate(argument[:3])]
    if any(isinstance(each, list | dict) or each is None for each in keys):
        return _shape(evaluator, "Fn::FindInMap", "texts as keys", keys, place)
    found, missing = _candidates(evaluator.mappings, keys)
    values = [evaluator.present(each, place) for each in found]
    has_default = default is not None
    known = all(text(key) is not None for key in keys)
    if has_default and (missing or not known):
        values.append(evaluator.present(default, (*place, 3, "DefaultValue")))
    if not values:
        return evaluator.fault(
            "Fn::FindInMap finds nothing",
            f"the mappings have no {' / '.join(str(text(key) or '...') for key in keys)}",
            "Add the key, or a DefaultValue", place, {"Fn::FindInMap": keys},
        )  # fmt: skip
    if all(equal(values[0], each) for each in values[1:]):
        return values[0]
    return _open_look_up(evaluator.mappings, keys, values, default=has_default)


def _candidates(mappings: Mapping[str, Any], keys: list[Any]) -> tuple[list[Any], bool]:
    """All that a look-up may find, and whether a key that is known is missing somewhere."""
    level: list[Any] = [mappings]
    missing = False
    for key in keys:
        whole = text(key)
        tables = [each for each in level if isinstance(each, dict)]
        if whole is None:
            level = [value for each in tables for value in each.values()]
        else:
            level = [each[whole] for each in tables if whole in each]
            missing = missing or len(level) < len(tables) or not tables
    return level, missing


def _open_look_up(
    mappings: Mapping[str, Any], keys: list[Any], values: list[Any], *, default: bool
) -> Unknown:
    """A look-up with a key that is not known; the part of the mapping stands in it."""
    reasons = "; ".join(dict.fromkeys(e.reason for e in _unknown_parts(keys))) or "a key is open"
    name, first = text(keys[0]), text(keys[1])
    table = mappings.get(name, {}) if name is not None else dict(mappings)
    if name is not None and first is not None:
        table = {first: table.get(first, {})}
    last = [{"DefaultValue": values[-1]}] if default else []
    return Unknown(
        {"Fn::FindInMap": [table, *keys[1:], *last]}, reasons, "mapping", None, tuple(values)
    )


def encode(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Base64``."""
    found = evaluator.present(argument, place)
    whole = text(found)
    if whole is not None:
        return base64.b64encode(whole.encode("utf-8", "replace")).decode()
    if isinstance(found, list | dict):
        return _shape(evaluator, "Fn::Base64", "a text", found, place)
    return _unknown("Fn::Base64", found)


def cidrs(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Cidr``: a block, how many, and how many bits of each are for hosts."""
    if not isinstance(argument, list) or len(argument) not in (2, 3):
        wanted = "a block, a count and the bits of each"
        return _shape(evaluator, "Fn::Cidr", wanted, argument, place)
    found = [evaluator.present(each, (*place, at)) for at, each in enumerate(argument)]
    known = [text(each) for each in found]
    if None in known or len(known) < 3:  # noqa: PLR2004 - without bits AWS decides
        return _unknown("Fn::Cidr", found)
    try:
        block = ipaddress.ip_network(str(known[0]), strict=False)
        count, bits = int(str(known[1])), int(str(known[2]))
        prefix = block.max_prefixlen - bits
    except ValueError as error:
        return _no_cidrs(evaluator, str(error), found, place)
    fits = 1 <= count <= MOST_CIDRS and block.prefixlen <= prefix <= block.max_prefixlen
    if not fits or count > 2 ** (prefix - block.prefixlen):
        return _no_cidrs(evaluator, f"{block} has no {count} blocks of {bits} bits", found, place)
    first = int(block.network_address)
    made = type(block)
    return [str(made((first + (at << bits), prefix))) for at in range(count)]


def _no_cidrs(evaluator: Context, why: str, argument: Any, place: Place) -> Unknown:
    return evaluator.fault(
        "Fn::Cidr cannot be computed", why, "Correct the block or the numbers", place,
        {"Fn::Cidr": argument},
    )  # fmt: skip


def zones(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::GetAZs``: only the account knows; of no region it is the stack's."""
    found = evaluator.present(argument, place)
    if found == "":
        found = evaluator.present({"Ref": "AWS::Region"}, place)
    if isinstance(found, list | dict):
        return _shape(evaluator, "Fn::GetAZs", "a region", found, place)
    where = text(found) or "the region"
    return Unknown({"Fn::GetAZs": found}, f"the zones of {where} are the account's", "import")


def imported(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::ImportValue``: another stack's export."""
    found = evaluator.present(argument, place)
    if isinstance(found, list | dict):
        return _shape(evaluator, "Fn::ImportValue", "the name of an export", found, place)
    name = text(found)
    reason = f"{name} is exported by another stack" if name else "another stack exports it"
    return Unknown({"Fn::ImportValue": found}, reason, "import")


def stack_output(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::GetStackOutput``: another stack's output, read at each create or update."""
    found = evaluator.present(argument, place)
    if not isinstance(found, dict) or not {"StackName", "OutputName"} <= found.keys():
        return _shape(evaluator, "Fn::GetStackOutput", "StackName and OutputName", found, place)
    stack, output = text(found["StackName"]), text(found["OutputName"])
    return Unknown(
        {"Fn::GetStackOutput": dict(found)},
        f"it is the output {output or '?'} of the stack {stack or '?'}",
        "stored",
    )


def transform(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Transform``: what a macro makes of a part; it is given all parameters."""
    found = evaluator.present(argument, place)
    if not isinstance(found, dict) or "Name" not in found:
        return _shape(evaluator, "Fn::Transform", "Name and Parameters", found, place)
    return Unknown(
        {"Fn::Transform": dict(found)},
        f"the macro {text(found['Name']) or '?'} makes it",
        "transform",
        evaluator.given,
    )


def length(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::Length``, of the language extensions."""
    found = evaluator.present(argument, place)
    if isinstance(found, list):
        return len(found)
    if isinstance(found, Unknown):
        return _unknown("Fn::Length", found)
    return _shape(evaluator, "Fn::Length", "a list", found, place)


def to_json(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::ToJsonString``, of the language extensions; with unknown texts it is in pieces."""
    found = evaluator.present(argument, place)
    if not isinstance(found, list | dict):
        if isinstance(found, Unknown):
            return _unknown("Fn::ToJsonString", found)
        return _shape(evaluator, "Fn::ToJsonString", "a mapping or a list", found, place)
    if is_plain(found):
        return json.dumps(found, separators=(",", ":"), default=str)
    return _unknown("Fn::ToJsonString", found)


def parameters_of(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::RefAll``: the values of all parameters of a type, in Rules."""
    if not isinstance(argument, str):
        return _shape(evaluator, "Fn::RefAll", "a parameter's type", argument, place)
    declared = evaluator.template.parameters
    return [evaluator.given[name] for name, each in declared.items() if each.type == argument]


def value_of(evaluator: Context, argument: Any, place: Place) -> Any:
    """``Fn::ValueOf`` and ``Fn::ValueOfAll``: what the account says of a parameter's value."""
    found = evaluator.present(argument, place)
    if not isinstance(found, list) or len(found) != 2:  # noqa: PLR2004 - parameter, attribute
        wanted = "a parameter and an attribute"
        return _shape(evaluator, "Fn::ValueOf", wanted, found, place)
    return Unknown({"Fn::ValueOf": found}, "only the account knows it", "import")


Function = Callable[[Context, Any, Place], Any]

FUNCTIONS: Mapping[str, Function] = {
    "Fn::Base64": encode,
    "Fn::Cidr": cidrs,
    "Fn::FindInMap": look_up,
    "Fn::GetAZs": zones,
    "Fn::GetStackOutput": stack_output,
    "Fn::ImportValue": imported,
    "Fn::Join": join,
    "Fn::Length": length,
    "Fn::RefAll": parameters_of,
    "Fn::Select": select,
    "Fn::Split": split,
    "Fn::Sub": substitute,
    "Fn::ToJsonString": to_json,
    "Fn::Transform": transform,
    "Fn::ValueOf": value_of,
    "Fn::ValueOfAll": value_of,
}
"""Those but Ref, Fn::GetAtt, Fn::If and the condition functions, which the evaluator knows."""
