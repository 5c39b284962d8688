"""A caller with policies is refused as AWS refuses: by protocol, by resource, by condition."""

import gzip
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workerstack import localaws
from workerstack.localaws import authorization, requested_actions, surroundings, walkthrough
from workerstack.localaws.authorization import Caller

KEYS = (f"SOMEBODY{number}" for number in itertools.count())
Client = Callable[[str], Any]
Admit = Callable[..., tuple[Client, Caller]]


def allow(*actions: str, on: str = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {"Version": "2012-10-17", "Statement": [{**statement, **condition}]}


@pytest.fixture
def admit(endpoint: localaws.Endpoint, account: str) -> Admit:
    """Clients of somebody with these policies, and what is known of him."""

    def go(*documents: dict[str, Any]) -> tuple[Client, Caller]:
        key = next(KEYS)
        caller = authorization.admit(key, account, documents)
        return lambda service: walkthrough.client(service, endpoint.url, key), caller

    return go


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("cloudformation", "describe_stacks", {"StackName": "x"}, "AccessDenied"),
        ("ecs", "describe_services", {"services": ["x"]}, "AccessDeniedException"),
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation"),
        ("iam", "list_roles", {}, "AccessDenied"),
        ("sqs", "get_queue_url", {"QueueName": "x"}, "AccessDenied"),
        ("logs", "filter_log_events", {"logGroupName": "x"}, "AccessDeniedException"),
        ("s3", "get_object", {"Bucket": "x", "Key": "y"}, "AccessDenied"),
        ("s3", "head_object", {"Bucket": "x", "Key": "y"}, "403"),
        ("efs", "describe_mount_targets", {"FileSystemId": "fs-1"}, "AccessDeniedException"),
        ("cloudwatch", "describe_alarms", {"AlarmNames": ["x"]}, "AccessDeniedException"),
        ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"},
         "AccessDeniedException"),
        ("secretsmanager", "get_secret_value", {"SecretId": "x"}, "AccessDeniedException"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_in_the_words_of_its_protocol(
    admit: Admit, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    clients, caller = admit(allow("sns:Publish"))
    assert refusal(getattr(clients(service), operation), **parameters) == code
    [(question, reason)] = caller.refused
    assert reason == "no statement allows it"
    name = OTHER_NAMES.get(operation, operation).replace("_", "")
    assert question.action.partition(":")[2].lower() == name


def test_who_asks_who_he_is_needs_no_right(admit: Admit, account: str) -> None:
    clients, caller = admit(allow("sns:Publish"))
    assert clients("sts").get_caller_identity()["Account"] == account
    assert not caller.asked


def test_a_right_is_one_on_what_it_names(admit: Admit, client: Client) -> None:
    for name in ("mine", "another"):
        client("sqs").create_queue(QueueName=name)
    clients, caller = admit(allow("sqs:GetQueueUrl", on="arn:aws:sqs:*:*:mine"))
    assert clients("sqs").get_queue_url(QueueName="mine")["QueueUrl"].endswith("/mine")
    assert refusal(clients("sqs").get_queue_url, QueueName="another") == "AccessDenied"
    # Somebody without policies may do anything, as before.
    assert client("sqs").get_queue_url(QueueName="another")
    assert [question.resource.rpartition(":")[2] for question, _ in caller.refused] == ["another"]


OTHER_NAMES = {"head_object": "get_object"}
QUEUE = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}}"
ROLE = "arn:aws:iam::{}:role/cloudformation-{}"


def test_cloudformation_has_the_rights_of_whoever_executes(admit: Admit, client: Client) -> None:
    clients, caller = admit(allow("cloudformation:*"))
    clients("cloudformation").create_stack(StackName="one", TemplateBody=QUEUE)
    assert status(client, "one") == "ROLLBACK_COMPLETE"
    assert "sqs:CreateQueue" in {question.action for question, _ in caller.refused}
    assert not client("sqs").list_queues().get("QueueUrls")
    clients, caller = admit(allow("cloudformation:*", "sqs:*", on="*"))
    clients("cloudformation").create_stack(StackName="two", TemplateBody=QUEUE)
    assert status(client, "two") == "CREATE_COMPLETE"
    assert not caller.refused


def test_a_service_role_acts_for_who_may_pass_it(
    admit: Admit, client: Client, account: str
) -> None:
    role = ROLE.format(account, "able")
    authorization.admit_role(role, [allow("sqs:*")])
    made = {"StackName": "three", "TemplateBody": QUEUE, "RoleARN": role}
    clients, caller = admit(allow("cloudformation:*"))
    assert refusal(clients("cloudformation").create_stack, **made) == "AccessDenied"
    assert [question.action for question, _ in caller.refused] == ["iam:PassRole"]
    passing = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    for service, ok in (("ecs-tasks.amazonaws.com", False), ("", True)):
        condition = {"StringEquals": {"iam:PassedToService": service}} if service else passing
        clients, caller = admit(
            allow("cloudformation:*"), allow("iam:PassRole", on=role, Condition=condition)
        )
        if ok:
            clients("cloudformation").create_stack(**made)
        else:
            assert refusal(clients("cloudformation").create_stack, **made) == "AccessDenied"
    assert status(client, "three") == "CREATE_COMPLETE"
    assert "sqs:CreateQueue" not in {action for action, _ in caller.asked}


def test_drift_is_read_with_the_callers_rights(
    admit: Admit, client: Client, things: surroundings.Surroundings
) -> None:
    assert things
    client("cloudformation").create_stack(StackName="four", TemplateBody=QUEUE)
    assert status(client, "four") == "CREATE_COMPLETE"
    clients, caller = admit(allow("cloudformation:*"))
    detect = clients("cloudformation").detect_stack_drift
    assert refusal(detect, StackName="four") == "AccessDenied"
    [(question, _)] = caller.refused
    assert question.action == "sqs:GetQueueAttributes"
    assert json.dumps(question.resource).endswith(':q"')


def status(client: Client, stack: str) -> str:
    cloudformation = client("cloudformation")
    while True:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            return str(found["StackStatus"])


def test_a_compressed_request_is_read() -> None:
    """botocore compresses what is long, as a thousand datapoints of PutMetricData."""
    body = gzip.compress(b"Action=PutMetricData&Namespace=AWS%2FSQS")
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-west-2/monitoring/aws4_request",
        "content-type": "application/x-www-form-urlencoded",
        "content-encoding": "gzip",
    }
    found = requested_actions.read("POST", "/", "", headers, body)
    assert found is not None
    assert found.text("Namespace") == "AWS/SQS"
