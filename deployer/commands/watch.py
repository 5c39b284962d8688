"""``deploy.py watch``."""

from pathlib import Path

import click

import deployments
from deployer.commands.connection import clients_of, connected
from deployer.commands.operations import watched, watching_options


@click.command()
@click.argument("name", metavar="ENV/STACK")
@watching_options
@connected
def watch(*, name: str, form: str, minutes: int, root: Path, **connection: str | None) -> int:
    """Watch what is going on at a stack, or sum up what was last; Ctrl-C asks."""
    from deployer import guards, ongoing

    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    guards.identify(deployment, clients)
    operation = ongoing.latest(clients("cloudformation"), deployment)
    return watched(operation, clients, form=form, minutes=minutes)
