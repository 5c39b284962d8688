"""``deploy.py doctor``."""

from pathlib import Path

import click

from workerstack.commands.example import WithExample
from workerstack.commands.options import connected
from workerstack.commands.verdicts import format_option, show_checks


@click.command(cls=WithExample, example="--region us-west-2")
@format_option
@connected
def doctor(
    *, form: str, root: Path, profile: str | None, region: str | None, endpoint_url: str | None
) -> int:
    """Check what the tool needs here, and say the next step.

    Python, extras, git, the project, endpoint, Region, credentials, account. Exit 1: something
    that every command needs is missing; SKIP is what only some of them need.
    """
    from workerstack.verifier.doctor import examine

    return show_checks("doctor", list(examine(root, region, profile, endpoint_url)), form)
