"""``deploy.py ship``."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import CHANGES, clients_of, connected
from workerstack.commands.review_formats import (
    all_option,
    allow_each_option,
    format_option,
    keep,
    report,
    review_files,
)
from workerstack.deployer.clock import Clock
from workerstack.output import say, show, show_formatted, show_json
from workerstack.problem import Refusal, as_typed

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.image_parameter import Slot
    from workerstack.deployer.images import Image
    from workerstack.deployer.ship import Shipped

LATEST = "latest"
LISTED = 10
"""Images that are listed where none is named."""

ROWS = 2
"""What a new image changes: the task definition, and the service that takes it."""


@click.command(cls=WithExample, example="staging/webordinary-edit")
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="ENV/STACK... [TAG|DIGEST]",
    shell_complete=complete_names,
)
@click.option("--container", default="", metavar="NAME", help="Choose the container.")
@click.option(
    "--dry-run", is_flag=True, help="Check the image; write nothing, and make no change set."
)
@click.option(
    "--uncommitted",
    is_flag=True,
    help="Accept other changes of the params file that are not committed.",
)
@format_option
@all_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the review file there; for several stacks a folder [default: .reviews/...].",
)
@allow_each_option
@connected
def ship(
    *,
    words: tuple[str, ...],
    container: str,
    dry_run: bool,
    uncommitted: bool,
    form: str,
    whole: bool,
    output: Path | None,
    allow: tuple[str, ...],
    root: Path,
    **connection: str | None,
) -> int:
    """Write an image's digest into params/, and review exactly that.

    The image is looked up in its ECR repository: that it exists, and fits the tasks. Without
    TAG or DIGEST, list the newest images. Several stacks of one repository go together. Exit 2
    if there are changes, 3 if the image is refused.
    """
    from workerstack.commands.review import allowed_of
    from workerstack.deployer import aws
    from workerstack.deployer import ship as shipping
    from workerstack.deployer.image_parameter import slot

    names, wanted = _split(words)
    if not wanted or dry_run:
        given = {"--output": output is not None, "--allow": bool(allow), "--all": whole}
        _check_unused(given, form, wanted)
    allowed = allowed_of(allow, names)
    chosen = [deployments.load(name, root) for name in names]
    bare = shipping.wanted_of(wanted) if wanted else ""
    slots = [slot(each, container) for each in chosen]
    _check_together(slots)
    clients = [clients_of(each, **connection) for each in chosen]
    for one, client in zip(chosen, clients, strict=True):
        aws.identify(one, client)
    if not wanted:
        return _list(slots, clients, form)
    found = shipping.checked(clients[0], slots, bare)
    for line in shipping.facts(found, bare, Clock().now()):
        say(line)
    if not uncommitted:
        shipping.check_committed(slots, root)
    tag = _tag(found, bare)
    if dry_run:
        _show_edits(slots, found, tag)
        return CHANGES if any(_differs(each, found, tag) for each in slots) else 0
    changed = shipping.write(slots, found.image, tag)
    for each in slots:
        word = "Wrote" if each.file in changed else "Already in"
        value = each.value(found.image.digest)
        say(f"{word} {as_typed(each.file)}: {each.parameter} {value[:26]}..., {tag or 'no tag'}")
    shipped = tag or bare[:19]
    return _review(
        chosen, connection, shipped, form, root, whole=whole, output=output, allowed=allowed
    )


def _split(words: tuple[str, ...]) -> tuple[list[str], str]:
    """The stacks, and the tag or digest, which comes last and has no slash."""
    *first, last = words
    names = [*first, *([last] if "/" in last else [])]
    wrong = [each for each in names if "/" not in each]
    if wrong or not names:
        raise click.UsageError(
            f"{(wrong or [last])[0]} is not ENV/STACK: name the stacks first, such as"
            " dev/webordinary-edit, then one tag or digest."
        )
    return list(dict.fromkeys(names)), "" if "/" in last else last


def _check_unused(given: dict[str, bool], form: str, wanted: str) -> None:
    """Raises UsageError where something is asked for that only a review has, and none is made."""
    forms = ("text",) if wanted else ("text", "json")
    unused = [name for name, there in given.items() if there]
    unused += [f"--format {form}"] if form not in forms else []
    if unused:
        why = "--dry-run makes none" if wanted else "without a tag or digest none is made"
        raise click.UsageError(f"{', '.join(unused)} is for the review, and {why}.")


def _check_together(slots: "list[Slot]") -> None:
    """Raises Refusal where the stacks run images of different repositories."""
    uris = {each.deployment.name: each.current.repository.uri for each in slots}
    if len(set(uris.values())) > 1:
        said = ", ".join(f"{name} runs {uri}" for name, uri in uris.items())
        raise Refusal("The stacks do not share a repository", said, "Ship them one by one")


def _tag(found: "Shipped", wanted: str) -> str:
    """What stands behind the digest: the tag that was asked for, else the first that it has.

    `latest` says nothing a week later, so that any other tag of the image is taken before it.
    """
    return min(
        found.image.tags, key=lambda each: (each == LATEST, each != wanted, each), default=""
    )


def _differs(each: "Slot", found: "Shipped", tag: str) -> bool:
    return each.edited(found.image, tag).encode() != each.content


def _show_edits(slots: "list[Slot]", found: "Shipped", tag: str) -> None:
    """What would be written, as a difference."""
    import difflib

    for each in slots:
        old, new = each.content.decode(), each.edited(found.image, tag)
        name = str(as_typed(each.file))
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), name, name, n=1, lineterm=""
        )
        show("\n".join(lines) or f"{name} says it already")
    say("Nothing was written: this was a dry run.")


def _review(
    chosen: list[deployments.Deployment],
    connection: dict[str, str | None],
    shipped: str,
    form: str,
    root: Path,
    *,
    whole: bool,
    output: Path | None,
    allowed: dict[str, list[str]],
) -> int:
    """The review of what was written, as `review` shows it, and what comes next."""
    from workerstack.commands.review import ended, reviews, say_brought_again, say_older

    again = [deployments.load(each.name, root) for each in chosen]
    several = len(again) > 1
    found, problems = reviews(again, connection, allowed, revert_drift=False)
    made = list(found.values())
    kept = review_files(made, output, root, several=several)
    if found:
        show_formatted(report(made, form, several=several, whole=whole, files=kept), form)
    for name, review in found.items():
        more = [each for each in review.resources if each.can_change][ROWS:]
        if more and review.change_set.type == "UPDATE":
            say(f"{name}: the review has more than the image; something else was not deployed yet.")
    for each in again:
        if each.name not in found and each.name not in problems:
            say(f"No changes: {each.name} runs this image already.")
    if found:
        files = " ".join(str(as_typed(each.source.file)) for each in again)
        say("", f"Commit    git commit -m 'Ship {shipped}' -- {files}")
    keep(made, kept)
    for each in again:
        if each.name not in problems:
            say_brought_again(each, connection, root)
            say_older(each, found.get(each.name), connection)
    return ended(problems, several=several) or (CHANGES if found else 0)


@dataclass(frozen=True)
class _Row:
    """An image in the list, and by whom it is deployed or run."""

    image: "Image"
    marks: tuple[str, ...]


def _list(slots: "list[Slot]", clients: "list[Clients]", form: str) -> int:
    """The newest images of the repository."""
    from workerstack.deployer import images

    repository = slots[0].current.repository
    newest = images.newest(images.tagged(clients[0], repository), LISTED)
    marks: dict[str, list[str]] = {}
    for each, of in zip(slots, clients, strict=True):
        for digest, mark in _marks(each, of, several=len(slots) > 1):
            marks.setdefault(digest, []).append(mark)
    rows = [_Row(each, tuple(marks.get(each.digest, ()))) for each in newest]
    known = {each.digest for each in newest}
    older = [(digest, said) for digest, said in marks.items() if digest not in known]
    if form == "json":
        show_json([_as_data(each) for each in rows], 2)
        return 0
    if not rows:
        say(f"{repository.name} has no tagged image. Push one, then ship it.")
        return 0
    show("\n".join(_lines(rows, Clock().now())))
    for digest, said in older:
        say(f"{', '.join(said)}: {digest[:19]}, which is not among the newest {LISTED}")
    names = " ".join(each.deployment.name for each in slots)
    say("", f"Ship one  ./deploy.py ship {names} {rows[0].image.tags[0]}")
    return 0


def _marks(each: "Slot", clients: "Clients", *, several: bool) -> list[tuple[str, str]]:
    """Digests that are deployed or run for a stack, each with how that is said."""
    from workerstack.deployer import deployed_stack, images, running_images, stack

    cloudformation = clients("cloudformation")
    found = deployed_stack.read_deployed(
        cloudformation, stack.read(cloudformation, each.deployment.stack)
    )
    of = f" in {each.deployment.name}" if several else ""
    marks: list[tuple[str, str]] = []
    reference = images.parse(running_images.deployed_images(found).get(each.container, ""))
    if reference and reference.repository.uri == each.current.repository.uri:
        image = images.find(clients, reference.repository, reference.wanted)
        how = f" as :{reference.wanted}" if reference.is_movable else ""
        if image:
            marks.append((image.digest, f"deployed{how}{of}"))
    marks += [
        (digest, f"running{of}")
        for one in running_images.running_images(clients, found)
        if one.container == each.container
        for digest in sorted(one.running)
    ]
    return marks


def _as_data(row: _Row) -> dict[str, object]:
    image = row.image
    return {
        "tags": list(image.tags),
        "digest": image.digest,
        "pushed": image.pushed.isoformat() if image.pushed else None,
        "size": image.size,
        "marks": list(row.marks),
    }


def _lines(rows: list[_Row], now: datetime) -> list[str]:
    """A table: the tags, the digest, when, how large, whether it is deployed."""
    from workerstack.deployer.ship import age, size
    from workerstack.problem import harmless

    cells = [("TAG", "DIGEST", "PUSHED", "SIZE", "")]
    for each in rows:
        image = each.image
        cells.append(
            (
                ", ".join(image.tags),
                image.digest[7:19],
                age(image.pushed, now) if image.pushed else "",
                size(image.size) if image.size else "",
                ", ".join(each.marks),
            )
        )
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return [
        harmless(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
