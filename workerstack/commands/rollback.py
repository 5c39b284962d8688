"""``deploy.py rollback``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack.commands.aiming import aim, complete_names, confirm, named, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.operation import watched, watching_options
from workerstack.commands.options import CHANGES, connected, consent
from workerstack.commands.reports import keep, report
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_formatted
from workerstack.problem import Refusal

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.source import Source
    from workerstack.deployer.stack import Stack
    from workerstack.deployments import Deployment


@click.command(cls=WithExample, example="staging/webordinary-edit --to HEAD")
@click.argument("name", metavar="ENV/STACK|FILE", shell_complete=complete_names)
@stack_option
@click.option(
    "--to", metavar="REVISION", help="Restore this git revision [default: the previous deployment]."
)
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
@connected
def rollback(
    *,
    name: str,
    stack: str | None,
    to: str | None,
    output: Path | None,
    goes_on: bool,
    skip: tuple[str, ...],
    yes: bool,
    form: str,
    minutes: int,
    root: Path,
    **connection: str | None,
) -> int:
    """Make a change set that restores an earlier deployment.

    The change set is reviewed and executed like any other. A stack whose update or rollback
    failed is rolled back by CloudFormation itself, after confirmation.
    """
    from workerstack.deployer import aws, undo
    from workerstack.deployer import stack as stacks

    deployment, clients, root = aim(named(name, stack), root, connection)
    aws.identify(deployment, clients)
    live = stacks.existing(clients("cloudformation"), deployment)
    stacks.check_owner(live, deployment.name)
    undo.check_continued(live, deployment, goes_on=goes_on, skip=skip)
    if live.status not in undo.FAILED:
        source = _source(to, deployment, live, clients, root)
        confirm(deployment, "Make a change set for", yes=yes)
        return _proposed(source, clients, form, output, root)
    if to:
        raise Refusal(
            f"{live.name} is in {live.status}",
            "it must be rolled back before it takes another change set",
            f"Run `deploy.py rollback {deployment.name}` without --to first",
        )
    if not yes:
        consent(
            f"Roll back {live.name}, which is in {live.status}"
            + (f", without {', '.join(skip)}" if skip else ""),
            "nothing was rolled back",
        )
    operation = undo.begin_rollback(live, deployment, clients, Clock(), skip)
    return watched(operation, clients, form=form, minutes=minutes)


def _source(
    to: str | None,
    deployment: "Deployment",
    stack: "Stack",
    clients: "Clients",
    root: Path,
) -> "Source":
    from workerstack.deployer import earlier

    if to:
        return earlier.at_revision(deployment, to, root)
    return earlier.before(deployment, stack, clients, root)


def _proposed(
    source: "Source", clients: "Clients", form: str, output: Path | None, root: Path
) -> int:
    from workerstack.deployer import make_review

    say(f"Going back to {source.origin.replace(':', ' ', 1)}.")
    found = make_review.make_review(source.deployment, clients, Clock(), source=source)
    if found is None:
        say(f"No changes: {source.deployment.name} matches that deployment.")
        return 0
    show_formatted(report([found], form, several=False), form)
    keep([found], output, root, several=False)
    say("", "What is committed is still the newer version: revert that, too, or the next review")
    say("proposes it again.")
    return CHANGES
