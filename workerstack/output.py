"""The one edge where text leaves the program: data to standard output, talk to standard error.

No other module writes to either (tests/test_output.py), so nobody who shows a value needs to
think of what it may contain. `problem.harmless` says what is made harmless, and why.
"""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from workerstack.installation import with_extra
from workerstack.problem import Problem, harmless, harmless_json, harmless_lines, json_text, marked

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_TYPED = re.compile(r"(?<![\w./-])(?:\./)?(deploy|generate|simulate)\.py\b(?= |`|$)", re.MULTILINE)
_program = ""

COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
BOLD = 1


def called(program: str) -> None:
    """From here on, the commands that are told are those of this program, which has them all."""
    global _program  # noqa: PLW0603 - what a process is called is one thing in the whole of it
    _program = program


def _as_typed(text: str) -> str:
    """``./deploy.py review X`` is ``PROGRAM review X`` to whoever has no ``deploy.py``."""
    if not _program:
        return text
    return _TYPED.sub(
        lambda found: _program if found[1] == "deploy" else f"{_program} {found[1]}", text
    )


def show(text: str) -> None:
    """Data: a report of several lines, or one. Raises Problem where it cannot be written."""
    _write(harmless_lines(text, coloured=True), err=False)


def show_line(text: str) -> None:
    """One line of data, seen at once; line breaks in it are shown."""
    show(harmless(text))


def show_json(data: Any, indent: int | None = None) -> None:
    """Data for programs."""
    _write(json_text(data, indent), err=False)


def show_json_text(text: str) -> None:
    """Data that is JSON already."""
    _write(harmless_json(text), err=False)


def show_formatted(text: str, form: str) -> None:
    """Data in the format that was asked for: ``json``, or one for people."""
    (show_json_text if form == "json" else show)(text)


def say(*lines: str) -> None:
    """Talk, one line each: line breaks in what they quote are shown."""
    for line in lines:
        _write(harmless_lines(harmless(line), coloured=True), err=True)


def _write(text: str, *, err: bool) -> None:
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = _as_typed(text)
    try:
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # nobody reads on, which is no error of ours: click ends quietly
        name = "standard error" if err else "standard output"
        raise Lost(
            f"What is said to {name} cannot be written",
            error.strerror or str(error),
            "Free space, or send it elsewhere, and run the command again",
        ) from error


class Lost(Problem):
    """What we say arrives nowhere: a full disk behind a redirection."""


def styled(text: str, colour: str) -> str:
    """Bold or coloured; not on a dumb terminal, and nowhere that is no terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"{marked(COLOURS.get(colour, BOLD))}{text}{marked(0)}"


def confirm(question: str) -> bool:
    """Whether somebody on a terminal says yes; no where nobody can."""
    return sys.stdin.isatty() and click.confirm(_asked(f"{question}?"), err=True)


def answer(question: str, default: str | None) -> str | None:
    """What somebody on a terminal types; elsewhere the default, None where there is none."""
    if not sys.stdin.isatty():
        return default
    return str(click.prompt(_asked(question), default=default, err=True))


def choose(question: str, choices: Sequence[str], default: str | None = None) -> str:
    """One of the choices, as somebody on a terminal answers; raises click.Abort."""
    shown = {harmless(choice): choice for choice in choices}
    answer = click.prompt(
        _asked(question), type=click.Choice(list(shown)), default=default, err=True
    )
    return shown[answer]


def _asked(question: str) -> str:
    return harmless_lines(harmless(question), coloured=False)


def live() -> "Console | None":
    """The terminal on standard output, on which a block is painted over and over.

    None where standard output is no terminal, and without the extra ``live``, which is said.
    """
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        say(f"One line per change, without the extra `live`. To add it: {with_extra('live')}")
        return None
    return Console()


def painted(text: str) -> "Text":
    """Lines for a live screen; styles of ours are styles there."""
    from rich.text import Text

    return Text.from_ansi(harmless_lines(text, coloured=True))


@contextmanager
def status(number: int, doing: str) -> Iterator[Callable[[str], None]]:
    """One live line on a terminal, nothing elsewhere.

    Gives what is to be called with each name that is done; ``number`` are to be done.
    """
    if number < 2 or not sys.stderr.isatty():  # noqa: PLR2004 - one is waited for in silence
        yield lambda _: None
        return
    try:
        from rich.console import Console
    except ImportError:
        with bar(number, doing) as reached:
            count = iter(range(1, number + 1))
            yield lambda _: reached(next(count, number))
        return

    done: list[str] = []
    with Console(stderr=True).status(f"{doing} 0 of {number}") as line:

        def one(name: str) -> None:
            done.append(harmless(name))
            line.update(painted(f"{doing} {len(done)} of {number}: {', '.join(done)}"))

        yield one


@contextmanager
def bar(length: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; gives what is to be called with how far it is."""
    with click.progressbar(length=length, label=harmless(label), file=sys.stderr) as shown:
        yield lambda position: shown.update(position - shown.pos)
        shown.update(length - shown.pos)
