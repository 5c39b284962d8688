"""The numbers of a run, from what was written down."""

from collections.abc import Iterable, Sequence
from math import ceil, inf

from simulator.engine import Engine
from simulator.model import Task
from simulator.money import Prices, billed_seconds, cost
from simulator.queue import DEAD, DONE, EXPIRED, IN_FLIGHT, VISIBLE
from simulator.run import Fate, Outcome, Summary, TaskLife

FATES: dict[int, Fate] = {
    VISIBLE: "waiting",
    IN_FLIGHT: "in flight",
    DONE: "done",
    DEAD: "dead",
    EXPIRED: "expired",
}


def percentile(values: Sequence[float], share: float) -> int | None:
    """The nearest-rank percentile of sorted values; None where it is infinite or there is none."""
    if not values:
        return None
    value = values[max(0, ceil(share * len(values)) - 1)]
    return None if value == inf else int(value)


def lives(engine: Engine) -> tuple[TaskLife, ...]:
    """All tasks."""
    return tuple(
        TaskLife(task.number, task.started, task.running, task.stopping, task.ended)
        for task in engine.service.all
    )


def outcomes(engine: Engine) -> tuple[Outcome, ...]:
    """All messages that arrived."""
    queue = engine.queue
    return tuple(
        Outcome(
            message.arrival,
            message.service,
            FATES[queue.state[index]],
            queue.receives[index],
            queue.first_received[index],
            queue.finished[index],
        )
        for index, message in enumerate(queue.messages[: queue.sent])
    )


def _times(engine: Engine, moments: Sequence[int | None]) -> list[float]:
    messages = engine.queue.messages
    sent = engine.queue.sent
    return sorted(
        inf if moment is None else moment - messages[index].arrival
        for index, moment in enumerate(moments[:sent])
    )


def _oldest(engine: Engine) -> int:
    """The greatest age that any message reached in the queue."""
    queue = engine.queue
    left = {message: second for second, message in (*queue.dead, *queue.expired)}
    return max(
        (
            (finished if finished is not None else left.get(index, engine.horizon))
            - queue.messages[index].arrival
            for index, finished in enumerate(queue.finished[: queue.sent])
        ),
        default=0,
    )


def summary(engine: Engine, tasks: Iterable[TaskLife], task: Task, prices: Prices) -> Summary:
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
        waiting=fates.count(VISIBLE),
        in_flight=fates.count(IN_FLIGHT),
        dead_letters=fates.count(DEAD),
        expired=fates.count(EXPIRED),
        receives=queue.received,
        duplicates=recording.duplicates,
        killed=len(recording.kills),
        returned=recording.returned,
        wasted=recording.wasted,
        first_receive_p50=percentile(received, 0.5),
        first_receive_p95=percentile(received, 0.95),
        first_receive_max=percentile(received, 1),
        completion_p50=percentile(completed, 0.5),
        completion_p95=percentile(completed, 0.95),
        completion_max=percentile(completed, 1),
        oldest_age_max=_oldest(engine),
        backlog_max=recording.backlog_max,
        peak=recording.peak,
        scale_outs=recording.scale_outs,
        scale_ins=recording.scale_ins,
        tasks_started=len(tasks),
        task_hours=seconds / 3_600,
        cost=cost(tasks, engine.horizon, task, engine.scaling.alarms, settings.pull_start, prices),
    )
