"""``deploy.py watch``."""

from pathlib import Path

import click

from workerstack.commands.aiming import aim, complete_names, named, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.operation import watched, watching_options
from workerstack.commands.options import connected
from workerstack.output import say


@click.command(cls=WithExample, example="staging/webordinary-edit")
@click.argument("name", metavar="ENV/STACK|FILE", shell_complete=complete_names)
@stack_option
@watching_options
@connected
def watch(
    *, name: str, stack: str | None, form: str, minutes: int, root: Path, **connection: str | None
) -> int:
    """Follow a stack operation, or show how the last one ended.

    Ctrl-C asks whether to detach or to cancel; the operation continues in AWS when it detaches.
    """
    from workerstack.deployer import aws, stack_protection
    from workerstack.deployer import watch as ongoing

    deployment, clients, _ = aim(named(name, stack), root, connection)
    aws.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    operation = ongoing.latest(cloudformation, deployment)
    code = watched(operation, clients, form=form, minutes=minutes)
    if code == 0 and stack_protection.is_missing(cloudformation, deployment):
        say("The stack is not protected as target.yaml says. If its review shows that, execute")
        say("it again with `deploy.py execute`: it sets that, and never executes twice.")
    return code
