"""A run as text for people: the summary, the settings that were used, and what happened."""

from collections.abc import Iterator
from dataclasses import fields

from workerstack.problem import harmless
from workerstack.simulator.cost import Prices
from workerstack.simulator.result import Run, SimulatedEvent, Summary
from workerstack.simulator.settings import Settings


def text(run: Run, prices: Prices, *, events: bool) -> str:
    """The whole report; ``events`` lists them, too."""
    scaling = run.scaling
    lines = [
        f"{scaling.name} of {scaling.file}: {scaling.min_capacity} to {scaling.max_capacity} tasks,"
        f" {duration(run.horizon)}",
        *(f"note: {note}" for note in scaling.notes),
        "",
        *_numbers(run.summary, prices),
        "",
        f"settings: {settings_used(run)}",
    ]
    if events:
        lines += ["", *map(event_line, run.events)]
    return "\n".join(map(harmless, lines))


def _numbers(summary: Summary, prices: Prices) -> Iterator[str]:
    cost = summary.cost
    rest = {
        "waiting": summary.waiting,
        "in flight": summary.in_flight,
        "dead letters": summary.dead_letters,
        "expired": summary.expired,
    }
    left = "".join(f", {count:,} {name}" for name, count in rest.items() if count)
    yield _line("messages", f"{summary.done:,} of {summary.messages:,} done{left}")
    yield _line("killed", f"{summary.killed:,} jobs, {duration(summary.wasted)} of work wasted")
    if summary.returned:
        yield _line("returned", f"{summary.returned:,} jobs given back on SIGTERM")
    if summary.duplicates:
        yield _line("duplicates", f"{summary.duplicates:,} receives while another still worked")
    yield _line(
        "first receive",
        _three(summary.first_receive_p50, summary.first_receive_p95, summary.first_receive_max),
    )
    yield _line(
        "completion", _three(summary.completion_p50, summary.completion_p95, summary.completion_max)
    )
    yield _line("backlog", f"at most {summary.backlog_max:,} messages")
    yield _line(
        "tasks",
        f"at most {summary.peak} at once, {summary.tasks_started:,} started,"
        f" {summary.task_hours:,.2f} task hours",
    )
    yield _line("scaling", f"{summary.scale_outs:,} out, {summary.scale_ins:,} in")
    yield _line(
        "cost",
        f"${cost.total:,.4f}: tasks ${cost.compute:,.4f}, addresses ${cost.addresses:,.4f},"
        f" alarms ${cost.alarms:,.4f} (prices as of {prices.as_of})",
    )


def _line(name: str, value: str) -> str:
    return f"{name:14} {value}"


def _three(p50: int | None, p95: int | None, most: int | None) -> str:
    times = ("never" if each is None else duration(each) for each in (p50, p95, most))
    return "p50 {}, p95 {}, max {}".format(*times)


def duration(seconds: int) -> str:
    """Seconds as people say them: ``90 s``, ``6 min 1 s``, ``2 h 30 min``, ``3 d 4 h``."""
    if seconds < 120:  # noqa: PLR2004 - two minutes are still said in seconds
        return f"{seconds} s"
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts: list[tuple[int, str]] = []
    for size, name in units:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


def settings_used(run: Run) -> str:
    """Every setting that mattered, as ``name=value``."""
    skipped = set()
    if run.scaling.queue:
        skipped |= {"visibility_timeout", "max_receive_count", "retention"}
    if run.scaling.task:
        skipped |= {"cpu", "memory"}
    if not run.scaling.scheduled:
        skipped.add("start")
    return ", ".join(
        f"{each.name}={written(getattr(run.settings, each.name))}"
        for each in fields(Settings)
        if each.name not in skipped
    )


def all_settings() -> str:
    """Each setting with its default and what it is, one a line."""
    return "\n".join(
        f"{each.name + '=' + written(each.default):40} {each.metadata['about']}"
        for each in fields(Settings)
    )


def written(value: object) -> str:
    """A setting's value as --set takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def event_line(event: SimulatedEvent) -> str:
    """One event: when, what, who, why."""
    days, rest = divmod(event.second, 86_400)
    clock = f"{rest // 3_600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    when = f"{days} d {clock}" if days else clock
    reason = f": {event.reason}" if event.reason else ""
    return f"{when}  {event.kind:12}  {event.subject}{reason}"
