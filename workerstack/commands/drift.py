"""``deploy.py drift``."""

from pathlib import Path

import click

from workerstack.commands.aiming import aim, complete_names, named, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.options import CHANGES, TEXT_OR_JSON, columns, connected, format_option
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_json, show_line, styled


@click.command(cls=WithExample, example="staging/webordinary-edit")
@click.argument("name", metavar="ENV/STACK|FILE", shell_complete=complete_names)
@stack_option
@format_option(*TEXT_OR_JSON)
@connected
def drift(*, name: str, stack: str | None, form: str, root: Path, **connection: str | None) -> int:
    """Show what was changed by hand; exit 2 if anything was."""
    from workerstack.deployer import aws
    from workerstack.deployer import stack as stacks
    from workerstack.review.show.words import broken, value_text
    from workerstack.verifier import drift as drifting

    deployment, clients, _ = aim(named(name, stack), root, connection)
    aws.identify(deployment, clients)
    live = stacks.existing(clients("cloudformation"), deployment)
    found = drifting.detect(live, clients, Clock())
    if form == "json":
        show_json([vars(each) for each in found], 2)
    for each in found if form == "text" else ():
        head = f"{each.logical_id} ({each.type}) {each.status}"
        show_line(styled(f"{head}{': ' if each.path else ''}{each.path}", "yellow"))
        for word, value in (("deployed", each.deployed), ("live", each.live)):
            if each.path or value is not None:
                start = f"    {word:>8}: "
                for line in broken(value_text(value), columns(), start, " " * 14):
                    show_line(line)
    if not found:
        say(f"No drift in the resources of {deployment.name} that CloudFormation can check.")
        return 0
    say("", "Put it back with", f"    ./deploy.py review {deployment.name} --revert-drift")
    return CHANGES
