"""``deploy.py smoke``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands import confirmation
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import clients_of, connected
from workerstack.commands.verdicts import format_option, show_checks
from workerstack.deployer.clock import Clock
from workerstack.output import say

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.verifier.smoke_journal import Journal


@click.command(cls=WithExample, example="staging/webordinary-edit --message message.json --dry-run")
@click.argument("name", metavar="ENV/STACK", shell_complete=complete_names)
@click.option(
    "--message", "file", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Send the content of this file as the message.",
)  # fmt: skip
@click.option(
    "--expect-object",
    metavar="s3://BUCKET/KEY",
    help="Wait for this object, which the worker must write.",
)
@click.option(
    "--timeout", default=300, type=click.IntRange(min=1), show_default=True, metavar="SECONDS",
    help="Wait this long for the task, and again for the message.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and touch nothing.")
@format_option
@connected
def smoke(
    *,
    name: str,
    file: Path,
    expect_object: str | None,
    timeout: int,
    yes: bool,
    dry_run: bool,
    form: str,
    root: Path,
    **connection: str | None,
) -> int:
    """Start one task, have it process a message, and put all back.

    Exit 1: a check fails.
    """
    from workerstack.verifier import smoke as smoke_plan
    from workerstack.verifier import smoke_journal, smoke_message, smoke_undo

    message = smoke_plan.read_message(file)
    wanted = smoke_message.named(expect_object) if expect_object else None
    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    journal = smoke_journal.Journal(deployment, root)
    if (code := _restored(journal, deployment, clients, form, yes=yes, dry_run=dry_run)) != 0:
        return code
    plan = smoke_plan.plan(deployment, clients, message, wanted, timeout)
    known = smoke_plan.before(plan, name, clients)
    refused = any(check.status == "FAIL" for check in known)
    if dry_run or refused:
        say("Nothing is touched.")
        return show_checks(name, [*known, *smoke_plan.rehearsed(plan)], form)
    if not yes:
        confirmation.before_a_smoke_test(
            plan, f"{name} in {deployment.target.account}, {deployment.target.region}"
        )
    run = smoke_plan.Smoke(plan, clients, Clock(), say, journal)
    try:
        with smoke_undo.held() as held:
            run.run(held)
    finally:
        code = show_checks(name, [*known, *run.checks], form, run.log)
        for line in run.log:
            say(f"    | {line}")
    return code


def _restored(
    journal: "Journal",
    deployment: deployments.Deployment,
    clients: "Clients",
    form: str,
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    """Puts back what a run that was killed has left; 1 where that fails."""
    from workerstack.deployer import aws
    from workerstack.verifier import smoke_journal

    aws.identify(deployment, clients)
    notes = journal.read()
    if notes is None:
        return 0
    what = f"what a smoke test has left that was killed ({notes.began:%Y-%m-%d %H:%M} UTC)"
    if dry_run:
        say(f"It would first put back {what}: perhaps {notes.sentence}.")
        return 0
    if not yes:
        confirmation.before_putting_back(what, notes.sentence)
    say(f"Putting back {what} ...")
    check = smoke_journal.restore(notes, clients, Clock(), say)
    if check.status == "FAIL":
        return show_checks(deployment.name, [check], form)
    say(
        f"Put back: {check.evidence}."
        if check.passed
        else f"Not all is as before: {check.evidence}."
    )
    journal.done()
    return 0
