"""How far a command is: one live line on a terminal, nothing elsewhere."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from workerstack import deployments
from workerstack.deployer.aws import Clients, explained
from workerstack.problem import Refusal

ROOT = Path(__file__).parents[2]
CHANGES = 2
"""The exit code of a command that found changes."""

WIDEST = 120
"""Columns beyond which a line is hard to read."""


def connected(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that talks to AWS."""
    options = (
        click.option("--profile", help="The AWS profile, instead of the usual environment."),
        click.option("--region", help="The region; it must be the target's."),
        click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="Another endpoint."),
        click.option("--root", type=click.Path(path_type=Path), default=ROOT, hidden=True),
    )

    @wraps(command)
    def with_explanations(**arguments: Any) -> int:
        with explained():
            return command(**arguments)

    for option in reversed(options):
        with_explanations = option(with_explanations)
    return with_explanations


def clients_of(
    deployment: deployments.Deployment,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
) -> Clients:
    """Clients in the deployment's region, unless another one is named."""
    return Clients(region or deployment.target.region, profile, endpoint_url)


def say(text: str) -> None:
    """Talk goes to standard error."""
    click.echo(text, err=True)


def consent(question: str, otherwise: str) -> None:
    """Asks; raises Refusal without a yes, and where nobody can answer.

    ``otherwise`` says what was not done.
    """
    if not (sys.stdin.isatty() and click.confirm(f"{question}?", err=True)):
        raise Refusal(
            "Not confirmed", otherwise, "Run it on a terminal and answer yes, or pass --yes"
        )


def columns() -> int:
    """How wide a report is: as the terminal, within what is legible; 100 where there is none."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)


def styled(text: str, colour: str) -> str:
    """Bold or coloured; not on a dumb terminal, and click takes it off where there is none."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def shown(file: Path) -> Path:
    """A file as one would type it from here."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


@contextmanager
def progress(number: int, doing: str) -> Iterator[Callable[[str], None]]:
    """Gives what is to be called with each name that is done; ``number`` are to be done."""
    if number < 2 or not sys.stderr.isatty():  # noqa: PLR2004 - one is waited for in silence
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    done: list[str] = []
    with Console(stderr=True).status(f"{doing} 0 of {number}") as status:

        def one(name: str) -> None:
            done.append(name)
            status.update(Text(f"{doing} {len(done)} of {number}: {', '.join(done)}"))

        yield one
