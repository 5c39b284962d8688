"""The entrance: a scaling, a trace and settings become a run."""

from collections.abc import Callable

from simulator.model import Scaling
from simulator.run import Run
from simulator.settings import Settings
from simulator.trace import Trace

AFTER_LAST = 21_600
"""Seconds for which a run goes on after the last arrival, unless a horizon is given: 6 hours."""


def simulate(
    scaling: Scaling,
    trace: Trace,
    settings: Settings | None = None,
    *,
    horizon: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """How the queue is worked off; equal input gives an equal run.

    ``horizon``: the second at which it ends, 6 hours after the last arrival if None. Messages
    that arrive later are not part of it. ``progress`` is called now and then with the second
    that was reached. Raises SimulationError where the settings and the template contradict.
    """
    raise NotImplementedError
