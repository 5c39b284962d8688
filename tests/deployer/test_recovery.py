"""Every state of a stack has a way out, and nothing is taken that was not asked for."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.conftest import ROOT, Run
from tests.deployer.test_watch import STACK, START
from tests.review.test_several import QUEUE, small
from workerstack import deployments
from workerstack.deployer import earlier, history, undo
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import StackEvent
from workerstack.deployer.stack import OWNER, StackDescription
from workerstack.deployer.stack_states import DELETED, TAKEN_BACK
from workerstack.problem import Problem, Refusal

BROKEN = """
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    DependsOn: Queue
    Properties: {GroupId: sg-0123456789abcdef0, IpProtocol: tcp, FromPort: 1, ToPort: 1,
                 CidrIp: 10.0.0.0/8}
"""
NETWORK = "  Network: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}\n"
OURS = [{"Key": OWNER, "Value": "dev/one"}]


def commit(checkout: Path, message: str) -> str:
    """Commits all and gives the commit."""

    def git(*words: str) -> str:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        done = subprocess.run(
            ["git", "-C", str(checkout), *name, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "--all", "--", "out", "params")
    git("commit", "--quiet", "--message", message)
    return git("rev-parse", "HEAD")


def deploy(command: Run, checkout: Path, *words: str) -> None:
    file = str(checkout / "r.json")
    code, out, err = command(*(words or ("review", "dev/one")), "--output", file)
    assert code == 2, out + err
    code, out, err = command("execute", file)
    assert code == 0, out + err


def seconds(client: Callable[[str], Any]) -> str:
    sqs, cloudformation = client("sqs"), client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName="one", LogicalResourceId="Queue")
    url = found["StackResourceDetail"]["PhysicalResourceId"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(answer["Attributes"]["VisibilityTimeout"])


def status(client: Callable[[str], Any], name: str = "one") -> str:
    found = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return str(found["StackStatus"])


def test_back_to_what_was_deployed_before_found_in_git_by_its_digest(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one", seconds=30)
    first = commit(checkout, "30 seconds")
    deploy(command, checkout)
    code, _, err = command("rollback", "dev/one")
    assert code == 1
    assert "There is nothing to go back to" in err
    small(checkout, "one", seconds=60)
    commit(checkout, "60 seconds")
    deploy(command, checkout)
    assert seconds(client) == "60"
    code, out, err = command("rollback", "dev/one", "--output", str(checkout / "back.json"))
    assert code == 2
    assert f"Going back to revision {first[:7]} of 2" in err
    assert 'UTC, "30 seconds".' in err
    assert "Difference: Seconds 60 -> 30; the template, in Parameters only." in err
    assert "VisibilityTimeout" in out
    assert "git revert --no-edit" in err
    code, out, err = command("execute", str(checkout / "back.json"))
    assert code == 0, out + err
    assert seconds(client) == "30"
    code, _, err = command("rollback", "dev/one", "--to", first)
    assert code == 0
    assert "matches that deployment" in err
    assert command("review", "dev/one")[0] == 2
    # The last change but one is now the one with 60 seconds.
    code, _, err = command("rollback", "dev/one")
    assert code == 2, err


def test_back_to_a_revision_with_its_values_and_today_s_target(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one")
    file = checkout / "params/dev/one.yaml"
    file.write_text(file.read_text().replace("{}", "{Seconds: '45'}"))
    first = commit(checkout, "45 seconds")
    deploy(command, checkout)
    file.write_text(file.read_text().replace("45", "90"))
    commit(checkout, "90 seconds")
    deploy(command, checkout)
    assert seconds(client) == "90"
    deploy(command, checkout, "rollback", "dev/one", "--to", first[:10])
    assert seconds(client) == "45"


@pytest.mark.parametrize(
    ("revision", "why"),
    [("no-such-branch", "There is no revision no-such-branch"), ("HEAD", "has no params/dev/one")],
)
def test_a_revision_that_cannot_be_had_is_said(
    revision: str, why: str, command: Run, checkout: Path
) -> None:
    small(checkout, "one")
    deploy(command, checkout)
    (checkout / "params/dev/one.yaml").rename(checkout / "one.yaml")
    commit(checkout, "not there yet")
    (checkout / "one.yaml").rename(checkout / "params/dev/one.yaml")
    code, _, err = command("rollback", "dev/one", "--to", revision)
    assert code == 1
    assert why in err


def test_a_review_of_an_earlier_version_is_held_by_that_version(
    command: Run, checkout: Path
) -> None:
    small(checkout, "one", seconds=30)
    first = commit(checkout, "30")
    deploy(command, checkout)
    small(checkout, "one", seconds=60)
    commit(checkout, "60")
    deploy(command, checkout)
    file = checkout / "back.json"
    assert command("rollback", "dev/one", "--to", first, "--output", str(file))[0] == 2
    subprocess.run(["rm", "-rf", str(checkout / ".git")], check=True)
    commit(checkout, "another history")
    code, _, err = command("execute", str(file))
    assert code == 1
    assert f"There is no revision {first}" in err


def moment(number: int, state: str, token: str) -> StackEvent:
    return StackEvent(
        f"{number}{state}", f"2026-01-01T12:00:{number:02}", "x", STACK,
        "AWS::CloudFormation::Stack", state, "", token, STACK,
    )  # fmt: skip


NAMES = [f"review-2026010{day}T120000Z-{day}234567{day}-abcd" for day in range(1, 5)]


def test_a_change_that_failed_is_not_what_was_deployed() -> None:
    events = [
        moment(9, "UPDATE_ROLLBACK_COMPLETE", NAMES[3]),
        moment(8, "UPDATE_IN_PROGRESS", NAMES[3]),
        moment(8, "UPDATE_COMPLETE", NAMES[2]),
        moment(7, "UPDATE_IN_PROGRESS", NAMES[2]),
        moment(6, "UPDATE_ROLLBACK_COMPLETE", NAMES[1]),
        moment(6, "UPDATE_IN_PROGRESS", NAMES[1]),
        moment(5, "CREATE_COMPLETE", NAMES[0]),
    ]
    begun = [moment(4, "CREATE_IN_PROGRESS", NAMES[0])]
    assert earlier.previous(history.each_of([*events, *begun])).name == NAMES[0]
    with pytest.raises(Problem, match="There is nothing to go back to"):
        earlier.previous(history.each_of(events[:-1]))
    for token in ("", "Console-ExecuteChangeSet-1"):
        others = [moment(5, "CREATE_COMPLETE", token), moment(4, "CREATE_IN_PROGRESS", token)]
        with pytest.raises(Problem, match=r"not made by deploy.py .* Name the revision"):
            earlier.previous(history.each_of([*events[:-1], *others]))


def kept(
    checkout: Path, template: str, parameters: dict[str, str], state: str = "EXECUTE_COMPLETE"
) -> Any:
    """What is gone back to where CloudFormation has kept the change set before."""
    begins = hashlib.sha256(template.encode()).hexdigest()[:8]
    names = [f"review-20260101T120000Z-{begins}-abcd", NAMES[1]]
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    deployment = deployments.load("dev/one", checkout)
    answers = [
        {
            "EventId": str(number),
            "StackId": STACK,
            "StackName": "one",
            "Timestamp": START,
            "PhysicalResourceId": STACK,
            "ResourceType": "AWS::CloudFormation::Stack",
            "ResourceStatus": state,
            "ClientRequestToken": names[number],
        }
        for number in (1, 0)
        for state in ("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS")
    ]
    for number, each in enumerate(answers):
        each["EventId"] = str(number)  # fmt: skip
    values = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
    tags = [{"Key": "Team", "Value": "web"}, *OURS]
    found = {
        "ChangeSetId": "arn:aws:x", "ChangeSetName": names[0], "ExecutionStatus": state,
        "Parameters": values, "Tags": tags,
    }  # fmt: skip
    with Stubber(client) as stubber:
        stubber.add_response("describe_stack_events", {"StackEvents": answers})
        stubber.add_response(
            "describe_change_set", found, {"ChangeSetName": names[0], "StackName": STACK}
        )
        stubber.add_response("describe_change_set", found)
        stubber.add_response("get_template", {"TemplateBody": template})
        stack = StackDescription("one", "UPDATE_COMPLETE", STACK)
        return earlier.before(deployment, stack, lambda _: client, checkout)  # type: ignore[arg-type]


def test_what_cloudformation_has_kept_is_gone_back_to(checkout: Path) -> None:
    small(checkout, "one")
    source = kept(checkout, QUEUE.format(seconds=5), {"Seconds": "7"})
    assert source.origin == "change-set:arn:aws:x"
    assert source.values() == {"Seconds": "7"}
    assert source.deployment.tags == {"Team": "web"}
    assert source.text == QUEUE.format(seconds=5)
    with pytest.raises(Problem, match=r"is not known any more: .* no commit has a template"):
        kept(checkout, QUEUE.format(seconds=5), {"Seconds": "7"}, "AVAILABLE")
    masked = (
        "Parameters: {Seconds: {Type: String, NoEcho: true}}\n"
        "Resources: {T: {Type: AWS::SNS::Topic}}\n"
    )
    with pytest.raises(Problem, match="does not give back Seconds"):
        kept(checkout, masked, {"Seconds": "****"})


def fails_to_create(checkout: Path) -> None:
    small(checkout, "one")
    file = checkout / "out/one.template.yaml"
    file.write_text(file.read_text().rstrip() + BROKEN)


def test_a_failed_creation_is_deleted_with_consent_and_made_again(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    fails_to_create(checkout)
    file = str(checkout / "r.json")
    assert command("review", "dev/one", "--output", file)[0] == 2
    code, _, err = command("execute", file)
    assert code == 1
    assert "cause: Rule" in err
    assert "`deploy.py discard dev/one --stack`" in err
    code, _, err = command("review", "dev/one")
    assert code == 3
    assert "`deploy.py discard dev/one --stack`" in err
    assert command("discard", "dev/one", "--yes")[0] == 0
    assert status(client) == "ROLLBACK_COMPLETE"
    code, _, err = command("discard", "dev/one", "--stack")
    assert code == 3
    assert "Not confirmed: nothing was deleted" in err
    assert status(client) == "ROLLBACK_COMPLETE"
    client("cloudformation").update_termination_protection(
        StackName="one", EnableTerminationProtection=True
    )
    assert "is protected from deletion" in command("discard", "dev/one", "--stack", "--yes")[2]
    client("cloudformation").update_termination_protection(
        StackName="one", EnableTerminationProtection=False
    )
    code, _, err = command("discard", "dev/one", "--stack", "--yes")
    assert code == 0, err
    assert "is DELETE_COMPLETE" in err
    small(checkout, "one")
    deploy(command, checkout)
    code, _, err = command("discard", "dev/one", "--stack", "--yes")
    assert code == 3
    assert "only one whose creation or deletion failed" in err
    assert status(client) == "CREATE_COMPLETE"


RETAINED = """
  Log:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Retain
    Properties: {LogGroupName: /one, RetentionInDays: 7}
"""


def test_what_a_failed_creation_made_does_not_stand_in_the_way_of_the_next(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one")
    file = checkout / "out/one.template.yaml"
    whole = file.read_text().rstrip() + RETAINED
    file.write_text(whole + BROKEN.replace("DependsOn: Queue", "DependsOn: Log"))
    assert command("review", "dev/one", "--output", str(checkout / "r.json"))[0] == 2
    assert command("execute", str(checkout / "r.json"))[0] == 1
    assert not client("logs").describe_log_groups()["logGroups"]
    code, _, err = command("discard", "dev/one", "--stack", "--yes")
    assert code == 0
    assert "Cause: Rule: " in err
    file.write_text(whole)
    deploy(command, checkout)
    assert [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]] == [
        "/one"
    ]


def test_a_stack_of_somebody_else_is_never_deleted(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    fails_to_create(checkout)
    cloudformation = client("cloudformation")
    template = (checkout / "out/one.template.yaml").read_text()
    cloudformation.create_stack(StackName="one", TemplateBody=template)
    while status(client).endswith("_IN_PROGRESS"):
        pass
    code, _, err = command("discard", "dev/one", "--stack", "--yes")
    assert code == 3
    assert "was not made by this tool" in err
    assert status(client) == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("before", "failed", "after"),
    [(None, "CREATE_FAILED", "ROLLBACK_COMPLETE"),
     (QUEUE.format(seconds=5), "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE")],
)  # fmt: skip
def test_what_was_left_half_done_is_rolled_back_with_consent(
    before: str | None, failed: str, after: str, command: Run, checkout: Path,
    client: Callable[[str], Any],
) -> None:  # fmt: skip
    fails_to_create(checkout)
    broken = (checkout / "out/one.template.yaml").read_text()
    cloudformation = client("cloudformation")
    if before:
        cloudformation.create_stack(StackName="one", TemplateBody=before, Tags=OURS)
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="one", WaiterConfig={"Delay": 0.01, "MaxAttempts": 500}
        )
        cloudformation.update_stack(StackName="one", TemplateBody=broken, DisableRollback=True)
    else:
        cloudformation.create_stack(
            StackName="one", TemplateBody=broken, Tags=OURS, DisableRollback=True
        )
    while status(client).endswith("_IN_PROGRESS"):
        pass
    assert status(client) == failed
    code, _, err = command("review", "dev/one")
    assert code == 3
    assert "`deploy.py rollback dev/one`" in err
    code, _, err = command("rollback", "dev/one")
    assert code == 3
    assert "Not confirmed: nothing was rolled back" in err
    assert "before it takes another" in command("rollback", "dev/one", "--to", "HEAD", "--yes")[2]
    code, out, err = command("rollback", "dev/one", "--yes")
    assert code == 0, out + err
    assert status(client) == after


def stack(state: str, **tags: str) -> StackDescription:
    return StackDescription("one", state, STACK, tags=tags, reason="it says why")


def test_a_rollback_that_failed_goes_on_with_what_cannot_be_mended_left_out(
    checkout: Path,
) -> None:
    small(checkout, "one")
    target = checkout / "params/dev/target.yaml"
    role = "arn:aws:iam::111122223333:role/deployer"
    target.write_text(f"{target.read_text()}service-role: {role}\n")
    deployment = deployments.load("dev/one", checkout)
    stuck = stack("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(Refusal, match=r"it says why\. Fix .* --continue`; --skip LOGICAL_ID"):
        undo.check_continued(stuck, deployment, goes_on=False, skip=())
    with pytest.raises(Refusal, match="are for UPDATE_ROLLBACK_FAILED"):
        undo.check_continued(stack("UPDATE_FAILED"), deployment, goes_on=True, skip=())
    undo.check_continued(stuck, deployment, goes_on=True, skip=("Queue",))
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    clock = Clock(now=lambda: START)
    with Stubber(client) as stubber:
        sent: dict[str, Any] = {}
        client.meta.events.register(
            "provide-client-params.cloudformation.ContinueUpdateRollback",
            lambda params, **_: sent.update(params),
        )
        stubber.add_response("continue_update_rollback", {})
        found = undo.begin_rollback(stuck, deployment, lambda _: client, clock, ("Queue",))  # type: ignore[arg-type]
    assert sent == {
        "StackName": STACK, "ResourcesToSkip": ["Queue"], "RoleARN": role,
        "ClientRequestToken": found.token,
    }  # fmt: skip
    assert found.token.startswith("rollback-20260101T120000Z-")
    assert found.wanted == TAKEN_BACK


def test_a_deletion_that_failed_is_done_again_without_what_is_retained(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one")
    file = checkout / "out/one.template.yaml"
    file.write_text(file.read_text().rstrip() + "\n" + NETWORK)
    deploy(command, checkout)
    [vpc] = client("ec2").describe_vpcs(
        Filters=[{"Name": "cidr", "Values": ["10.9.0.0/16"]}]
    )["Vpcs"]  # fmt: skip
    client("ec2").create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.0.0/24")
    client("cloudformation").delete_stack(StackName="one")
    while status(client).endswith("_IN_PROGRESS"):
        pass
    assert status(client) == "DELETE_FAILED"
    code, _, err = command("watch", "dev/one")
    assert code == 1
    assert "cause: Network" in err
    assert "`deploy.py discard dev/one --stack --retain LOGICAL_ID`" in err, err
    code, _, err = command("discard", "dev/one", "--stack", "--retain", "Network", "--yes")
    assert code == 0, err
    assert client("ec2").describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"]
    assert "retained, and billed: Network" in err


def test_resources_are_only_retained_where_a_deletion_failed(checkout: Path) -> None:
    small(checkout, "one")
    deployment = deployments.load("dev/one", checkout)
    with pytest.raises(Refusal, match="only when a deletion failed before"):
        undo.check_ours(stack("ROLLBACK_COMPLETE", **{OWNER: "dev/one"}), deployment, ("Queue",))
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    with Stubber(client) as stubber:
        stubber.add_response("delete_stack", {})
        found = undo.begin_deletion(client, stack("DELETE_FAILED"), deployment, Clock())
    assert found.wanted == DELETED


def test_the_page_has_every_state_of_the_api() -> None:
    from workerstack.deployer.stack_states import STATES

    text = (ROOT / "docs/recovery.md").read_text()
    rows = [
        f"| `{name}` | {state.meaning} | {state.next_step.replace('{}', 'ENV/STACK')} |"
        for name, state in STATES.items()
    ]
    shown = [line for line in text.splitlines() if line.startswith("| `")]
    assert shown == rows
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    assert {*client.meta.service_model.shape_for("StackStatus").enum, "ABSENT"} == set(STATES)
