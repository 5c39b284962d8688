"""What status and logs show, compared with what was brought about in AWS."""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.commands.test_deploy import carry_out, change, make
from tests.commands.test_ship import git
from tests.conftest import Prepare, Run
from workerstack.deployer import status as reading
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.localaws import accounts, pushing, surroundings

NAME = "dev/webordinary-edit"
REPOSITORY = "webordinary/claude-code-astro"
SERVICE = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}
GROUP = "/ecs/webordinary/edit"
Client = Callable[[str], Any]


def name_the_image(checkout: Path, digest: str) -> None:
    change(checkout, "tags:", f'  ImageReference: "@{digest}"  # v1\ntags:')


def push_and_name(checkout: Path, clients: Clients) -> None:
    name_the_image(checkout, pushing.push(clients("ecr"), REPOSITORY, "v1"))


@pytest.fixture
def deployed(
    deploy_once: Callable[[Prepare], str], checkout: Path, account: str, client: Client
) -> str:
    """The worker, with an image by its digest and nothing to do; gives the digest."""
    accounts.copy(deploy_once(push_and_name), account)
    client("ecs").update_service(**SERVICE, desiredCount=0)
    image = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "v1"}]}
    [found] = client("ecr").describe_images(**image)["imageDetails"]
    name_the_image(checkout, found["imageDigest"])
    return str(found["imageDigest"])


@pytest.fixture
def deployed_commit(
    checkout: Path, client: Client, clients: Clients, capsys: pytest.CaptureFixture[str]
) -> str:
    """The same, deployed from a commit."""
    digest = pushing.push(client("ecr"), REPOSITORY, "v1")
    name_the_image(checkout, digest)
    git(checkout, "init", "--quiet")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "Image v1")
    carry_out(make(checkout, clients), checkout, clients)
    client("ecs").update_service(**SERVICE, desiredCount=0)
    capsys.readouterr()
    return digest


def lines_of(out: str) -> dict[str, str]:
    """The screen of one stack: what stands behind each word."""
    return {line[:9].strip(): line[11:] for line in out.splitlines()[1:]}


def test_one_screen(
    command: Run, checkout: Path, client: Client, things: surroundings.Surroundings,
    deployed_commit: str,
) -> None:  # fmt: skip
    code, out, err = command("status", NAME)
    assert code == 0, err
    found = lines_of(out)
    commit = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "--short=7", "HEAD"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    assert found["State"].startswith("CREATE_COMPLETE, just now")
    assert found["Revision"].startswith(f"{commit} Image v1 (committed ")
    assert "claude-code-astro (:v1)" in found["Image"]
    assert deployed_commit[:19] in found["Image"]
    assert found["Tasks"].startswith("0 running, 0 desired, at most 5")
    assert found["Queue"] == "webordinary-email-queue: 0 waiting, 0 in flight, no dead-letter queue"
    assert "BacklogAlarm" in found["Alarms"]
    assert "(scales)" in found["Alarms"]
    assert "Not known" not in found
    assert found["Next"] == "nothing to do"

    # Something waits, something runs; a newer commit is not deployed.
    sqs = client("sqs")
    for body in "ab":
        sqs.send_message(QueueUrl=things.queue_url, MessageBody=body)
    sqs.receive_message(QueueUrl=things.queue_url)
    client("ecs").update_service(**SERVICE, desiredCount=1)
    change(checkout, "tags:", "  MaxTasks: 3\ntags:")
    git(checkout, "commit", "--quiet", "--all", "--message", "Three tasks")
    found = lines_of(command("status", NAME)[1])
    assert found["Revision"].startswith(f"{commit} Image v1")
    assert found["Queue"].startswith("webordinary-email-queue: 1 waiting, 1 in flight")
    assert found["Tasks"].startswith("1 running, 1 desired")
    assert found["Next"] == f"out/ and params/ are not deployed: ./deploy.py review {NAME}"

    # As data.
    data = json.loads(command("status", NAME, "--format", "json")[1])
    assert data["revision"]["commit"].startswith(commit)
    assert data["tasks"][0]["running"] == 1
    assert data["queues"][0]["in_flight"] == 1
    assert data["next_step"] == found["Next"]

    # An old message that nobody takes comes first.
    client("ecs").update_service(**SERVICE, desiredCount=0)
    client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[{
        "MetricName": "ApproximateAgeOfOldestMessage", "Value": 4000,
        "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
        "Dimensions": [{"Name": "QueueName", "Value": "webordinary-email-queue"}],
    }])  # fmt: skip
    found = lines_of(command("status", NAME)[1])
    assert "oldest 1:06:40" in found["Queue"]
    assert found["Next"] == f"Messages wait and nothing runs: ./deploy.py verify {NAME}"


def test_an_image_that_is_gone_and_one_that_moved(
    command: Run, client: Client, deployed: str, checkout: Path, clients: Clients,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    ecr = client("ecr")
    ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": deployed}])
    found = lines_of(command("status", NAME)[1])
    assert found["Image"].endswith("there is no such image")
    assert found["Next"].endswith(f"is not in ECR: ./deploy.py ship {NAME}")
    pushing.push(ecr, REPOSITORY, "latest", mark="old")
    change(checkout, f'"@{deployed}"', '":latest"')
    carry_out(make(checkout, clients), checkout, clients)
    client("ecs").update_service(**SERVICE, desiredCount=1)
    capsys.readouterr()
    pushing.push(ecr, REPOSITORY, "latest", mark="new")
    found = lines_of(command("status", NAME)[1])
    assert found["Next"] == f":latest is another image by now: ./deploy.py ship {NAME} latest"
    assert found["Revision"].startswith("not in git")


def test_several_are_a_table(command: Run, checkout: Path, deployed: str) -> None:
    other = checkout / "params/dev/second.yaml"
    other.write_text((checkout / "params/dev/webordinary-edit.yaml").read_text())
    code, out, err = command("status", "dev")
    assert code == 0, err
    head, columns, *rows = out.splitlines()
    assert head.startswith("dev  account ")
    assert columns.split() == ["STACK", "STATE", "DEPLOYED", "IMAGE", "TASKS", "QUEUE"]
    assert rows[0].split()[:2] == ["second", "ABSENT"]
    assert rows[1].split()[:2] == ["webordinary-edit", "CREATE_COMPLETE"]
    assert "v1" in rows[1]
    assert "0 of 5" in rows[1]
    assert rows[2] == "second: Create it: `deploy.py review dev/second`"
    code, again, _ = command("status")
    assert [line.split()[:2] for line in again.splitlines()] == [
        line.split()[:2] for line in out.splitlines()
    ]
    data = json.loads(command("status", "--format", "json")[1])
    assert [each["state"] for each in data] == ["ABSENT", "CREATE_COMPLETE"]
    assert deployed


def test_an_environment_that_cannot_be_read_hides_no_other(
    command: Run, checkout: Path, deployed: str
) -> None:
    prod = checkout / "params/prod"
    prod.mkdir()
    (prod / "target.yaml").write_text('account: "999988887777"\nregion: us-west-2\n')
    (prod / "webordinary-edit.yaml").write_text(
        (checkout / "params/dev/webordinary-edit.yaml").read_text()
    )
    code, out, err = command("status")
    assert code == 3
    assert "prod/webordinary-edit: Wrong account" in err
    assert "CREATE_COMPLETE" in out
    code, _, err = command("status", "nothing")
    assert code == 1
    assert "Unknown environment nothing" in err
    assert deployed


def interrupted_after(pauses: int, between: Callable[[], object]) -> Any:
    """A clock whose pauses do something, and end with Ctrl-C."""
    left = [pauses]

    def sleep(_: float) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        between()

    return partial(Clock, sleep=sleep)


def test_watching_shows_what_changes(
    command: Run, client: Client, deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> None:
        client("ecs").update_service(**SERVICE, desiredCount=1)

    monkeypatch.setattr("workerstack.commands.status.Clock", interrupted_after(3, start))
    code, out, _ = command("status", NAME, "--watch", "--format", "json")
    assert code == 130
    seen = [json.loads(line)["tasks"][0]["running"] for line in out.splitlines()]
    assert seen == [0, 1]
    assert deployed


def test_watching_survives_a_lost_answer(
    command: Run, deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reading.read_status
    answers = iter((True, False, True))

    def read_status(*given: Any) -> reading.Status:
        if not next(answers):
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        return real(*given)

    monkeypatch.setattr("workerstack.deployer.status.read_status", read_status)
    monkeypatch.setattr("workerstack.commands.status.Clock", interrupted_after(2, lambda: None))
    code, out, err = command("status", NAME, "--watch", "--format", "json")
    assert (code, len(out.splitlines())) == (130, 1)
    assert "AWS cannot be reached" in err
    assert deployed


def write(client: Client, task: str, *texts: str, ago: int = 0) -> None:
    logs = client("logs")
    stream = f"edit-service/webordinary-edit/{task}"
    existing = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)
    if not existing["logStreams"]:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    now = int(time.time() * 1000) - ago * 1000
    events = [{"timestamp": now + at, "message": text} for at, text in enumerate(texts)]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_lines_have_their_task(command: Run, client: Client, deployed: str) -> None:
    code, out, err = command("logs", NAME)
    assert (code, out) == (0, "")
    assert "No line since" in err
    client("ecs").update_service(**SERVICE, desiredCount=1)
    [arn] = client("ecs").list_tasks(cluster=SERVICE["cluster"])["taskArns"]
    task = arn.rpartition("/")[2]
    write(client, "f" * 32, "long ago", ago=7200)
    write(client, task, "first", "se\x1b[31mcond")
    write(client, "e" * 32, "of another")
    code, out, err = command("logs", NAME)
    assert code == 0, err
    assert f"Task {task[:8]} (revision " in err
    assert ") is RUNNING since 20" in err
    shown = [line.split("  ", 2)[1:] for line in out.splitlines()]
    assert [task[:8], "first"] in shown
    assert [task[:8], r"se\x1b[31mcond"] in shown
    assert ["eeeeeeee", "of another"] in shown
    assert "long ago" not in out
    code, out, _ = command("logs", NAME, "--task", task[:6], "--format", "json")
    assert json.loads(out.splitlines()[0])["message"] == "first"
    assert {json.loads(line)["task"] for line in out.splitlines()} == {task}
    assert "long ago" in command("logs", NAME, "--since", "3h")[1]
    assert deployed


LOGS_WRONG = {
    "a task that nobody knows": (("--task", "0000"), 1, "There is no line of a task 0000"),
    "no duration": (("--since", "yesterday"), 1, "--since is 'yesterday', which is no duration"),
    "before all dates": (("--since", "9999999d"), 1, "--since is too long"),
}


@pytest.mark.parametrize("case", LOGS_WRONG)
def test_what_cannot_be_shown_is_said(case: str, command: Run, deployed: str) -> None:
    words, code, said = LOGS_WRONG[case]
    found, out, err = command("logs", NAME, *words)
    assert (found, out) == (code, "")
    assert said in err
    assert deployed


def test_following_gives_each_line_once(
    command: Run, client: Client, deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(client, "a" * 32, "first")
    texts = iter(["second", "third"])

    def more() -> None:
        write(client, "a" * 32, next(texts))
        # One that comes late: its time was before that of what was shown already.
        write(client, "b" * 32, "late", ago=5)

    monkeypatch.setattr("workerstack.commands.logs.Clock", interrupted_after(2, more))
    code, out, _ = command("logs", NAME, "--follow")
    assert code == 130
    shown = [line.split("  ", 2)[2] for line in out.splitlines()]
    assert sorted(shown) == ["first", "late", "late", "second", "third"]
    assert deployed
