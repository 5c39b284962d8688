#!/usr/bin/env python3
"""Creates change sets, shows them for review, executes what was reviewed, verifies the result."""

import click

from command_line import run
from deployer.commands.adopt import adopt
from deployer.commands.diff import diff
from deployer.commands.discard import discard
from deployer.commands.drift import drift
from deployer.commands.execute import execute
from deployer.commands.init import init
from deployer.commands.review import review
from deployer.commands.verify import verify
from deployer.commands.watch import watch


@click.group(context_settings={"max_content_width": 96})
def deploy() -> None:
    """Change sets for the stacks of params/: reviewed, executed as reviewed, verified.

    Exit codes: 0 done or nothing to change, 1 an error, 2 there are changes (adopt, review,
    diff, drift), 3 refused, 4 we stopped watching while AWS goes on, 64 wrong usage.
    """


for command in (init, adopt, review, diff, execute, discard, watch, verify, drift):
    deploy.add_command(command)

if __name__ == "__main__":
    run(deploy)
