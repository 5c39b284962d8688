"""Findings on resources that are removed or replaced: their data, names, logical ids, alarms.

What gets weaker while its resource stays, such as a shorter retention, is in `find_weakening`.
"""

from collections.abc import Iterator
from typing import Any

from workerstack.cloudformation import equal, references, text
from workerstack.cloudformation.identity import SCOPES, own_name
from workerstack.review.case import Case, is_replaced, known, properties
from workerstack.review.model import Finding, ResourceChange

STATEFUL = {
    "AWS::Backup::BackupVault": "its backups",
    "AWS::CodeCommit::Repository": "its history",
    "AWS::Cognito::UserPool": "its users",
    "AWS::DocDB::DBCluster": "its data",
    "AWS::DocDB::DBInstance": "its data",
    "AWS::DynamoDB::GlobalTable": "its items",
    "AWS::DynamoDB::Table": "its items",
    "AWS::EC2::Volume": "its data",
    "AWS::ECR::Repository": "its images",
    "AWS::EFS::AccessPoint": "its id, which tasks mount",
    "AWS::EFS::FileSystem": "its files",
    "AWS::ElastiCache::CacheCluster": "its cached data",
    "AWS::ElastiCache::ReplicationGroup": "its cached data",
    "AWS::FSx::FileSystem": "its files",
    "AWS::KMS::Key": "all that it encrypted",
    "AWS::Kinesis::Stream": "its records",
    "AWS::Logs::LogGroup": "its log events",
    "AWS::MSK::Cluster": "its topics",
    "AWS::Neptune::DBCluster": "its data",
    "AWS::Neptune::DBInstance": "its data",
    "AWS::OpenSearchService::Domain": "its indices",
    "AWS::RDS::DBCluster": "its data",
    "AWS::RDS::DBInstance": "its data",
    "AWS::Redshift::Cluster": "its data",
    "AWS::S3::Bucket": "its objects",
    "AWS::SecretsManager::Secret": "its value",
    "AWS::SNS::Topic": "its subscriptions",
    "AWS::SQS::Queue": "its messages",
    "AWS::SSM::Parameter": "its value",
    "AWS::Timestream::Table": "its data",
}
"""What is gone with a resource of this type: nothing in a template can bring it back."""

INTERRUPTED = {
    "AWS::RDS::DBInstance": frozenset({
        "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ",
        "PreferredMaintenanceWindow",
    }),
}  # fmt: skip
"""Properties of which the schemas say that they may force a replacement, and the template
reference that they only interrupt."""

KEEPING = frozenset({"Retain", "RetainExceptOnCreate", "ReplaceAndRetain"})
SAVING = frozenset({"Snapshot", "ReplaceAndSnapshot"})

DEFAULT_CLUSTER = "default"
"""Where a service is that names no cluster (template reference: AWS::ECS::Service, Cluster)."""


def _policy(change: ResourceChange) -> str:
    """What happens to the old resource; from its body where the API does not say."""
    if change.policy_action:
        return change.policy_action
    attribute = "DeletionPolicy" if change.action == "Remove" else "UpdateReplacePolicy"
    body = change.before if isinstance(change.before, dict) else {}
    return str(body.get(attribute, "Delete"))


def stateful(case: Case) -> Iterator[Finding]:
    """Data that a deletion or a replacement takes away, by what the policies keep of it."""
    for change in case.changes(*STATEFUL):
        removed = change.action == "Remove"
        if not (removed or is_replaced(change)) or _is_interrupted(change):
            continue
        policy, content = _policy(change), STATEFUL[change.type]
        may = "may be" if change.replacement == "Conditional" else "is"
        what = f"{change.logical_id} {'is deleted' if removed else f'{may} replaced'}"
        if policy in KEEPING and removed:
            yield Finding(
                id="left-behind",
                level="note",
                logical_id=change.logical_id,
                what=f"{change.logical_id} leaves the stack and is retained ({policy})",
                why=f"{change.physical_id or 'it'} keeps {content} and its cost, outside any stack",
                next_step="Delete it, or import it elsewhere",
            )
        elif policy in KEEPING or policy in SAVING:
            yield Finding(
                id="replaces-stateful" if not removed else "deletes-stateful",
                level="warning",
                logical_id=change.logical_id,
                what=f"{what}, its policy is {policy}",
                why=f"{content} stay in the old resource or a snapshot, and are not in a new one",
                next_step="Copy the data to the new resource before you execute",
            )
        else:
            yield Finding(
                id="replaces-stateful" if not removed else "deletes-stateful",
                level="blocking",
                logical_id=change.logical_id,
                what=f"{what} with {content}",
                why="a rollback cannot restore them",
                next_step="Set DeletionPolicy and UpdateReplacePolicy to Retain, execute that, then"
                " review this again",
            )


def _is_interrupted(change: ResourceChange) -> bool:
    """Whether all that may force a replacement only interrupts."""
    forcing = [each for each in change.properties if each.requires_recreation != "Never"]
    spared = INTERRUPTED.get(change.type, frozenset())
    return (
        change.replacement == "Conditional"
        and bool(forcing)
        and all(each.name in spared for each in forcing)
    )


def custom_name(case: Case) -> Iterator[Finding]:
    """A replacement with the name unchanged: the new one cannot be made while the old one is there.

    Certain, or nothing is said: a replacement that may come keeps still, and so does a name that
    is not known, or whose surroundings change. A name that AWS made and that the template now
    gives is the same name.
    """
    for change in case.changes(action="Modify"):
        name = own_name(change.type)
        if not name or change.replacement != "True":
            continue
        before, after = properties(change.before), properties(change.after)
        scope = SCOPES.get(change.type)
        if not known(after.get(name)) or (scope and _place(before, scope) != _place(after, scope)):
            continue
        if after[name] not in (before.get(name), _own(change.physical_id)):
            continue
        forced = ", ".join(
            dict.fromkeys(
                str(each.name)
                for each in change.properties
                if each.requires_recreation == "Always" and each.name and each.name != name
            )
        )
        yield Finding(
            id="custom-name-replaced",
            level="blocking",
            logical_id=change.logical_id,
            what=f"{change.logical_id} cannot be replaced under its {name} {after[name]}",
            why="CloudFormation creates the new one while the old one has the name, so the update"
            " fails and rolls back",
            next_step=f"Change {name} in the same update"
            + (f", or undo the change of {forced}" if forced else ""),
        )


def _place(properties: dict[str, Any], scope: str) -> Any:
    """In what the name is taken: a cluster by its ARN, its name, or not at all, is the same one."""
    given = properties.get(scope, DEFAULT_CLUSTER)
    return _own(given) if isinstance(given, str) else given


def _own(physical_id: str | None) -> str | None:
    """The name in a physical id: the id itself, or the end of an ARN or a queue's address."""
    if physical_id is None or not physical_id.startswith(("arn:", "https:")):
        return physical_id
    return physical_id.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def renamed(case: Case) -> Iterator[Finding]:
    """The same thing under another logical id: deleted and created where a move would do."""
    added = list(case.changes(action="Add"))
    for removed in case.changes(action="Remove"):
        for new in added:
            if new.type == removed.type and _same(removed, new):
                name = own_name(removed.type)
                taken = known(properties(new.after).get(name))
                yield Finding(
                    id="renamed",
                    level="blocking" if taken else "warning",
                    logical_id=new.logical_id,
                    what=f"{new.logical_id} is {removed.logical_id} under a new logical ID",
                    why=f"CloudFormation creates {new.logical_id} and deletes {removed.logical_id}"
                    + (", and the name is still taken, so the update fails" if taken else ""),
                    next_step=f"Keep the ID {removed.logical_id}, or rename it by stack refactoring"
                    " first",
                )


def _same(removed: ResourceChange, new: ResourceChange) -> bool:
    before, after = properties(removed.before), properties(new.after)
    name = own_name(removed.type)
    if known(before.get(name)):
        return bool(before[name] == after.get(name))
    return bool(before) and before == after


def alarm_removed(case: Case) -> Iterator[Finding]:
    """An alarm that tells people goes: what it watched fails unnoticed."""
    before, after = case.stacks
    for each in before.of("AWS::CloudWatch::Alarm"):
        new = after.resources.get(each.logical_id)
        actions = each.get("AlarmActions", default=[])
        scales = any(
            before.resources.get(one.logical_id, each).type
            == "AWS::ApplicationAutoScaling::ScalingPolicy"
            for one in references(actions)
        )
        same = any(
            equal(each.get("Dimensions"), other.get("Dimensions"))
            and equal(each.get("MetricName"), other.get("MetricName"))
            for other in after.of("AWS::CloudWatch::Alarm")
        )
        if new is None and not scales and not same and after.resources:
            yield Finding(
                id="alarm-removed",
                level="warning",
                logical_id=each.logical_id,
                what=f"{each.logical_id} is deleted",
                why="nobody is told any more of "
                + (text(each.get("MetricName")) or "what it watched"),
                next_step="Keep it, or check that another alarm watches the same",
            )
