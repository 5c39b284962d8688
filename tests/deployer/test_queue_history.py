"""A known load is recovered from what CloudWatch would have kept of it, read page by page."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from click.testing import CliRunner

from tests.scalings import ROOT
from tests.simulator.test_learning import DAY, DAYS, EPOCH, OURS, exported
from workerstack.commands import simulate as command
from workerstack.deployer import queue_history
from workerstack.deployer.aws import Clients
from workerstack.problem import Problem
from workerstack.simulator.learning import NEEDED, known, learn

LOAD = "day:count=60,days=14,service=lognormal:3m:0.5"
NOW = datetime.fromtimestamp(EPOCH + DAYS * DAY, UTC)
LATE = timedelta(minutes=15)
PAGE = 5_000
"""Datapoints of a metric on one page."""


@pytest.fixture
def cloudwatch() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("cloudwatch", region_name="us-west-2")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def pages(text: str, late: timedelta = LATE) -> list[dict[str, Any]]:
    """The exported metrics as GetMetricData answers: newest first, the last minutes not yet."""
    names = list(queue_history.STATISTICS)
    series = {}
    for each in json.loads(text)["MetricDataResults"]:
        points = [
            (datetime.fromisoformat(moment), float(value))
            for moment, value in zip(each["Timestamps"], each["Values"], strict=True)
        ]
        series[each["Label"]] = [point for point in points[::-1] if point[0] < NOW - late]
    count = -(-max(map(len, series.values())) // PAGE)
    found: list[dict[str, Any]] = []
    for number in range(count):
        last = number == count - 1
        results = []
        for name, points in series.items():
            part = points[number * PAGE : (number + 1) * PAGE]
            results.append(
                {
                    "Id": f"m{names.index(name)}",
                    "Label": name,
                    "Timestamps": [moment for moment, _ in part],
                    "Values": [value for _, value in part],
                    "StatusCode": "Complete" if last else "PartialData",
                }
            )
        page: dict[str, Any] = {"MetricDataResults": results}
        found.append(page if last else {**page, "NextToken": str(number)})
    return found


def expected(number: int) -> dict[str, Any]:
    wanted = {"MetricDataQueries": ANY, "StartTime": NOW - timedelta(days=14), "EndTime": NOW}
    return {**wanted, **({"NextToken": str(number - 1)} if number else {})}


def test_a_known_load_is_recovered_from_pages(cloudwatch: tuple[Any, Stubber]) -> None:
    client, stubber = cloudwatch
    for number, page in enumerate(pages(exported(LOAD))):
        stubber.add_response("get_metric_data", page, expected(number))
    found = learn(known(queue_history.read(client, "jobs", NOW), "dev/x"), "dev/x")
    # The day that is not over yet is not learned.
    assert sum(map(len, found.days)) / len(found.days) == pytest.approx(60, rel=0.1)
    assert found.mean == pytest.approx(180 * exp(0.5**2 / 2), rel=0.1)
    assert any("at most" in sentence and "waited there" in sentence for sentence in found.fit)


DAYS_PUT = 6
DATUMS = 1_000
"""Of one call (CloudWatch: PutMetricData)."""


def put(cloudwatch: Any, queue: str, until: datetime) -> int:
    """The last days of the known load as the queue's metrics, ending then; how many datapoints."""
    shift = until - NOW
    first = until - timedelta(days=DAYS_PUT)
    datums = [
        {
            "MetricName": each["Label"], "Timestamp": moment, "Value": float(value),
            "Dimensions": [{"Name": "QueueName", "Value": queue}],
        }
        for each in json.loads(exported(LOAD))["MetricDataResults"]
        if each["Label"] in NEEDED
        for stamp, value in zip(each["Timestamps"], each["Values"], strict=True)
        if (moment := datetime.fromisoformat(stamp) + shift) >= first
    ]  # fmt: skip
    for at in range(0, len(datums), DATUMS):
        cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=datums[at : at + DATUMS])
    return len(datums)


def test_a_known_load_is_recovered_from_the_endpoint(client: Any) -> None:
    """Page by page, newest first, as CloudWatch answers."""
    cloudwatch = client("cloudwatch")
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    count = put(cloudwatch, "jobs", until)
    asked: list[Any] = []

    def few(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        asked.append(params)
        return {**params, "MaxDatapoints": 12_000}

    cloudwatch.meta.events.register("provide-client-params.cloudwatch.GetMetricData", few)
    read = queue_history.read(cloudwatch, "jobs", datetime.now(UTC))
    assert sum(map(len, read.values())) == count
    assert len(asked) == 3
    found = learn(known(read, "dev/x"), "dev/x")
    assert sum(map(len, found.days)) / len(found.days) == pytest.approx(60, rel=0.1)
    assert found.mean == pytest.approx(180 * exp(0.5**2 / 2), rel=0.15)
    with pytest.raises(Problem, match="CloudWatch has no metrics of others"):
        queue_history.read(cloudwatch, "others", datetime.now(UTC))


def test_what_is_asked_is_the_queue_by_name_a_minute_at_a_time(
    cloudwatch: tuple[Any, Stubber],
) -> None:
    client, stubber = cloudwatch
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        "before-parameter-build.cloudwatch.GetMetricData", lambda params, **_: asked.append(params)
    )
    stubber.add_response("get_metric_data", pages(exported(LOAD))[-1] | {"Messages": []})
    queue_history.read(client, "jobs", NOW)
    statistics = {
        each["MetricStat"]["Metric"]["MetricName"]: each["MetricStat"]["Stat"]
        for each in asked[0]["MetricDataQueries"]
    }
    assert statistics == queue_history.STATISTICS
    for each in asked[0]["MetricDataQueries"]:
        assert each["MetricStat"]["Period"] == 60
        dimensions = each["MetricStat"]["Metric"]["Dimensions"]
        assert dimensions == [{"Name": "QueueName", "Value": "jobs"}]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"MetricDataResults": []}, "CloudWatch has no metrics of jobs"),
        (
            {"MetricDataResults": [
                {"Id": "m0", "Timestamps": [], "Values": [], "StatusCode": "Forbidden"}]},
            "NumberOfMessagesSent is Forbidden",
        ),
        (
            {"MetricDataResults": [
                {"Id": "m2", "Timestamps": [], "Values": [], "StatusCode": "InternalError"}]},
            "are not whole",
        ),
    ],
)  # fmt: skip
def test_what_is_not_there_or_not_whole_is_refused(
    cloudwatch: tuple[Any, Stubber], answer: dict[str, Any], words: str
) -> None:
    client, stubber = cloudwatch
    stubber.add_response("get_metric_data", answer)
    with pytest.raises(Problem, match=words):
        queue_history.read(client, "jobs", NOW)


def test_a_queue_of_which_nothing_was_received_teaches_nothing(
    cloudwatch: tuple[Any, Stubber],
) -> None:
    client, stubber = cloudwatch
    sent = {"Id": "m0", "Timestamps": [NOW], "Values": [1.0], "StatusCode": "Complete"}
    stubber.add_response("get_metric_data", {"MetricDataResults": [sent]})
    with pytest.raises(Problem, match="no NumberOfMessagesReceived and no Approx"):
        known(queue_history.read(client, "jobs", NOW), "dev/x")


def test_the_command_learns_of_a_deployed_worker(
    cloudwatch: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way but AWS itself: stack, service, task definition, queue, metrics."""
    client, stubber = cloudwatch
    for page in pages(exported(LOAD)):
        stubber.add_response("get_metric_data", page)
    monkeypatch.chdir(ROOT)
    clients = {
        name: boto3.client(name, region_name="us-west-2")
        for name in ("sts", "cloudformation", "ecs")
    }
    account = "111122223333"
    arn = f"arn:aws:ecs:us-west-2:{account}:service/workers/edit"
    stack = {
        "StackName": "webordinary-edit", "StackStatus": "UPDATE_COMPLETE",
        "StackId": f"arn:aws:cloudformation:us-west-2:{account}:stack/webordinary-edit/1",
        "CreationTime": NOW,
    }  # fmt: skip
    resource = {
        "LogicalResourceId": "Service", "PhysicalResourceId": arn,
        "ResourceType": "AWS::ECS::Service", "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": NOW,
    }  # fmt: skip
    url = f"https://sqs.us-west-2.amazonaws.com/{account}/jobs"
    container = {"name": "worker", "environment": [{"name": "QUEUE_URL", "value": url}]}
    answers: dict[str, list[tuple[str, Any]]] = {
        "sts": [
            ("get_caller_identity",
             {"Account": account, "Arn": f"arn:aws:iam::{account}:user/x", "UserId": "x"}),
        ],
        "cloudformation": [
            ("describe_stacks", {"Stacks": [stack]}),
            ("list_stack_resources", {"StackResourceSummaries": [resource]}),
        ],
        "ecs": [
            ("describe_services", {"services": [
                {"serviceName": "edit", "status": "ACTIVE", "taskDefinition": "edit:1"}]}),
            ("describe_task_definition",
             {"taskDefinition": {"containerDefinitions": [container]}}),
        ],
    }  # fmt: skip
    for service, expected_answers in answers.items():
        own = Stubber(clients[service])
        for operation, answer in expected_answers:
            own.add_response(operation, answer)
        own.activate()
    clients["cloudwatch"] = client
    monkeypatch.setattr(Clients, "__call__", lambda _, service: clients[service])
    words = [OURS, "--learn", "dev/webordinary-edit", "--set", "heartbeat=60"]
    done = CliRunner().invoke(command.simulate, words)
    assert done.exit_code == 0, done.exception or done.stderr
    assert "learned from" in done.stderr
    assert "done" in done.stdout


def test_a_name_that_is_neither_a_file_nor_a_stack_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(command.simulate, [str(ROOT / OURS), "--learn", str(tmp_path / "no")])
    assert isinstance(done.exception, Problem)
    assert "cannot be read" in str(done.exception)
