"""Stacks as others write them, adopted to the end: each is initialized, kept, renamed, verified."""

import ast
import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import adopting, deployed
from tests.conftest import Run
from workerstack.localaws import pushing, surroundings
from workerstack.specification import ImportedQueue

Client = Callable[[str], Any]
NAME = "live/thumbnails"
SHARED = """
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: shared}}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: pictures-dead}}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: pictures
      VisibilityTimeout: 600
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
Outputs:
  Arn: {Value: !GetAtt Cluster.Arn, Export: {Name: shared-cluster-arn}}
"""


@dataclass(frozen=True)
class Other:
    """A stack of somebody: the hand-written one with some resources less and texts exchanged."""

    without: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    worker: dict[str, Any] = field(default_factory=dict)
    stays: dict[str, str] = field(default_factory=dict)
    """What has the same physical id at the end, ours and theirs."""

    arn: str = ""
    """Which command says that `ClusterName` in params/ must become the cluster's ARN.

    A service that was born with the ARN would be replaced by the name.
    """


ROLES = {"ExecutionRole": "StartRole", "TaskRole": "JobRole"}
NAMED = {
    "Service": "MyService",
    "LogGroup": "MyLogs",
    "Queue": "Jobs",
    "DeadLetterQueue": "DeadJobs",
}
TRUST = "      AssumeRolePolicyDocument:\n"
SCALED = {"service/${MyCluster}/": "service/shared/"}
ARN = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:cluster/shared"
JOBS = "${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:pictures"
OTHERS = {
    "an imported cluster by its name": Other(
        ("MyCluster",), {"!Ref MyCluster": "shared", **SCALED}, {"cluster": "imported"},
        {**NAMED, **ROLES},
    ),
    "an imported cluster by its ARN": Other(
        ("MyCluster",), {"!Ref MyCluster": f"!Sub {ARN}", **SCALED}, {"cluster": "imported"},
        {**NAMED, **ROLES}, arn="adopt",
    ),
    "an imported cluster by an export": Other(
        ("MyCluster",),
        {"!Ref MyCluster": "!ImportValue shared-cluster-arn", **SCALED}, {"cluster": "imported"},
        {**NAMED, **ROLES}, arn="review",
    ),
    "names that the CDK leaves to CloudFormation": Other(
        texts={
            "    Properties:\n      ClusterName: thumbnails-cluster\n": "",
            "      LogGroupName: /ecs/thumbnails\n": "",
            "      ServiceName: thumbnails-service\n": "",
            "      GroupName: thumbnails\n": "",
            "      AlarmName: thumbnails-waiting\n": "",
            "      AlarmName: thumbnails-idle\n": "",
            "      Family: thumbnails-task\n": "",
        },
        stays={"Cluster": "MyCluster", **NAMED, **ROLES},
    ),
    "a log group without a name": Other(
        texts={"      LogGroupName: /ecs/thumbnails\n": ""},
        stays={"Cluster": "MyCluster", **NAMED, **ROLES},
    ),
    "a queue of another stack": Other(
        ("DeadJobs", "Jobs"),
        {
            "!GetAtt Jobs.Arn": f"!Sub arn:{JOBS}", "!GetAtt Jobs.QueueName": "pictures",
            "!Ref Jobs": "!Sub https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/pictures",
        },
        {"queue": ImportedQueue(name="pictures")},
        {"Cluster": "MyCluster", "Service": "MyService", "LogGroup": "MyLogs", **ROLES},
    ),
    "roles with a path": Other(
        texts={TRUST: f"      Path: /teams/pictures/\n{TRUST}"},
        stays={"Cluster": "MyCluster", **NAMED, **ROLES},
    ),
    "roles with a path and a name": Other(
        texts={
            f"  StartRole:\n    Type: AWS::IAM::Role\n    Properties:\n{TRUST}":
            "  StartRole:\n    Type: AWS::IAM::Role\n    Properties:\n      Path: /teams/\n"
            f"      RoleName: pictures-start\n{TRUST}",
        },
        stays={"Cluster": "MyCluster", **NAMED, **ROLES},
    ),
}  # fmt: skip


def written(other: Other) -> str:
    """The template of a stack."""
    text = deployed.HAND_WRITTEN.read_text()
    for name in other.without:
        text, count = re.subn(rf"(?ms)^  {name}:\n.*?(?=^  \w|^\w)", "", text)
        assert count == 1, name
    for old, new in other.texts.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def deploy(other: Other, client: Client, things: surroundings.Surroundings) -> None:
    """The stack, the one whose things it may use, and an image."""
    repository = adopting.THUMBNAILS.image_repository
    client("ecr").create_repository(repositoryName=repository)
    pushing.push(client("ecr"), repository, "latest")
    deployed.create(client("cloudformation"), "shared", SHARED, {}, {})
    values = {"Vpc": things.vpc_id, "Subnets": ",".join(things.subnet_ids), "MaxCount": "6"}
    deployed.create(client("cloudformation"), "thumbnails", written(other), values, {})


def left_out(checkout: Path, kept: dict[str, Any]) -> None:
    """Removes the values of names that the worker leaves out, as the error asks for."""
    file = checkout / f"params/{NAME}.yaml"
    text = file.read_text()
    for properties in kept.values():
        for each, value in properties.items():
            if value is None:
                text = re.sub(rf"(?m)^  {each}: .*\n", "", text)
    file.write_text(text)


@pytest.mark.parametrize("case", OTHERS)
def test_a_stack_of_others_is_adopted_and_verified(
    case: str, client: Client, things: surroundings.Surroundings, checkout: Path, command: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("COLUMNS", "100")
    other = OTHERS[case]
    worker = dataclasses.replace(adopting.THUMBNAILS, **other.worker)
    deploy(other, client, things)
    before = adopting.physical_ids(client, "thumbnails")
    adopting.keep(checkout, worker, {})
    code, _, err = command("init", "live", "--from-stack", "thumbnails")
    assert code == 0, err
    file = checkout / f"params/{NAME}.yaml"
    [cluster] = client("ecs").describe_clusters(clusters=["shared"])["clusters"]
    with_arn = f"ClusterName: {cluster['clusterArn']}"
    code, out, err = command("adopt", NAME)
    assert code == 2, out + err
    assert (f"keep it: {with_arn} in" in " ".join(out.split())) is (other.arn == "adopt")
    if other.arn == "adopt":
        file.write_text(file.read_text().replace("ClusterName: shared", with_arn))
    said = re.search(r"(?ms)^  kept=(\{.*^  \}),$", out)
    kept = ast.literal_eval(said[1]) if said else {}
    adopting.keep(checkout, worker, kept)
    left_out(checkout, kept)
    renaming = str(checkout / "rename.json")
    code, out, err = command("adopt", NAME, "--output", renaming)
    assert code == 2, out + err
    assert re.findall(r"(?m)^  (\w+) is replaced$", out) == ["TaskDefinition"], out
    code, out, err = command("execute", renaming)
    assert code == 0, out + err
    code, _, err = command("adopt", NAME)
    assert (code, "All resources have the logical IDs of out/." in err) == (0, True), err
    reviewed = str(checkout / "review.json")
    if other.arn == "review":
        # What an export gives, only CloudFormation tells.
        code, out, err = command("review", NAME, "--format", "json")
        blocking = [each for each in json.loads(out)["findings"] if each["level"] == "blocking"]
        assert ("service-replaced", "Service") in {(e["id"], e["logical_id"]) for e in blocking}
        file.write_text(file.read_text().replace("ClusterName: shared", with_arn))
    code, out, err = command("review", NAME, "--format", "json", "--output", reviewed)
    assert code == 2, err
    found = json.loads(out)
    assert [e["logical_id"] for e in found["resources"] if e["replacement"] == "True"] == [
        "TaskDefinition"
    ]
    assert [each for each in found["findings"] if each["level"] == "blocking"] == []
    code, out, err = command("execute", reviewed)
    assert code == 0, out + err
    after = adopting.physical_ids(client, "thumbnails")
    assert {ours: after[ours] for ours in other.stays} == {
        ours: before[theirs] for ours, theirs in other.stays.items()
    }
    code, out, err = command("verify", NAME)
    assert code == 0, out + err
    code, _, err = command("review", NAME)
    assert (code, "No changes" in err) == (0, True), err
