"""Findings planted in real change sets: a stack is deployed, its template changed and reviewed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.test_deploy import QUICK
from workerstack import deployments
from workerstack.deployer import make_review
from workerstack.deployer.aws import Clients
from workerstack.review import find_checks
from workerstack.review.model import Review

Bodies = dict[str, Any]
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                        "Action": "sts:AssumeRole"}]}  # fmt: skip


def body(kind: str, keep: str = "", **properties: Any) -> Bodies:
    policies = {"DeletionPolicy": keep, "UpdateReplacePolicy": keep} if keep else {}
    return {"Type": f"AWS::{kind}", "Properties": properties, **policies}


def role(*actions: str, resource: str = "arn:aws:s3:::b", **trust: Any) -> Bodies:
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return body(
        "IAM::Role",
        AssumeRolePolicyDocument={"Statement": [{**TRUST["Statement"][0], **trust}]},
        Policies=[{"PolicyName": "p", "PolicyDocument": {"Statement": [allowed]}}],
    )


def group(*sources: str) -> Bodies:
    rules = [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": each} for each in sources
    ]
    return body("EC2::SecurityGroup", GroupDescription="g", SecurityGroupIngress=rules)


QUEUE = body("SQS::Queue", QueueName="q")
UNNAMED = body("SQS::Queue", VisibilityTimeout=60)
LOG = body("Logs::LogGroup", LogGroupName="/l")
OTHER_LOG = body("Logs::LogGroup", LogGroupName="/m")
PLANTED: dict[str, tuple[str, Bodies, Bodies]] = {
    "deletes-stateful": ("blocking", {"A": QUEUE, "B": LOG}, {"B": LOG}),
    "replaces-stateful": ("blocking", {"A": LOG}, {"A": OTHER_LOG}),
    "left-behind": (
        "note", {"A": {**QUEUE, "DeletionPolicy": "Retain"}, "B": LOG}, {"B": LOG},
    ),
    # Without a name: AWS makes no change set in which somebody has the new one's.
    "renamed": ("warning", {"A": UNNAMED}, {"B": UNNAMED}),
    "iam-broadened": (
        "warning", {"A": role("s3:GetObject")}, {"A": role("s3:GetObject", "s3:PutObject")},
    ),
    "iam-wildcard": ("blocking", {"A": role("s3:GetObject")}, {"A": role("*", resource="*")}),
    "trust-opened": (
        "blocking", {"A": role("s3:GetObject")},
        {"A": role("s3:GetObject", Principal={"AWS": "arn:aws:iam::999999999999:root"})},
    ),
    "network-opened": ("blocking", {"A": group("10.0.0.0/8")}, {"A": group("0.0.0.0/0")}),
}  # fmt: skip
"""Finding, level, the deployed resources, the resources of the change set."""

HARMLESS: dict[str, tuple[Bodies, Bodies]] = {
    "a longer retention": (
        {"A": body("Logs::LogGroup", LogGroupName="/l", RetentionInDays=7)},
        {"A": body("Logs::LogGroup", LogGroupName="/l", RetentionInDays=30)},
    ),
    "a queue beside another": ({"A": QUEUE}, {"A": QUEUE, "B": body("SQS::Queue", QueueName="r")}),
    "a narrower right": ({"A": role("s3:GetObject", "s3:PutObject")}, {"A": role("s3:GetObject")}),
    "the same right in other words": (
        {"A": role("s3:GetObject")},
        {"A": body("IAM::Role", AssumeRolePolicyDocument=TRUST, Policies=[
            {"PolicyName": "p", "PolicyDocument": {"Statement": {
                "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b"]}}}])},
    ),
    "a condition more": (
        {"A": role("s3:GetObject")},
        {"A": role("s3:GetObject", Condition={"StringEquals": {"aws:SourceAccount": "1"}})},
    ),
    "a rule less": ({"A": group("10.0.0.0/8", "10.1.0.0/16")}, {"A": group("10.0.0.0/8")}),
}  # fmt: skip


@pytest.fixture
def reviewed(
    checkout: Path, clients: Clients, client: Callable[[str], Any]
) -> Callable[[Bodies, Bodies], Review]:
    """The review of a change from one set of resources to another."""

    def review(before: Bodies, after: Bodies) -> Review:
        client("cloudformation").create_stack(
            StackName="small",
            TemplateBody=yaml.safe_dump({"Resources": before}),
            Capabilities=["CAPABILITY_IAM"],
        )
        client("cloudformation").get_waiter("stack_create_complete").wait(
            StackName="small", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
        template = checkout / "out/small.template.yaml"
        template.write_text(yaml.safe_dump({"Resources": after}))
        (checkout / "params/dev/small.yaml").write_text(
            "template-file-path: out/small.template.yaml\nparameters: {}\n"
        )
        found = make_review.make_review(deployments.load("dev/small", checkout), clients, QUICK)
        assert found is not None
        return found

    return review


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_risk_is_found(name: str, reviewed: Callable[[Bodies, Bodies], Review]) -> None:
    level, before, after = PLANTED[name]
    found = {finding.id: finding.level for finding in reviewed(before, after).findings}
    assert found.get(name) == level


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_neighbour_is_silent(
    name: str, reviewed: Callable[[Bodies, Bodies], Review]
) -> None:
    review = reviewed(*HARMLESS[name])
    told = [each for each in review.findings if each.id not in {*find_checks.IDS, "mends"}]
    assert told == []
    assert review.resources
