"""``workerstack``: the three commands of a project as one, installed, for any folder."""

import click

from workerstack import output
from workerstack.command_line import run
from workerstack.commands.deploy import COMMANDS
from workerstack.commands.late import LateGroup

ALL = {
    **COMMANDS,
    "fields": "Show the fields of a worker, or of a part of it.",
    "generate": "Build all workers of templates/workers.py, lint them, and write out/.",
    "new": "Make a project of your own in DIR, with a first worker.",
    "simulate": "Replay a queue through the alarms and step policies of TEMPLATE.",
}
"""Each command with the first sentence of its help."""

workerstack = LateGroup(
    name="workerstack",
    late=ALL,
    context_settings={"max_content_width": 80},
    help="""Build CloudFormation for SQS workers, and deploy it by reviewed change sets.

    Begin with `workerstack new DIR`. It works in the project around the working directory: the
    nearest folder with params/.

    Exit codes: 0 done or nothing to change, 1 an error, 2 there are changes (adopt, review, diff,
    rollback, drift) or out/ is out of date (generate --check), 3 refused, 4 stopped watching
    while AWS continues, 64 wrong usage.
    """,
)


workerstack = click.version_option(package_name="fargate-worker-stack", prog_name="workerstack")(
    workerstack
)


def main() -> None:
    """Runs what was typed, as the installed command."""
    output.called("workerstack")
    run(workerstack)
