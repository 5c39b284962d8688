"""Findings on what is lost: data in stateful resources, names that are taken, renamed ids."""

from collections.abc import Iterator

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

CUSTOM_NAMES = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
}
"""The property that fixes a physical name (AWS::CloudFormation: custom names)."""

KEEPING = frozenset({"Retain", "RetainExceptOnCreate", "ReplaceAndRetain"})
SAVING = frozenset({"Snapshot", "ReplaceAndSnapshot"})


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
        if not (removed or is_replaced(change)):
            continue
        policy, content = _policy(change), STATEFUL[change.type]
        may = "may be" if change.replacement == "Conditional" else "is"
        what = f"{change.logical_id} {'is removed' if removed else f'{may} replaced'}"
        if policy in KEEPING and removed:
            yield Finding(
                id="left-behind",
                level="note",
                logical_id=change.logical_id,
                what=f"{change.logical_id} leaves the stack and stays in the account",
                why=f"its policy is {policy}: {change.physical_id or 'it'} keeps {content}, is"
                " billed on, and no stack manages it",
                next_step="Delete it by hand when it is no longer needed, or import it elsewhere",
            )
        elif policy in KEEPING or policy in SAVING:
            yield Finding(
                id="replaces-stateful" if not removed else "deletes-stateful",
                level="warning",
                logical_id=change.logical_id,
                what=f"{what}; its policy is {policy}",
                why=f"{content} stay behind in the old resource or a snapshot, and are not in a"
                " new one",
                next_step="Plan how they come to where they are needed, then execute",
            )
        else:
            yield Finding(
                id="replaces-stateful" if not removed else "deletes-stateful",
                level="blocking",
                logical_id=change.logical_id,
                what=what,
                why=f"{content} are lost, and no rollback brings them back",
                next_step="Keep what causes it as it was, or set DeletionPolicy and"
                " UpdateReplacePolicy to Retain in an update before this one",
            )


def custom_name(case: Case) -> Iterator[Finding]:
    """A replacement with the name unchanged: the new one cannot be made beside the old."""
    for change in case.changes(*CUSTOM_NAMES):
        name = CUSTOM_NAMES[change.type]
        before, after = properties(change.before).get(name), properties(change.after).get(name)
        if not is_replaced(change) or not known(before) or before != after:
            continue
        certain = change.replacement == "True"
        yield Finding(
            id="custom-name-replaced",
            level="blocking" if certain else "warning",
            logical_id=change.logical_id,
            what=f"{change.logical_id} {'must' if certain else 'may'} be replaced and keeps its"
            f" {name} {before}",
            why="CloudFormation makes the new resource before it deletes the old one; the name is"
            " taken, so the update will fail and roll back",
            next_step=f"Change {name} in the same update, or keep what forces the replacement",
        )


def renamed(case: Case) -> Iterator[Finding]:
    """The same thing under another logical id: deleted and created where a move would do."""
    added = list(case.changes(action="Add"))
    for removed in case.changes(action="Remove"):
        for new in added:
            if new.type == removed.type and _same(removed, new):
                name = CUSTOM_NAMES.get(removed.type, "")
                taken = known(properties(new.after).get(name))
                yield Finding(
                    id="renamed",
                    level="blocking" if taken else "warning",
                    logical_id=new.logical_id,
                    what=f"{removed.logical_id} is deleted and created again as {new.logical_id}",
                    why="only its logical id differs"
                    + ("; its name is still taken, so the creation will fail" if taken else ""),
                    next_step=f"Keep the id {removed.logical_id}, or move it with a stack refactor"
                    f" ({removed.logical_id} to {new.logical_id}) before this update",
                )


def _same(removed: ResourceChange, new: ResourceChange) -> bool:
    before, after = properties(removed.before), properties(new.after)
    name = CUSTOM_NAMES.get(removed.type, "")
    if known(before.get(name)):
        return bool(before[name] == after.get(name))
    return bool(before) and before == after
