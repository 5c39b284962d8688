"""The entrance: a scaling, a trace and settings become a run."""

from collections.abc import Callable
from functools import cache

from simulator.engine import Engine
from simulator.errors import SimulationError
from simulator.model import Scaling, Task
from simulator.money import Prices, read_prices
from simulator.run import Run, Summary
from simulator.settings import Settings
from simulator.summary import lives, outcomes, summary
from simulator.trace import LATEST, Trace

AFTER_LAST = 21_600
"""Seconds for which a run goes on after the last arrival, unless a horizon is given: 6 hours."""


def simulate(
    scaling: Scaling,
    trace: Trace,
    settings: Settings | None = None,
    *,
    horizon: int | None = None,
    prices: Prices | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """How the queue is worked off; equal input gives an equal run.

    ``horizon``: the second at which it ends, 6 hours after the last arrival if None. Messages
    that arrive later are not part of it. ``progress`` is called now and then with the second
    that was reached. Raises SimulationError where the settings and the template contradict.
    """
    settings = settings or Settings()
    engine = _ran(scaling, trace, settings, horizon, progress, whole=True)
    tasks = lives(engine)
    return Run(
        scaling=scaling,
        settings=settings,
        horizon=engine.horizon,
        summary=summary(engine, tasks, _task(scaling, settings), prices or _default_prices()),
        events=tuple(engine.recording.events),
        series=engine.recording.series(),
        tasks=tasks,
        kills=tuple(engine.recording.kills),
        dead_letters=tuple(engine.queue.dead),
        outcomes=outcomes(engine),
    )


def summarize(
    scaling: Scaling,
    trace: Trace,
    settings: Settings | None = None,
    *,
    horizon: int | None = None,
    prices: Prices | None = None,
) -> Summary:
    """The summary of the same run alone, in less time: for searching over many."""
    settings = settings or Settings()
    engine = _ran(scaling, trace, settings, horizon, None, whole=False)
    task = _task(scaling, settings)
    return summary(engine, lives(engine), task, prices or _default_prices())


def _ran(
    scaling: Scaling,
    trace: Trace,
    settings: Settings,
    horizon: int | None,
    progress: Callable[[int], None] | None,
    *,
    whole: bool,
) -> Engine:
    engine = Engine(scaling, trace, settings, end_of(trace, horizon), whole=whole)
    engine.go(progress)
    return engine


def end_of(trace: Trace, horizon: int | None) -> int:
    """The second at which a run ends; SimulationError where that is impossible."""
    last = trace.messages[-1].arrival if trace.messages else 0
    end = last + AFTER_LAST if horizon is None else horizon
    if not 0 <= end <= LATEST + AFTER_LAST:
        raise SimulationError(
            f"A horizon of {end} s is impossible",
            "a run takes from nothing to ten years",
            "Give another horizon",
        )
    return end


def _task(scaling: Scaling, settings: Settings) -> Task:
    return scaling.task or Task(cpu=settings.cpu, memory=settings.memory)


@cache
def _default_prices() -> Prices:
    return read_prices()
