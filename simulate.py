#!/usr/bin/env python3
"""Shows how an emitted template will scale, before it runs: no AWS, no network."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from command_line import run as run_command
from problem import Problem
from simulator.errors import SimulationError
from simulator.settings import Settings

FORMATS = ("text", "json", "csv")
LONG = 2_000
"""Messages from which a run is long enough for a progress bar."""


@click.command(context_settings={"max_content_width": 96})
@click.argument("template", type=click.Path(path_type=Path))
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV: arrival second, service seconds, and 1 if the message is poison.",
)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option("--settings", "list_settings", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda ctx, _, wanted: _show_settings(ctx) if wanted else None,
              help="List all settings with their defaults, and exit.")  # fmt: skip
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE",
              help="A value of the template's parameter.")  # fmt: skip
@click.option("--params", type=click.Path(path_type=Path),
              help="A file with `parameters`, such as params/ENV/STACK.yaml.")  # fmt: skip
@click.option("--target", help="The service that is meant, where several scale.")
@click.option("--horizon", type=click.IntRange(min=0),
              help="The second at which it ends; default 6 h after the last arrival.")  # fmt: skip
@click.option("--prices", type=click.Path(path_type=Path), help="Prices instead of our own.")
@click.option("--format", "style", type=click.Choice(FORMATS), default="text",
              help="text; json, all of it; csv, minute by minute.")  # fmt: skip
@click.option("--events", is_flag=True, help="List what happened, and why.")
def simulate(
    *,
    template: Path,
    trace_file: Path,
    changes: Sequence[str],
    given: Sequence[str],
    params: Path | None,
    target: str | None,
    horizon: int | None,
    prices: Path | None,
    style: str,
    events: bool,
) -> None:
    """Replay a queue through the alarms and step policies that stand in TEMPLATE.

    TEMPLATE is any CloudFormation template, YAML or JSON, with a scalable target, step scaling
    policies and alarms on SQS metrics.

    Exit codes: 0 done, 1 an error, 64 wrong usage.
    """
    from simulator import data, money, report, simulation
    from simulator.template import read_parameters, read_scaling
    from simulator.traces import read_trace

    with told():
        values = read_parameters(_text(params), str(params)) if params else {}
        values |= _pairs(given, "--parameter")
        scaling = read_scaling(_text(template), str(template), values, target=target)
        settings = Settings().with_texts(_pairs(changes, "--set"))
        cost = money.read_prices(prices) if prices else money.read_prices()
        trace = read_trace(trace_file)
        with _progress(len(trace.messages)) as progress:
            run = simulation.simulate(
                scaling, trace, settings, horizon=horizon, prices=cost, progress=progress
            )
    if style == "text":
        click.echo(report.text(run, cost, events=events))
    else:
        click.echo(data.as_json(run) if style == "json" else data.as_csv(run).rstrip("\n"))


@contextmanager
def told() -> Iterator[None]:
    """What the simulator refuses, as a problem of a command."""
    try:
        yield
    except SimulationError as error:
        raise Problem(
            error.what, error.why, error.next_step, file=error.file, line=error.line
        ) from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise Problem(f"{file} cannot be read", reason, "Give the path of a file") from None
    except UnicodeDecodeError:
        raise Problem(
            "The file cannot be read", "it is no UTF-8 text", "Save it as UTF-8", file=file
        ) from None


def _pairs(written: Sequence[str], option: str) -> dict[str, str]:
    pairs = [each.partition("=") for each in written]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise click.UsageError(f"{option} takes NAME=VALUE, not {name!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}


@contextmanager
def _progress(messages: int) -> Iterator[Callable[[int], None] | None]:
    """A line that counts simulated days, on a terminal, while a long run lasts."""
    if messages < LONG or not sys.stderr.isatty():
        yield None
        return
    yield lambda second: click.echo(f"\rsimulated {second / 86_400:.1f} days", nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)


def _show_settings(context: click.Context) -> None:
    from dataclasses import fields

    from simulator.report import written

    for each in fields(Settings):
        value = written(each.default)
        click.echo(f"{each.name + '=' + value:40} {each.metadata['about']}")
    context.exit()


if __name__ == "__main__":
    run_command(simulate)
