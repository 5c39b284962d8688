"""The loop: from one second in which something happens to the next.

What is constant is skipped: once every datapoint in an alarm's reach is the same, and nothing is
about to happen, no minute between here and the next event can differ from this one.
"""

from collections.abc import Callable
from heapq import heappop
from math import inf
from random import Random

from workerstack.simulator.agenda import Agenda, Phase
from workerstack.simulator.autoscaling import Controller
from workerstack.simulator.cloudwatch import MINUTE, CloudWatch
from workerstack.simulator.ecs import Service, SimulatedTask
from workerstack.simulator.model import Scaling
from workerstack.simulator.recording import Recording
from workerstack.simulator.schedule import occurrences
from workerstack.simulator.settings import Settings
from workerstack.simulator.sqs import MessageQueue
from workerstack.simulator.traces import Trace
from workerstack.simulator.worker import Work

JOB_ENDS = int(Phase.JOB_ENDS)
NEVER = 1 << 62
"""A second that no run reaches."""
PROGRESS = 4_096
"""Turns of the loop between two reports of progress."""


class Engine:
    """One run. ``go`` it once; then ``queue``, ``service`` and ``recording`` tell."""

    def __init__(
        self, scaling: Scaling, trace: Trace, settings: Settings, horizon: int, *, whole: bool
    ) -> None:
        self.scaling = scaling
        source = scaling.queue or settings.imported_queue()
        settings = settings.for_scaling(scaling)
        self.settings = settings
        self.horizon = horizon
        self.messages = trace.messages
        self.arrivals = [*(message.arrival for message in trace.messages), NEVER]
        self.random = Random(settings.seed)
        self.agenda = Agenda()
        self.recording = Recording([alarm.name for alarm in scaling.alarms], whole=whole)
        self.queue = MessageQueue(
            trace.messages,
            retention=source.retention,
            max_receives=source.max_receive_count,
            old_receipt_deletes=settings.old_receipt_deletes,
            delay=source.delay,
        )
        self.work = Work(
            self.queue,
            self.agenda,
            self.recording,
            settings,
            self.random,
            visibility=max(1, source.visibility_timeout),
            stop_timeout=scaling.task.stop_timeout if scaling.task else 30,
            spot=bool(scaling.task and scaling.task.spot),
        )
        self.service = self.work.service = Service(
            self.random,
            self.work.start,
            self.work.stop,
            minimum_healthy=scaling.minimum_healthy,
            maximum=scaling.maximum,
            healthy_after=settings.healthy_after,
        )
        self._of_task: dict[int, Callable[[SimulatedTask, int], None]] = {
            Phase.RUNNING: self.work.runs,
            Phase.KILL: self.work.kill,
            Phase.RECLAIMED: self.work.reclaim,
        }
        self._start()
        self.cloudwatch = CloudWatch(scaling.alarms, self.queue, self.service, settings)
        self.controller = Controller(scaling, settings, self.service, self.recording)
        self._disturbed = True
        self._reconciled = False
        """Whether the service has as many tasks as it should: jobs alone do not change that."""
        self._was_active = False
        self._spared = -1
        """The second of a decision that was left out, since its answer was known."""
        self._seen = (0, 0)
        self._lost = 0
        self._prepare()

    def _start(self) -> None:
        """The tasks that are there at the beginning, and have been there before."""
        initial = self.settings.initial_tasks
        self.service.desired = self.scaling.min_capacity if initial is None else initial
        self.service.reconcile(0)
        self.agenda.entries.clear()
        self.agenda.add(0, Phase.WAKE, 0)
        for task in list(self.service.pending.values()):
            self.work.runs(task, 0)

    def _prepare(self) -> None:
        for second in self.settings.deployments:
            self.agenda.add(second, Phase.DEPLOYMENT, 0)
            self.agenda.add(second + self.settings.healthy_after, Phase.WAKE, 0)
        if not self.scaling.suspended.scheduled:
            beginning = self.settings.beginning()
            for number, action in enumerate(self.scaling.scheduled):
                for second in occurrences(action, beginning, self.horizon):
                    self.agenda.add(second, Phase.SCHEDULED, number)

    def go(self, progress: Callable[[int], None] | None = None) -> None:
        """Runs to the horizon."""
        arrivals, queue, entries = self.arrivals, self.queue, self.agenda.entries
        last_tick, tick = -MINUTE, 0.0
        turns = 0
        while True:
            # The attributes are looked up once and the agenda is read directly: this loop runs a
            # million times for a month of load.
            due: float = arrivals[queue.sent]
            if entries and entries[0][0] < due:
                due = entries[0][0]
            now = due if due < tick else tick
            if queue.bound <= now:
                due = min(due, queue.next_expiry())
                now = min(due, tick)
            if now > self.horizon:
                break
            second = int(now)
            if due <= now:
                if queue.bound <= now:
                    queue.expire(second)
                self._second(second)
            if tick == inf:
                tick = -(-second // MINUTE) * MINUTE
            if second == tick:
                settled = self._tick(second, (second - last_tick) // MINUTE - 1)
                last_tick = second
                tick = inf if settled else second + MINUTE
            turns += 1
            if progress and turns % PROGRESS == 0:
                progress(second)

    def _second(self, now: int) -> None:
        """Everything that happens within one second, but the minute's end."""
        queue, work, service, entries = self.queue, self.work, self.service, self.agenda.entries
        # Arrivals, then what is due, then new tasks, then receives: a message may reach a worker
        # that was freed in the same second.
        if self.arrivals[queue.sent] == now:
            self._disturbed = True
            self._send(now)
        while entries and entries[0][0] == now:
            _, phase, subject, detail = heappop(entries)
            if phase == JOB_ENDS:
                self._disturbed = True
                work.ends(subject, now)
            else:
                self._reconciled = False
                self._happens(now, phase, subject, detail)
        if not self._reconciled:
            if service.deploying or service.active != service.desired:
                service.reconcile(now)
            self._reconciled = not service.deploying and service.active == service.desired
        if queue.visible and work.idle:
            work.receive(now)
        if self.controller.unfulfilled and self.controller.fulfilled(now):
            self._disturbed = True
        if self._was_active and (service.running or queue.visible or queue.in_flight):
            self.cloudwatch.last_activity = now
        else:
            self._activity(now)
        if queue.lost != self._lost:
            self._losses(now)
        self.recording.state(now, queue, service, work.busy)

    def _activity(self, now: int) -> None:
        """Whether anything touches the queue, which keeps its metrics awake."""
        active = bool(self.queue.size or self.service.running or self.work.stopping)
        if active and self._was_active:
            self.cloudwatch.still_active(now)
        elif active:
            self.cloudwatch.active(now)
        elif self._was_active:
            self.cloudwatch.still_active(now - 1)
        self._was_active = active

    def _send(self, now: int) -> None:
        queue, arrivals = self.queue, self.arrivals
        while arrivals[queue.sent] == now:
            queue.send()
            if queue.delay:
                self.agenda.add(now + queue.delay, Phase.SHOWN, 0)

    def _losses(self, now: int) -> None:
        dead, expired = self.queue.dead, self.queue.expired
        for _, message in dead[self._seen[0] :]:
            count = self.queue.receives[message]
            self.recording.event(now, "dead-letter", f"message {message}", f"{count} receives")
        for _, message in expired[self._seen[1] :]:
            self.recording.event(now, "expired", f"message {message}", "the retention period ended")
        self._seen = (len(dead), len(expired))
        self._lost = self.queue.lost
        self._disturbed = True

    def _happens(self, now: int, phase: int, subject: int, detail: int) -> None:
        if phase == Phase.DECISION:
            self._disturbed |= self.controller.decide(now)
            return
        self._disturbed = True
        if now <= self._spared:  # what was asked before may be answered otherwise now
            self.agenda.add(self._spared, Phase.DECISION, 0)
            self._spared = -1
        if phase == Phase.SHOWN:
            self.queue.end_delay()
        elif phase == Phase.REAPPEARS:
            self.queue.reappear(subject, detail, now)
        elif phase in self._of_task:
            self._of_task[phase](self.service.all[subject], now)
        elif phase == Phase.FREE:
            self.work.free(subject, now)
        elif phase == Phase.DEPLOYMENT:
            self._deploy(now)
        elif phase == Phase.SCHEDULED:
            self.controller.scheduled(now, self.scaling.scheduled[subject])

    def _deploy(self, now: int) -> None:
        self.service.deploy()
        # A task that has just begun to run counts as healthy some seconds from now.
        for task in self.service.running.values():
            healthy = (task.running or 0) + self.settings.healthy_after
            if healthy > now:
                self.agenda.add(healthy, Phase.WAKE, 0)
        # CloudFormation sends DesiredCount with each update of the service that has it, and so
        # undoes what scaling chose.
        sent = self.scaling.desired_count
        reason = "" if sent is None else f"the template sends a desired count of {sent}"
        if sent is not None:
            self.service.desired = sent
        self.recording.event(now, "deployment", self.scaling.name, reason)

    def _tick(self, now: int, skipped: int) -> bool:
        """The end of a minute; True when nothing can differ until something happens."""
        changed = False
        if self._was_active:
            self.cloudwatch.still_active(now)
        self.cloudwatch.tick(now, skipped)
        for each in self.cloudwatch.alarms:
            if each.evaluate():
                changed = True
                self.recording.alarm(now, each.alarm.name, each.state, each.reason())
        quiet = not changed and not self._disturbed and self.cloudwatch.settled
        self._disturbed = changed
        if not quiet:
            decision = now + self.settings.application_autoscaling_delay
            if self.controller.invoked_by(self.cloudwatch.alarms, decision):
                self.agenda.add(decision, Phase.DECISION, 0)
            else:
                self._spared = decision
            self._disturbed |= self.controller.waits
            return False
        sleeps = self.cloudwatch.falls_asleep
        if not self._was_active and now < sleeps < inf:
            self.agenda.add(int(sleeps), Phase.WAKE, 0)
        return True
