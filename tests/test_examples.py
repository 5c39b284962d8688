"""The workers of another team, with everything that a specification has: from emitted to deployed.

The templates of examples/invoices are committed; what they must be is what its specification says.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.invoices import workers
from templates import build
from templates.specification import Worker
from tests.conftest import REGION, Run
from workerstack.cloudformation import read, resolve, surroundings
from workerstack.commands.generate import generating
from workerstack.lint.rendering import render
from workerstack.localaws.surroundings import Surroundings
from workerstack.simulator.read import read_parameters, read_scaling
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/invoices"
BY_NAME = {worker.name: worker for worker in workers.ALL}


def emitted(name: str) -> str:
    return (EXAMPLE / f"out/{name}.template.yaml").read_text()


def resources(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read(emitted(name), name).data["Resources"]
    return found


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
def test_what_is_committed_is_what_is_built(worker: Worker) -> None:
    assert render(build(worker).to_dict()) == emitted(worker.name)


def test_it_is_linted_alone_and_with_its_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "copy", ignore=shutil.ignore_patterns(".cache"))
    generate = generating(
        lambda: [(each.name, build(each).to_dict()) for each in workers.ALL], copy
    )
    assert generate.main(["--check"], standalone_mode=False) == 0, capsys.readouterr().out


def test_what_was_customized_heads_the_file() -> None:
    head, _, _ = emitted("invoices").partition("AWSTemplateFormatVersion")
    assert "# Customized: added Resources.Service.Properties.EnableExecuteCommand\n" in head
    assert "Customized" not in emitted("reports")


def test_a_worker_without_workspace_or_secrets_has_no_text_of_another() -> None:
    for text in (*map(emitted, BY_NAME), (ROOT / "out/thumbnails.template.yaml").read_text()):
        for word in ("NFS", "workspace", "Workspace", "GitHub", "Sites", "sites", "EFS", "mount"):
            assert word not in text, word


@pytest.mark.parametrize("name", BY_NAME)
def test_it_is_simulated(name: str) -> None:
    values = read_parameters((EXAMPLE / f"params/dev/{name}.yaml").read_text(), name)
    scaling = read_scaling(emitted(name), name, values)
    jobs = Trace.of([Message(0, 60), Message(600, 60)])
    done = simulate(scaling, jobs, Settings(heartbeat=60), horizon=14_400).summary
    assert (done.done, done.killed) == (2, 0)
    assert scaling.task
    assert scaling.task.spot
    assert scaling.task.arm is (name == "invoices")
    assert len(scaling.scheduled) == (2 if name == "invoices" else 0)


def test_policies_are_within_the_limits_of_iam() -> None:
    """10,240 characters for the policies of a role (IAM: quotas), with names as long as may be."""
    values = {**read_parameters((EXAMPLE / "params/dev/invoices.yaml").read_text(), "values")}
    stack = resolve(
        read(emitted("invoices"), "invoices"), values,
        surroundings("111122223333", "ap-southeast-2", "invoices"),
    )  # fmt: skip
    for role in ("TaskRolePolicy", "ExecutionRolePolicy"):
        text = json.dumps(stack.resources[role].properties["PolicyDocument"], default=str)
        assert len(text.replace(" ", "")) < 10_240


# Deployed


@pytest.fixture
def checkout_of_example(
    tmp_path: Path, client: Callable[[str], Any], account: str, things: Surroundings
) -> Path:
    """A copy of the example with the things of the test's account."""
    copy = shutil.copytree(EXAMPLE, tmp_path / "copy", ignore=shutil.ignore_patterns(".cache"))
    ec2 = client("ec2")
    group = ec2.create_security_group(GroupName="database", Description="d", VpcId=things.vpc_id)[
        "GroupId"
    ]
    tables = ec2.describe_route_tables()["RouteTables"]
    there = {
        "vpc-0a1b2c3d4e5f60718": things.vpc_id,
        "subnet-0a1b2c3d4e5f60001": things.subnet_ids[0],
        "subnet-0a1b2c3d4e5f60002": things.subnet_ids[1],
        "sg-0a1b2c3d4e5f60d01": group,
        "sg-0a1b2c3d4e5f60d02": group,
        "rtb-0a1b2c3d4e5f60001": tables[0]["RouteTableId"],
        "111122223333": account,
    }
    for file in [*copy.glob("params/**/*.yaml"), *copy.glob("out/*.yaml")]:
        text = file.read_text()
        for ours, theirs in there.items():
            text = text.replace(ours, theirs)
        file.write_text(text)
    client("sqs").create_queue(QueueName="reports")
    client("s3").create_bucket(
        Bucket=f"billing-templates-{account}",
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    return copy


@pytest.mark.parametrize("name", BY_NAME)
def test_it_is_deployed(
    name: str, checkout_of_example: Path, client: Callable[[str], Any], command: Run
) -> None:
    copy = checkout_of_example
    review = str(copy / "review.json")
    code, out, err = command("review", f"dev/{name}", "--output", review, root=copy)
    assert code == 2, out + err
    code, out, err = command("execute", review, root=copy)
    assert code == 0, out + err
    [stack] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    code, out, err = command("verify", f"dev/{name}", root=copy)
    assert code == 0, "\n".join(each for each in out.splitlines() if "PASS" not in each) + err
