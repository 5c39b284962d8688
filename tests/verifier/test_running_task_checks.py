"""A service with more tasks than one page or one call holds is judged by all of them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from workerstack.cloudformation import from_data, resolve
from workerstack.deployer.aws import Clients
from workerstack.verifier.asking import asked_once
from workerstack.verifier.live_check import Look, judge
from workerstack.verifier.live_resources import LiveResource
from workerstack.verifier.live_stack import Live
from workerstack.verifier.running_task_checks import RUNNING

NOW = datetime(2026, 11, 1, tzinfo=UTC)
URL = "https://sqs.us-west-2.amazonaws.com/123456789012/jobs"
OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
IMAGE, BACKLOG = RUNNING
PAGE = 100
SERVICE = {"Cluster": "c", "ServiceName": "s"}
TASK = {"ContainerDefinitions": [
    {"Name": "jobs", "Image": f"x@{OLD}", "Environment": [{"Name": "QUEUE_URL", "Value": URL}]},
]}  # fmt: skip


class Service:
    """A stack of one service and its task definition, whose tasks ECS tells page by page."""

    def __init__(self, exits: ExitStack) -> None:
        self.clients = Clients("us-west-2")
        self.exits = exits
        self.stubs: dict[str, Stubber] = {}
        resources = {"Service": {"Type": "AWS::ECS::Service"},
                     "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": TASK}}  # fmt: skip
        deployed = resolve(from_data({"Resources": resources}))
        found = {"Service": LiveResource(SERVICE), "Task": LiveResource(TASK)}
        live = Live(deployed, deployed, {"Service": "s", "Task": "t"}, found)
        self.look = Look("dev/jobs", self.clients, asked_once(self.clients), live, NOW)

    def answers(self, service: str, operation: str, answer: dict[str, Any]) -> None:
        if service not in self.stubs:
            self.stubs[service] = self.exits.enter_context(Stubber(self.clients(service)))
        self.stubs[service].add_response(operation, answer)

    def has(self, tasks: Sequence[dict[str, Any]]) -> None:
        """Answers one listing, whatever status it asks for, and the descriptions after it."""
        pages = [tasks[start : start + PAGE] for start in range(0, len(tasks), PAGE)]
        for number, page in enumerate(pages or [()]):
            more = {"nextToken": str(number)} if number + 1 < len(pages) else {}
            self.answers("ecs", "list_tasks", {"taskArns": [e["taskArn"] for e in page], **more})
        for page in pages:
            self.answers("ecs", "describe_tasks", {"tasks": list(page)})


@pytest.fixture
def service() -> Iterator[Service]:
    with ExitStack() as exits:
        yield Service(exits)


def running(number: int, digest: str) -> dict[str, Any]:
    container = {"name": "jobs", "imageDigest": digest}
    return {"taskArn": f"arn:t/{number}", "lastStatus": "RUNNING", "containers": [container]}


def test_the_image_of_a_task_beyond_the_first_page_is_seen(service: Service) -> None:
    service.has([*(running(number, OLD) for number in range(PAGE)), running(PAGE, NEW)])
    verdict, faults = judge(IMAGE, service.look)
    assert verdict.status == "FAIL"
    assert [each.what for each in faults] == [
        f"task {PAGE} runs {NEW[:19]}, and x@{OLD} is {OLD[:19]}"
    ]


def test_all_pages_are_counted(service: Service) -> None:
    service.has([running(number, OLD) for number in range(PAGE + 1)])
    verdict, _ = judge(IMAGE, service.look)
    assert (verdict.status, verdict.evidence) == ("PASS", f"{PAGE + 1} tasks run {OLD[:19]}")


def test_why_the_last_task_stopped_is_told_among_more_than_a_call_describes(
    service: Service,
) -> None:
    counts = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "0",
              "ApproximateNumberOfMessagesDelayed": "0"}  # fmt: skip
    service.answers("sqs", "get_queue_attributes", {"Attributes": counts})
    age = {"Id": "age", "Values": [4000.0], "Timestamps": [NOW]}
    service.answers("cloudwatch", "get_metric_data", {"MetricDataResults": [age]})
    service.has([])
    service.has([
        {"taskArn": f"arn:t/{number}", "stoppedReason": f"reason {number}",
         "stoppedAt": NOW - timedelta(minutes=200 - number)}
        for number in range(PAGE + 1)
    ])  # fmt: skip
    verdict, _ = judge(BACKLOG, service.look)
    assert verdict.status == "FAIL"
    assert verdict.evidence.endswith(f"and no task runs; the last one stopped: reason {PAGE}")
