"""A stack whose names CloudFormation made, as the CDK does unless told otherwise, is adopted."""

import ast
import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import adopting, deployed
from tests.adopter.test_adopt import keep, physical
from tests.conftest import Run
from workerstack.localaws import surroundings

NAME = "dev/webordinary-edit"
TEMPLATE = deployed.TEMPLATES / "cdk-generated-names.template.json"


def values(things: surroundings.Surroundings) -> dict[str, str]:
    return {
        "VpcId": things.vpc_id, "VpcCidr": surroundings.CIDR,
        "PublicSubnetA": things.subnet_ids[0], "PublicSubnetB": things.subnet_ids[1],
    }  # fmt: skip


def fill_in(checkout: Path, things: surroundings.Surroundings) -> Iterator[str]:
    """Writes a value for each open line; gives its name before."""
    file = checkout / f"params/{NAME}.yaml"
    filled = {
        "AccessPointId": things.access_point_id, "FileSystemId": things.file_system_id,
        "FileSystemSecurityGroupId": things.file_system_security_group_id,
        "LogRetentionDays": "365",
    }  # fmt: skip
    for name, value in filled.items():
        yield name
        text = re.sub(rf"(?m)^  # {name}: .*$", f"  {name}: {value}", file.read_text())
        file.write_text(text)


@pytest.fixture
def generated(
    client: Callable[[str], Any], things: surroundings.Surroundings, checkout: Path
) -> Path:
    client("ssm").put_parameter(Name=deployed.BOOTSTRAP, Value="21", Type="String", Overwrite=True)
    text = TEMPLATE.read_text()
    deployed.create(client("cloudformation"), "webordinary-edit", text, values(things), {})
    (checkout / "params/dev/webordinary-edit.yaml").unlink()
    return checkout


def test_names_that_cloudformation_made_are_left_out_and_nothing_is_replaced(
    generated: Path, command: Run, client: Callable[[str], Any], things: surroundings.Surroundings
) -> None:
    before = physical(client)
    assert command("init", "dev", "--from-stack", "webordinary-edit")[0] == 1
    for name in fill_in(generated, things):
        code, _, err = command("adopt", NAME)
        assert (code, f"{name} was left open" in err) == (1, True), err
        assert command("review", NAME)[0] == 1
    code, out, err = command("adopt", NAME)
    assert code == 2, err
    found = re.search(r"(?ms)^  kept=(\{.*^  \}),$", out)
    assert found
    kept = ast.literal_eval(found[1])
    assert kept["Cluster"] == {"ClusterName": None}
    assert kept["Service"] == {"ServiceName": None}
    assert kept["LogGroup"] == {"LogGroupName": None}
    keep(generated, kept)
    code, _, err = command("adopt", NAME)
    assert (code, "Unknown parameter ClusterName" in err) == (1, True), err
    file = generated / f"params/{NAME}.yaml"
    file.write_text(re.sub(r"(?m)^  (?:Cluster|Service|LogGroup)Name: .*\n", "", file.read_text()))
    renaming, review = str(generated / "a.json"), str(generated / "r.json")
    code, out, err = command("adopt", NAME, "--output", renaming)
    print(out[out.index("Predicted") :][:3000])
    assert re.findall(r"(?m)^  (\w+) is replaced$", out) == ["TaskDefinition"]
    assert command("execute", renaming)[0] == 0
    code, out, err = command("review", NAME, "--format", "json", "--output", review)
    assert code == 2, err
    changes = {each["logical_id"]: each["replacement"] for each in json.loads(out)["resources"]}
    assert [name for name, each in changes.items() if each == "True"] == ["TaskDefinition"]
    blocking = [each for each in json.loads(out)["findings"] if each["level"] == "blocking"]
    allowed = [f"--allow={each['id']}:{each['logical_id']}" for each in blocking]
    code, out, err = command("execute", review, *allowed)
    assert code == 0, out + err
    now = physical(client)
    for ours, theirs in {
        "Cluster": "EditClusterBDED9D7D",
        "LogGroup": "EditWorkerQueueProcessingTaskDefwebordinaryeditLogGroupDB04B5B2",
        "Service": "EditWorkerQueueProcessingFargateService1D5F49FD",
    }.items():
        assert now[ours] == before[theirs]
    code, _, err = command("review", NAME)
    assert (code, "No changes" in err) == (0, True)


CLUSTER = """
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: shared}}
"""


def in_a_shared_cluster(client: Callable[[str], Any], things: surroundings.Surroundings) -> str:
    """Deploys the stack in the cluster of another one; the ARN of its service."""
    cloudformation = client("cloudformation")
    cloudformation.delete_stack(StackName="webordinary-edit")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="webordinary-edit", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    deployed.create(cloudformation, "clusters", CLUSTER, {}, {})
    template = json.loads(TEMPLATE.read_text())
    del template["Resources"]["EditClusterBDED9D7D"]
    text = json.dumps(template).replace('{"Ref": "EditClusterBDED9D7D"}', '"shared"')
    deployed.create(cloudformation, "webordinary-edit", text, values(things), {})
    return physical(client)["EditWorkerQueueProcessingFargateService1D5F49FD"]


def test_a_cluster_of_another_stack_is_not_made_a_second_time(
    generated: Path, command: Run, client: Callable[[str], Any], things: surroundings.Surroundings
) -> None:
    """Copilot's form: ECS would give the cluster of that name, and the stack would delete it."""
    in_a_shared_cluster(client, things)
    assert command("init", "dev", "--from-stack", "webordinary-edit")[0] == 1
    list(fill_in(generated, things))
    code, _, err = command("adopt", NAME)
    assert code == 3
    assert "The cluster shared is not one of the stack webordinary-edit" in err
    assert 'cluster="imported" in the Worker' in err


def test_a_cluster_of_another_stack_is_kept_where_it_is(
    generated: Path, command: Run, client: Callable[[str], Any], things: surroundings.Surroundings
) -> None:
    """Copilot's form, adopted to the end: the service stays in it, and everything is green."""
    service = in_a_shared_cluster(client, things)
    assert command("init", "dev", "--from-stack", "webordinary-edit")[0] == 1
    list(fill_in(generated, things))
    file = generated / f"params/{NAME}.yaml"
    file.write_text(re.sub(r"(?m)^  (?:Service|LogGroup)Name: .*\n", "", file.read_text()))
    assert "  ClusterName: shared\n" in file.read_text()
    imported = dataclasses.replace(adopting.EDIT, cluster="imported")
    kept: Any = {"Service": {"ServiceName": None}, "LogGroup": {"LogGroupName": None}}
    adopting.keep(generated, imported, kept)
    code, out, err = command("adopt", NAME)
    assert code == 2, out + err
    said = re.search(r"(?ms)^  kept=(\{.*^  \}),$", out)
    assert said, out
    adopting.keep(generated, imported, kept | ast.literal_eval(said[1]))
    renaming, review = str(generated / "a.json"), str(generated / "r.json")
    code, out, err = command("adopt", NAME, "--output", renaming)
    assert code == 2, out + err
    assert re.findall(r"(?m)^  (\w+) is replaced$", out) == ["TaskDefinition"]
    assert command("execute", renaming)[0] == 0
    code, out, err = command("review", NAME, "--format", "json", "--output", review)
    assert code == 2, err
    found = json.loads(out)
    assert {each["status"] for each in found["needs"] if each["id"] == "cluster"} == {"PASS"}
    replaced = [each["logical_id"] for each in found["resources"] if each["replacement"] == "True"]
    assert replaced == ["TaskDefinition"]
    blocking = [each for each in found["findings"] if each["level"] == "blocking"]
    allowed = [f"--allow={each['id']}:{each['logical_id']}" for each in blocking]
    code, out, err = command("execute", review, *allowed)
    assert code == 0, out + err
    assert physical(client)["Service"] == service
    assert "Cluster" not in physical(client)
    code, out, err = command("verify", NAME)
    assert code == 0, out + err
    code, _, err = command("review", NAME)
    assert (code, "No changes" in err) == (0, True)
    [cluster] = client("ecs").describe_clusters(clusters=["shared"])["clusters"]
    assert cluster["status"] == "ACTIVE"
    assert command("prove", NAME)[0] == 0
