"""What execute, watch and rollback share: showing an operation, and how it ended."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

from workerstack.commands.options import ONE_A_LINE, TEXT_OR_JSON, columns, format_option
from workerstack.deployer.clock import Clock
from workerstack.output import (
    Lost,
    choose,
    live,
    painted,
    say,
    show_json,
    show_json_text,
    show_line,
    styled,
)

if TYPE_CHECKING:
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.operation import Operation, Screen


def watching_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that watches: ``form`` and ``minutes``."""
    options = (
        format_option(*TEXT_OR_JSON, more=ONE_A_LINE),
        click.option(
            "--timeout", "minutes", type=click.IntRange(min=1), default=180, metavar="MINUTES",
            show_default=True, help="Watch for this long; the operation continues afterwards.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def watched(operation: "Operation", clients: "Clients", *, form: str, minutes: int) -> int:
    """Watches an operation to its end and sums it up; the exit code.

    Raises Detached where we stop before it does.
    """
    from workerstack.deployer import stack_states, watch
    from workerstack.deployer.screen import ending

    clock = Clock(limit=minutes * 60.0)
    with _detaching_when_terminated(operation):
        try:
            outcome = watch.watch(operation, clients, clock, _screen(form, clock))
        except Lost as lost:
            raise operation.left(f"{lost.what}: {lost.why}") from lost
    if form == "json":
        show_json({"outcome": asdict(outcome)})
        return 0 if outcome.is_good else 1
    next_step = stack_states.next_step(outcome.status, operation.deployment)
    if outcome.was_cancelled and outcome.status == stack_states.ROLLED_BACK:
        next_step = stack_states.after_cancelling(operation.deployment)
    if outcome.is_good and outcome.status == "DELETE_COMPLETE" and outcome.left_behind:
        next_step = (
            f"Delete what is retained, or its name is taken when you create it again. {next_step}"
        )
    for line in ending(outcome, operation, next_step, columns()):
        say(line)
    return 0 if outcome.is_good else 1


@contextmanager
def _detaching_when_terminated(operation: "Operation") -> Iterator[None]:
    """A CI job that is cancelled gets SIGTERM: what goes on in AWS is said, as after Ctrl-C."""

    def detach(*_: object) -> None:
        raise operation.left("this process was told to end")

    before = signal.signal(signal.SIGTERM, detach)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _screen(form: str, clock: "Clock") -> "Screen":
    from workerstack.deployer.screen import JsonScreen, LineScreen, LiveScreen

    if form == "json":
        return JsonScreen(show_json_text)
    terminal = live()
    if terminal is None:
        return LineScreen(show_line, _ask)
    return LiveScreen(terminal, painted, styled, _ask, clock.now)


def _ask() -> Literal["detach", "cancel"]:
    """Once more Ctrl-C detaches, and so does whatever is not "cancel"."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "detach"
    try:
        answer = choose(
            "The operation continues in AWS. Detach, or cancel it?", ["detach", "cancel"], "detach"
        )
    except click.Abort:
        say("")
        return "detach"
    return "cancel" if answer == "cancel" else "detach"
