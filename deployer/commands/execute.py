"""``deploy.py execute``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

import deployments
from deployer.commands.connection import clients_of, connected, consent, say
from deployer.commands.operations import watched, watching_options

if TYPE_CHECKING:
    from deployer.review import Review


@click.command()
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path))
@click.option(
    "--allow",
    multiple=True,
    metavar="ID:LOGICAL_ID",
    help="Let one blocking finding through; once for each.",
)
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@click.option("--uncommitted", is_flag=True, help="Execute what is not committed to git.")
@watching_options
@connected
def execute(
    *,
    file: Path,
    allow: tuple[str, ...],
    yes: bool,
    uncommitted: bool,
    form: str,
    minutes: int,
    root: Path,
    **connection: str | None,
) -> int:
    """Execute the change set of a review file, that one only, and show its events."""
    from deployer import binding, committed, earlier, execution, protection, review_file
    from deployer import stack as stacks

    found = review_file.read(file)
    binding.check_allowed(found, allow)
    deployment = deployments.load(found.where.deployment, root)
    if not uncommitted:
        # What an earlier deployment is made of is in a commit already, or in CloudFormation.
        committed.check(deployment.files[-1:] if found.binding.origin else deployment.files, root)
    if not yes:
        _ask(found)
    clients = clients_of(deployment, **connection)
    source = earlier.source_of(found.binding.origin, deployment, clients, root)
    operation = execution.execute(found, deployment, clients, source=source)
    code = watched(operation, clients, form=form, minutes=minutes)
    if code == 0:
        cloudformation = clients("cloudformation")
        stack = stacks.read(cloudformation, operation.stack_id)
        for sentence in protection.apply(cloudformation, deployment, stack, found.others):
            say(sentence)
    return code


def _ask(review: "Review") -> None:
    """Raises Refusal without consent; where nobody can answer, that is `--yes`."""
    from deployer.showing.words import counts

    where = f"{review.where.stack_name} in {review.where.account}, {review.where.region}"
    consent(f"Execute on {where}: {counts(review)}", f"nobody agreed to execute on {where}")
