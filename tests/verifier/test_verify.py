"""Each FAIL of verify is planted in AWS, seen with its sentence, and mended as its line says."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import aws_cli
from tests.commands.test_deploy import carry_out, make
from tests.conftest import REGION, write_checkout
from workerstack import deployments, localaws
from workerstack.deployer.aws import Clients
from workerstack.deployer.service import DIMENSION
from workerstack.localaws import accounts, surroundings, walkthrough
from workerstack.verifier import verify
from workerstack.verifier.check import Verdict
from workerstack.verifier.deployed_checks import DEPLOYED

NAME = "dev/webordinary-edit"
ACCOUNT = "987600000001"
TARGET = {**DIMENSION, "ResourceId": "service/webordinary-edit-cluster/webordinary-edit-service"}
SERVICE = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}


class World(NamedTuple):
    """One worker in one account, which all tests of this file break and mend."""

    checkout: Path
    clients: Clients
    things: surroundings.Surroundings

    def client(self, service: str) -> Any:
        return self.clients(service)

    def verify(self) -> dict[str, Verdict]:
        found = verify.verify(deployments.load(NAME, self.checkout), self.clients, self.checkout)
        return {each.id: each for each in found}

    def failing(self) -> dict[str, Verdict]:
        """What fails, without what the template itself brings."""
        return {
            name: each
            for name, each in self.verify().items()
            if each.status == "FAIL" and "then `./generate.py`" not in each.next_step
        }

    def physical(self, logical_id: str) -> str:
        answer = self.client("cloudformation").describe_stack_resource(
            StackName="webordinary-edit", LogicalResourceId=logical_id
        )
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def alarm(self, logical_id: str) -> dict[str, Any]:
        name = self.physical(logical_id)
        [found] = self.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        given = ("AlarmName", "Namespace", "MetricName", "Statistic", "Period", "Threshold",
                 "Dimensions", "EvaluationPeriods", "ComparisonOperator", "AlarmActions",
                 "TreatMissingData")  # fmt: skip
        return {key: found[key] for key in given if key in found}


@pytest.fixture(scope="module")
def world(
    endpoint: localaws.Endpoint,
    deployed_once: str,
    made_once: tuple[str, surroundings.Surroundings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    accounts.copy(deployed_once, ACCOUNT)
    source, made = made_once
    things = accounts.renamed(made, source, ACCOUNT)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in walkthrough.credentials(endpoint.url).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        checkout = write_checkout(tmp_path_factory.mktemp("checkout"), ACCOUNT, things)
        clients = Clients(REGION, endpoint_url=endpoint.url)
        for service in ("cloudwatch", "ec2", "ecr", "efs", "iam", "logs"):
            clients(service)
        yield World(checkout, clients, things)


def worker_group(world: World) -> str:
    return world.physical("WorkerSecurityGroup")


POLICY = {"Version": "2012-10-17",
          "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}  # fmt: skip


def shut_out(world: World) -> None:
    """Gives the mount targets another group, which lets nobody in."""
    efs, ec2 = world.client("efs"), world.client("ec2")
    group = ec2.create_security_group(
        GroupName="shut", Description="shut", VpcId=world.things.vpc_id
    )
    for target in efs.describe_mount_targets(FileSystemId=world.things.file_system_id)[
        "MountTargets"
    ]:
        efs.modify_mount_target_security_groups(
            MountTargetId=target["MountTargetId"], SecurityGroups=[group["GroupId"]]
        )


def close_the_file_system(world: World) -> None:
    """Somebody takes out the rule that the stack has added."""
    group, ec2 = world.things.file_system_security_group_id, world.client("ec2")
    answer = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    [rule] = [each for each in answer["SecurityGroupRules"] if not each["IsEgress"]]
    ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
    )


def other_revision(world: World) -> None:
    """Somebody registers a revision with a port, and the service runs it."""
    ecs = world.client("ecs")
    revision = ecs.register_task_definition(
        family="webordinary-edit-task", networkMode="awsvpc", cpu="256", memory="512",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "webordinary-edit", "image": "x",
                               "portMappings": [{"containerPort": 80}]}],
    )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
    ecs.update_service(**SERVICE, taskDefinition=revision)


def old_message(world: World) -> None:
    world.client("ecs").update_service(**SERVICE, desiredCount=0)
    world.client("sqs").send_message(QueueUrl=world.things.queue_url, MessageBody="{}")
    world.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[{
        "MetricName": "ApproximateAgeOfOldestMessage", "Value": 4000,
        "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
        "Dimensions": [{"Name": "QueueName", "Value": "webordinary-email-queue"}],
    }])  # fmt: skip


def moved_tag(world: World) -> None:
    ecr = world.client("ecr")
    image = {"repositoryName": "webordinary/claude-code-astro", "imageTag": "latest"}
    ecr.put_image(**image, imageManifest='{"schemaVersion": 2}')
    world.client("ecs").update_service(**SERVICE, desiredCount=1, forceNewDeployment=True)
    ecr.put_image(**image, imageManifest='{"schemaVersion": 2, "newer": true}')


class Red(NamedTuple):
    """What is planted, which lines fail, what they say, and the command that mends it."""

    plant: Callable[[World], object]
    ids: set[str]
    sentence: str
    command: str


REDS: dict[str, Red] = {
    "all alarm actions are disabled": Red(
        lambda world: world.client("cloudwatch").disable_alarm_actions(
            AlarmNames=[world.physical("BacklogAlarm"), world.physical("DrainedAlarm")]),
        {"alarms"}, "BacklogAlarm: its actions are disabled", "enable-alarm-actions",
    ),
    "an alarm has another threshold and period": Red(
        lambda world: world.client("cloudwatch").put_metric_alarm(
            **{**world.alarm("BacklogAlarm"), "Threshold": 50, "Period": 300}),
        {"alarms"}, "Threshold is 50 instead of 1", "put-metric-alarm",
    ),
    "an alarm looks at another queue": Red(
        lambda world: world.client("cloudwatch").put_metric_alarm(
            **{**world.alarm("BacklogAlarm"),
               "Dimensions": [{"Name": "QueueName", "Value": "other"}]}),
        {"alarms", "E9106"}, "is other instead of webordinary-email-queue", "put-metric-alarm",
    ),
    "an alarm is gone": Red(
        lambda world: world.client("cloudwatch").delete_alarms(
            AlarmNames=[world.physical("DrainedAlarm")]),
        {"alarms", "E9211"}, "DrainedAlarm was deleted", "put-metric-alarm",
    ),
    "the live maximum is zero": Red(
        lambda world: world.client("application-autoscaling").register_scalable_target(
            **TARGET, MaxCapacity=0),
        {"scaling"}, "MaxCapacity is 0 instead of 5", "register-scalable-target",
    ),
    "scaling in is suspended": Red(
        lambda world: world.client("application-autoscaling").register_scalable_target(
            **TARGET, SuspendedState={"DynamicScalingInSuspended": True}),
        {"scaling"}, "DynamicScalingInSuspended", "--suspended-state",
    ),
    "a policy takes other steps": Red(
        lambda world: world.client("application-autoscaling").put_scaling_policy(
            **TARGET, PolicyName="webordinary-edit-scale-in", PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity", "Cooldown": 1,
                "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -5}]}),
        {"scaling"}, "ScaleInPolicy", "put-scaling-policy",
    ),
    "a policy by hand": Red(
        lambda world: world.client("application-autoscaling").put_scaling_policy(
            **TARGET, PolicyName="by-hand", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 50, "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}),
        {"scaling", "E9106"}, "the policy by-hand (TargetTrackingScaling) is not in the template",
        "delete-scaling-policy",
    ),
    "an inline policy by hand": Red(
        lambda world: world.client("iam").put_role_policy(
            RoleName=world.physical("TaskRole"), PolicyName="by-hand",
            PolicyDocument=json.dumps(POLICY)),
        {"roles"}, "TaskRole has the inline policy by-hand", "delete-role-policy",
    ),
    "an attached policy by hand": Red(
        lambda world: world.client("iam").attach_role_policy(
            RoleName=world.physical("ExecutionRole"),
            PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        {"roles"}, "ExecutionRole has the managed policy arn:aws:iam::aws:policy/ReadOnlyAccess",
        "detach-role-policy",
    ),
    "the template's inline policy is another one": Red(
        lambda world: world.client("iam").put_role_policy(
            RoleName=world.physical("TaskRole"), PolicyName="task-rights",
            PolicyDocument=json.dumps(POLICY)),
        {"roles"}, "its inline policy task-rights differs", "put-role-policy",
    ),
    "everybody may assume the role": Red(
        lambda world: world.client("iam").update_assume_role_policy(
            RoleName=world.physical("TaskRole"), PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})),
        {"roles"}, "TaskRole: its trust policy differs", "update-assume-role-policy",
    ),
    "a way in by hand": Red(
        lambda world: world.client("ec2").authorize_security_group_ingress(
            GroupId=worker_group(world), IpProtocol="tcp", FromPort=8080, ToPort=8080,
            CidrIp="0.0.0.0/0"),
        {"security-groups", "E9103"}, "lets in tcp 8080 from 0.0.0.0/0",
        "revoke-security-group-ingress",
    ),
    "no way out": Red(
        lambda world: world.client("ec2").revoke_security_group_egress(
            GroupId=worker_group(world),
            IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]),
        {"security-groups"}, "does not let out all traffic", "authorize-security-group-egress",
    ),
    "the rule in the file system's group is gone": Red(
        close_the_file_system,
        {"security-groups", "file-system"}, "does not let in tcp 2049",
        "authorize-security-group-ingress",
    ),
    "the mount targets have another group": Red(
        shut_out, {"file-system"}, "does not let the worker's group in",
        "modify-mount-target-security-groups",
    ),
    "the service runs another revision": Red(
        other_revision, {"service", "E9101"}, "and the stack's revision is",
        "update-service",
    ),
    "the desired count is above the maximum": Red(
        lambda world: world.client("ecs").update_service(**SERVICE, desiredCount=9),
        {"service"}, "the desired count 9 is not within 0 to 5", "--desired-count 5",
    ),
    "the service is in other subnets": Red(
        lambda world: world.client("ecs").update_service(
            **SERVICE, networkConfiguration={"awsvpcConfiguration": {
                "subnets": [world.things.subnet_ids[0]], "assignPublicIp": "DISABLED",
                "securityGroups": [worker_group(world)]}}),
        {"service"}, "AssignPublicIp is DISABLED instead of ENABLED", "--network-configuration",
    ),
    "the log is kept for another time": Red(
        lambda world: world.client("logs").put_retention_policy(
            logGroupName="/ecs/webordinary/edit", retentionInDays=1),
        {"resources"}, "RetentionInDays is 1 instead of 7", "put-retention-policy",
    ),
    "messages wait while nothing runs": Red(
        old_message, {"backlog"}, "no task runs", "--desired-count 1",
    ),
    "a task runs another image than its tag": Red(
        moved_tag, {"image"}, "and claude-code-astro:latest is sha256:",
        "--force-new-deployment",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def mended(world: World) -> list[World]:
    """The world, once a look at it has found nothing red since something was planted."""
    assert world.failing() == {}
    return [world]


@pytest.mark.parametrize("case", REDS)
def test_what_a_red_line_says_mends_it(world: World, mended: list[World], case: str) -> None:
    red = REDS[case]
    assert mended == [world], "the case before left something behind"
    mended.clear()
    red.plant(world)
    found = world.failing()
    # The table of checks sees more or less of it; the lines on what was changed are exact.
    assert {each for each in found if each[0] != "E"} == {
        each for each in red.ids if each[0] != "E"
    }
    assert red.ids <= set(found)
    said = [each for each in found.values() if red.sentence in each.evidence]
    assert said, {each.id: each.evidence for each in found.values()}
    line = next(each for each in said if red.command in each.next_step)
    aws_cli.follow(line.next_step, world.client)
    assert world.failing() == {}
    mended.append(world)


def test_no_line_says_to_deploy_what_cloudformation_takes_for_unchanged(world: World) -> None:
    group = worker_group(world)
    way = [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ]
    world.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=way)
    try:
        found = world.failing()
        assert "revoke-security-group-ingress" in found["E9103"].next_step
        for each in found.values():
            assert each.next_step.startswith("aws ") or "--revert-drift" in each.next_step
    finally:
        world.client("ec2").revoke_security_group_ingress(GroupId=group, IpPermissions=way)


class Edit(NamedTuple):
    """A change of a file of the checkout, and what verify and review say of it."""

    file: str
    old: str
    new: str
    line: str
    status: str
    evidence: str
    next_step: str


REVIEW = "./deploy.py review dev/webordinary-edit"
TEMPLATE = "out/webordinary-edit.template.yaml"
PARAMS = "params/dev/webordinary-edit.yaml"
EDITS = {
    "a property": Edit(
        TEMPLATE, "StopTimeout: 120", "StopTimeout: 60", "template", "FAIL",
        "these differ from what is deployed: TaskDefinition", REVIEW,
    ),
    "a value": Edit(
        PARAMS, "tags:", "  MaxTasks: 3\ntags:", "parameters", "FAIL",
        "MaxTasks is 5 and in params/ 3", REVIEW,
    ),
    "an output": Edit(
        TEMPLATE, "Value: !Ref LogGroup", "Value: !Ref Cluster", "template", "FAIL",
        "these differ from what is deployed: LogGroupName", REVIEW,
    ),
    "only what happens at the deletion": Edit(
        TEMPLATE, "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete", "template",
        "FAIL",
        "what happens at the deletion of LogGroup differs", "Change the Metadata of these",
    ),
    "the description": Edit(
        TEMPLATE, "processes messages, serves no HTTP", "works", "template", "PASS",
        "in the description only, which CloudFormation takes only along with", "",
    ),
    "the metadata of a resource": Edit(
        TEMPLATE, "Description: Adds tasks, more of them the deeper the queue.",
        "Description: Adds tasks.", "template", "PASS", "Metadata of ScaleOutPolicy only", "",
    ),
    "a number as text": Edit(
        TEMPLATE, "StopTimeout: 120", "StopTimeout: '120'", "template", "PASS",
        "with the same resources", "",
    ),
    "a literal instead of a function": Edit(
        TEMPLATE, "PolicyName: !Sub ${AWS::StackName}-scale-in",
        "PolicyName: webordinary-edit-scale-in", "template", "PASS", "with the same resources", "",
    ),
    "a value as text": Edit(
        PARAMS, "tags:", "  MaxTasks: \"5\"\ntags:", "parameters", "PASS", " values", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_what_is_committed_is_compared_as_cloudformation_does(world: World, case: str) -> None:
    edit = EDITS[case]
    file = world.checkout / edit.file
    before = file.read_text()
    assert edit.old in before
    file.write_text(before.replace(edit.old, edit.new))
    try:
        found = world.verify()[edit.line]
    finally:
        file.write_text(before)
    assert (found.status, edit.evidence in found.evidence) == (edit.status, True), found
    assert found.next_step.startswith(edit.next_step)


def test_the_longest_job_fits_into_the_visibility_timeout(world: World) -> None:
    """The worker declares it in the Metadata of its task definition, in seconds."""
    deployed = (world.checkout / TEMPLATE).read_text()
    file = world.checkout / TEMPLATE
    text = "      Worker:\n        Protection"
    assert text in deployed
    longest = text.replace("Protection", "LongestJob: 900\n        Protection")
    file.write_text(deployed.replace(text, longest).replace("StopTimeout: 120", "StopTimeout: 119"))
    carry_out(make(world.checkout, world.clients), world.checkout, world.clients)
    found = world.failing()["queue"]
    assert "is 30 s, and the worker's longest job takes 900 s" in found.evidence
    aws_cli.follow(found.next_step, world.client)
    assert "queue" not in world.failing()
    assert "longest job, 900 s" in world.verify()["queue"].evidence
    file.write_text(deployed)
    carry_out(make(world.checkout, world.clients), world.checkout, world.clients)


ASKED = (
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions", "cloudwatch:DescribeAlarms",
    "ec2:DescribeSecurityGroups", "ecs:DescribeClusters", "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition", "ecs:ListTasks", "elasticfilesystem:DescribeMountTargets",
    "elasticfilesystem:DescribeMountTargetSecurityGroups", "iam:GetRole", "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "logs:DescribeLogGroups",
    "sqs:GetQueueAttributes",
)  # fmt: skip
"""All that is asked of a worker at rest, besides CloudFormation and STS."""


@pytest.fixture(scope="module")
def everything(world: World) -> dict[str, Verdict]:
    """What verify says where it may ask for all."""
    return world.verify()


@pytest.mark.parametrize("action", ASKED)
def test_what_may_not_be_asked_is_skipped_and_never_passed(
    world: World, everything: dict[str, Verdict], action: str
) -> None:
    from botocore.exceptions import ClientError

    operation = action.partition(":")[2]

    def deny(model: Any, **_: Any) -> None:
        if model.name == operation:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, operation)

    names = {"elasticfilesystem": "efs"}
    client = world.client(names.get(action.partition(":")[0], action.partition(":")[0]))
    client.meta.events.register("before-call", deny, unique_id="deny")
    try:
        found = world.verify()
    finally:
        client.meta.events.unregister("before-call", unique_id="deny")
    skipped = {each.id for each in found.values() if f"no permission for {action}" in each.evidence}
    assert skipped
    for each in found.values():
        if each.id in skipped:
            assert (each.status, action in each.next_step) == ("SKIP", True)
        elif each.status != "SKIP" and each.id != "checks":
            assert each.status == everything[each.id].status


def test_the_same_is_asked_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of a report are on one moment, and nobody waits for the same answer twice."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    asked: list[tuple[str, str]] = []
    clients = Clients(REGION, endpoint_url=world.clients.endpoint_url)
    clients("sts")
    clients._made[""].events.register(
        "before-parameter-build.*.*",
        lambda params, model, **_: asked.append((model.name, json.dumps(params, sort_keys=True))),
    )
    checkout = world.checkout
    found = verify.verify(deployments.load(NAME, checkout), clients, checkout)
    assert len(found) > len(DEPLOYED)
    assert len(asked) > len(DEPLOYED)
    # How many messages wait is read by the deployer's reader, for the fault and for the evidence.
    assert {name for name, _ in {each for each in asked if asked.count(each) > 1}} <= {
        "GetQueueAttributes"
    }
