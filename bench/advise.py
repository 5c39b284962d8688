"""``simulate.py --advise`` over 200 tables: ``python -m bench advise``.

Its seconds on one load, and its cost on eight against a search of 2,000 tables.
"""

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
LOADS = {
    "job:service=40m": "kills = 0",
    "burst:count=25,over=5m,service=lognormal:4m:0.4": "p95 wait < 30m, kills = 0",
    "burst:count=60,service=2m": "p95 wait < 30m, kills = 0",
    "trickle:every=23m,jitter=4m,for=8h,service=5m": "p95 wait < 5m",
    "trickle:every=2h,for=24h,service=20m": "p95 wait < 5m, kills = 0",
    "poisson:rate=12/h,for=8h,service=exponential:4m": "p95 wait < 8m",
    "day:count=60,service=lognormal:3m:0.5": "p95 wait < 8m",
    "day:count=120,service=lognormal:8m:0.6": "p95 wait < 20m",
}
"""Each load and its goal."""
WIDER = 2_000
SHARE = 3.0
"""Per cent by which the advice may cost more than the best of the wider search."""


def main() -> int:
    """Measures one search with two processes; 1 when it takes too long."""
    scaling = read_scaling((ROOT / TEMPLATE).read_text(), TEMPLATE)
    traces = [load([LOAD], seed) for seed in SEEDS]
    started = time.perf_counter()
    found = advise(scaling, traces, parse_goal(GOAL), Settings(heartbeat=60), processes=2)
    seconds = time.perf_counter() - started
    assert found.tried <= CANDIDATES
    sys.stdout.write(f"{found.best.candidate}\n")
    above = show(
        f"advise: {found.tried} tables, {len(SEEDS)} seeds, {LOAD}", seconds, SECONDS, " s"
    )
    for text, goal in LOADS.items():
        what = f"cost above the best of {WIDER:,}: {text}"
        above += show(what, _excess(text, goal), SHARE, " %")
    return int(above > 0)


def _excess(text: str, goal: str) -> float:
    """Per cent by which the search's best costs more than that of a far wider one."""
    scaling = read_scaling((ROOT / TEMPLATE).read_text(), TEMPLATE)
    traces, settings = [load([text], seed) for seed in SEEDS], Settings(heartbeat=60)
    costs = []
    for count in (CANDIDATES, WIDER):
        found = advise(
            scaling, traces, parse_goal(goal), settings, held_out=traces[:1], count=count,
            processes=2,
        )  # fmt: skip
        costs.append(found.best.cost)
    return 100 * (costs[0] / costs[1] - 1)
