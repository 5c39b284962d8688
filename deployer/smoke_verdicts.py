"""What a smoke test's observations amount to, as checks. Pure."""

from collections.abc import Sequence

from deployer import network_errors
from deployer.check import Check, Status, judged
from deployer.consumption import Consumption
from deployer.expected import Appearance
from deployer.tasks import Task

CRITERIA = {
    "start": "the container starts",
    "message": "the message is received and deleted",
    "object": "the expected object appears",
    "network": "the log tells of no network error",
}
READ = "Read the log lines"


def verdict(name: str, status: Status, evidence: str, next_step: str = "") -> Check:
    """One of the checks above."""
    return Check(name, CRITERIA[name], status, evidence, next_step)


def stopped(task: Task) -> Check:
    """A task that a fault has stopped."""
    return verdict(
        "start", "red", f"task {task.name} stopped: {task.reason}",
        "Mend the image, the roles or the network that it names, and deploy again",
    )  # fmt: skip


def not_started(found: Sequence[Task], events: Sequence[str], seconds: int) -> Check:
    """No task that runs in time; ``events`` are what ECS says of the service."""
    states = ", ".join(f"{task.name} is {task.status}" for task in found) or "no task came"
    return verdict(
        "start", "red", f"not within {seconds} s: {'; '.join([states, *events])}",
        "Mend what it says, or allow more time with --timeout",
    )  # fmt: skip


def message(name: str, seen: Consumption, end: str, *, gone: bool, processed: bool) -> Check:
    """What became of the message with this id; ``end`` is why nobody waits any longer."""
    if seen.is_dead:
        return verdict(
            "message", "red", f"the dead letters went from {seen.before.dead} to {seen.last.dead}",
            f"{READ}; then look at the dead-letter queue, and delete the message there",
        )  # fmt: skip
    if gone:
        return verdict("message", "green", f"{name}: the queue is empty again")
    if processed and seen.before.outstanding:
        said = f"processed, but others' messages hide whether it was deleted ({seen.last})"
        return verdict("message", "unknown", said, "Run it again while the queue is quiet")
    what = "processed, but not deleted" if processed else "not consumed"
    return verdict(
        "message", "red", f"{what} {end}: {seen.last}",
        f"{READ}; the worker must receive it, and delete it once its job is done",
    )  # fmt: skip


def appearance(found: Appearance | None) -> Check:
    """Whether the expected object has come."""
    if found is None:
        return verdict("object", "unknown", "none is named", "Name it with --expect-object")
    if found.has_come:
        return verdict("object", "green", f"{found.wanted} is there, and new")
    if found.refused:
        return verdict(
            "object", "unknown", f"{found.wanted}: {found.refused}",
            "Give the caller s3:GetObject and s3:ListBucket",
        )  # fmt: skip
    return verdict(
        "object", "red", f"{found.wanted} is not there, or as old as before",
        f"{READ}; compare the name with what the worker writes",
    )  # fmt: skip


def network(lines: Sequence[str]) -> Check:
    """Whether the log of this run tells of something that could not be reached."""
    if not lines:
        return verdict(
            "network", "unknown", "nothing was logged in this run",
            "See that the container writes to standard output",
        )  # fmt: skip
    return judged(
        "network", CRITERIA["network"], network_errors.found(lines)[:3],
        f"none in {len(lines)} lines since the start",
        "See the security group's egress, the subnets' routes and public addresses, and DNS",
    )  # fmt: skip
