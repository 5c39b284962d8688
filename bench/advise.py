"""Seconds of ``simulate.py --advise`` over 200 tables: ``python -m bench advise``."""

import sys
import time
from pathlib import Path

from bench.measure import show
from workerstack.simulator.advise import CANDIDATES, advise, parse_goal
from workerstack.simulator.loads import load
from workerstack.simulator.read import read_scaling
from workerstack.simulator.settings import Settings

ROOT = Path(__file__).parent.parent
TEMPLATE = "out/webordinary-edit.template.yaml"
LOAD = "day:count=200,service=lognormal:3m:0.5"
GOAL = "p95 wait < 8m, kills = 0"
SEEDS = (1, 2, 3)
SECONDS = 60


def main() -> int:
    """Measures one search with two processes; 1 when it takes too long."""
    scaling = read_scaling((ROOT / TEMPLATE).read_text(), TEMPLATE)
    traces = [load([LOAD], seed) for seed in SEEDS]
    started = time.perf_counter()
    found = advise(scaling, traces, parse_goal(GOAL), Settings(heartbeat=60), processes=2)
    seconds = time.perf_counter() - started
    assert found.tried <= CANDIDATES
    sys.stdout.write(f"{found.best.candidate}\n")
    return show(f"advise: {found.tried} tables, {len(SEEDS)} seeds, {LOAD}", seconds, SECONDS, " s")
