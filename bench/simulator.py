"""How long simulations take: a busy day, a quiet year, one run of a search."""

import resource
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

from bench.measure import ROUNDS, show
from workerstack.simulator.read import read_scaling
from workerstack.simulator.run import simulate, summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

TEMPLATE = Path(__file__).parent.parent / "out/webordinary-edit.template.yaml"
DAY = 86_400


def main() -> int:
    """Prints the figures; 1 when one of them is above its limit."""
    scaling = read_scaling(TEMPLATE.read_text(encoding="utf-8"), TEMPLATE.name)
    day, year, hours = _busy_day(), _quiet_year(), _quiet_hours()
    settings = Settings()
    above = show(
        "a day with 10,000 messages", _median(lambda: simulate(scaling, day, settings)), 0.3, " s"
    )
    above += show(
        "a year with a job an hour",
        _median(lambda: simulate(scaling, _quiet_hours(365), settings)), 4, " s",
    )  # fmt: skip
    started = time.perf_counter()
    simulate(scaling, _million(), settings)
    above += show("a million messages", time.perf_counter() - started, 20, " s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    above += show("memory of all these", peak, 300, " MiB")
    above += show(
        "a year of a quiet worker, a job a day",
        _median(lambda: simulate(scaling, year, settings)), 10, " s",
    )  # fmt: skip
    above += show(
        "a day with a job an hour, summary only",
        _median(lambda: summarize(scaling, hours, settings)), 0.2, " s",
    )  # fmt: skip
    return int(above > 0)


def _median(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken)


def _busy_day() -> Trace:
    random = Random(1)
    return Trace.of(Message(random.randrange(DAY), random.randrange(5, 60)) for _ in range(10_000))


def _quiet_year() -> Trace:
    random = Random(2)
    return Trace.of(
        Message(day * DAY + random.randrange(DAY), random.randrange(30, 250)) for day in range(365)
    )


def _quiet_hours(days: int = 1) -> Trace:
    random = Random(3)
    return Trace.of(
        Message(hour * 3_600 + random.randrange(3_600), random.randrange(30, 250))
        for hour in range(24 * days)
    )


def _million() -> Trace:
    random = Random(4)
    return Trace.of(
        Message(random.randrange(100 * DAY), random.randrange(5, 60)) for _ in range(1_000_000)
    )
