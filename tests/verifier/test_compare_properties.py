"""What runs against what was deployed, without an endpoint: tables of values, rules and rights."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from workerstack.cloudformation import from_data, resolve
from workerstack.verifier import asking, live_stack
from workerstack.verifier.compare_properties import deviations
from workerstack.verifier.live_resources import LiveResource
from workerstack.verifier.live_stack import Live, partner
from workerstack.verifier.security_groups import rules_by_hand
from workerstack.verifier.smoke_checks import FILE_SYSTEM, needs

QUEUE, ALARM = "AWS::SQS::Queue", "AWS::CloudWatch::Alarm"
GROUP = "AWS::EC2::SecurityGroup"
EVERYWHERE = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"}


def live(kind: str, written: dict[str, Any], runs: dict[str, Any]) -> Live:
    body = {"Type": kind, "Properties": written}
    deployed = resolve(from_data({"Resources": {"It": body}}))
    return Live(deployed, deployed, {"It": "sg-1"}, {"It": LiveResource(runs)})


@pytest.mark.parametrize(
    ("kind", "written", "runs", "paths"),
    [
        (QUEUE, {"VisibilityTimeout": 30}, {"VisibilityTimeout": "30"}, []),
        (QUEUE, {"VisibilityTimeout": 30}, {"VisibilityTimeout": "31"}, ["VisibilityTimeout"]),
        # Where the template is silent, the service's default holds.
        (QUEUE, {}, {"VisibilityTimeout": 30}, []),
        (QUEUE, {}, {"VisibilityTimeout": 31}, ["VisibilityTimeout"]),
        (QUEUE, {"VisibilityTimeout": 30}, {}, []),
        (QUEUE, {"VisibilityTimeout": 31}, {}, ["VisibilityTimeout"]),
        # A service does not answer what is off, or empty.
        (QUEUE, {"FifoQueue": False}, {}, []),
        (QUEUE, {"FifoQueue": "false"}, {}, []),
        (QUEUE, {"FifoQueue": "true"}, {}, ["FifoQueue"]),
        (ALARM, {"OKActions": []}, {}, []),
        (ALARM, {"OKActions": ["a"]}, {}, ["OKActions"]),
        (ALARM, {"Metrics": [{"Id": "a", "Period": 60}, {"Id": "b", "Period": 60}]},
         {"Metrics": [{"Id": "b", "Period": 60}, {"Id": "a", "Period": 120}]},
         ["Metrics.a.Period"]),
        (ALARM, {"Metrics": [{"Id": "a", "Period": 60}]},
         {"Metrics": [{"Id": "b", "Period": 60}]}, ["Metrics.a"]),
        (ALARM, {"AlarmActions": ["a", "b"]}, {"AlarmActions": ["b", "a"]}, []),
        (ALARM, {"AlarmActions": ["a"]}, {"AlarmActions": ["b"]}, ["AlarmActions"]),
    ],
)  # fmt: skip
def test_what_runs_otherwise_is_told_by_its_path(
    kind: str, written: dict[str, Any], runs: dict[str, Any], paths: list[str]
) -> None:
    one = live(kind, written, runs)
    assert [each.property for each in deviations(one, one.deployed.resources["It"])] == paths


@pytest.mark.parametrize(
    ("member", "others", "found"),
    [
        ({"Name": "a", "V": 1}, [{"Name": "b"}, {"Name": "a", "V": 2}], {"Name": "a", "V": 2}),
        ({"Name": "a"}, [{"Name": "b"}], None),
        ({"V": 1}, [{"V": 2}, {"V": 1}], {"V": 1}),
        ({"V": 1}, [{"V": 2}], {"V": 2}),
        ({"V": 1}, [], None),
        ("a", ["b", "a"], "a"),
        ("a", ["b"], None),
    ],
)
def test_a_partner_is_the_same_thing(member: Any, others: list[Any], found: Any) -> None:
    assert partner(member, others, 0) == found


@pytest.mark.parametrize(
    ("written", "ingress", "egress", "told"),
    [
        ({}, [], [EVERYWHERE], []),
        ({}, [], [], [("egress", False)]),
        ({}, [EVERYWHERE], [EVERYWHERE], [("ingress", True)]),
        ({}, [], [EVERYWHERE, SSH], [("egress", True)]),
        ({"SecurityGroupIngress": [SSH]}, [SSH], [EVERYWHERE], []),
        ({"SecurityGroupIngress": [SSH]}, [], [EVERYWHERE], [("ingress", False)]),
        ({"SecurityGroupEgress": [SSH]}, [], [SSH], []),
        ({"SecurityGroupEgress": [SSH]}, [], [SSH, EVERYWHERE], [("egress", True)]),
    ],
)
def test_a_rule_by_hand_is_told_and_the_default_one_is_none(
    written: dict[str, Any], ingress: list[Any], egress: list[Any], told: list[Any]
) -> None:
    runs = {"SecurityGroupIngress": ingress, "SecurityGroupEgress": egress}
    found = rules_by_hand(live(GROUP, written, runs))
    assert [(each.direction, each.extra) for each in found] == told


@pytest.mark.parametrize(("timeout", "shown"), [("30", None), ("31", "31")])
def test_a_default_that_the_template_does_not_write_is_not_taken_for_written(
    timeout: str, shown: str | None
) -> None:
    client: Any = boto3.client("sqs", region_name="us-west-2")
    template = from_data({"Resources": {"It": {"Type": QUEUE, "Properties": {"QueueName": "q"}}}})
    answer = {"QueueArn": "arn:aws:sqs:us-west-2:1:q", "VisibilityTimeout": timeout}
    with Stubber(client) as stubber:
        stubber.add_response("get_queue_attributes", {"Attributes": answer})
        found = live_stack.assemble(
            asking.asked(lambda _: client),  # type: ignore[arg-type]
            resolve(template), {"It": "https://sqs.us-west-2.amazonaws.com/1/q"},
        )  # fmt: skip
    assert found.found["It"].properties["VisibilityTimeout"] == timeout
    assert found.stack.resources["It"].get("VisibilityTimeout") == shown


@pytest.mark.parametrize(
    ("authorization", "asked"),
    [({"iam": "ENABLED"}, True), ({"iam": "DISABLED"}, False), ({}, False), (None, False)],
)
def test_rights_on_a_file_system_are_needed_where_iam_is_asked(
    authorization: dict[str, str] | None, asked: bool
) -> None:
    system: dict[str, Any] = {"fileSystemId": "fs-1"}
    if authorization is not None:
        system["authorizationConfig"] = authorization
    task = {"volumes": [{"name": "w", "efsVolumeConfiguration": system}]}
    found = [each.actions for each in needs(task, "arn:aws:sqs:us-west-2:1:q", "")]
    assert (FILE_SYSTEM in found) is asked
