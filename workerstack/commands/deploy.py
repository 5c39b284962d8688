"""All commands around change sets, as one command with subcommands."""

import click

from workerstack.commands.adopt import adopt
from workerstack.commands.diff import diff
from workerstack.commands.discard import discard
from workerstack.commands.drift import drift
from workerstack.commands.execute import execute
from workerstack.commands.init import init
from workerstack.commands.logs import logs
from workerstack.commands.preflight import preflight
from workerstack.commands.prove import prove
from workerstack.commands.review import review
from workerstack.commands.rights import rights
from workerstack.commands.rollback import rollback
from workerstack.commands.ship import ship
from workerstack.commands.smoke import smoke
from workerstack.commands.status import status
from workerstack.commands.verify import verify
from workerstack.commands.watch import watch


@click.group(context_settings={"max_content_width": 80})
def deploy() -> None:
    """Review, execute and verify change sets for the stacks of params/.

    Exit codes: 0 done or nothing to change, 1 an error, 2 there are changes (adopt, review, diff,
    ship, rollback, drift), 3 refused, 4 stopped watching while AWS continues, 64 wrong usage.
    """


for command in (
    init, adopt, preflight, review, diff, ship, execute, discard, watch, prove, rollback, verify,
    smoke, drift, status, logs, rights,
):  # fmt: skip
    deploy.add_command(command)
