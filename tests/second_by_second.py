"""The simulator's semantics as a plain loop: every second, every list, nothing skipped or cached.

It shares only the data types with simulator/, and is as slow as it is plain. Order within a
second: arrivals, retention, ends of delays and visibility, starts, ends of jobs, kills, freed
hands, deployments, scheduled actions, decisions, reconciliation, receives, cooldowns that begin;
at the end of a minute the metrics are sampled and the alarms evaluated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import ceil, fsum, inf
from random import Random
from typing import Any

from workerstack.simulator.model import Alarm, AlarmState, Scaling, ScalingPolicy, TrackingPolicy
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Trace

MATH: dict[str, Callable[..., float | None]] = {
    "visible + FILL(in_flight, 0)": lambda visible, in_flight: (
        None if visible is None else visible + (in_flight or 0)
    ),
    "visible + in_flight": lambda visible, in_flight: (
        None if visible is None or in_flight is None else visible + in_flight
    ),
    "MAX([visible, in_flight])": lambda visible, in_flight: max(
        (each for each in (visible, in_flight) if each is not None), default=None
    ),
    # Metric math: what is divided by nothing has no value.
    "visible / tasks": lambda visible, tasks: (
        None if visible is None or not tasks else visible / tasks
    ),
    "(visible + FILL(in_flight, 0)) / MAX([tasks, 1])": lambda visible, in_flight, tasks: (
        None
        if visible is None
        else (visible + (in_flight or 0)) / max(1, 0 if tasks is None else tasks)
    ),
}


@dataclass
class Item:
    index: int
    arrival: int
    service: int
    poison: bool
    state: str = "future"
    receives: int = 0
    visible_from: int = 0
    hidden_until: float = inf
    first: int | None = None
    finished: int | None = None


@dataclass
class Hand:
    item: Item
    receipt: int
    since: int
    number: int


@dataclass
class Worker:
    number: int
    started: int
    revision: int
    runs_at: int
    running: int | None = None
    stopping: int | None = None
    ended: int | None = None
    protected_until: int = -1
    hands: list[Hand] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    later: list[int] = field(default_factory=list)

    def state(self) -> str:
        if self.ended is not None:
            return "ended"
        if self.stopping is not None:
            return "stopping"
        return "running" if self.running is not None else "pending"


@dataclass
class Memory:
    base: int = 0
    change: int = 0
    out_until: float = -1
    in_until: float = -1


class Loop:
    def __init__(self, scaling: Scaling, trace: Trace, settings: Settings) -> None:
        self.scaling, self.settings = scaling, settings
        self.random = Random(settings.seed)
        self.items = [
            Item(index, each.arrival, max(1, each.service), each.poison)
            for index, each in enumerate(trace.messages)
        ]
        self.queue = scaling.queue or settings.imported_queue()
        beat = settings.heartbeat or 0
        self.heartbeat = beat if beat < self.queue.visibility_timeout else 0
        self.workers: list[Worker] = []
        self.alive: list[Worker] = []
        self.min, self.max = scaling.min_capacity, scaling.max_capacity
        self.desired = (
            settings.initial_tasks if settings.initial_tasks is not None else scaling.min_capacity
        )
        self.memory = {policy.name: Memory() for policy in scaling.policies}
        self.states = {alarm.name: AlarmState.INSUFFICIENT_DATA for alarm in scaling.alarms}
        self.changes: dict[str, list[tuple[int, AlarmState]]] = {n: [] for n in self.states}
        self.samples: dict[int, tuple[dict[str, float | None] | None, float]] = {}
        self.last_activity = -inf if settings.asleep_at_start else 0
        self.awake_since = -inf
        self.counts = [0, 0, 0]
        self.counted = [0, 0, 0]
        self.jobs = 0
        self.kills: list[tuple[int, int, int, int]] = []
        self.dead: list[tuple[int, int]] = []
        self.returned = self.wasted = self.scale_outs = self.scale_ins = self.revision = 0
        self.duplicates = 0
        self.deploying = False
        self.decision: tuple[int, list[tuple[ScalingPolicy, Alarm, list[float]]]] | None = None
        self.desired_series: list[tuple[int, int]] = []

    def run(self, horizon: int) -> None:
        self._reconcile(0)
        for worker in self.workers:
            worker.runs_at = 0
        self.before = float(len(self.workers))
        for now in range(horizon + 1):
            self._second(now)

    def _of(self, state: str) -> list[Worker]:
        return [worker for worker in self.alive if worker.state() == state]

    def _second(self, now: int) -> None:  # noqa: C901, PLR0912, PLR0915 - it is the plain loop
        self.alive = [worker for worker in self.alive if worker.ended is None]
        for item in self.items:
            if item.arrival == now:
                item.state = "delayed"
                self.counts[0] += 1
        for item in self.items:
            alive = item.state in ("delayed", "visible", "in flight")
            if alive and now >= item.arrival + self.queue.retention:
                item.state = "expired"
        for item in self.items:
            # SQS, delay queues: hidden for DelaySeconds from when it is sent.
            if item.state == "delayed" and item.arrival + self.queue.delay == now:
                item.state, item.visible_from = "visible", now
        for item in self.items:
            if item.state == "in flight" and item.hidden_until == now:
                item.state, item.visible_from, item.hidden_until = "visible", now, inf
        for worker in self._of("pending"):
            if worker.runs_at == now:
                worker.running = now
                worker.free = [now] * self.settings.concurrency
        self._jobs_end(now)
        for worker in self._of("stopping"):
            assert self.scaling.task
            assert worker.stopping is not None
            if worker.stopping + self.scaling.task.stop_timeout == now:
                for hand in sorted(worker.hands, key=lambda each: each.number):
                    self.wasted += now - hand.since
                    self.kills.append((now, hand.item.index, worker.number, now - hand.since))
                    self._let_go(hand, now)
                worker.hands, worker.ended = [], now
        for worker in self._of("running"):
            worker.free += [now] * worker.later.count(now)
            worker.later = [each for each in worker.later if each != now]
        rate = self.settings.spot_reclaim / 3_600_000
        for worker in (
            self._of("running") if rate and self.scaling.task and self.scaling.task.spot else ()
        ):
            # Fargate Spot: SIGTERM, then SIGKILL after the stop timeout, whatever the task does.
            drawn = Random(f"{self.settings.seed}/reclaim/{worker.number}").expovariate(rate)
            assert worker.running is not None
            if worker.running + 1 + int(drawn) == now:
                self._stop(worker, now)
        for second in self.settings.deployments:
            if second == now:
                self.revision += 1
                self.deploying = True
                if self.scaling.desired_count is not None:
                    self.desired = self.scaling.desired_count
        for action in self.scaling.scheduled:
            period = 60 * int(action.schedule.removeprefix("rate(").split()[0])
            low = self.min if action.min_capacity is None else action.min_capacity
            high = self.max if action.max_capacity is None else action.max_capacity
            # RegisterScalableTarget: a minimum above the maximum is a ValidationException.
            if now % period == 0 and not self.scaling.suspended.scheduled and low <= high:
                self.min, self.max = low, high
                self.desired = max(self.min, min(self.max, self.desired))
        if self.decision and self.decision[0] == now:
            self._decide(now, self.decision[1])
        self._reconcile(now)
        self._receive(now)
        if len(self._of("running")) == self.desired:
            for policy in self.scaling.policies:
                memory = self.memory[policy.name]
                if memory.out_until == inf:
                    memory.out_until = now + policy.cooldown
                if memory.in_until == inf:
                    memory.in_until = now + _cooldown_in(policy)
        in_queue = any(item.state in ("delayed", "visible", "in flight") for item in self.items)
        if in_queue or self._of("running") or self._of("stopping"):
            if now - self.last_activity > self.settings.sleep_after:
                self.awake_since = now
            self.last_activity = now
        if not self.desired_series or self.desired_series[-1][1] != self.desired:
            self.desired_series.append((now, self.desired))
        if now % 60 == 0:
            self._minute(now)

    def _let_go(self, hand: Hand, now: int) -> None:
        if self.heartbeat and hand.item.receives == hand.receipt:
            beats = (now - hand.since) // self.heartbeat
            hand.item.hidden_until = (
                hand.since + beats * self.heartbeat + self.queue.visibility_timeout
            )

    def _jobs_end(self, now: int) -> None:
        ended = [
            (hand.number, worker, hand)
            for worker in self.workers
            for hand in worker.hands
            if hand.since + hand.item.service == now
        ]
        for _, worker, hand in sorted(ended, key=lambda each: each[0]):
            worker.hands.remove(hand)
            item = hand.item
            self._let_go(hand, now)
            newest = item.receives == hand.receipt or self.settings.old_receipt_deletes
            if not item.poison and newest and item.state in ("visible", "in flight"):
                item.state, item.finished = "done", now
                self.counts[2] += 1
            if worker.stopping is None:
                if self.settings.poll_latency:
                    worker.later.append(now + self.settings.poll_latency)
                else:
                    worker.free.append(now)
            elif not worker.hands:
                worker.ended = now

    def _stop(self, worker: Worker, now: int) -> None:
        worker.stopping = now
        if self.settings.on_sigterm == "return":
            for hand in worker.hands:
                self.returned += 1
                self.wasted += now - hand.since
                item = hand.item
                if item.state == "in flight" and item.receives == hand.receipt:
                    item.state, item.visible_from, item.hidden_until = "visible", now, inf
            worker.hands = []
        if not worker.hands:
            worker.ended = now

    def _reduce(self, workers: list[Worker], count: int, now: int) -> None:
        pending = [each for each in workers if each.state() == "pending"]
        for worker in sorted(pending, key=lambda each: -each.number):
            if count > 0:
                self._stop(worker, now)
                count -= 1
        renewed = self.settings.protection and self.settings.protection_renewed
        choice = [
            each
            for each in workers
            if each.state() == "running"
            and not (each.hands and (renewed or each.protected_until > now))
        ]
        while count > 0 and choice:
            self._stop(choice.pop(self.random.randrange(len(choice))), now)
            count -= 1

    def _add(self, count: int, now: int) -> None:
        for _ in range(count):
            latency, spread = self.settings.start_latency, self.settings.start_latency_spread
            if spread:
                latency += self.random.randint(-spread, spread)
            number = len(self.workers)
            self.workers.append(Worker(number, now, self.revision, now + max(1, latency)))
            self.alive.append(self.workers[-1])

    def _reconcile(self, now: int) -> None:
        active = self._of("pending") + self._of("running")
        if not self.deploying:
            self._reduce(
                sorted(active, key=lambda each: each.number), len(active) - self.desired, now
            )
            self._add(self.desired - len(active), now)
            return
        lowest = ceil(self.desired * self.scaling.minimum_healthy / 100)
        highest = self.desired * self.scaling.maximum // 100
        old = [each for each in active if each.revision < self.revision]
        new = [each for each in active if each.revision == self.revision]
        old.sort(key=lambda each: each.number)
        new.sort(key=lambda each: each.number)
        waiting = [each for each in old if each.state() == "pending"]
        self._reduce(waiting, len(waiting), now)
        running = [each for each in old if each.state() == "running"]
        # ECS, minimumHealthyPercent: without load balancer and health check a task is healthy
        # when it has been RUNNING for 40 seconds.
        self._reduce(running, len(self._healthy(now)) - lowest, now)
        self._reduce(new, len(new) - self.desired, now)
        active = self._of("pending") + self._of("running")
        self._add(min(self.desired - len(new), highest - len(active)), now)
        left = [each for each in self._of("running") if each.revision < self.revision]
        if not left and len(self._healthy(now)) >= self.desired and not self._of("pending"):
            self.deploying = False

    def _healthy(self, now: int) -> list[Worker]:
        return [
            each
            for each in self._of("running")
            if each.running is not None and now - each.running >= self.settings.healthy_after
        ]

    def _receive(self, now: int) -> None:
        while True:
            free = [
                (min(each.free), each.number, each) for each in self._of("running") if each.free
            ]
            visible = [
                (
                    (1, item.visible_from) if item.receives >= 3 else (0, item.index),
                    item.index,
                    item,
                )
                for item in self.items
                if item.state == "visible"
            ]
            if not free or not visible:
                return
            item = min(visible, key=lambda each: each[:2])[2]
            if self.queue.max_receive_count and item.receives >= self.queue.max_receive_count:
                item.state = "dead"
                self.dead.append((now, item.index))
                continue
            since, _, worker = min(free, key=lambda each: each[:2])
            worker.free.remove(since)
            held = any(hand.item is item for each in self.workers for hand in each.hands)
            self.duplicates += held
            item.state, item.receives = "in flight", item.receives + 1
            item.first = now if item.first is None else item.first
            item.hidden_until = inf if self.heartbeat else now + self.queue.visibility_timeout
            worker.hands.append(Hand(item, item.receives, now, self.jobs))
            self.jobs += 1
            self.counts[1] += 1
            if self.settings.protection:
                worker.protected_until = now + self.settings.protection

    def _minute(self, now: int) -> None:
        visible = sum(item.state == "visible" for item in self.items)
        flying = sum(item.state == "in flight" for item in self.items)
        shown = [
            item.arrival
            for item in self.items
            if item.state in ("delayed", "visible", "in flight") and item.receives < 3
        ]
        sample: dict[str, float | None] = {
            "ApproximateNumberOfMessagesVisible": visible,
            "ApproximateNumberOfMessagesNotVisible": flying,
            "ApproximateNumberOfMessagesDelayed": sum(i.state == "delayed" for i in self.items),
            "ApproximateAgeOfOldestMessage": now - min(shown) if shown else None,
        }
        if not flying and not self.settings.notvisible_reported_when_zero:
            sample["ApproximateNumberOfMessagesNotVisible"] = None
        sample["RunningTaskCount"] = len(self._of("running"))
        sample["DesiredTaskCount"] = self.desired
        for position, kind in enumerate(("Sent", "Received", "Deleted")):
            sample[f"NumberOfMessages{kind}"] = self.counts[position] - self.counted[position]
        self.counted = list(self.counts)
        asleep = now - self.last_activity > self.settings.sleep_after
        self.samples[now] = (None if asleep else sample, self.awake_since)
        invoked: list[tuple[ScalingPolicy, Alarm, list[float]]] = []
        for alarm in self.scaling.alarms:
            points = self._points(alarm, now)
            before, after = self.states[alarm.name], self._state(alarm, points)
            if after != before:
                self.states[alarm.name] = after
                self.changes[alarm.name].append((now, after))
            real = [point for point in points if point is not None]
            for state, name in alarm.actions:
                if state == after and alarm.actions_enabled:
                    policy = next(each for each in self.scaling.policies if each.name == name)
                    invoked.append((policy, alarm, real[-alarm.evaluation_periods :]))
        self.decision = (now + self.settings.application_autoscaling_delay, invoked)

    def _sample(self, at: int, now: int) -> dict[str, float | None] | None:
        if at < 0:
            if self.settings.asleep_at_start:
                return None
            zero = {
                f"ApproximateNumberOfMessages{each}": 0.0
                for each in ("Visible", "NotVisible", "Delayed")
            }
            counts = {f"NumberOfMessages{each}": 0.0 for each in ("Sent", "Received", "Deleted")}
            known: dict[str, float | None] = {**zero, **counts}
            known["ApproximateAgeOfOldestMessage"] = None
            # The tasks that are there at the beginning have been there before.
            known["RunningTaskCount"] = known["DesiredTaskCount"] = self.before
            if not self.settings.notvisible_reported_when_zero:
                known["ApproximateNumberOfMessagesNotVisible"] = None
            return known
        sample, awake_since = self.samples[at]
        if sample is None or now < awake_since + self.settings.activation_delay:
            return None
        if not self.settings.metric_jitter:
            return sample
        come: dict[str, float | None] = {}
        for name, value in sample.items():
            drawn = _drawn(f"{self.settings.seed}/{at}/{name}", self.settings.metric_jitter)
            late = self.settings.metric_delay + drawn
            come[name] = value if at + late <= now else None
        return come

    def _points(self, alarm: Alarm, now: int) -> list[float | None]:
        newest = now - ceil(self.settings.metric_delay / 60) * 60
        points = []
        for slot in range(alarm.evaluation_periods + self.settings.evaluation_range_extra):
            end = newest - slot * alarm.period
            values: dict[str, Any] = {}
            for name, metric in alarm.metrics:
                found = [
                    value
                    for at in range(end - alarm.period + 60, end + 60, 60)
                    if (sample := self._sample(at, now)) is not None
                    and (value := sample[metric.name]) is not None
                ]
                values[name] = _statistic(metric.statistic, found)
            if alarm.expressions:
                points.append(MATH[alarm.expressions[0][1]](**values))
            else:
                points.append(values[alarm.returned])
        return points[::-1]

    def _state(self, alarm: Alarm, points: list[float | None]) -> AlarmState:
        compare: Callable[[float], bool] = {
            "GreaterThanOrEqualToThreshold": lambda value: value >= alarm.threshold,
            "GreaterThanThreshold": lambda value: value > alarm.threshold,
            "LessThanOrEqualToThreshold": lambda value: value <= alarm.threshold,
            "LessThanThreshold": lambda value: value < alarm.threshold,
        }[alarm.operator]
        n, m, treatment = alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.missing_data
        marks = [None if point is None else compare(point) for point in points]
        real = [mark for mark in marks if mark is not None]
        used: list[bool] = real[-n:]
        if len(used) < n and treatment in ("breaching", "notBreaching"):
            used = used + [treatment == "breaching"] * (n - len(used))
        if len(used) == n or used.count(True) >= m:
            return AlarmState.ALARM if used.count(True) >= m else AlarmState.OK
        if False in used:
            return AlarmState.OK
        if treatment == "ignore":
            return self.states[alarm.name]
        if not used:
            return AlarmState.INSUFFICIENT_DATA
        oldest = len(marks) - marks.index(True)
        return AlarmState.ALARM if oldest >= m else self.states[alarm.name]

    def _decide(self, now: int, invoked: list[tuple[ScalingPolicy, Alarm, list[float]]]) -> None:
        best: tuple[int, ScalingPolicy, int, int] | None = None
        # Target tracking, "Considerations": if there are several such policies, it scales in only
        # if all of them, with the scale-in portion enabled, are ready to scale in.
        removing = {
            name
            for alarm in self.scaling.alarms
            for _, name in alarm.actions
            if "Less" in alarm.operator
        }
        tracks = {each.name for each in self.scaling.policies if isinstance(each, TrackingPolicy)}
        ready = {policy.name for policy, alarm, _ in invoked if "Less" in alarm.operator}
        for policy, alarm, real in invoked:
            found = self._wanted(policy, alarm, real, now)
            is_in = found is not None and found[0] < self.desired
            if is_in and policy.name in tracks and not (tracks & removing) <= ready:
                found = None
            if found and (best is None or found[0] > best[0]):
                best = (found[0], policy, found[1], found[2])
        if best is None:
            return
        target, policy, base, change = best
        at_once = self.settings.cooldown_from == "decision"
        out = target > self.desired
        until = now + (policy.cooldown if out else _cooldown_in(policy)) if at_once else inf
        memory = self.memory[policy.name]
        if out:
            memory.base, memory.change, memory.out_until = base, change, until
            for each in self.memory.values():
                each.in_until = -1
            self.scale_outs += 1
        else:
            memory.in_until = until
            self.scale_ins += 1
        self.desired = target

    def _wanted(  # noqa: C901, PLR0911
        self, policy: ScalingPolicy, alarm: Alarm, real: list[float], now: int
    ) -> tuple[int, int, int] | None:
        if not real:
            return None
        value = {"Average": sum(real) / len(real), "Maximum": max(real), "Minimum": min(real)}[
            policy.aggregation
        ]
        if isinstance(policy, TrackingPolicy):
            value = real[-1]
        base = len(self._of("running"))
        change = _change(policy, alarm, value, base)
        memory = self.memory[policy.name]
        if change is None or change == 0:
            return None
        if change > 0:
            if self.scaling.suspended.scaling_out:
                return None
            if now < memory.out_until:
                base = memory.base
                change = _change(policy, alarm, value, base)
                assert change is not None
                if change <= memory.change:
                    return None
            target = min(max(base + change, self.min), self.max)
            if self.desired < self.min:
                target = self.min
            return (target, base, change) if target > self.desired else None
        if self.scaling.suspended.scaling_in or self.deploying or now < memory.in_until:
            return None
        cooling = any(now < each.out_until for each in self.memory.values())
        if self.settings.scale_in_blocked_by_scale_out and cooling:
            return None
        target = min(max(base + change, self.min), self.max)
        if self.desired > self.max:
            target = self.max
        return (target, base, change) if target < self.desired else None


@cache
def _drawn(seed: str, most: int) -> int:
    return Random(seed).randint(0, most)


def _statistic(name: str, found: list[float]) -> float | None:
    if not found:
        return None
    return {
        "Average": fsum(found) / len(found),
        "Maximum": max(found),
        "Minimum": min(found),
        "Sum": fsum(found),
        "SampleCount": float(len(found)),
    }[name]


def _cooldown_in(policy: ScalingPolicy) -> int:
    """Tracking has two cooldowns, ScaleOutCooldown and ScaleInCooldown; steps have one."""
    return policy.scale_in_cooldown if isinstance(policy, TrackingPolicy) else policy.cooldown


def _change(  # noqa: PLR0911
    policy: ScalingPolicy, alarm: Alarm, value: float, base: int
) -> int | None:
    if isinstance(policy, TrackingPolicy):
        # "How target tracking works": in proportion to the metric, rounded up; from nothing by
        # the least that there is, once the metric is above the target.
        if base == 0:
            return 1 if value > policy.target_value else 0
        times = Fraction(value).limit_denominator(10**6) / Fraction(policy.target_value)
        return ceil(base * times) - base
    distance = value - alarm.threshold
    above = distance > 0 or (distance == 0 and "Greater" in alarm.operator)
    for step in policy.steps:
        low = -inf if step.lower is None else step.lower
        high = inf if step.upper is None else step.upper
        if (above and low <= distance < high) or (not above and low < distance <= high):
            break
    else:
        return None
    if policy.adjustment_type == "ChangeInCapacity":
        return step.adjustment
    if policy.adjustment_type == "ExactCapacity":
        return step.adjustment - base
    exact = base * step.adjustment / 100
    whole = 0 if exact == 0 else max(1, int(exact)) if exact > 0 else min(-1, int(exact))
    if step.adjustment and abs(whole) < policy.min_adjustment_magnitude:
        return policy.min_adjustment_magnitude * (1 if step.adjustment > 0 else -1)
    return whole
