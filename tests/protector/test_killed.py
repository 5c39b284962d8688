"""``kill -9`` of either side at random moments loses no message."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.protector.fake_ecs import Protector, until
from tests.soak import share

WORKER = Path(__file__).with_name("plain_worker.py")
MESSAGES = 60


@pytest.mark.soak
@pytest.mark.parametrize("seed", share(range(1, 11), 1))
def test_no_message_is_lost_and_none_deleted_that_was_not_processed(
    seed: int, sqs: Any, queue_url: str, start: Callable[..., Protector], tmp_path: Path
) -> None:
    chance, processed = random.Random(seed), tmp_path / "processed"
    for number in range(MESSAGES):
        sqs.send_message(QueueUrl=queue_url, MessageBody=str(number))
    quick = {"HEARTBEAT_SECONDS": "0.4", "LONGEST_JOB_SECONDS": "3"}
    protector = start(python=None, **quick)
    port = int(protector.url.rpartition(":")[2])

    def work() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(WORKER), protector.queue_url, str(processed)])

    worker = work()
    try:
        for _ in range(6):
            moment = time.monotonic() + chance.uniform(0.1, 0.9)
            until(lambda moment=moment: time.monotonic() > moment)  # type: ignore[misc]
            if chance.random() < 0.5:
                protector.process.kill()
                protector.process.wait()
                protector = start(port, python=None, **quick)
            else:
                worker.kill()
                worker.wait()
                worker = work()
        until(lambda: _left(sqs, queue_url) == 0, within=60)
    finally:
        worker.kill()
        worker.wait()
    done = processed.read_text().split()
    assert set(done) == {str(number) for number in range(MESSAGES)}


def _left(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)
