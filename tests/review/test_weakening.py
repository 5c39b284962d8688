"""What is lost though its resource stays: each row of each table, at its default and beside it.

The tables are written down here again, so that a row that is dropped there is missed here.
"""

from typing import Any

import pytest

from workerstack.review import find_weakening
from workerstack.review.case import Case, Facts
from workerstack.review.find_service import DEPLOYS, restarted
from workerstack.review.find_weakening import GUARDS, KEPT, RANK
from workerstack.review.model import Finding, PropertyChange, ResourceChange

DAY = 86_400
SPANS: dict[str, tuple[str, float | None]] = {
    "AWS::Logs::LogGroup": ("RetentionInDays", None),
    "AWS::SQS::Queue": ("MessageRetentionPeriod", 4 * DAY),
    "AWS::RDS::DBInstance": ("BackupRetentionPeriod", 1),
    "AWS::RDS::DBCluster": ("BackupRetentionPeriod", 1),
    "AWS::DocDB::DBCluster": ("BackupRetentionPeriod", 1),
    "AWS::Neptune::DBCluster": ("BackupRetentionPeriod", 1),
    "AWS::Kinesis::Stream": ("RetentionPeriodHours", 24),
    "AWS::ElastiCache::ReplicationGroup": ("SnapshotRetentionLimit", 0),
    "AWS::Redshift::Cluster": ("AutomatedSnapshotRetentionPeriod", 1),
    "AWS::KMS::Key": ("PendingWindowInDays", 30),
}
"""The property, and what holds where it is left out; None is for ever."""

PROTECTING: dict[str, tuple[dict[str, Any], ...]] = {
    "AWS::RDS::DBInstance": ({"DeletionProtection": True},),
    "AWS::RDS::DBCluster": ({"DeletionProtection": "true"},),
    "AWS::DynamoDB::Table": (
        {"DeletionProtectionEnabled": True},
        {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
    ),
    "AWS::Cognito::UserPool": ({"DeletionProtection": "ACTIVE"},),
    "AWS::Logs::LogGroup": ({"DeletionProtectionEnabled": True},),
    "AWS::S3::Bucket": (
        *({"PublicAccessBlockConfiguration": {name: True}}
          for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls",
                       "RestrictPublicBuckets")),
        {"VersioningConfiguration": {"Status": "Enabled"}},
    ),
    "AWS::EFS::FileSystem": ({"BackupPolicy": {"Status": "ENABLED"}},),
    "AWS::KMS::Key": ({"EnableKeyRotation": True},),
}  # fmt: skip
POLICIES = ("Delete", "Snapshot", "RetainExceptOnCreate", "Retain")


def body(kind: str, properties: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"It": {"Type": kind, "Properties": properties, **attributes}}


def case(before: dict[str, Any], after: dict[str, Any], facts: Facts | None = None) -> Case:
    return Case(is_new=False, resources=(), before=before, after=after, facts=facts or Facts())


def kept(kind: str, before: float | None, after: float | None) -> list[Finding]:
    name, _ = SPANS[kind]
    old, new = (body(kind, {} if each is None else {name: each}) for each in (before, after))
    return list(find_weakening.kept_shorter(case(old, new)))


@pytest.mark.parametrize("kind", SPANS)
def test_what_is_kept_for_a_shorter_time_is_said_also_where_one_side_is_the_default(
    kind: str,
) -> None:
    assert set(KEPT) == set(SPANS)
    default = SPANS[kind][1]
    assert kept(kind, 10, 9)
    assert not kept(kind, 9, 9)
    assert not kept(kind, 9, 10)
    if default is None:
        assert kept(kind, None, 3653)
        assert not kept(kind, 3653, None)
        return
    assert not kept(kind, None, default)
    assert not kept(kind, default, None)
    assert kept(kind, default + 1, None)
    assert not kept(kind, None, default + 1)
    if default:
        assert kept(kind, None, default - 1)


@pytest.mark.parametrize(
    ("kind", "on"), [(kind, each) for kind, rows in PROTECTING.items() for each in rows]
)
def test_each_guard_that_is_turned_off_is_said(kind: str, on: dict[str, Any]) -> None:
    assert set(GUARDS) == set(PROTECTING)
    [off] = find_weakening.guard_off(case(body(kind, on), body(kind, {})))
    assert off.id == "protection-off"
    assert not list(find_weakening.guard_off(case(body(kind, {}), body(kind, on))))
    assert not list(find_weakening.guard_off(case(body(kind, on), body(kind, on))))


def test_a_key_is_enabled_where_nothing_is_said() -> None:
    kind = "AWS::KMS::Key"
    for before, after, off in (
        ({}, {"Enabled": False}, True), ({"Enabled": "false"}, {}, False), ({}, {}, False),
    ):  # fmt: skip
        found = list(find_weakening.guard_off(case(body(kind, before), body(kind, after))))
        assert bool(found) is off


@pytest.mark.parametrize("before", POLICIES)
@pytest.mark.parametrize("after", POLICIES)
@pytest.mark.parametrize("name", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_a_policy_that_keeps_less_is_said(name: str, before: str, after: str) -> None:
    assert set(RANK) == set(POLICIES)
    # Both keep what the stack had once it was made.
    worth = {"Delete": 0, "Snapshot": 1, "RetainExceptOnCreate": 2, "Retain": 2}
    old, new = (body("AWS::DynamoDB::Table", {}, **{name: each}) for each in (before, after))
    assert bool(list(find_weakening.policy_off(case(old, new)))) is (worth[after] < worth[before])


@pytest.mark.parametrize(
    ("before", "after", "running", "said"),
    [
        (10, 5, None, "tasks above it are stopped"),
        (10, 5, 8, "3 of 8 running"),
        (10, 5, 5, ""),
        (10, 5, 0, ""),
        (5, 5, 8, ""),
        (5, 10, 8, ""),
    ],
)
def test_a_lower_maximum_stops_the_tasks_above_it(
    before: int, after: int, running: int | None, said: str
) -> None:
    kind = "AWS::ApplicationAutoScaling::ScalableTarget"
    old, new = (body(kind, {"MaxCapacity": each}) for each in (before, after))
    found = list(find_weakening.maximum(case(old, new, Facts(running_tasks=running))))
    assert [each.why.startswith(said) for each in found] == ([True] if said else [])


STARTS = ("TaskDefinition", "NetworkConfiguration", "PlatformVersion", "LoadBalancers",
          "ServiceRegistries", "ServiceConnectConfiguration", "VolumeConfigurations",
          "ForceNewDeployment")  # fmt: skip
"""Source: ECS API reference, UpdateService."""


@pytest.mark.parametrize("name", [*STARTS, "EnableExecuteCommand", "DesiredCount"])
def test_what_starts_a_deployment_is_said(name: str) -> None:
    assert set(DEPLOYS) == {*STARTS, "EnableExecuteCommand"}
    cause = PropertyChange(
        attribute="Properties", name=name, change_source="DirectModification",
        before="a", after="b",
    )  # fmt: skip
    change = ResourceChange(
        action="Modify", logical_id="It", type="AWS::ECS::Service", replacement="False",
        properties=(cause,),
    )  # fmt: skip
    found = list(restarted(Case(is_new=False, resources=(change,))))
    assert bool(found) is (name in STARTS)
