"""``deploy.py prove``, and what `execute` proves."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import clients_of, connected
from workerstack.commands.verdicts import format_option, show_checks
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_json
from workerstack.problem import Problem, Refusal

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.review.model import Review
    from workerstack.verifier.prove import Proof, ProofPlan

BROUGHT = ("AWS::ECS::TaskDefinition", "AWS::ECS::Service")
"""A change of one of these may keep the next task from starting."""


@click.command(cls=WithExample, example="staging/webordinary-edit")
@click.argument("name", metavar="ENV/STACK", shell_complete=complete_names)
@format_option
@connected
def prove(*, name: str, form: str, root: Path, **connection: str | None) -> int:
    """Start one task, see that it stays up, stop it.

    Where tasks of that revision run already, nothing is started.
    """
    from workerstack.deployer import aws
    from workerstack.deployer import stack as stacks
    from workerstack.verifier import prove as proving

    deployment = deployments.load(name, root)
    if not deployment.target.prove:
        raise Refusal(
            f"{name} is not proved",
            f"params/{deployment.environment}/target.yaml says `prove: false`",
            "Remove that line if its workers may start",
        )
    clients = clients_of(deployment, **connection)
    aws.identify(deployment, clients)
    stack = stacks.existing(clients("cloudformation"), deployment)
    stacks.check_owner(stack, name)
    plan = proving.plan(name, clients, stack.id)
    if running := proving.runs_already(plan, clients):
        return show_checks(name, [running], form)
    run = _proof(plan, clients)
    code = show_checks(name, run.checks, form, run.log)
    _say_log(run)
    return code


def _proof(plan: "ProofPlan", clients: "Clients") -> "Proof":
    """A proof, run to its end; raises KeyboardInterrupt once the task is stopped."""
    from workerstack.verifier import prove as proving
    from workerstack.verifier import smoke_undo

    run = proving.Proof(plan, clients, Clock(), say)
    with smoke_undo.held() as held:
        run.run(held)
    return run


def _say_log(run: "Proof") -> None:
    for line in run.log:
        say(f"    | {line}")


def after(
    review: "Review",
    deployment: deployments.Deployment,
    clients: "Clients",
    stack_id: str,
    form: str,
) -> int:
    """Proves what was executed, where nothing else does; the exit code."""
    name = deployment.name
    changed = [each for each in review.resources if each.type in BROUGHT]
    if not any(each.action != "Remove" for each in changed):
        return 0
    from workerstack.deployer.aws_errors import explained
    from workerstack.deployer.service import NoServiceError
    from workerstack.verifier import prove as proving

    try:
        with explained(profile=clients.profile):
            plan = proving.plan(name, clients, stack_id)
            if not plan.is_at_zero:
                return 0  # the rollout, which CloudFormation has waited for, is the proof
            run = _proof(plan, clients)
    except NoServiceError:
        return 0  # a task definition alone: whoever starts tasks of it proves it
    except Problem as problem:
        raise Problem(
            f"{deployment.stack} is deployed, but not proved",
            f"{problem.what}: {problem.why}",
            f"Run `./deploy.py prove {name}`",
        ) from problem
    if form == "json":
        show_json({"proof": [vars(each) for each in run.checks], "log": run.log})
        return 1 if any(each.status == "FAIL" for each in run.checks) else 0
    code = show_checks(name, run.checks, "text")
    _say_log(run)
    return code
