"""Scenarios that wait in real time are begun together, and a test each asks how one ended."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.interpreter import Interpreter
from tests.protector import fake_ecs
from tests.protector.fake_ecs import FakeEcs, Process, Protector
from workerstack import localaws
from workerstack.localaws import walkthrough

_NUMBERS = itertools.count(7_999_999, -1)
Begun = Mapping[str, "Future[None]"]
"""What goes on, by the name of the test that asks."""


@dataclass
class Side:
    """The queue from outside."""

    sqs: Any
    url: str

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    @property
    def counts(self) -> tuple[int, int]:
        """How many are visible, and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return int(told["Attributes"][names[0]]), int(told["Attributes"][names[1]])


@dataclass
class Stage:
    """What one scenario has for itself; its processes are killed when it has ended."""

    account: str
    queue: Side
    ecs: FakeEcs
    folder: Path
    python: Interpreter
    running: list[Process] = field(default_factory=list)

    def start(self, **more: str) -> Protector:
        """A protector with these variables."""
        begun = fake_ecs.start(self.ecs, self.queue.url, self.folder, self.python, 0, **more)
        self.running.append(begun.process)
        return begun

    @cached_property
    def protector(self) -> Protector:
        return self.start()


class Together:
    """The scenarios of a file, which the tests of the same names ask for."""

    def __init__(self) -> None:
        self._all: dict[str, Callable[[Stage], object]] = {}

    def __call__(self, scenario: Callable[[Stage], object]) -> Callable[..., None]:
        """A test that asks how this scenario has ended, where the file has a fixture `begun`."""
        self._all[scenario.__name__] = scenario

        def test(request: pytest.FixtureRequest, begun: Begun) -> None:
            begun[request.node.name].result()

        return _called_like(scenario, test)

    def with_each(self, *cases: str) -> Callable[[Callable[[Stage, str], object]], Any]:
        """The same, of a scenario with each of these cases."""

        def of(scenario: Callable[[Stage, str], object]) -> Any:
            def begin(case: str) -> Callable[[Stage], object]:
                return lambda stage: scenario(stage, case)

            self._all |= {f"{scenario.__name__}[{case}]": begin(case) for case in cases}

            def test(request: pytest.FixtureRequest, begun: Begun, case: str) -> None:
                assert case in request.node.name
                begun[request.node.name].result()

            return pytest.mark.parametrize("case", cases)(_called_like(scenario, test))

        return of

    @contextmanager
    def begin(
        self, request: pytest.FixtureRequest, endpoint: localaws.Endpoint, folder: Path,
        python: Interpreter,
    ) -> Iterator[Begun]:  # fmt: skip
        """Begins those whose tests are to run, each in a thread and in an account of its own."""

        def perform(name: str, account: str, queue: Side, own: Path) -> None:
            with fake_ecs.fake_ecs(account) as ecs:
                stage = Stage(account, queue, ecs, own, python)
                try:
                    self._all[name](stage)
                finally:
                    for each in stage.running:
                        each.kill()
                        each.wait()

        chosen = [item.name for item in request.session.items if item.path == request.path]
        names = [name for name in self._all if name in chosen]
        with ThreadPoolExecutor(max(1, len(names))) as pool:
            begun = {}
            for name in names:
                number = next(_NUMBERS)
                account = f"{os.getpid() % 100_000:05d}{number:07d}"
                # Here: making a client is not safe between threads.
                sqs = walkthrough.client("sqs", endpoint.url, account)
                made = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "600"})
                own = folder / str(number)
                own.mkdir()
                queue = Side(sqs, made["QueueUrl"])
                begun[name] = pool.submit(perform, name, account, queue, own)
            yield begun


def _called_like(scenario: Callable[..., object], test: Callable[..., None]) -> Callable[..., None]:
    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    test.__module__ = scenario.__module__
    return test
