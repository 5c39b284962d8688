"""What a run must keep: ``p95 wait < 5m, kills = 0``.

    GOAL     = TERM { "," TERM }
    TERM     = MEASURE ( "<" | "<=" | "=" | ">=" | ">" ) VALUE

    p50 wait, p95 wait, max wait                     time until first received
    p50 completion, p95 completion, max completion   time until done
    wasted                                           time of work that kills lost
    kills, dead letters, left, peak, scale-outs      numbers
    cost                                             dollars of the run

A time's value is a duration: 300, 5m, 1h. ``left`` counts messages that are neither done nor
dead at the end. A message that was never received waited for ever.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from operator import eq, ge, gt, le, lt

from simulator.errors import SimulationError, nearest
from simulator.quantities import NUMBER, duration
from simulator.report import duration as shown
from simulator.run import Summary

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": le, ">=": ge, "<": lt, ">": gt, "=": eq,
}  # fmt: skip


def _time(value: int | None) -> float:
    return inf if value is None else value


MEASURES: Mapping[str, Callable[[Summary], float]] = {
    "p50 wait": lambda run: _time(run.first_receive_p50),
    "p95 wait": lambda run: _time(run.first_receive_p95),
    "max wait": lambda run: _time(run.first_receive_max),
    "p50 completion": lambda run: _time(run.completion_p50),
    "p95 completion": lambda run: _time(run.completion_p95),
    "max completion": lambda run: _time(run.completion_max),
    "wasted": lambda run: run.wasted,
    "kills": lambda run: run.killed,
    "dead letters": lambda run: run.dead_letters,
    "left": lambda run: run.waiting + run.in_flight + run.expired,
    "peak": lambda run: run.peak,
    "scale-outs": lambda run: run.scale_outs,
    "cost": lambda run: run.cost.total,
}
"""Each measure's value of a run."""

TIMES = frozenset(name for name in MEASURES if name.endswith(("wait", "completion", "wasted")))


@dataclass(frozen=True)
class Term:
    """One condition; ``value`` in seconds, dollars or as a number."""

    measure: str
    comparison: str
    value: float

    def measured(self, summary: Summary) -> float:
        """What it is in a run."""
        return MEASURES[self.measure](summary)

    def kept(self, summary: Summary) -> bool:
        """Whether a run keeps it."""
        return COMPARISONS[self.comparison](self.measured(summary), self.value)

    def missed(self, summary: Summary) -> float:
        """How far a run is from keeping it, as a share of the value; 0 where it keeps it.

        For ever is farther than anything.
        """
        if self.kept(summary):
            return 0.0
        return min(abs(self.measured(summary) - self.value) / max(self.value, 1), 1e6) or 1e-6

    def said(self, value: float) -> str:
        """A value of this measure, for people."""
        if value == inf:
            return "never"
        if self.measure in TIMES:
            return shown(round(value))
        return f"${value:.4f}" if self.measure == "cost" else f"{value:g}"

    def __str__(self) -> str:
        return f"{self.measure} {self.comparison} {self.said(self.value)}"


def parse_goal(text: str) -> tuple[Term, ...]:
    """The terms of a goal, all of which must be kept. Raises SimulationError."""
    return tuple(_term(part.strip(), text) for part in text.split(","))


def _term(part: str, goal: str) -> Term:
    found = re.fullmatch(r"([a-z0-9 -]*?)\s*(<=|>=|<|>|=)\s*(\S+)", part, re.IGNORECASE)
    if not found:
        raise SimulationError(
            f"The goal {goal!r} is not understood",
            f"{part!r} is no condition" if part else "there is an empty condition in it",
            'Write it like "p95 wait < 5m, kills = 0"',
        )
    measure = " ".join(found[1].lower().split())
    if measure not in MEASURES:
        raise SimulationError(
            f"The goal {goal!r} is not understood",
            f"{measure or 'nothing'} is not measured",
            nearest(measure, MEASURES),
        )
    if measure in TIMES:
        return Term(measure, found[2], duration(found[3], measure))
    value = found[3].removeprefix("$") if measure == "cost" else found[3]
    if not re.fullmatch(NUMBER, value):
        raise SimulationError(
            f"The goal {goal!r} is not understood",
            f"{found[3]!r} is no number",
            "Write a number such as 0" if measure != "cost" else "Write dollars such as 0.5",
        )
    return Term(measure, found[2], float(value))
