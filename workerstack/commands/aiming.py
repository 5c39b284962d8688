"""What a command is aimed at: a deployment of params/, or a file of any repository."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from workerstack import deployments
from workerstack.command_line import project
from workerstack.deployer.aws import Clients
from workerstack.deployments import anywhere
from workerstack.output import say
from workerstack.problem import Problem

Connection = dict[str, str | None]


def complete_names(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The ENV/STACK of the project that begin so, and files for the rest (shell completion)."""
    root = context.find_object(Path) or project()
    found = [each for each in deployments.names(root) if each.startswith(incomplete)]
    return [CompletionItem(each) for each in found] or [CompletionItem(incomplete, type="file")]


def complete_environments(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The environments of the project that begin so."""
    root = context.find_object(Path) or project()
    known = deployments.environments(root)
    return [CompletionItem(each) for each in known if each.startswith(incomplete)]


def stack_option(command: Callable[..., int]) -> Callable[..., int]:
    """``--stack NAME``, with which the argument is a file."""
    return click.option(
        "--stack",
        metavar="NAME",
        help="Take a deployment file or a template instead of ENV/STACK, as this stack.",
    )(command)


def named(name: str, stack: str | None) -> str:
    """The deployment's name as one text; wrong usage for a file without a stack."""
    if stack is not None:
        return f"{name}{anywhere.OPTION}{stack}"
    if not anywhere.is_file_name(name) and Path(name).is_file():
        raise click.UsageError(f"{name} is a file: give --stack NAME, the stack that it is for.")
    return name


def aim(name: str, root: Path, connection: Connection, region: str | None = None) -> tuple[
    deployments.Deployment, Clients, Path
]:  # fmt: skip
    """The deployment called so, clients where it is, and the root of its files.

    A file's account is the caller's, its region ``--region``, ``region``, or the caller's.
    """
    if not anywhere.is_file_name(name):
        deployment = deployments.load(name, root)
        where = connection["region"] or deployment.target.region
        clients = Clients(where, connection["profile"], connection["endpoint_url"])
        return deployment, clients, root
    from workerstack.adopter.init import region_of

    typed, stack = anywhere.parted(name)
    file, top = anywhere.found(typed)
    where = connection["region"] or region or region_of(None, connection["profile"])
    clients = Clients(where, connection["profile"], connection["endpoint_url"])
    account, caller = clients.caller()
    say(f"{stack} is in account {account}, {where}, as {caller} sees it.")
    target = deployments.Target(account=account, region=where)
    deployment = deployments.load_file(file, stack, target, top)
    if anywhere.is_template(deployment):
        deployment = _with_values_of_stack(deployment, clients)
    return deployment, clients, top


def _with_values_of_stack(
    deployment: deployments.Deployment, clients: Clients
) -> deployments.Deployment:
    """A template alone goes with the values and the tags that its stack has."""
    from workerstack.cloudformation import declared_parameters, read_template
    from workerstack.deployer import stack as stacks

    found = stacks.read(clients("cloudformation"), deployment.stack)
    if found.is_new:
        return deployment
    declared = declared_parameters(read_template(deployment.template).data)
    held = {
        each["ParameterKey"]: str(each.get("ParameterValue", ""))
        for each in found.answer.get("Parameters", ())
        if each["ParameterKey"] in declared
    }
    hidden = sorted(name for name in held if declared[name].no_echo)
    if hidden:
        raise Problem(
            f"CloudFormation does not give back {', '.join(hidden)}",
            "a NoEcho parameter is masked in its answers",
            "Write a deployment file with the values (`template-file-path`, `parameters`)",
        )
    tags = {key: value for key, value in (found.tags or {}).items() if key != stacks.OWNER}
    return replace(deployment, parameters=held, tags=tags)
