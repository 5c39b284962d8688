"""``simulate.py``: shows how a template will scale, before it runs.

Without AWS and network, but for ``--learn ENV/STACK``, which reads metrics.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from workerstack import files, output
from workerstack.commands.example import WithExample
from workerstack.commands.options import clients_of, connected
from workerstack.output import bar, say, show_formatted
from workerstack.problem import Problem
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Trace

if TYPE_CHECKING:
    from workerstack.simulator.learning import Learned, Metrics
    from workerstack.simulator.model import Scaling
    from workerstack.simulator.result import Run

FORMATS = ("text", "json", "csv")
LONG = 2_000
"""Messages from which a run is long enough for a progress bar."""


@click.command(
    cls=WithExample,
    example="out/webordinary-edit.template.yaml --load burst:count=9,service=2m",
    context_settings={"max_content_width": 80},
)
@click.argument("template", type=click.Path(path_type=Path))
@click.option("--trace", "trace_file", type=click.Path(path_type=Path),
              help="Read messages from a CSV file: arrival s, service s, 1 if poison.")  # fmt: skip
@click.option("--load", "loads", multiple=True, metavar="LOAD",
              help="Draw messages, such as burst:count=25,service=4m; repeatable.")  # fmt: skip
@click.option("--learn", "learned", metavar="ENV/STACK|FILE",
              help="Learn a load from two weeks of the queue's metrics: of a deployed worker, or"
              " exported into a file.")  # fmt: skip
@click.option("--compare", "other", type=click.Path(path_type=Path), metavar="TEMPLATE",
              help="Run another template on the same messages.")  # fmt: skip
@click.option("--advise", "advised", is_flag=True,
              help="Search the cheapest step table that keeps --goal.")  # fmt: skip
@click.option("--goal", metavar="GOAL", help='Say what must hold: "p95 wait < 5m, kills = 0".')
@click.option("--seeds", type=click.IntRange(1, 20), default=3, show_default=True,
              help="Search with this many seeds; 40 others judge the result.")  # fmt: skip
@click.option("--candidates", type=click.IntRange(1, 5_000), default=200, show_default=True,
              help="Try this many step tables.")  # fmt: skip
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Also draw it into a .svg or .png file."
)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option("--settings", "list_settings", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda ctx, _, wanted: _show_settings(ctx) if wanted else None,
              help="List all settings with their defaults, and exit.")  # fmt: skip
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE",
              help="Give a parameter of the template a value.")  # fmt: skip
@click.option("--params", type=click.Path(path_type=Path),
              help="Read parameters from a file, such as params/ENV/STACK.yaml.")  # fmt: skip
@click.option("--metric", "own", multiple=True, metavar="NAME=MATH",
              help="Define a metric of your own, such as Total='visible + in_flight'.")  # fmt: skip
@click.option("--target", help="Choose the service, where several scale.")
@click.option("--horizon", type=click.IntRange(min=0),
              help="End at this second [default: 6 h after the last arrival].")  # fmt: skip
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    help="Read prices from a file [default: the built-in ones].",
)
@click.option("--format", "style", type=click.Choice(FORMATS), default="text",
              show_default=True,
              help="Choose the format: json has everything, csv each minute.")  # fmt: skip
@click.option("--events", is_flag=True, help="List what happened, and why.")
@connected
def simulate(
    *,
    template: Path,
    trace_file: Path | None,
    loads: Sequence[str],
    learned: str | None,
    other: Path | None,
    advised: bool,
    goal: str | None,
    seeds: int,
    candidates: int,
    picture: Path | None,
    changes: Sequence[str],
    given: Sequence[str],
    params: Path | None,
    own: Sequence[str],
    target: str | None,
    horizon: int | None,
    prices: Path | None,
    style: str,
    events: bool,
    root: Path,
    **connection: str | None,
) -> int:
    """Replay a queue through the alarms and step policies of TEMPLATE.

    TEMPLATE is any CloudFormation template, YAML or JSON, with a scalable target and step scaling
    policies with alarms on SQS metrics, or target tracking of a metric of the queue; or a
    deployment file of Git sync, for its template with its values.

    Exit codes: 0 done, 1 an error or a goal that no table keeps, 64 wrong usage.
    """
    from workerstack.simulator import advise, show
    from workerstack.simulator import cost as money
    from workerstack.simulator import run as simulation
    from workerstack.simulator.advise import parse_goal
    from workerstack.simulator.read import read_parameters, read_scaling

    given_loads = sum(map(bool, (trace_file, loads, learned)))
    _check_usage(given_loads, other, goal, picture, style, advised=advised)
    if not params and (template_of := _template_of(template)):
        params, template = template, template_of
    values = read_parameters(_text(params), str(params)) if params else {}
    values |= _pairs(given, "--parameter")
    named = [template, other] if other else [template]
    own_metrics = _pairs(own, "--metric")
    scalings = [
        read_scaling(_text(each), str(each), values, target=target, metrics=own_metrics)
        for each in named
    ]
    settings = Settings().with_texts(_pairs(changes, "--set"))
    cost = money.read_prices(prices) if prices else money.read_prices()
    load = _learned(learned, root, connection) if learned else None
    arrives = _arrivals(trace_file, loads, load)
    if advised:
        terms = parse_goal(goal or "")
        traces = [arrives(settings.seed + each) for each in range(seeds + advise.HELD_OUT)]
        found = advise.advise(
            scalings[0], traces[:seeds], terms, settings, held_out=traces[seeds:],
            count=candidates, horizon=horizon, prices=cost,
        )  # fmt: skip
        _tell_notes(scalings[0])
        output.show(advise.text(found, terms))
        return 0 if found.kept else 1
    trace = arrives(settings.seed)
    end, runs = simulation.end_of(trace, horizon), []
    for each in scalings:
        with _progress(trace, end) as progress:
            runs.append(
                simulation.simulate(
                    each, trace, settings, horizon=end, prices=cost, progress=progress
                )
            )
    shown = show.shown(runs, cost, style, events=events)
    if style == "csv":
        _tell_notes(scalings[0])
    if picture:
        _draw(runs, picture)
    show_formatted(shown, style)
    return 0


def _tell_notes(scaling: "Scaling") -> None:
    """What is not simulated, where standard output has no room for it."""
    for note in scaling.notes:
        say(f"note: {note}")


def _check_usage(
    loads: int, other: Path | None, goal: str | None, picture: Path | None, style: str, *,
    advised: bool,
) -> None:  # fmt: skip
    wrong = {
        "give either --trace or --load, or --learn": loads != 1,
        "--advise and --goal go together": advised != bool(goal),
        "--advise takes neither --compare, --picture nor --format": advised
        and bool(other or picture or style != "text"),
        "--format csv is for one template": bool(other) and style == "csv",
        "--picture is a file that ends with .svg or .png": picture is not None
        and picture.suffix not in (".svg", ".png"),
    }
    for sentence, is_wrong in wrong.items():
        if is_wrong:
            raise click.UsageError(sentence)


LEARNED_DAYS = 7
"""Days that are simulated of a load that was learned."""


def _arrivals(
    file: Path | None, loads: Sequence[str], learned: "Learned | None"
) -> Callable[[int], Trace]:
    """What arrives, for a seed."""
    from workerstack.simulator.loads import load
    from workerstack.simulator.traces import read_trace

    if learned:
        return lambda seed: learned.trace(LEARNED_DAYS, seed)
    if file:
        trace = read_trace(file)
        return lambda _: trace
    return lambda seed: load(loads, seed)


def _learned(name: str, root: Path, connection: dict[str, str | None]) -> "Learned":
    """What is learned of a file, or of the queue of a deployed worker; what it is, is said."""
    from workerstack.simulator.learning import known, learn, read_metrics

    if Path(name).is_file() or name.count("/") != 1:
        found = learn(read_metrics(_text(Path(name)), name), name)
    else:
        found = learn(known(_metrics_of(name, root, connection), name), name)
    say(str(found))
    return found


def _metrics_of(name: str, root: Path, connection: dict[str, str | None]) -> "Metrics":
    """Two weeks of the metrics of a deployed worker's queue."""
    from datetime import UTC, datetime

    from workerstack import deployments
    from workerstack.deployer import aws, queue_history
    from workerstack.deployer import stack as stacks

    deployment = deployments.load(name, root)
    clients = clients_of(deployment, **connection)
    aws.identify(deployment, clients)
    stack = stacks.existing(clients("cloudformation"), deployment)
    return queue_history.of_stack(clients, stack.id, datetime.now(UTC))


def _draw(runs: "Sequence[Run]", file: Path) -> None:
    from workerstack.simulator.picture import picture

    form: Literal["svg", "png"] = "svg" if file.suffix == ".svg" else "png"
    drawn = picture([(run.scaling.file, run) for run in runs], form)
    if not file.parent.is_dir():  # a mistyped path is none to make folders for
        raise Problem(
            f"{file} cannot be written", f"there is no folder {file.parent}", "Give another path"
        )
    files.write(file, drawn, "Give another path")
    say(f"wrote {file}")


def _template_of(file: Path) -> Path | None:
    """The template of a deployment file; None for a file that is none."""
    from workerstack.cloudformation import parse
    from workerstack.deployments import anywhere, values_of

    text = _text(file)
    if f"{anywhere.KEY}:" not in text and f'"{anywhere.KEY}"' not in text:
        return None
    data = parse(text, str(file)).data
    if not isinstance(data, dict) or anywhere.KEY not in data:
        return None
    return values_of(text, file, anywhere.repository(file.parent)).template


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
def _progress(trace: Trace, horizon: int) -> Iterator[Callable[[int], None] | None]:
    """A bar on a terminal while a long run lasts."""
    if len(trace.messages) < LONG or not sys.stderr.isatty():
        yield None
        return
    with bar(horizon, "simulating") as reached:
        yield reached


def _show_settings(context: click.Context) -> None:
    from workerstack.simulator.report import all_settings

    output.show(all_settings())
    context.exit()
