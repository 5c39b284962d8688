"""Searches the cheapest step table that keeps a goal, and judges it on seeds it has not seen.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import exp, fsum, inf, lgamma, log, log1p
from multiprocessing import get_context
from operator import eq, ge, gt, le, lt
from os import cpu_count
from random import Random
from statistics import fmean
from typing import Any

from workerstack.problem import Problem
from workerstack.simulator.cost import Prices
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    Scaling,
    ScalingPolicy,
    SimulatedStep,
    TrackingPolicy,
)
from workerstack.simulator.quantities import NUMBER, duration, nearest
from workerstack.simulator.report import duration as shown
from workerstack.simulator.result import Summary
from workerstack.simulator.run import summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Trace
from workerstack.simulator.warn import IN_FLIGHT, VISIBLE, scale_in_alarms

FIRST_CHANGES = (1, 2, 5)
SECOND_BEGINS = (2, 3, 5, 10, 20, 50)
SECOND_CHANGES = (2, 3, 4, 5, 10)
WINDOWS = (15, 20, 30)
PROTECTED_WINDOWS = (2, 3, 5, 15)
COOLDOWNS_OUT = (180, 240, 300)
COOLDOWNS_IN = (60, 120, 180, 300)
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
        """The arguments of a worker's specification."""
        lines = [f"    Step(upper={self.steps[0][0] - 1}, change={-self.removed}),"]
        lines += [f"    Step(lower={begin}, change={change:+d})," for begin, change in self.steps]
        return "\n".join(
            [
                "steps=(", *lines, "),", f"drained_minutes={self.window},",
                f"scale_out_cooldown={self.cooldown_out},",
                f"scale_in_cooldown={self.cooldown_in},",
            ]
        )  # fmt: skip

    def applied(self, scaling: Scaling) -> Scaling:
        """The template with the alarms and policies that this table makes. Problem."""
        (out_alarm, out_policy), (in_alarm, in_policy) = _sides(scaling)
        begin = self.steps[0][0]
        ends = [*(next_begin - begin for next_begin, _ in self.steps[1:]), None]
        steps = tuple(
            SimulatedStep(float(lower - begin), None if end is None else float(end), change)
            for (lower, change), end in zip(self.steps, ends, strict=True)
        )
        alarms = {
            out_alarm.name: replace(
                out_alarm, metrics=(("m", Metric(VISIBLE, "Maximum")),), expressions=(),
                returned="m", period=60, evaluation_periods=1, datapoints_to_alarm=1,
                threshold=float(begin), operator="GreaterThanOrEqualToThreshold",
                missing_data="notBreaching", actions=((AlarmState.ALARM, out_policy.name),),
            ),
            in_alarm.name: replace(
                in_alarm, **(PICKED_UP if protects(scaling) else OUTSTANDING),
                period=60, evaluation_periods=self.window,
                datapoints_to_alarm=self.window, threshold=float(begin - 1),
                operator="LessThanOrEqualToThreshold", missing_data="notBreaching",
                actions=((AlarmState.ALARM, in_policy.name),),
            ),
        }  # fmt: skip
        policies = {
            out_policy.name: replace(
                out_policy, steps=steps, cooldown=self.cooldown_out, aggregation="Maximum",
                adjustment_type="ChangeInCapacity", min_adjustment_magnitude=0,
            ),
            in_policy.name: replace(
                in_policy, steps=(SimulatedStep(None, 0.0, -self.removed),),
                cooldown=self.cooldown_in,
                aggregation="Maximum", adjustment_type="ChangeInCapacity",
                min_adjustment_magnitude=0,
            ),
        }  # fmt: skip
        return replace(
            scaling,
            alarms=tuple(alarms.get(each.name, each) for each in scaling.alarms),
            policies=tuple(policies.get(each.name, each) for each in scaling.policies),
        )


OUTSTANDING: Mapping[str, Any] = {
    "metrics": (
        ("visible", Metric(VISIBLE, "Maximum")),
        ("in_flight", Metric(IN_FLIGHT, "Maximum")),
    ),
    "expressions": (("outstanding", "visible + FILL(in_flight, 0)"),),
    "returned": "outstanding",
}
PICKED_UP: Mapping[str, Any] = {
    "metrics": (("m", Metric(VISIBLE, "Maximum")),), "expressions": (), "returned": "m",
}  # fmt: skip
"""What must be gone before tasks are removed, where busy ones are not protected, and where they
are: as a worker's specification makes it."""


def protects(scaling: Scaling) -> bool:
    """Whether the template declares that busy tasks are protected."""
    return scaling.declared.protection in ("worker", "sidecar")


def _windows(scaling: Scaling) -> tuple[int, ...]:
    return PROTECTED_WINDOWS if protects(scaling) else WINDOWS


def candidates(scaling: Scaling, count: int, seed: int) -> list[Candidate]:
    """So many different tables, of all that can be tried; the same for the same seed."""
    _sides(scaling)
    most = scaling.max_capacity - scaling.min_capacity
    found = []
    for first, second, change in product(
        _within(FIRST_CHANGES, most), (0, *SECOND_BEGINS), _within(SECOND_CHANGES, most)
    ):
        if second and change <= first:
            continue
        steps = ((1, first), (second, change)) if second else ((1, first),)
        found += [
            Candidate(steps, *rest)
            for rest in product(
                _within(REMOVED, most), _windows(scaling), COOLDOWNS_OUT, COOLDOWNS_IN
            )
        ]
    different = sorted(set(found))
    return Random(f"candidates/{seed}").sample(different, min(count, len(different)))


def neighbours(candidate: Candidate, scaling: Scaling) -> list[Candidate]:
    """Tables that differ from this one in one value."""
    most = scaling.max_capacity - scaling.min_capacity
    found = [replace(candidate, window=each) for each in _windows(scaling)]
    found += [replace(candidate, removed=each) for each in _within(REMOVED, most)]
    found += [replace(candidate, cooldown_out=each) for each in COOLDOWNS_OUT]
    found += [replace(candidate, cooldown_in=each) for each in COOLDOWNS_IN]
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


def _sides(scaling: Scaling) -> tuple[tuple[Alarm, ScalingPolicy], tuple[Alarm, ScalingPolicy]]:
    """The alarm and the policy of each direction."""
    for each in scaling.policies:
        if isinstance(each, TrackingPolicy):
            raise Problem(
                "No table can be advised",
                f"{each.name} tracks a target, and tables of steps are searched",
                "Give a template with one step policy in each direction",
                file=scaling.file,
            )
    policies = {policy.name: policy for policy in scaling.policies}
    inward = scale_in_alarms(scaling)
    outward = [
        alarm
        for alarm in scaling.alarms
        if alarm.operator.startswith("Greater") and alarm.actions_enabled
    ]
    if len(inward) != 1 or len(outward) != 1:
        raise Problem(
            "No table can be advised",
            f"the template has {len(outward)} alarms that add tasks and {len(inward)} that"
            " remove them, and one of each can be searched",
            "Give a template with one step policy in each direction",
            file=scaling.file,
        )

    def acting(alarm: Alarm) -> ScalingPolicy:
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
    """The terms of a goal, all of which must be kept. Raises Problem."""
    return tuple(_term(part.strip(), text) for part in text.split(","))


def _term(part: str, goal: str) -> Term:
    found = re.fullmatch(r"([a-z0-9 -]*?)\s*(<=|>=|<|>|=)\s*(\S+)", part, re.IGNORECASE)
    if not found:
        raise Problem(
            f"The goal {goal!r} is not understood",
            f"{part!r} is no condition" if part else "there is an empty condition in it",
            'Write it like "p95 wait < 5m, kills = 0"',
        )
    measure = " ".join(found[1].lower().split())
    if measure not in MEASURES:
        raise Problem(
            f"The goal {goal!r} is not understood",
            f"{measure or 'nothing'} is not measured",
            nearest(measure, MEASURES),
        )
    if measure in TIMES:
        return Term(measure, found[2], duration(found[3], measure))
    value = found[3].removeprefix("$") if measure == "cost" else found[3]
    if not re.fullmatch(NUMBER, value):
        raise Problem(
            f"The goal {goal!r} is not understood",
            f"{found[3]!r} is not a number",
            "Write a number such as 0" if measure != "cost" else "Write dollars such as 0.5",
        )
    return Term(measure, found[2], float(value))


CANDIDATES = 200
CONFIDENCE = 0.95
HELD_OUT = 40
FINALISTS = 5
"""How many of the cheapest are judged on seeds that the search did not see, until one holds."""
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
class Impossible:
    """A term that no table can keep: ``bound`` is the best that any could, and ``why``."""

    term: Term
    bound: float
    why: str


@dataclass(frozen=True)
class Advice:
    """What was found: ``best`` keeps the goal, or is the nearest where ``kept`` is False.

    ``judged`` are the runs of ``best``, and ``own`` those of the template's own table, on seeds
    that the search did not use. ``impossible``: terms that no table can keep.
    """

    own: Tried
    best: Tried
    judged: Tried
    kept: bool
    tried: int
    seeds: int
    impossible: tuple[Impossible, ...] = ()


def advise(
    scaling: Scaling,
    traces: Sequence[Trace],
    goal: Sequence[Term],
    settings: Settings,
    *,
    held_out: Sequence[Trace] = (),
    count: int = CANDIDATES,
    horizon: int | None = None,
    prices: Prices | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Advice:
    """The cheapest of ``count`` tables that keeps the goal on every trace.

    Each trace is run with another seed. The cheapest few are judged one after the other on
    blocks of ``held_out``, the first that keeps the goal there is the advice. Equal input gives
    equal advice, however many processes there are. Raises Problem where the template
    has no such table.
    """
    attempt = partial(_tried, scaling, traces, goal, settings, horizon, prices)
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
    new = replace(settings, seed=settings.seed + len(traces))
    judge = partial(_whole, scaling, held_out or traces, goal, new, horizon, prices)
    ranked = sorted(done.values(), key=_order)
    for best in [each for each in ranked if each.missed == 0][:FINALISTS] or ranked[:1]:
        judged = judge(best.candidate)
        if judged.missed == 0:
            break
    else:
        best = ranked[0]
        judged = judge(best.candidate)
    kept = best.missed == 0 and judged.missed == 0
    impossible = () if kept else tuple(_impossible(scaling, traces, goal, settings, horizon))
    return Advice(judge(None), best, judged, kept, len(done), len(traces), impossible)


def _impossible(
    scaling: Scaling,
    traces: Sequence[Trace],
    goal: Sequence[Term],
    settings: Settings,
    horizon: int | None,
) -> Iterator[Impossible]:
    """Terms that MaxCapacity tasks miss even if they always run, or that no start is fast for."""
    most = scaling.max_capacity
    always = replace(scaling, min_capacity=most, scheduled=())
    free = [
        summarize(
            always, trace, replace(settings, seed=settings.seed + number, initial_tasks=most),
            horizon=horizon,
        )
        for number, trace in enumerate(traces)
    ]  # fmt: skip
    chosen = settings.for_scaling(scaling)
    start = chosen.metric_delay + chosen.application_autoscaling_delay + chosen.start_latency
    start -= chosen.start_latency_spread
    for term in goal:
        if term.measure not in TIMES or not term.comparison.startswith("<"):
            continue
        bound = max(term.measured(run) for run in free)
        if not COMPARISONS[term.comparison](bound, term.value):
            yield Impossible(
                term, bound, f"even {most} tasks that always run miss it: raise MaxCapacity"
            )
        elif (
            term.measure.startswith("max")
            and not scaling.min_capacity
            and not COMPARISONS[term.comparison](start, term.value)
        ):
            yield Impossible(
                term, start,
                "the first message at zero tasks waits for the metric and for the start of a task:"
                " raise MinCapacity, or start faster",
            )  # fmt: skip


def _whole(
    scaling: Scaling,
    traces: Sequence[Trace],
    goal: Sequence[Term],
    settings: Settings,
    horizon: int | None,
    prices: Prices | None,
    candidate: Candidate | None,
) -> Tried:
    """Runs one table on every seed; ``missed`` is the sum over all."""
    changed = candidate.applied(scaling) if candidate else scaling
    runs = tuple(
        summarize(
            changed, trace, replace(settings, seed=settings.seed + number),
            horizon=horizon, prices=prices,
        )
        for number, trace in enumerate(traces)
    )  # fmt: skip
    return Tried(candidate, runs, sum(term.missed(run) for run in runs for term in goal))


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
    """The advice as people read it: the arguments to paste, what it costs, how far it holds."""
    wanted, judged = ", ".join(map(str, goal)), len(advice.judged.runs)
    said = (
        f"The cheapest of {advice.tried} tables that keeps `{wanted}` over {advice.seeds} seeds,"
        f" and over {judged} that the search did not see:"
        if advice.kept
        else f"None of {advice.tried} tables keeps `{wanted}` over {advice.seeds} seeds"
        f" and {judged} that the search did not see. The nearest:"
    )
    lines = [
        f"Impossible: {each.term}, and at best it is {each.term.said(each.bound)}: {each.why}."
        for each in advice.impossible
    ]
    own = "keeps the goal" if advice.own.missed == 0 else "misses the goal"
    lines += [
        said, "", str(advice.best.candidate), "",
        f"On the {judged} seeds it costs ${advice.judged.cost:,.4f} a run; the template's own"
        f" table ${advice.own.cost:,.4f}, and {own}.",
        f"killed jobs: {_certainty(advice.judged)}",
        "",
    ]  # fmt: skip
    lines += [
        f"{term!s:32} {_worst(term, advice.judged):>14}   own {_worst(term, advice.own)}"
        for term in goal
    ]
    return "\n".join(lines)


def _certainty(tried: Tried) -> str:
    """Kills of all messages, and what that says of the share that is killed."""
    killed = sum(run.killed for run in tried.runs)
    messages = sum(run.messages for run in tried.runs)
    most = share_at_most(min(killed, messages), messages)
    return f"{killed:,} in {messages:,}; at most {most:.2%} with 95 % confidence"


def share_at_most(hits: int, trials: int) -> float:
    """The upper end of the one-sided 95 % interval of Clopper and Pearson for a share.

    With no hit it is about three in the number of trials.
    """
    if hits >= trials:
        return 1.0
    low, high = hits / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        # The probability of so few hits at this share: from logarithms, or large counts overflow.
        chance = fsum(
            exp(
                lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1)
                + k * log(middle) + (trials - k) * log1p(-middle)
            )
            for k in range(hits + 1)
        )  # fmt: skip
        low, high = (middle, high) if chance > 1 - CONFIDENCE else (low, middle)
    return high


def _worst(term: Term, tried: Tried) -> str:
    worst = max(tried.runs, key=lambda run: (term.missed(run), term.measured(run)))
    return term.said(term.measured(worst)) + ("" if term.kept(worst) else " (missed)")
