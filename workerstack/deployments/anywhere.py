"""A deployment from any file of any repository: Git sync's deployment file, or a template alone.

It is called ``FILE --stack NAME``, as it is typed after a command, FILE from the repository's root.
Account and region are the caller's. Source: CloudFormation user guide, "Git sync prerequisites"
(``template-file-path`` is the path from the root of the repository).
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from workerstack.cloudformation import Document, parse, read_text
from workerstack.deployments.models import Deployment, DeploymentFile, Target
from workerstack.deployments.reading import check_inside, validated
from workerstack.problem import Problem

OPTION = " --stack "
"""Between FILE and NAME."""

STACK = r"[A-Za-z][A-Za-z0-9-]{0,127}"
"""A stack's name (CloudFormation: CreateChangeSet)."""

FILE = r"(?!-)[A-Za-z0-9_.:/=+@-]{1,120}"
"""A path that needs no quotes, and that a tag's value takes whole (CloudFormation: Tag)."""

NOWHERE = Target(account="000000000000", region="us-east-1")
"""The target of what is only compared, and never deployed."""

KEY = "template-file-path"


def is_file_name(name: str) -> bool:
    """Whether a deployment is called so that it is one of a file."""
    return OPTION in name


def parted(name: str) -> tuple[str, str]:
    """The file and the stack of such a name."""
    file, _, stack = name.rpartition(OPTION)
    return file, stack


def repository(start: Path) -> Path:
    """The root of the repository that a folder lies in; else the working directory above it."""
    start, here = start.absolute(), Path.cwd()
    without = here if start.is_relative_to(here) else start
    return next((each for each in (start, *start.parents) if (each / ".git").exists()), without)


def found(file: str) -> tuple[Path, Path]:
    """The file that is typed, from here or from the repository's root, and that root."""
    here = Path.cwd()
    for path in (here / file, repository(here) / file):
        if path.is_file():
            return path.absolute(), repository(path.parent)
    raise Problem(
        f"There is no file {file}",
        "it is neither here nor at the root of the repository",
        "Give the path of a deployment file or of a template",
    )


def load_file(file: Path, stack: str, target: Target, root: Path) -> Deployment:
    """The deployment of a file below ``root``; a template alone has neither values nor tags yet.

    Raises Problem.
    """
    if not re.fullmatch(STACK, stack):
        raise Problem(
            f"--stack {stack!r} is impossible",
            "a stack's name has up to 128 letters, digits and hyphens, and begins with a letter",
            "Give the name of the stack",
        )
    path = file.relative_to(root).as_posix()
    if not re.fullmatch(FILE, path):
        raise Problem(
            f"{path} cannot be named in AWS",
            "change sets and stacks say which file they are of, in at most 120 letters, digits"
            " and _ . : / = + - @",
            "Give the file another name",
        )
    check_inside(file, root)
    return _of(_document(read_text(file), file), stack, target, root)


def values_of(text: str, file: Path, root: Path) -> Deployment:
    """A deployment file's values and tags, wherever it lies, for a comparison.

    Raises Problem.
    """
    source = parse(text, file, "text")
    content = validated(DeploymentFile, source)
    return Deployment(
        "", file.stem, NOWHERE, root / content.template_file_path, content.parameters,
        content.tags, source, of_file=file.name,
    )  # fmt: skip


def of_text(deployment: Deployment, text: str, root: Path) -> Deployment:
    """The same deployment, from another text of its file; a template alone keeps its values."""
    file = deployment.source.file
    then = _of(_document(text, file), deployment.stack, deployment.target, root)
    if is_template(then):
        return replace(then, parameters=deployment.parameters, tags=deployment.tags)
    return then


def is_template(deployment: Deployment) -> bool:
    """Whether the file is the template itself."""
    return deployment.template == deployment.source.file


def _document(text: str, file: Path) -> Document[Path]:
    """The file; the values of a deployment file are texts, whatever YAML takes them for."""
    found = parse(text, file)
    if isinstance(found.data, dict) and KEY in found.data:
        return parse(text, file, "text")
    return found


def _of(source: Document[Path], stack: str, target: Target, root: Path) -> Deployment:
    file = source.file
    if not isinstance(source.data, dict) or not (KEY in source.data or "Resources" in source.data):
        raise Problem(
            "The file is neither a deployment file nor a template",
            f"it has neither `{KEY}` nor `Resources`",
            "Give one of CloudFormation's Git sync, or a template",
            file=file,
        )
    if KEY in source.data:
        content = validated(DeploymentFile, source)
        template, parameters, tags = (
            root / content.template_file_path, content.parameters, content.tags,
        )  # fmt: skip
        check_inside(template, root, "template", file=file, line=source.line((KEY,)))
        document = source
    else:
        data: dict[str, Any] = {KEY: file.relative_to(root).as_posix()}
        template, parameters, tags = file, {}, {}
        document = Document(file, data, source.text, found=source.marks)
    name = file.relative_to(root).as_posix()
    return Deployment("", stack, target, template, parameters, tags, document, of_file=name)
