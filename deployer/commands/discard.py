"""``deploy.py discard``."""

import sys
from pathlib import Path

import click

import deployments
from deployer.commands.connection import clients_of, connected, say
from problem import Refusal


@click.command()
@click.argument("what", metavar="REVIEW|ENV/STACK")
@click.option("--yes", is_flag=True, help="Do not ask, where several are deleted.")
@connected
def discard(*, what: str, yes: bool, root: Path, **connection: str | None) -> int:
    """Delete a review's change set, or all of a stack's that wait; and an empty stack of ours."""
    from deployer import discarding, review_file
    from deployer.adopting.proposal import Renaming

    file = Path(what)
    if what not in {each.name for each in deployments.load_all(root)}:
        found = review_file.read_any(file)
        if isinstance(found, Renaming):
            file.unlink()
            say("The file is gone. CloudFormation drops the refactoring when the stack changes.")
            return 0
        deployment = deployments.load(found.where.deployment, root)
        say(discarding.discard(found, deployment, clients_of(deployment, **connection)))
        file.unlink()
        return 0
    deployment = deployments.load(what, root)
    clients = clients_of(deployment, **connection)
    names = [name for name, _ in discarding.waiting(deployment, clients)]
    if names and not yes:
        _ask(what, names)
    for sentence in discarding.discard_waiting(deployment, clients) or ["Nothing waits."]:
        say(sentence)
    return 0


def _ask(name: str, change_sets: list[str]) -> None:
    """Raises Refusal without consent: somebody may be about to execute one of them."""
    asked = f"Delete {', '.join(change_sets)}?"
    if not (sys.stdin.isatty() and click.confirm(asked, err=True)):
        raise Refusal(
            "There is no consent",
            f"{len(change_sets)} change sets of {name} wait, and nobody agreed to delete them",
            "Answer yes on a terminal, or give --yes",
        )
