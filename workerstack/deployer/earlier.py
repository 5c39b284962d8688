"""What was deployed before: from what CloudFormation kept, or from a git revision."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workerstack import deployments
from workerstack.cloudformation.template import declared_parameters, parse_template
from workerstack.deployer import aws, change_set
from workerstack.deployer.aws import Clients
from workerstack.deployer.operation import CHANGED, Event, event_of
from workerstack.deployer.source import Source, checked_source, digest, template_text
from workerstack.deployer.stack import OWNER, Stack
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal

if TYPE_CHECKING:
    from workerstack.deployments.models import ParameterValue


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


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem(
            "git is not installed", "files of a revision are read with it", "Install git"
        ) from None


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
    then = deployments.load_text(
        deployment.name, _committed(commit, str(file.relative_to(root)), root), file, root
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
            "the stack's events know no earlier change that went well",
            "Name a git revision with --to",
        )
    name = list(tokens)[1]
    if not change_set.NAME.fullmatch(name):
        raise Problem(
            f"The change before was not made by this tool ({name or 'it has no token'})",
            "so its template is not known",
            "Name a git revision with --to",
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
    body = cloudformation.get_template(ChangeSetName=arn, TemplateStage="Original")["TemplateBody"]
    text = template_text(body)
    declared = declared_parameters(parse_template(text, arn))
    secret = sorted(name for name, each in declared.items() if each.secret)
    if secret:
        raise Problem(
            f"CloudFormation does not give back {', '.join(secret)}",
            "a secret parameter is masked in its answers",
            "Name a git revision with --to",
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
        "Name a git revision with --to",
    )
