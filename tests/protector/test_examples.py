"""The page's code, in Python and JavaScript, beside a fake agent and the endpoint's queue."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.interpreter import Interpreter
from tests.protector.fake_ecs import Process, until
from tests.protector.javascript import EXAMPLE, installed
from tests.protector.together import Begun, Stage, Together
from workerstack import localaws
from workerstack.localaws.walkthrough import REGION

PYTHON = """
import sys, threading, time, boto3
sys.stdout = sys.stderr = open(sys.argv[3], "a", buffering=1)
sys.path.insert(0, sys.argv[1])
import worker
def told():
    worker.stopping.wait()
    print("told")
threading.Thread(target=told, daemon=True).start()
def work(body):
    print("begun", body)
    time.sleep(float(body))
    print("done", body)
worker.run(boto3.client("sqs"), work, pause=0.3, poll=int(sys.argv[2]))
"""
JAVASCRIPT = """
import { SQSClient } from "@aws-sdk/client-sqs";
import { run } from "./worker.mjs";
process.on("SIGTERM", () => console.log("told"));
await run(new SQSClient({}), async (body) => {
  console.log("begun", body);
  await new Promise((wake) => setTimeout(wake, 1000 * body));
  console.log("done", body);
}, 0.3, Number(process.argv[2]));
"""
long = Together()
"""Marks what begins a worker and waits for it."""
_JAVASCRIPT = threading.Lock()


@pytest.fixture(scope="module", autouse=True)
def begun(
    request: pytest.FixtureRequest, endpoint: localaws.Endpoint, programs: Interpreter,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Begun]:  # fmt: skip
    """All examples run at the same time."""
    with long.begin(request, endpoint, tmp_path_factory.mktemp("long"), programs) as found:
        yield found


@cache
def javascript() -> Path:
    """The program that runs the example."""
    main = installed() / "main.mjs"
    main.write_text(JAVASCRIPT)
    return main


class Example:
    """The page's worker in one of its languages, on a scenario's queue."""

    def __init__(self, stage: Stage, language: str, poll: int = 1, **more: str) -> None:
        self.log = stage.folder / "log"
        self.log.touch()
        given = {
            "AWS_ACCESS_KEY_ID": stage.account, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_SQS": stage.queue.url.rpartition(f"/{stage.account}/")[0],
            "ECS_AGENT_URI": f"{stage.ecs.url}/agent", "QUEUE_URL": stage.queue.url,
            "PROTECTION_MINUTES": "120", "HEARTBEAT_SECONDS": "1",
            "PATH": os.environ["PATH"], "NODE_NO_WARNINGS": "1", **more,
        }  # fmt: skip
        self.process: Process
        if language == "python":
            words = ("-c", PYTHON, str(EXAMPLE), str(poll), str(self.log))
            self.process = stage.python.begin(*words, folder=stage.folder, **given)
        else:
            with _JAVASCRIPT:
                main = javascript()
            with self.log.open("a") as log:
                self.process = subprocess.Popen(
                    ["node", str(main), str(poll)], env=given, stdout=log, stderr=log, text=True
                )
        stage.running.append(self.process)

    def printed(self) -> str:
        return self.log.read_text()


in_both = long.with_each("python", "javascript")


@in_both
def test_it_protects_works_longer_than_the_visibility_and_releases(
    stage: Stage, language: str
) -> None:
    queue, ecs = stage.queue, stage.ecs
    queue.send("4")
    worker = Example(stage, language)
    until(lambda: "begun" in worker.printed())
    assert ecs.protected
    assert queue.counts == (0, 1)
    until(lambda: "done" in worker.printed() or queue.counts != (0, 1))
    until(lambda: queue.counts == (0, 0))
    assert worker.printed().split() == ["begun", "4", "done", "4"]
    until(lambda: not ecs.protected, within=40)
    assert ecs.asked[0] == {"ProtectionEnabled": True, "ExpiresInMinutes": 120}
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0


@in_both
def test_a_denial_is_waited_out(stage: Stage, language: str) -> None:
    stage.ecs.failure = "DEPLOYMENT_BLOCKED"
    stage.queue.send("0")
    Example(stage, language)
    until(lambda: len(stage.ecs.asked) > 2)
    assert stage.queue.counts == (1, 0)
    stage.ecs.failure = ""
    until(lambda: stage.queue.counts == (0, 0))


@in_both
def test_a_renewal_that_is_refused_gives_back_what_an_idle_task_still_has(
    stage: Stage, language: str
) -> None:
    """Else ECS would wait for it, until what was granted before expires."""
    stage.queue.send("1")
    worker = Example(stage, language, PROTECTION_MINUTES="0")  # renewed before each receive
    until(lambda: "begun" in worker.printed())
    assert stage.ecs.protected
    stage.ecs.failure = "DEPLOYMENT_BLOCKED"
    stage.queue.send("0")
    until(lambda: not stage.ecs.protected)
    assert stage.queue.counts == (1, 0)
    stage.ecs.failure = ""
    until(lambda: stage.queue.counts == (0, 0))


@in_both
def test_on_sigterm_the_job_ends_and_what_comes_goes_back(stage: Stage, language: str) -> None:
    worker = Example(stage, language, poll=5)
    until(lambda: stage.ecs.protected)
    moment = time.monotonic() + 0.5  # in which it begins to poll
    until(lambda: time.monotonic() > moment)
    worker.process.send_signal(signal.SIGTERM)
    until(lambda: "told" in worker.printed())
    stage.queue.send("0")
    assert worker.process.wait(30) == 0
    assert stage.queue.counts == (1, 0)
    assert "begun" not in worker.printed()


@long
def test_the_javascript_sdk_works_through_the_protector(stage: Stage) -> None:
    protector = stage.protector
    with _JAVASCRIPT:
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
    stage.queue.send("a<b>é")
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
    assert stage.queue.counts == (0, 0)
    assert stage.ecs.on == 1


@pytest.mark.parametrize("name", ["worker.py", "worker.mjs"])
def test_the_page_shows_the_code_that_is_tested(name: str) -> None:
    page = (EXAMPLE.parents[1] / "docs/protection.md").read_text()
    assert (EXAMPLE / name).read_text() in page
