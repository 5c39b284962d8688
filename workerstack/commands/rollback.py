"""``deploy.py rollback``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack.commands import confirmation
from workerstack.commands.aiming import aim, complete_names, named, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.needs import needs
from workerstack.commands.operation import watched, watching_options
from workerstack.commands.options import CHANGES, columns, connected
from workerstack.commands.review_formats import all_option, allow_option, keep, report, review_files
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_formatted, show_json, show_line
from workerstack.problem import Refusal, harmless

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.source import Source
    from workerstack.deployer.stack import StackDescription
    from workerstack.deployments import Deployment


@click.command(cls=WithExample, example="staging/webordinary-edit --to HEAD")
@click.argument("name", metavar="ENV/STACK|FILE", shell_complete=complete_names)
@stack_option
@click.option(
    "--to",
    metavar="REVISION|EXECUTION",
    help="Restore this git revision, or one of --list [default: the previous deployment].",
)
@click.option(
    "--list", "listed", is_flag=True, help="List the last ten executions, and make no change set."
)
@allow_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the review file there [default: .reviews/...].",
)
@click.option("--continue", "goes_on", is_flag=True, help="Continue a rollback that failed.")
@click.option(
    "--skip",
    multiple=True,
    metavar="LOGICAL_ID",
    help="With --continue: leave this resource out; repeatable.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@watching_options
@all_option
@connected
def rollback(
    *,
    name: str,
    stack: str | None,
    to: str | None,
    listed: bool,
    allow: tuple[str, ...],
    output: Path | None,
    goes_on: bool,
    skip: tuple[str, ...],
    yes: bool,
    form: str,
    whole: bool,
    minutes: int,
    root: Path,
    **connection: str | None,
) -> int:
    """Make a change set that restores an earlier deployment.

    The change set is reviewed and executed like any other. A stack whose update or rollback
    failed is rolled back by CloudFormation itself, after confirmation.
    """
    from workerstack.deployer import aws, stack_states, undo
    from workerstack.deployer import stack as stacks

    deployment, clients, root = aim(named(name, stack), root, connection)
    caller = aws.identify(deployment, clients)
    live = stacks.existing(clients("cloudformation"), deployment)
    stacks.check_owner(live, deployment.name)
    if listed:
        return _listed(deployment, live, clients, form, root)
    undo.check_continued(live, deployment, goes_on=goes_on, skip=skip)
    if live.status not in stack_states.FAILED:
        source = _source(to, deployment, live, clients, root)
        if not yes:
            confirmation.before_making_a_change_set(deployment)
        return _proposed(source, live, clients, form, allow, output, root, whole=whole)
    if to:
        raise Refusal(
            f"{live.name} is in {live.status}",
            "it must be rolled back before it takes another change set",
            f"Run `deploy.py rollback {deployment.name}` without --to first",
        )
    if not yes:
        confirmation.before_rolling_back(live, skip)
    operation = undo.begin_rollback(live, deployment, clients, Clock(), skip, caller)
    return watched(operation, clients, form=form, minutes=minutes)


def _source(
    to: str | None,
    deployment: "Deployment",
    stack: "StackDescription",
    clients: "Clients",
    root: Path,
) -> "Source":
    from workerstack.deployer import earlier

    if to:
        return earlier.named(to, deployment, stack, clients, root)
    return earlier.before(deployment, stack, clients, root)


def _listed(
    deployment: "Deployment", stack: "StackDescription", clients: "Clients", form: str, root: Path
) -> int:
    """The last executions; what the stack has now is marked."""
    from workerstack.deployer import going_back

    found = going_back.rows(deployment, stack, clients, root)
    if form == "json":
        show_json([each.data for each in found], 2)
        return 0
    for line in going_back.lines(found, columns()):
        show_line(harmless(line))
    return 0


def _proposed(
    source: "Source",
    stack: "StackDescription",
    clients: "Clients",
    form: str,
    allow: tuple[str, ...],
    output: Path | None,
    root: Path,
    *,
    whole: bool,
) -> int:
    from workerstack.deployer import going_back, make_review
    from workerstack.review.show import words

    say(harmless(f"Going back to {going_back.where_to(source, root)}."))
    difference = going_back.difference(source, stack, clients("cloudformation"))
    if difference:
        say(harmless(f"Difference: {difference}."))
    needed = needs(source.deployment, clients, source)
    for line in words.needs_lines(needed):
        say(harmless(line))
    found = make_review.make_review(
        source.deployment, clients, Clock(), source=source, allowed=allow
    )
    if found is None:
        say(f"No changes: {source.deployment.name} matches that deployment.")
        say_what_to_commit(source, root)
        return 0
    found = found.model_copy(update={"needs": needed})
    files = review_files([found], output, root, several=False)
    show_formatted(report([found], form, several=False, whole=whole, files=files), form)
    keep([found], files)
    say_what_to_commit(source, root)
    return CHANGES


def say_what_to_commit(source: "Source", root: Path) -> None:
    """What brings the checkout to what is gone back to, where it is not that."""
    from workerstack.deployer import going_back

    found = going_back.to_commit(source, root)
    if found:
        say("", "What is committed is another version: the next review proposes that one again.")
        say("To have git say what is deployed:", *(f"    {harmless(each)}" for each in found))
