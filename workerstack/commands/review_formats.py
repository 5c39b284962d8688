"""A review, or several, in the format that was asked for."""

import json
from typing import TYPE_CHECKING

import click

from workerstack.commands import options
from workerstack.commands.options import columns
from workerstack.output import say, styled
from workerstack.problem import as_typed, harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workerstack.review.model import Review

FORMATS = ("text", "json", "markdown", "html")

format_option = options.format_option(*FORMATS)

allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="ID:LOGICAL_ID",
    help="Accept this blocking finding, where approvers see it; repeatable.",
)

allow_each_option = click.option(
    "--allow",
    multiple=True,
    metavar="[ENV/STACK=]ID:LOGICAL_ID",
    help="Accept this blocking finding, where approvers see it; repeatable.",
)

all_option = click.option(
    "--all",
    "whole",
    is_flag=True,
    help="Also show what is listed but cannot change, and whole values.",
)


def report(
    reviews: "Sequence[Review]",
    form: str,
    *,
    several: bool,
    whole: bool = False,
    files: "Sequence[Path]" = (),
) -> str:
    """The reviews as one text; with ``several``, JSON is a list, even of one.

    ``files``: where each is kept, or will be; the page names them in its commands.
    """
    from workerstack.review.show import html, markdown

    if form == "json":
        found = [each.model_dump(mode="json") for each in reviews]
        return json.dumps(found if several else found[0], indent=2)
    if form == "markdown":
        return markdown.render(reviews)
    if form == "html":
        return html.render(reviews, [str(as_typed(each)) for each in files])
    return _text(reviews, whole=whole)


def review_files(
    reviews: "Sequence[Review]", output: "Path | None", root: "Path", *, several: bool
) -> "list[Path]":
    """Where each review is kept.

    ``output`` is the file, with ``several`` their folder; without it that is ``.reviews``.
    """
    if output and not several:
        return [output for _ in reviews]
    folder = root / ".reviews" if output is None else output
    return [folder / f"{_called(each)}-{each.change_set.name}.json" for each in reviews]


def _called(review: "Review") -> str:
    """A file's name for a deployment: ENV-STACK, or the stack that a file is for."""
    where = review.where
    return where.stack_name if " " in where.deployment else where.deployment.replace("/", "-")


def keep(reviews: "Sequence[Review]", files: "Sequence[Path]") -> None:
    """Writes the review files, and says how each is executed or dropped."""
    from workerstack.review import file as review_file

    for each, file in zip(reviews, files, strict=True):
        review_file.write(each, file)
        say("", *commands(each, file))


def commands(review: "Review", file: "Path", again: str = "") -> "Iterator[str]":
    """What can be done with a review, a line each; ``again`` makes another one."""
    from workerstack.review.show import words

    found = words.commands(review, str(as_typed(file)), again)
    width = max(10, *(len(name) + 2 for name, _ in found))
    yield from (f"{name:<{width}}{line}" for name, line in found)


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
