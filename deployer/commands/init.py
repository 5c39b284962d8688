"""``deploy.py init``."""

from pathlib import Path

import click

from deployer.clients import Clients
from deployer.commands.connection import connected, say


@click.command()
@click.argument("environment", metavar="ENV")
@click.option("--vpc", help="The VPC, by id or Name tag (default: the default one).")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@connected
def init(
    *, environment: str, vpc: str | None, force: bool, root: Path, **connection: str | None
) -> int:
    """Write params/ENV/ from what the account has, saying what was chosen."""
    from deployer import discovery

    region = discovery.region_of(connection.pop("region"), connection["profile"])
    clients = Clients(region, connection["profile"], connection["endpoint_url"])
    complete = discovery.initialize(environment, vpc, clients, root, force=force, say=say)
    return 0 if complete else 1
