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
from workerstack.verifier.check import Status, Verdict

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
            # A signal that came before this began is not lost: it ends it at once.
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


AS_BEFORE = "everything is as it was"

TRIES = 6
"""Attempts to put something back, each with botocore's own retries inside."""


class Touched:
    """Remembers what it is about to change before it changes it: a call may be cut off."""

    def __init__(
        self, clients: Clients, service: Mapping[str, Any], note: Callable[..., None]
    ) -> None:
        """``note`` writes down what is going to be changed, before it is."""
        self._clients, self._service, self._note = clients, service, note
        self._target: Mapping[str, Any] = {}
        self._suspended: dict[str, bool] | None = None
        self._set: dict[str, bool] = {}
        self._count: tuple[int, int] | None = None

    def suspend_scale_in(self) -> None:
        """Unless there is none, or somebody has suspended it: that is then theirs to resume."""
        self._target = scaling.target(self._clients("application-autoscaling"), self._service)
        before = dict(self._target.get("SuspendedState", {}))
        if not self._target or before.get(scaling.SCALE_IN):
            return
        self._suspended = {**before, scaling.SCALE_IN: False}
        self._set = state = {**before, scaling.SCALE_IN: True}
        self._note(resource=self._target["ResourceId"], before=self._suspended, suspended=state)
        scaling.suspend(self._clients, self._target["ResourceId"], state)

    def want_a_task(self) -> None:
        """Sets the desired count to one where it is zero now."""
        if self._desired() == 0:
            self._count = (0, 1)
            self._note(count=0)
            self._set_count(1)

    def remember(
        self,
        target: Mapping[str, Any],
        before: dict[str, bool] | None,
        suspended: dict[str, bool] | None,
        count: int | None,
    ) -> None:
        """What another run has touched, by what it wrote down; a target may be gone."""
        self._target = target
        if target:
            self._suspended, self._set = before, suspended or {}
        self._count = None if count is None else (count, 1)

    def put_back(self, clock: Clock, queue_url: str, own: int, message: str = "") -> Verdict:
        """Puts back what is still as we set it; fails with the commands where that fails.

        ``own``: how many of the queue's messages are ours, so that nobody else's worker stops;
        ``message`` says of one that is left. It passes only where what AWS answers is as before.
        """
        done: list[str] = []
        left: list[str] = [message] if message else []
        faults: list[str] = []
        commands: list[str] = []
        if self._suspended is not None:
            suspended = self._suspended
            kept: list[str] = []
            fault = _insist(clock, lambda: kept.extend(self._resume(suspended)))
            left += kept
            if fault:
                faults.append(f"scale-in is still suspended: {fault}")
                commands.append(scaling.resume_command(self._target, suspended))
            elif not kept:
                done.append("scale-in is resumed")
        if self._count is not None:
            theirs: list[str] = []
            fault = _insist(clock, lambda: theirs.extend(self._count_back(queue_url, own)))
            left += theirs
            if fault:
                faults.append(f"the desired count may still be {self._count[1]}: {fault}")
                commands.append(self._count_command(self._count[0]))
            elif not theirs:
                done.append(f"the desired count is {self._count[0]}")
        status: Status = "FAIL" if faults else "SKIP" if left else "PASS"
        said = "; ".join([*faults, *left, *done]) or "nothing was changed"
        next_step = " && ".join(commands) or "Scale-in removes the task once the queue is empty"
        return Verdict("restored", AS_BEFORE, status, said, next_step)

    def _resume(self, before: dict[str, bool]) -> list[str]:
        """Why scaling was left as it is; empty where it is as before, which is asked."""
        now = self._suspensions()
        # Neither as found nor as set: somebody else has changed it, and knows better.
        if now not in (before, self._set):
            return ["the suspended scaling was changed by somebody meanwhile, and is left"]
        if now != before:
            scaling.suspend(self._clients, self._target["ResourceId"], before)
            # RegisterScalableTarget answers before a read shows the change.
            if self._suspensions() != before:
                raise NotYetError("AWS still answers that it is suspended")
        return []

    def _suspensions(self) -> dict[str, bool]:
        found = scaling.target(self._clients("application-autoscaling"), self._service)
        return {**dict.fromkeys(self._set, False), **found.get("SuspendedState", {})}

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
        if self._desired() != before:
            raise NotYetError("AWS still answers the other count")
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


class NotYetError(Exception):
    """A change that AWS has taken, and does not answer yet."""


def _insist(clock: Clock, put_back: Callable[[], object]) -> str:
    """Tries until it is done; the last error where it never was."""
    from botocore.exceptions import BotoCoreError, ClientError

    waits, fault = clock.waits(), ""
    for _ in range(TRIES):
        try:
            put_back()
        except (BotoCoreError, ClientError, NotYetError) as error:
            fault = str(error)
            waits.wait()
        else:
            return ""
    return fault
