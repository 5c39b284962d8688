from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.interpreter import Interpreter
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


@pytest.fixture(scope="session")
def imported() -> Iterator[Interpreter]:
    """Has imported what the protector imports."""
    with Interpreter(ROOT, "import protector.protector") as running:
        yield running


@pytest.fixture
def start(
    ecs: FakeEcs, queue_url: str, tmp_path: Path, imported: Interpreter
) -> Iterator[Callable[..., Protector]]:
    running: list[Protector] = []

    def begin(port: int = 0, python: Interpreter | None = imported, **more: str) -> Protector:
        running.append(fake_ecs.start(ecs, queue_url, tmp_path, python, port, **more))
        return running[-1]

    yield begin
    for each in running:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def protector(start: Callable[..., Protector]) -> Protector:
    return start()
