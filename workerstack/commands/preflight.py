"""``deploy.py preflight``."""

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
def preflight(*, name: str, form: str, root: Path, **connection: str | None) -> int:
    """Check that what a stack needs exists.

    Image, secrets, log group, queue, network, file system, buckets, quotas. Nothing is changed.
    What may not be looked for is SKIP, with the missing permission.
    """
    from workerstack.deployer import aws
    from workerstack.verifier import preflight as looking

    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    aws.identify(deployment, clients)
    return show_checks(name, looking.preflight(deployment, clients), form)
