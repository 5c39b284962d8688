"""What was deployed from out/, read live, is what its template comes to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from workerstack.cloudformation import Reference, equal, from_data, resolve, text
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.localaws import surroundings
from workerstack.verifier import asking, live_resources, live_stack
from workerstack.verifier.asking import NotAllowedError
from workerstack.verifier.compare_properties import deviations, wanted_properties
from workerstack.verifier.deployed_checks import CHECKED
from workerstack.verifier.live_resources import NOT_TOLD, READERS
from workerstack.verifier.live_stack import Live, read_live
from workerstack.verifier.security_groups import rules_by_hand

Client = Callable[[str], Any]


def read(clients: Clients, name: str = "webordinary-edit") -> Live:
    return read_live(clients, stacks.read(clients("cloudformation"), name))


def not_round(live: Live) -> list[str]:
    """Each readable property of the template that is not the same live."""
    found = []
    for each in live.deployed.resources.values():
        skipped = NOT_TOLD.get(each.type, {})
        wanted = wanted_properties(live, each)
        for name, value in wanted.items():
            of = live.stack.resources[each.logical_id].properties.get(name)
            if name not in skipped and not equal(
                value, live_stack.settled(of, live.stack.reference), name
            ):
                found.append(f"{each.logical_id}.{name}: {value} is {of}")
        found += [f"{each.logical_id}: {one}" for one in deviations(live, each)]
    return found


def test_the_worker_read_live_is_what_its_template_says(
    deployed_worker: Path, clients: Clients
) -> None:
    assert deployed_worker
    live = read(clients)
    assert (live.gone, live.not_allowed, live.assumed) == ((), {}, ())
    assert set(live.found) == set(live.deployed.resources) == set(live.stack.resources)
    assert not_round(live) == []
    assert list(rules_by_hand(live)) == []
    # References are kept, with the live names: checks read them as those of a template.
    service = live.stack.resources["Service"]
    task = service.get("TaskDefinition")
    assert isinstance(task, Reference)
    assert text(task) == live.physical["TaskDefinition"]
    assert live.stack.referred(task, "AWS::ECS::TaskDefinition") is not None
    role = live.stack.referred(text(live.stack.reference("TaskRole", "Arn")), "AWS::IAM::Role")
    assert role is not None
    assert role.logical_id == "TaskRole"


def test_a_worker_with_its_own_queue_reads_the_same(
    checkout: Path, clients: Clients, things: surroundings.Surroundings
) -> None:
    client = clients("cloudformation")
    client.create_stack(
        StackName="thumbnails", Capabilities=["CAPABILITY_IAM"],
        TemplateBody=(checkout / "out/thumbnails.template.yaml").read_text(),
        Parameters=[
            {"ParameterKey": "VpcId", "ParameterValue": things.vpc_id},
            {"ParameterKey": "SubnetIds", "ParameterValue": ",".join(things.subnet_ids)},
        ],
    )  # fmt: skip
    client.get_waiter("stack_create_complete").wait(
        StackName="thumbnails", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    live = read(clients, "thumbnails")
    assert (live.gone, live.not_allowed) == ((), {})
    assert not_round(live) == []
    assert set(live.stack.resources) == set(live.deployed.resources)


OTHER_SPELLINGS = {
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Statement": {
            "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole"}},
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
    },
    "Apart": {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "apart", "Roles": [{"Ref": "Role"}], "PolicyDocument": {
            "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}},
    },
    "Managed": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"Roles": [{"Ref": "Role"}], "PolicyDocument": {
            "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}},
    },
    "Queue": {
        "Type": "AWS::SQS::Queue",
        "Properties": {"VisibilityTimeout": "600", "RedrivePolicy": {
            "maxReceiveCount": 3, "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}}},
    },
    "Dead": {"Type": "AWS::SQS::Queue"},
    "Policy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Statement": [{
            "Effect": "Allow", "Principal": {"AWS": {"Ref": "AWS::AccountId"}},
            "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}]}},
    },
    "Secret": {"Type": "AWS::SecretsManager::Secret",
               "Properties": {"Name": "a-secret", "SecretString": "not-to-be-read"}},
    "Stored": {"Type": "AWS::SSM::Parameter",
               "Properties": {"Name": "/a", "Type": "String", "Value": "not-to-be-read"}},
}  # fmt: skip


def test_policies_apart_from_their_roles_and_what_is_read_by_name(
    clients: Clients, things: surroundings.Surroundings
) -> None:
    import json

    assert things
    client = clients("cloudformation")
    client.create_stack(
        StackName="spellings", Capabilities=["CAPABILITY_IAM"],
        TemplateBody=json.dumps({"Resources": OTHER_SPELLINGS}),
    )  # fmt: skip
    client.get_waiter("stack_create_complete").wait(
        StackName="spellings", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    live = read(clients, "spellings")
    assert (live.gone, live.not_allowed, live.assumed) == ((), {}, ())
    assert not_round(live) == []
    assert live.stack.resources["Role"].get("Policies") == []
    assert "not-to-be-read" not in str({name: each.properties for name, each in live.found.items()})


def test_every_type_that_is_read_has_a_row_in_the_table_of_what_it_cannot() -> None:
    assert set(NOT_TOLD) <= set(READERS)
    assert set(READERS) >= CHECKED


def test_what_may_not_be_asked_is_no_value() -> None:
    """A denial is of one resource, by IAM's name of the action, and raised when looked at."""
    client = boto3.client("sqs", region_name="us-west-2", aws_access_key_id="a",
                          aws_secret_access_key="b")  # fmt: skip  # noqa: S106
    template = from_data({"Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}},
        "Bucket": {"Type": "AWS::S3::Bucket"},
    }})  # fmt: skip
    with Stubber(client) as stubber:
        stubber.add_client_error("get_queue_attributes", "AccessDenied", "no")
        live = live_stack.assemble(
            asking.asked(lambda _: client),  # type: ignore[arg-type]
            resolve(template), {"Queue": "https://sqs/1/q", "Bucket": "b"},
        )  # fmt: skip
    assert live.not_allowed == {"Queue": "sqs:GetQueueAttributes"}
    assert live.assumed == ("Bucket",)
    with pytest.raises(NotAllowedError, match="sqs:GetQueueAttributes"):
        live.stack.resources["Queue"].get("VisibilityTimeout")


def test_the_policies_of_aws_are_known_and_those_of_the_account_are_read() -> None:
    """What is attached by hand is a resource of what runs, and one of the stack is none twice."""
    known = "arn:aws:iam::aws:policy/"
    account = "arn:aws:iam::111122223333:policy"
    attached = (
        f"{known}ReadOnlyAccess", f"{known}service-role/AmazonECSTaskExecutionRolePolicy",
        "arn:aws-cn:iam::aws:policy/job-function/Billing", f"{account}/ours", f"{account}/by-hand",
    )  # fmt: skip
    trust = {"Version": "2012-10-17", "Statement": []}
    document = {"Version": "2012-10-17", "Statement": []}
    answers = {
        "get_role": {"Role": {"RoleName": "r", "Path": "/", "Arn": f"{account[:-6]}role/r",
                              "RoleId": "R", "AssumeRolePolicyDocument": trust}},
        "list_role_policies": {"PolicyNames": []},
        "list_attached_role_policies": {
            "AttachedPolicies": [{"PolicyArn": each} for each in attached]},
        "get_policy_version": {"PolicyVersion": {"Document": document}},
    }  # fmt: skip
    read: list[str] = []

    def ask(_: str, operation: str, **request: str) -> Any:
        if operation == "get_policy":
            read.append(request["PolicyArn"])
            name = request["PolicyArn"].rpartition("/")[2]
            return {"Policy": {"PolicyName": name, "DefaultVersionId": "v1"}}
        return answers[operation]

    template = from_data({"Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Ours": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}},
    }})  # fmt: skip
    live = live_stack.assemble(ask, resolve(template), {"Role": "r", "Ours": f"{account}/ours"})
    assert sorted(read) == [f"{account}/by-hand", f"{account}/ours"]
    by_hand = set(live.stack.resources) - set(live.deployed.resources)
    assert len(by_hand) == 1
    assert live.stack.resources[by_hand.pop()].get("ManagedPolicyName") == "by-hand"
    assert set(live.found["Role"].properties["ManagedPolicyArns"]) == set(attached)


def test_iams_own_word_for_the_action_is_taken() -> None:
    client = boto3.client("cloudwatch", region_name="us-west-2", aws_access_key_id="a",
                          aws_secret_access_key="b")  # fmt: skip  # noqa: S106
    ask = asking.asked(lambda _: client)  # type: ignore[arg-type]
    with Stubber(client) as stubber:
        stubber.add_client_error(
            "put_metric_data", "AccessDenied",
            "User: x is not authorized to perform: cloudwatch:PutMetricData because ...",
        )  # fmt: skip
        stubber.add_client_error("put_metric_data", "AccessDeniedException", "no")
        for _ in range(2):
            with pytest.raises(NotAllowedError, match="cloudwatch:PutMetricData"):
                ask("cloudwatch", "put_metric_data", Namespace="a", MetricData=[])


def test_what_was_answered_is_not_asked_again_and_errors_are() -> None:
    client = boto3.client("sqs", region_name="us-west-2", aws_access_key_id="a",
                          aws_secret_access_key="b")  # fmt: skip  # noqa: S106
    ask = asking.asked_once(lambda _: client)  # type: ignore[arg-type]
    with Stubber(client) as stubber:
        stubber.add_client_error("get_queue_attributes", "AccessDenied", "no")
        for name in ("a", "b"):
            stubber.add_response("get_queue_attributes", {"Attributes": {"QueueArn": name}})
        with pytest.raises(NotAllowedError):
            ask("sqs", "get_queue_attributes", QueueUrl="a")
        for name in ("a", "b", "a", "b"):
            answer = ask("sqs", "get_queue_attributes", QueueUrl=name)
            assert answer["Attributes"] == {"QueueArn": name}
        stubber.assert_no_pending_responses()


def test_rules_are_the_same_however_they_are_written() -> None:
    one = {"IpProtocol": "6", "FromPort": "22", "ToPort": 22, "CidrIp": "10.0.0.0/8"}
    other = {**one, "IpProtocol": "TCP", "FromPort": 22, "Description": "ssh"}
    assert live_resources.rule_key(one) == live_resources.rule_key(other)
    assert live_resources.rule_key(one) != live_resources.rule_key({**one, "ToPort": 23})
    every = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
    assert live_resources.rule_key(every) == live_resources.rule_key(
        {**every, "FromPort": -1, "ToPort": -1}
    )


def test_a_hidden_value_stays_hidden() -> None:
    template = from_data({
        "Parameters": {"Token": {"Type": "String", "NoEcho": True}},
        "Resources": {"Group": {"Type": "AWS::Logs::LogGroup",
                                "Properties": {"LogGroupName": {"Ref": "Token"}}}},
    })  # fmt: skip
    resolved = resolve(template, {"Token": "hidden"})
    value = resolved.resources["Group"].get("LogGroupName")
    assert live_stack.woven_value(value, "hidden") is value
