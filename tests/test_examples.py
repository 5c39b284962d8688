"""The workers of another team, with everything that a specification has: from emitted to deployed.

The templates of examples/invoices are committed; what they must be is what its specification says.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.invoices import workers
from templates import build, build_all
from tests.conftest import REGION, Run
from workerstack.cloudformation import Unknown, read, resolve, surroundings
from workerstack.cloudformation.schemas import is_tagged
from workerstack.commands.generate import generating
from workerstack.lint.rendering import render
from workerstack.localaws.surroundings import Surroundings
from workerstack.simulator.read import read_parameters, read_scaling
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import Message, Trace
from workerstack.specification import Worker

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
    source = "examples/invoices/workers.py"
    text = emitted(worker.name)
    assert render(build(worker).to_dict(), source) == text
    assert text.startswith(f"# Made by generate.py from {source}. ")


def test_it_is_linted_alone_and_with_its_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "copy", ignore=shutil.ignore_patterns(".cache"))
    generate = generating(lambda: build_all(lambda: workers), copy, "examples/invoices/workers.py")
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


# What is emitted


def container(name: str, which: str) -> dict[str, Any]:
    found = resources(name)["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    return next(each for each in found if each["Name"] == which)


def statements(role: str) -> dict[str, dict[str, Any]]:
    document = resources("invoices")[f"{role}Policy"]["Properties"]["PolicyDocument"]
    return {each["Sid"]: each for each in document["Statement"]}


HERE = "${AWS::Region}:${AWS::AccountId}"


def test_secrets_are_named_as_ecs_wants_them() -> None:
    found = {
        each["Name"]: each["ValueFrom"] for each in container("invoices", "invoices")["Secrets"]
    }
    by_name = f"arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:invoices/database"
    assert found == {
        "DATABASE_URL": {"Fn::Sub": f"{by_name}:url::"},
        "SIGNING_TOKEN": {"Fn::Sub": "${SigningTokenArn}::AWSPREVIOUS:"},
        "VAT_RATES": {
            "Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{HERE}:parameter/invoices/vat-rates"
        },
        "BANK_ACCOUNT": {"Ref": "BankAccountArn"},
    }
    assert statements("ExecutionRole")["ReadSecrets"]["Resource"] == [
        {"Fn::Sub": by_name}, {"Fn::Sub": f"{by_name}-??????"}, {"Ref": "SigningTokenArn"},
    ]  # fmt: skip
    assert [*statements("ExecutionRole")["ReadParameters"]["Action"]] == ["ssm:GetParameters"]


def test_each_key_is_used_through_its_service_only() -> None:
    found = {**statements("ExecutionRole"), **statements("TaskRole")}
    services = {
        sid: each["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"].partition(".")[0]
        for sid, each in found.items() if sid.startswith("Use")
    }  # fmt: skip
    assert services == {
        "UseSecretsKey": "secretsmanager", "UseParametersKey": "ssm", "UseQueueKey": "sqs",
        "UseDestinationsKey": "sqs", "UseTopicsKey": "sns", "UseBucketsKey": "s3",
    }  # fmt: skip
    for queue in ("Queue", "DeadLetterQueue", "UrgentQueue", "UrgentDeadLetterQueue"):
        body = resources("invoices")[queue]["Properties"]
        assert body["KmsMasterKeyId"] == {"Ref": "QueueKeyArn"}
        assert "SqsManagedSseEnabled" not in body
    assert resources("invoices")["LogGroup"]["Properties"]["KmsKeyId"] == {"Ref": "LogsKeyArn"}


def test_images_of_elsewhere() -> None:
    parts, given = container("invoices", "invoices")["Image"]["Fn::Sub"]
    assert parts.startswith("${Account}.dkr.ecr.${Region}.${AWS::URLSuffix}/")
    assert (given["Account"], given["Region"]) == ({"Ref": "ImageAccount"}, {"Ref": "ImageRegion"})
    assert container("reports", "reports")["Image"]["Fn::Sub"][0] == "${Repository}${Reference}"
    assert {"FillCache", "SignInToRegistry"} < statements("ExecutionRole").keys()
    pulled = json.dumps(statements("ExecutionRole")["PullImage"]["Resource"])
    assert "OtelCollector" not in pulled  # it is public
    assert "444455556666" not in pulled
    assert "ecr:${Region}:${Account}:repository" in pulled


def test_spot_with_a_base_on_demand() -> None:
    service = resources("invoices")["Service"]["Properties"]
    assert "LaunchType" not in service
    assert service["CapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Base": {"Ref": "OnDemandBase"}, "Weight": 0},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
    ]
    cluster = resources("invoices")["Cluster"]["Properties"]
    assert cluster["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_the_order_of_containers() -> None:
    waits = {
        name: {each["ContainerName"]: each["Condition"]
               for each in container("invoices", name).get("DependsOn", [])}
        for name in ("invoices", "otel-collector", "migrate")
    }  # fmt: skip
    assert waits == {
        "invoices": {"migrate": "SUCCESS", "otel-collector": "HEALTHY"},
        "otel-collector": {"migrate": "SUCCESS"},
        "migrate": {},
    }
    routed = container("reports", "reports")
    assert routed["DependsOn"] == [{"ContainerName": "log-router", "Condition": "START"}]
    assert routed["LogConfiguration"]["LogDriver"] == "awsfirelens"


def test_ready_made_roles_and_generated_names() -> None:
    made = resources("reports")
    assert not {name for name, body in made.items() if body["Type"].startswith("AWS::IAM")}
    assert made["TaskDefinition"]["Properties"]["TaskRoleArn"] == {"Ref": "TaskRoleArn"}
    given = json.dumps(made)
    for name in ("ClusterName", "ServiceName", "Family", "LogGroupName"):
        assert f'"{name}"' not in given
    assert made["ScalableTarget"]["Properties"]["ResourceId"] == {
        "Fn::Select": [5, {"Fn::Split": [":", {"Ref": "Service"}]}]
    }


def test_a_queue_by_its_arn_is_the_one_of_the_account_and_region() -> None:
    template = read(emitted("reports"), "reports")
    for account, region, name in (
        ("111122223333", "us-west-2", "reports"),
        ("444455556666", "eu-central-1", "monthly-reports"),
    ):
        where = surroundings(account, region, "reports")
        alarm = resolve(template, {}, where).resources["BacklogAlarm"].properties
        assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": name}]
    elsewhere = surroundings("444455556666", "us-west-2", "reports")
    [queue] = resolve(template, {}, elsewhere).resources["BacklogAlarm"].properties["Dimensions"]
    assert isinstance(queue["Value"], Unknown)


def test_tags_are_on_everything_that_takes_them() -> None:
    for name, body in resources("invoices").items():
        if is_tagged(body["Type"]):
            assert {"Key": "CostCenter", "Value": "0815"} in body["Properties"]["Tags"], name


def test_the_sum_of_queues_scales_as_one_queue_would() -> None:
    values = read_parameters((EXAMPLE / "params/dev/invoices.yaml").read_text(), "invoices")
    # Of itself one queue would scale in on what is visible, and two on what is outstanding.
    alone = dataclasses.replace(
        workers.INVOICES, more_queues=(), scale_in_on=workers.INVOICES.scales_in_on,
        drained_minutes=workers.INVOICES.quiet_minutes,
    )  # fmt: skip
    one = build(alone).to_dict()
    given = {name: value for name, value in values.items() if name in one["Parameters"]}
    jobs = Trace.of([Message(60 * minute, 300) for minute in range(60)])
    settings = Settings(heartbeat=60)
    both = [
        simulate(scaling, jobs, settings, horizon=36_000)
        for scaling in (
            read_scaling(emitted("invoices"), "two", values),
            read_scaling(render(one), "one", given),
        )
    ]
    assert [*both[0].series.desired] == [*both[1].series.desired]
    assert both[0].summary.done == both[1].summary.done == 60


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
    if name == "invoices":
        _verify_bounds_that_the_clock_moves(copy, client, command)
        role = client("iam").list_roles(PathPrefix="/workers/")["Roles"][0]["RoleName"]
        assert "PermissionsBoundary" in client("iam").get_role(RoleName=role)["Role"]


def _verify_bounds_that_the_clock_moves(
    copy: Path, client: Callable[[str], Any], command: Run
) -> None:
    """A scheduled action sets the minimum to 1; nobody's action sets it to 3."""
    target = {
        "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": "service/invoices-cluster/invoices-service",
    }  # fmt: skip
    client("application-autoscaling").register_scalable_target(**target, MinCapacity=1)
    assert command("verify", "dev/invoices", root=copy)[0] == 0
    client("application-autoscaling").register_scalable_target(**target, MinCapacity=3)
    code, out, _ = command("verify", "dev/invoices", root=copy)
    assert code == 1
    assert "MinCapacity is 3 instead of 0" in out
    assert """--tags '{"CostCenter": "0815", "Team": "billing"}'""" in out
