"""What execute, watch and rollback share: showing an operation, and how it ended."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

from deployer.commands.connection import columns, say, styled

if TYPE_CHECKING:
    from deployer.clients import Clients
    from deployer.clock import Clock
    from deployer.operation import Operation, Screen
    from deployer.outcome import Outcome

form_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text",
    help="json: one object a line.",
)  # fmt: skip


def watched(operation: "Operation", clients: "Clients", clock: "Clock", form: str) -> int:
    """Watches an operation to its end and sums it up; the exit code."""
    from deployer import recovery, watching
    from deployer.showing.watching import ending

    outcome = watching.watch(operation, clients, clock, _screen(form))
    if form == "json":
        click.echo(json.dumps({"outcome": _plain(outcome)}))
        return 0 if outcome.is_good else 1
    next_step = recovery.next_step(outcome.status, operation.deployment)
    for line in ending(outcome, operation, next_step, columns()):
        say(line)
    return 0 if outcome.is_good else 1


def _plain(outcome: "Outcome") -> dict[str, object]:
    return {**asdict(outcome), "is_good": outcome.is_good}


def _screen(form: str) -> "Screen":
    from deployer.showing.screens import Block, Json, Lines

    if form == "json":
        return Json(click.echo)
    if not sys.stdout.isatty():
        return Lines(_flushed(click.echo))
    from rich.console import Console

    return Block(Console(), styled, _ask)


def _flushed(write: Callable[[str], None]) -> Callable[[str], None]:
    """Each line is seen when it is written, in a log that is followed, too."""

    def one(text: str) -> None:
        write(text)
        sys.stdout.flush()

    return one


def _ask() -> Literal["detach", "cancel"]:
    """Once more Ctrl-C detaches, and so does whatever is not "cancel"."""
    if not sys.stdin.isatty():
        return "detach"
    try:
        answer = click.prompt(
            "The operation goes on in AWS. Detach, or cancel it?",
            type=click.Choice(["detach", "cancel"]), default="detach", err=True,
        )  # fmt: skip
    except click.Abort:
        return "detach"
    return "cancel" if answer == "cancel" else "detach"
