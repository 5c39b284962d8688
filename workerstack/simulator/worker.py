"""What happens inside tasks: receiving, working, finishing, being stopped, being killed.

Sources: ECS, "Task lifecycle" and ContainerDefinition.stopTimeout (SIGTERM, then SIGKILL);
"Task scale-in protection"; SQS, "Visibility timeout" (a heartbeat extends it).
"""

from heapq import heappop, heappush
from math import inf
from random import Random

from workerstack.simulator.agenda import Agenda, Phase
from workerstack.simulator.ecs import Service, SimulatedTask
from workerstack.simulator.recording import Recording
from workerstack.simulator.result import Kill
from workerstack.simulator.settings import Settings
from workerstack.simulator.sqs import MessageQueue

Job = tuple[int, int, SimulatedTask, int]
"""A message, the number of its receive, the task that has it, and since when: a plain tuple,
since one is made for each receive."""

JOB_ENDS, REAPPEARS = int(Phase.JOB_ENDS), int(Phase.REAPPEARS)


class Work:
    """The workers of a service, on one queue."""

    def __init__(
        self,
        queue: MessageQueue,
        agenda: Agenda,
        recording: Recording,
        settings: Settings,
        random: Random,
        *,
        visibility: int,
        stop_timeout: int,
        spot: bool = False,
    ) -> None:
        self.service: Service
        self.busy = 0
        self.stopping = 0
        self._queue = queue
        self._agenda = agenda
        self._recording = recording
        self._settings = settings
        self._random = random
        self._visibility = visibility
        self._stop_timeout = stop_timeout
        self._reclaims = settings.spot_reclaim / 1_000 / 3_600 if spot else 0.0
        self._protection = settings.protection or 0
        heartbeat = settings.heartbeat or 0
        self._heartbeat = heartbeat if heartbeat < visibility else 0
        self._jobs: dict[int, Job] = {}
        self._working: dict[int, int] = {}
        self._count = 0
        self.idle: list[tuple[int, int]] = []
        """A heap of hands that are free: since when, and of which task."""

    def start(self, task: SimulatedTask) -> None:
        """The scheduler starts a task."""
        spread = self._settings.start_latency_spread
        latency = self._settings.start_latency + (
            self._random.randint(-spread, spread) if spread else 0
        )
        self._agenda.add(task.started + max(1, latency), Phase.RUNNING, task.number)
        self._recording.event(task.started, "task-starts", f"task {task.number}", "")

    def runs(self, task: SimulatedTask, now: int) -> None:
        """The task is RUNNING and receives."""
        if task.ended is not None:
            return
        del self.service.pending[task.number]
        self.service.running[task.number] = task
        task.running = now
        if self.service.deploying:
            self._agenda.add(now + self._settings.healthy_after, Phase.WAKE, 0)
        self._recording.event(now, "task-runs", f"task {task.number}", "")
        if self._reclaims:
            self._agenda.add(now + self._reclaimed_after(task), Phase.RECLAIMED, task.number)
        for _ in range(self._settings.concurrency):
            heappush(self.idle, (now, task.number))

    def _reclaimed_after(self, task: SimulatedTask) -> int:
        """Seconds that AWS leaves a Spot task: at a constant rate, so exponential."""
        drawn = Random(f"{self._settings.seed}/reclaim/{task.number}")
        return 1 + int(drawn.expovariate(self._reclaims))

    def reclaim(self, task: SimulatedTask, now: int) -> None:
        """AWS takes the capacity of a Spot task back, which protection does not keep it from.

        Source: ECS Developer Guide, "Fargate capacity providers": SIGTERM comes with the warning of
        two minutes, SIGKILL after the stop timeout; the service starts another task.
        """
        if task.number not in self.service.running:
            return
        del self.service.running[task.number]
        task.stopping = now
        self._recording.event(now, "reclaimed", f"task {task.number}", "Spot capacity")
        self.stop(task)

    def free(self, number: int, now: int) -> None:
        """One hand of a task is free again."""
        heappush(self.idle, (now, number))

    def receive(self, now: int) -> None:
        """Idle workers receive what is visible, who waits longest first."""
        queue, running, idle = self._queue, self.service.running, self.idle
        while queue.visible and idle:
            since, number = heappop(idle)
            task = running.get(number)
            if task is None:
                continue
            message = queue.receive(now)
            if message is None:
                heappush(idle, (since, number))
                return
            self._take(message, task, now)

    def _take(self, message: int, task: SimulatedTask, now: int) -> None:
        queue, agenda = self._queue, self._agenda
        number = self._count
        self._count += 1
        if message in self._working:
            self._recording.duplicates += 1
            self._working[message] += 1
        else:
            self._working[message] = 1
        receipt = queue.receives[message]
        self._jobs[number] = (message, receipt, task, now)
        if not task.jobs:
            self.busy += 1
        task.jobs.add(number)
        service = queue.messages[message].service or 1
        agenda.add(now + service, JOB_ENDS, number)
        # A job that ends before needs no entry: most are so, and the agenda stays short.
        if service >= self._visibility and not self._heartbeat:
            agenda.add(now + self._visibility, REAPPEARS, message, receipt)
        if self._protection:
            self._protect(task, now)

    def _protect(self, task: SimulatedTask, now: int) -> None:
        if self._settings.protection_renewed:
            task.protected_until = inf
        else:
            until = now + self._protection
            task.protected_until = max(task.protected_until, until)
            self._agenda.add(until, Phase.PROTECTION_ENDS, task.number)

    def _drop(self, number: int) -> Job | None:
        """A job leaves its task."""
        job = self._jobs.pop(number, None)
        if job is None:
            return None
        message, _, task, _ = job
        task.jobs.discard(number)
        if not task.jobs:
            self.busy -= 1
        if self._working[message] == 1:
            del self._working[message]
        else:
            self._working[message] -= 1
        return job

    def _leave(self, job: Job, now: int) -> None:
        """Nobody deletes the message, which reappears when its visibility timeout ends.

        What is deleted never reappears, so that this is not noted before it is known.
        """
        message, receipt, _, since = job
        if self._heartbeat:
            # The last heartbeat before the end is what the timeout counts from.
            since = now - (now - since) % self._heartbeat
        at = since + self._visibility
        if at > now:
            self._agenda.add(at, REAPPEARS, message, receipt)

    def ends(self, number: int, now: int) -> None:
        """A job's seconds are over: deleted, or failed if the message is poison."""
        job = self._drop(number)
        if job is None:
            return
        message, receipt, task, _ = job
        if self._queue.messages[message].poison:
            self._leave(job, now)
        else:
            self._queue.delete(message, receipt, now)
        if task.stopping is None:
            if self._settings.poll_latency:
                again = now + self._settings.poll_latency
                self._agenda.add(again, Phase.FREE, task.number)
            else:
                heappush(self.idle, (now, task.number))
        elif not task.jobs:
            self._gone(task, now, "finished its work")

    def stop(self, task: SimulatedTask) -> None:
        """SIGTERM: a worker stops receiving, and finishes or returns what it has."""
        now = task.stopping
        assert now is not None  # noqa: S101 - the scheduler sets it
        if task.running is not None:
            self.stopping += 1
            self._recording.event(
                now, "task-stops", f"task {task.number}", f"{len(task.jobs)} jobs"
            )
        if task.jobs and self._settings.on_sigterm == "return":
            for number in sorted(task.jobs):
                job = self._drop(number)
                if job:
                    message, receipt, _, since = job
                    self._queue.reappear(message, receipt, now)
                    self._recording.returned += 1
                    self._recording.wasted += now - since
                    self._recording.event(
                        now, "returned", f"message {message}", f"by task {task.number}"
                    )
        if task.jobs:
            self._agenda.add(now + self._stop_timeout, Phase.KILL, task.number)
        else:
            self._gone(task, now, "had nothing to do")

    def kill(self, task: SimulatedTask, now: int) -> None:
        """SIGKILL: what it worked on is lost, and reappears when its timeout ends."""
        if task.ended is not None:
            return
        for number in sorted(task.jobs):
            job = self._drop(number)
            if job:
                self._leave(job, now)
                message, _, _, since = job
                wasted = now - since
                self._recording.wasted += wasted
                self._recording.kills.append(Kill(now, message, task.number, wasted))
                self._recording.event(
                    now, "kill", f"message {message}",
                    f"task {task.number} was killed after {wasted} s of work",
                )  # fmt: skip
        self._gone(task, now, "was killed")

    def _gone(self, task: SimulatedTask, now: int, why: str) -> None:
        task.ended = now
        self.stopping -= task.running is not None
        self._recording.event(now, "task-stopped", f"task {task.number}", why)
