"""An ECS service: how many tasks start and which are stopped, in deployments, too.

Sources: ECS Developer Guide, "Service definition parameters" (deploymentConfiguration: a task
without load balancer and health check is healthy when it has been RUNNING for 40 seconds), "Task
scale-in protection". ECS does not know which task is busy: the choice is random.
"""

from collections.abc import Callable
from random import Random


class SimulatedTask:
    """One task. ``jobs`` are the numbers of what it works on."""

    __slots__ = ("ended", "jobs", "number", "protected_until", "revision", "running", "started",
                 "stopping")  # fmt: skip

    def __init__(self, number: int, started: int, revision: int) -> None:
        self.number = number
        self.started = started
        self.revision = revision
        self.running: int | None = None
        self.stopping: int | None = None
        self.ended: int | None = None
        self.protected_until: float = -1
        self.jobs: set[int] = set()

    def protected(self, now: int) -> bool:
        """Whether scale-in passes it over."""
        return bool(self.jobs) and self.protected_until > now


class Service:
    """The tasks of a service, and the reconciliation of their number with the desired count.

    ``start`` and ``stop`` are called with each task that the scheduler starts or stops; ``stop``
    is called after the task has left ``pending`` or ``running``.
    """

    def __init__(
        self,
        random: Random,
        start: Callable[[SimulatedTask], None],
        stop: Callable[[SimulatedTask], None],
        *,
        minimum_healthy: int,
        maximum: int,
        healthy_after: int,
    ) -> None:
        self._random = random
        self._start = start
        self._stop = stop
        self._minimum_healthy = minimum_healthy
        self._maximum = maximum
        self._healthy_after = healthy_after
        self.all: list[SimulatedTask] = []
        self.pending: dict[int, SimulatedTask] = {}
        self.running: dict[int, SimulatedTask] = {}
        self.desired = 0
        self.revision = 0
        self.deploying = False

    @property
    def active(self) -> int:
        """Tasks that start or run and are not being stopped."""
        return len(self.pending) + len(self.running)

    def deploy(self) -> None:
        """Begins to replace every task by one of a new revision."""
        self.revision += 1
        self.deploying = True

    def reconcile(self, now: int) -> None:
        """Starts what is missing, stops what is too much."""
        if self.deploying:
            self._roll(now)
        elif (surplus := self.active - self.desired) > 0:
            self._reduce(list(self.pending.values()), list(self.running.values()), surplus, now)
        else:
            self._add(-surplus, now)

    def _add(self, count: int, now: int) -> None:
        for _ in range(count):
            task = SimulatedTask(len(self.all), now, self.revision)
            self.all.append(task)
            self.pending[task.number] = task
            self._start(task)

    def _reduce(
        self, pending: list[SimulatedTask], running: list[SimulatedTask], surplus: int, now: int
    ) -> None:
        """Stops the newest that have not started; then, at random, unprotected ones that run."""
        for task in sorted(pending, key=lambda each: -each.number)[:surplus]:
            surplus -= 1
            del self.pending[task.number]
            task.stopping = now
            self._stop(task)
        choice = sorted(
            (task for task in running if not task.protected(now)), key=lambda each: each.number
        )
        for _ in range(min(surplus, len(choice))):
            task = choice.pop(self._random.randrange(len(choice)))
            del self.running[task.number]
            task.stopping = now
            self._stop(task)

    def _roll(self, now: int) -> None:
        """A rolling update within the percentages: minimum rounded up, maximum down."""
        lowest = -(-self.desired * self._minimum_healthy // 100)
        highest = self.desired * self._maximum // 100
        old_pending, new_pending = self._by_revision(self.pending)
        old_running, new_running = self._by_revision(self.running)
        self._reduce(old_pending, [], len(old_pending), now)
        self._reduce([], old_running, max(0, self._healthy(now) - lowest), now)
        new = len(new_pending) + len(new_running)
        if new > self.desired:
            self._reduce(new_pending, new_running, new - self.desired, now)
        else:
            self._add(max(0, min(self.desired - new, highest - self.active)), now)
        old_left = self._by_revision(self.running)[0]
        if not old_left and self._healthy(now) >= self.desired and not self.pending:
            self.deploying = False

    def _healthy(self, now: int) -> int:
        """Tasks that have run for long enough to count."""
        return sum(
            each.running is not None and each.running + self._healthy_after <= now
            for each in self.running.values()
        )

    def _by_revision(
        self, tasks: dict[int, SimulatedTask]
    ) -> tuple[list[SimulatedTask], list[SimulatedTask]]:
        old = [task for task in tasks.values() if task.revision < self.revision]
        return old, [task for task in tasks.values() if task.revision == self.revision]
