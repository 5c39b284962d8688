"""A stack in the form that was emitted before goes over in one reviewed change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import deployed
from tests.conftest import ROOT, Run
from workerstack.cloudformation import read
from workerstack.localaws import pushing, surroundings

FORMER = Path(__file__).parent / "templates"
Client = Callable[[str], Any]


def values(worker: str, things: surroundings.Surroundings) -> dict[str, str]:
    network = {"VpcId": things.vpc_id, "SubnetIds": ",".join(things.subnet_ids)}
    if worker == "thumbnails":
        return network
    return network | {
        "VpcCidr": surroundings.CIDR,
        "FileSystemId": things.file_system_id,
        "AccessPointId": things.access_point_id,
        "FileSystemSecurityGroupId": things.file_system_security_group_id,
        "GitHubTokenSecretArn": things.secret_arn,
    }


def physical_ids(client: Client, stack: str) -> dict[str, str]:
    found = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def inline(client: Client, role: str) -> dict[str, Any]:
    iam = client("iam")
    return {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }


@pytest.mark.parametrize("worker", ["webordinary-edit", "thumbnails"])
@pytest.mark.parametrize("said", ["true", "false"])
def test_the_former_form_goes_over(
    worker: str, said: str, command: Run, checkout: Path, client: Client,
    things: surroundings.Surroundings,
) -> None:  # fmt: skip
    if worker == "thumbnails":
        client("ecr").create_repository(repositoryName="example/thumbnails")
        pushing.push(client("ecr"), "example/thumbnails", "latest")
    text = (FORMER / f"{worker}.former.template.yaml").read_text()
    given = values(worker, things)
    deployed.create(
        client("cloudformation"), worker, text, given | {"ServiceExists": said},
        {"Environment": "dev"},
    )  # fmt: skip
    params = checkout / f"params/dev/{worker}.yaml"
    if worker == "thumbnails":
        params.write_text(
            f"template-file-path: out/thumbnails.template.yaml\n"
            f"parameters: {json.dumps(given | {'SubnetIds': list(things.subnet_ids)})}\n"
            f"tags: {{Environment: dev}}\n"
        )
    before = physical_ids(client, worker)
    service = {"cluster": f"{worker}-cluster", "service": f"{worker}-service"}
    client("ecs").update_service(**service, desiredCount=3)

    file = str(checkout / "review.json")
    code, out, err = command("review", f"dev/{worker}", "--output", file)
    assert code == 2, err
    head = "1 to replace, 4 to update, 2 to add"
    assert (head in out) == (worker == "webordinary-edit")
    assert "ServiceExists" in out
    code, out, err = command("execute", file)
    assert code == 0, err

    # Nothing was stopped, and nothing but the task definition is another one.
    [found] = client("ecs").describe_services(
        cluster=service["cluster"], services=[service["service"]]
    )["services"]
    assert found["desiredCount"] == 3
    after = physical_ids(client, worker)
    assert {name for name in before if before[name] != after[name]} <= {"TaskDefinition"}
    added = {"ExecutionRolePolicy", "TaskRolePolicy"}
    added |= {"QueuePolicy", "DeadLetterQueuePolicy"} if worker == "thumbnails" else set()
    assert set(after) - set(before) == added
    assert set(inline(client, after["ExecutionRole"])) == {"execution-rights"}
    assert set(inline(client, after["TaskRole"])) == {"task-rights"}
    code, out, _ = command("verify", f"dev/{worker}")
    assert code == 0, out
    code, out, _ = command("review", f"dev/{worker}")
    assert code == 0, out


def test_no_policy_has_a_name_that_one_inside_of_a_role_had() -> None:
    """A change that fails puts the old ones back, and then deletes the new ones by their names."""
    for file in FORMER.glob("*.former.template.yaml"):
        former = read(file.read_text(), file).data["Resources"]
        now = read((ROOT / "out" / file.name.replace(".former", "")).read_text(), file).data[
            "Resources"
        ]
        for role in ("ExecutionRole", "TaskRole"):
            inside = {each["PolicyName"] for each in former[role]["Properties"]["Policies"]}
            assert now[f"{role}Policy"]["Properties"]["PolicyName"] not in inside
