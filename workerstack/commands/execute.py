"""``deploy.py execute``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands import confirmation
from workerstack.commands.aiming import aim
from workerstack.commands.example import WithExample
from workerstack.commands.operation import watched, watching_options
from workerstack.commands.options import connected
from workerstack.output import say
from workerstack.problem import Problem

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.change_set import Request
    from workerstack.deployer.execute import Ask
    from workerstack.deployer.operation import Operation
    from workerstack.deployer.source import Source
    from workerstack.deployer.stack import StackDescription
    from workerstack.review.model import Review
    from workerstack.review.renaming import Renaming


@click.command(cls=WithExample, example=".reviews/edit.json --yes")
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path))
@click.option(
    "--allow",
    multiple=True,
    metavar="ID:LOGICAL_ID",
    help="Accept this blocking finding of the review; repeatable.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--uncommitted", is_flag=True, help="Execute even what is not committed to git.")
@click.option("--no-proof", is_flag=True, help="Start no task to prove a new revision.")
@watching_options
@connected
def execute(
    *,
    file: Path,
    allow: tuple[str, ...],
    yes: bool,
    uncommitted: bool,
    no_proof: bool,
    form: str,
    minutes: int,
    root: Path,
    **connection: str | None,
) -> int:
    """Execute the change set of a review file, and follow it.

    What `adopt` and `rollback` wrote is executed in the same way. Where it brings a new task
    definition and no task runs, one is started, seen to stay up, and stopped.
    """
    from workerstack.deployer import binding, committed
    from workerstack.deployer import execute as execution
    from workerstack.review import file as review_file
    from workerstack.review.renaming import Renaming

    found = review_file.read_any(file)
    if not isinstance(found, Renaming):
        binding.check_allowed(found, allow)
    where = found.where
    deployment, clients, root = aim(where.deployment, root, connection, where.region)
    if not uncommitted and _is_bound_by_git(deployment, root):
        committed.check(_files(found, deployment), root)
        if commit := _commit(found):
            committed.check_history(commit, root)
    if not yes:
        confirmation.before_executing(found)
    if isinstance(found, Renaming):
        from workerstack.commands import adoption_step

        return adoption_step.rename(found, deployment, clients, file)
    source, ask = _derived(found, deployment, clients, root)
    operation = execution.execute(
        found, deployment, clients, source=source, ask=ask,
        check_needs=lambda: _check_needs(found, deployment, clients, source),
    )  # fmt: skip
    code = watched(operation, clients, form=form, minutes=minutes)
    if found.adoption:
        from workerstack.commands import adoption_step

        code = adoption_step.ended(found, code)
    elif code == 0:
        if found.binding.origin and form == "text":
            from workerstack.commands.rollback import say_what_to_commit

            say_what_to_commit(source, root)
        _guard(found, deployment, clients, operation)
    if code == 0 and deployment.target.prove and not no_proof:
        from workerstack.commands import prove

        return prove.after(found, deployment, clients, operation.stack_id, form)
    return code


def _is_bound_by_git(deployment: deployments.Deployment, root: Path) -> bool:
    """Whether what is executed must be committed: not where a file lies in no repository."""
    if not deployment.of_file or (root / ".git").exists():
        return True
    say(f"{deployment.of_file} is in no git repository: only the review's digests bind it.")
    return False


def _derived(
    review: "Review", deployment: deployments.Deployment, clients: "Clients", root: Path
) -> "tuple[Source, Ask]":
    """What is deployed, and what is asked of AWS for it; the latter only where it is executed."""
    from workerstack.deployer import earlier
    from workerstack.deployer import execute as execution
    from workerstack.deployer.source import read_source

    if review.adoption:
        from workerstack.commands import adoption_step

        return adoption_step.derived(deployment, clients, review.allowed)
    origin = review.binding.origin
    source = earlier.source_of(origin, deployment, clients, root) or read_source(deployment)

    def ask(stack: "StackDescription", name: str) -> "Request":
        earlier.check_origin(origin, deployment, stack, clients)
        return execution.asked(review, source, clients)(stack, name)

    return source, ask


def _check_needs(
    review: "Review", deployment: deployments.Deployment, clients: "Clients", source: "Source"
) -> None:
    """Looks for what the stack needs anew; a step of an adoption brings nothing that needs it."""
    from workerstack.commands.needs import check_still_met, needs

    if not review.adoption:
        check_still_met(review, needs(deployment, clients, source))


def _guard(
    review: "Review", deployment: deployments.Deployment, clients: "Clients", operation: "Operation"
) -> None:
    """Sets what guards the stack; a failure of this is none of the deployment, and says so."""
    from workerstack.deployer import stack as stacks
    from workerstack.deployer import stack_protection
    from workerstack.deployer.aws_errors import explained

    if not stack_protection.is_named(deployment):
        return
    try:
        with explained(profile=clients.profile):
            cloudformation = clients("cloudformation")
            stack = stacks.read(cloudformation, operation.stack_id)
            for sentence in stack_protection.apply(
                cloudformation, deployment, stack, review.others
            ):
                say(sentence)
    except Problem as problem:
        raise Problem(
            f"{operation.stack_name} is deployed, but what guards it is not set",
            f"{problem.what}: {problem.why}",
            "Run the same command again: it sets that, and never executes twice",
        ) from problem


def _files(found: "Review | Renaming", deployment: deployments.Deployment) -> tuple[Path, ...]:
    """What must be committed; an earlier deployment is in a commit, or in CloudFormation."""
    from workerstack.review.renaming import Renaming

    adopts = isinstance(found, Renaming) or bool(found.adoption)
    if not isinstance(found, Renaming) and found.binding.origin:
        return deployment.target_files
    if not adopts:
        return deployment.files
    from workerstack.adopter import mapping

    return (*deployment.files, mapping.path(deployment))


def _commit(found: "Review | Renaming") -> str:
    """The commit that a rollback goes back to; empty where it is not one of git."""
    from workerstack.deployer import earlier
    from workerstack.review.renaming import Renaming

    if isinstance(found, Renaming) or not found.binding.origin.startswith(earlier.REVISION):
        return ""
    return found.binding.origin.removeprefix(earlier.REVISION)
