"""Stacks that other tools built become ours, in place, over real HTTP."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import templates
from generator.rendering import render
from localaws import surroundings
from templates import workers
from tests import deployed
from tests.conftest import Run

Client = Callable[[str], Any]
NAME = "dev/webordinary-edit"
PREFIX = "EditServiceTaskCountTargetQueueScaling"
KEPT = {
    "WorkerSecurityGroup": {"GroupDescription": "WebordinaryEditStack/EditService/SecurityGroup"},
    "ScaleInPolicy": {"PolicyName": f"WebordinaryEditStack{PREFIX}LowerPolicy69DE062B"},
    "ScaleOutPolicy": {"PolicyName": f"WebordinaryEditStack{PREFIX}UpperPolicy4F87E135"},
}
"""What the report of `adopt` says that a worker can keep."""

CDK = {
    "BacklogAlarm": f"{PREFIX}UpperAlarmEA9293BC",
    "Cluster": "EditClusterBDED9D7D",
    "DrainedAlarm": f"{PREFIX}LowerAlarm018E4DB8",
    "ExecutionRole": "EditTaskExecutionRole165AF16B",
    "FileSystemIngress": "WorkspaceSecurityGroupfromWebordinaryEditStackEditService"
    "SecurityGroup8CDD98AD20492953EBC3",
    "LogGroup": "EditLogGroupEA631373",
    "ScalableTarget": "EditServiceTaskCountTarget4C3DCEEA",
    "ScaleInPolicy": f"{PREFIX}LowerPolicyEB5DE9A6",
    "ScaleOutPolicy": f"{PREFIX}UpperPolicyDB8C9C1D",
    "Service": "EditService9219ACC9",
    "TaskDefinition": "EditTask7A6478CA",
    "TaskRole": "EditTaskTaskRole2A097491",
    "WorkerSecurityGroup": "EditServiceSecurityGroup4E683316",
}
WEB_SERVING = {
    "CDKMetadata", "EditClusterDefaultServiceDiscoveryNamespaceCB8D6F13",
    "EditServiceCloudmapServiceD75EB9AB",
    "EditServiceSecurityGroupfromWebordinaryEditStackListenerSecurityGroupA06EE9698080E2FEE762",
    "EditServiceTaskCountTargetCpuScalingBBC8AC19",
    "EditServiceTaskCountTargetMemoryScaling0885631B",
    "EditServiceTaskCountTargetRequestScaling431B3667", "EditTargetGroup895B1B95",
    "EditTaskExecutionRoleDefaultPolicy99C51102", "EditTaskTaskRoleDefaultPolicy06CC39A9",
    "ListenerEditRule9777C955",
}  # fmt: skip


def physical(client: Client, stack: str = "webordinary-edit") -> dict[str, str]:
    found = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def keep(checkout: Path, kept: dict[str, dict[str, str]] = KEPT) -> None:
    worker = dataclasses.replace(workers.EDIT, kept=kept)
    text = render(templates.build(worker).to_dict())
    (checkout / "out/webordinary-edit.template.yaml").write_text(text)


def file_of(printed: str) -> str:
    return printed.rpartition("./deploy.py execute ")[2].strip()


def test_the_cdk_stack_is_adopted_reviewed_and_verified(
    client: Client, cdk_template: str, checkout: Path, command: Run
) -> None:
    before = physical(client)
    keep(checkout)
    code, out, err = command("adopt", NAME)
    assert code == 2, err
    for ours, theirs in CDK.items():
        assert f"  {ours} is {theirs}\n" in out
    assert physical(client) == before
    assert (checkout / "params/dev/adopt/webordinary-edit.yaml").exists()

    code, _, err = command("execute", file_of(err))
    assert code == 0, err
    after = physical(client)
    assert {ours: after[ours] for ours in CDK} == {ours: before[CDK[ours]] for ours in CDK}
    assert {each: after[each] for each in WEB_SERVING} == {
        each: before[each] for each in WEB_SERVING
    }
    assert set(after) == {*CDK, *WEB_SERVING}
    assert cdk_template != ""

    code, out, err = command("adopt", NAME)
    assert (code, "Everything has our names" in err) == (0, True), err

    code, out, err = command("review", NAME, "--format", "json")
    assert code == 2, err
    changes = json.loads(out)["resources"]
    removed = {each["logical_id"] for each in changes if each["action"] == "Remove"}
    replaced = {each["logical_id"] for each in changes if each["replacement"] == "True"}
    assert removed == WEB_SERVING
    assert replaced == {"TaskDefinition"}
    allowed = [
        f"--allow={each['id']}:{each['logical_id']}"
        for each in json.loads(out)["findings"]
        if each["level"] == "blocking"
    ]
    file = err.partition("./deploy.py execute ")[2].split("\n")[0]
    code, _, err = command("execute", file, *allowed)
    assert code == 0, err
    end = physical(client)
    assert set(end) == set(CDK)
    assert {n for n in CDK if end[n] != after[n]} == {"TaskDefinition"}
    code, out, err = command("verify", NAME)
    assert code == 0, out + err
