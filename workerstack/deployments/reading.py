"""From files of params/ to Deployments, or to one clear error with file and line.

CloudFormation refuses the same things, minutes later and without a line number; cfn-lint
reports only one of several missing parameters and does not look at AllowedPattern.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from workerstack.cloudformation import Document, Parameter, Place, parse, read_file
from workerstack.deployments.models import Deployment, DeploymentFile, ParameterValue, Target
from workerstack.problem import Problem


def problems(deployment: Deployment, declared: Mapping[str, Parameter]) -> list[Problem]:
    """Everything about a deployment's parameters that its template does not allow."""
    return [
        *_missing(deployment, declared),
        *(
            problem
            for name, value in deployment.parameters.items()
            for problem in _value(deployment, name, value, declared)
        ),
    ]


def _missing(deployment: Deployment, declared: Mapping[str, Parameter]) -> Iterator[Problem]:
    is_alone = deployment.template == deployment.source.file
    for name, parameter in declared.items():
        if parameter.default is None and name not in deployment.parameters:
            yield Problem(
                f"The parameter {name} is missing",
                f"the template has no default for it: {parameter.description}".rstrip(": "),
                "Write a deployment file with its value (`template-file-path`, `parameters`)"
                if is_alone
                else f"Add {name}: ... below `parameters`",
                file=deployment.source.file,
                line=deployment.source.line(("parameters",)),
            )


def _value(
    deployment: Deployment,
    name: str,
    value: ParameterValue,
    declared: Mapping[str, Parameter],
) -> Iterator[Problem]:
    def problem(what: str, why: str, next_step: str, *place: int) -> Problem:
        line = deployment.source.line(("parameters", name, *place))
        return Problem(what, why, next_step, file=deployment.source.file, line=line)

    if name not in declared:
        close = difflib.get_close_matches(name, list(declared), n=1)
        template = deployment.template.name
        yield problem(
            f"Unknown parameter {name}",
            f"{template} has no such parameter",
            f"Did you mean {close[0]}?" if close else f"Take one of {', '.join(declared)}",
        )
        return
    parameter = declared[name]
    if isinstance(value, tuple) and not parameter.is_list:
        yield problem(
            f"{name} is a list",
            f"the template declares {parameter.type}, which is one value",
            "Write one value",
        )
        return
    for position, item in enumerate(_members(value, parameter)):
        why = parameter.wrong(item)
        if why:
            yield problem(f"{name} cannot be {item!r}", why, "Correct the value", position)


def _members(value: ParameterValue, parameter: Parameter) -> tuple[str, ...]:
    """The values of a list, which Git sync documents as one text: ``a,b``.

    CloudFormation trims each member of a CommaDelimitedList (user guide, "Parameters").
    """
    if isinstance(value, tuple):
        return value
    return tuple(each.strip() for each in value.split(",")) if parameter.is_list else (value,)


def with_lists(
    deployment: Deployment, declared: Mapping[str, Parameter]
) -> dict[str, ParameterValue]:
    """The parameters, with every list as its members, however the file has it."""
    return {
        name: _members(value, declared[name])
        if name in declared and declared[name].is_list
        else value
        for name, value in deployment.parameters.items()
    }


OPEN = re.compile(r"\s*#\s*([A-Za-z0-9]+):\s*((?:not found|not clear|not taken)\b.*)")
"""A line that `init` writes where it found no value."""

EMPTY = re.compile(r"""\s*["']?([A-Za-z0-9]+)["']?\s*:\s*(?:~|null|Null|NULL)?\s*(?:#\s*(.*))?""")
"""A parameter without a value; an empty text is written with quotes."""


def left_open(deployment: Deployment, declared: Mapping[str, Parameter]) -> list[Problem]:
    """Each parameter that somebody was to decide, and that would silently take its default.

    Or an empty text. A line of `init` that names why it found no value is open until it is
    filled in or deleted.
    """
    found: dict[str, Problem] = {}
    if deployment.template == deployment.source.file:  # a template alone leaves nothing open
        return []
    for number, line in enumerate(deployment.source.text.splitlines(), 1):
        comment, empty = OPEN.fullmatch(line), EMPTY.fullmatch(line)
        name = comment[1] if comment else empty[1] if empty else ""
        if name not in declared or name in found:
            continue
        value = deployment.parameters.get(name)
        if (comment and value is None) or (empty and value in ("", "~", "null", "Null", "NULL")):
            why = (comment[2] if comment else empty[2] if empty else "") or "it has no value"
            default = declared[name].default
            found[name] = Problem(
                f"{name} was left open",
                why.rstrip("."),
                f"Write {name} with a value below `parameters`"
                + ("" if default is None
                   else f", or delete this line to take the default, {default or 'an empty text'}"),
                file=deployment.source.file,
                line=number,
            )  # fmt: skip
    return list(found.values())


Model = TypeVar("Model", bound=BaseModel)

TARGET = "target"
"""The file in each environment's folder that says where it is."""


def environments(root: Path) -> list[str]:
    """The environments of a checkout: the folders of its params/."""
    return sorted(path.name for path in (root / "params").glob("*") if path.is_dir())


def load(name: str, root: Path) -> Deployment:
    """The deployment called ``ENV/STACK``; raises Problem where it cannot be had."""
    environment, _, stack = name.partition("/")
    if not environment or not stack or "/" in stack:
        raise Problem(
            f"{name!r} is not the name of a deployment",
            "that is ENV/STACK, such as dev/webordinary-edit",
            f"Take one of {', '.join(names(root)) or 'those that `init` writes'}",
        )
    known = environments(root)
    if environment not in known:
        raise Problem(
            f"Unknown environment {environment}",
            f"params/ has {_either(known) or 'no environment yet'}",
            _nearest(environment, known) or f"Run `deploy.py init {environment}`",
        )
    folder = root / "params" / environment
    file = folder / f"{stack}.yaml"
    check_inside(folder, root)
    stacks = sorted(path.stem for path in folder.glob("*.yaml") if path.stem != TARGET)
    if stack not in stacks:
        raise Problem(
            f"Unknown stack {stack}",
            f"params/{environment} has {_either(stacks) or 'no stack yet'}",
            _nearest(stack, stacks) or f"Create params/{environment}/{stack}.yaml",
        )
    check_inside(file, root)
    return _load(environment, read_file(file, "text"), load_target(folder), root)


def load_text(name: str, text: str, file: Path, root: Path) -> Deployment:
    """A deployment from another text of its file, such as that of an older revision.

    The target is today's: where something is deployed is not compared.
    """
    environment, _, _ = name.partition("/")
    return _load(
        environment, parse(text, file, "text"), load_target(root / "params" / environment), root
    )


def load_all(root: Path) -> list[Deployment]:
    """Every deployment of a checkout, by name."""
    return [load(name, root) for name in names(root)]


def names(root: Path) -> list[str]:
    """Each ENV/STACK of a checkout, unread."""
    return [
        f"{environment}/{file.stem}"
        for environment in environments(root)
        for file in sorted((root / "params" / environment).glob("*.yaml"))
        if file.stem != TARGET
    ]


def load_target(folder: Path) -> Target:
    """Where the environment of this folder of params/ is; raises Problem where it is not said."""
    file, root = folder / f"{TARGET}.yaml", folder.parent.parent
    check_inside(file, root)
    source = read_file(file, "text")
    target = validated(Target, source)
    if target.stack_policy is not None:
        line = source.line(("stack-policy",))
        check_inside(folder / target.stack_policy, root, "stack policy", file=file, line=line)
    return target


def _load(environment: str, source: Document[Path], target: Target, root: Path) -> Deployment:
    file = source.file
    content = validated(DeploymentFile, source)
    template = root / content.template_file_path
    line = source.line(("template-file-path",))
    check_inside(template, root, "template", file=file, line=line)
    return Deployment(
        environment=environment,
        stack=file.stem,
        target=target,
        template=template,
        parameters=content.parameters,
        tags=content.tags,
        source=source,
    )


def check_inside(
    path: Path, root: Path, kind: str = "file", *, file: Path | None = None, line: int | None = None
) -> None:
    """Raises Problem for a path that leads out of the checkout, links followed.

    ``file`` and ``line`` are where the path is written; without them it is the one to correct.
    """
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        # Links in a circle; which exception that is differs between versions of Python.
        inside = False
    if not inside:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        raise Problem(
            f"The {kind} {shown} lies outside the checkout",
            "only what is committed here is deployed, and symbolic links are followed",
            "Put the file itself into the checkout",
            file=file or path,
            line=line,
        )


def validated(model: type[Model], source: Document[Path]) -> Model:
    """A file's data as its model; raises Problem with the line that is wrong."""
    if not isinstance(source.data, dict):
        raise Problem(
            "The file is no mapping",
            f"it must have the keys {_either(_keys(model))}",
            "Write `key: value` lines",
            file=source.file,
            line=1,
        )
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what helps.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise _explained(model, source, first) from None


def _explained(model: type[BaseModel], source: Document[Path], error: Any) -> Problem:
    place: Place = error["loc"]
    key = str(place[0])
    line = source.line(place)
    shown = ".".join(str(part) for part in place if part in _walk(source.data, place))
    if error["type"] == "extra_forbidden":
        return Problem(
            f"Unknown key {key}",
            f"this file has {_either(_keys(model))}",
            _nearest(key, _keys(model)) or "Remove it",
            file=source.file,
            line=line,
        )
    if error["type"] == "missing":
        return Problem(
            f"The key {key} is missing",
            model.model_fields[key.replace("-", "_")].description or "it is required",
            "Add it",
            file=source.file,
            line=1,
        )
    return Problem(
        f"{shown or key} has a wrong value",
        error["msg"][0].lower() + error["msg"][1:],
        "Correct the value",
        file=source.file,
        line=line,
    )


def _walk(data: Any, place: Place) -> list[str | int]:
    """The parts of a place that are in the file; pydantic adds names of union members."""
    found: list[str | int] = []
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            break
        found.append(part)
    return found


def _keys(model: type[BaseModel]) -> list[str]:
    return [name.replace("_", "-") for name in model.model_fields]


def _either(words: Iterable[str]) -> str:
    return ", ".join(words)


def _nearest(word: str, allowed: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f"Did you mean {close[0]}?" if close else None
