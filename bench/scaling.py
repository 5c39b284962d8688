"""Kills, cost and wait of a worker that protects its tasks: ``python -m bench scaling``.

The original step table with protection, against the default without, on every load of
docs/scaling.md and on random loads, with seeds that no search has seen. It takes minutes.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import templates
from bench.measure import show
from templates.workers import EDIT
from workerstack.simulator.advise import share_at_most
from workerstack.simulator.loads import LOADS, SETTINGS, load
from workerstack.simulator.model import Scaling
from workerstack.simulator.read import read_scaling
from workerstack.simulator.result import Summary
from workerstack.simulator.run import summarize
from workerstack.specification import Worker

LONGEST = 7_200
"""Seconds of the longest job of the loads that are drawn here."""
PROTECTED = replace(EDIT, protection="worker", unprotected="", longest_job=LONGEST)
SEEDS = range(7_000, 7_040)
RANDOM = 200
AFTERWARDS = 172_800
"""Seconds after the last message in which everything can be worked off: two days."""
SHARE = 0.6
"""Of the default's cost, which the protected worker may have at most."""


@dataclass(frozen=True)
class Total:
    """Sums over several runs of one design; ``wait`` is the mean of first receive p95, s."""

    runs: tuple[Summary, ...]

    @property
    def killed(self) -> int:
        """Jobs that were killed."""
        return sum(run.killed for run in self.runs)

    @property
    def left(self) -> int:
        """Messages that were neither done nor made dead letters."""
        return sum(run.messages - run.done - run.dead_letters for run in self.runs)

    @property
    def messages(self) -> int:
        """Messages that arrived."""
        return sum(run.messages for run in self.runs)

    @property
    def cost(self) -> float:
        """Dollars."""
        return sum(run.cost.total for run in self.runs)

    @property
    def wait(self) -> float:
        """Seconds; a message that waits for ever is among those that are left."""
        return sum(run.first_receive_p95 or 0 for run in self.runs) / len(self.runs)


def scaling_of(worker: Worker) -> Scaling:
    """How a worker's template scales."""
    return read_scaling(templates.build(worker).to_json(), worker.name)


def total(scaling: Scaling, loads: Sequence[Sequence[str]], seeds: Sequence[int]) -> Total:
    """A design on each of the loads with each of the seeds."""
    found = []
    for texts in loads:
        for seed in seeds:
            trace = load(texts, seed)
            end = trace.messages[-1].arrival + AFTERWARDS if trace.messages else 0
            settings = replace(SETTINGS, seed=seed)
            found.append(summarize(scaling, trace, settings, horizon=end))
    return Total(tuple(found))


def random_loads(count: int) -> Iterator[tuple[str, ...]]:
    """Loads of any kind: minutes to two hours a job, one message to some hundreds."""
    for number in range(count):
        random = Random(f"random load {number}")
        median, spread = random.choice((30, 120, 300, 900, 1_800)), random.choice((0, 0.3, 0.6))
        service = f"service=lognormal:{median}:{spread}"
        every = random.randrange(5, 90)
        yield (
            random.choice(
                (
                    f"job:{service}",
                    f"burst:count={random.randrange(2, 60)},over={random.randrange(10)}m,{service}",
                    f"burst:count={random.randrange(2, 12)},every={every + 10}m,times=5,{service}",
                    f"trickle:every={every}m,jitter={random.randrange(every)}m,for=10h,{service}",
                    f"poisson:rate={random.randrange(2, 20)}/h,for=10h,{service}",
                    f"day:count={random.randrange(5, 150)},{service}",
                )
            ),
        )


def main() -> int:
    """Prints the figures; 1 when one of them is above its limit."""
    designs = {"protected": scaling_of(PROTECTED), "default": scaling_of(EDIT)}
    above = 0
    groups = {
        **{title: ((texts,), SEEDS) for title, texts in LOADS.items()},
        f"{RANDOM} random loads": (tuple(random_loads(RANDOM)), SEEDS),
    }
    found = {
        name: {design: total(scaling, *group) for design, scaling in designs.items()}
        for name, group in groups.items()
    }
    for name, each in found.items():
        new, old = each["protected"], each["default"]
        above += show(f"{name}: killed of {new.messages:,} (default {old.killed})", new.killed, 0)
        above += show(f"{name}: left", new.left, 0)
        sys.stdout.write(
            f"    cost {new.cost / old.cost:.2f} of the default's, first receive p95"
            f" {new.wait:.0f} s (default {old.wait:.0f} s)\n"
        )
    new, old = (Total(sum((each[d].runs for each in found.values()), ())) for d in designs)
    above += show("cost of all, of the default's", new.cost / old.cost, SHARE)
    most = share_at_most(new.killed, new.messages)
    sys.stdout.write(f"killed {new.killed} in {new.messages:,}: at most {most:.3%} (95 %)\n")
    return int(above > 0)
