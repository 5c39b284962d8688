"""Each gap of MiniStack that localaws closes, through AWS's own client over HTTP."""

import configparser
import importlib.metadata
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.documents import TEXTS, blocks
from tests.documents import shown as documented
from workerstack import localaws
from workerstack.localaws import completion, walkthrough

Client = Callable[[str], Any]
Template = dict[str, Any]
ROOT = Path(__file__).parents[2]
STACK = "gaps"
REGION = walkthrough.REGION


class Stack:
    """One stack of the test's account, from templates written as dictionaries."""

    def __init__(self, client: Client) -> None:
        self.api = client("cloudformation")
        self.exists = False
        self.capabilities = ["CAPABILITY_NAMED_IAM"]

    def deploy(
        self, resources: Mapping[str, Any], values: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Creates or updates the stack; gives the physical id of each logical one."""
        kind = "update" if self.exists else "create"
        getattr(self.api, f"{kind}_stack")(**self._request(resources, values or {}))
        self.exists = True
        self._wait(f"stack_{kind}_complete")
        found = self.api.describe_stack_resources(StackName=STACK)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def fail(self, resources: Mapping[str, Any]) -> str:
        """Deploys what must fail; gives the reasons of all resources that did."""
        with pytest.raises(WaiterError):
            self.deploy(resources)
        events = self.api.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return " ".join(each.get("ResourceStatusReason", "") for each in failed)

    def delete(self) -> None:
        self.api.delete_stack(StackName=STACK)
        self._wait("stack_delete_complete")

    def replacement(self, resources: Mapping[str, Any]) -> dict[str, str]:
        """What a change set says of each resource that it modifies."""
        named = {"StackName": STACK, "ChangeSetName": "next"}
        self.api.create_change_set(**self._request(resources, {}), ChangeSetName="next")
        self.api.get_waiter("change_set_create_complete").wait(
            **named, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
        )
        changes = self.api.describe_change_set(**named)["Changes"]
        self.api.delete_change_set(**named)
        modified = [each["ResourceChange"] for each in changes]
        return {
            each["LogicalResourceId"]: each["Replacement"]
            for each in modified
            if each["Action"] == "Modify"
        }

    def _wait(self, name: str) -> None:
        waiter = self.api.get_waiter(name)
        waiter.wait(StackName=STACK, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})

    def _request(self, resources: Mapping[str, Any], values: Mapping[str, str]) -> Template:
        parameters = {name: {"Type": "Number"} for name in values}
        template = {"Resources": resources, **({"Parameters": parameters} if values else {})}
        return {
            "StackName": STACK,
            "TemplateBody": json.dumps(template),
            "Capabilities": self.capabilities,
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value} for name, value in values.items()
            ],
        }


@pytest.fixture
def stack(client: Client) -> Stack:
    return Stack(client)


def changed(resources: Mapping[str, Any], name: str, **properties: Any) -> Template:
    """The same resources, one of them with other properties; None drops a property."""
    old = resources[name]
    new = {**old["Properties"], **properties}
    kept = {key: value for key, value in new.items() if value is not None}
    return {**resources, name: {**old, "Properties": kept}}


# A rule of its own in a security group.


@pytest.fixture
def group(client: Client) -> str:
    made = client("ec2").create_security_group(GroupName="workspace", Description="workspace")
    return str(made["GroupId"])


def rule(group: str, port: int = 2049, cidr: str = "10.0.0.0/16", text: str = "NFS") -> Template:
    return {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": group,
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            "CidrIp": cidr,
            "Description": text,
        },
    }


def permissions(client: Client, group: str) -> list[tuple[int, str, str]]:
    """Port, source and description of every rule."""
    [found] = client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return sorted(
        (each["FromPort"], source["CidrIp"], source.get("Description", ""))
        for each in found["IpPermissions"]
        for source in each["IpRanges"]
    )


def test_a_rule_is_created_described_anew_replaced_and_deleted(
    stack: Stack, client: Client, group: str
) -> None:
    first = stack.deploy({"Rule": rule(group), "Other": rule(group, 22)})
    assert first["Rule"].startswith("sgr-")
    assert permissions(client, group) == [(22, "10.0.0.0/16", "NFS"), (2049, "10.0.0.0/16", "NFS")]
    described = stack.deploy({"Rule": rule(group, text="EFS"), "Other": rule(group, 22)})
    assert described == first
    assert permissions(client, group)[1] == (2049, "10.0.0.0/16", "EFS")
    replaced = stack.deploy({"Rule": rule(group, 2050), "Other": rule(group, 22)})
    assert replaced["Rule"] != first["Rule"]
    assert replaced["Other"] == first["Other"]
    assert [port for port, *_ in permissions(client, group)] == [22, 2050]
    stack.deploy({"Other": rule(group, 22)})
    assert [port for port, *_ in permissions(client, group)] == [22]
    stack.delete()
    assert permissions(client, group) == []


def test_a_rule_from_another_group(stack: Stack, client: Client, group: str) -> None:
    properties = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}
    stack.deploy(
        {
            "Worker": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "worker"},
            },
            "Rule": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": properties | {"SourceSecurityGroupId": {"Ref": "Worker"}},
            },
        }
    )
    [found] = client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    [permission] = found["IpPermissions"]
    [pair] = permission["UserIdGroupPairs"]
    made = client("ec2").describe_security_groups(GroupIds=[pair["GroupId"]])["SecurityGroups"]
    assert made[0]["Description"] == "worker"


def test_the_same_rule_under_another_description_is_a_duplicate(
    stack: Stack, client: Client, group: str
) -> None:
    allowed = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}
    client("ec2").authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**allowed, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]
    )
    assert "InvalidPermission.Duplicate" in stack.fail({"Rule": rule(group)})
    assert permissions(client, group) == [(2049, "10.0.0.0/16", "")]


def test_a_rule_needs_its_group(stack: Stack) -> None:
    missing = "sg-0123456789abcdef0"
    assert f"'{missing}' does not exist" in stack.fail({"Rule": rule(missing)})


def test_a_rule_that_was_revoked_by_hand(stack: Stack, client: Client, group: str) -> None:
    stack.deploy({"Rule": rule(group)})
    client("ec2").revoke_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 2049,
                "ToPort": 2049,
                "IpRanges": [{"CidrIp": "10.0.0.0/16"}],
            }
        ],
    )
    assert "InvalidPermission.NotFound" in stack.fail({"Rule": rule(group, text="EFS")})
    stack.delete()


# ECS, Application Auto Scaling and alarms: a service that scales.

DIMENSION = "ecs:service:DesiredCount"
SERVICE: Template = {
    "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "house"}},
    "Task": {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": "work",
            "Cpu": "256",
            "Memory": "512",
            "NetworkMode": "awsvpc",
            "RequiresCompatibilities": ["FARGATE"],
            "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
            "ContainerDefinitions": [
                {
                    "Name": "work",
                    "Image": "work:1",
                    "Essential": True,
                    "StopTimeout": 120,
                    "Environment": [{"Name": "Mode", "Value": "Fast"}],
                    "Secrets": [{"Name": "TOKEN", "ValueFrom": "arn:aws:secretsmanager:::secret"}],
                    "DockerLabels": {"Owner": "us"},
                    "LinuxParameters": {"InitProcessEnabled": True},
                    "LogConfiguration": {
                        "LogDriver": "awslogs",
                        "Options": {"awslogs-group": "/work", "Max-Buffer-Size": "25m"},
                    },
                    "MountPoints": [{"SourceVolume": "space", "ContainerPath": "/space"}],
                }
            ],
            "Volumes": [
                {
                    "Name": "space",
                    "EFSVolumeConfiguration": {
                        "FilesystemId": "fs-01234567",
                        "TransitEncryption": "ENABLED",
                        "AuthorizationConfig": {"AccessPointId": "fsap-01234567", "IAM": "ENABLED"},
                    },
                }
            ],
        },
    },
    "Service": {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "ServiceName": "work",
            "Cluster": {"Ref": "Cluster"},
            "TaskDefinition": {"Ref": "Task"},
            "LaunchType": "FARGATE",
            "DesiredCount": 0,
            "PlatformVersion": "LATEST",
            "PropagateTags": "SERVICE",
            "EnableECSManagedTags": True,
            "AvailabilityZoneRebalancing": "DISABLED",
            "HealthCheckGracePeriodSeconds": 60,
            "LoadBalancers": [
                {"ContainerName": "work", "ContainerPort": 80, "TargetGroupArn": "arn:tg"}
            ],
            "ServiceRegistries": [],
        },
    },
}
SCALING: Template = {
    **SERVICE,
    "Target": {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "MinCapacity": 0,
            "MaxCapacity": 5,
            "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
            "ScalableDimension": DIMENSION,
            "ServiceNamespace": "ecs",
        },
    },
    "Policy": {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "in",
            "PolicyType": "StepScaling",
            "ScalingTargetId": {"Ref": "Target"},
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "Cooldown": 300,
                "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}],
            },
        },
    },
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "drained",
            "AlarmActions": [{"Ref": "Policy"}],
            "ComparisonOperator": "LessThanOrEqualToThreshold",
            "EvaluationPeriods": 15,
            "DatapointsToAlarm": 15,
            "Threshold": 0,
            "TreatMissingData": "notBreaching",
            "Metrics": [
                {"Id": "all", "Expression": "seen + FILL(held, 0)", "ReturnData": "true"},
                *(
                    {
                        "Id": identifier,
                        "ReturnData": False,
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "AWS/SQS",
                                "MetricName": metric,
                                "Dimensions": [{"Name": "QueueName", "Value": "mail"}],
                            },
                            "Period": "60",
                            "Stat": "Maximum",
                        },
                    }
                    for identifier, metric in (
                        ("seen", "ApproximateNumberOfMessagesVisible"),
                        ("held", "ApproximateNumberOfMessagesNotVisible"),
                    )
                ),
            ],
        },
    },
}


def targets(client: Client, **words: Any) -> list[Template]:
    api = client("application-autoscaling")
    found = api.describe_scalable_targets(ServiceNamespace="ecs", **words)["ScalableTargets"]
    return list(found)


def policies(client: Client, **words: Any) -> list[Template]:
    api = client("application-autoscaling")
    found = api.describe_scaling_policies(ServiceNamespace="ecs", **words)["ScalingPolicies"]
    return list(found)


def alarms(client: Client) -> list[Template]:
    return list(client("cloudwatch").describe_alarms()["MetricAlarms"])


def service(client: Client) -> Template:
    [found] = client("ecs").describe_services(cluster="house", services=["work"])["services"]
    return dict(found)


def test_scaling_is_created_and_described(stack: Stack, client: Client, account: str) -> None:
    made = stack.deploy(SCALING)
    assert made["Target"] == f"service/house/work|{DIMENSION}|ecs"
    [target] = targets(client)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 5)
    assert target["ResourceId"] == "service/house/work"
    assert f":{account}:role/aws-service-role/" in target["RoleARN"]
    assert not any(target["SuspendedState"].values())
    [policy] = policies(client)
    arn = f"arn:aws:autoscaling:{REGION}:{account}:scalingPolicy:"
    assert made["Policy"] == policy["PolicyARN"]
    assert policy["PolicyARN"].startswith(arn)
    assert policy["PolicyARN"].endswith(":resource/ecs/service/house/work:policyName/in")
    assert policy["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 300,
        "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}],
    }
    [alarm] = alarms(client)
    assert alarm["AlarmActions"] == [policy["PolicyARN"]]
    assert policy["Alarms"] == [{"AlarmName": "drained", "AlarmARN": alarm["AlarmArn"]}]


def test_scaling_is_found_by_what_one_asks_for(stack: Stack, client: Client) -> None:
    second = changed(SCALING, "Policy", PolicyName="out")["Policy"]
    stack.deploy({**SCALING, "Second": second})
    assert len(targets(client, ResourceIds=["service/house/work"])) == 1
    assert targets(client, ResourceIds=["service/house/other"]) == []
    assert [each["PolicyName"] for each in policies(client, PolicyNames=["out"])] == ["out"]
    assert policies(client, ResourceId="service/house/other") == []
    api = client("application-autoscaling")
    assert api.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"] == []
    pages = list(
        api.get_paginator("describe_scaling_policies").paginate(
            ServiceNamespace="ecs", PaginationConfig={"PageSize": 1}
        )
    )
    names = [[each["PolicyName"] for each in page["ScalingPolicies"]] for page in pages]
    assert sorted(names) == [["in"], ["out"]]
    assert api.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"] == []
    assert api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []
    with pytest.raises(ClientError, match="TagResource is not simulated"):
        api.tag_resource(ResourceARN="arn:aws:application-autoscaling:::x", Tags={"a": "b"})


def test_scaling_is_suspended_and_its_capacities_stay(stack: Stack, client: Client) -> None:
    stack.deploy(SCALING)
    api = client("application-autoscaling")
    [before] = api.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    place = {"ServiceNamespace": "ecs", "ScalableDimension": DIMENSION}
    api.register_scalable_target(
        **place, ResourceId=before["ResourceId"],
        SuspendedState={"DynamicScalingInSuspended": True},
    )  # fmt: skip
    [after] = api.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert after["SuspendedState"] == {
        **before["SuspendedState"], "DynamicScalingInSuspended": True,
    }  # fmt: skip
    assert {**after, "SuspendedState": {}} == {**before, "SuspendedState": {}}
    with pytest.raises(ClientError, match="ValidationException"):
        api.register_scalable_target(**place, ResourceId="service/a/unknown")


def test_scaling_is_updated_in_place(stack: Stack, client: Client) -> None:
    made = stack.deploy(SCALING)
    [target], [policy] = targets(client), policies(client)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -2}],
    }
    wider = changed(SCALING, "Target", MaxCapacity=9, SuspendedState={
        "DynamicScalingInSuspended": True})  # fmt: skip
    assert stack.deploy(changed(wider, "Policy", StepScalingPolicyConfiguration=steps)) == made
    [new_target], [new_policy] = targets(client), policies(client)
    assert new_target["MaxCapacity"] == 9
    assert new_target["SuspendedState"]["DynamicScalingInSuspended"]
    assert not new_target["SuspendedState"]["DynamicScalingOutSuspended"]
    assert new_policy["StepScalingPolicyConfiguration"] == steps
    for name, old, new in (
        ("ScalableTargetARN", target, new_target), ("CreationTime", target, new_target),
        ("PolicyARN", policy, new_policy), ("CreationTime", policy, new_policy),
    ):  # fmt: skip
        assert new[name] == old[name]


def test_another_service_replaces_the_target_and_with_it_the_policy(
    stack: Stack, client: Client
) -> None:
    first = stack.deploy(SCALING)
    moved = changed(SCALING, "Service", ServiceName="chore")
    second = stack.deploy(moved)
    assert second["Target"] == f"service/house/chore|{DIMENSION}|ecs"
    assert second["Policy"] != first["Policy"]
    assert [each["ResourceId"] for each in targets(client)] == ["service/house/chore"]
    assert [each["PolicyARN"] for each in policies(client)] == [second["Policy"]]
    [alarm] = alarms(client)
    assert alarm["AlarmActions"] == [second["Policy"]]


def test_scaling_goes_with_the_stack(stack: Stack, client: Client) -> None:
    stack.deploy(SCALING)
    stack.deploy({name: SCALING[name] for name in (*SERVICE, "Target")})
    assert (len(targets(client)), policies(client), alarms(client)) == (1, [], [])
    stack.delete()
    assert targets(client) == []


def test_a_policy_needs_its_target(stack: Stack) -> None:
    identifier = "service/house/nobody|ecs:service:DesiredCount|ecs"
    lost = changed(SCALING, "Policy", ScalingTargetId=identifier)
    assert f"No scalable target found for {identifier}" in stack.fail({"Policy": lost["Policy"]})


def test_containers_arrive_as_they_were_written(stack: Stack, client: Client) -> None:
    made = stack.deploy(SERVICE)
    found = client("ecs").describe_task_definition(taskDefinition=made["Task"])["taskDefinition"]
    [container] = found["containerDefinitions"]
    assert container == {
        "name": "work",
        "image": "work:1",
        "essential": True,
        "stopTimeout": 120,
        "environment": [{"name": "Mode", "value": "Fast"}],
        "secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:secretsmanager:::secret"}],
        "dockerLabels": {"Owner": "us"},
        "linuxParameters": {"initProcessEnabled": True},
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/work", "Max-Buffer-Size": "25m"},
        },
        "mountPoints": [{"sourceVolume": "space", "containerPath": "/space"}],
    }
    assert found["volumes"] == [
        {
            "name": "space",
            "efsVolumeConfiguration": {
                "fileSystemId": "fs-01234567",
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"accessPointId": "fsap-01234567", "iam": "ENABLED"},
            },
        }
    ]
    assert found["runtimePlatform"] == {
        "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX",
    }  # fmt: skip


def test_a_changed_container_is_the_next_revision(stack: Stack, client: Client) -> None:
    stack.deploy(SERVICE)
    [container] = SERVICE["Task"]["Properties"]["ContainerDefinitions"]
    definitions = [{**container, "Image": "work:2"}]
    made = stack.deploy(changed(SERVICE, "Task", ContainerDefinitions=definitions))
    assert made["Task"].endswith("task-definition/work:2")
    found = client("ecs").describe_task_definition(taskDefinition="work")["taskDefinition"]
    assert found["containerDefinitions"][0]["image"] == "work:2"
    assert found["volumes"][0]["efsVolumeConfiguration"]["fileSystemId"] == "fs-01234567"
    assert service(client)["taskDefinition"] == made["Task"]


def test_a_service_keeps_what_its_template_does_not_name(stack: Stack, client: Client) -> None:
    stack.deploy(SERVICE)
    found = service(client)
    assert found["loadBalancers"][0]["targetGroupArn"] == "arn:tg"
    expected = {
        "platformVersion": "LATEST", "propagateTags": "SERVICE", "enableECSManagedTags": True,
        "availabilityZoneRebalancing": "DISABLED", "healthCheckGracePeriodSeconds": 60,
        "serviceRegistries": [], "desiredCount": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    # An absent list leaves the load balancer attached, and this is what the worker must avoid.
    stack.deploy(
        changed(SERVICE, "Service", LoadBalancers=None, HealthCheckGracePeriodSeconds=None)
    )
    found = service(client)
    assert found["loadBalancers"][0]["targetGroupArn"] == "arn:tg"
    assert found["healthCheckGracePeriodSeconds"] == 0
    stack.deploy(changed(SERVICE, "Service", LoadBalancers=[], HealthCheckGracePeriodSeconds=None))
    assert service(client)["loadBalancers"] == []


def test_the_desired_count_may_be_a_parameter(stack: Stack, client: Client) -> None:
    template = changed(SERVICE, "Service", DesiredCount={"Ref": "Count"})
    stack.deploy(template, {"Count": "2"})
    assert service(client)["desiredCount"] == 2
    stack.deploy(template, {"Count": "3"})
    assert service(client)["desiredCount"] == 3
    stack.deploy(changed(SERVICE, "Service", DesiredCount=None))
    assert service(client)["desiredCount"] == 3


def test_an_alarm_on_metric_math(stack: Stack, client: Client) -> None:
    stack.deploy(SCALING)
    [alarm] = alarms(client)
    assert {"MetricName", "Namespace", "Statistic", "Period"}.isdisjoint(alarm)
    every, visible, held = alarm["Metrics"]
    assert every == {"Id": "all", "Expression": "seen + FILL(held, 0)", "ReturnData": True}
    assert (visible["ReturnData"], held["ReturnData"]) == (False, False)
    assert held["MetricStat"] == {
        "Metric": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesNotVisible",
            "Dimensions": [{"Name": "QueueName", "Value": "mail"}],
        },
        "Period": 60,
        "Stat": "Maximum",
    }
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (15, 15)
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (0, "notBreaching")


def test_an_alarm_changes_between_one_metric_and_math(stack: Stack, client: Client) -> None:
    plain = changed(
        SCALING, "Alarm", Metrics=None, Namespace="AWS/SQS", Period=60, Statistic="Average",
        MetricName="ApproximateNumberOfMessagesVisible",
    )  # fmt: skip
    made = stack.deploy(plain)
    assert alarms(client)[0]["Statistic"] == "Average"
    assert stack.deploy(SCALING) == made
    assert "Statistic" not in alarms(client)[0]
    assert stack.deploy(plain) == made
    [alarm] = alarms(client)
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert alarm.get("Metrics", []) == []


def test_metric_math_is_never_evaluated(stack: Stack, client: Client) -> None:
    stack.deploy(SCALING)
    datum = {
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "mail"}],
        "Value": 0,
    }
    client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[datum])
    assert alarms(client)[0]["StateValue"] == "INSUFFICIENT_DATA"


EVERY: Template = {
    **SCALING,
    "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/work"}},
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "mail"}},
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    },
    "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "work"}},
    "Rule": rule("sg-set-by-the-test"),
}
REPLACEMENT: list[tuple[str, Template, str]] = [
    ("Cluster", {"ClusterName": "barn"}, "True"),
    ("Task", {"Family": "toil"}, "True"),
    ("Task", {"Memory": "1024"}, "True"),
    ("Task", {"Tags": [{"Key": "a", "Value": "b"}]}, "False"),
    ("Service", {"ServiceName": "toil"}, "True"),
    ("Service", {"SchedulingStrategy": "DAEMON"}, "True"),
    ("Service", {"LaunchType": "EC2"}, "Conditional"),
    ("Service", {"PlatformVersion": "1.4.0"}, "False"),
    ("Service", {"LoadBalancers": []}, "False"),
    ("Target", {"ResourceId": "service/house/other"}, "True"),
    ("Target", {"MaxCapacity": 9}, "False"),
    ("Policy", {"PolicyName": "down"}, "True"),
    ("Policy", {"PolicyType": "TargetTrackingScaling"}, "False"),
    ("Alarm", {"AlarmName": "empty"}, "True"),
    ("Alarm", {"Threshold": 1}, "False"),
    ("Log", {"LogGroupName": "/toil"}, "True"),
    ("Log", {"RetentionInDays": 1}, "False"),
    ("Queue", {"QueueName": "post"}, "True"),
    ("Queue", {"VisibilityTimeout": 1}, "False"),
    ("Role", {"RoleName": "clerk"}, "True"),
    ("Role", {"Description": "none"}, "False"),
    ("Group", {"GroupDescription": "barn"}, "True"),
    ("Group", {"SecurityGroupIngress": []}, "False"),
    ("Rule", {"FromPort": 2048}, "True"),
    ("Rule", {"Description": "EFS"}, "False"),
]


def test_a_change_set_says_what_is_replaced(stack: Stack, group: str) -> None:
    every = changed(EVERY, "Rule", GroupId=group)
    stack.deploy(every)
    said = [
        (name, properties, stack.replacement(changed(every, name, **properties))[name])
        for name, properties, _ in REPLACEMENT
    ]
    assert said == REPLACEMENT


WRITTEN: Template = {
    "Parameters": {"Name": {"Type": "String"}, "Days": {"Type": "Number"}},
    "Resources": {
        "Log": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Ref": "Name"}, "RetentionInDays": {"Ref": "Days"}},
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Fn::Sub": "${Log}-waits"},
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 1,
                "MetricName": "IncomingBytes",
                "Namespace": "AWS/Logs",
                "Period": 60,
                "Statistic": "Sum",
                "Threshold": 0,
            },
        },
    },
}
"""What a change set compares with: the same as literals, and the alarm's name joined."""


@pytest.mark.parametrize(
    ("name", "days", "said"),
    [
        ("/toil", "7", {}),
        ("/toil", "8", {"Log": ("False", {"RetentionInDays"})}),
        ("/work", "7", {"Log": ("True", {"LogGroupName"}), "Alarm": ("True", {"AlarmName"})}),
    ],
)
def test_a_change_set_compares_values_and_not_how_they_are_written(
    stack: Stack, name: str, days: str, said: dict[str, tuple[str, set[str]]]
) -> None:
    before = {"LogGroupName": "/toil", "RetentionInDays": 7}
    joined = {"Fn::Join": ["-", [{"Ref": "Log"}, "waits"]]}
    resources = changed(WRITTEN["Resources"], "Log", **before)
    stack.deploy(changed(resources, "Alarm", AlarmName=joined))
    stack.api.create_change_set(
        StackName=STACK,
        ChangeSetName="next",
        TemplateBody=json.dumps(WRITTEN),
        Parameters=[
            {"ParameterKey": "Name", "ParameterValue": name},
            {"ParameterKey": "Days", "ParameterValue": days},
        ],
    )
    answer = stack.api.describe_change_set(StackName=STACK, ChangeSetName="next")
    found = [each["ResourceChange"] for each in answer["Changes"]]
    assert {
        each["LogicalResourceId"]: (
            each["Replacement"], {detail["Target"]["Name"] for detail in each["Details"]},
        )
        for each in found
    } == said  # fmt: skip


def test_an_account_without_hooks(stack: Stack) -> None:
    stack.deploy(SERVICE)
    made = stack.api.create_change_set(
        StackName=STACK, ChangeSetName="next",
        TemplateBody=json.dumps({"Resources": changed(SERVICE, "Task", Memory="1024")}),
    )  # fmt: skip
    said = stack.api.describe_change_set_hooks(ChangeSetName=made["Id"])
    assert (said["Hooks"], said["Status"]) == ([], "PLANNED")
    results = stack.api.list_hook_results(TargetType="CHANGE_SET", TargetId=made["Id"])
    assert results["HookResults"] == []


# The endpoint.


def test_capabilities_are_enforced(stack: Stack) -> None:
    stack.capabilities = []
    with pytest.raises(ClientError) as refused:
        stack.deploy({"Role": EVERY["Role"]})
    assert refused.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"
    stack.capabilities = ["CAPABILITY_IAM"]
    assert stack.deploy({"Role": EVERY["Role"]})["Role"].startswith(STACK)


def test_accounts_and_regions_are_kept_apart(
    stack: Stack, client: Client, endpoint: localaws.Endpoint
) -> None:
    stack.deploy(SCALING)
    stranger = Stack(lambda name: walkthrough.client(name, endpoint.url, "210987654321"))
    stranger.deploy(changed(SCALING, "Target", MaxCapacity=1))
    [target] = targets(client)
    assert target["MaxCapacity"] == 5
    stranger.delete()
    assert len(targets(client)) == len(policies(client)) == len(alarms(client)) == 1
    elsewhere = boto3.client(
        "application-autoscaling", region_name="us-east-1", endpoint_url=endpoint.url
    )
    assert elsewhere.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as caller:
        caller.settimeout(5)
        return caller.connect_ex((host, port)) == 0


def port_of(url: str) -> int:
    found = urllib.parse.urlsplit(url)
    assert (found.scheme, found.hostname) == ("http", "127.0.0.1")
    assert found.port
    return found.port


def test_the_endpoint_is_on_the_loopback_interface_only(endpoint: localaws.Endpoint) -> None:
    assert listens(port_of(endpoint.url))
    assert not listens(port_of(endpoint.url), "127.0.0.2")


IN_A_PROCESS = """
import socket
from workerstack import localaws
from workerstack.localaws import walkthrough

def scale(endpoint):
    api = walkthrough.client("cloudformation", endpoint.url)
    target = {"MinCapacity": 0, "MaxCapacity": 1, "ResourceId": "service/a/b",
              "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs"}
    kind = "AWS::ApplicationAutoScaling::ScalableTarget"
    resources = {"Target": {"Type": kind, "Properties": target}}
    api.create_stack(StackName="a", TemplateBody=__import__("json").dumps({"Resources": resources}))
    waiter = api.get_waiter("stack_create_complete")
    waiter.wait(StackName="a", WaiterConfig={"Delay": 0, "MaxAttempts": 1000})

def left(endpoint):
    scaling = walkthrough.client("application-autoscaling", endpoint.url)
    stacks = walkthrough.client("cloudformation", endpoint.url).describe_stacks()["Stacks"]
    targets = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    return len(stacks), len(targets)

with localaws.start() as first:
    scale(first)
    assert left(first) == (1, 1), left(first)
first.stop()
with socket.socket() as caller:
    assert caller.connect_ex(("127.0.0.1", int(first.url.rpartition(":")[2])))
with localaws.start() as second:
    assert left(second) == (0, 0), left(second)
"""


def test_what_was_stopped_neither_listens_nor_remembers() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_A_PROCESS],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def in_the_foreground(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "workerstack.localaws", *words],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_until_interrupted(number: signal.Signals) -> None:
    with in_the_foreground() as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert walkthrough.client("sts", url).get_caller_identity()["Account"] == "111122223333"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert not listens(port_of(url))


def test_a_port_that_is_taken_or_none(endpoint: localaws.Endpoint) -> None:
    for port in (str(port_of(endpoint.url)), "99999"):
        with in_the_foreground("--port", port) as process:
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (1, "")
        assert err.startswith(f"Port {port} cannot be opened. Leave out --port")
        assert len(err.splitlines()) == 1


def test_the_walkthrough_whatever_the_shell_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, python: Path
) -> None:
    """`make run`: to its end, past a profile and a proxy, and nothing is left behind."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "of-somebody")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.run(
        [str(python), "-m", "workerstack.localaws.walkthrough"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, list(tmp_path.iterdir())) == (0, []), done.stdout + done.stderr
    shown = done.stdout.splitlines()
    assert len(shown) <= 22, done.stdout
    assert max(map(len, shown)) <= 100
    assert [line.split()[0] for line in shown if line.startswith("[")] == [
        f"[{step}/10]" for step in range(1, 11)
    ]
    assert "FAIL" not in done.stdout
    [block] = [each.text for each in blocks(TEXTS["README.md"]) if "$ make run\n" in each.text]
    printed = "".join(f"{line}\n" for line in shown)
    assert re.fullmatch(documented(block.partition("\n")[2]), printed), printed
    kept = {file.stem: file.read_text() for file in (ROOT / ".demo").iterdir()}
    assert [kept[each].splitlines()[0].split()[1:3] for each in (
        "generate", "init", "review", "execute", "verify-6", "unchanged", "ship", "ship-execute",
        "prove", "rollback", "rollback-execute", "verify-10",
    )] == [
        ["./generate.py"], *(["./deploy.py", each] for each in (
            "init", "review", "execute", "verify", "review", "ship", "execute",
            "prove", "rollback", "execute", "verify",
        )),
    ]  # fmt: skip
    for each in ("verify-6", "verify-10"):
        assert "PASS  E9106" in kept[each]
        assert "FAIL" not in kept[each]
    assert "PASS  start" in kept["prove"]
    assert "No changes" in kept["unchanged"]
    for each in ("execute", "ship-execute", "rollback-execute"):
        assert "webordinary-edit is UPDATE_COMPLETE" in kept[each]
    report = kept["review"].splitlines()
    assert len(report) <= 120, "the review of the first day has at most 120 lines"
    assert [line for line in report if len(line) > 100 and "./deploy.py" not in line] == []
    assert "Done in" in shown[-2]


def test_completing_twice_changes_nothing(endpoint: localaws.Endpoint) -> None:
    from ministack import app
    from ministack.core import router
    from ministack.services.cloudformation import engine, provisioners
    from ministack.services.cloudformation import handlers as actions

    def tables() -> list[Any]:
        handlers = provisioners._RESOURCE_HANDLERS
        return [
            {name: dict(handler) for name, handler in handlers.items()},
            dict(provisioners._REPLACING_PROPERTIES),
            dict(provisioners._CONDITIONALLY_REPLACING_PROPERTIES),
            engine.CfnLoader,
            provisioners._cw_metric_alarm_record,
            provisioners._normalize_container_defs,
            dict(actions._ACTION_HANDLERS),
            dict(app.SERVICE_HANDLERS),
            dict(router.SERVICE_PATTERNS),
        ]

    assert endpoint.url
    before = tables()
    completion.install()
    assert tables() == before


def test_the_version_whose_inside_is_known_is_the_one_that_runs() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    locked = (ROOT / "constraints.txt").read_text().splitlines()
    installed = f"ministack=={importlib.metadata.version('ministack')}"
    assert settings["options.extras_require"]["local"].split() == [installed]
    assert [line for line in locked if line.startswith("ministack")] == [installed]
    assert installed.replace("==", " ").lower() in (localaws.__doc__ or "").lower()


def test_another_change_set_keeps_the_id_of_a_stack_that_is_still_to_be_created(
    client: Client,
) -> None:
    api = client("cloudformation")
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    ids = {
        api.create_change_set(
            StackName=STACK, ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=template
        )["StackId"]
        for name in ("first", "second")
    }
    assert len(ids) == 1
    [stack_id] = ids
    listed = api.list_change_sets(StackName=stack_id)["Summaries"]
    assert {each["ChangeSetName"] for each in listed} == {"first", "second"}
    api.execute_change_set(StackName=stack_id, ChangeSetName="second")
    api.get_waiter("stack_create_complete").wait(
        StackName=stack_id, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    [left] = api.list_change_sets(StackName=stack_id)["Summaries"]
    assert left["ChangeSetName"] == "second"


def test_a_change_set_s_name_is_taken_however_its_stack_is_called(stack: Stack) -> None:
    stack.deploy({"Queue": {"Type": "AWS::SQS::Queue"}})
    [found] = stack.api.describe_stacks(StackName=STACK)["Stacks"]
    options = {"ChangeSetName": "once", "UsePreviousTemplate": True}
    stack.api.create_change_set(StackName=found["StackId"], **options)
    for name in (STACK, found["StackId"]):
        with pytest.raises(ClientError, match="AlreadyExistsException"):
            stack.api.create_change_set(StackName=name, **options)


# Rights beside a role, and calls that count as encrypted


def document(action: str, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST = document("sts:AssumeRole", Principal={"Service": "ecs-tasks.amazonaws.com"})
del TRUST["Statement"][0]["Resource"]
RIGHTS: dict[str, Any] = {
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": TRUST,
            "Policies": [{"PolicyName": "inside", "PolicyDocument": document("sqs:ListQueues")}],
        },
    },
    "Rights": {
        "Type": "AWS::IAM::RolePolicy",
        "Properties": {
            "RoleName": {"Ref": "Role"}, "PolicyName": "beside",
            "PolicyDocument": document("s3:ListBucket"),
        },
    },
}  # fmt: skip


def test_rights_beside_a_role(stack: Stack, client: Client) -> None:
    made = stack.deploy(RIGHTS)
    iam, role = client("iam"), made["Role"]
    assert made["Rights"] == f"beside|{role}"

    def names() -> set[str]:
        return set(iam.list_role_policies(RoleName=role)["PolicyNames"])

    assert names() == {"inside", "beside"}
    other = changed(RIGHTS, "Rights", PolicyDocument=document("s3:GetObject"))
    assert stack.replacement(other) == {"Rights": "False"}
    assert stack.deploy(other) == made
    found = iam.get_role_policy(RoleName=role, PolicyName="beside")["PolicyDocument"]
    assert found["Statement"][0]["Action"] == "s3:GetObject"
    renamed = changed(RIGHTS, "Rights", PolicyName="renamed")
    assert stack.replacement(renamed) == {"Rights": "True"}
    stack.deploy(renamed)
    assert names() == {"inside", "renamed"}
    stack.deploy({"Role": RIGHTS["Role"]})
    assert names() == {"inside"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"RoleName": "nobody"}, "The role nobody cannot be found"),
        ({"PolicyDocument": {"Version": "2012-10-17"}}, "Statement"),
    ],
)
def test_rights_that_cannot_be(stack: Stack, change: dict[str, Any], said: str) -> None:
    assert said in stack.fail(changed(RIGHTS, "Rights", **change))


@pytest.mark.parametrize(("refused", "answers"), [("false", True), ("true", False)])
def test_calls_count_as_encrypted(client: Client, refused: str, answers: bool) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="tls")["QueueUrl"]
    policy = document(
        "sqs:*", Effect="Deny", Principal="*",
        Condition={"Bool": {"aws:SecureTransport": refused}},
    )  # fmt: skip
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    if answers:
        assert sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.send_message(QueueUrl=url, MessageBody="x")
