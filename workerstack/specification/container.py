"""How a container is run."""

from collections.abc import Iterator
from typing import Literal

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import between


@specified
class Ulimit:
    """A limit of the container's processes; of open files is the only one that Fargate lets set.

    Source: ECS, "Task definition parameters for Fargate", resource limits.
    """

    name: Literal["nofile"]
    soft: int
    hard: int

    @about("soft", "hard")
    def _order(self) -> Iterator[Mistake]:
        if not -1 <= self.soft <= self.hard and self.hard != -1:
            yield Mistake(
                f"A soft limit of {self.soft} and a hard one of {self.hard} are impossible",
                "the soft limit is not above the hard one, and -1 is unlimited",
                "Exchange them",
            )


@specified
class HealthCheck:
    """A command that ECS runs in the container; a task that fails it is replaced.

    ``interval``, ``timeout`` and ``start_period`` are seconds. A worker that only processes
    messages needs none: only ask for one where the program really knows that it is stuck.
    Source: ECS, HealthCheck.
    """

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 5
    retries: int = 3
    start_period: int = 0

    @about("command")
    def _command(self) -> Iterator[Mistake]:
        if self.command[:1] not in (("CMD",), ("CMD-SHELL",)) or len(self.command) == 1:
            yield Mistake(
                f"Health check {self.command} is impossible",
                "it begins with CMD, or with CMD-SHELL for a shell",
                'Write something like command=("CMD", "/app/health")',
            )

    @about("interval")
    def _interval(self) -> Iterator[Mistake]:
        return between(5, self.interval, 300, "An interval", " s", "ECS asks every 5 to 300 s")

    @about("timeout")
    def _timeout(self) -> Iterator[Mistake]:
        return between(2, self.timeout, 60, "A timeout", " s", "ECS waits 2 to 60 s")

    @about("retries")
    def _retries(self) -> Iterator[Mistake]:
        return between(1, self.retries, 10, "A number", " retries", "ECS tries 1 to 10 times")

    @about("start_period")
    def _start(self) -> Iterator[Mistake]:
        return between(0, self.start_period, 300, "A start", " s", "ECS forgives 0 to 300 s")
