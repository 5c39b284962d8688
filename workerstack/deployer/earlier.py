"""What was deployed before: from what CloudFormation kept, or from a git revision."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from workerstack import deployments
from workerstack.cloudformation import declared_parameters, read
from workerstack.deployer import aws, change_set
from workerstack.deployer.aws import Clients
from workerstack.deployer.operation import CHANGED, Event, event_of
from workerstack.deployer.source import Source, checked_source, digest, template_text
from workerstack.deployer.stack import OWNER, Stack, template_body
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal

if TYPE_CHECKING:
    from workerstack.deployments.models import ParameterValue


LARGEST = 1_000_000
"""Bytes of the largest template that CloudFormation takes; no larger file is one of ours.

Source: CloudFormation, "Understand CloudFormation quotas", template body size.
"""

LINK, SUBMODULE = "120000", "160000"
"""What git calls a symbolic link and a submodule in a tree."""


@dataclass(frozen=True)
class RevisionFiles:
    """A revision's files, laid out in ``folder``; ``left_out`` says of each other path why."""

    folder: Path
    left_out: dict[str, str]

    def check(self, file: Path) -> None:
        """Raises Problem where the file, or a folder that it lies in, was left out."""
        path = PurePosixPath(file.relative_to(self.folder).as_posix())
        for place in (path, *path.parents):
            if str(place) in self.left_out:
                raise Problem(
                    f"{str(place)!r} is not read",
                    f"it is {self.left_out[str(place)]}",
                    "Commit the file itself, below the checkout's root",
                )


def resolved(revision: str, root: Path) -> str:
    """A revision's commit, all forty digits; raises Problem for an unknown one, or without git."""
    if revision.startswith("-"):
        raise Problem(
            f"{revision} is not a revision", "it begins like an option", "Name another one"
        )
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise Problem(
            f"There is no revision {revision}",
            "git does not know it here",
            "Fetch it, or name another one",
        )
    return found.stdout.strip()


def text_at(revision: str, path: str, root: Path) -> str | None:
    """A file's text in a revision, ``path`` from the checkout's root; None where it is not.

    Raises Problem for an unknown revision, and where there is no git.
    """
    found = _git(root, "show", f"{resolved(revision, root)}:./{path}")
    return None if found.returncode else found.stdout


def revisions_of(path: str, root: Path) -> list[tuple[str, datetime]]:
    """The commits that touched a file, on any branch, with their times; none outside of git."""
    found = _git(root, "log", "--all", "--format=%H %ct", "--", path)
    pairs = (line.split() for line in found.stdout.splitlines())
    return [(commit, datetime.fromtimestamp(int(time), UTC)) for commit, time in pairs]


@contextmanager
def files_of(revision: str, root: Path) -> Iterator[RevisionFiles]:
    """The files below ``root`` as git holds them in a revision, in a folder of their own.

    For what a stranger wrote: nothing of it is run, since git's objects are copied without
    the filters that a checkout applies; and nothing beside it is read, since links,
    submodules and names that lead elsewhere are left out. The folder goes afterwards.
    Raises Problem for an unknown revision. A Problem that comes up in between names its
    file as it is called in the revision.
    """
    commit = resolved(revision, root)
    with tempfile.TemporaryDirectory(prefix="revision-") as name:
        folder = Path(name).resolve()
        try:
            yield RevisionFiles(folder, _copy(commit, root, folder))
        except Problem as problem:
            if problem.file is not None and Path(problem.file).is_relative_to(folder):
                problem.file = f"{revision}:{Path(problem.file).relative_to(folder).as_posix()}"
            raise


def _copy(commit: str, root: Path, folder: Path) -> dict[str, str]:
    """Writes the regular files of a commit; the others, each with what it is."""
    left_out: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for entry in _output(root, "ls-tree", "-r", "-z", "--long", commit).split(b"\0")[:-1]:
        head, _, name = entry.partition(b"\t")
        mode, _, identity, size = head.decode("ascii").split()
        path = os.fsdecode(name)
        why = _unfit(mode, path, size)
        if why:
            left_out[path] = why
        else:
            chosen[path] = identity
    asked = "".join(f"{identity}\n" for identity in chosen.values()).encode()
    answer = BytesIO(_output(root, "cat-file", "--batch", given=asked))
    for path in chosen:
        length = int(answer.readline().split()[-1])
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.read(length))
        answer.read(1)
    return left_out


def _unfit(mode: str, path: str, size: str) -> str:
    """Why a path of a tree is left out, or nothing."""
    if mode == LINK:
        return "a symbolic link"
    if mode == SUBMODULE:
        return "a submodule"
    # git does not make such trees, and whoever writes objects by hand can.
    if not path.isprintable() or set(path.split("/")) & {"", ".", "..", ".git"}:
        return "called what no file should be"
    if int(size) > LARGEST:
        return f"larger than the {LARGEST:,} bytes that a template may have"
    return ""


def _output(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], input=given, capture_output=True, check=True
    ).stdout


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem(
            "git is not installed", "files of a revision are read with it", "Install git"
        ) from None


TO_A_REVISION = "Name the revision: `deploy.py rollback ENV/STACK --to REVISION`"

REVISION, CHANGE_SET = "revision:", "change-set:"
"""How a source's origin begins."""


def source_of(origin: str, deployment: Deployment, clients: Clients, root: Path) -> Source | None:
    """The source that a review was made of; None where it is the checkout's files.

    Of a revision git is asked again. Raises Refusal for a change set of another stack.
    """
    if not origin:
        return None
    if origin.startswith(REVISION):
        return at_revision(deployment, origin.removeprefix(REVISION), root)
    aws.identify(deployment, clients)
    arn, cloudformation = origin.removeprefix(CHANGE_SET), clients("cloudformation")
    known = change_set.described(cloudformation, arn) if change_set.ARN.fullmatch(arn) else None
    if known is None or known["StackName"] != deployment.stack:
        raise _not_before(deployment, origin, "not known")
    return _kept(deployment, arn, cloudformation)


def check_origin(
    origin: str, deployment: Deployment, stack: Stack, clients: Clients, root: Path
) -> None:
    """Raises Refusal where a kept change set is not what was deployed before.

    Whoever can make a change set could name one that nobody reviewed; the stack's own events tell.
    """
    if origin.startswith(CHANGE_SET):
        try:
            found = before(deployment, stack, clients, root).origin
        except Problem as problem:
            raise _not_before(deployment, origin, f"not known ({problem.what})") from problem
        if found != origin:
            raise _not_before(deployment, origin, found)


def _not_before(deployment: Deployment, origin: str, found: str) -> Refusal:
    return Refusal(
        "The review does not go back to what was deployed before",
        f"it names {origin or 'nothing'}, and what was deployed before is {found}",
        f"Review again: ./deploy.py rollback {deployment.name}",
    )


def at_revision(deployment: Deployment, revision: str, root: Path) -> Source:
    """Template and values as they were committed; raises Problem where they were not."""
    commit = resolved(revision, root)
    file = deployment.source.file
    text = _committed(commit, str(file.relative_to(root)), root)
    then = (
        deployments.of_text(deployment, text, root)
        if deployment.of_file
        else deployments.load_text(deployment.name, text, file, root)
    )
    template = str(then.source.data["template-file-path"])
    return checked_source(then, _committed(commit, template, root), f"{REVISION}{commit}")


def _committed(commit: str, path: str, root: Path) -> str:
    found = text_at(commit, path, root)
    if found is None:
        raise Problem(
            f"{commit[:12]} has no {path}",
            "it was not there yet, or had another name",
            "Name another revision with --to",
        )
    return found


def before(deployment: Deployment, stack: Stack, clients: Clients, root: Path) -> Source:
    """What was deployed before what is: kept by CloudFormation, or found in git by its digest.

    Executing a change set deletes the stack's other ones, but one that was executed may be
    kept. Its name, which every event has, says how its template's digest begins.
    """
    cloudformation = clients("cloudformation")
    name = previous(_newest_first(cloudformation, stack))
    return (
        _kept_by_name(deployment, name, stack, cloudformation)
        or _in_git(deployment, name, root)
        or _lost(name)
    )


def previous(newest_first: Iterable[Event]) -> str:
    """The token of the last change but one that went well, which is the change set's name.

    Raises Problem where there is none, or it was not made by us.
    """
    tokens = dict.fromkeys(
        event.token for event in newest_first if event.is_of_stack and event.status in CHANGED
    )
    if len(tokens) < 2:  # noqa: PLR2004 - the deployed one and the one before
        raise Problem(
            "There is nothing to go back to",
            "the stack's events show no earlier update that succeeded",
            TO_A_REVISION,
        )
    name = list(tokens)[1]
    if not change_set.NAME.fullmatch(name):
        raise Problem(
            "Cannot find the previous template",
            f"that update was not made by deploy.py ({name or 'it has no token'})",
            TO_A_REVISION,
        )
    return name


def _newest_first(cloudformation: Any, stack: Stack) -> Iterator[Event]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.id)
    return (event_of(each) for page in pages for each in page["StackEvents"])


def _kept_by_name(
    deployment: Deployment, name: str, stack: Stack, cloudformation: Any
) -> Source | None:
    from botocore.exceptions import ClientError

    try:
        found = cloudformation.describe_change_set(ChangeSetName=name, StackName=stack.id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ChangeSetNotFound":
            raise
        return None
    return _kept(deployment, found["ChangeSetId"], cloudformation)


def _kept(deployment: Deployment, arn: str, cloudformation: Any) -> Source:
    answer = cloudformation.describe_change_set(ChangeSetName=arn)
    text = template_text(template_body(cloudformation, ChangeSetName=arn))
    declared = declared_parameters(read(text, arn).data)
    hidden = sorted(name for name, each in declared.items() if each.no_echo)
    if hidden:
        raise Problem(
            f"CloudFormation does not give back {', '.join(hidden)}",
            "a NoEcho parameter is masked in its answers",
            TO_A_REVISION,
        )
    values: dict[str, ParameterValue] = {
        name: tuple(value.split(",")) if declared[name].is_list else value
        for name, value in _pairs(answer.get("Parameters", ()), "Parameter")
    }
    tags = {key: value for key, value in _pairs(answer.get("Tags", ())) if key != OWNER}
    then = replace(deployment, parameters=values, tags=tags)
    return checked_source(then, text, f"{CHANGE_SET}{arn}")


def _pairs(answer: Iterable[Mapping[str, str]], what: str = "") -> Iterator[tuple[str, str]]:
    return ((each[f"{what}Key"], each[f"{what}Value"]) for each in answer)


def _in_git(deployment: Deployment, name: str, root: Path) -> Source | None:
    """The newest revision before the change set was made whose template has its digest."""
    made, begins = _told(name)
    path = str(deployment.source.data["template-file-path"])
    fitting = [
        (committed, commit)
        for commit, committed in revisions_of(path, root)
        if digest(text_at(commit, path, root) or "").startswith(begins)
    ]
    if not fitting:
        return None
    earlier = [each for each in fitting if each[0] <= made]
    _, commit = max(earlier) if earlier else min(fitting)
    return at_revision(deployment, commit, root)


def _told(name: str) -> tuple[datetime, str]:
    """When a change set of ours was made, and the first digits of its template's digest."""
    found = change_set.NAME.fullmatch(name)
    if not found:
        raise ValueError(name)
    made = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return made, found[2]


def _lost(name: str) -> Source:
    raise Problem(
        f"What {name} deployed is not known any more",
        f"CloudFormation has not kept it, and no template in git has a digest that begins with"
        f" {_told(name)[1]}",
        TO_A_REVISION,
    )
