"""The files of params/ENV/ as text, with a comment where a value is missing."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from workerstack import files
from workerstack.deployments import ParameterValue
from workerstack.problem import Problem, Refusal

Say = Callable[[str], None]


@dataclass(frozen=True)
class FoundValue:
    """A parameter's value and why it was chosen; without one, ``why`` says what is missing."""

    value: ParameterValue | None
    why: str


def folder_of(environment: str, root: Path) -> Path:
    """params/ENV; raises Problem for a name that cannot be a folder."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", environment):
        raise Problem(
            f"{environment!r} is no name for an environment",
            "it becomes a folder",
            "Use lower-case letters, digits and hyphens",
        )
    return root / "params" / environment


def refuse_existing(folder: Path, names: Iterable[str], *, force: bool) -> None:
    """Raises Refusal where one of the files is there already, unless they may be overwritten."""
    existing = [name for name in names if (folder / f"{name}.yaml").exists()]
    if existing and not force:
        raise Refusal(
            f"params/{folder.name}/{existing[0]}.yaml exists",
            "it may hold what somebody thought about",
            "Remove it, or give --force",
        )


def write(folder: Path, texts: Mapping[str, str], say: Say) -> None:
    """Writes each text into its file, all or none, saying which."""
    files.write_all({folder / f"{name}.yaml": text for name, text in texts.items()})
    for name in texts:
        say(f"wrote params/{folder.name}/{name}.yaml")


def target(account_id: str, region: str, guards: Mapping[str, ParameterValue]) -> str:
    """The text of target.yaml; ``guards`` by their keys in the file."""
    lines = [
        "# yaml-language-server: $schema=../target.schema.json",
        f'account: "{account_id}"',
        f"region: {region}",
    ]
    for name, value in guards.items():
        lines += _lines("", name, value)
    return "\n".join([*lines, ""])


def deployment(worker: str, found: Mapping[str, FoundValue], tags: Mapping[str, str]) -> str:
    """The text of the file with the values that a worker's template is deployed with."""
    lines = [
        f"# yaml-language-server: $schema=../{worker}.schema.json",
        f"template-file-path: out/{worker}.template.yaml",
        "parameters:",
    ]
    for parameter, each in found.items():
        if each.value is None:
            lines.append(f"  # {parameter}: {each.why}")
        else:
            # Git sync documents scalars, and nothing for lists.
            value = each.value if isinstance(each.value, str) else ",".join(each.value)
            lines += _lines("  ", parameter, value)
    if all(each.value is None for each in found.values()):
        lines[2] = "parameters: {}"
    lines.append("tags:")
    for key, value in tags.items():
        lines += _lines("  ", key, value)
    return "\n".join([*lines, ""])


def _lines(indent: str, name: str, value: ParameterValue) -> list[str]:
    if isinstance(value, tuple):
        return [f"{indent}{_scalar(name)}:", *(f"{indent}  - {_scalar(item)}" for item in value)]
    return [f"{indent}{_scalar(name)}: {_scalar(value)}"]


def _scalar(text: str) -> str:
    """Bare where each reader of YAML takes it for text, a plain number or a truth.

    What begins with a digit may be a number, a time or a date to YAML 1.1 or 1.2, unless it has a
    slash. Each JSON text is YAML, too.
    """
    is_plain = re.fullmatch(r"[A-Za-z0-9/][A-Za-z0-9/._:+=,-]*(?<!:)", text)
    is_same = is_plain and (
        re.fullmatch(r"0|[1-9][0-9]{0,8}|true|false", text)
        or ((not text[0].isdigit() or "/" in text) and yaml.safe_load(text) == text)
    )
    return text if is_same else json.dumps(text)
