"""YAML whose every value knows its line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from problem import Problem

Place = tuple[str | int, ...]
"""The way to a value: keys and list positions."""


@dataclass(frozen=True)
class Located:
    """A YAML file's content, all scalars as they are written, with each value's line.

    Scalars stay text: ``012345678901`` is an account and no octal number, ``true`` is a
    parameter's value and no boolean.
    """

    file: Path
    data: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing round it that exists."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(file: Path) -> Located:
    """A YAML file; raises Problem where it is missing, malformed or repeats a key."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Problem(
            "No such file", "it is needed to know what is deployed", "Create it", file=file
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            "The file cannot be read", str(error), "Make it a readable UTF-8 file", file=file
        ) from error
    return parse_yaml(text, file)


def parse_yaml(text: str, file: Path) -> Located:
    """YAML that was already read, from ``file``; raises Problem like read_yaml."""
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        lines: dict[Place, int] = {}
        data = _convert(root, (), lines, file) if root else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Problem(
            "The YAML is malformed",
            error.problem or "it cannot be parsed",
            "Mend this line or the one before",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Problem("The YAML is malformed", str(error), "Mend the file", file=file) from error
    return Located(file, data, lines)


def _convert(node: yaml.Node, place: Place, lines: dict[Place, int], file: Path) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in content:
                raise Problem(
                    f"The key {key} is given twice",
                    f"the first is in line {lines[(*place, key)]}, and only one can hold",
                    "Remove one of them",
                    file=file,
                    line=line,
                )
            lines[(*place, key)] = line
            content[key] = _convert(value, (*place, key), lines, file)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [
            _convert(item, (*place, position), lines, file)
            for position, item in enumerate(node.value)
        ]
    return node.value
