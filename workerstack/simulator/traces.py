"""What arrives: messages with their arrival and their work, made or read from a trace's file."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from operator import attrgetter
from pathlib import Path

from workerstack.problem import Problem

MOST_MESSAGES = 1_000_000
"""A run of a million takes about 20 seconds and 200 MiB; more is likely a mistake."""

LATEST = 10 * 366 * 86_400
"""Ten years: nothing arrives later."""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One message: ``arrival`` in seconds from the beginning, ``service`` in seconds of work.

    A poison message fails after its work and is never deleted by the worker. Work of 0 s takes
    one second, since nothing happens within a second.
    """

    arrival: int
    service: int
    poison: bool = False


@dataclass(frozen=True)
class Trace:
    """Messages in the order of arrival. Make it by ``Trace.of``, which sorts and checks."""

    messages: tuple[Message, ...]

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Trace":
        """The trace of these messages; Problem on negative times or far too many."""
        # One key after the other, the least important first: no tuple for each message.
        found = list(messages)
        for key in ("poison", "service", "arrival"):
            found.sort(key=attrgetter(key))
        ordered = tuple(found)
        if len(ordered) > MOST_MESSAGES:
            raise Problem(
                f"{len(ordered):,} messages are too many",
                f"one run takes at most {MOST_MESSAGES:,}",
                "Simulate a part of the time",
            )
        for message in ordered:
            if message.arrival < 0 or message.service < 0:
                raise Problem(
                    f"A message arrives at second {message.arrival} and takes {message.service} s",
                    "neither can be negative",
                    "Count seconds from the beginning of the trace",
                )
        if ordered and ordered[-1].arrival > LATEST:
            raise Problem(
                f"A message arrives at second {ordered[-1].arrival}",
                "that is more than ten years after the beginning",
                "Count seconds from the beginning of the trace, not from 1970",
            )
        return cls(ordered)


COLUMNS = ("arrival", "service", "poison")
YES, NO = ("1", "yes", "true"), ("", "0", "no", "false")


def read_trace(file: Path) -> Trace:
    """The messages of a CSV file, in the order of their arrival.

    A row is ``arrival,service[,poison]``: the second of the arrival, counted from the
    start of the run; the seconds of work; and whether the worker always fails on it (1 or
    0). A header, empty lines and lines that begin with ``#`` may be there. Fractions are
    taken to the whole second: the arrival down, the service up. Raises Problem.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return parse_trace(lines, str(file))
    except OSError as error:
        raise Problem(
            f"The trace {file} cannot be read",
            error.strerror or "it is not there",
            "Give a CSV file with a row `arrival,service` for each message",
        ) from None
    except UnicodeDecodeError:
        raise Problem(
            "The trace cannot be read",
            "it is no UTF-8 text",
            "Save it as CSV in UTF-8",
            file=str(file),
        ) from None


def parse_trace(lines: Iterable[str], name: str) -> Trace:
    """The same from lines; ``name`` is what errors call the file."""
    reader = csv.reader(lines)
    found: list[Message] = []
    first = True
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if first and _is_header(cells, name, reader.line_num):
                first = False
                continue
            first = False
            if len(found) == MOST_MESSAGES:
                raise Problem(
                    "The trace is too long",
                    f"it has more than {MOST_MESSAGES:,} messages",
                    "Take a shorter stretch of time, or each tenth message",
                    file=name,
                    line=reader.line_num,
                )
            found.append(_message(cells, name, reader.line_num))
    except csv.Error as error:
        raise Problem(
            "The row is no CSV", str(error), "Correct it", file=name, line=reader.line_num
        ) from None
    if not found:
        raise Problem(
            "The trace has no message",
            "there is no row in it",
            "Write a row `arrival,service` for each message, such as `0,180`",
            file=name,
        )
    return Trace.of(found)


def _is_header(cells: Sequence[str], name: str, line: int) -> bool:
    """The first row is one where there is no digit in it; it must then name the columns."""
    if any(character.isdigit() for cell in cells for character in cell):
        return False
    if tuple(cell.lower() for cell in cells) not in (COLUMNS[:2], COLUMNS):
        raise Problem(
            f"The first row is {','.join(cells)!r}",
            "it is neither a message nor the header",
            "Write `arrival,service` or `arrival,service,poison`, or leave the header out",
            file=name,
            line=line,
        )
    return True


def _message(cells: Sequence[str], name: str, line: int) -> Message:
    if len(cells) not in (2, 3):
        raise Problem(
            f"The row has {len(cells)} columns",
            "a message is `arrival,service` or `arrival,service,poison`",
            "Correct it; the separator is a comma, decimals have a point",
            file=name,
            line=line,
        )
    seconds = [
        _seconds(cell, column, name, line) for cell, column in zip(cells, COLUMNS[:2], strict=False)
    ]
    poison = cells[2].lower() if len(cells) == len(COLUMNS) else ""
    if poison not in (*YES, *NO):
        raise Problem(
            f"poison is {cells[2]!r}",
            "it says whether the worker always fails on this message",
            "Write 1 or 0, yes or no, or leave it empty",
            file=name,
            line=line,
        )
    return Message(
        arrival=floor(seconds[0]), service=max(1, ceil(seconds[1])), poison=poison in YES
    )


def _seconds(cell: str, column: str, name: str, line: int) -> float:
    value = _number(cell)
    if value is None:
        why = f"{column} is {cell!r}, which is not a number"
    elif value < 0:
        why = f"{column} is {cell}, which is negative"
    elif value > LATEST:
        why = f"{column} is {cell}, which is beyond ten years"
    else:
        return value
    raise Problem(
        "The row is no message",
        why,
        "Write seconds, the arrival counted from the start of the trace",
        file=name,
        line=line,
    )


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
