"""``deploy.py adopt``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import deployments
from deployer.clock import Clock
from deployer.commands.connection import CHANGES, clients_of, connected, say, shown

if TYPE_CHECKING:
    from deployer.adopting.deciding import Given
    from deployer.adopting.deployed import Deployed
    from deployer.adopting.planning import Plan
    from deployer.adopting.proposal import Renaming
    from deployer.clients import Clients
    from deployer.review import Review
    from deployer.source import Source


@click.command()
@click.argument("name", metavar="ENV/STACK")
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    help="The deployed template as a file: matches and predicts, without AWS.",
)
@click.option(
    "--map", "maps", multiple=True, metavar="OURS=THEIRS",
    help="What one of ours is called there; `OURS=` for one that is new. Repeatable.",
)  # fmt: skip
@click.option(
    "--import", "imports", multiple=True, metavar="LOGICAL_ID",
    help="Have it retained, removed and imported, where it cannot be refactored. Repeatable.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The file to execute (default: .reviews/...).",
)
@connected
def adopt(
    *,
    name: str,
    template: Path | None,
    maps: tuple[str, ...],
    imports: tuple[str, ...],
    form: str,
    output: Path | None,
    root: Path,
    **connection: str | None,
) -> int:
    """Take over another tool's stack, in place.

    Its resources get our logical ids and stay what they are. Proposes the next step and
    changes nothing; exit 2 if there is one. `execute` takes it.
    """
    from deployer import guards, review_file
    from deployer.adopting import checking, deciding, deployed, mapping_file
    from deployer.commands.adoption import planned, report
    from deployer.source import read_source

    deployment = deployments.load(name, root)
    source = read_source(deployment)
    given = deciding.parse(maps)
    if template is not None:
        plan = planned(source, deployed.read_file(template, deployment), given, set(imports))
        file = mapping_file.write(plan.mapping, deployment)
        click.echo(report(plan, None, form))
        say(f"\nwrote {shown(file)}: review and commit it, then adopt without --template")
        return CHANGES if plan.step[0] != "done" else 0
    clients = clients_of(deployment, **connection)
    caller = guards.identify(deployment, clients)
    found = deployed.read(deployment, clients)
    checking.check(found, source, clients("cloudformation"))
    plan, made = _advanced(source, found, given, set(imports), clients, caller)
    click.echo(report(plan, made, form))
    if made is None:
        say(f"\nEverything has our names. See what remains:\n    ./deploy.py review {name}")
        return 0
    step, _ = plan.step
    file = output or root / ".reviews" / f"{name.replace('/', '-')}-adopt-{step}.json"
    review_file.write(made, file)
    say(f"\nwrote {shown(mapping_file.path(deployment))}: review and commit it")
    say(f"Then execute the step with\n    ./deploy.py execute {shown(file)}")
    return CHANGES


def _advanced(
    source: "Source",
    found: "Deployed",
    given: "Given",
    imports: set[str],
    clients: "Clients",
    caller: str,
) -> "tuple[Plan, Renaming | Review | None]":
    """The next step; again with what must be imported, where somebody agrees to that."""
    from deployer.adopting.advancing import advance
    from deployer.adopting.proposing import CannotRefactor
    from deployer.commands.adoption import planned

    while True:
        plan = planned(source, found, given, imports)
        try:
            return advance(plan, clients, Clock(), caller)
        except CannotRefactor as refusal:
            if not sys.stdin.isatty():
                raise
            say(f"{refusal.what}: {refusal.why}.")
            if not click.confirm("Retain, remove and import them instead?", err=True):
                raise
            imports |= set(refusal.names)
