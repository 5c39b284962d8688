"""One value of a file of params/ written anew, every other byte as it was.

PyYAML says where the value stands, so comments, order, quotes, indentation and line endings need
not be understood to be kept; a library that writes the whole file anew would settle them by its
own taste. What comes out is read again, and compared.
"""

import json
import re
from pathlib import Path

import yaml

from workerstack.cloudformation import parse
from workerstack.problem import Problem

PARAMETERS = "parameters"
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def with_value(text: str, file: Path, name: str, value: str, comment: str = "") -> str:
    """The text of a params file in which the parameter has this value, in quotes.

    ``comment`` is a word that is said behind it, such as an image's tag. It takes the place of
    the word that stands behind a digest; any other comment stays, after it.
    Raises Problem where the value cannot be exchanged without another one.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(mark)
    before = parse(body, file, "text").data
    edited = _edited(body, file, name, json.dumps(value, ensure_ascii=False), comment)
    after = parse(edited, file, "text").data
    expected = {**before, PARAMETERS: {**(before.get(PARAMETERS) or {}), name: value}}
    if after != expected:
        raise _by_hand(file, name, "the file is written in a way that is not understood here")
    return mark + edited


def _by_hand(file: Path, name: str, why: str, line: int | None = None) -> Problem:
    return Problem(
        f"{name} cannot be written here", why, f"Write {name} by hand", file=file, line=line
    )


def _edited(text: str, file: Path, name: str, value: str, comment: str) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    parameters = _member(root, PARAMETERS)
    if parameters is None:
        newline = _newline(text)
        start = text if text.endswith("\n") else text + newline
        if not isinstance(root, yaml.MappingNode) or root.flow_style:
            raise _by_hand(file, name, f"it has no `{PARAMETERS}` to add it to")
        return f"{start}{PARAMETERS}:{newline}  {_entry(name, value, comment)}{newline}"
    if not isinstance(parameters, yaml.MappingNode):
        return _first(text, file, name, parameters, _entry(name, value, comment))
    known = _member(parameters, name)
    if known is None:
        return _added(text, parameters, name, value, comment)
    return _exchanged(text, file, name, parameters, known, value, comment)


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _entry(name: str, value: str, comment: str) -> str:
    return f"{name}: {value}" + (f"  # {comment}" if comment else "")


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_end(text: str, index: int) -> int:
    """Where the line of an index ends, before its line break."""
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if end > index and text[end - 1] == "\r" else end


def _first(text: str, file: Path, name: str, empty: yaml.Node, entry: str) -> str:
    """Below a `parameters:` that has nothing yet."""
    if empty.start_mark.index != empty.end_mark.index:
        raise _by_hand(file, name, f"`{PARAMETERS}` is no mapping", empty.start_mark.line + 1)
    end = _line_end(text, empty.start_mark.index)
    return f"{text[:end]}{_newline(text)}  {entry}{text[end:]}"


def _added(text: str, parameters: yaml.MappingNode, name: str, value: str, comment: str) -> str:
    """Behind the last of the parameters, in their form."""
    if parameters.flow_style:
        end = parameters.end_mark.index - 1
        inside = text[:end].rstrip()
        comma = "" if inside.endswith(("{", ",")) else ", "
        return f"{inside}{comma}{name}: {value}{text[len(inside) :]}"
    column = parameters.value[0][0].start_mark.column
    end = _line_end(text, _last_index(text, parameters))
    return f"{text[:end]}{_newline(text)}{' ' * column}{_entry(name, value, comment)}{text[end:]}"


def _last_index(text: str, node: yaml.Node) -> int:
    """An index in the last line of a node; a block's own end is where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        key, value = last if isinstance(last, tuple) else (None, last)
        if key is not None and value.start_mark.index < key.start_mark.index:
            return int(key.end_mark.index)  # an alias: the node stands where its anchor is
        return _last_index(text, value)
    # A block text ends at the next token, behind its last line break.
    end = int(node.end_mark.index)
    while end > node.start_mark.index and text[end - 1] in "\r\n \t":
        end -= 1
    return end


def _exchanged(
    text: str,
    file: Path,
    name: str,
    parameters: yaml.MappingNode,
    known: yaml.Node,
    value: str,
    comment: str,
) -> str:
    key = next(each for each, _ in parameters.value if each.value == name)
    start, end = known.start_mark.index, known.end_mark.index
    line = key.start_mark.line + 1
    if not isinstance(known, yaml.ScalarNode):
        raise _by_hand(file, name, "its value is not a text", line)
    if start < key.end_mark.index or text[start : start + 1] in ("&", "*", "!"):
        raise _by_hand(file, name, "its value is shared with another one by an alias", line)
    if text[start : start + 1] in ("|", ">"):
        raise _by_hand(file, name, "its value is a text of several lines", line)
    space = " " if text[start - 1 : start] == ":" else ""  # an empty value has no space before it
    rest_end = _line_end(text, end)
    rest = text[end:rest_end]
    if comment and not parameters.flow_style:
        rest = _commented(rest, comment, was_digest=bool(DIGEST.search(known.value)))
    return f"{text[:start]}{space}{value}{rest}{text[rest_end:]}"


def _commented(rest: str, comment: str, *, was_digest: bool) -> str:
    """What stands behind a value, with the word in front; only what a digest had is replaced."""
    said = rest.strip().removeprefix("#").strip()
    word, _, more = said.partition("; ")
    if not (was_digest and WORD.fullmatch(word)):
        more = said
    space = rest[: len(rest) - len(rest.lstrip())] if said else "  "
    return f"{space}# {comment}" + (f"; {more}" if more else "")
