"""Ctrl-C and the end of a job, at any moment: what was touched is put back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_deploy import NAME, carry_out, make
from tests.smoke_worker import Account
from workerstack import localaws
from workerstack.deployer.aws import Clients
from workerstack.verifier.smoke_undo import SIGNALS, held

ROOT = Path(__file__).parents[2]


@pytest.fixture
def deployed(checkout: Path, clients: Clients, client: Callable[[str], Any]) -> Account:
    assert carry_out(make(checkout, clients), checkout, clients).is_good
    return Account(client)


@pytest.fixture
def begin(
    checkout: Path, endpoint: localaws.Endpoint
) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Begins a smoke test in a process of its own."""
    begun: list[subprocess.Popen[str]] = []
    message = checkout / "message.txt"
    message.write_text("a job")

    def go() -> subprocess.Popen[str]:
        words = ["smoke", NAME, "--yes", "--message", str(message), "--root", str(checkout)]
        process = subprocess.Popen(
            [sys.executable, "deploy.py", *words], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "AWS_ENDPOINT_URL": endpoint.url},
        )  # fmt: skip
        begun.append(process)
        return process

    yield go
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


MOMENTS: dict[str, Callable[[Account], bool]] = {
    "scale-in is suspended": lambda account: account.suspended(),
    "the task is wanted": lambda account: account.count() == 1,
    "the message is sent": lambda account: account.depth() != (0, 0),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", MOMENTS)
def test_it_is_put_back_when_interrupted(
    deployed: Account, begin: Callable[[], subprocess.Popen[str]],
    moment: str, number: signal.Signals,
) -> None:  # fmt: skip
    process = begin()
    until(lambda: MOMENTS[moment](deployed))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "PASS  restored" in out
    assert err.splitlines()[-1] == "Interrupted."
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.6, 1.5, 3.0])
def test_it_is_put_back_when_interrupted_again_and_again(
    deployed: Account, begin: Callable[[], subprocess.Popen[str]], delay: float
) -> None:
    process = begin()
    until(deployed.suspended)
    time.sleep(delay)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, err = process.communicate()
    # Python itself may be told to end once more after our last word.
    assert process.returncode in {130, -signal.SIGINT, 1}, out + err
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)


def interrupted_while_putting_back(done: list[str]) -> None:
    with held() as interrupts:
        try:
            with interrupts.may_end():
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(1)
                done.append("never")
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            done.append("put back")


def interrupted_before_it_begins(done: list[str]) -> None:
    with held() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("not disturbed")
        with interrupts.may_end():
            done.append("never")


def interrupted_after_it_ended(done: list[str]) -> None:
    with held() as interrupts:
        with interrupts.may_end():
            done.append("done")
        os.kill(os.getpid(), signal.SIGHUP)
        done.append("put back")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (interrupted_while_putting_back, ["put back"]),
        (interrupted_before_it_begins, ["not disturbed"]),
        (interrupted_after_it_ended, ["done", "put back"]),
    ],
)
def test_signals_end_what_may_end_and_wait_for_the_rest(
    run: Callable[[list[str]], None], expected: list[str]
) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(done)
    assert done == expected
    assert [signal.getsignal(each) for each in SIGNALS] == before
