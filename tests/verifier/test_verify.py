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
from workerstack.localaws import surroundings, walkthrough
from workerstack.verifier import verify
from workerstack.verifier.check import Check

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

    def verify(self) -> dict[str, Check]:
        found = verify.verify(deployments.load(NAME, self.checkout), self.clients)
        return {each.id: each for each in found}

    def failing(self) -> dict[str, Check]:
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
def world(endpoint: localaws.Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def client(service: str) -> Any:
        return walkthrough.client(service, endpoint.url, ACCOUNT)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in walkthrough.credentials(endpoint.url).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        things = surroundings.create(client, REGION)
        checkout = write_checkout(tmp_path_factory.mktemp("checkout"), ACCOUNT, things)
        clients = Clients(REGION, endpoint_url=endpoint.url)
        carry_out(make(checkout, clients), checkout, clients)
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
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])


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
            RoleName=world.physical("TaskRole"), PolicyName="process-messages",
            PolicyDocument=json.dumps(POLICY)),
        {"roles"}, "its inline policy process-messages differs", "put-role-policy",
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


@pytest.mark.parametrize("case", REDS)
def test_what_a_red_line_says_mends_it(world: World, case: str) -> None:
    red = REDS[case]
    assert world.failing() == {}, "the case before left something behind"
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
