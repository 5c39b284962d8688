"""Searches the cheapest step table that keeps a goal over several seeds.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import inf
from multiprocessing import get_context
from operator import eq, ge, gt, le, lt
from os import cpu_count
from random import Random
from statistics import fmean

from workerstack.simulator.cost import Prices
from workerstack.simulator.model import Alarm, AlarmState, Policy, Scaling, Step
from workerstack.simulator.quantities import NUMBER, SimulationError, duration, nearest
from workerstack.simulator.report import duration as shown
from workerstack.simulator.result import Summary
from workerstack.simulator.run import summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Trace
from workerstack.simulator.warn import scale_in_alarms

FIRST_CHANGES = (1, 2, 5)
SECOND_BEGINS = (5, 10, 20, 50)
SECOND_CHANGES = (2, 4, 10)
BEGINS = (1, 2, 5)
WINDOWS = (3, 5, 10, 15, 30)
COOLDOWNS = (60, 120, 180, 240, 300)
REMOVED = (1, 2, 5)
"""What is tried: tasks, messages, minutes, seconds, tasks."""


@dataclass(frozen=True, order=True)
class Candidate:
    """One table, in queue depths. ``steps`` add tasks: where each begins, and how many.

    ``window`` is in minutes: for how long at most ``steps[0][0] - 1`` messages must be left
    before ``removed`` tasks go. Cooldowns are in seconds.
    """

    steps: tuple[tuple[int, int], ...]
    removed: int
    window: int
    cooldown_out: int
    cooldown_in: int

    def __str__(self) -> str:
        """The table as a worker's specification has it."""
        lines = [f"    Step(upper={self.steps[0][0] - 1}, change={-self.removed}),"]
        lines += [f"    Step(lower={begin}, change={change:+d})," for begin, change in self.steps]
        return "\n".join(
            [
                "steps=(", *lines, "),", f"drained_minutes={self.window},",
                f"# Cooldown of the policies: {self.cooldown_out} s out, {self.cooldown_in} s in",
            ]
        )  # fmt: skip

    def applied(self, scaling: Scaling) -> Scaling:
        """The template with this table instead of its own. Raises SimulationError."""
        (out_alarm, out_policy), (in_alarm, in_policy) = _sides(scaling)
        begin = self.steps[0][0]
        ends = [*(next_begin - begin for next_begin, _ in self.steps[1:]), None]
        steps = tuple(
            Step(float(lower - begin), None if end is None else float(end), change)
            for (lower, change), end in zip(self.steps, ends, strict=True)
        )
        periods = max(1, self.window * 60 // in_alarm.period)
        alarms = {
            out_alarm.name: replace(
                out_alarm, threshold=float(begin), operator="GreaterThanOrEqualToThreshold"
            ),
            in_alarm.name: replace(
                in_alarm, threshold=float(begin - 1), operator="LessThanOrEqualToThreshold",
                evaluation_periods=periods, datapoints_to_alarm=periods,
            ),
        }  # fmt: skip
        policies = {
            out_policy.name: replace(
                out_policy, steps=steps, cooldown=self.cooldown_out,
                adjustment_type="ChangeInCapacity", min_adjustment_magnitude=0,
            ),
            in_policy.name: replace(
                in_policy, steps=(Step(None, 0.0, -self.removed),), cooldown=self.cooldown_in,
                adjustment_type="ChangeInCapacity", min_adjustment_magnitude=0,
            ),
        }  # fmt: skip
        return replace(
            scaling,
            alarms=tuple(alarms.get(each.name, each) for each in scaling.alarms),
            policies=tuple(policies.get(each.name, each) for each in scaling.policies),
        )


def candidates(scaling: Scaling, count: int, seed: int) -> list[Candidate]:
    """So many different tables, of all that can be tried; the same for the same seed."""
    _sides(scaling)
    most = scaling.max_capacity - scaling.min_capacity
    found = []
    for begin, first, second, change in product(
        BEGINS, _within(FIRST_CHANGES, most), (0, *SECOND_BEGINS), _within(SECOND_CHANGES, most)
    ):
        if second and (second <= begin or change <= first):
            continue
        steps = ((begin, first), (second, change)) if second else ((begin, first),)
        found += [
            Candidate(steps, *rest)
            for rest in product(_within(REMOVED, most), WINDOWS, COOLDOWNS, COOLDOWNS)
        ]
    different = sorted(set(found))
    return Random(f"candidates/{seed}").sample(different, min(count, len(different)))


def neighbours(candidate: Candidate, scaling: Scaling) -> list[Candidate]:
    """Tables that differ from this one in one value."""
    most = scaling.max_capacity - scaling.min_capacity
    found = [replace(candidate, window=each) for each in WINDOWS]
    found += [replace(candidate, removed=each) for each in _within(REMOVED, most)]
    found += [replace(candidate, cooldown_out=each) for each in COOLDOWNS]
    found += [replace(candidate, cooldown_in=each) for each in COOLDOWNS]
    (begin, first), *rest = candidate.steps
    for each in _within(FIRST_CHANGES, most):
        found.append(replace(candidate, steps=((begin, each), *rest)))
    found.append(replace(candidate, steps=((begin, first),)))
    for second, change in product(SECOND_BEGINS, _within(SECOND_CHANGES, most)):
        found.append(replace(candidate, steps=((begin, first), (second, change))))
    return sorted({each for each in found if _rising(each)} - {candidate})


def _rising(candidate: Candidate) -> bool:
    steps = candidate.steps
    return len(steps) == 1 or (steps[0][0] < steps[1][0] and steps[0][1] < steps[1][1])


def _within(values: tuple[int, ...], most: int) -> tuple[int, ...]:
    return tuple(sorted({min(each, max(most, 1)) for each in values}))


def _sides(scaling: Scaling) -> tuple[tuple[Alarm, Policy], tuple[Alarm, Policy]]:
    """The alarm and the policy of each direction."""
    policies = {policy.name: policy for policy in scaling.policies}
    inward = scale_in_alarms(scaling)
    outward = [
        alarm
        for alarm in scaling.alarms
        if alarm.operator.startswith("Greater") and alarm.actions_enabled
    ]
    if len(inward) != 1 or len(outward) != 1:
        raise SimulationError(
            "No table can be advised",
            f"the template has {len(outward)} alarms that add tasks and {len(inward)} that"
            " remove them, and one of each can be searched",
            "Give a template with one step policy in each direction",
            file=scaling.file,
        )

    def acting(alarm: Alarm) -> Policy:
        return next(policies[name] for state, name in alarm.actions if state == AlarmState.ALARM)

    return (outward[0], acting(outward[0])), (inward[0], acting(inward[0]))


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
