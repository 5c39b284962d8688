"""Who keeps ECS from stopping a busy task."""

from collections.abc import Iterator, Mapping

from workerstack.specification.mistakes import Mistake
from workerstack.specification.queues import LONGEST_VISIBILITY_TIMEOUT, ImportedQueue, OwnQueue

LONGEST_PROTECTION = 2880
"""Minutes for which a task is protected at most (ECS: "task scale-in protection endpoint")."""

PROTECTOR = "protector"
"""The name of the container beside a worker with ``protection="sidecar"``."""


def check_reason(protection: str | None, unprotected: str) -> Iterator[Mistake]:
    """Wrong where a worker without protection has no reason, or another has one."""
    if (protection == "none") != bool(unprotected.strip()):
        yield Mistake(
            f"protection={protection!r} and unprotected={unprotected!r} disagree",
            "a worker without protection is killed in the middle of a job some day, which"
            " wants a reason, and the others have none",
            'Give protection="none" and a reason in unprotected, or neither',
        )


def check_times(
    protection: str | None, longest_job: int, heartbeat: int, queue: ImportedQueue | OwnQueue
) -> Iterator[Mistake]:
    """Wrong where a job cannot be protected for so long, or a heartbeat comes too late."""
    if protection not in ("worker", "sidecar"):
        return
    # An extension reaches beyond the end of the job, and SQS refuses one that ends after 12 hours.
    most = LONGEST_VISIBILITY_TIMEOUT - 3 * heartbeat
    if not 1 <= longest_job <= most:
        yield Mistake(
            f"A longest job of {longest_job} s cannot be protected",
            f"a message can be hidden for {most} s and three heartbeats at most, and what is"
            " never to end must be let go some time",
            f"Give longest_job in seconds, 1 to {most}",
        )
    hidden = queue.visibility_timeout if isinstance(queue, OwnQueue) else None
    if heartbeat < 1 or (hidden and protection == "worker" and heartbeat >= hidden):
        yield Mistake(
            f"A heartbeat of {heartbeat} s extends nothing",
            f"it must come before a message is visible again, after {hidden} s",
            "Take a third of the visibility timeout",
            field="heartbeat",
        )


def check_sidecar(
    protection: str | None, name: str, environment: Mapping[str, object]
) -> Iterator[Mistake]:
    """Wrong where the worker would not reach SQS through the sidecar."""
    taken = {"QUEUE_URL", "AWS_ENDPOINT_URL_SQS"} & environment.keys()
    if protection == "sidecar" and (taken or name == PROTECTOR):
        yield Mistake(
            f"{', '.join(sorted(taken)) or f'The name {PROTECTOR}'} is the sidecar's",
            "the worker must reach SQS through it",
            "Take another name" if name == PROTECTOR else "Remove it from environment",
        )
