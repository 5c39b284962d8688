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


@pytest.fixture(autouse=True)
def short_waits_and_long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.clock.SHORTEST", 0.05)
    monkeypatch.setenv("COLUMNS", "100")


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


def test_what_would_be_replaced_and_how_to_keep_it(
    client: Client, cdk_template: str, checkout: Path, command: Run
) -> None:
    assert cdk_template
    _, out, err = command("adopt", NAME, "--format", "json")
    found = json.loads(out)
    kept: dict[str, dict[str, str]] = {}
    for each in found["replaced"]:
        if each["kept"]:
            kept.setdefault(each["logical_id"], {})[each["name"]] = each["before"]
    assert kept == KEPT
    assert {each["logical_id"] for each in found["replaced"]} == {
        "FileSystemIngress", "TaskDefinition", *KEPT,
    }  # fmt: skip
    [ingress] = [each for each in found["replaced"] if each["logical_id"] == "FileSystemIngress"]
    assert ingress["because"] == "WorkerSecurityGroup is replaced"
    text = (checkout / "out/webordinary-edit.template.yaml").read_text()
    (checkout / "out/webordinary-edit.template.yaml").write_text(
        text.replace("Default: webordinary-edit-service", "Default: another-service")
    )
    _, out, err = command("adopt", NAME)
    assert "Service is replaced" in out, err
    assert (
        "keep it: ServiceName: webordinary-edit-service in params/dev/webordinary-edit.yaml" in out
    )
    assert '\n  kept={\n      "ScaleInPolicy": {"PolicyName": "Webordinary' in out
    assert physical(client).keys() == {*CDK.values(), *WEB_SERVING}


def nothing_changed(client: Client, stack: str, before: dict[str, str]) -> None:
    assert physical(client, stack) == before
    assert client("cloudformation").list_change_sets(StackName=stack)["Summaries"] == []


THUMBNAILS = "dev/thumbnails"


@pytest.fixture
def thumbnails(
    client: Client, checkout: Path, things: surroundings.Surroundings
) -> Callable[[dict[str, str]], dict[str, str]]:
    """Deploys the hand-written worker, with texts of it exchanged; what is there then."""

    def deploy(changes: dict[str, str]) -> dict[str, str]:
        (checkout / "params/dev/thumbnails.yaml").write_text(
            "template-file-path: out/thumbnails.template.yaml\nparameters:\n"
            f"  VpcId: {things.vpc_id}\n  SubnetIds: [{', '.join(things.subnet_ids)}]\n"
        )
        deployed.deploy_hand_written(client, things, changes=changes)
        return physical(client, "thumbnails")

    return deploy


def test_the_hand_written_stack_is_adopted(
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
) -> None:
    before = thumbnails({})
    code, out, err = command("adopt", THUMBNAILS)
    assert code == 2, err
    assert "New, since nothing deployed is it\n  DeadLetterAlarm\n" in out
    code, _, err = command("execute", file_of(err))
    assert code == 0, err
    after = physical(client, "thumbnails")
    assert sorted(after.values()) == sorted(before.values())
    assert (after["Queue"], after["DeadLetterQueue"]) == (before["Jobs"], before["DeadJobs"])
    code, out, err = command("review", THUMBNAILS, "--format", "json")
    gone = {e["logical_id"] for e in json.loads(out)["resources"] if e["action"] == "Remove"}
    assert (code, gone) == (2, {"JobPolicy"}), err


AMBIGUOUS = {
    # Two policies that step up, two alarms: nothing tells which is ours.
    "PolicyName: fewer-tasks": "PolicyName: more-of-them",
    "{ MetricIntervalUpperBound: 0, ScalingAdjustment: -1 }": "{ MetricIntervalLowerBound: 0,"
    " ScalingAdjustment: 1 }",
    "Cooldown: 60": "Cooldown: 300",
}


def test_an_ambiguous_match_is_a_question(
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
    checkout: Path,
) -> None:
    before = thumbnails(AMBIGUOUS)
    code, out, err = command("adopt", THUMBNAILS)
    assert (code, out) == (3, "")
    assert err.startswith("It is not clear what ")
    assert "--map " in err
    nothing_changed(client, "thumbnails", before)
    assert not (checkout / "params/dev/adopt").exists()
    code, out, err = command(
        "adopt",
        THUMBNAILS,
        "--map",
        "ScaleOutPolicy=MoreTasks",
        "--map",
        "ScaleInPolicy=FewerTasks",
    )
    assert code == 2, err
    assert "ScaleInPolicy is FewerTasks\n      given: it was given" in out
    # What was said once stands in the file from then on.
    code, again, err = command("adopt", THUMBNAILS)
    assert (code, again) == (2, out), err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--map", "Queue"], "'Queue' maps nothing"),
        (["--map", "Queue=Jobs", "--map", "Queue=DeadJobs"], "Queue is mapped twice"),
        (["--map", "Queu=Jobs"], "There is no resource Queu"),
        (["--map", "Queue=Job"], "There is no resource Job"),
        (["--map", "Queue=MyTask"], "MyTask cannot be Queue"),
        (["--map", "Queue=Jobs", "--map", "DeadLetterQueue=Jobs"], "Jobs cannot be both"),
        (["--map", "Cluster=MyTask"], "MyTask cannot be Cluster"),
        (["--import", "DeadLetterAlarm"], "DeadLetterAlarm cannot be imported"),
    ],
)
def test_mappings_that_cannot_be(
    words: list[str],
    what: str,
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
) -> None:
    before = thumbnails({})
    code, _, err = command("adopt", THUMBNAILS, *words)
    assert code in (1, 3)
    assert err.startswith(what)
    nothing_changed(client, "thumbnails", before)


def test_two_resources_are_not_exchanged(
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
) -> None:
    names = {"MoreTasks": "ScaleInPolicy", "FewerTasks": "ScaleOutPolicy"}
    before = thumbnails(names)
    swap = ["--map", "ScaleInPolicy=ScaleOutPolicy", "--map", "ScaleOutPolicy=ScaleInPolicy"]
    code, _, err = command("adopt", THUMBNAILS, *swap)
    assert (code, "would be exchanged" in err) == (3, True), err
    nothing_changed(client, "thumbnails", before)


def test_two_resources_are_not_exchanged_against_their_names(
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
) -> None:
    before = thumbnails(
        {
            "PolicyName: more-tasks": "PolicyName: thumbnails-scale-in",
            "PolicyName: fewer-tasks": "PolicyName: thumbnails-scale-out",
        }
    )
    swap = ["--map", "ScaleInPolicy=FewerTasks", "--map", "ScaleOutPolicy=MoreTasks"]
    code, _, err = command("adopt", THUMBNAILS, *swap)
    assert (code, "would be exchanged" in err) == (3, True), err
    nothing_changed(client, "thumbnails", before)


def test_an_export_that_is_imported_is_refused(
    client: Client, cdk_template: str, checkout: Path, command: Run
) -> None:
    assert cdk_template
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName="neighbour",
        TemplateBody="Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName:"
        " !ImportValue WebordinaryEditClusterName}}}",
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="neighbour", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    before = physical(client)
    code, _, err = command("adopt", NAME)
    assert code == 3
    assert err.startswith("The export WebordinaryEditClusterName is imported by neighbour")
    nothing_changed(client, "webordinary-edit", before)
    assert not (checkout / "params/dev/adopt").exists()


def test_a_stack_policy_is_refused(client: Client, cdk_template: str, command: Run) -> None:
    assert cdk_template
    client("cloudformation").set_stack_policy(
        StackName="webordinary-edit", StackPolicyBody='{"Statement": []}'
    )
    before = physical(client)
    code, _, err = command("adopt", NAME)
    assert code == 3
    assert err.startswith("The stack webordinary-edit has a stack policy")
    nothing_changed(client, "webordinary-edit", before)


def test_a_stack_that_does_not_exist(command: Run) -> None:
    code, _, err = command("adopt", NAME)
    assert (code, "There is no stack webordinary-edit" in err) == (1, True)


def test_without_aws(checkout: Path, command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    code, out, err = command("adopt", NAME, "--template", str(deployed.CDK))
    assert code == 2, err
    for ours, theirs in CDK.items():
        assert f"  {ours} is {theirs}\n" in out
    mapping = (checkout / "params/dev/adopt/webordinary-edit.yaml").read_text()
    assert "physical-id" not in mapping
    code, _, err = command("adopt", NAME, "--template", str(checkout / "nowhere.json"))
    assert (code, "nowhere.json cannot be read" in err) == (1, True)
    # A mapping beside the params files is no deployment.
    code, _, err = command("verify", "dev/adopt")
    assert "Unknown stack adopt" in err
