"""``deploy.py status``."""

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import TEXT_OR_JSON, clients_of, connected, format_option
from workerstack.deployer.clock import Clock
from workerstack.output import live, painted, say, show, show_json
from workerstack.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.live import Live

    from workerstack.deployer.status import Status

AT_ONCE = 4
"""Stacks that are read at the same time, as in a review."""

FOREVER = float("inf")


@click.command(cls=WithExample, example="staging")
@click.argument(
    "name", required=False, default="", metavar="[ENV[/STACK]]", shell_complete=complete_names
)
@format_option(*TEXT_OR_JSON)
@click.option("--watch", "again", is_flag=True, help="Show it again whenever it changes.")
@connected
def status(*, name: str, form: str, again: bool, root: Path, **connection: str | None) -> int:
    """Show what is deployed, what runs and waits, and what to do next.

    ENV/STACK is one stack on one screen; ENV, or nothing, is a table of all.
    """
    chosen = _chosen(name, root)
    clock = Clock(limit=FOREVER)
    if not again:
        found, code = _read(chosen, connection, root, clock)
        _show(found, form, clock.now(), several="/" not in name)
        return code
    return _watch(chosen, connection, root, clock, form, several="/" not in name)


def _chosen(name: str, root: Path) -> list[deployments.Deployment]:
    if "/" in name:
        return [deployments.load(name, root)]
    found = [each for each in deployments.load_all(root) if name in ("", each.environment)]
    if not found:
        deployments.load(f"{name or 'any'}/any", root)  # says what there is
    return found


def _read(
    chosen: list[deployments.Deployment],
    connection: dict[str, str | None],
    root: Path,
    clock: Clock,
) -> "tuple[list[Status], int]":
    """The stacks that can be read; the others are said, with the gravest of their codes."""
    from concurrent.futures import ThreadPoolExecutor

    from workerstack.deployer import aws, aws_errors
    from workerstack.deployer.status import read_status

    def one(deployment: deployments.Deployment) -> "Status | Problem":
        try:
            with aws_errors.explained(profile=connection["profile"]):
                clients = clients_of(deployment, **connection)
                aws.identify(deployment, clients)
                return read_status(deployment, clients, root, clock.now())
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, chosen))
    problems = {
        each.name: answer
        for each, answer in zip(chosen, answers, strict=True)
        if isinstance(answer, Problem)
    }
    if len(chosen) == 1:
        for problem in problems.values():
            raise problem
    for name, problem in problems.items():
        say(f"{name}: {problem}")
    code = max((each.code for each in problems.values()), default=0)
    return [each for each in answers if not isinstance(each, Problem)], code


def _show(found: "Sequence[Status]", form: str, now: datetime, *, several: bool) -> None:
    from workerstack.deployer.status import as_data

    if form == "json":
        data = [as_data(each) for each in found]
        show_json(data if several else data[0], 2)
    elif found:
        from workerstack.deployer.show_status import screen

        show("\n".join(screen(found, now, several=several)))


def _watch(
    chosen: list[deployments.Deployment],
    connection: dict[str, str | None],
    root: Path,
    clock: Clock,
    form: str,
    *,
    several: bool,
) -> int:
    """Until somebody interrupts: one place on a terminal, elsewhere once for each change."""
    from workerstack.deployer.aws_errors import passes
    from workerstack.deployer.show_status import screen
    from workerstack.deployer.status import as_data

    waits, code = clock.waits(), 0
    before: list[Status] | None = None
    terminal = live() if form == "text" else None
    with _place(terminal) if terminal else nullcontext() as place:
        while True:
            try:
                found, code = _read(chosen, connection, root, clock)
            except Problem as problem:
                if before is None or not passes(problem):
                    raise
                say(f"{clock.now():%H:%M:%S} UTC: {problem}")
                found = before
            news = found != before
            if place is not None:
                lines = [*screen(found, clock.now(), several=several),
                         f"{clock.now():%H:%M:%S} UTC; Ctrl-C ends this"]  # fmt: skip
                place.update(painted("\n".join(lines)), refresh=True)
            elif news and form == "json":
                for each in found:
                    show_json(as_data(each))
            elif news:
                _show(found, form, clock.now(), several=several)
            before = found
            if not waits.wait(news=news):
                return code


def _place(terminal: "Console") -> "Live":
    from rich.live import Live

    return Live(console=terminal, auto_refresh=False)
