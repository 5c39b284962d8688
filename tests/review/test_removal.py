"""What is removed or replaced: a planted case and a neighbour for each type, name and policy.

The tables are written down here again, so that a row that is dropped there is missed here.
"""

from typing import Any

import pytest

from workerstack.cloudformation.identity import own_name
from workerstack.cloudformation.schemas import recreation
from workerstack.review.case import Case
from workerstack.review.find_removal import KEEPING, SAVING, STATEFUL
from workerstack.review.findings import judge
from workerstack.review.model import Finding, ResourceChange

LOST = {
    "AWS::Backup::BackupVault": "backups",
    "AWS::CodeCommit::Repository": "history",
    "AWS::Cognito::UserPool": "users",
    "AWS::DocDB::DBCluster": "data",
    "AWS::DocDB::DBInstance": "data",
    "AWS::DynamoDB::GlobalTable": "items",
    "AWS::DynamoDB::Table": "items",
    "AWS::EC2::Volume": "data",
    "AWS::ECR::Repository": "images",
    "AWS::EFS::AccessPoint": "id",
    "AWS::EFS::FileSystem": "files",
    "AWS::ElastiCache::CacheCluster": "cached data",
    "AWS::ElastiCache::ReplicationGroup": "cached data",
    "AWS::FSx::FileSystem": "files",
    "AWS::KMS::Key": "encrypted",
    "AWS::Kinesis::Stream": "records",
    "AWS::Logs::LogGroup": "log events",
    "AWS::MSK::Cluster": "topics",
    "AWS::Neptune::DBCluster": "data",
    "AWS::Neptune::DBInstance": "data",
    "AWS::OpenSearchService::Domain": "indices",
    "AWS::RDS::DBCluster": "data",
    "AWS::RDS::DBInstance": "data",
    "AWS::Redshift::Cluster": "data",
    "AWS::S3::Bucket": "objects",
    "AWS::SecretsManager::Secret": "value",
    "AWS::SNS::Topic": "subscriptions",
    "AWS::SQS::Queue": "messages",
    "AWS::SSM::Parameter": "value",
    "AWS::Timestream::Table": "data",
}
NAMES = {
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
POLICIES = [
    ("Delete", "blocking", "blocking"),
    ("Snapshot", "warning", "warning"),
    ("Retain", "note", "warning"),
    ("RetainExceptOnCreate", "note", "warning"),
]
"""A policy, and the levels of a removal and of a replacement with it."""

STATELESS = ("AWS::IAM::Role", "AWS::ECS::TaskDefinition", "AWS::CloudWatch::Alarm")


def removed(kind: str, policy: str | None = None, **attributes: Any) -> ResourceChange:
    return ResourceChange(
        action="Remove", logical_id="It", type=kind, policy_action=policy,
        before={"Type": kind, **attributes},
    )  # fmt: skip


def replaced(kind: str, policy: str | None = None, **attributes: Any) -> ResourceChange:
    return ResourceChange(
        action="Modify", logical_id="It", type=kind, replacement="True", policy_action=policy,
        before={"Type": kind, **attributes}, after={"Type": kind},
    )  # fmt: skip


def named(kind: str, before: str, after: str, *, replacement: str = "True") -> ResourceChange:
    name = NAMES[kind]
    return ResourceChange(
        action="Modify", logical_id="It", type=kind, replacement=replacement,
        before={"Type": kind, "Properties": {name: before}},
        after={"Type": kind, "Properties": {name: after}},
    )  # fmt: skip


def found(*changes: ResourceChange) -> dict[str, Finding]:
    return {each.id: each for each in judge(Case(is_new=False, resources=changes))}


def test_each_row_is_here_and_each_case_is_there() -> None:
    assert set(STATEFUL) == set(LOST)
    assert {kind: own_name(kind) for kind in NAMES} == NAMES
    assert not any(map(own_name, ("AWS::ECS::TaskDefinition", "AWS::EC2::VPC", "AWS::KMS::Key")))
    assert frozenset({"Retain", "RetainExceptOnCreate", "ReplaceAndRetain"}) == KEEPING
    assert frozenset({"Snapshot", "ReplaceAndSnapshot"}) == SAVING


@pytest.mark.parametrize("kind", LOST)
def test_what_holds_data_is_not_removed_without_a_word(kind: str) -> None:
    finding = found(removed(kind))["deletes-stateful"]
    assert finding.level == "blocking"
    assert LOST[kind] in f"{finding.what} {finding.why}"


@pytest.mark.parametrize("kind", LOST)
def test_what_holds_data_is_not_replaced_without_a_word(kind: str) -> None:
    finding = found(replaced(kind))["replaces-stateful"]
    assert finding.level == "blocking"
    assert LOST[kind] in f"{finding.what} {finding.why}"


@pytest.mark.parametrize("kind", [*LOST, *STATELESS])
def test_what_stays_or_holds_nothing_loses_nothing(kind: str) -> None:
    kept = ResourceChange(action="Modify", logical_id="It", type=kind, replacement="False")
    new = ResourceChange(action="Add", logical_id="It", type=kind)
    changes = (kept, new, *((removed(kind), replaced(kind)) if kind in STATELESS else ()))
    for change in changes:
        assert not {"deletes-stateful", "replaces-stateful", "left-behind"} & set(found(change))


@pytest.mark.parametrize(("policy", "removal", "replacement"), POLICIES)
@pytest.mark.parametrize("where", ["the answer", "the body"])
def test_each_policy_says_what_becomes_of_the_old_one(
    policy: str, removal: str, replacement: str, where: str
) -> None:
    kind = "AWS::RDS::DBInstance"
    if where == "the answer":
        gone = removed(kind, policy)
        anew = replaced(kind, f"ReplaceAnd{policy}".replace("RetainExceptOnCreate", "Retain"))
    else:
        # The other attribute says the contrary, and is none of the matter.
        gone = removed(kind, DeletionPolicy=policy, UpdateReplacePolicy="Delete")
        anew = replaced(kind, UpdateReplacePolicy=policy, DeletionPolicy="Delete")
    [finding] = found(gone).values()
    assert finding.level == removal
    assert finding.id == ("left-behind" if removal == "note" else "deletes-stateful")
    [finding] = found(anew).values()
    assert (finding.id, finding.level) == ("replaces-stateful", replacement)


@pytest.mark.parametrize("kind", NAMES)
def test_a_replacement_fails_on_its_own_name(kind: str) -> None:
    finding = found(named(kind, "taken", "taken"))["custom-name-replaced"]
    assert finding.level == "blocking"
    assert f"{NAMES[kind]} taken" in finding.what
    # Certain, or nothing is said.
    assert "custom-name-replaced" not in found(named(kind, "a", "a", replacement="Conditional"))


@pytest.mark.parametrize("kind", NAMES)
def test_another_name_or_no_replacement_fails_on_nothing(kind: str) -> None:
    for change in (named(kind, "old", "new"), named(kind, "a", "a", replacement="False")):
        assert "custom-name-replaced" not in found(change)


CLUSTER = "arn:aws:ecs:us-west-2:111122223333:cluster/"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (f"{CLUSTER}shared", "shared", True),
        ("shared", f"{CLUSTER}shared", True),
        (None, "default", True),
        (f"{CLUSTER}default", None, True),
        (f"{CLUSTER}shared", "other", False),
        (f"{CLUSTER}shared", f"{CLUSTER}other", False),
        (None, "shared", False),
    ],
)
def test_a_cluster_named_otherwise_is_the_same_cluster(
    before: str | None, after: str | None, *, same: bool
) -> None:
    """The service's name is taken there, and the change of spelling forces a replacement."""
    sides = [
        {"ServiceName": "s", **({"Cluster": each} if each else {})} for each in (before, after)
    ]
    change = named("AWS::ECS::Service", "s", "s").model_copy(
        update={
            name: {"Type": "AWS::ECS::Service", "Properties": side}
            for name, side in zip(("before", "after"), sides, strict=True)
        }
    )
    assert ("custom-name-replaced" in found(change)) is same


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_is_in_the_table_is_one_that_cannot_be_changed_in_place(kind: str) -> None:
    """Else it is no physical name: two resources may have it, and no replacement fails on it."""
    assert recreation(kind, (NAMES[kind],)) == "Always"
