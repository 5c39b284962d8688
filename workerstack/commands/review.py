"""``deploy.py review``."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import aim, complete_names, confirm, named, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.options import CHANGES, clients_of, connected
from workerstack.commands.reports import (
    all_option,
    format_option,
    keep,
    needs_section,
    report,
    review_files,
)
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_formatted, show_json, status
from workerstack.problem import Problem, harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workerstack.deployer.aws import Clients
    from workerstack.review.model import Finding, Review
    from workerstack.verifier.check import Verdict

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
@click.option(
    "--allow",
    multiple=True,
    metavar="[ENV/STACK=]ID:LOGICAL_ID",
    help="Accept this blocking finding, where approvers see it; repeatable.",
)
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
        confirm(deployment, "Make a change set for", yes=yes)
    allowed = _allowed(allow, [each.name for each in chosen])
    clients_by_name = {each.name: clients_of(each, **connection) for each in chosen}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looking = {each.name: pool.submit(needs, each, connection) for each in chosen}
        found, problems = reviews(
            chosen, clients_by_name, connection["profile"], allowed, revert_drift=revert_drift
        )
    moved = []
    for deployment in chosen:
        if deployment.name not in found and deployment.name not in problems:
            moved += _say_unchanged(deployment, clients_by_name[deployment.name])
    made = list(found.values())
    files = review_files(made, output, root, several=several)
    if found:
        show_formatted(report(made, form, several=several, whole=whole, files=files), form)
    elif moved and form == "json":
        show_json([each.model_dump(mode="json") for each in moved], 2)
    show_needs({each: looking[each].result() for each in found}, form)
    keep(made, files)
    for deployment in chosen:
        if deployment.name not in problems:
            clients = clients_by_name[deployment.name]
            _say_brought_again(deployment, clients)
            _older(deployment, found.get(deployment.name), clients)
    return ended(problems, several=several) or (CHANGES if found or moved else 0)


def show_needs(found: "Mapping[str, Sequence[Verdict]]", form: str) -> None:
    """What is not there of what each stack needs; beside a format for programs it is talk."""
    for name, checks in found.items():
        section = needs_section(name, checks, form)
        if section and form in ("text", "markdown"):
            show_formatted(f"\n{section}", form)
        elif section:
            say(*section.split("\n"))


def needs(
    deployment: deployments.Deployment, connection: dict[str, str | None]
) -> "Sequence[Verdict]":
    """Whether what a stack needs exists; one line where even that cannot be looked for."""
    from workerstack.deployer.aws import explained
    from workerstack.verifier.check import Verdict
    from workerstack.verifier.preflight import preflight

    try:
        with explained(profile=connection["profile"]):
            return preflight(deployment, clients_of(deployment, **connection))
    except Problem as problem:
        said = f"not known: {problem.what}, {problem.why}"
        return [Verdict("needs", "what the stack needs exists", "SKIP", said, problem.next_step)]


def _say_unchanged(deployment: deployments.Deployment, clients: "Clients") -> "list[Finding]":
    """Nothing to execute; what CloudFormation does not take for a change may differ.

    Whether a tag means another image than the tasks run: a new image under an old tag is no
    change to CloudFormation.
    """
    from workerstack.deployer import deployed, labels, running_images, stack
    from workerstack.deployer.aws import explained
    from workerstack.review.find_service import moved

    with explained(profile=clients.profile):
        there = stack.read(clients("cloudformation"), deployment.stack)
        tags, unknown = running_images.moved_or_unknown(
            clients, lambda: deployed.read_deployed(clients("cloudformation"), there)
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


def _say_brought_again(deployment: deployments.Deployment, clients: "Clients") -> None:
    """After a rollback, that what is committed is what was gone back from."""
    from workerstack.deployer import going_back
    from workerstack.deployer import stack as stacks
    from workerstack.deployer.aws import explained
    from workerstack.deployer.source import read_source

    with explained(profile=clients.profile):
        cloudformation = clients("cloudformation")
        stack = stacks.read(cloudformation, deployment.stack)
        source = read_source(deployment)
        said = going_back.brought_again(source, deployment, stack, cloudformation)
    if said:
        say(harmless(said))


def _allowed(words: tuple[str, ...], names: list[str]) -> dict[str, list[str]]:
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


def _older(deployment: deployments.Deployment, review: "Review | None", clients: "Clients") -> None:
    """Offers to remove what earlier reviews left; somebody may still want to execute them."""
    from workerstack.deployer import discard
    from workerstack.deployer.aws import explained

    with explained(profile=clients.profile):
        found = discard.waiting(deployment, clients)
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
    clients: "Mapping[str, Clients]",
    profile: str | None,
    allowed: dict[str, list[str]],
    *,
    revert_drift: bool,
) -> tuple[dict[str, "Review"], dict[str, Problem]]:
    """What was found, and what went wrong, by the name of the deployment, as its clients are.

    Each stack has clients of its own, which one thread uses: making them is not safe between
    threads.
    """
    from concurrent.futures import as_completed

    from workerstack.deployer import make_review
    from workerstack.deployer.aws import explained

    def one(deployment: deployments.Deployment) -> "Review | None":
        with explained(profile=profile):
            return make_review.make_review(
                deployment,
                clients[deployment.name],
                Clock(),
                revert_drift=revert_drift,
                allowed=allowed[deployment.name],
            )

    found: dict[str, Review | None] = {}
    problems: dict[str, Problem] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool, status(len(chosen), "Reviewed") as done:
        running = {pool.submit(one, each): each.name for each in chosen}
        for each in as_completed(running):
            name = running[each]
            try:
                found[name] = each.result()
            except Problem as problem:
                problems[name] = problem
            done(name)
    ordered = {each.name: found.get(each.name) for each in chosen}
    return {name: each for name, each in ordered.items() if each is not None}, problems


def ended(problems: dict[str, Problem], *, several: bool) -> int:
    """Says each problem; the gravest code of them, 0 where there is none."""
    if not several:
        for problem in problems.values():
            raise problem
    for name, problem in problems.items():
        say(f"{name}: {problem}")
    return max((problem.code for problem in problems.values()), default=0)
