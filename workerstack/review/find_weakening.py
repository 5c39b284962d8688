"""Findings on settings that become weaker while the resource stays: what its change loses.

A retention is shortened, a protection turned off, a queue's time for a job lowered, a way of
messages or of traffic closed, a maximum lowered.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from workerstack.cloudformation import Resource, references, text
from workerstack.cloudformation.policy_exposure import who_may
from workerstack.review import network as networks
from workerstack.review.case import Case
from workerstack.review.find_removal import STATEFUL
from workerstack.review.model import Finding

FOR_EVER = float("inf")
DAY = 86400


class Kept(NamedTuple):
    """How long something is kept: where it stands, its unit, what holds if it is left out."""

    path: tuple[str, ...]
    unit: str
    default: float
    content: str


KEPT = {
    "AWS::Logs::LogGroup": Kept(("RetentionInDays",), "days", FOR_EVER, "log events"),
    "AWS::SQS::Queue": Kept(("MessageRetentionPeriod",), "s", 4 * DAY, "messages"),
    "AWS::RDS::DBInstance": Kept(("BackupRetentionPeriod",), "days", 1, "automatic backups"),
    "AWS::RDS::DBCluster": Kept(("BackupRetentionPeriod",), "days", 1, "automatic backups"),
    "AWS::DocDB::DBCluster": Kept(("BackupRetentionPeriod",), "days", 1, "automatic backups"),
    "AWS::Neptune::DBCluster": Kept(("BackupRetentionPeriod",), "days", 1, "automatic backups"),
    "AWS::Kinesis::Stream": Kept(("RetentionPeriodHours",), "hours", 24, "records"),
    "AWS::ElastiCache::ReplicationGroup": Kept(("SnapshotRetentionLimit",), "days", 0, "snapshots"),
    "AWS::Redshift::Cluster": Kept(("AutomatedSnapshotRetentionPeriod",), "days", 1, "snapshots"),
    "AWS::KMS::Key": Kept(
        ("PendingWindowInDays",), "days", 30, "days in which a deletion can be undone"
    ),
}
"""Source: template reference of each type."""


class Guard(NamedTuple):
    """A setting that protects: where it stands, its protecting values, what it keeps off."""

    path: tuple[str, ...]
    on: tuple[str, ...]
    without: str
    default: str = ""


def _block(name: str) -> Guard:
    return Guard(
        ("PublicAccessBlockConfiguration", name), ("true",), "a policy or an ACL can open it to all"
    )


GUARDS = {
    "AWS::RDS::DBInstance": (Guard(("DeletionProtection",), ("true",), "it can be deleted"),),
    "AWS::RDS::DBCluster": (Guard(("DeletionProtection",), ("true",), "it can be deleted"),),
    "AWS::DynamoDB::Table": (
        Guard(("DeletionProtectionEnabled",), ("true",), "it can be deleted"),
        Guard(
            ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), ("true",),
            "earlier items cannot be restored",
        ),
    ),
    "AWS::Cognito::UserPool": (Guard(("DeletionProtection",), ("active",), "it can be deleted"),),
    "AWS::Logs::LogGroup": (
        Guard(("DeletionProtectionEnabled",), ("true",), "it can be deleted"),
    ),
    "AWS::S3::Bucket": (
        *map(_block, ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls",
                      "RestrictPublicBuckets")),
        Guard(("VersioningConfiguration", "Status"), ("enabled",),
              "an overwritten or deleted object is lost"),
    ),
    "AWS::EFS::FileSystem": (
        Guard(("BackupPolicy", "Status"), ("enabled",), "no backup is made any more"),
    ),
    "AWS::KMS::Key": (
        Guard(("Enabled",), ("true",), "nothing that it encrypted can be read", "true"),
        Guard(("EnableKeyRotation",), ("true",), "its material is not rotated"),
    ),
}  # fmt: skip
"""Source: template reference of each type."""

RANK = {"Delete": 0, "Snapshot": 1, "RetainExceptOnCreate": 2, "Retain": 2}
FEEDERS = {
    "AWS::SNS::Subscription": ("Endpoint",),
    "AWS::Events::Rule": ("Targets",),
    "AWS::Scheduler::Schedule": ("Target",),
    "AWS::Pipes::Pipe": ("Target", "Source"),
    "AWS::S3::Bucket": ("NotificationConfiguration",),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn",),
}
"""What brings messages to a queue, or takes them on, and where it names the queue."""
QUEUE = "AWS::SQS::Queue"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


def _pairs(case: Case, *types: str) -> Iterator[tuple[Resource, Resource]]:
    """What stays, as it was and as it will be, of these types or of all."""
    before, after = case.stacks
    for name, new in after.resources.items():
        old = before.resources.get(name)
        if old is not None and old.type == new.type and (not types or new.type in types):
            yield old, new


def _number(value: Any, default: float) -> float | None:
    """None where the value is not known."""
    if value is None:
        return default
    try:
        return float(str(text(value)))
    except ValueError:
        return None


def _long(value: float, unit: str) -> str:
    if value == FOR_EVER:
        return "for ever"
    if unit == "s" and value >= DAY:
        days = value / DAY
        return f"{days:g} day{'' if days == 1 else 's'}"
    return f"{value:g} {unit}"


def kept_shorter(case: Case) -> Iterator[Finding]:
    """Logs, messages or backups are kept for a shorter time: what is older is deleted."""
    for old, new in _pairs(case, *KEPT):
        kept = KEPT[new.type]
        before, after = (_number(each.get(*kept.path), kept.default) for each in (old, new))
        if before is not None and after is not None and after < before:
            yield _shorter(new.logical_id, before, after, kept.unit, kept.content)
    for old, new in _pairs(case, "AWS::Backup::BackupPlan"):
        plans = [_lifecycles(each) for each in (old, new)]
        for rule, before in plans[0].items():
            after = plans[1].get(rule, 0.0)
            if before is not None and after is not None and after < before:
                yield _shorter(new.logical_id, before, after, "days", f"backups of {rule}")
    for old, new in _pairs(case, "AWS::S3::Bucket"):
        ends = [_expiry(each) for each in (old, new)]
        if ends[0] is not None and ends[1] is not None and ends[1] < ends[0]:
            yield _shorter(new.logical_id, ends[0], ends[1], "days", "objects")


def _shorter(logical_id: str, before: float, after: float, unit: str, content: str) -> Finding:
    spans = f"{_long(before, unit)} -> {_long(after, unit)}"
    return Finding(
        id="retention-shortened",
        level="warning",
        logical_id=logical_id,
        what=f"{logical_id} keeps its {content} for a shorter time ({spans})",
        why="what is older is deleted for good, and a rollback cannot restore it",
        next_step="Save what is still needed, or keep the longer time",
    )


def _lifecycles(plan: Resource) -> dict[str, float | None]:
    rules = plan.get("BackupPlan", "BackupPlanRule", default=[])
    return {
        str(text(rule.get("RuleName"))): _number(
            (rule.get("Lifecycle") or {}).get("DeleteAfterDays"), FOR_EVER
        )
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, Mapping)
    }


def _expiry(bucket: Resource) -> float | None:
    """After how many days the first objects expire."""
    rules = bucket.get("LifecycleConfiguration", "Rules", default=[])
    found = [
        _number(rule.get("ExpirationInDays"), FOR_EVER)
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, Mapping) and text(rule.get("Status")) != "Disabled"
    ]
    if None in found:
        return None
    return min((each for each in found if each is not None), default=FOR_EVER)


def guard_off(case: Case) -> Iterator[Finding]:
    """A protection is turned off: of deletion, of backups, of a bucket, or a key itself."""
    for old, new in _pairs(case, *GUARDS):
        off = [
            guard
            for guard in GUARDS[new.type]
            if _is_on(old, guard) and not _is_on(new, guard) and _is_given(new, guard)
        ]
        if off:
            names = ", ".join(guard.path[-1] for guard in off)
            yield Finding(
                id="protection-off",
                level="warning",
                logical_id=new.logical_id,
                what=f"{new.logical_id} loses {names if len(off) < 4 else off[0].path[0]}",  # noqa: PLR2004
                why="; ".join(dict.fromkeys(guard.without for guard in off)),
                next_step="Keep it on, unless the data is not needed any more",
            )
    for old, new in _pairs(case, "AWS::ECS::TaskDefinition"):
        if _mounts(old, "DISABLED") < _mounts(new, "DISABLED") and _mounts(old, "ENABLED"):
            yield Finding(
                id="protection-off",
                level="warning",
                logical_id=new.logical_id,
                what=f"{new.logical_id} mounts its file system without encryption in transit",
                why="files cross the network in the clear, and IAM does not check who mounts",
                next_step="Keep TransitEncryption ENABLED",
            )


def _is_on(one: Resource, guard: Guard) -> bool:
    given = text(one.get(*guard.path))
    return (guard.default if given is None else given).lower() in guard.on


def _is_given(one: Resource, guard: Guard) -> bool:
    """Whether the value is known: what only execution tells is not turned off."""
    value = one.get(*guard.path)
    return value is None or text(value) is not None


def _mounts(task: Resource, state: str) -> int:
    volumes = task.get("Volumes", default=[])
    found = [
        (each.get("EFSVolumeConfiguration") or {}).get("TransitEncryption", "DISABLED")
        for each in (volumes if isinstance(volumes, list) else [])
        if isinstance(each, Mapping) and each.get("EFSVolumeConfiguration")
    ]
    return sum(text(each) == state for each in found)


def policy_off(case: Case) -> Iterator[Finding]:
    """DeletionPolicy or UpdateReplacePolicy keeps less than before; the resource stays for now."""
    for old, new in _pairs(case, *STATEFUL):
        weaker = [
            (name, before, after)
            for name in ("DeletionPolicy", "UpdateReplacePolicy")
            for before, after in [(_policy(old, name), _policy(new, name))]
            if RANK.get(after, 2) < RANK.get(before, 0)
        ]
        if weaker:
            spans = ", ".join(f"{name} {before} -> {after}" for name, before, after in weaker)
            verb = {
                "DeletionPolicy": "with the stack, or when it leaves the template",
                "UpdateReplacePolicy": "when it is replaced",
            }[weaker[0][0]]
            yield Finding(
                id="retain-removed",
                level="warning",
                logical_id=new.logical_id,
                what=f"{new.logical_id} is kept no longer ({spans})",
                why=f"from now on {STATEFUL[new.type]} are deleted {verb}",
                next_step="Keep the policy, unless the data is not needed any more",
            )


def _policy(one: Resource, attribute: str) -> str:
    given = one.attributes.get(attribute)
    return one.default_policy(attribute) if given is None else text(given) or "Retain"


def queue_settings(case: Case) -> Iterator[Finding]:
    """A queue gives less time for a job, or loses the way to its dead-letter queue."""
    for old, new in _pairs(case, QUEUE):
        before, after = (_number(each.get("VisibilityTimeout"), 30) for each in (old, new))
        if before is not None and after is not None and after < before:
            yield Finding(
                id="visibility-lowered",
                level="warning",
                logical_id=new.logical_id,
                what=f"{new.logical_id} lowers its visibility timeout"
                f" ({before:g} s -> {after:g} s)",
                why="a message that is received from now on comes back after that time, though a"
                " job still works on it",
                next_step="Keep it above the longest job, or extend it while the job runs",
            )
        redrive = [each.get("RedrivePolicy") for each in (old, new)]
        if redrive[0] and not redrive[1]:
            yield Finding(
                id="redrive-removed",
                level="warning",
                logical_id=new.logical_id,
                what=f"{new.logical_id} loses its dead-letter queue",
                why="a message that always fails comes back until it expires, and is then lost",
                next_step="Keep RedrivePolicy",
            )
        else:
            tries = [_number(_member(each, "maxReceiveCount"), FOR_EVER) for each in redrive]
            if tries[1] == 1 and tries[0] is not None and tries[0] > 1:
                yield Finding(
                    id="redrive-removed",
                    level="warning",
                    logical_id=new.logical_id,
                    what=f"{new.logical_id} gives each message one try ({tries[0]:g} -> 1)",
                    why="a task that is stopped in the middle of a job makes a dead letter of it",
                    next_step="Allow at least two receives",
                )


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def feeders(case: Case) -> Iterator[Finding]:
    """A subscription, rule, notification or permission goes that brought messages to a queue."""
    before, after = case.stacks
    if not case.is_whole:
        return
    queues = {each.logical_id for each in after.of(QUEUE)}
    for name, old in before.resources.items():
        fed = _fed(old) & queues
        new = after.resources.get(name)
        # A subscription may name its queue by an ARN in plain text, in which no reference is found.
        literal = old.type == "AWS::SNS::Subscription" and text(old.get("Protocol")) == "sqs"
        gone = sorted(fed - (_fed(new) if new is not None else set()))
        if gone or (literal and new is None and not fed and after.resources):
            to = ", ".join(gone) or "its queue"
            yield _unfed(name, f"{name} no longer brings messages to {to}")
    for each in case.rights:
        if each.holder.kind == "resource" and each.holder.name in queues:
            senders = dict.fromkeys(
                str(grant.principal)
                for right in each.lost
                if right.action.lower() in ("sqs:sendmessage", "sqs:*", "*")
                for grant in who_may(_alone(right.statement))
                if grant.principal.kind == "Service"
            )
            if senders:
                yield _unfed(
                    each.holder.name,
                    f"{', '.join(senders)} can no longer send to {each.holder.name}",
                )
        elif each.holder.kind == "resource" and each.holder.name in after.resources:
            kind = after.resources[each.holder.name].type
            owner = [
                right
                for right in each.lost
                if kind == "AWS::KMS::Key"
                and any(
                    p.account and str(text(p.name) or "").endswith((":root", p.account))
                    for p in right.statement.principals or ()
                )
            ]
            if owner:
                yield Finding(
                    id="permission-lost",
                    level="warning",
                    logical_id=each.holder.name,
                    what=f"{each.holder.name} loses the statement for its own account",
                    why="without it nobody may manage the key, and only AWS Support can help",
                    next_step="Keep the statement for the account's root",
                )


def _alone(statement: Any) -> Any:
    from workerstack.cloudformation.policies import Policy

    return Policy((statement,))


def _unfed(logical_id: str, what: str) -> Finding:
    return Finding(
        id="feeder-removed",
        level="warning",
        logical_id=logical_id,
        what=what,
        why="what is sent from now on does not reach the worker",
        next_step="Check that something else brings the messages, or that none are needed",
    )


def _fed(one: Resource) -> set[str]:
    return {
        found.logical_id
        for name in FEEDERS.get(one.type, ())
        for found in references(one.properties.get(name))
    }


def reach_lost(case: Case) -> Iterator[Finding]:
    """An outbound rule goes without which tasks reach nothing, or the one to a file system."""
    before, after = case.stacks
    if not case.is_whole:
        return
    old, new = networks.rules(before), networks.rules(after)
    gone = networks.not_covered(old, new)
    for rule in gone:
        if rule.group not in after.resources and rule.group in before.resources:
            continue
        if rule.direction == "outbound":
            wanted = _at(rule, networks.HTTPS) if rule.protocol in ("all", "tcp") else rule
            others = [each for each in new if each.includes(wanted)]
            # Two halves of the internet may come from two rules.
            outside = networks.is_world([rule]) and not networks.is_world(others)
            if rule.includes(wanted) and (outside or not others):
                yield Finding(
                    id="reach-lost",
                    level="warning",
                    logical_id=rule.logical_id,
                    what=f"{rule.logical_id} closes outbound {wanted.traffic}"
                    + (" to the internet" if others else ""),
                    why="tasks reach AWS and what the job needs through the VPC only"
                    if others
                    else "tasks reach neither AWS nor what the job needs over it",
                    next_step="Keep the rule, or check that VPC endpoints give what tasks need"
                    if others
                    else "Keep the rule, or check that nothing uses it",
                )
        elif (rule.protocol, rule.first, rule.last) == ("tcp", networks.NFS, networks.NFS):
            left = any(
                each.direction == "inbound" and each.first <= networks.NFS <= each.last
                and each.group == rule.group
                for each in new
            )  # fmt: skip
            if not left:
                yield Finding(
                    id="reach-lost",
                    level="warning",
                    logical_id=rule.logical_id,
                    what=f"{rule.group} closes TCP {networks.NFS}, by which tasks mount files",
                    why="no new task can mount the file system, so none starts",
                    next_step="Keep the rule",
                )


def _at(rule: networks.NetworkRule, port: int) -> networks.NetworkRule:
    from dataclasses import replace

    if rule.first <= port <= rule.last:
        return replace(rule, protocol="tcp", first=port, last=port)
    return rule


def maximum(case: Case) -> Iterator[Finding]:
    """MaxCapacity is lowered: Application Auto Scaling stops the tasks above it at once."""
    for old, new in _pairs(case, TARGET):
        before, after = (_number(each.get("MaxCapacity"), FOR_EVER) for each in (old, new))
        running = case.facts.running_tasks
        if before is None or after is None or after >= before:
            continue
        # Application Auto Scaling brings the desired count within new bounds at once, without an
        # alarm.
        stopped = None if running is None else max(0, int(running - after))
        if stopped == 0:
            continue
        yield Finding(
            id="maximum-lowered",
            level="warning",
            logical_id=new.logical_id,
            what=f"{new.logical_id} lowers its maximum ({before:g} -> {after:g} tasks)",
            why="tasks above it are stopped at once, in the middle of their jobs"
            if stopped is None
            else f"{stopped} of {running} running tasks are stopped at once, in the middle of"
            " their jobs",
            next_step="Execute while no more tasks are running",
        )


CHECKS: tuple[tuple[tuple[str, ...], Callable[[Case], Iterator[Finding]]], ...] = (
    (("retain-removed",), policy_off),
    (("retention-shortened",), kept_shorter),
    (("protection-off",), guard_off),
    (("visibility-lowered", "redrive-removed"), queue_settings),
    (("feeder-removed", "permission-lost"), feeders),
    (("reach-lost",), reach_lost),
    (("maximum-lowered",), maximum),
)
"""What finds which ids, in the order of risk."""
