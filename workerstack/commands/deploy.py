"""All commands around change sets, as one command with subcommands."""

import click

from workerstack.commands.adopt import adopt
from workerstack.commands.diff import diff
from workerstack.commands.discard import discard
from workerstack.commands.drift import drift
from workerstack.commands.execute import execute
from workerstack.commands.init import init
from workerstack.commands.review import review
from workerstack.commands.rights import rights
from workerstack.commands.rollback import rollback
from workerstack.commands.smoke import smoke
from workerstack.commands.verify import verify
from workerstack.commands.watch import watch


@click.group(context_settings={"max_content_width": 96})
def deploy() -> None:
    """Change sets for the stacks of params/: reviewed, executed as reviewed, verified.

    Exit codes: 0 done or nothing to change, 1 an error, 2 there are changes (adopt, review, diff,
    rollback, drift), 3 refused, 4 we stopped watching while AWS goes on, 64 wrong usage.
    """


for command in (
    init, adopt, review, diff, execute, discard, watch, rollback, verify, smoke, drift, rights,
):  # fmt: skip
    deploy.add_command(command)
