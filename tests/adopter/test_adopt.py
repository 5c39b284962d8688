"""Stacks that other tools built become ours, in place, over real HTTP."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ministack.services import cloudformation

import templates
from templates import workers
from tests import deployed
from tests.conftest import Run
from workerstack.lint.rendering import render
from workerstack.localaws import refactoring, surroundings
from workerstack.review import file as review_file

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
    return printed.rpartition("./deploy.py execute ")[2].split()[0]


@pytest.fixture(autouse=True)
def long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert (code, "All resources have the logical IDs of out/" in err) == (0, True), err

    code, out, err = command("review", NAME, "--format", "json")
    assert code == 2, err
    changes = json.loads(out)["resources"]
    removed = {each["logical_id"] for each in changes if each["action"] == "Remove"}
    replaced = {each["logical_id"] for each in changes if each["replacement"] == "True"}
    assert removed == WEB_SERVING
    assert replaced == {"TaskDefinition"}
    file = err.partition("./deploy.py execute ")[2].split()[0]
    code, _, err = command("execute", file, *blocked(file))
    assert code == 0, err
    end = physical(client)
    assert set(end) == {*CDK, "ExecutionRolePolicy", "TaskRolePolicy"}
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
    new = out.partition("New: no match in the deployed stack\n")[2].partition("\n\n")[0]
    assert new.replace(",", " ").split() == [
        "DeadLetterAlarm", "DeadLetterQueuePolicy", "ExecutionRolePolicy", "QueuePolicy",
        "TaskRolePolicy",
    ]  # fmt: skip
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
    ("words", "code", "what"),
    [
        (["--map", "Queue"], 1, "'Queue' maps nothing"),
        (["--map", "Queue=Jobs", "--map", "Queue=DeadJobs"], 1, "Queue is mapped twice"),
        (["--map", "Queu=Jobs"], 1, "There is no resource Queu"),
        (["--map", "Queue=Job"], 1, "There is no resource Job"),
        (["--map", "Queue=MyTask"], 3, "MyTask cannot be Queue"),
        (["--map", "Queue=Jobs", "--map", "DeadLetterQueue=Jobs"], 3, "Jobs cannot be both"),
        (["--map", "Cluster=MyTask"], 3, "MyTask cannot be Cluster"),
        (["--import", "DeadLetterAlarm"], 1, "DeadLetterAlarm cannot be imported"),
        (["--allow", "x:Y"], 3, "There is no blocking finding x:Y"),
        (["--import", "ScaleInPolicy", "--allow", "x:Y"], 3, "There is no blocking finding x:Y"),
    ],
)
def test_mappings_that_cannot_be(
    words: list[str],
    code: int,
    what: str,
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
) -> None:
    before = thumbnails({})
    ended, _, err = command("adopt", THUMBNAILS, *words)
    assert ended == code
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
    assert (code, "are swapped" in err) == (3, True), err
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
    assert (code, "are swapped" in err) == (3, True), err
    nothing_changed(client, "thumbnails", before)


def test_an_export_that_is_imported_is_refused(
    client: Client, cdk_template: str, checkout: Path, command: Run
) -> None:
    assert cdk_template
    client("cloudformation").create_stack(
        StackName="neighbour",
        TemplateBody="Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName:"
        " !ImportValue WebordinaryEditClusterName}}}",
    )
    client("cloudformation").get_waiter("stack_create_complete").wait(
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


def blocked(file: str) -> list[str]:
    """What lets through the blocking findings of a review; a renaming has none.

    The endpoint takes what refers to a resource for changed where only its policy changes.
    """
    findings = json.loads(Path(file).read_text()).get("review", {}).get("findings", [])
    return [
        f"--allow={each['id']}:{each['logical_id']}"
        for each in findings
        if each["level"] == "blocking"
    ]


def test_what_cannot_be_refactored_is_retained_removed_and_imported(
    client: Client,
    cdk_template: str,
    checkout: Path,
    command: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert cdk_template
    keep(checkout)
    before = physical(client)
    moved = {"LogGroup": "/ecs/webordinary/edit", "TaskRole": before[CDK["TaskRole"]]}
    monkeypatch.setattr(refactoring, "UNSUPPORTED", {"AWS::Logs::LogGroup", "AWS::IAM::Role"})
    code, _, err = command("adopt", NAME)
    assert (code, "CloudFormation cannot refactor" in err) == (3, True), err
    nothing_changed(client, "webordinary-edit", before)
    words = [f"--import={each}" for each in (*moved, "ExecutionRole")]
    steps = []
    for _ in range(9):
        code, out, err = command("adopt", NAME, *words)
        if code == 0:
            break
        words = []
        assert code == 2, err
        steps.append(file_of(err).rpartition("-")[2])
        if len(steps) == 1:
            assert "Four reviewed steps take the place of one" in out
            assert physical(client) == before
        if steps[-1] != "rename.json":
            only_the_step_of_the_mapping_is_executed(file_of(err), steps[-1], checkout, command)
        if accepted := blocked(file_of(err)):
            assert "--allow" in err
            code, _, err = command("adopt", NAME, *accepted)
            assert (code, "--allow" in err) == (2, False), err
        code, _, err = command("execute", file_of(err))
        assert code == 0, err
        held = {e["RoleName"] for e in client("iam").list_roles()["Roles"]}
        assert {moved["TaskRole"], before[CDK["ExecutionRole"]]} <= held
    assert steps == ["retain.json", "remove.json", "rename.json", "import.json"]
    after = physical(client)
    assert {ours: after[ours] for ours in CDK} == {ours: before[CDK[ours]] for ours in CDK}
    answer = client("cloudformation").get_template(StackName="webordinary-edit")
    template = answer["TemplateBody"]
    [stack] = client("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"]
    assert stack["Tags"] == [{"Key": "Environment", "Value": "dev"}]
    assert not [each for each in template.get("Outputs", {}) if each.startswith("Adopted")]

    code, out, err = command("review", NAME, "--format", "json")
    assert code == 2, err
    changes = json.loads(out)["resources"]
    assert {e["logical_id"] for e in changes if e["replacement"] == "True"} == {"TaskDefinition"}
    assert {e["logical_id"] for e in changes if e["action"] == "Remove"} == WEB_SERVING


def only_the_step_of_the_mapping_is_executed(
    file: str, step: str, checkout: Path, command: Run
) -> None:
    """Neither another step's name in the file, nor another resource in the mapping."""
    written = json.loads(Path(file).read_text())["review"]
    for adoption, words in (("", "was"), ("rename", "no review"), ("import", "the step of the")):
        if adoption + ".json" == step:
            continue
        review = {**written, "adoption": adoption}
        crafted = Path(file).with_name("crafted.json")
        crafted.write_text(json.dumps({"digest": review_file.digest(review), "review": review}))
        code, _, err = command("execute", str(crafted), *blocked(file))
        assert (code, words in err) == (1 if adoption == "rename" else 3, True), err
    # What is retained or removed is named by its logical id; a physical id is what is imported.
    if step == "import.json":
        mapping = checkout / "params/dev/adopt/webordinary-edit.yaml"
        text = mapping.read_text()
        for old, new, words in (
            ("physical-id: /ecs/webordinary/edit", "physical-id: /x", "the import of LogGroup was"),
            (
                "LogGroupName: /ecs/webordinary/edit",
                "LogGroupName: /x",
                "webordinary-edit.yaml was",
            ),
        ):
            assert old in text
            mapping.write_text(text.replace(old, new))
            code, _, err = command("execute", file, *blocked(file))
            assert (code, words in err) == (3, True), err
        mapping.write_text(text)


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "ROLLBACK_COMPLETE"])
def test_a_stack_in_a_failed_state_is_refused(
    status: str, client: Client, cdk_template: str, command: Run, account: str
) -> None:
    assert cdk_template
    before = physical(client)
    [stack] = [each for key, each in cloudformation._stacks._data.items() if account in key]
    stack["StackStatus"] = status
    code, _, err = command("adopt", NAME)
    assert code == 3
    assert err.startswith(f"The stack webordinary-edit is in {status}")
    nothing_changed(client, "webordinary-edit", before)


def tampered_file(path: str, *place: str | int, value: object) -> None:
    content = json.loads(Path(path).read_text())
    inner = content["renaming"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    content["digest"] = review_file.digest(content["renaming"])
    Path(path).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        (("version",), 3, "The renaming has another format: this version reads format 2"),
        (("where", "account"), "999999999999", "the account"),
        (("where", "region"), "eu-west-1", "the region"),
        (("where", "stack_id"), "another", "the stack was another"),
        (("binding", "mapping_digest"), "0", "params/dev/adopt/thumbnails.yaml was"),
        (("binding", "deployed_digest"), "0", "the deployed template was"),
        (("binding", "stack_status"), "IMPORT_COMPLETE", "the stack's status"),
        (("binding", "stack_last_updated"), "2020", "the stack's last update"),
        (("binding", "actions_digest"), "0", "the list of actions"),
        (("where", "stack_name"), "another", "the stack's name was another"),
        (("refactor_id",), "another", "the refactoring's id was another"),
        (("binding", "template_digest"), "0", "the refactoring's description was"),
        (("renamed", 0, "because"), "certain", "what is said of"),
        (("renamed", 0, "physical_id"), "another", "what is said of"),
        (("renamed",), [], "the list of names was"),
    ],
)
def test_only_what_was_proposed_is_executed(
    place: tuple[str | int, ...],
    value: object,
    what: str,
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
) -> None:
    before = thumbnails({})
    _, _, err = command("adopt", THUMBNAILS)
    file = file_of(err)
    tampered_file(file, *place, value=value)
    code, _, err = command("execute", file)
    assert (code, what in err) == (3, True), err
    nothing_changed(client, "thumbnails", before)


def test_an_edited_renaming_is_refused(
    thumbnails: Callable[[dict[str, str]], dict[str, str]], command: Run
) -> None:
    thumbnails({})
    file = file_of(command("adopt", THUMBNAILS)[2])
    Path(file).write_text(Path(file).read_text().replace('"Queue"', '"Queues"'))
    code, _, err = command("execute", file)
    assert (code, "The review was edited" in err) == (3, True), err


def test_a_stack_that_changed_meanwhile_makes_a_renaming_stale(
    client: Client, thumbnails: Callable[[dict[str, str]], dict[str, str]], command: Run
) -> None:
    before = thumbnails({})
    file = file_of(command("adopt", THUMBNAILS)[2])
    client("cloudformation").update_stack(
        StackName="thumbnails",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "MaxCount", "ParameterValue": "7"},
            {"ParameterKey": "Vpc", "UsePreviousValue": True},
            {"ParameterKey": "Subnets", "UsePreviousValue": True},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    client("cloudformation").get_waiter("stack_update_complete").wait(
        StackName="thumbnails", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    code, _, err = command("execute", file)
    assert (code, "The proposal is out of date" in err) == (3, True), err
    assert physical(client, "thumbnails") == before


def test_a_renaming_is_executed_once_and_may_be_dropped(
    client: Client, thumbnails: Callable[[dict[str, str]], dict[str, str]], command: Run
) -> None:
    before = thumbnails({})
    file = file_of(command("adopt", THUMBNAILS)[2])
    code, _, err = command("discard", file)
    assert (code, Path(file).exists()) == (0, False), err
    assert physical(client, "thumbnails") == before
    file = file_of(command("adopt", THUMBNAILS)[2])
    assert command("execute", file)[0] == 0
    # Begun already: only its end is looked at.
    code, _, err = command("execute", file)
    assert (code, "Renamed" in err) == (0, True), err


def test_what_stands_in_the_file_must_still_be_so(
    thumbnails: Callable[[dict[str, str]], dict[str, str]], command: Run, checkout: Path
) -> None:
    thumbnails({})
    command("adopt", THUMBNAILS)
    file = checkout / "params/dev/adopt/thumbnails.yaml"
    text = file.read_text()
    for before, after, ends, what in (
        ("is: Jobs", "is: Gone", 3, "the stack has no Gone"),
        ("physical-id: thumbnails-cluster", "physical-id: other", 3, "physical-id here is other"),
        ("is: Jobs", "iss: Jobs", 1, "has a wrong value"),
    ):
        assert before in text
        file.write_text(text.replace(before, after))
        code, _, err = command("adopt", THUMBNAILS)
        assert code == ends
        assert what in err
        assert "params/dev/adopt/thumbnails.yaml:" in err
    file.write_text(text)
    assert command("adopt", THUMBNAILS)[0] == 2


class Person(io.StringIO):
    """Somebody at a terminal, who types these lines."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_somebody_answers(
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thumbnails(AMBIGUOUS)
    monkeypatch.setattr("sys.stdin", Person("nonsense\nJobsWaiting\n"))
    code, out, err = command("adopt", THUMBNAILS)
    assert code == 2, err
    assert err.startswith("BacklogAlarm (AWS::CloudWatch::Alarm) may be one of these:\n")
    assert "  BacklogAlarm is JobsWaiting\n      given" in out
    # One answer tells the role of the others.
    assert "  ScaleOutPolicy is MoreTasks\n      likely: the same role" in out
    assert "  ScaleInPolicy is FewerTasks\n      likely: the same role" in out


def test_on_a_terminal_somebody_agrees_to_the_import(
    client: Client,
    thumbnails: Callable[[dict[str, str]], dict[str, str]],
    command: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = thumbnails({})
    monkeypatch.setattr(refactoring, "UNSUPPORTED", {"AWS::Logs::LogGroup"})
    monkeypatch.setattr("sys.stdin", Person("n\n"))
    code, _, err = command("adopt", THUMBNAILS)
    assert (code, "cannot refactor LogGroup" in err) == (3, True)
    monkeypatch.setattr("sys.stdin", Person("y\n"))
    code, out, err = command("adopt", THUMBNAILS)
    assert code == 2, err
    assert "sets LogGroup to be retained" in out
    assert "-adopt-retain.json" in err
    assert physical(client, "thumbnails") == before


def test_a_name_that_another_resource_has_is_refused(
    client: Client, thumbnails: Callable[[dict[str, str]], dict[str, str]], command: Run
) -> None:
    before = thumbnails({"JobPolicy": "Cluster"})
    code, _, err = command("adopt", THUMBNAILS)
    assert (code, "MyCluster cannot become Cluster" in err) == (3, True), err
    nothing_changed(client, "thumbnails", before)


def test_a_name_that_a_parameter_has_is_refused(
    client: Client, thumbnails: Callable[[dict[str, str]], dict[str, str]], command: Run
) -> None:
    before = thumbnails({"ImageTag": "Queue"})
    code, _, err = command("adopt", THUMBNAILS)
    assert (code, "a parameter, condition or mapping has that name" in err) == (3, True), err
    nothing_changed(client, "thumbnails", before)
