"""``deploy.py review`` and ``deploy.py discard``."""

from pathlib import Path

import click

import deployments
from deployer.clock import Clock
from deployer.commands.connection import CHANGES, clients_of, connected, say, shown
from deployer.commands.reports import format_option, report


@click.command()
@click.argument("name", metavar="ENV/STACK")
@format_option
@click.option(
    "--output", type=click.Path(path_type=Path), help="The review file (default: .reviews/...)."
)
@connected
def review(
    *, name: str, form: str, output: Path | None, root: Path, **connection: str | None
) -> int:
    """Make a change set for ENV/STACK and show what it would do; exit 2 if it would."""
    from deployer import review_file, reviewing

    deployment = deployments.load(name, root)
    found = reviewing.review(deployment, clients_of(deployment, **connection), Clock())
    if found is None:
        say(f"No changes: {name} is as it should be.")
        return 0
    file = output or root / ".reviews" / f"{name.replace('/', '-')}-{found.change_set.name}.json"
    review_file.write(found, file)
    click.echo(report([found], form))
    say(f"\nExecute it with\n    ./deploy.py execute {shown(file)}")
    say(f"or drop it with\n    ./deploy.py discard {shown(file)}")
    return CHANGES


@click.command()
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path))
@connected
def discard(*, file: Path, root: Path, **connection: str | None) -> int:
    """Delete a review's change set, and the empty stack if we made it."""
    from deployer import discarding, review_file

    found = review_file.read(file)
    deployment = deployments.load(found.where.deployment, root)
    say(discarding.discard(found, deployment, clients_of(deployment, **connection)))
    return 0
