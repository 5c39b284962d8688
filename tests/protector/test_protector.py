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

from tests.protector.fake_ecs import FakeEcs, Protector, until
from tests.soak import share

Start = Callable[..., Protector]
STRANGE = 'täglich <brot> & "ReceiptHandle":"x" \\"ReceiptHandle\\": \\"y\\" </Body>'


class Side:
    """The queue from outside."""

    def __init__(self, sqs: Any, url: str) -> None:
        self.sqs, self.url = sqs, url

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    @property
    def counts(self) -> tuple[int, int]:
        """How many are visible, and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return int(told["Attributes"][names[0]]), int(told["Attributes"][names[1]])


@pytest.fixture
def queue(sqs: Any, queue_url: str) -> Side:
    return Side(sqs, queue_url)


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


def test_a_long_poll_hears_of_a_message_at_once(queue: Side, worker: Worker) -> None:
    timer = threading.Timer(0.5, queue.send, ["late"])
    timer.start()
    began = time.monotonic()
    [message] = worker.receive(WaitTimeSeconds=20)
    assert message["Body"] == "late"
    assert time.monotonic() - began < 10
    timer.join()


@pytest.mark.soak
@pytest.mark.parametrize("trouble", share([{"failure": "DEPLOYMENT_BLOCKED"}, {"error": 400}], 1))
def test_a_denial_leaves_the_messages_in_the_queue_until_it_ends(
    trouble: dict[str, Any], queue: Side, ecs: FakeEcs, worker: Worker, protector: Protector
) -> None:
    queue.send("a")
    for name, value in trouble.items():
        setattr(ecs, name, value)
    assert worker.receive(WaitTimeSeconds=1) == []
    assert queue.counts == (1, 0)
    assert len(ecs.asked) == 1
    assert "protection on was denied" in protector.log.read_text()
    ecs.failure, ecs.error = "", 0
    until(lambda: worker.receive(WaitTimeSeconds=1))
    assert ecs.protected


def test_a_slow_agent_holds_up_no_delete(queue: Side, ecs: FakeEcs, worker: Worker) -> None:
    queue.send("a")
    ecs.slow = 60
    began = time.monotonic()
    assert worker.receive() == []  # the agent has 3 s, the receive 5
    assert 3 < time.monotonic() - began < 12
    assert queue.counts == (1, 0)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        worker.delete({"ReceiptHandle": "x"})


def test_while_a_message_is_out_its_visibility_is_extended(queue: Side, worker: Worker) -> None:
    queue.send("a", "b")
    [first] = worker.receive(VisibilityTimeout=2)
    [second] = worker.receive(VisibilityTimeout=2)
    worker.client.change_message_visibility(
        QueueUrl=worker.url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=1
    )
    end = time.monotonic() + 4
    until(lambda: time.monotonic() > end or queue.counts != (0, 2))
    assert queue.counts == (0, 2)
    worker.delete(first)
    worker.delete(second)
    assert queue.counts == (0, 0)


def test_what_is_out_for_longer_than_any_job_comes_back(queue: Side, start: Start) -> None:
    worker = Worker(start(LONGEST_JOB_SECONDS="1"))
    queue.send("a")
    assert worker.receive()
    until(lambda: queue.counts == (1, 0))


def test_who_gave_up_waiting_gets_no_message(queue: Side, protector: Protector) -> None:
    hasty = Worker(protector, read_timeout=1, retries={"max_attempts": 0})
    with pytest.raises(ReadTimeoutError):
        hasty.receive(WaitTimeSeconds=3)
    hasty.client.close()
    queue.send("a")
    until(lambda: "1 messages handed back" in protector.log.read_text())
    assert queue.counts == (1, 0)


def test_credentials_are_fetched_anew_before_they_end(
    queue: Side, ecs: FakeEcs, start: Start
) -> None:
    ecs.lives = timedelta(minutes=4)
    worker = Worker(start())
    queue.send("a")
    [message] = worker.receive()
    worker.delete(message)
    assert ecs.fetched == 2


def test_told_to_stop_it_lets_the_job_end_and_begins_no_other(
    queue: Side, ecs: FakeEcs, protector: Protector
) -> None:
    queue.send("a")
    worker = Worker(protector)
    [message] = worker.receive()
    protector.process.send_signal(signal.SIGTERM)
    until(lambda: "the task stops" in protector.log.read_text())
    queue.send("b")
    assert worker.receive() == []
    assert queue.counts == (1, 1)
    assert protector.process.poll() is None
    worker.delete(message)
    assert worker.receive() == []  # for as long as the worker lives
    ecs.worker = "STOPPED"
    assert protector.process.wait(10) == 0
    assert queue.counts == (1, 0)


def test_told_to_stop_it_hands_back_what_arrives(
    queue: Side, ecs: FakeEcs, protector: Protector
) -> None:
    worker = Worker(protector)
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(worker.receive, WaitTimeSeconds=5)
        until(lambda: "protection on" in protector.log.read_text())
        protector.process.send_signal(signal.SIGTERM)
        until(lambda: "the task stops" in protector.log.read_text())
        queue.send("a")
        assert poll.result() == []
    assert queue.counts == (1, 0)
    ecs.worker = "STOPPED"
    assert protector.process.wait(10) == 0


def test_the_metadata_tells_it_before_sigterm_does(
    queue: Side, ecs: FakeEcs, worker: Worker, protector: Protector
) -> None:
    ecs.desired = "STOPPED"
    until(lambda: "the task stops" in protector.log.read_text())
    queue.send("a")
    assert worker.receive() == []
    assert queue.counts == (1, 0)
    assert not ecs.asked


def test_when_the_worker_has_ended_its_messages_go_to_others_at_once(
    queue: Side, ecs: FakeEcs, protector: Protector
) -> None:
    queue.send("a")
    assert Worker(protector).receive()
    ecs.desired = ecs.worker = "STOPPED"
    protector.process.send_signal(signal.SIGTERM)
    assert protector.process.wait(10) == 0
    assert queue.counts == (1, 0)


def test_a_job_that_does_not_end_is_left_to_the_stop_timeout(queue: Side, start: Start) -> None:
    protector = start(STOP_TIMEOUT_SECONDS="6")
    queue.send("a")
    assert Worker(protector).receive()
    protector.process.send_signal(signal.SIGTERM)
    assert protector.process.wait(10) == 0
    assert "ends, with 1 messages out" in protector.log.read_text()
    until(lambda: queue.counts == (1, 0))


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


def test_the_query_protocol(queue: Side, ecs: FakeEcs, protector: Protector) -> None:
    query, url = Query(protector), protector.queue_url
    assert query("GetQueueUrl", QueueName="work").findtext(".//{*}QueueUrl") == url
    assert query.receipts(QueueUrl=url, WaitTimeSeconds="1") == []
    queue.send(STRANGE, "b", "c")
    received = query("ReceiveMessage", QueueUrl=url, WaitTimeSeconds="1")
    handles = [received.findtext(".//{*}ReceiptHandle")]
    while len(handles) < 3:
        handles += query.receipts(QueueUrl=url, MaxNumberOfMessages="10")
    assert len(ecs.asked) == 1
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
    assert queue.counts == (0, 1)
    query("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handles[2], VisibilityTimeout="0")
    protector.process.send_signal(signal.SIGTERM)
    ecs.worker = "STOPPED"
    assert protector.process.wait(10) == 0
    assert "ends, with 0 messages out" in protector.log.read_text()


def test_the_query_protocol_by_path_and_when_denied(
    queue: Side, ecs: FakeEcs, protector: Protector
) -> None:
    query = Query(protector)
    queue.send("a")
    path = protector.queue_url.removeprefix(protector.url)
    ecs.failure = "DEPLOYMENT_BLOCKED"
    assert query.receipts(path=path) == []
    assert queue.counts == (1, 0)
    ecs.failure = ""
    handles: list[str] = []

    def received() -> list[str]:
        handles[:] = query.receipts(path=path)
        return handles

    until(received)
    query("DeleteMessage", path=path, ReceiptHandle=handles[0])
    assert queue.counts == (0, 0)


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
