"""``deploy.py init``."""

from pathlib import Path

import click

from workerstack.commands.options import connected
from workerstack.deployer.aws import Clients
from workerstack.output import say


@click.command()
@click.argument("environment", metavar="ENV")
@click.option("--vpc", help="The VPC, by id or Name tag (default: the default one).")
@click.option("--from-stack", metavar="STACK", help="Write STACK.yaml from what runs as STACK.")
@click.option("--worker", help="The worker that STACK becomes (default: the one of its name).")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@connected
def init(
    *, environment: str, vpc: str | None, from_stack: str | None, worker: str | None, force: bool,
    root: Path, **connection: str | None,
) -> int:  # fmt: skip
    """Write params/ENV/ from what the account or a stack has, saying what was chosen."""
    from workerstack.adopter import init as discovery

    if from_stack and vpc:
        raise click.UsageError("--vpc and --from-stack exclude each other: the stack has a VPC.")
    if worker and not from_stack:
        raise click.UsageError("--worker says what --from-stack becomes; give both.")
    region = discovery.region_of(connection.pop("region"), connection["profile"])
    clients = Clients(region, connection["profile"], connection["endpoint_url"])
    if from_stack:
        from workerstack.adopter.init_from_stack import Request, initialize

        request = Request(environment, from_stack, worker, force)
        complete = initialize(request, clients, root, say)
    else:
        complete = discovery.initialize(environment, vpc, clients, root, force=force, say=say)
    return 0 if complete else 1
