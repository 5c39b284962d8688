#!/usr/bin/env python3
"""Creates change sets, shows them for review, executes what was reviewed, verifies the result."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

import deployments
from command_line import run
from deployer.clients import Clients, explained
from deployer.clock import Clock

ROOT = Path(__file__).parent
CHANGES = 2


def connected(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that talks to AWS."""
    options = (
        click.option("--profile", help="The AWS profile, instead of the usual environment."),
        click.option("--region", help="The region; it must be the target's."),
        click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="Another endpoint."),
        click.option("--root", type=click.Path(path_type=Path), default=ROOT, hidden=True),
    )

    @wraps(command)
    def with_explanations(**arguments: Any) -> int:
        with explained():
            return command(**arguments)

    for option in reversed(options):
        with_explanations = option(with_explanations)
    return with_explanations


def _clients(
    deployment: deployments.Deployment,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
) -> Clients:
    return Clients(region or deployment.target.region, profile, endpoint_url)


@click.group(context_settings={"max_content_width": 96})
def deploy() -> None:
    """Change sets for the stacks of params/: reviewed, executed as reviewed, verified.

    Exit codes: 0 done or nothing to change, 1 an error, 2 there are changes (review),
    3 refused, 4 we stopped watching while AWS goes on, 64 wrong usage.
    """


@deploy.command()
@click.argument("name", metavar="ENV/STACK")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--output", type=click.Path(path_type=Path), help="The review file (default: .reviews/...)."
)
@connected
def review(
    *, name: str, form: str, output: Path | None, root: Path, **connection: str | None
) -> int:
    """Make a change set for ENV/STACK and show what it would do; exit 2 if it would."""
    from deployer import review_file, reviewing, terminal

    deployment = deployments.load(name, root)
    found = reviewing.review(deployment, _clients(deployment, **connection), Clock())
    if found is None:
        click.echo(f"No changes: {name} is as it should be.", err=True)
        return 0
    file = output or root / ".reviews" / f"{name.replace('/', '-')}-{found.change_set.name}.json"
    review_file.write(found, file)
    if form == "json":
        click.echo(found.model_dump_json(indent=2))
    else:
        click.echo(terminal.render(found, _style))
    click.echo(f"\nExecute it with\n    ./deploy.py execute {_shown(file)}", err=True)
    click.echo(f"or drop it with\n    ./deploy.py discard {_shown(file)}", err=True)
    return CHANGES


@deploy.command()
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path))
@connected
def execute(*, file: Path, root: Path, **connection: str | None) -> int:
    """Execute the change set of a review file, that one only, and show its events."""
    from deployer import execution, review_file

    found = review_file.read(file)
    deployment = deployments.load(found.where.deployment, root)
    clients = _clients(deployment, **connection)
    state = execution.execute(found, deployment, clients, Clock(), _show)
    click.echo(f"{found.where.stack_name} is {state}.", err=True)
    click.echo(f"Verify it with\n    ./deploy.py verify {found.where.deployment}", err=True)
    return 0


@deploy.command()
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path))
@connected
def discard(*, file: Path, root: Path, **connection: str | None) -> int:
    """Delete a review's change set, and the empty stack if we made it."""
    from deployer import discarding, review_file

    found = review_file.read(file)
    deployment = deployments.load(found.where.deployment, root)
    said = discarding.discard(found, deployment, _clients(deployment, **connection))
    click.echo(said, err=True)
    return 0


@deploy.command()
@click.argument("name", metavar="ENV/STACK")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@connected
def verify(*, name: str, form: str, root: Path, **connection: str | None) -> int:
    """Check the acceptance criteria on what runs, and that it is what is committed."""
    from deployer import guards, verification

    deployment = deployments.load(name, root)
    clients = _clients(deployment, **connection)
    guards.identify(deployment, clients)
    checks = verification.verify(deployment, clients)
    if form == "json":
        click.echo(json.dumps([vars(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = _style("green", "green") if check.green else _style("RED  ", "red")
            click.echo(f"{mark}  {check.id:<10}  {check.criterion}: {check.evidence}")
            if not check.green:
                click.echo(f"       next: {check.next_step}")
    return 0 if all(check.green for check in checks) else 1


@deploy.command()
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
    complete = discovery.initialize(environment, vpc, clients, root, force=force, say=_say)
    return 0 if complete else 1


def _show(event: Any) -> None:
    reason = f": {event.reason}" if event.reason else ""
    click.echo(f"{event.time}  {event.status:<32}  {event.logical_id}{reason}")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _style(text: str, colour: str) -> str:
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def _shown(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


if __name__ == "__main__":
    run(deploy)
