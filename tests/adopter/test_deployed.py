"""The stacks that other tools made are there as AWS would have them, and go without a trace."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file

from tests import deployed
from workerstack.localaws import surroundings

Client = Callable[[str], Any]
RESOURCE = "service/webordinary-edit-cluster/webordinary-edit-service"


def types(client: Client, stack: str) -> dict[str, str]:
    """The type of each logical id that the stack has."""
    found = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each["ResourceType"] for each in found}


def delete(client: Client, stack: str) -> None:
    client("cloudformation").delete_stack(StackName=stack)
    waiter = client("cloudformation").get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})


def test_both_templates_are_clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # out of reach of our rules: these are not our workers
    for template in (deployed.CDK, deployed.HAND_WRITTEN):
        assert lint_file(template) == []


def test_the_cdk_stack_serves_http(client: Client, cdk_template: str) -> None:
    assert types(client, "webordinary-edit") == {
        name: body["Type"] for name, body in json.loads(cdk_template)["Resources"].items()
    }
    [service] = client("ecs").describe_services(
        cluster="webordinary-edit-cluster", services=["webordinary-edit-service"]
    )["services"]
    # The CDK's service does not wait for the rule that lets it mount; ECS would try again.
    assert service["desiredCount"] == 1
    assert service["healthCheckGracePeriodSeconds"] == 60
    assert service["loadBalancers"][0]["containerPort"] == 8080
    assert service["serviceRegistries"][0]["registryArn"].split("/")[1].startswith("srv-")
    task = client("ecs").describe_task_definition(taskDefinition="webordinary-edit-task")
    [container] = task["taskDefinition"]["containerDefinitions"]
    assert [each["containerPort"] for each in container["portMappings"]] == [8080]
    assert container["healthCheck"]["startPeriod"] == 60
    policies = client("application-autoscaling").describe_scaling_policies(
        ServiceNamespace="ecs", ResourceId=RESOURCE
    )["ScalingPolicies"]
    assert sorted(each["PolicyType"] for each in policies) == [
        *["StepScaling"] * 2, *["TargetTrackingScaling"] * 3,
    ]  # fmt: skip
    assert [len(each["Alarms"]) for each in policies if each["PolicyType"] == "StepScaling"] == [
        1, 1,
    ]  # fmt: skip
    exports = client("cloudformation").list_exports()["Exports"]
    assert [each["Name"] for each in exports] == ["WebordinaryEditClusterName"]


def test_its_roles_have_the_policies_that_are_resources_of_their_own(
    client: Client, cdk_template: str
) -> None:
    assert cdk_template
    iam = client("iam")
    names = {
        each["RoleName"].split("-")[2]: iam.list_role_policies(RoleName=each["RoleName"])[
            "PolicyNames"
        ]
        for each in iam.list_roles()["Roles"]
    }
    assert names == {
        "EditTaskExecutionRole165AF16B": ["EditTaskExecutionRoleDefaultPolicy99C51102"],
        "EditTaskTaskRole2A097491": ["EditTaskTaskRoleDefaultPolicy06CC39A9"],
    }


def test_it_goes_but_for_the_log(
    client: Client, cdk_template: str, things: surroundings.Surroundings
) -> None:
    assert cdk_template
    delete(client, "webordinary-edit")
    assert client("iam").list_roles()["Roles"] == []
    assert client("elbv2").describe_target_groups()["TargetGroups"] == []
    assert len(client("elbv2").describe_rules(ListenerArn=things.listener_arn)["Rules"]) == 1
    assert client("servicediscovery").list_namespaces()["Namespaces"] == []
    assert client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    targets = client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    assert targets["ScalableTargets"] == []
    groups = client("logs").describe_log_groups()["logGroups"]
    assert [each["logGroupName"] for each in groups] == ["/ecs/webordinary/edit"]


def test_the_hand_written_stack_works_on_its_queue(
    client: Client, hand_written_template: str
) -> None:
    assert hand_written_template
    found = types(client, "thumbnails")
    assert found["MyService"] == "AWS::ECS::Service"
    assert found["JobPolicy"] == "AWS::IAM::Policy"
    [target] = client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/thumbnails-cluster/thumbnails-service"]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 6)
    delete(client, "thumbnails")
    assert client("ecs").list_clusters()["clusterArns"] == []
