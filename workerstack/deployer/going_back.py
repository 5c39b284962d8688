"""Going back, told: what differs, what must be committed then, and what was done before.

A rollback changes the stack and not the checkout. So it is said what to commit, and the next
review says where it would bring again what was gone back from.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from workerstack.cloudformation import from_data, read, resolve, surroundings, text
from workerstack.cloudformation.bodies import containers
from workerstack.deployer import earlier, history, labels, revisions
from workerstack.deployer.aws import Clients
from workerstack.deployer.history import Execution
from workerstack.deployer.source import Source, digest, template_text
from workerstack.deployer.stack import OWNER, StackDescription, template_body
from workerstack.deployments import Deployment
from workerstack.problem import Problem

LISTED = 10
"""Executions that are listed."""

LOOKED_AT = 30
"""Executions in which a review looks for what it brings again."""

NAMED = 3
"""Values, or resources, that one line names."""


def where_to(source: Source, root: Path) -> str:
    """What is gone back to: revision, date and subject, or the change set that was kept."""
    if source.origin.startswith(earlier.REVISION):
        commit = revisions.described(source.origin.removeprefix(earlier.REVISION), root)
        return f"revision {commit.sentence}"
    name = source.origin.rpartition("/")[0].rpartition("/")[2]
    return f"{name}, which CloudFormation has kept; no commit of this branch has it"


def difference(source: Source, stack: StackDescription, cloudformation: Any) -> str:
    """In one line, what differs between a source and what is deployed; empty for nothing."""
    body = template_body(cloudformation, StackName=stack.id)
    parts = [*_values(source, stack)]
    said = parts[:NAMED]
    if len(parts) > NAMED:
        said.append(f"{len(parts) - NAMED} more values")
    if digest(body) != digest(source.text):
        found = labels.of_stack(source, stack, template_text(body))
        names = [*found.resources, *found.outputs, *found.policies]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        if names:
            said.append(f"the template, in {', '.join(names[:NAMED])}{more}")
        elif found.labels:
            said.append(f"the template, in {' and '.join(found.labels)} only")
    return "; ".join(said)


def _values(source: Source, stack: StackDescription) -> Iterator[str]:
    """Each value and tag that differs, as ``Name old -> new``."""
    deployed = {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in stack.answer.get("Parameters", ())
    }
    wanted = source.values()
    for name in sorted({**deployed, **wanted}):
        old, new = deployed.get(name), wanted.get(name)
        if name not in source.not_bound and old != new:
            yield f"{name} {short(old)} -> {short(new)}"
    tags = {key: value for key, value in (stack.tags or {}).items() if key != OWNER}
    for name in sorted({**tags, **source.deployment.tags}):
        old, new = tags.get(name), source.deployment.tags.get(name)
        if old != new:
            yield f"tag {name} {short(old)} -> {short(new)}"


LONGEST = 40


def short(value: str | None) -> str:
    """A value in a line: digests by their first digits."""
    if not value:
        return "(not set)" if value is None else "(empty)"
    text = re.sub("(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1", value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def to_commit(source: Source, root: Path) -> list[str]:
    """What brings the checkout to what is gone back to, as lines: commands, or values to write.

    Empty where it is that already.
    """
    deployment = source.deployment
    file = deployment.source.file.relative_to(root).as_posix()
    if not source.origin.startswith(earlier.REVISION):
        return _written(source, file)
    commit = source.origin.removeprefix(earlier.REVISION)
    template = str(deployment.source.data["template-file-path"])
    then = {path: revisions.text_at(commit, path, root) for path in (file, template)}
    now = {path: _text(root / path) for path in then}
    differing = [path for path in then if then[path] != now[path]]
    if not differing:
        return []
    # All that touched either: a commit is reverted whole, so the one file brings the other along.
    commits = revisions.since(commit, then, root)
    reverts = template in differing and bool(commits) and revisions.is_clean(then, root)
    if reverts and revisions.is_straight(commit, root):
        return [f"git revert --no-edit {' '.join(each.id[:12] for each in commits)}"]
    message = f"Go back to {commit[:7]}"
    uncommitted = [path for path in then if revisions.text_at("HEAD", path, root) != then[path]]
    return [
        f"git restore --source {commit[:12]} --staged --worktree -- {' '.join(differing)}",
        *(["(and in templates/ what makes that template, or the next generate.py writes it anew)"]
          if template in differing else []),
        *([f'git commit -m "{message}" -- {" ".join(uncommitted)}'] if uncommitted else []),
    ]  # fmt: skip


def _text(file: Path) -> str | None:
    return file.read_bytes().decode(errors="replace") if file.is_file() else None


def _written(source: Source, file: str) -> list[str]:
    """What to write into the values file, where no commit has it."""
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in source.deployment.parameters.items()
    }
    lines = [f"    {name}: {json.dumps(value)}" for name, value in sorted(values.items())]
    return [f"in {file}, below `parameters`:", *lines]


def brought_again(source: Source, stack: StackDescription, clients: Clients, root: Path) -> str:
    """What to say where a review would deploy what was deployed before, or came after a rollback.

    ``source`` is what is committed. Empty where there is nothing to say.
    """
    deployment = source.deployment
    well = _that_went_well(_last(stack, clients))
    deployed = next(well, None)
    if deployed is None or _is(deployed, source):
        return ""
    before = list(well)
    again = next((each for each in before if _is(each, source)), None)
    if again is not None:
        command = _committing(deployment, deployed, stack, clients, root)
        return (
            f"What is committed was deployed before ({told(again)}), and {deployed.name} took its"
            f" place ({told(deployed)}). This review brings it again. If that was a rollback, have"
            f" git say what is deployed: `{command}`."
        )
    same = next((each for each in before if each.deploys_as(deployed)), None)
    left = before[0] if before else None
    if same is None or left is None or left.deploys_as(deployed):
        return ""
    return (
        f"The last deployment ({told(deployed)}) went back from {left.name} to what {same.name} had"
        " deployed; what is committed is neither of the two."
    )


@dataclass(frozen=True)
class Mending:
    """What mends that the files here are not what is deployed: ``command``, and ``why`` that one.

    ``why`` is empty where they are merely ahead.
    """

    command: str
    why: str = ""


def mending(source: Source, stack: StackDescription, clients: Clients, root: Path) -> Mending:
    """What to do about files that are not what is deployed.

    Those that were deployed before what is deployed now were gone back from: git is told. Those
    that failed last time would fail again. All others are reviewed.
    """
    review = f"./deploy.py review {source.deployment.name}"
    done = list(_last(stack, clients))
    well = list(_that_went_well(done))
    if any(_is(each, source) for each in well[1:]) and not _is(well[0], source):
        command = _committing(source.deployment, well[0], stack, clients, root)
        return Mending(command, "What is committed was deployed before, and gone back from")
    last = done[0] if done else None
    if last and last.cause and not last.went_well and _is(last, source):
        return Mending(f"Fix what failed ({_cause(last)}), then {review}",
                       "What is committed was rolled back")  # fmt: skip
    return Mending(review)


def _cause(execution: Execution) -> str:
    cause = execution.cause.rstrip(". ")
    return cause if len(cause) <= LONGEST_CAUSE else f"{cause[:LONGEST_CAUSE]}..."


LONGEST_CAUSE = 200


def _committing(
    deployment: Deployment, deployed: Execution, stack: StackDescription, clients: Clients,
    root: Path,
) -> str:  # fmt: skip
    """The git commands that say what is deployed, as one line of a shell.

    Where git alone cannot say it, the command that tells what is left to write.
    """
    telling = f"./deploy.py rollback {deployment.name} --to {deployed.name}"
    try:
        source = earlier.of_execution(deployment, deployed, stack, clients, root)
        lines = to_commit(source, root)
    except Problem:
        return telling
    return " && ".join(lines) if lines and all(map(_is_git, lines)) else telling


def _is_git(line: str) -> bool:
    return line.startswith("git ")


def _last(stack: StackDescription, clients: Clients) -> Iterator[Execution]:
    """The last executions, newest first.

    Read as far as it is asked for: thirty executions are many pages of events.
    """
    if stack.is_new:
        return iter(())
    return islice(history.executions(clients("cloudformation"), stack.id), LOOKED_AT)


def _that_went_well(done: Iterable[Execution]) -> Iterator[Execution]:
    """Those of ours that did what they were asked to do."""
    return (each for each in done if each.went_well and each.told)


def _is(execution: Execution, source: Source) -> bool:
    name = execution.told
    return name is not None and bool(name.values) and name.fits(source)


def told(execution: Execution) -> str:
    """When an execution ended, and who began it."""
    when = f"{minute(execution.ended or execution.began)} UTC"
    return f"{when}, by {execution.by}" if execution.by else when


def minute(time: str) -> str:
    """An ISO time of UTC to the minute."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class PastExecution:
    """One execution as `rollback --list` has it; ``deployed``: it is what the stack has now."""

    name: str
    began: str
    ended: str
    by: str
    outcome: str
    status: str
    cause: str
    deployed: bool
    images: tuple[str, ...] = ()
    revision: str = ""
    date: str = ""
    subject: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def rows(
    deployment: Deployment,
    stack: StackDescription,
    clients: Clients,
    root: Path,
    number: int = LISTED,
) -> list[PastExecution]:
    """The last executions, newest first, each with its image and revision where they are known."""
    cloudformation = clients("cloudformation")
    done = history.executions(cloudformation, stack.id)
    found: list[Execution] = []
    deployed: Execution | None = None
    for each in done:
        found += [each] if len(found) < number else []
        deployed = deployed or (each if each.went_well else None)
        if deployed and len(found) == number:
            break
    sources = earlier.fitting(deployment, found, root)
    return [_row(each, sources, stack, cloudformation, is_deployed=each is deployed)
            for each in found]  # fmt: skip


def _row(
    execution: Execution, sources: Mapping[str, tuple[revisions.Commit, Source]],
    stack: StackDescription, cloudformation: Any, *, is_deployed: bool,
) -> PastExecution:  # fmt: skip
    commit, source = sources.get(execution.name, (None, None))
    shown: Sequence[str] = ()
    if source is not None:
        shown = _images(source.template, source.values(), source.file, stack)
    elif is_deployed:
        text = template_text(template_body(cloudformation, StackName=stack.id))
        place = f"the template of {stack.name}"
        shown = _images(read(text, place).data, stack.parameters or {}, place, stack)
    return PastExecution(
        name=execution.name, began=execution.began, ended=execution.ended, by=execution.by,
        outcome=execution.outcome, status=execution.status, cause=execution.cause,
        deployed=is_deployed, images=tuple(shown),
        revision=commit.id if commit else "",
        date=commit.date.isoformat() if commit else "",
        subject=commit.subject if commit else "",
    )  # fmt: skip


def _images(
    template: Mapping[str, Any], values: Mapping[str, str], place: str, stack: StackDescription
) -> list[str]:
    """The images of the containers, as far as the values tell them; each once."""
    _, _, _, region, account, *_ = stack.id.split(":")
    known = surroundings(account, region, stack.name) | {"AWS::StackId": stack.id}
    found = resolve(from_data(template, place), values, known)
    images_of = (text(each.get("Image")) for _, each in containers(found))
    return list(dict.fromkeys(filter(None, images_of)))


def image_in_short(image: str) -> str:
    """An image's name without its registry, a digest by its first digits."""
    return short(image.rpartition("/")[2])


def lines(found: Sequence[PastExecution], width: int) -> Iterator[str]:
    """The rows as a table; the name, which `--to` takes, stands last and is never cut."""
    table = [("", "WHEN (UTC)", "WHO", "IMAGE", "REVISION", "OUTCOME", "EXECUTION")]
    for each in found:
        table.append((
            "*" if each.deployed else "", minute(each.ended or each.began), each.by or "-",
            ", ".join(map(image_in_short, each.images)) or "-",
            f"{each.revision[:7]} {each.subject}"[:SUBJECT] if each.revision else "-",
            each.outcome, each.name or "(another tool)",
        ))  # fmt: skip
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    for row in table:
        yield "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
    failed = [each for each in found if each.cause and each.outcome != "deployed"]
    for each in failed:
        yield f"{minute(each.ended or each.began)}  {each.outcome}: {each.cause}"[:width]


SUBJECT = 28
"""Characters of a revision and its subject in the table."""
