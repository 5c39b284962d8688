"""The entrance: a scaling, a trace and settings become a run and the numbers of it."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import ceil
from typing import overload

from workerstack.problem import Problem
from workerstack.simulator.cost import Prices, billed_seconds, cost, read_prices
from workerstack.simulator.engine import Engine
from workerstack.simulator.model import Scaling, TaskSize
from workerstack.simulator.result import Fate, MessageOutcome, Run, Summary, TaskLife
from workerstack.simulator.settings import Settings
from workerstack.simulator.sqs import DEAD, DELAYED, DONE, EXPIRED, IN_FLIGHT, VISIBLE, MessageQueue
from workerstack.simulator.traces import LATEST, Trace

FATES: dict[int, Fate] = {
    DELAYED: "waiting",
    VISIBLE: "waiting",
    IN_FLIGHT: "in flight",
    DONE: "done",
    DEAD: "dead",
    EXPIRED: "expired",
}


def percentile(values: Sequence[int], count: int, share: float) -> int | None:
    """The nearest-rank percentile of ``count`` values of which these, sorted, are not infinite.

    None where it is infinite or there is none.
    """
    # Of all messages and not only of those that were done: what never was counts as infinitely
    # late.
    rank = max(0, ceil(share * count) - 1)
    return values[rank] if rank < len(values) else None


def lives(engine: Engine) -> tuple[TaskLife, ...]:
    """All tasks."""
    return tuple(
        TaskLife(task.number, task.started, task.running, task.stopping, task.ended)
        for task in engine.service.all
    )


class Outcomes(Sequence[MessageOutcome]):
    """What became of all messages that arrived; each is made when it is asked for."""

    def __init__(self, queue: MessageQueue) -> None:
        self._queue = queue

    def __len__(self) -> int:
        return self._queue.sent

    @overload
    def __getitem__(self, index: int) -> MessageOutcome: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[MessageOutcome]: ...
    def __getitem__(self, index: int | slice) -> MessageOutcome | Sequence[MessageOutcome]:
        queue = self._queue
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(queue.sent))]
        at = range(queue.sent)[index]
        message = queue.messages[at]
        first, finished = queue.first_received[at], queue.finished[at]
        return MessageOutcome(
            message.arrival,
            message.service,
            FATES[queue.state[at]],
            queue.receives[at],
            None if first < 0 else first,
            None if finished < 0 else finished,
        )


def _times(engine: Engine, moments: Sequence[int]) -> "array[int]":
    """Seconds from each arrival to these moments, sorted; those of never are left out."""
    sent = engine.queue.sent
    taken = zip(moments[:sent], engine.arrivals, strict=False)
    return array("i", sorted([each - arrival for each, arrival in taken if each >= 0]))


def _oldest(engine: Engine, completed: Sequence[int]) -> int:
    """The greatest age that any message reached in the queue; ``completed`` are those done."""
    queue = engine.queue
    left = {message: second for second, message in (*queue.dead, *queue.expired)}
    unfinished = (
        left.get(index, engine.horizon) - queue.messages[index].arrival
        for index, finished in enumerate(queue.finished[: queue.sent])
        if finished < 0
    )
    return max(max(unfinished, default=0), completed[-1] if completed else 0)


def summary(engine: Engine, tasks: Iterable[TaskLife], task: TaskSize, prices: Prices) -> Summary:
    """The run in numbers."""
    queue, recording, settings = engine.queue, engine.recording, engine.settings
    tasks = tuple(tasks)
    fates = queue.state[: queue.sent]
    received = _times(engine, queue.first_received)
    completed = _times(engine, queue.finished)
    seconds = sum(billed_seconds(life, engine.horizon, settings.pull_start, 0) for life in tasks)
    return Summary(
        messages=queue.sent,
        done=fates.count(DONE),
        waiting=fates.count(VISIBLE) + fates.count(DELAYED),
        in_flight=fates.count(IN_FLIGHT),
        dead_letters=fates.count(DEAD),
        expired=fates.count(EXPIRED),
        receives=queue.received,
        duplicates=recording.duplicates,
        killed=len(recording.kills),
        returned=recording.returned,
        wasted=recording.wasted,
        first_receive_p50=percentile(received, queue.sent, 0.5),
        first_receive_p95=percentile(received, queue.sent, 0.95),
        first_receive_max=percentile(received, queue.sent, 1),
        completion_p50=percentile(completed, queue.sent, 0.5),
        completion_p95=percentile(completed, queue.sent, 0.95),
        completion_max=percentile(completed, queue.sent, 1),
        oldest_age_max=_oldest(engine, completed),
        backlog_max=recording.backlog_max,
        peak=recording.peak,
        scale_outs=recording.scale_outs,
        scale_ins=recording.scale_ins,
        tasks_started=len(tasks),
        task_hours=seconds / 3_600,
        cost=cost(tasks, engine.horizon, task, engine.scaling.alarms, settings.pull_start, prices),
    )


AFTER_LAST = 21_600
"""Seconds for which a run goes on after the last arrival, unless a horizon is given: 6 hours."""


def simulate(
    scaling: Scaling,
    trace: Trace,
    settings: Settings | None = None,
    *,
    horizon: int | None = None,
    prices: Prices | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """How the queue is worked off; equal input gives an equal run.

    ``horizon``: the second at which it ends, 6 hours after the last arrival if None. Messages
    that arrive later are not part of it. ``progress`` is called now and then with the second
    that was reached. Raises Problem where the settings and the template contradict.
    """
    settings = settings or Settings()
    engine = _ran(scaling, trace, settings, horizon, progress, whole=True)
    tasks = lives(engine)
    return Run(
        scaling=scaling,
        settings=engine.settings,
        horizon=engine.horizon,
        summary=summary(engine, tasks, _task(scaling, settings), prices or _default_prices()),
        events=tuple(engine.recording.events),
        series=engine.recording.series(),
        tasks=tasks,
        kills=tuple(engine.recording.kills),
        dead_letters=tuple(engine.queue.dead),
        outcomes=Outcomes(engine.queue),
    )


def summarize(
    scaling: Scaling,
    trace: Trace,
    settings: Settings | None = None,
    *,
    horizon: int | None = None,
    prices: Prices | None = None,
) -> Summary:
    """The summary of the same run alone, in less time: for searching over many."""
    settings = settings or Settings()
    engine = _ran(scaling, trace, settings, horizon, None, whole=False)
    task = _task(scaling, settings)
    return summary(engine, lives(engine), task, prices or _default_prices())


def _ran(
    scaling: Scaling,
    trace: Trace,
    settings: Settings,
    horizon: int | None,
    progress: Callable[[int], None] | None,
    *,
    whole: bool,
) -> Engine:
    engine = Engine(scaling, trace, settings, end_of(trace, horizon), whole=whole)
    engine.go(progress)
    return engine


def end_of(trace: Trace, horizon: int | None) -> int:
    """The second at which a run ends; Problem where that is impossible."""
    last = trace.messages[-1].arrival if trace.messages else 0
    end = last + AFTER_LAST if horizon is None else horizon
    if not 0 <= end <= LATEST + AFTER_LAST:
        raise Problem(
            f"A horizon of {end} s is impossible",
            "a run takes from nothing to ten years",
            "Give another horizon",
        )
    return end


def _task(scaling: Scaling, settings: Settings) -> TaskSize:
    return scaling.task or TaskSize(cpu=settings.cpu, memory=settings.memory)


@cache
def _default_prices() -> Prices:
    return read_prices()
