"""``deploy.py logs``."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import (
    ONE_A_LINE,
    TEXT_OR_JSON,
    clients_of,
    connected,
    format_option,
)
from workerstack.deployer.clock import Clock
from workerstack.output import say, show_json, show_line
from workerstack.problem import Problem

if TYPE_CHECKING:
    from workerstack.deployer.logs import Line


@click.command(cls=WithExample, example="staging/webordinary-edit")
@click.argument("name", metavar="ENV/STACK", shell_complete=complete_names)
@click.option("--since", default="1h", show_default=True, metavar="DURATION",
              help="Start this long ago: seconds, or such as 30m, 6h or 2d.")  # fmt: skip
@click.option("--follow", is_flag=True, help="Continue with new lines until Ctrl-C.")
@click.option(
    "--task",
    default="",
    metavar="ID",
    help="Show this task only; the first digits of its ID are enough.",
)
@format_option(*TEXT_OR_JSON, more=ONE_A_LINE)
@connected
def logs(
    *,
    name: str,
    since: str,
    follow: bool,
    task: str,
    form: str,
    root: Path,
    **connection: str | None,
) -> int:
    """Show what the tasks write, each line with its task.

    It also says since when each task runs, or when and why it stopped.
    """
    from workerstack.deployer import aws, deployed_stack
    from workerstack.deployer import stack as stacks
    from workerstack.deployer.logs import Follower, read_logs, told
    from workerstack.simulator.quantities import duration

    deployment = deployments.load(name, root)
    clock = Clock(limit=float("inf"))
    began = _before(clock.now(), duration(since, "--since"))
    clients = clients_of(deployment, **connection)
    aws.identify(deployment, clients)
    stack = stacks.existing(clients("cloudformation"), deployment)
    found = read_logs(clients, deployed_stack.read_deployed(clients("cloudformation"), stack), name)
    known = [each for each in found.tasks if each.name.startswith(task)]
    for each in known:
        say(told(each))
    if not found.tasks:
        say("No task runs, and none stopped within the last hour.")
    follower = Follower(clients, found, began, task)
    fresh = follower.new()
    if not fresh and not known and task:
        raise Problem(
            f"There is no line of a task {task}",
            f"no stream since {began:%Y-%m-%d %H:%M:%S} UTC is of it, and ECS does not know it",
            "Take an id that `deploy.py logs` shows without --task, or go further back with"
            " --since",
        )
    if not fresh:
        say(f"No line since {began:%Y-%m-%d %H:%M:%S} UTC. Further back: --since 1d.")
    waits = clock.waits()
    while True:
        for line in fresh:
            _show(line, form)
        if not follow or not waits.wait(news=bool(fresh)):
            return 0
        fresh = follower.new()


def _before(now: datetime, seconds: float) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        raise Problem(
            "--since is too long", "there is no date so long ago", "Write it like 2d"
        ) from None


def _show(line: "Line", form: str) -> None:
    if form == "json":
        show_json(
            {
                "time": line.time.isoformat(),
                "task": line.task,
                "container": line.container,
                "message": line.text,
            }
        )
    else:
        show_line(f"{line.time:%Y-%m-%d %H:%M:%S}  {line.task[:8]:<8}  {line.text}")
