"""``deploy.py watch``."""

from pathlib import Path

import click

import deployments
from deployer.clock import Clock
from deployer.commands.connection import clients_of, connected
from deployer.commands.operations import form_option, watched


@click.command()
@click.argument("name", metavar="ENV/STACK")
@form_option
@connected
def watch(*, name: str, form: str, root: Path, **connection: str | None) -> int:
    """Watch what is going on at a stack, or sum up what was last; Ctrl-C asks."""
    from deployer import execution, guards

    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    guards.identify(deployment, clients)
    operation = execution.latest(clients("cloudformation"), deployment)
    return watched(operation, clients, Clock(), form)
