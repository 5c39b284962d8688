"""The stand-in between boto3 and the endpoint's queue, beside a fake agent."""

import http.client
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.interpreter import Interpreter
from tests.protector.fake_ecs import FakeEcs, Protector, until
from tests.protector.together import Begun, Side, Stage, Together
from workerstack import localaws

Start = Callable[..., Protector]
STRANGE = 'täglich <brot> & "ReceiptHandle":"x" \\"ReceiptHandle\\": \\"y\\" </Body>'


@pytest.fixture
def queue(sqs: Any, queue_url: str) -> Side:
    return Side(sqs, queue_url)


long = Together()
"""Marks what waits: for the protector, which looks once a second, or for what that waits for."""


@pytest.fixture(scope="module", autouse=True)
def begun(
    request: pytest.FixtureRequest, endpoint: localaws.Endpoint, imported: Interpreter,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Begun]:  # fmt: skip
    """All that is long goes on while the other tests run."""
    with long.begin(request, endpoint, tmp_path_factory.mktemp("long"), imported) as found:
        yield found


class Worker:
    """What a container does with boto3, and with the URL that it was given."""

    def __init__(self, protector: Protector, **config: Any) -> None:
        self.client, self.url = protector.client(**config), protector.queue_url

    def receive(self, **more: Any) -> list[dict[str, Any]]:
        return list(self.client.receive_message(QueueUrl=self.url, **more).get("Messages", ()))

    def delete(self, message: dict[str, Any]) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def worker(protector: Protector) -> Worker:
    return Worker(protector)


def test_a_message_goes_through_and_the_task_is_protected(
    queue: Side, ecs: FakeEcs, worker: Worker
) -> None:
    queue.send(STRANGE)
    [message] = worker.receive(WaitTimeSeconds=1)
    assert message["Body"] == STRANGE
    assert ecs.asked == [{"ProtectionEnabled": True, "ExpiresInMinutes": 120}]
    assert queue.counts == (0, 1)
    worker.delete(message)
    assert queue.counts == (0, 0)


def test_attributes_go_through_both_ways(queue: Side, worker: Worker) -> None:
    typed = {"DataType": "String", "StringValue": "v"}
    sent = worker.client.send_message(
        QueueUrl=worker.url, MessageBody="b", MessageAttributes={"ReceiptHandle": typed}
    )
    names = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    [message] = worker.receive(**names)
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"]["ReceiptHandle"] == typed
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert queue.counts == (0, 1)


def test_a_queue_is_found_by_name_at_the_stand_in(worker: Worker) -> None:
    assert worker.client.get_queue_url(QueueName="work")["QueueUrl"] == worker.url
    assert worker.client.list_queues()["QueueUrls"] == [worker.url]


def test_batches(queue: Side, worker: Worker) -> None:
    queue.send(*"abcde")
    messages: list[dict[str, Any]] = []
    while len(messages) < 5:
        messages += worker.receive(MaxNumberOfMessages=10)
    entries = [
        {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]}
        for number, each in enumerate(messages)
    ]
    returned = [entries[0] | {"VisibilityTimeout": 0}]
    worker.client.change_message_visibility_batch(QueueUrl=worker.url, Entries=returned)
    wrong = {"Id": "wrong", "ReceiptHandle": "no such receipt"}
    answer = worker.client.delete_message_batch(QueueUrl=worker.url, Entries=[*entries[1:], wrong])
    assert {each["Id"] for each in answer["Successful"]} == {"1", "2", "3", "4"}
    assert [each["Id"] for each in answer["Failed"]] == ["wrong"]
    assert queue.counts == (1, 0)


def test_a_wrong_receipt_is_the_workers_to_hear_of(queue: Side, worker: Worker) -> None:
    queue.send("a")
    [message] = worker.receive()
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        worker.delete({"ReceiptHandle": "wrong"})
    assert queue.counts == (0, 1)
    worker.delete(message)


def test_the_largest_message(queue: Side, worker: Worker) -> None:
    body = "é" * (128 * 1024 - 10)
    worker.client.send_message(QueueUrl=worker.url, MessageBody=body)
    [message] = worker.receive()
    assert message["Body"] == body
    worker.delete(message)
    assert queue.counts == (0, 0)


def test_several_receivers_share_one_protection(
    queue: Side, ecs: FakeEcs, protector: Protector
) -> None:
    ecs.slow = 0.3
    queue.send(*map(str, range(12)))
    worker, done = Worker(protector), list[str]()

    def work(_: int) -> None:
        while messages := worker.receive(MaxNumberOfMessages=2, WaitTimeSeconds=0):
            for message in messages:
                done.append(message["Body"])
                worker.delete(message)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted(done, key=int) == [*map(str, range(12))]
    assert queue.counts == (0, 0)
    assert len(ecs.asked) == 1


def test_credentials_are_fetched_anew_before_they_end(
    queue: Side, ecs: FakeEcs, start: Start
) -> None:
    ecs.lives = timedelta(minutes=4)
    worker = Worker(start())
    queue.send("a")
    [message] = worker.receive()
    worker.delete(message)
    assert ecs.fetched == 2


def test_without_the_queue_the_sdk_hears_that_it_may_try_again(start: Start) -> None:
    protector = start(QUEUE_URL="http://127.0.0.1:9/123456789012/work")
    once = Worker(protector, retries={"max_attempts": 0})
    with pytest.raises(ClientError, match="503"):
        once.receive()
    assert "SQS cannot be reached" in protector.log.read_text()


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=30)
    connection.request("POST", "/" + "/".join(url.split("/")[3:]), body, headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    return answer.status, told


class Query:
    """The query protocol, as SDKs spoke it until 2023."""

    def __init__(self, protector: Protector) -> None:
        self.protector = protector

    def __call__(self, action: str, path: str = "/", **fields: str) -> Any:
        body = urlencode({"Action": action, "Version": "2012-11-05", **fields}).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return ElementTree.fromstring(post(self.protector.url + path, body, form)[1])  # noqa: S314

    def receipts(self, **fields: str) -> list[str]:
        answer = self("ReceiveMessage", **fields)
        return [str(each.text) for each in answer.iterfind(".//{*}ReceiptHandle")]


@pytest.mark.parametrize(
    "body", [b"", b"neither", b"\xff", b"[]", b"Action=ReceiveMessage&WaitTimeSeconds=x"]
)
@pytest.mark.parametrize("target", ["", "AmazonSQS.ReceiveMessage", "nonsense"])
def test_nonsense_is_refused_and_harms_nothing(body: bytes, target: str, shared: Protector) -> None:
    headers = {"X-Amz-Target": target} if target else {}
    assert post(shared.url, body, headers)[0] in (200, 400, 404)
    assert shared.process.poll() is None


@pytest.fixture(scope="module")
def shared(endpoint: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protector]:
    from tests.protector import fake_ecs

    folder = tmp_path_factory.mktemp("shared")
    with fake_ecs.fake_ecs("999999999999") as ecs:
        running = fake_ecs.start(ecs, f"{endpoint.url}/999999999999/none", folder)
        yield running
        running.process.kill()
        running.process.wait()


@long
def test_a_long_poll_hears_of_a_message_at_once(stage: Stage) -> None:
    worker = Worker(stage.protector)
    timer = threading.Timer(0.5, stage.queue.send, ["late"])
    timer.start()
    began = time.monotonic()
    [message] = worker.receive(WaitTimeSeconds=20)
    assert message["Body"] == "late"
    assert time.monotonic() - began < 10
    timer.join()


@long.with_each("DEPLOYMENT_BLOCKED", "400")
def test_a_denial_leaves_the_messages_in_the_queue_until_it_ends(stage: Stage, how: str) -> None:
    worker = Worker(stage.protector)
    stage.queue.send("a")
    if how == "400":
        stage.ecs.error = 400
    else:
        stage.ecs.failure = how
    assert worker.receive(WaitTimeSeconds=1) == []
    assert stage.queue.counts == (1, 0)
    assert len(stage.ecs.asked) == 1
    assert "protection on was denied" in stage.protector.log.read_text()
    stage.ecs.failure, stage.ecs.error = "", 0
    until(lambda: worker.receive(WaitTimeSeconds=1))
    assert stage.ecs.protected


@long
def test_a_slow_agent_holds_up_no_delete(stage: Stage) -> None:
    worker = Worker(stage.protector)
    stage.queue.send("a")
    stage.ecs.slow = 60
    began = time.monotonic()
    assert worker.receive() == []  # the agent has 3 s, the receive 5
    assert 3 < time.monotonic() - began < 12
    assert stage.queue.counts == (1, 0)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        worker.delete({"ReceiptHandle": "x"})


@long
def test_while_a_message_is_out_its_visibility_is_extended(stage: Stage) -> None:
    worker = Worker(stage.protector)
    stage.queue.send("a", "b")
    [first] = worker.receive(VisibilityTimeout=2)
    [second] = worker.receive(VisibilityTimeout=2)
    worker.client.change_message_visibility(
        QueueUrl=worker.url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=2
    )
    end = time.monotonic() + 4
    until(lambda: time.monotonic() > end or stage.queue.counts != (0, 2))
    assert stage.queue.counts == (0, 2)
    worker.delete(first)
    worker.delete(second)
    assert stage.queue.counts == (0, 0)


@long
def test_what_is_out_for_longer_than_any_job_comes_back(stage: Stage) -> None:
    worker = Worker(stage.start(LONGEST_JOB_SECONDS="1"))
    stage.queue.send("a")
    assert worker.receive()
    until(lambda: stage.queue.counts == (1, 0))


@long
def test_who_gave_up_waiting_gets_no_message(stage: Stage) -> None:
    hasty = Worker(stage.protector, read_timeout=1, retries={"max_attempts": 0})
    with pytest.raises(ReadTimeoutError):
        hasty.receive(WaitTimeSeconds=3)
    hasty.client.close()
    stage.queue.send("a")
    until(lambda: "1 messages handed back" in stage.protector.log.read_text())
    until(lambda: stage.queue.counts == (1, 0), within=2)  # by itself, it comes back after 3 s


@long
def test_told_to_stop_it_lets_the_job_end_and_begins_no_other(stage: Stage) -> None:
    stage.queue.send("a")
    worker = Worker(stage.protector)
    [message] = worker.receive()
    stage.protector.process.send_signal(signal.SIGTERM)
    until(lambda: "the task stops" in stage.protector.log.read_text())
    stage.queue.send("b")
    assert worker.receive() == []
    assert stage.queue.counts == (1, 1)
    assert stage.protector.process.poll() is None
    worker.delete(message)
    assert worker.receive() == []  # for as long as the worker lives
    stage.ecs.worker = "STOPPED"
    assert stage.protector.process.wait(10) == 0
    assert stage.queue.counts == (1, 0)


@long
def test_told_to_stop_it_hands_back_what_arrives(stage: Stage) -> None:
    worker = Worker(stage.protector)
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(worker.receive, WaitTimeSeconds=5)
        until(lambda: "protection on" in stage.protector.log.read_text())
        stage.protector.process.send_signal(signal.SIGTERM)
        until(lambda: "the task stops" in stage.protector.log.read_text())
        stage.queue.send("a")
        assert poll.result() == []
    assert stage.queue.counts == (1, 0)
    stage.ecs.worker = "STOPPED"
    assert stage.protector.process.wait(10) == 0


@long
def test_the_metadata_tells_it_before_sigterm_does(stage: Stage) -> None:
    worker = Worker(stage.protector)
    stage.ecs.desired = "STOPPED"
    until(lambda: "the task stops" in stage.protector.log.read_text())
    stage.queue.send("a")
    assert worker.receive() == []
    assert stage.queue.counts == (1, 0)
    assert not stage.ecs.asked


@long
def test_when_the_worker_has_ended_its_messages_go_to_others_at_once(stage: Stage) -> None:
    stage.queue.send("a")
    assert Worker(stage.protector).receive()
    stage.ecs.desired = stage.ecs.worker = "STOPPED"
    stage.protector.process.send_signal(signal.SIGTERM)
    assert stage.protector.process.wait(10) == 0
    assert stage.queue.counts == (1, 0)


@long
def test_a_job_that_does_not_end_is_left_to_the_stop_timeout(stage: Stage) -> None:
    protector = stage.start(STOP_TIMEOUT_SECONDS="6")
    stage.queue.send("a")
    assert Worker(protector).receive()
    protector.process.send_signal(signal.SIGTERM)
    assert protector.process.wait(10) == 0
    assert "ends, with 1 messages out" in protector.log.read_text()
    until(lambda: stage.queue.counts == (1, 0))


@long
def test_the_query_protocol(stage: Stage) -> None:
    query, url = Query(stage.protector), stage.protector.queue_url
    assert query("GetQueueUrl", QueueName="work").findtext(".//{*}QueueUrl") == url
    assert query.receipts(QueueUrl=url, WaitTimeSeconds="1") == []
    stage.queue.send(STRANGE, "b", "c")
    received = query("ReceiveMessage", QueueUrl=url, WaitTimeSeconds="1")
    handles = [received.findtext(".//{*}ReceiptHandle")]
    while len(handles) < 3:
        handles += query.receipts(QueueUrl=url, MaxNumberOfMessages="10")
    assert len(stage.ecs.asked) == 1
    query("DeleteMessage", QueueUrl=url, ReceiptHandle=handles[0])
    entry = "DeleteMessageBatchRequestEntry"
    answer = query(
        "DeleteMessageBatch", QueueUrl=url,
        **{f"{entry}.1.Id": "a", f"{entry}.1.ReceiptHandle": handles[1]},
        **{f"{entry}.2.Id": "b", f"{entry}.2.ReceiptHandle": "wrong"},
    )  # fmt: skip
    assert [
        each.findtext("{*}Id") for each in answer.iterfind(".//{*}DeleteMessageBatchResultEntry")
    ] == ["a"]
    assert stage.queue.counts == (0, 1)
    query("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handles[2], VisibilityTimeout="0")
    stage.protector.process.send_signal(signal.SIGTERM)
    stage.ecs.worker = "STOPPED"
    assert stage.protector.process.wait(10) == 0
    assert "ends, with 0 messages out" in stage.protector.log.read_text()


@long
def test_the_query_protocol_by_path_and_when_denied(stage: Stage) -> None:
    query = Query(stage.protector)
    stage.queue.send("a")
    path = stage.protector.queue_url.removeprefix(stage.protector.url)
    stage.ecs.failure = "DEPLOYMENT_BLOCKED"
    assert query.receipts(path=path) == []
    assert stage.queue.counts == (1, 0)
    stage.ecs.failure = ""
    handles: list[str] = []

    def received() -> list[str]:
        handles[:] = query.receipts(path=path)
        return handles

    until(received)
    query("DeleteMessage", path=path, ReceiptHandle=handles[0])
    assert stage.queue.counts == (0, 0)


def test_it_adds_less_than_5_ms(queue: Side, protector: Protector) -> None:
    worker = Worker(protector)

    def took(client: Any, url: str) -> float:
        began = time.perf_counter()
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return time.perf_counter() - began

    def added() -> float:
        """By turns, so that whatever else the machine does meets both."""
        pairs = [(took(worker.client, worker.url), took(queue.sqs, queue.url)) for _ in range(60)]
        through, straight = zip(*pairs, strict=True)
        return float(statistics.median(through) - statistics.median(straight))

    assert min(added() for _ in range(3)) < 0.005
