"""Bounds of scaling that change by the clock."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import labelled

CRON_FIELDS = 6


@specified
class Scheduled:
    """From then on, the least number of tasks is ``min_tasks``: working hours, for example.

    ``schedule`` is ``cron(MINUTES HOURS DAY MONTH WEEKDAY YEAR)``, ``rate(...)`` or ``at(...)``
    in ``timezone``. An update of the bounds in the template holds until the next one.
    Source: Application Auto Scaling, ScheduledAction.
    """

    name: str
    schedule: str
    min_tasks: int
    timezone: str = "Etc/UTC"

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        return labelled(self.name)

    @about("schedule")
    def _schedule(self) -> Iterator[Mistake]:
        found = re.fullmatch(r"(cron|rate|at)\((.+)\)", self.schedule)
        kind, inner = found.groups() if found else ("", "")
        possible = {
            "cron": _is_cron(inner.split()),
            "rate": bool(re.fullmatch(r"[1-9]\d* (minute|hour|day)s?", inner)),
            "at": bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inner)),
        }
        if not possible.get(kind):
            yield Mistake(
                f"Schedule {self.schedule!r} is impossible",
                "it is cron(...) with six fields and ? as day or as weekday, rate(...) or"
                " at(2026-01-05T08:00:00)",
                'Write something like schedule="cron(0 8 ? * MON-FRI *)"',
            )

    @about("min_tasks")
    def _min_tasks(self) -> Iterator[Mistake]:
        if self.min_tasks < 0:
            yield Mistake(
                f"{self.min_tasks} tasks are impossible", "0 is the fewest", "Take 0 or more"
            )

    @about("timezone")
    def _timezone(self) -> Iterator[Mistake]:
        pattern = r"[A-Za-z]+(/[A-Za-z0-9_+-]+)*"
        if not re.fullmatch(pattern, self.timezone) or not _is_zone(self.timezone):
            yield Mistake(
                f"Time zone {self.timezone!r} is impossible",
                "it is a name of the IANA list",
                'Write something like timezone="Europe/Berlin"',
            )


def _is_cron(fields: list[str]) -> bool:
    """Of day and weekday one says when, and the other is ``?`` (Scheduled scaling, "Cron")."""
    return len(fields) == CRON_FIELDS and [fields[2], fields[4]].count("?") == 1


def _is_zone(name: str) -> bool:
    """Whether the system's list has it; some systems have none, and then AWS is asked."""
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def check_schedule(schedule: tuple[Scheduled, ...], most: int) -> Iterator[Mistake]:
    """Wrong where actions clash, or where a minimum is above the maximum."""
    names = [each.name for each in schedule]
    if len(set(names)) < len(names):
        yield Mistake(
            "Two scheduled actions have one name",
            "the second would replace the first (PutScheduledAction)",
            "Give each its own",
        )
    for each in schedule:
        if each.min_tasks > most:
            yield Mistake(
                f"{each.name} wants {each.min_tasks} tasks of at most {most}",
                "AWS refuses a minimum above the maximum",
                "Raise max_tasks, or take fewer",
            )
