"""Which rows a change set has: those that AWS lists, dependents and conditions included."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

Client = Callable[[str], Any]
QUICK = {"Delay": 0, "MaxAttempts": 1000}
RECORDED = Path(__file__).parents[3] / "shared" / "change-sets" / "pairs.jsonl"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
BEYOND = 8
"""Updates that the endpoint cannot make: transforms, Parameter Store, a topic's attributes."""


def rows(
    client: Client, old: Any, new: Any, before: Mapping[str, Any], after: Mapping[str, Any],
    stack: str = "rows",
) -> dict[str, Any]:  # fmt: skip
    api = client("cloudformation")

    def request(template: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        given = [{"ParameterKey": key, "ParameterValue": str(values[key])} for key in values]
        return {
            "StackName": stack, "TemplateBody": json.dumps(template), "Parameters": given,
            "Capabilities": CAPABILITIES,
        }  # fmt: skip

    api.create_stack(**request(old, before))
    api.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=QUICK)
    made = api.create_change_set(**request(new, after), ChangeSetName="next")
    found = api.describe_change_set(ChangeSetName=made["Id"])["Changes"]
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in found}


def queues(seconds: int) -> dict[str, Any]:
    """A queue, and what refers to it: by an attribute in place, where it replaces, by a Ref."""
    return {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": seconds}},
            "Failed": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "RedriveAllowPolicy": {
                        "redrivePermission": "byQueue",
                        "sourceQueueArns": [{"Fn::GetAtt": ["Queue", "Arn"]}],
                    }
                },
            },
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": {"Fn::Sub": "of-${Queue.QueueName}"},
                    "ContainerDefinitions": [{"Name": "a", "Image": "b", "Memory": 128}],
                },
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmDescription": {"Ref": "Queue"},
                    "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1,
                    "Threshold": 1, "Statistic": "Sum",
                    "ComparisonOperator": "GreaterThanThreshold",
                },
            },
        }
    }  # fmt: skip


def test_an_attribute_of_what_is_modified_in_place_is_a_dynamic_cause(client: Client) -> None:
    found = rows(client, queues(30), queues(60), {}, {})
    assert {name: each["Replacement"] for name, each in found.items()} == {
        "Queue": "False", "Failed": "False", "Task": "Conditional",
    }  # fmt: skip
    [cause] = found["Task"]["Details"]
    assert cause["Evaluation"] == "Dynamic"
    assert cause["ChangeSource"] == "ResourceAttribute"
    assert cause["CausingEntity"] == "Queue.QueueName"
    assert cause["Target"]["RequiresRecreation"] == "Always"


def test_what_a_condition_lets_in_or_leaves_out_is_listed(client: Client) -> None:
    template = {
        "Parameters": {"On": {"Type": "String"}},
        "Conditions": {"IsOn": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        "Resources": {
            "Always": {"Type": "AWS::SQS::Queue"},
            "Sometimes": {"Type": "AWS::SQS::Queue", "Condition": "IsOn"},
        },
    }
    for before, after, action in (("no", "yes", "Add"), ("yes", "no", "Remove")):
        found = rows(client, template, template, {"On": before}, {"On": after}, f"from-{before}")
        assert {name: each["Action"] for name, each in found.items()} == {"Sometimes": action}


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"{RECORDED} is not there")
def test_the_updates_that_were_recorded_have_the_rows_that_aws_gave_them(client: Client) -> None:
    api, beyond, apart = client("cloudformation"), 0, []
    for number, line in enumerate(RECORDED.read_text().splitlines()):
        pair = json.loads(line)
        sides = pair["old"], pair["new"], pair["old_parameters"], pair["new_parameters"]
        try:
            found = rows(client, *sides, f"pair-{number}")
        except (ClientError, WaiterError):
            beyond += 1
            continue
        finally:  # the next one may have the same names
            api.delete_stack(StackName=f"pair-{number}")
            api.get_waiter("stack_delete_complete").wait(
                StackName=f"pair-{number}", WaiterConfig=QUICK
            )
        ours = {name: (each["Action"], each.get("Replacement")) for name, each in found.items()}
        theirs = {
            each["logical_id"]: (each["action"], each["replacement"]) for each in pair["changes"]
        }
        if ours != theirs:
            apart.append(pair["source"].rpartition("::")[2].strip())
    assert beyond <= BEYOND
    assert apart == ["test_update_parameter_transform_in_update_change_set"]
