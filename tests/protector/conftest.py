from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protector import fake_ecs
from tests.protector.fake_ecs import FakeEcs, Protector


@pytest.fixture
def ecs(account: str) -> Iterator[FakeEcs]:
    with fake_ecs.fake_ecs(account) as running:
        yield running


@pytest.fixture
def sqs(client: Callable[[str], Any]) -> Any:
    """The queue's other side: who sends, and who looks whether all is well."""
    return client("sqs")


@pytest.fixture
def queue_url(sqs: Any) -> str:
    created = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "600"})
    return str(created["QueueUrl"])


@pytest.fixture
def start(ecs: FakeEcs, queue_url: str, tmp_path: Path) -> Iterator[Callable[..., Protector]]:
    running: list[Protector] = []

    def begin(port: int = 0, **more: str) -> Protector:
        running.append(fake_ecs.start(ecs, queue_url, tmp_path, port, **more))
        return running[-1]

    yield begin
    for each in running:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def protector(start: Callable[..., Protector]) -> Protector:
    return start()
