"""``deploy.py execute``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

import deployments
from deployer.clock import Clock
from deployer.commands.connection import clients_of, connected, say

if TYPE_CHECKING:
    from deployer.events import Event


@click.command()
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path))
@connected
def execute(*, file: Path, root: Path, **connection: str | None) -> int:
    """Execute the change set of a review file, that one only, and show its events."""
    from deployer import execution, review_file

    found = review_file.read(file)
    deployment = deployments.load(found.where.deployment, root)
    clients = clients_of(deployment, **connection)
    state = execution.execute(found, deployment, clients, Clock(), _show)
    say(f"{found.where.stack_name} is {state}.")
    say(f"Verify it with\n    ./deploy.py verify {found.where.deployment}")
    return 0


def _show(event: "Event") -> None:
    reason = f": {event.reason}" if event.reason else ""
    click.echo(f"{event.time}  {event.status:<32}  {event.logical_id}{reason}")
