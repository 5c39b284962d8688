"""``deploy.py discard``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments, files
from workerstack.commands import confirmation
from workerstack.commands.aiming import aim, complete_names, named
from workerstack.commands.example import WithExample
from workerstack.commands.operation import watched, watching_options
from workerstack.commands.options import connected
from workerstack.deployer.clock import Clock
from workerstack.output import say
from workerstack.problem import harmless

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.stack import StackDescription


@click.command(cls=WithExample, example="staging/webordinary-edit --yes")
@click.argument(
    "what", required=False, metavar="REVIEW|ENV/STACK|FILE", shell_complete=complete_names
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--stack", "stacks_given", is_flag=False, flag_value="", multiple=True, metavar="[NAME]",
    help="Delete the stack, if its creation failed. With NAME: take FILE as that stack.",
)  # fmt: skip
@click.option(
    "--retain", multiple=True, metavar="LOGICAL_ID",
    help="Retain this resource of a stack whose deletion failed; repeatable.",
)  # fmt: skip
@watching_options
@connected
def discard(
    *,
    what: str | None,
    yes: bool,
    stacks_given: tuple[str, ...],
    retain: tuple[str, ...],
    form: str,
    minutes: int,
    root: Path,
    **connection: str | None,
) -> int:
    """Delete pending change sets, or a stack whose creation failed.

    REVIEW is a review file: its change set is deleted. ENV/STACK: all pending change sets of that
    stack that this tool made. With --stack the stack itself, if this tool made it and its creation
    or its deletion failed.
    """
    from workerstack.deployer import aws, undo
    from workerstack.deployer import discard as discarding
    from workerstack.deployer import stack as stacks
    from workerstack.review import file as review_file
    from workerstack.review.renaming import Renaming

    names, whole = [each for each in stacks_given if each], "" in stacks_given
    if what is None and names:  # `--stack ENV/STACK`: click takes what follows for its value
        what, names, whole = names[0], [], True
    if what is None or len(names) > 1:
        raise click.UsageError("give REVIEW, ENV/STACK, or FILE --stack NAME")
    what = named(what, names[0]) if names else what
    file = Path(what)
    if not names and what not in {each.name for each in deployments.load_all(root)}:
        found = review_file.read_any(file)
        if isinstance(found, Renaming):
            files.remove(file)
            say("Deleted the file. CloudFormation discards the refactoring when the stack changes.")
            return 0
        deployment, clients, _ = aim(found.where.deployment, root, connection, found.where.region)
        say(discarding.discard(found, deployment, clients))
        files.remove(file)
        return 0
    deployment, clients, _ = aim(what, root, connection)
    aws.identify(deployment, clients)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    if whole:
        undo.check_ours(stack, deployment, retain)
        return _deleted(stack, deployment, clients, retain, yes=yes, form=form, minutes=minutes)
    names = [name for name, _ in discarding.waiting(deployment, clients)]
    if names and not yes:
        confirmation.before_deleting_change_sets(names)
    for sentence in discarding.discard_waiting(deployment, clients) or [
        "No change set is pending."
    ]:
        say(sentence)
    return 0


def _deleted(
    stack: "StackDescription",
    deployment: deployments.Deployment,
    clients: "Clients",
    retain: tuple[str, ...],
    *,
    yes: bool,
    form: str,
    minutes: int,
) -> int:
    from workerstack.deployer import history, undo

    cloudformation = clients("cloudformation")
    say(f"{stack.name} is in {stack.status}: {stack.reason or 'no reason was given'}")
    cause = history.last_cause(cloudformation, stack.id)
    if cause:
        say(harmless(f"Cause: {cause}"))
    left = undo.remaining(cloudformation, stack)
    say(f"It still has {', '.join(left) or 'no resource'}.")
    if not yes:
        confirmation.before_deleting_a_stack(stack)
    operation = undo.begin_deletion(cloudformation, stack, deployment, Clock(), retain)
    return watched(operation, clients, form=form, minutes=minutes)
