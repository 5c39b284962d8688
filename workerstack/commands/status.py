"""``deploy.py status``."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import clients_of, connected
from workerstack.deployer.clock import Clock
from workerstack.output import live, painted, say, show, show_json, styled
from workerstack.problem import Problem, harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from workerstack.deployer.status import ImageStatus, QueueStatus, Status

AT_ONCE = 4
"""Stacks that are read at the same time, as in a review."""

FOREVER = float("inf")


@click.command(cls=WithExample, example="staging")
@click.argument(
    "name", required=False, default="", metavar="[ENV[/STACK]]", shell_complete=complete_names
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Choose the format.")  # fmt: skip
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

    from workerstack.deployer import aws
    from workerstack.deployer.status import read_status

    def one(deployment: deployments.Deployment) -> "Status | Problem":
        try:
            with aws.explained(profile=connection["profile"]):
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
    from workerstack.deployer.aws import passes
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


def screen(found: "Sequence[Status]", now: datetime, *, several: bool) -> list[str]:
    """A table of several stacks, or all of one."""
    lines = list(_table(found, now)) if several else list(_one(found[0], now))
    return [harmless(each) for each in lines]


def _table(found: "Sequence[Status]", now: datetime) -> Iterator[str]:
    """The stacks of each environment below its account; what wants doing stands below them."""
    places = list(dict.fromkeys((each.deployment.partition("/")[0], each.account, each.region)
                                for each in found))  # fmt: skip
    for environment, account, region in places:
        here = [each for each in found if each.deployment.partition("/")[0] == environment]
        yield styled(f"{environment}  account {account}, {region}", "bold")
        rows = [("STACK", "STATE", "DEPLOYED", "IMAGE", "TASKS", "QUEUE"), *(_row(each, now) for
                each in here)]  # fmt: skip
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()
        for each in here:
            if each.next_step:
                yield f"{each.stack}: {each.next_step}"


def _row(status: "Status", now: datetime) -> tuple[str, ...]:
    return (
        status.stack,
        status.state,
        _deployed(status, now),
        ", ".join(_tag(each.image, each.tags) for each in status.images) or "-",
        ", ".join(f"{each.running} of {_most(each.most)}" for each in status.tasks) or "-",
        ", ".join(f"{each.waiting}, {each.in_flight}" for each in status.queues) or "-",
    )


def _deployed(status: "Status", now: datetime) -> str:
    from workerstack.deployer.ship import age

    if status.updated is None:
        return "-"
    commit = status.revision.commit[:7] if status.revision else "not in git"
    return f"{commit}, {age(status.updated, now)}"


def _tag(image: str, tags: tuple[str, ...]) -> str:
    """An image as short as it is known by: its tag, else the beginning of its digest."""
    _, at, digest = image.rpartition("/")[2].partition("@")
    if at:
        return ", ".join(tags) or digest[:19]
    return image.rpartition("/")[2].partition(":")[2] or "latest"


def _most(most: int | None) -> str:
    return "?" if most is None else str(most)


def _one(status: "Status", now: datetime) -> Iterator[str]:
    """One stack on one screen."""
    from workerstack.deployer.ship import age

    def line(word: str, text: str) -> str:
        return f"{word:<9}  {text}"

    place = f"(account {status.account}, {status.region})"
    yield styled(f"{status.deployment}: {status.stack} {place}", "bold")
    reason = f": {status.reason}" if status.reason else ""
    when = f", {age(status.updated, now)}" if status.updated else ""
    yield line("State", f"{status.state}{when}{reason}")
    if status.revision:
        committed = age(status.revision.committed, now)
        yield line("Revision", f"{status.revision.commit[:7]} {status.revision.subject}"
                               f" (committed {committed})")  # fmt: skip
    elif status.updated:
        yield line("Revision", "not in git: no commit here has this template with these values")
    for image in status.images:
        yield line("Image", f"{image.container}: {_image_words(image, now)}")
    for tasks in status.tasks:
        pending = f", {tasks.pending} pending" if tasks.pending else ""
        began = f", begun {age(tasks.began, now)}" if tasks.began else ""
        rollout = f"; rollout {tasks.rollout}{began}" if tasks.rollout else ""
        yield line("Tasks", f"{tasks.running} running{pending}, {tasks.desired} desired, at most"
                            f" {_most(tasks.most)}{rollout}")  # fmt: skip
    for queue in status.queues:
        yield line("Queue", _queue_words(queue))
    if status.alarms:
        said = (f"{each.name} {each.state}{' (scales)' if each.scales else ''}"
                for each in status.alarms)  # fmt: skip
        yield line("Alarms", ", ".join(said))
    for each in status.unknown:
        yield line("Not known", each)
    yield line("Next", status.next_step or "nothing to do")


def _image_words(image: "ImageStatus", now: datetime) -> str:
    from workerstack.deployer.ship import age

    name = image.image.rpartition("/")[2].partition("@")[0]
    if image.is_there is False:
        return f"{name}: there is no such image"
    own = name.partition(":")[2]
    others = [f":{each}" for each in image.tags if each != own]
    tags = f" ({', '.join(others) or 'no tag'})" if others or not own else ""
    pushed = f", pushed {age(image.pushed, now)}" if image.pushed else ""
    return f"{name}{tags}, {image.digest[:19] or 'digest not known'}{pushed}"


def _queue_words(queue: "QueueStatus") -> str:
    oldest = f", oldest {timedelta(seconds=int(queue.oldest))}" if queue.oldest else ""
    dead = "no dead-letter queue" if queue.dead is None else f"{queue.dead} dead"
    return f"{queue.name}: {queue.waiting} waiting{oldest}, {queue.in_flight} in flight, {dead}"
