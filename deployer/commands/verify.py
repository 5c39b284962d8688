"""``deploy.py verify``."""

import json
from pathlib import Path

import click

import deployments
from deployer.commands.connection import clients_of, connected, styled


@click.command()
@click.argument("name", metavar="ENV/STACK")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@connected
def verify(*, name: str, form: str, root: Path, **connection: str | None) -> int:
    """Check the acceptance criteria on what runs, and that it is what is committed."""
    from deployer import guards, verification

    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    guards.identify(deployment, clients)
    checks = verification.verify(deployment, clients)
    if form == "json":
        click.echo(json.dumps([vars(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = styled("green", "green") if check.green else styled("RED  ", "red")
            click.echo(f"{mark}  {check.id:<10}  {check.criterion}: {check.evidence}")
            if not check.green:
                click.echo(f"       next: {check.next_step}")
    return 0 if all(check.green for check in checks) else 1
