"""Searches the cheapest step table that keeps a goal over several seeds."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from os import cpu_count
from statistics import fmean

from simulator.candidates import Candidate, candidates, neighbours
from simulator.goals import Term
from simulator.model import Scaling
from simulator.money import Prices
from simulator.run import Summary
from simulator.settings import Settings
from simulator.simulation import summarize
from simulator.trace import Trace

CANDIDATES = 200
FIRST_SHARE = 0.6
"""Of the candidates these are drawn from all; the others are neighbours of the best."""


@dataclass(frozen=True)
class Tried:
    """A table (None: the template's own) and its runs, one for each seed until one missed."""

    candidate: Candidate | None
    runs: tuple[Summary, ...]
    missed: float

    @property
    def cost(self) -> float:
        """Dollars of a run, on average."""
        return fmean(run.cost.total for run in self.runs)


@dataclass(frozen=True)
class Advice:
    """What was found: ``best`` keeps the goal, or is the nearest where ``kept`` is False."""

    own: Tried
    best: Tried
    kept: bool
    tried: int
    seeds: int


def advise(
    scaling: Scaling,
    traces: Sequence[Trace],
    goal: Sequence[Term],
    settings: Settings,
    *,
    count: int = CANDIDATES,
    horizon: int | None = None,
    prices: Prices | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Advice:
    """The cheapest of ``count`` tables that keeps the goal on every trace.

    Each trace is run with another seed. Equal input gives equal advice, however many
    processes there are. Raises SimulationError where the template has no such table.
    """
    attempt = partial(_tried, scaling, traces, goal, settings, horizon, prices)
    own = attempt(None)
    done: dict[Candidate, Tried] = {}
    first = candidates(scaling, max(1, round(count * FIRST_SHARE)), settings.seed)
    # A worker that is spawned begins clean, whatever threads run here.
    with ProcessPoolExecutor(processes or cpu_count(), get_context("spawn")) as pool:

        def run(several: Iterable[Candidate]) -> None:
            chosen = list(several)
            for found in pool.map(attempt, chosen, chunksize=2):
                if found.candidate is not None:
                    done[found.candidate] = found
                if progress:
                    progress(len(done), count)

        run(first)
        while len(done) < count:
            best = min(done.values(), key=_order)
            around = _near(best, done, scaling)[: count - len(done)]
            if not around:
                break
            run(around)
    best = min(done.values(), key=_order)
    return Advice(own, best, best.missed == 0, len(done), len(traces))


def _near(best: Tried, done: dict[Candidate, Tried], scaling: Scaling) -> list[Candidate]:
    """What has not been tried around the best, at most a dozen at a time."""
    found = neighbours(best.candidate, scaling) if best.candidate else []
    return [each for each in found if each not in done][:12]


def _order(tried: Tried) -> tuple[float, float, str]:
    return tried.missed, tried.cost if tried.missed == 0 else 0.0, repr(tried.candidate)


def _tried(
    scaling: Scaling,
    traces: Sequence[Trace],
    goal: Sequence[Term],
    settings: Settings,
    horizon: int | None,
    prices: Prices | None,
    candidate: Candidate | None,
) -> Tried:
    """Runs one table; the first seed that misses the goal decides."""
    changed = candidate.applied(scaling) if candidate else scaling
    runs: list[Summary] = []
    for number, trace in enumerate(traces):
        seeded = replace(settings, seed=settings.seed + number)
        runs.append(summarize(changed, trace, seeded, horizon=horizon, prices=prices))
        missed = sum(term.missed(runs[-1]) for term in goal)
        if missed:
            return Tried(candidate, tuple(runs), missed)
    return Tried(candidate, tuple(runs), 0.0)


def text(advice: Advice, goal: Sequence[Term]) -> str:
    """The advice as people read it: the table to paste, what it costs, what it misses."""
    wanted = ", ".join(map(str, goal))
    said = (
        f"The cheapest of {advice.tried} tables that keeps `{wanted}` over {advice.seeds} seeds:"
        if advice.kept
        else f"None of {advice.tried} tables keeps `{wanted}` over {advice.seeds} seeds."
        " The nearest:"
    )
    own = "keeps the goal" if advice.own.missed == 0 else "misses the goal"
    return "\n".join(
        [
            said, "", str(advice.best.candidate), "",
            f"It costs ${advice.best.cost:,.4f} a run; the template's own table"
            f" ${advice.own.cost:,.4f}, and {own}.",
            "",
            *(f"{term!s:32} {_worst(term, advice.best):>14}   own {_worst(term, advice.own)}"
              for term in goal),
        ]
    )  # fmt: skip


def _worst(term: Term, tried: Tried) -> str:
    worst = max(tried.runs, key=lambda run: (term.missed(run), term.measured(run)))
    return term.said(term.measured(worst)) + ("" if term.kept(worst) else " (missed)")
