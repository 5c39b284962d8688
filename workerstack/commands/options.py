"""What the commands share: the options of a connection and of a format, and how wide they are."""

import shutil
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from workerstack import deployments
from workerstack.command_line import project
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import explained

CHANGES = 2
"""The exit code of a command that found changes."""

WIDEST = 120
"""Columns beyond which a line is hard to read."""

TEXT_OR_JSON = ("text", "json")
ONE_A_LINE = "; json prints one object per line"


root_option = click.option("--root", type=click.Path(path_type=Path), default=project, hidden=True)
"""The project's folder; for tests and for what works on several."""


def format_option(*formats: str, more: str = "") -> Callable[..., Any]:
    """The option ``form``: one of these formats, the first unless another is chosen."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True,
        help=f"Choose the format{more}.",
    )  # fmt: skip


def connected(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that talks to AWS."""
    options = (
        click.option("--profile", help="Use this AWS profile [default: AWS_PROFILE]."),
        click.option("--region", help="Use this region [default: the one in target.yaml]."),
        click.option(
            "--endpoint-url",
            envvar="AWS_ENDPOINT_URL",
            callback=_endpoint,
            help="Use this AWS endpoint, such as http://127.0.0.1:4566.",
            show_default="AWS_ENDPOINT_URL",
        ),
        root_option,
    )

    @wraps(command)
    def with_explanations(**arguments: Any) -> int:
        with explained(profile=arguments["profile"]):
            return command(**arguments)

    for option in reversed(options):
        with_explanations = option(with_explanations)
    return with_explanations


def _endpoint(_: click.Context, option: click.Parameter, given: str | None) -> str | None:
    """A URL with scheme and host, or wrong usage."""
    if not given:
        return None
    try:
        parts = urlsplit(given)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or any(each.isspace() for each in given):
        raise click.BadParameter(
            f"{given!r} is not a URL like https://host or http://127.0.0.1:4566"
            " (--endpoint-url, or AWS_ENDPOINT_URL).",
            param=option,
        )
    return given


def clients_of(
    deployment: deployments.Deployment,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
) -> Clients:
    """Clients in the deployment's region, unless another one is named.

    The same to all that one command does in its own thread: making them takes longer than most
    of what they do.
    """
    new = Clients(region or deployment.target.region, profile, endpoint_url)
    context = click.get_current_context(silent=True)
    if context is None:
        return new
    made: dict[Clients, Clients] = context.meta.setdefault(f"{__name__}.clients", {})
    return made.setdefault(new, new)


def columns() -> int:
    """How wide a report is: as the terminal, within what is legible; 100 where there is none."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)
