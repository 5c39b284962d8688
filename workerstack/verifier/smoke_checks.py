"""What a smoke test's observations amount to, as checks; and the permissions asked before.

Source: IAM, SimulatePrincipalPolicy. It knows the role's policies, its boundary and the
organization's, and no policy of a queue or a bucket.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workerstack.deployer.service import EcsTask
from workerstack.verifier.check import Status, Verdict, judged
from workerstack.verifier.smoke_message import Appearance, Consumption

WORDS = (
    # Node.js and libuv, POSIX
    r"\b(?:ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b",
    r"socket hang up|getaddrinfo|UND_ERR_CONNECT_TIMEOUT|fetch failed",
    # the resolver, and the system's own words
    r"could not resolve host|name resolution|name or service not known|no such host",
    r"connection (?:refused|reset|timed out)|network is unreachable|no route to host",
    r"operation timed out|i/o timeout|TLS handshake timeout",
    # AWS's libraries
    r"could not connect to the endpoint|connect timeout on endpoint|read timeout on endpoint",
    r"UnknownEndpoint|NetworkingError|TimeoutError: .*(?:connect|socket)",
    # git and ssh
    r"unable to access 'https?://|could not read from remote repository|ssh: connect to host",
    r"failed to connect to \S+ port",
)
_ANY = re.compile("|".join(WORDS), re.IGNORECASE)


def found(lines: Iterable[str]) -> list[str]:
    """The lines that tell of a network error, in their order."""
    return [line for line in lines if _ANY.search(line)]


QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
OBJECT = ("s3:PutObject", "s3:GetObject")
FILE_SYSTEM = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")


@dataclass(frozen=True)
class NeededAccess:
    """Actions that the worker needs on a resource, with the context it calls them in."""

    actions: Sequence[str]
    resource: str
    context: Mapping[str, str]


def needs(task: Mapping[str, Any], queue_arn: str, object_arn: str) -> Iterator[NeededAccess]:
    """What a worker with this task definition needs; ``object_arn`` may be empty."""
    partition, _, region, account = queue_arn.split(":")[1:5]
    yield NeededAccess(QUEUE, queue_arn, {})
    if object_arn:
        # The worker's buckets are those of its own account, and it may use no others.
        yield NeededAccess(OBJECT, object_arn, {"aws:ResourceAccount": account})
    for volume in task.get("volumes", ()):
        system = volume.get("efsVolumeConfiguration", {})
        authorization = system.get("authorizationConfig", {})
        if authorization.get("iam") == "ENABLED":
            place = f"arn:{partition}:elasticfilesystem:{region}:{account}"
            point = authorization.get("accessPointId", "")
            context = (
                {"elasticfilesystem:AccessPointArn": f"{place}:access-point/{point}"}
                if point
                else {}
            )
            yield NeededAccess(
                FILE_SYSTEM, f"{place}:file-system/{system['fileSystemId']}", context
            )


def check(iam: Any, role: str, needed: Sequence[NeededAccess]) -> Verdict:
    """Whether the role may do all of it; skipped where we may not ask."""
    from botocore.exceptions import BotoCoreError, ClientError

    criterion = "the task role has the rights"
    try:
        refused = [each for need in needed for each in _refused(iam, role, need)]
    except (ClientError, BotoCoreError) as error:
        return Verdict(
            "rights", criterion, "SKIP", f"IAM could not be asked: {error}",
            "Give the caller iam:SimulatePrincipalPolicy, or see what the message does",
        )  # fmt: skip
    number = sum(len(need.actions) for need in needed)
    return judged(
        "rights", criterion, refused, f"{number} actions allowed on {len(needed)} resources",
        "Give the task role this right (TaskRole), review and execute",
    )  # fmt: skip


def _refused(iam: Any, role: str, need: NeededAccess) -> Iterator[str]:
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=list(need.actions),
        ResourceArns=[need.resource],
        ContextEntries=[
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in need.context.items()
        ],
    )
    for each in answer["EvaluationResults"]:
        if each["EvalDecision"] != "allowed":
            yield f"{each['EvalActionName']} on {need.resource}: {each['EvalDecision']}"


CRITERIA = {
    "start": "the container starts",
    "message": "the message is received and deleted",
    "object": "the expected object appears",
    "network": "the log tells of no network error",
}
NO_OBJECT = "no --expect-object given"
READ = "Read the log lines"


def verdict(name: str, status: Status, evidence: str, next_step: str = "") -> Verdict:
    """One of the checks above."""
    return Verdict(name, CRITERIA[name], status, evidence, next_step)


def stopped(task: EcsTask) -> Verdict:
    """A task that a fault has stopped."""
    return verdict(
        "start", "FAIL", f"task {task.name} stopped: {task.reason}",
        "Mend the image, the roles or the network that it names, and deploy again",
    )  # fmt: skip


def not_started(found: Sequence[EcsTask], events: Sequence[str], seconds: int) -> Verdict:
    """No task that runs in time; ``events`` are what ECS says of the service."""
    states = ", ".join(f"{task.name} is {task.status}" for task in found) or "no task came"
    return verdict(
        "start", "FAIL", f"not within {seconds} s: {'; '.join([states, *events])}",
        "Fix what it says, or allow more time with --timeout",
    )  # fmt: skip


def message(name: str, seen: Consumption, end: str, *, gone: bool, processed: bool) -> Verdict:
    """What became of the message with this id; ``end`` is why nobody waits any longer."""
    if seen.is_dead:
        return verdict(
            "message", "FAIL", f"the dead letters went from {seen.before.dead} to {seen.last.dead}",
            f"{READ}; then look at the dead-letter queue, and delete the message there",
        )  # fmt: skip
    if gone:
        return verdict("message", "PASS", f"{name}: the queue is empty again")
    if processed and seen.before.outstanding:
        said = f"processed, but others' messages hide whether it was deleted ({seen.last})"
        return verdict("message", "SKIP", said, "Run it again while the queue is quiet")
    what = "processed, but not deleted" if processed else "not consumed"
    return verdict(
        "message", "FAIL", f"{what} {end}: {seen.last}",
        f"{READ}; the worker must receive it, and delete it once its job is done",
    )  # fmt: skip


def appearance(found: Appearance | None) -> Verdict:
    """Whether the expected object has come."""
    if found is None:
        return verdict("object", "SKIP", NO_OBJECT, "Name it with --expect-object")
    if found.has_come:
        return verdict("object", "PASS", f"{found.wanted} is there, and new")
    if found.refused:
        return verdict(
            "object", "SKIP", f"{found.wanted}: {found.refused}",
            "Give the caller s3:GetObject and s3:ListBucket",
        )  # fmt: skip
    return verdict(
        "object", "FAIL", f"{found.wanted} is not there, or as old as before",
        f"{READ}; compare the name with what the worker writes",
    )  # fmt: skip


def network(lines: Sequence[str]) -> Verdict:
    """Whether the log of this run tells of something that could not be reached."""
    if not lines:
        return verdict(
            "network", "SKIP", "nothing was logged in this run",
            "See that the container writes to standard output",
        )  # fmt: skip
    return judged(
        "network", CRITERIA["network"], found(lines)[:3],
        f"no network error in {len(lines)} log lines",
        "See the security group's egress, the subnets' routes and public addresses, and DNS",
    )  # fmt: skip
