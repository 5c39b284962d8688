"""The page's code, in Python and JavaScript, beside a fake agent and the endpoint's queue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protector.fake_ecs import FakeEcs, Protector, until
from tests.protector.javascript import EXAMPLE, installed
from workerstack.localaws.walkthrough import REGION

PYTHON = """
import sys, time, boto3
sys.path.insert(0, sys.argv[1])
import worker
def work(body):
    print("begun", body, flush=True)
    time.sleep(float(body))
    print("done", body, flush=True)
worker.run(boto3.client("sqs"), work, pause=0.3, poll=int(sys.argv[2]))
"""
JAVASCRIPT = """
import { SQSClient } from "@aws-sdk/client-sqs";
import { run } from "./worker.mjs";
await run(new SQSClient({}), async (body) => {
  console.log("begun", body);
  await new Promise((wake) => setTimeout(wake, 1000 * body));
  console.log("done", body);
}, 0.3, Number(process.argv[2]));
"""
Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=["python", "javascript"])
def command(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "python":
        return [sys.executable, "-c", PYTHON, str(EXAMPLE), "1"]
    folder = installed()
    (folder / "main.mjs").write_text(JAVASCRIPT)
    return ["node", str(folder / "main.mjs"), "1"]


@pytest.fixture
def begin(
    command: list[str], account: str, ecs: FakeEcs, queue_url: str, endpoint: Any, tmp_path: Path
) -> Iterator[Begin]:
    running: list[subprocess.Popen[str]] = []

    def start(**more: str) -> subprocess.Popen[str]:
        given = {
            "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_SQS": endpoint.url,
            "ECS_AGENT_URI": f"{ecs.url}/agent", "QUEUE_URL": queue_url,
            "PROTECTION_MINUTES": "120", "HEARTBEAT_SECONDS": "1",
            "PATH": os.environ["PATH"], "NODE_NO_WARNINGS": "1",
        }  # fmt: skip
        with (tmp_path / "log").open("w") as log:
            running.append(
                subprocess.Popen(command, env=given | more, stdout=log, stderr=log, text=True)
            )
        return running[-1]

    yield start
    for each in running:
        each.kill()
        each.wait()


def left(sqs: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(told[names[0]]), int(told[names[1]])


def test_it_protects_works_longer_than_the_visibility_and_releases(
    begin: Begin, sqs: Any, ecs: FakeEcs, queue_url: str, tmp_path: Path
) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody="4")
    worker = begin()
    until(lambda: "begun" in (tmp_path / "log").read_text())
    assert ecs.protected
    assert left(sqs, queue_url) == (0, 1)
    until(lambda: "done" in (tmp_path / "log").read_text() or left(sqs, queue_url) != (0, 1))
    until(lambda: left(sqs, queue_url) == (0, 0))
    assert (tmp_path / "log").read_text().split() == ["begun", "4", "done", "4"]
    until(lambda: not ecs.protected, within=40)
    assert ecs.asked[0] == {"ProtectionEnabled": True, "ExpiresInMinutes": 120}
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


def test_a_denial_is_waited_out(begin: Begin, sqs: Any, ecs: FakeEcs, queue_url: str) -> None:
    ecs.failure = "DEPLOYMENT_BLOCKED"
    sqs.send_message(QueueUrl=queue_url, MessageBody="0")
    begin()
    until(lambda: len(ecs.asked) > 2)
    assert left(sqs, queue_url) == (1, 0)
    ecs.failure = ""
    until(lambda: left(sqs, queue_url) == (0, 0))


def test_a_renewal_that_is_refused_gives_back_what_an_idle_task_still_has(
    begin: Begin, sqs: Any, ecs: FakeEcs, queue_url: str, tmp_path: Path
) -> None:
    """Else ECS would wait for it, until what was granted before expires."""
    sqs.send_message(QueueUrl=queue_url, MessageBody="1")
    begin(PROTECTION_MINUTES="0")  # renewed before each receive
    until(lambda: "begun" in (tmp_path / "log").read_text())
    assert ecs.protected
    ecs.failure = "DEPLOYMENT_BLOCKED"
    sqs.send_message(QueueUrl=queue_url, MessageBody="0")
    until(lambda: not ecs.protected)
    assert left(sqs, queue_url) == (1, 0)
    ecs.failure = ""
    until(lambda: left(sqs, queue_url) == (0, 0))


def test_on_sigterm_the_job_ends_and_what_comes_goes_back(
    command: list[str], begin: Begin, sqs: Any, ecs: FakeEcs, queue_url: str, tmp_path: Path
) -> None:
    command[-1] = "5"
    worker = begin()
    until(lambda: ecs.protected)
    moment = time.monotonic() + 0.5  # in which it begins to poll
    until(lambda: time.monotonic() > moment)
    worker.send_signal(signal.SIGTERM)
    sqs.send_message(QueueUrl=queue_url, MessageBody="0")
    assert worker.wait(30) == 0
    assert left(sqs, queue_url) == (1, 0)
    assert "begun" not in (tmp_path / "log").read_text()


def test_the_javascript_sdk_works_through_the_protector(
    sqs: Any, ecs: FakeEcs, queue_url: str, protector: Protector
) -> None:
    folder = installed()
    (folder / "through.mjs").write_text("""
import * as sdk from "@aws-sdk/client-sqs";
const sqs = new sdk.SQSClient({});
const { QueueUrl } = await sqs.send(new sdk.GetQueueUrlCommand({ QueueName: "work" }));
const { Messages } = await sqs.send(
  new sdk.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10 }));
await sqs.send(new sdk.DeleteMessageBatchCommand({ QueueUrl, Entries: Messages.map(
  ({ ReceiptHandle }, Id) => ({ Id: String(Id), ReceiptHandle })) }));
console.log(QueueUrl, Messages.map(({ Body }) => Body).join());
""")
    sqs.send_message(QueueUrl=queue_url, MessageBody="a<b>é")
    given = {
        "AWS_ACCESS_KEY_ID": "worker", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_SQS": protector.url, "PATH": os.environ["PATH"],
        "NODE_NO_WARNINGS": "1",
    }  # fmt: skip
    told = subprocess.run(
        ["node", "through.mjs"], cwd=folder, env=given, capture_output=True, text=True, check=False
    )
    assert told.stderr == ""
    assert told.stdout.split() == [protector.queue_url, "a<b>é"]
    assert left(sqs, queue_url) == (0, 0)
    assert ecs.on == 1


@pytest.mark.parametrize("name", ["worker.py", "worker.mjs"])
def test_the_page_shows_the_code_that_is_tested(name: str) -> None:
    page = (EXAMPLE.parents[1] / "docs/protection.md").read_text()
    assert (EXAMPLE / name).read_text() in page
