"""What goes beyond a limit of AWS is refused in AWS's words; what is just within it is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

Client = Callable[[str], Any]
QUICK = {"Delay": 0, "MaxAttempts": 1000}
STANDARD = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
FIFO = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores,"
    " must end with .fifo suffix and be 1 to 80 in length."
)
REFUSED = [
    pytest.param("q" * 81, False, STANDARD, id="81 characters"),
    pytest.param("with.dot", False, STANDARD, id="a dot"),
    pytest.param("with space", False, STANDARD, id="a blank"),
    pytest.param("line\n", False, STANDARD, id="a line end"),
    pytest.param("größe", False, STANDARD, id="a letter of no ASCII"),
    pytest.param("ordered.fifo", False, STANDARD, id="a FIFO queue's name"),
    pytest.param("ordered", True, FIFO, id="FIFO without its suffix"),
    pytest.param(".fifo", True, FIFO, id="FIFO of the suffix alone"),
    pytest.param("q" * 76 + ".fifo", True, FIFO, id="FIFO of 81 characters"),
    pytest.param("or.dered.fifo", True, FIFO, id="FIFO with another dot"),
]
TAKEN = [
    pytest.param("q" * 80, False, id="80 characters"),
    pytest.param("A-z_0", False, id="all kinds of characters"),
    pytest.param("q" * 75 + ".fifo", True, id="FIFO of 80 characters"),
]


def attributes(*, is_fifo: bool) -> dict[str, str]:
    return {"FifoQueue": "true"} if is_fifo else {}


def template(name: str, *, is_fifo: bool) -> str:
    properties = {"QueueName": name} | ({"FifoQueue": True} if is_fifo else {})
    return json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": properties}}})


@pytest.mark.parametrize(("name", "is_fifo", "message"), REFUSED)
def test_a_queue_is_not_made_under_a_name_that_sqs_refuses(
    client: Client, name: str, is_fifo: bool, message: str
) -> None:
    with pytest.raises(ClientError) as error:
        client("sqs").create_queue(QueueName=name, Attributes=attributes(is_fifo=is_fifo))
    assert error.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert error.value.response["Error"]["Message"] == message
    assert not client("sqs").list_queues().get("QueueUrls")


@pytest.mark.parametrize(("name", "is_fifo", "message"), REFUSED)
def test_a_stack_does_not_make_it_either(
    client: Client, name: str, is_fifo: bool, message: str
) -> None:
    api = client("cloudformation")
    api.create_stack(StackName="named", TemplateBody=template(name, is_fifo=is_fifo))
    with pytest.raises(WaiterError):
        api.get_waiter("stack_create_complete").wait(StackName="named", WaiterConfig=QUICK)
    events = api.describe_stack_events(StackName="named")["StackEvents"]
    assert message in " ".join(each.get("ResourceStatusReason", "") for each in events)
    assert not client("sqs").list_queues().get("QueueUrls")


@pytest.mark.parametrize(("name", "is_fifo"), TAKEN)
def test_a_name_within_the_limits_is_taken(client: Client, name: str, is_fifo: bool) -> None:
    sqs = client("sqs")
    made = sqs.create_queue(QueueName=name, Attributes=attributes(is_fifo=is_fifo))
    assert made["QueueUrl"].endswith(f"/{name}")
    sqs.delete_queue(QueueUrl=made["QueueUrl"])
    api = client("cloudformation")
    api.create_stack(StackName="named", TemplateBody=template(name, is_fifo=is_fifo))
    api.get_waiter("stack_create_complete").wait(StackName="named", WaiterConfig=QUICK)
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == made["QueueUrl"]


def test_a_queue_is_not_renamed_beyond_the_limit_by_an_update(client: Client) -> None:
    api = client("cloudformation")
    api.create_stack(StackName="named", TemplateBody=template("first", is_fifo=False))
    api.get_waiter("stack_create_complete").wait(StackName="named", WaiterConfig=QUICK)
    api.update_stack(StackName="named", TemplateBody=template("q" * 81, is_fifo=False))
    with pytest.raises(WaiterError):
        api.get_waiter("stack_update_complete").wait(StackName="named", WaiterConfig=QUICK)
    [url] = client("sqs").list_queues()["QueueUrls"]
    assert url.endswith("/first")
