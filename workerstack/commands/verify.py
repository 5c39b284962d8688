"""``deploy.py verify``."""

from pathlib import Path

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import clients_of, connected
from workerstack.commands.verdicts import format_option, show_checks


@click.command(cls=WithExample, example="staging/webordinary-edit")
@click.argument("name", metavar="ENV/STACK", shell_complete=complete_names)
@format_option
@connected
def verify(*, name: str, form: str, root: Path, **connection: str | None) -> int:
    """Check that what runs is correct, and that it is committed.

    Exit 1: a check fails. SKIP could not be looked at.
    """
    from workerstack.deployer import aws
    from workerstack.verifier import verify as verification

    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    aws.identify(deployment, clients)
    checks = verification.verify(deployment, clients, root)
    return show_checks(name, checks, form)
