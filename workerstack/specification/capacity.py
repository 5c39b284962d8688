"""How much a task has, and on which capacity it runs."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import between

GIB = 1024
FARGATE_MEMORY: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        256: (512, 1 * GIB, 2 * GIB),
        512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
        1024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
        2048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
        4096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
        8192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
        16384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
    }
)
"""CPU units -> MiB of memory that Fargate offers with them (ECS: "Task size")."""

LEAST_STORAGE, MOST_STORAGE = 20, 200
"""GiB of ephemeral storage: what every task has, and the most (ECS: EphemeralStorage)."""

MOST_BASE = 100_000
"""Tasks of a base (ECS: CapacityProviderStrategyItem)."""


@specified
class Spot:
    """Fargate Spot: some 70 % cheaper, and any task is stopped when AWS wants it back.

    The first ``on_demand_base`` tasks run on demand; 0 is Spot alone, which may have no capacity
    at all. It is the parameter ``OnDemandBase``. A stopped task gets SIGTERM, and SIGKILL after
    ``stop_timeout``; protection does not keep it.
    Source: ECS, "Fargate capacity providers"; CapacityProviderStrategyItem.
    """

    on_demand_base: int = 0

    @about("on_demand_base")
    def _base(self) -> Iterator[Mistake]:
        return between(
            0, self.on_demand_base, MOST_BASE, "A base", " tasks", "ECS takes 0 to 100000"
        )


def check_size(cpu: int, memory: int) -> Iterator[Mistake]:
    """Wrong where Fargate offers no such task."""
    offered = FARGATE_MEMORY.get(cpu)
    if offered is None:
        yield Mistake(
            f"{cpu} CPU units are impossible",
            f"Fargate offers {', '.join(map(str, FARGATE_MEMORY))}",
            "Take one of these",
        )
    elif memory not in offered:
        yield Mistake(
            f"{memory} MiB of memory with {cpu} CPU units is impossible",
            f"Fargate offers {', '.join(map(str, offered))} MiB with that CPU",
            "Change memory or cpu",
            field="memory",
        )


def check_storage(size: int) -> Iterator[Mistake]:
    """Wrong where Fargate offers no such storage."""
    return between(
        LEAST_STORAGE, size, MOST_STORAGE, "Ephemeral storage", " GiB",
        f"every task has {LEAST_STORAGE}, and at most {MOST_STORAGE}",
    )  # fmt: skip
