"""``deploy.py review``."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands import confirmation
from workerstack.commands.aiming import aim, complete_names, named, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.needs import needs
from workerstack.commands.options import CHANGES, clients_of, connected
from workerstack.commands.review_formats import (
    all_option,
    allow_each_option,
    format_option,
    keep,
    report,
    review_files,
)
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_formatted, show_json, status
from workerstack.problem import Problem, harmless

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.review.model import Finding, Review

AT_ONCE = 4
"""Stacks that are reviewed at the same time; CloudFormation throttles more."""


@click.command(cls=WithExample, example="staging/webordinary-edit --output .reviews/edit.json")
@click.argument("name", metavar="ENV[/STACK]|FILE", shell_complete=complete_names)
@stack_option
@format_option
@all_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the review file there; for ENV a folder [default: .reviews/...].",
)
@allow_each_option
@click.option("--revert-drift", is_flag=True, help="Also revert what was changed by hand.")
@click.option("--yes", is_flag=True, help="With --stack: do not ask about account and region.")
@connected
def review(
    *,
    name: str,
    stack: str | None,
    form: str,
    whole: bool,
    output: Path | None,
    allow: tuple[str, ...],
    revert_drift: bool,
    yes: bool,
    root: Path,
    **connection: str | None,
) -> int:
    """Make change sets and show them; exit 2 on changes.

    ENV/STACK is one stack; ENV is all of its stacks. With --stack it is FILE of any repository:
    a deployment file of Git sync, or a template, which keeps the values that its stack has.
    """
    name = named(name, stack)
    several = stack is None and "/" not in name
    chosen: Sequence[deployments.Deployment]
    if stack is None:
        chosen = _stacks(name, root) if several else [deployments.load(name, root)]
    else:
        deployment, clients, root = aim(name, root, connection)
        chosen = [deployment]
        connection = {**connection, "region": clients.region}
        if not yes:
            confirmation.before_making_a_change_set(deployment)
    allowed = allowed_of(allow, [each.name for each in chosen])
    found, problems = reviews(chosen, connection, allowed, revert_drift=revert_drift)
    moved = []
    for deployment in chosen:
        if deployment.name not in found and deployment.name not in problems:
            moved += _say_unchanged(deployment, connection)
    made = list(found.values())
    files = review_files(made, output, root, several=several)
    if found:
        show_formatted(report(made, form, several=several, whole=whole, files=files), form)
    elif moved and form == "json":
        show_json([each.model_dump(mode="json") for each in moved], 2)
    keep(made, files)
    for deployment in chosen:
        if deployment.name not in problems:
            say_brought_again(deployment, connection, root)
            say_older(deployment, found.get(deployment.name), connection)
    return ended(problems, several=several) or (CHANGES if found or moved else 0)


def _say_unchanged(
    deployment: deployments.Deployment, connection: dict[str, str | None]
) -> "list[Finding]":
    """Nothing to execute; what CloudFormation does not take for a change may differ.

    Whether a tag means another image than the tasks run: a new image under an old tag is no
    change to CloudFormation.
    """
    from workerstack.deployer import deployed_stack, labels, running_images, stack
    from workerstack.deployer.aws_errors import explained
    from workerstack.review.find_service import moved

    with explained(profile=connection["profile"]):
        clients = clients_of(deployment, **connection)
        there = stack.read(clients("cloudformation"), deployment.stack)
        tags, unknown = running_images.moved_or_unknown(
            clients, lambda: deployed_stack.read_deployed(clients("cloudformation"), there)
        )
        if unknown:
            say(f"Whether a tag means another image by now could not be read: {unknown}")
        if not tags:
            say(labels.unchanged(deployment, clients))
            return []
        found = [moved(each, taken=False) for each in tags]
        for each, finding in zip(tags, found, strict=True):
            say(f"warning: {finding.what}: {finding.why}.  [{finding.id}]")
            say(f"    ./deploy.py ship {deployment.name} {each.tag.rpartition(':')[2]}")
        say(f"There is nothing else to change in {deployment.name}.")
        return found


def say_brought_again(
    deployment: deployments.Deployment, connection: dict[str, str | None], root: Path
) -> None:
    """After a rollback, that what is committed is what was gone back from."""
    from workerstack.deployer import going_back
    from workerstack.deployer import stack as stacks
    from workerstack.deployer.aws_errors import explained
    from workerstack.deployer.source import read_source

    with explained(profile=connection["profile"]):
        clients = clients_of(deployment, **connection)
        stack = stacks.read(clients("cloudformation"), deployment.stack)
        said = going_back.brought_again(read_source(deployment), stack, clients, root)
    if said:
        say(harmless(said))


def allowed_of(words: tuple[str, ...], names: list[str]) -> dict[str, list[str]]:
    """The findings that are accepted, by the name of their deployment."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for word in words:
        name, sign, finding = word.rpartition("=")
        if not sign and len(names) == 1:
            [name] = names
        if name not in found:
            raise click.UsageError(
                f"--allow {word} is of no stack that is reviewed: give ENV/STACK=ID:LOGICAL_ID,"
                f" with {' or '.join(names)}."
            )
        found[name].append(finding)
    return found


def say_older(
    deployment: deployments.Deployment, review: "Review | None", connection: dict[str, str | None]
) -> None:
    """Offers to remove what earlier reviews left; somebody may still want to execute them."""
    from workerstack.deployer import discard
    from workerstack.deployer.aws_errors import explained

    with explained(profile=connection["profile"]):
        found = discard.waiting(deployment, clients_of(deployment, **connection))
    older = [name for name, arn in found if not review or arn != review.change_set.arn]
    if older:
        say("", f"Earlier change sets are still pending: {', '.join(older)}. Delete all with")
        say(f"    ./deploy.py discard {deployment.name}")


def _stacks(environment: str, root: Path) -> Sequence[deployments.Deployment]:
    found = [each for each in deployments.load_all(root) if each.environment == environment]
    if not found:
        # Says which environments there are, and the nearest one.
        deployments.load(f"{environment}/any", root)
    return found


def reviews(
    chosen: Sequence[deployments.Deployment],
    connection: dict[str, str | None],
    allowed: dict[str, list[str]],
    *,
    revert_drift: bool,
) -> tuple[dict[str, "Review"], dict[str, Problem]]:
    """What was found, and what went wrong, by the name of the deployment.

    Meanwhile what each needs is looked for.
    """
    from concurrent.futures import as_completed

    from workerstack.deployer import make_review
    from workerstack.deployer.aws_errors import explained

    def one(deployment: deployments.Deployment, clients: "Clients") -> "Review | None":
        with explained(profile=clients.profile):
            return make_review.make_review(
                deployment,
                clients,
                Clock(),
                revert_drift=revert_drift,
                allowed=allowed[deployment.name],
            )

    clients = {each.name: clients_of(each, **connection) for each in chosen}
    found: dict[str, Review | None] = {}
    problems: dict[str, Problem] = {}
    with (
        ThreadPoolExecutor(AT_ONCE) as beside,
        ThreadPoolExecutor(AT_ONCE) as pool,
        status(len(chosen), "Reviewed") as done,
    ):
        needed = {each.name: beside.submit(needs, each, clients[each.name]) for each in chosen}
        running = {pool.submit(one, each, clients[each.name]): each.name for each in chosen}
        for each in as_completed(running):
            name = running[each]
            try:
                found[name] = each.result()
            except Problem as problem:
                problems[name] = problem
            done(name)
        ordered = {
            each.name: review.model_copy(update={"needs": needed[each.name].result()})
            for each in chosen
            if (review := found.get(each.name)) is not None
        }
    return ordered, problems


def ended(problems: dict[str, Problem], *, several: bool) -> int:
    """Says each problem; the gravest code of them, 0 where there is none."""
    if not several:
        for problem in problems.values():
            raise problem
    for name, problem in problems.items():
        say(f"{name}: {problem}")
    return max((problem.code for problem in problems.values()), default=0)
