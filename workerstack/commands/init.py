"""``deploy.py init``."""

from pathlib import Path

import click

from workerstack.commands.example import WithExample
from workerstack.commands.options import connected
from workerstack.deployer.aws import Clients
from workerstack.output import say


@click.command(cls=WithExample, example="staging --vpc webordinary")
@click.argument("environment", metavar="ENV")
@click.option("--vpc", help="Take this VPC, an ID or a Name tag [default: the default VPC].")
@click.option("--from-stack", metavar="STACK", help="Read the values from this stack instead.")
@click.option(
    "--worker", help="Name the worker that STACK becomes [default: the one called like it]."
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@connected
def init(
    *, environment: str, vpc: str | None, from_stack: str | None, worker: str | None, force: bool,
    root: Path, **connection: str | None,
) -> int:  # fmt: skip
    """Create params/ENV/ from the account or from an existing stack."""
    from workerstack.adopter import init as discovery

    if from_stack and vpc:
        raise click.UsageError("--vpc and --from-stack exclude each other: the stack has a VPC.")
    if worker and not from_stack:
        raise click.UsageError("--worker says what --from-stack becomes; give both.")
    region = discovery.region_of(connection.pop("region"), connection["profile"])
    clients = Clients(region, connection["profile"], connection["endpoint_url"])
    if from_stack:
        from workerstack.adopter.init_from_stack import InitRequest, initialize

        request = InitRequest(environment, from_stack, worker, force)
        complete = initialize(request, clients, root, say)
    else:
        complete = discovery.initialize(environment, vpc, clients, root, force=force, say=say)
    return 0 if complete else 1
