"""When scheduled actions run: cron(...), rate(...) and at(...).

Source: Application Auto Scaling User Guide, "Schedule recurring scaling actions using cron
expressions". Days of the week are 0 to 7 with Sunday at both ends, as in the guide's example
`30 6 * * 2 *`, every Tuesday.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workerstack.problem import Problem
from workerstack.simulator.model import ScheduledAction

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
FIELDS = (
    ("minutes", 0, 59),
    ("hours", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
    ("year", 1970, 2199),
)


def occurrences(action: ScheduledAction, beginning: datetime, horizon: int) -> Iterator[int]:
    """The seconds from ``beginning`` (UTC) at which the action runs, up to ``horizon``.

    Raises Problem for a schedule or time zone that cannot be read.
    """
    kind, _, inner = action.schedule.strip().removesuffix(")").partition("(")
    zone = _zone(action)
    start = _time(action.start, ZoneInfo("UTC"), action) if action.start else None
    end = _time(action.end, ZoneInfo("UTC"), action) if action.end else None
    if kind == "at":
        found: Iterator[datetime] = iter([_time(inner, zone, action)])
    elif kind == "rate":
        found = _every(_seconds(inner, action), start or beginning)
    elif kind == "cron":
        found = _cron(_fields(inner, action), max(beginning, start or beginning), zone)
    else:
        raise _error(action, "it is not one of cron(...), rate(...), at(...)")
    for moment in found:
        second = int((moment - beginning).total_seconds())
        if second > horizon or (end and moment > end):
            return
        if second >= 0 and not (start and moment < start):
            yield second


def _error(action: ScheduledAction, why: str) -> Problem:
    return Problem(
        f"The schedule {action.schedule!r} of {action.name} cannot be read", why, "Correct it"
    )


def _zone(action: ScheduledAction) -> ZoneInfo:
    try:
        return ZoneInfo(action.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise _error(action, f"there is no time zone {action.timezone}") from None


def _time(text: str, zone: ZoneInfo, action: ScheduledAction) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _error(action, f"{text!r} is no time like 2026-01-05T08:00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _seconds(text: str, action: ScheduledAction) -> int:
    match = re.fullmatch(r"\s*([1-9]\d{0,6})\s+(minute|hour|day)s?\s*", text)
    if not match:
        raise _error(action, "a rate is a number of minutes, hours or days")
    return int(match[1]) * UNITS[match[2]]


def _every(seconds: int, first: datetime) -> Iterator[datetime]:
    while True:
        yield first
        first += timedelta(seconds=seconds)


def _fields(text: str, action: ScheduledAction) -> list[frozenset[int]]:
    parts = text.upper().split()
    if len(parts) != len(FIELDS):
        raise _error(action, f"cron has {len(FIELDS)} fields, here are {len(parts)}")
    return [
        frozenset(_numbers(part, name, low, high, action))
        for part, (name, low, high) in zip(parts, FIELDS, strict=True)
    ]


def _numbers(part: str, name: str, low: int, high: int, action: ScheduledAction) -> Iterator[int]:
    """The numbers of one field: lists, ranges, steps, names."""
    for each in part.split(","):
        span, _, step = each.partition("/")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            bounds = (low, high)
        else:
            begin = _number(first, name, action)
            bounds = (begin, _number(last, name, action) if dash else high if step else begin)
        if step and (not step.isdigit() or not int(step)):
            raise _error(action, f"{each!r} is no {name}")
        if not low <= bounds[0] <= bounds[1] <= high:
            raise _error(action, f"{each!r} is no {name} from {low} to {high}")
        for number in range(bounds[0], bounds[1] + 1, int(step or 1)):
            yield number % 7 if name == "day of week" else number


def _number(text: str, name: str, action: ScheduledAction) -> int:
    names = {"month": MONTHS, "day of week": DAYS}.get(name, ())
    if text in names:
        return names.index(text) + (name == "month")
    if not text.isdigit():
        raise _error(action, f"{text!r} is no {name} (L, W and # are not simulated)")
    return int(text)


def _cron(fields: list[frozenset[int]], first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Every matching minute from ``first`` on, day by day."""
    minutes, hours, days, months, weekdays, years = fields
    local = first.astimezone(zone)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    while day.year <= max(years):
        matches = day.month in months and day.day in days and day.year in years
        if matches and day.isoweekday() % 7 in weekdays:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    # From local time anew each day, so that a schedule follows the change to summer
                    # time.
                    moment = day.replace(hour=hour, minute=minute, tzinfo=zone).astimezone(UTC)
                    if moment >= first:
                        yield moment
        day += timedelta(days=1)
