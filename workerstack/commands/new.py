"""``workerstack new``."""

from pathlib import Path

import click

from workerstack.commands.example import WithExample
from workerstack.output import answer, say
from workerstack.problem import Problem

ASKED = {
    "name": ("Name of the worker", None),
    "image": ("Repository of its image in ECR, such as team/orders", None),
    "queue": ("Name of its queue; own: one of its own", "own"),
    "secrets": ("Its secrets as VARIABLE=NAME, with commas between", ""),
    "longest_job": ("Its longest job, such as 90s or 10m", "10m"),
}
"""What is asked for each option that is not given, with the answer that Return gives."""


@click.command(cls=WithExample, example="orders --name orders --image team/orders")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="Name the first worker.")
@click.option("--image", help="Name the repository of its image in ECR.")
@click.option("--queue", help="Name its queue; `own` makes one [default: own].")
@click.option("--secrets", help="Give its secrets: VARIABLE=NAME,... [default: none].")
@click.option("--longest-job", help="Say how long a job may take [default: 10m].")
@click.option("--update", is_flag=True, help="Merge this version into the project in DIR.")
def new(*, folder: Path, update: bool, **given: str | None) -> int:
    """Make a project of your own in DIR, with a first worker.

    What no option says is asked on a terminal. With --update, what the project began with is
    merged with this version's, file by file, and left for `git diff`; exit 1: conflicts.
    """
    if update:
        if any(given.values()):
            raise click.UsageError("--update takes no option about a worker.")
        return _updated(folder)
    from workerstack.starter.begin import begin
    from workerstack.starter.questions import answered

    begin(folder, answered(**{name: _answer(name, text) for name, text in given.items()}), say)
    say("", "Next:", f"    cd {folder}", "    git init && git add --all && git commit")
    say("    make run     the worker, deployed to an embedded AWS endpoint", "    make test")
    return 0


def _answer(name: str, given: str | None) -> str:
    """What was given, or asked, or goes without saying; raises Problem where nobody can tell."""
    if given is not None:
        return given
    question, default = ASKED[name]
    said = answer(question, default)
    if said is None:
        raise Problem(
            f"--{name.replace('_', '-')} is missing",
            "nobody can be asked without a terminal",
            "Give it",
        )
    return said


def _updated(folder: Path) -> int:
    from workerstack.starter.update import update

    before, now, merged = update(folder)
    for name, text in merged.texts.items():
        state = "conflict in" if name in merged.conflicts else "merged" if text else "removed"
        say(f"{state} {name}")
    say(*merged.said)
    if not merged.texts:
        say(f"Nothing to merge: {now} changes nothing that this project has of {before}.")
        return 0
    say("", f"From {before} to {now}. See it with `git diff`; then `make test`, and commit.")
    return 1 if merged.conflicts else 0
