"""Ctrl-C and the end of a job, at any moment: what was touched is put back."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_deploy import NAME
from tests.interpreter import Interpreter, Program
from tests.smoke_worker import SERVICE, Account
from workerstack import localaws
from workerstack.verifier.smoke_undo import SIGNALS, held


@pytest.fixture
def deployed(deployed_worker: Path, client: Callable[[str], Any]) -> Account:
    assert deployed_worker
    # The one task of a creation was idle, and scaling has removed it.
    client("ecs").update_service(**SERVICE, desiredCount=0)
    return Account(client)


@pytest.fixture
def begin(
    checkout: Path, endpoint: localaws.Endpoint, programs: Interpreter
) -> Iterator[Callable[[], Program]]:
    """Begins a smoke test in a process of its own."""
    begun: list[Program] = []
    message = checkout / "message.txt"
    message.write_text("a job")

    def go() -> Program:
        words = ("smoke", NAME, "--yes", "--message", str(message), "--root", str(checkout))
        begun.append(programs.begin("deploy.py", *words, AWS_ENDPOINT_URL=endpoint.url))
        return begun[-1]

    yield go
    for process in begun:
        process.kill()
        process.wait()


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
    deployed: Account, begin: Callable[[], Program],
    moment: str, number: signal.Signals,
) -> None:  # fmt: skip
    process = begin()
    until(lambda: MOMENTS[moment](deployed))
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    assert "PASS  restored" in out
    assert err.splitlines()[-1] == "Interrupted."
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_second_run_puts_back_what_a_killed_one_left(
    deployed: Account, begin: Callable[[], Program], checkout: Path, moment: str
) -> None:
    first = begin()
    until(lambda: MOMENTS[moment](deployed))
    second = begin()
    out, err = second.communicate()
    assert second.returncode == 3, out + err
    assert "A smoke test of this worker is running: process" in err
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not deployed.is_as_before()
    with deployed.worker():
        second = begin()
        out, err = second.communicate()
    assert second.returncode == 0, out + err
    assert "Putting back what a smoke test has left that was killed" in err
    assert "PASS  restored" in out
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)
    assert not list(checkout.glob(".reviews/*.smoke.json"))


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.2, 0.5])
def test_it_is_put_back_when_interrupted_again_and_again(
    deployed: Account, begin: Callable[[], Program], delay: float
) -> None:
    process = begin()
    until(deployed.suspended)
    time.sleep(delay)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    assert err.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in err
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
