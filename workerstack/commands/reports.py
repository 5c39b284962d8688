"""A review, or several, in the format that was asked for."""

import json
from typing import TYPE_CHECKING

import click

from workerstack.commands.options import columns
from workerstack.output import say, styled
from workerstack.problem import as_typed, harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workerstack.review.model import Review

FORMATS = ("text", "json", "markdown", "html")

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Choose the format.",
)

all_option = click.option(
    "--all", "whole", is_flag=True, help="Also what CloudFormation lists and cannot change, bodies."
)


def report(reviews: "Sequence[Review]", form: str, *, several: bool, whole: bool = False) -> str:
    """The reviews as one text; with ``several``, JSON is a list, even of one."""
    from workerstack.review.show import html, markdown

    if form == "json":
        found = [each.model_dump(mode="json") for each in reviews]
        return json.dumps(found if several else found[0], indent=2)
    if form == "markdown":
        return markdown.render(reviews)
    if form == "html":
        return html.render(reviews)
    return _text(reviews, whole=whole)


def keep(
    reviews: "Sequence[Review]", output: "Path | None", root: "Path", *, several: bool
) -> None:
    """Writes the review files, and says how each is executed or dropped.

    ``output`` is the file, with ``several`` their folder; without it that is ``.reviews``.
    """
    from workerstack.review import file as review_file

    folder = root / ".reviews" if output is None else output
    for each in reviews:
        of_file = " " in each.where.deployment
        of = each.where.stack_name if of_file else each.where.deployment
        name = f"{of.replace('/', '-')}-{each.change_set.name}.json"
        file = output if output and not several else folder / name
        review_file.write(each, file)
        say("", *_commands(each, str(as_typed(file))))


def _commands(review: "Review", file: str) -> "Iterator[str]":
    """What can be done with the review; nothing that `execute` would refuse."""
    from workerstack.review.show import words

    blocking = words.refused(review)
    if blocking:
        yield f"Fix it, then  ./deploy.py review {review.where.deployment}"
        yield f"Discard       ./deploy.py discard {file}"
        allowed = " ".join(f"--allow {each.allowed_by}" for each in blocking)
        yield f"Accept it     ./deploy.py execute {file} {allowed}"
    else:
        yield f"Execute   ./deploy.py execute {file}"
        yield f"Discard   ./deploy.py discard {file}"


def _text(reviews: "Sequence[Review]", *, whole: bool) -> str:
    from workerstack.review.show import text, words
    from workerstack.review.show.several import alike

    found = []
    for review, *others in alike(reviews):
        found.append(text.render(review, styled, columns(), whole=whole))
        for each in others:
            same = [f"{each.where.deployment} does the same, {words.place(each)}"]
            found.append("\n".join(map(harmless, same)))
    return "\n\n".join(found)
