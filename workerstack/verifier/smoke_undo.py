"""What a smoke test touches, and how it is put back, also when it is interrupted.

Scale-in is suspended because the alarm of an empty queue stays in ALARM, and invokes its policy
once a minute: the task would be stopped while it starts. Scale-out goes on: a real backlog that
comes meanwhile is served.
"""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from workerstack.deployer import service as scaling
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.verifier import smoke_message
from workerstack.verifier.check import Check, Status

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C; the end of a CI job; the end of a terminal."""


class Interrupts:
    """Raises KeyboardInterrupt once at most, and only while something may be given up.

    Never after that: what follows, putting back, is not disturbed by a second Ctrl-C.
    """

    def __init__(self) -> None:
        self._open = False
        self.arrived = False

    @contextmanager
    def may_end(self) -> Iterator[None]:
        """What is done in here may be interrupted."""
        try:
            self._open = not self.arrived
            if self.arrived:
                raise KeyboardInterrupt
            yield
        finally:
            self._open = False

    def arrive(self, _number: int, _frame: FrameType | None) -> None:
        """The handler of a signal."""
        self.arrived = True
        if self._open:
            self._open = False
            raise KeyboardInterrupt


@contextmanager
def held() -> Iterator[Interrupts]:
    """Signals are held from here on; one that came outside of ``may_end`` is raised at the end."""
    interrupts = Interrupts()
    before = {each: signal.signal(each, interrupts.arrive) for each in SIGNALS}
    try:
        yield interrupts
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if interrupts.arrived:
        raise KeyboardInterrupt


TRIES = 6
"""Attempts to put something back, each with botocore's own retries inside."""


class Touched:
    """Remembers what it is about to change before it changes it: a call may be cut off."""

    def __init__(self, clients: Clients, service: Mapping[str, Any]) -> None:
        self._clients, self._service = clients, service
        self._target: Mapping[str, Any] = {}
        self._suspended: dict[str, bool] | None = None
        self._count: tuple[int, int] | None = None

    def suspend_scale_in(self) -> None:
        """Unless there is none, or somebody has suspended it: that is then theirs to resume."""
        self._target = scaling.target(self._clients("application-autoscaling"), self._service)
        before = dict(self._target.get("SuspendedState", {}))
        if not self._target or before.get(scaling.SCALE_IN):
            return
        self._suspended = {**before, scaling.SCALE_IN: False}
        state = {**before, scaling.SCALE_IN: True}
        scaling.suspend(self._clients, self._target["ResourceId"], state)

    def want_a_task(self) -> None:
        """Sets the desired count to one where it is zero now."""
        if self._desired() == 0:
            self._count = (0, 1)
            self._set_count(1)

    def put_back(self, clock: Clock, queue_url: str, own: int) -> Check:
        """Puts back what is still as we set it; fails with the commands where that fails.

        ``own``: how many of the queue's messages are ours, so that nobody else's worker stops.
        """
        done: list[str] = []
        left: list[str] = []
        faults: list[str] = []
        commands: list[str] = []
        if self._suspended is not None:
            suspended, resource = self._suspended, self._target["ResourceId"]
            fault = _insist(clock, lambda: scaling.suspend(self._clients, resource, suspended))
            if fault:
                faults.append(f"scale-in is still suspended: {fault}")
                commands.append(scaling.resume_command(self._target, suspended))
            else:
                done.append("scale-in is resumed")
        if self._count is not None:
            fault = _insist(clock, lambda: left.extend(self._count_back(queue_url, own)))
            if fault:
                faults.append(f"the desired count may still be {self._count[1]}: {fault}")
                commands.append(self._count_command(self._count[0]))
            elif not left:
                done.append(f"the desired count is {self._count[0]}")
        status: Status = "FAIL" if faults else "SKIP" if left else "PASS"
        said = "; ".join([*faults, *left, *done]) or "nothing was changed"
        next_step = " && ".join(commands) or "Scale-in removes the task once the queue is empty"
        return Check("restored", "everything is as it was", status, said, next_step)

    def _count_back(self, queue_url: str, own: int) -> list[str]:
        """Why the count was left as it is; empty where it is back."""
        before, ours = self._count or (0, 0)
        now = self._desired()
        if now == before:
            return []
        if now != ours:
            return [f"the desired count is {now}, which scaling or somebody has set meanwhile"]
        depth = smoke_message.depth(self._clients("sqs"), queue_url)
        if depth.outstanding > own:
            return [f"the desired count is left at {now} for others' messages ({depth})"]
        self._set_count(before)
        return []

    def _desired(self) -> int:
        answer = self._clients("ecs").describe_services(
            cluster=self._service["clusterArn"], services=[self._service["serviceArn"]]
        )
        return int(answer["services"][0]["desiredCount"])

    def _set_count(self, count: int) -> None:
        self._clients("ecs").update_service(
            cluster=self._service["clusterArn"],
            service=self._service["serviceArn"],
            desiredCount=count,
        )

    def _count_command(self, count: int) -> str:
        cluster = self._service["clusterArn"].rpartition("/")[2]
        return (
            f"aws ecs update-service --cluster {cluster}"
            f" --service {self._service['serviceName']} --desired-count {count}"
        )


def _insist(clock: Clock, put_back: Callable[[], object]) -> str:
    """Tries until it is done; the last error where it never was."""
    from botocore.exceptions import BotoCoreError, ClientError

    waits, fault = clock.waits(), ""
    for _ in range(TRIES):
        try:
            put_back()
        except (BotoCoreError, ClientError) as error:
            fault = str(error)
            waits.wait()
        else:
            return ""
    return fault
