"""A name that somebody has is refused: before, while a resource is made, while one is replaced."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import WaiterError

Client = Callable[[str], Any]
QUICK = {"Delay": 0, "MaxAttempts": 1000}
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "taken",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
    },
}


def named(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


ALARM = {
    "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 1, "Statistic": "Maximum",
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
EACH = {
    "alarm": named("AWS::CloudWatch::Alarm", AlarmName="taken", **ALARM),
    "cluster": named("AWS::ECS::Cluster", ClusterName="taken"),
    "log group": named("AWS::Logs::LogGroup", LogGroupName="taken"),
    "queue": named("AWS::SQS::Queue", QueueName="taken"),
    "role": ROLE,
}


def made(client: Client, stack: str, resources: dict[str, Any], kind: str = "create") -> Any:
    api = client("cloudformation")
    getattr(api, f"{kind}_stack")(
        StackName=stack, TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )  # fmt: skip
    api.get_waiter(f"stack_{kind}_complete").wait(StackName=stack, WaiterConfig=QUICK)
    return api


def reasons(client: Client, stack: str) -> str:
    events = client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return " ".join(
        each.get("ResourceStatusReason", "")
        for each in events
        if each["ResourceStatus"].endswith("_FAILED")
    )


@pytest.mark.parametrize("resource", EACH.values(), ids=EACH)
def test_a_second_one_of_a_name_fails_and_the_first_stays(client: Client, resource: Any) -> None:
    made(client, "first", {"Thing": resource})
    with pytest.raises(WaiterError):
        made(client, "second", {"Thing": resource})
    assert "with identifier 'taken' already exists" in reasons(client, "second")
    found = client("cloudformation").describe_stack_resources(StackName="first")["StackResources"]
    assert [each["ResourceStatus"] for each in found] == ["CREATE_COMPLETE"]


def test_a_change_set_that_adds_a_taken_name_fails_and_says_which(client: Client) -> None:
    client("sqs").create_queue(QueueName="taken")
    api = made(client, "one", {"Log": named("AWS::Logs::LogGroup")})
    both = {"Log": named("AWS::Logs::LogGroup"), "Queue": EACH["queue"]}
    arn = api.create_change_set(
        StackName="one", ChangeSetName="next", TemplateBody=json.dumps({"Resources": both})
    )["Id"]
    found = api.describe_change_set(ChangeSetName=arn)
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "EarlyValidation" in found["StatusReason"]
    [event] = api.describe_events(ChangeSetName=arn)["OperationEvents"]
    assert event["ValidationName"] == "NAME_CONFLICT_VALIDATION"
    assert event["LogicalResourceId"] == "Queue"
    assert "'taken' already exists" in event["ValidationStatusReason"]


def test_a_replacement_fails_on_a_name_that_stays_or_that_another_has(client: Client) -> None:
    one, other = (named("AWS::ECS::Cluster", ClusterName=name) for name in ("one", "other"))
    made(client, "first", {"Cluster": other})
    made(client, "second", {"Cluster": one})
    with pytest.raises(WaiterError):
        made(client, "second", {"Cluster": other}, "update")
    assert "with identifier 'other' already exists" in reasons(client, "second")
    found = client("cloudformation").describe_stacks(StackName="second")["Stacks"][0]
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"

    group = named("AWS::EC2::SecurityGroup", GroupName="kept", GroupDescription="before")
    made(client, "third", {"Group": group})
    group = named("AWS::EC2::SecurityGroup", GroupName="kept", GroupDescription="after")
    with pytest.raises(WaiterError):
        made(client, "third", {"Group": group}, "update")
    assert "with identifier 'kept' already exists" in reasons(client, "third")


def test_the_same_name_again_once_it_is_free(client: Client) -> None:
    api = made(client, "first", {"Queue": EACH["queue"]})
    made(client, "first", {"Queue": named("AWS::SQS::Queue", QueueName="free")}, "update")
    made(client, "second", {"Queue": EACH["queue"]})
    api.delete_stack(StackName="second")
    api.get_waiter("stack_delete_complete").wait(StackName="second", WaiterConfig=QUICK)
    made(client, "third", {"Queue": EACH["queue"]})


def test_an_update_in_place_keeps_its_name(client: Client) -> None:
    made(client, "one", {"Log": EACH["log group"]})
    again = named("AWS::Logs::LogGroup", LogGroupName="taken", RetentionInDays=7)
    made(client, "one", {"Log": again}, "update")
