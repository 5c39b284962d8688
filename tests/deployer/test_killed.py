"""SIGKILL at each moment of `review` and `execute`: whoever runs the command again ends well."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.proxy import Faults, Proxy
from tests.conftest import ROOT, Run
from tests.interpreter import Interpreter
from tests.review.test_several import small
from tests.soak import share
from workerstack import files, localaws
from workerstack.review import file as review_file

Client = Callable[[str], Any]

REVIEW = [
    *share([(number, "after") for number in range(1, 11)], 4),
    ("CreateChangeSet", "before"), ("CreateChangeSet", "after"),
]  # fmt: skip
"""At which request, by number or by its action, and whether AWS has acted on it."""

EXECUTE = [
    *share([(number, "after") for number in range(1, 13)], 5),
    ("ExecuteChangeSet", "before"), ("ExecuteChangeSet", "after"),
]  # fmt: skip


@pytest.fixture
def proxy(endpoint: localaws.Endpoint) -> Iterator[Proxy]:
    with Proxy(endpoint.url, Faults(0, 0.0)) as running:
        yield running


def killed(
    programs: Interpreter, proxy: Proxy, checkout: Path, request: int | str, when: str, *words: str
) -> bool:
    """Runs a command and kills it at a request, ``before`` or ``after`` AWS has acted on it.

    False where the command ended without such a request.
    """
    seen: list[str] = []
    begun = threading.Event()

    def count(action: str) -> None:
        seen.append(action)
        if request in (action, len(seen)):
            begun.wait()
            process.kill()
            process.wait()

    if when == "before":
        proxy.on_request = count
    else:
        proxy.on_answer = count
    process = programs.begin(
        "deploy.py", *words, "--root", str(checkout), AWS_ENDPOINT_URL=proxy.url
    )
    begun.set()
    code = process.wait()
    proxy.on_request = proxy.on_answer = lambda _: None
    return code == -signal.SIGKILL


def end_well(command: Run, client: Client, review: Path, state: str) -> None:
    """Executes, or watches what goes on; then nothing acted twice, and nothing is left."""
    code, _, err = command("execute", str(review))
    assert code == 0, err
    assert f"one is {state}." in err
    code, _, again = command("watch", "dev/one")
    assert code == 0, again
    assert f"one is {state}." in again
    cloudformation = client("cloudformation")
    stack = cloudformation.describe_stacks(StackName="one")["Stacks"][0]
    assert stack["StackStatus"] == state
    events = cloudformation.describe_stack_events(StackName="one")["StackEvents"]
    begun = [
        each
        for each in events
        if each["PhysicalResourceId"] == stack["StackId"]
        and each["ResourceStatus"] == state.replace("_COMPLETE", "_IN_PROGRESS")
        and each.get("ClientRequestToken", "").startswith("review-")
    ]
    assert len(begun) == 1
    assert command("discard", "dev/one", "--yes")[0] == 0
    found = cloudformation.list_change_sets(StackName="one")["Summaries"]
    assert [each for each in found if each["ExecutionStatus"] == "AVAILABLE"] == []
    assert [each.name for each in review.parent.glob(".*")] == []


def prepared(request: int | str, checkout: Path, client: Client) -> str:
    """Something to create, or to update where the request's number is even; how it must end."""
    small(checkout, "one")
    if isinstance(request, str) or request % 2:
        return "CREATE_COMPLETE"
    text = (checkout / "out/one.template.yaml").read_text()
    api = client("cloudformation")
    api.create_stack(
        StackName="one", TemplateBody=text,
        Tags=[{"Key": "fargate-worker-stack", "Value": "dev/one"}],
    )  # fmt: skip
    api.get_waiter("stack_create_complete").wait(
        StackName="one", WaiterConfig={"Delay": 0.01, "MaxAttempts": 1000}
    )
    small(checkout, "one", seconds=60)
    return "UPDATE_COMPLETE"


@pytest.mark.soak
@pytest.mark.parametrize(("request_", "when"), REVIEW)
def test_a_review_that_was_killed_is_made_again(
    request_: int | str, when: str, proxy: Proxy, checkout: Path, command: Run, client: Client,
    programs: Interpreter,
) -> None:  # fmt: skip
    state = prepared(request_, checkout, client)
    file = checkout / "review.json"
    assert killed(
        programs, proxy, checkout, request_, when, "review", "dev/one", "--output", str(file)
    )
    assert not file.exists() or review_file.read(file)
    code, out, err = command("review", "dev/one", "--output", str(file))
    assert code == 2, out + err
    waiting = client("cloudformation").list_change_sets(StackName="one")["Summaries"]
    assert ("Earlier change sets are still pending" in err) == (len(waiting) > 1)
    assert len(waiting) <= 2
    end_well(command, client, file, state)


@pytest.mark.soak
@pytest.mark.parametrize(("request_", "when"), EXECUTE)
def test_an_execution_that_was_killed_goes_on(
    request_: int | str, when: str, proxy: Proxy, checkout: Path, command: Run, client: Client,
    programs: Interpreter,
) -> None:  # fmt: skip
    state = prepared(request_, checkout, client)
    file = checkout / "review.json"
    assert command("review", "dev/one", "--output", str(file))[0] == 2
    words = ("execute", str(file), "--yes", "--uncommitted")
    assert killed(programs, proxy, checkout, request_, when, *words)
    end_well(command, client, file, state)


KILL_AT_REPLACE = """
import os, pathlib, signal, sys
pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from workerstack.command_line import run
from workerstack.commands import deploy
run(deploy.deploy)
"""


def test_a_review_that_was_killed_as_it_was_written_leaves_no_file_for_ever(
    proxy: Proxy, checkout: Path, command: Run, client: Client
) -> None:
    state = prepared(1, checkout, client)
    file = checkout / "review.json"
    words = ("review", "dev/one", "--output", str(file), "--root", str(checkout))
    process = subprocess.run(
        [sys.executable, "-c", KILL_AT_REPLACE, *words], check=False, capture_output=True,
        env={**os.environ, "AWS_ENDPOINT_URL": proxy.url}, cwd=ROOT,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL
    assert not file.exists()
    [left] = file.parent.glob(".*")
    assert command(*words[:4])[0] == 2
    assert left.exists()  # it might be another process's that still runs
    old = left.stat().st_mtime - files.FORGOTTEN - 1
    os.utime(left, (old, old))
    assert command(*words[:4])[0] == 2
    end_well(command, client, file, state)


def test_a_review_that_cannot_be_written_is_a_sentence_and_leaves_nothing(
    checkout: Path, command: Run
) -> None:
    small(checkout, "one")
    folder = checkout / "there"
    folder.mkdir()
    code, _, err = command("review", "dev/one", "--output", str(folder))
    assert code == 1
    assert "cannot be written: it is a folder" in err
    assert "deploy.py discard" in err
    assert [each.name for each in checkout.glob(".*")] == []
