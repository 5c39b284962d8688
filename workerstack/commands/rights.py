"""``deploy.py rights``."""

from collections.abc import Mapping
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from workerstack import deployments
from workerstack.commands.aiming import complete_environments
from workerstack.commands.example import WithExample
from workerstack.commands.options import root_option
from workerstack.output import say, show_json
from workerstack.problem import Problem

if TYPE_CHECKING:
    from workerstack.deployer.role_policies import Environment


@click.command(cls=WithExample, example="staging --for reviewer")
@click.argument("env", metavar="ENV", shell_complete=complete_environments)
@click.option(
    "--for", "role", type=click.Choice(["reviewer", "executor", "service-role", "smoke"]),
    help="Show one policy alone, as IAM takes it; without it, all of them by role.",
)  # fmt: skip
@click.option(
    "--managed", is_flag=True,
    help="Show each policy as managed policies, of which a role takes ten.",
)  # fmt: skip
@click.option(
    "--trust", "repository", metavar="OWNER/NAME",
    help="Show the trust policies instead: each role for workflows of this GitHub repository.",
)  # fmt: skip
@click.option(
    "--branch", default="main", show_default=True, help="Name the branch that is reviewed."
)
@click.option("--pull-requests", is_flag=True, help="Also let pull requests create change sets.")
@click.option(
    "--before", multiple=True, metavar="STACK=TEMPLATE",
    help="Also allow to change and delete what STACK has today, by its template.",
)  # fmt: skip
@click.option(
    "--dead-letter-queue", "dead", multiple=True, metavar="NAME",
    help="Name a dead-letter queue outside of these stacks, which watch and smoke read.",
)  # fmt: skip
@root_option
def rights(
    *,
    env: str,
    role: str | None,
    managed: bool,
    repository: str | None,
    branch: str,
    pull_requests: bool,
    before: tuple[str, ...],
    dead: tuple[str, ...],
    root: Path,
) -> int:
    """Show the IAM policies that this tool needs.

    They are enough for this environment, and allow no more. They are derived from
    params/ENV and its templates, without AWS.
    """
    from workerstack.deployer import role_policies
    from workerstack.deployer.policy_documents import fitting
    from workerstack.deployer.rights import ROLES

    if managed and repository:
        raise click.UsageError("--managed is about policies, and --trust shows none")
    environment = _environment(env, root, before, dead)
    chosen = (role,) if role else ROLES
    found: dict[str, Any] = {}
    for each in chosen:
        if repository:
            found[each] = role_policies.trust(
                environment, each, _checked(repository), branch, pull_requests=pull_requests
            )
        else:
            found[each] = role_policies.policy(environment, each)
            _measure(each, found[each], managed=managed)
    if managed:
        show_json(_numbered({name: fitting(each) for name, each in found.items()}), 2)
        _talk(environment, role)
        return 0
    if repository and role is None:
        found = {name: each for name, each in found.items() if each is not None}
    if role and found[role] is None:
        raise Problem(
            f"Nothing trusts the role {role}",
            "a person runs the smoke test, and no workflow does",
            "Attach its policy to whoever does",
        )
    _talk(environment, role)
    show_json(found[role] if role else found, 2)
    return 0


def _environment(
    env: str, root: Path, before: tuple[str, ...], dead: tuple[str, ...]
) -> "Environment":
    from workerstack.deployer.role_policies import Environment
    from workerstack.deployer.source import read_source

    every = deployments.load_all(root)
    mine = [each for each in every if each.environment == env]
    if not mine:
        known = sorted({each.environment for each in every})
        raise Problem(
            f"There is no environment {env}",
            f"params/ has {', '.join(known) or 'none with a stack'}",
            "Name one of them, or make it with `deploy.py init`",
        )
    sources = tuple(read_source(each) for each in mine)
    return Environment(sources, dict(_before(sources, before)), dead)


def _before(sources: Any, before: tuple[str, ...]) -> Any:
    from workerstack.cloudformation import read_template, resolve, surroundings

    stacks = {each.deployment.stack: each for each in sources}
    for each in before:
        name, _, file = each.partition("=")
        if name not in stacks or not file:
            raise Problem(
                f"--before {each} names no stack",
                f"it is STACK=TEMPLATE, and the stacks are {', '.join(stacks)}",
                "Correct it",
            )
        template, source = read_template(Path(file)), stacks[name]
        target = source.deployment.target
        values = source.values()
        yield (
            name,
            resolve(
                template,
                {key: value for key, value in values.items() if key in template.parameters},
                surroundings(target.account, target.region, name),
            ),
        )


def _checked(repository: str) -> str:
    owner, slash, name = repository.partition("/")
    if not owner or not name or not slash or set("/*?: ") & {*owner, *name}:
        raise Problem(
            f"{repository!r} is not a repository of GitHub",
            "it is OWNER/NAME, and a role must trust one alone",
            "Correct --trust",
        )
    return repository


def _numbered(documents: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {
        f"{name}-{number}": each
        for name, several in documents.items()
        for number, each in enumerate(several, 1)
    }


def _as_managed(role: str) -> str:
    """The command that shows this policy as managed ones: of all that it was derived from."""
    given = click.get_current_context().params
    words = [given["env"], "--for", role]
    if _is_given("root"):
        words += ["--root", str(given["root"])]
    for option, name in (("--before", "before"), ("--dead-letter-queue", "dead")):
        words += [word for each in given[name] for word in (option, each)]
    return f"deploy.py rights {join([*words, '--managed'])}"


def _is_given(name: str) -> bool:
    """Whether an option was typed."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def _measure(role: str, policy: Any, *, managed: bool) -> None:
    from workerstack.deployer.policy_documents import INLINE, MANAGED, fitting, size

    length = size(policy)
    say(f"{role}: {len(policy['Statement'])} statements, {length:,} characters.")
    documents = fitting(policy)
    too_long = [size(each) for each in documents if size(each) > MANAGED]
    if length <= INLINE and not managed:
        return
    if too_long:
        say(
            f"    A statement takes {max(too_long):,} characters alone: no managed policy holds it."
        )
    elif not managed:
        say(
            f"    That is more than the {INLINE:,} of a role's inline policies: attach it as"
            f" {len(documents)} managed policies of at most {MANAGED:,} characters, which"
            f" `{_as_managed(role)}` shows."
        )


def _talk(environment: "Environment", role: str | None) -> None:
    target = environment.sources[0].deployment.target
    if role in (None, "executor") and not target.service_role:
        say(
            "target.yaml names no service-role: CloudFormation acts with the executor's"
            " permissions, which hold those of the service role."
        )
    unnamed = environment.unnamed()
    if unnamed:
        say(
            "What these are called is not known here, so the permissions are on all of the"
            f" account's in this region: {', '.join(unnamed)}."
        )
    if role == "service-role" and not target.service_role:
        say("target.yaml names no service-role yet: name this one there once it is made.")
