"""Advice can be pasted and generated, strands nothing, and holds when it is simulated again."""

from dataclasses import replace
from functools import cache
from math import isclose

import pytest

import templates
from templates import workers
from tests.scalings import ROOT
from workerstack.lint.lint import Linter, LintRequest
from workerstack.simulator.advise import (
    Candidate,
    advise,
    candidates,
    neighbours,
    parse_goal,
    share_at_most,
)
from workerstack.simulator.loads import load
from workerstack.simulator.model import Scaling
from workerstack.simulator.read import read_scaling
from workerstack.simulator.run import summarize
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace
from workerstack.specification import Step, Worker

BEATS = Settings(heartbeat=60)


@cache
def default() -> Scaling:
    return read_scaling(templates.build(workers.EDIT).to_json(), "default.yaml")


PROTECTED = replace(workers.EDIT, protection="worker", unprotected="", longest_job=3_600)


def pasted(candidate: Candidate, worker: Worker = workers.EDIT) -> Worker:
    """The worker with the text of the advice as its arguments."""
    arguments = eval(f"dict({candidate})", {"Step": Step, "dict": dict})  # noqa: S307 - our own text
    return replace(worker, **arguments)


def scaling_of(worker: Worker) -> Scaling:
    return read_scaling(templates.build(worker).to_json(), "default.yaml")


def meant(scaling: Scaling) -> Scaling:
    """Without the places in the file."""
    return replace(
        scaling,
        line=None,
        alarms=tuple(replace(each, line=None) for each in scaling.alarms),
        policies=tuple(replace(each, line=None) for each in scaling.policies),
    )


@pytest.mark.parametrize("worker", [workers.EDIT, PROTECTED], ids=["default", "protected"])
@pytest.mark.parametrize("seed", range(2))
def test_every_table_can_be_pasted_and_is_what_was_simulated(seed: int, worker: Worker) -> None:
    own = scaling_of(worker)
    tried = candidates(own, 12, seed)
    for each in [*tried, *neighbours(tried[0], own)[:6]]:
        assert meant(scaling_of(pasted(each, worker))) == meant(each.applied(own))


def test_a_protected_worker_is_advised_windows_of_minutes() -> None:
    own = scaling_of(PROTECTED)
    assert {each.window for each in candidates(own, 200, 1)} == {2, 3, 5, 15}
    assert {each.window for each in candidates(default(), 200, 1)} == {15, 20, 30}


def test_lint_accepts_what_is_pasted() -> None:
    linter = Linter(ROOT / "workerstack/lint/rules")
    tried = candidates(default(), 500, 1)
    extremes = [
        min(tried, key=lambda each: (each.window, each.cooldown_out, each.cooldown_in)),
        max(tried, key=lambda each: (len(each.steps), each.removed, each.window)),
    ]
    for each in extremes:
        text = templates.build(pasted(each)).to_yaml()
        assert linter.lint(LintRequest(file="x.yaml", text=text, values={})) == []


def test_no_table_strands_a_single_message() -> None:
    for each in candidates(default(), 40, 1):
        run = summarize(each.applied(default()), Trace.of([Message(0, 60)]), BEATS)
        assert run.done == 1, each


def test_advice_for_the_worker_is_searched_and_judged_apart() -> None:
    goal = parse_goal("p95 wait < 20m, kills = 0")
    text = "burst:count=6,over=10m,service=lognormal:3m:0.5"
    traces = [load([text], seed) for seed in range(12)]
    found = advise(default(), traces[:2], goal, BEATS, held_out=traces[2:], count=10, processes=1)
    assert found.kept
    assert len(found.judged.runs) == len(found.own.runs) == 10
    assert found.best.candidate
    again = scaling_of(pasted(found.best.candidate))
    for number, trace in enumerate(traces[2:]):
        chosen = replace(BEATS, seed=BEATS.seed + 2 + number)
        assert summarize(again, trace, chosen) == found.judged.runs[number]


def test_what_is_impossible_is_said_with_the_bound() -> None:
    crowd = [load(["burst:count=50,service=10m"], 1)]
    found = advise(default(), crowd, parse_goal("p95 wait < 5m"), BEATS, count=3, processes=1)
    (term,) = found.impossible
    assert term.bound == 9 * 600
    assert "5 tasks that always run" in term.why


@pytest.mark.parametrize(
    ("hits", "trials", "share"),
    [(0, 2_400, 0.001247), (0, 40, 0.0722), (1, 20, 0.2161), (5, 100, 0.1023), (3, 3, 1.0)],
)
def test_the_interval_of_clopper_and_pearson(hits: int, trials: int, share: float) -> None:
    assert isclose(share_at_most(hits, trials), share, rel_tol=0.002)
