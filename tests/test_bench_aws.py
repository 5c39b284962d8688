"""``python -m bench aws`` against the embedded endpoint, from the question to the removal."""

import dataclasses
import json
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench import aws, everyday, image, recording, sandbox
from tests.soak import IS_ON
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.localaws import Endpoint

REGION = "us-west-2"
FEW = ("image", "step", "SSH from everywhere", "number of tasks", "name of the service")
"""What the short form makes; `make soak` makes all of them."""

QUICK = Clock(sleep=lambda _: time.sleep(0.01))
LENIENT = {"subnets"}
"""Where the embedded endpoint does not do as AWS does: it starts no deployment there."""


def words(endpoint: Endpoint, folder: Path, *more: str) -> list[str]:
    only = [word for name in FEW for word in ("--only", name)] if not IS_ON else []
    where = ["--endpoint", endpoint.url, "--region", REGION, "--output", str(folder)]
    return [*where, *only, *more]


def nothing_is_left(client: Callable[[str], Any]) -> bool:
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    revisions = client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    groups = client("logs").describe_log_groups(logGroupNamePrefix="/ecs/worker-bench")
    vpcs = client("ec2").describe_vpcs()["Vpcs"]
    return not (stacks or revisions or groups["logGroups"]) and not any(
        each["CidrBlock"] == "10.20.0.0/16" for each in vpcs
    )


@pytest.mark.soak
def test_a_run_compares_records_and_removes_everything(
    endpoint: Endpoint, client: Callable[[str], Any], account: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert aws.main(words(endpoint, tmp_path, "--yes"), QUICK) == 0
    said = capsys.readouterr().out
    assert "less than $1" in said
    assert nothing_is_left(client)

    [file] = tmp_path.glob("*.json")
    text = file.read_text()
    run = re.findall(r"worker-bench-[0-9a-f]{6}", said)[0]
    assert account not in text
    assert run not in text
    found = json.loads(text)
    names = [each["name"] for each in found["changes"]]
    assert sorted(names) == sorted(everyday.NAMES if IS_ON else FEW)
    fates = {each["name"]: each for each in found["changes"]}
    assert {fates[each]["status"] for each in names if each in EXECUTED} == {"UPDATE_COMPLETE"}
    assert {fates[each]["status"] for each in names if each not in EXECUTED} == {""}
    assert not any(each["surprises"] for each in fates.values())
    wrong = {
        name
        for name, fate in fates.items()
        for each in fate.get("checks", ())
        if each["predicted"] != each["happened"]
    }
    assert wrong <= LENIENT
    assert sum(len(each.get("checks", ())) for each in fates.values()) > 15

    agreements = {each.name: each for each in recording.replay(found)}
    assert agreements.keys() == fates.keys()
    assert not agreements["image"].surprises
    assert agreements["image"].listed == {
        "TaskDefinition": "Modify, Replacement True", "Service": "Modify, Replacement False",
    }  # fmt: skip
    [page] = tmp_path.glob("*.md")
    assert "| image | 2 of 2 | 2 of 2 |" in page.read_text()
    assert len(page.read_text().splitlines()) < 60

    monkeypatch.setattr("sys.argv", ["bench", "replay", str(file)])
    surprised = any(each.surprises for each in agreements.values())
    assert bench.main() == int(surprised)
    assert capsys.readouterr().out.strip() == page.read_text().strip()


EXECUTED = {
    *everyday.of_both(everyday.Other(*[""] * 7)), *everyday.of_edit(everyday.Other(*[""] * 7)),
    "number of tasks", "name of the log group", "name of the service",
} - {"public addresses"}  # fmt: skip


def test_a_prediction_that_is_wrong_is_a_surprise(tmp_path: Path) -> None:
    """The control of the comparison: an answer that says something else."""
    bodies = [
        {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": each}}}}
        for each in (1, 2)
    ]
    change = {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify", "LogicalResourceId": "Queue", "PhysicalResourceId": "q",
            "ResourceType": "AWS::SQS::Queue", "Replacement": "True", "Scope": [], "Details": [],
        },
    }  # fmt: skip
    found = {
        "version": 1, "account": recording.ACCOUNT, "region": REGION, "stack": recording.RUN,
        "where": "account", "made": "2026-11-28T00:00:00", "minutes": 1, "left": ["a stack"],
        "templates": {str(number): json.dumps(body) for number, body in enumerate(bodies)},
        "changes": [
            {
                "name": "delay", "findings": [], "surprises": [], "status": "UPDATE_COMPLETE",
                "before": {"template": "0", "values": {}}, "after": {"template": "1", "values": {}},
                "plain": {"Changes": [change]}, "detailed": {"Changes": [change]},
                "checks": [{"what": "Queue", "predicted": "kept", "happened": "replaced"}],
            }
        ],
    }  # fmt: skip
    [agreement] = recording.replay(found)
    assert agreement.rows == (1, 1)
    assert agreement.replacements == (0, 1)
    page = recording.report(found, [agreement])
    assert "delay: Queue: listed as Modify, Replacement True, predicted" in page
    assert "delay: Queue: predicted kept, then replaced" in page
    assert "- a stack" in page
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps(found))
    assert aws.replay([str(file)]) == 1
    with pytest.raises(ValueError, match="version"):
        recording.replay({**found, "version": 2})


def test_ctrl_c_removes_what_was_made(
    endpoint: Endpoint, client: Callable[[str], Any], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pressed: list[bool] = []

    def now() -> datetime:
        """Somebody presses Ctrl-C as soon as the worker is there."""
        stacks = client("cloudformation").describe_stacks()["Stacks"]
        if not pressed and sum(each["StackStatus"] == "CREATE_COMPLETE" for each in stacks) > 1:
            pressed.append(True)
            raise KeyboardInterrupt
        return datetime.now(UTC)

    before = signal.getsignal(signal.SIGTERM)
    assert aws.main(words(endpoint, tmp_path, "--yes"), dataclasses.replace(QUICK, now=now)) == 130
    assert "Interrupted: deleting what was made" in capsys.readouterr().out
    assert nothing_is_left(client)
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_cannot_be_removed_is_said(
    endpoint: Endpoint, client: Callable[[str], Any], clients: Clients,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run, body = "worker-bench-0a1b2c", "Resources: {Queue: {Type: AWS::SQS::Queue}}"
    cloudformation = client("cloudformation")
    for name, is_protected in ((run, True), (sandbox.network(run), False)):
        cloudformation.create_stack(
            StackName=name, TemplateBody=body, EnableTerminationProtection=is_protected
        )
    left = sandbox.remove(clients, run, QUICK, lambda _: None)
    assert len(left) == 1
    assert f"delete-stack --stack-name {run}`" in left[0]
    assert [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]] == [run]
    cloudformation.update_termination_protection(StackName=run, EnableTerminationProtection=False)
    where = ["--endpoint", endpoint.url, "--region", REGION]
    assert aws.main([*where, "--remove", run], QUICK) == 0
    assert nothing_is_left(client)
    with pytest.raises(SystemExit):
        aws.main([*where, "--remove", "production"], QUICK)
    assert "is not the name of a run" in capsys.readouterr().err


def test_nothing_is_made_without_a_yes(
    endpoint: Endpoint, client: Callable[[str], Any], tmp_path: Path
) -> None:
    assert aws.main(words(endpoint, tmp_path), QUICK) == 3
    assert nothing_is_left(client)


def test_a_recording_names_nothing_of_the_account() -> None:
    ids = (
        "vpc-0123456789abcdef0", "subnet-0123456789abcdef1", "fs-01234567", "sg-0aaaaaaaaaaaaaaaa",
        "11111111-2222-3333-4444-555555555555", "0123456789abcdef0123456789abcdef",
        "AROAABCDEFGHIJKLMNOP", "worker-bench-3f2a1b-TaskRole-1ABCDEFGHIJKL",
        "arn:aws:secretsmanager:us-west-2:999988887777:secret:worker-bench-3f2a1b-token-aB3dE6",
    )  # fmt: skip
    names = {"999988887777": recording.ACCOUNT, "worker-bench-3f2a1b": recording.RUN}
    other = "vpc-0fedcba987654321f"
    found = recording.redacted({"first": ids, "again": ids, "other": other}, names)
    assert found["first"] == found["again"]
    assert found["other"] != found["first"][0]
    assert not {*found["first"], found["other"]} & {*ids, other}
    text = json.dumps(found)
    assert not [each for each in ("999988887777", "3f2a1b", "aB3dE6", "1ABCDEFG") if each in text]
    assert [len(each) for each in found["first"][:4]] == [len(each) for each in ids[:4]]
    assert found["first"][-1].startswith(f"arn:aws:secretsmanager:us-west-2:{recording.ACCOUNT}:")
    with pytest.raises(ValueError, match="not written"):
        recording.redacted({"a": "secret name"}, {"secret": "a secret still"})


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="it is a program of Linux"
)
def test_the_image_has_a_program_that_waits_and_ends_when_it_is_told(tmp_path: Path) -> None:
    program = tmp_path / "worker"
    program.write_bytes(image.program())
    program.chmod(0o755)
    running = subprocess.Popen([program])
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.1)
    running.terminate()
    assert running.wait(5) == 0
    assert image.image("a").manifest != image.image("b").manifest
    assert image.image("a") == image.image("a")
