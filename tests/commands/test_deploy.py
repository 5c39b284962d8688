"""From params/ to a verified stack and back, over HTTP, on the embedded endpoint."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from tests.conftest import Run
from workerstack import deployments
from workerstack.commands import deploy
from workerstack.deployer import execute, make_review, watch
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import OperationOutcome
from workerstack.deployer.screen import LineScreen
from workerstack.localaws import pushing, surroundings, walkthrough
from workerstack.problem import Refusal
from workerstack.review import file as review_file
from workerstack.review.model import Review
from workerstack.review.show import text as terminal
from workerstack.verifier import verify

NAME = "dev/webordinary-edit"
QUICK = Clock(sleep=lambda _: None)


def make(checkout: Path, clients: Clients) -> Review:
    found = make_review.make_review(deployments.load(NAME, checkout), clients, QUICK)
    assert found is not None
    return found


def carry_out(review: Review, checkout: Path, clients: Clients) -> OperationOutcome:
    operation = execute.execute(review, deployments.load(NAME, checkout), clients)
    return watch.watch(operation, clients, QUICK, LineScreen(print))


def change(
    checkout: Path, old: str, new: str, file: str = "params/dev/webordinary-edit.yaml"
) -> None:
    path = checkout / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def left_behind(client: Callable[[str], Any]) -> tuple[list[str], list[str]]:
    """The stacks and the change sets that exist."""
    cloudformation = client("cloudformation")
    stacks = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
    sets = [
        each["ChangeSetName"]
        for stack in stacks
        for each in cloudformation.list_change_sets(StackName=stack)["Summaries"]
        if each["ExecutionStatus"] == "AVAILABLE"
    ]
    return stacks, sets


def test_the_whole_way(command: Run, checkout: Path, client: Callable[[str], Any]) -> None:
    file = str(checkout / "review.json")
    code, out, err = command("review", NAME, "--output", file)
    assert code == 2
    assert "15 to add" in out
    assert "+ Service, added\n" in out
    assert "Keeps as many tasks running" not in out
    assert f"execute {file}" in err
    code, out, err = command("review", NAME, "--output", file, "--all")
    assert code == 2
    assert "+ Service (AWS::ECS::Service), added\n    Keeps as many tasks running" in out
    assert "console.aws.amazon.com/cloudformation" in out
    assert f"execute {file}" in err
    code, out, err = command("execute", file)
    assert code == 0
    assert out.count("CREATE_COMPLETE") == 16
    assert "is CREATE_COMPLETE" in err
    code, out, _ = command("verify", NAME)
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()] == [
        "stack", "E9101", "E9102", "E9103", "E9104", "E9105", "E9106", "checks", "alarms",
        "scaling", "roles", "security-groups", "file-system", "service", "queue", "resources",
        "image", "backlog", "template", "parameters", "protection",
    ]  # fmt: skip
    assert "FAIL" not in out
    code, out, err = command("review", NAME)
    assert (code, out) == (0, "")
    assert "No changes" in err
    assert left_behind(client) == (["webordinary-edit"], [])


def test_json_is_data_and_nothing_else(command: Run) -> None:
    code, out, _ = command("review", NAME, "--format", "json")
    assert code == 2
    assert Review.model_validate_json(out).where.deployment == NAME
    assert command("verify", NAME, "--format", "json")[0] == 1


def test_discard_leaves_nothing(command: Run, checkout: Path, client: Callable[[str], Any]) -> None:
    file = str(checkout / "review.json")
    command("review", NAME, "--output", file)
    assert left_behind(client)[0] == ["webordinary-edit"]
    code, _, err = command("discard", file)
    assert code == 0
    assert "and the empty stack" in err
    assert left_behind(client) == ([], [])
    assert "No such review" in command("discard", file)[2]


def test_an_update_is_reviewed_executed_and_leaves_the_count_alone(
    deployed_worker: Path, clients: Clients, client: Callable[[str], Any]
) -> None:
    checkout = deployed_worker
    service = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}
    client("ecs").update_service(**service, desiredCount=3)
    pushing.push(client("ecr"), "webordinary/claude-code-astro", "v2")
    change(checkout, "tags:", "  MaxTasks: 4\n  ImageReference: ':v2'\ntags:")
    review = make(checkout, clients)
    actions = {each.logical_id: (each.action, each.replacement) for each in review.resources}
    assert actions["TaskDefinition"] == ("Modify", "True")
    assert actions["ScalableTarget"][0] == "Modify"
    others = {(each.kind, each.name): (each.before, each.after) for each in review.others}
    assert others["parameter", "MaxTasks"] == ("5", "4")
    assert carry_out(review, checkout, clients).status == "UPDATE_COMPLETE"
    [found] = client("ecs").describe_services(
        cluster=service["cluster"], services=[service["service"]]
    )["services"]
    assert found["desiredCount"] == 3


def test_web_serving_becomes_the_worker(
    checkout: Path, clients: Clients, client: Callable[[str], Any],
    things: surroundings.Surroundings,
) -> None:  # fmt: skip
    walkthrough.deploy_web_serving(client("cloudformation"), things)
    deployment = deployments.load(NAME, checkout)
    red = {
        check.id for check in verify.verify(deployment, clients, checkout) if check.status == "FAIL"
    }
    assert red >= {"E9101", "E9102", "E9103", "E9104", "E9105", "E9106"}
    # It runs as it was deployed; only what is committed is another template.
    assert {each for each in red if each[0] != "E"} == {"template"}
    review = make(checkout, clients)
    by_action: dict[str, set[str]] = {}
    for each in review.resources:
        by_action.setdefault(each.action, set()).add(each.logical_id)
    assert by_action["Remove"] == {
        "CpuScalingPolicy", "DiscoveryNamespace", "DiscoveryService", "ListenerRule",
        "LoadBalancerIngress", "MemoryScalingPolicy", "RequestScalingPolicy", "TargetGroup",
    }  # fmt: skip
    assert [e.logical_id for e in review.resources if e.replacement == "True"] == ["TaskDefinition"]
    text = terminal.render(review, whole=True)
    assert "8 to delete" in text
    assert text.index("- TargetGroup") < text.index(
        "± TaskDefinition (AWS::ECS::TaskDefinition), R"
    )
    assert "forces replacement" in text
    assert "LoadBalancerIngress  - inbound TCP 8080" in text
    found = {finding.id for finding in review.findings}
    assert found >= {"service-detached", "iam-broadened"}
    carry_out(review, checkout, clients)
    assert not [
        each for each in verify.verify(deployment, clients, checkout) if each.status == "FAIL"
    ]


def test_a_stack_that_fails_names_its_cause(checkout: Path, clients: Clients) -> None:
    group = deployments.load(NAME, checkout).parameters["FileSystemSecurityGroupId"]
    change(checkout, str(group), "sg-0123456789abcdef0")
    review = make(checkout, clients)
    ended = carry_out(review, checkout, clients)
    assert (ended.status, ended.is_good) == ("ROLLBACK_COMPLETE", False)
    assert [cause.logical_id for cause in ended.causes] == ["FileSystemIngress"]
    assert "does not exist" in ended.causes[0].reason
    assert "Cluster" in ended.rolled_back
    with pytest.raises(Refusal, match="is in ROLLBACK_COMPLETE"):
        make(checkout, clients)


def carry_out_two(checkout: Path, clients: Clients, client: Any) -> None:
    """The reviewed change and another one; then the checkout is as it was."""
    carry_out(client.review, checkout, clients)
    change(checkout, "tags:", "  MaxTasks: 4\ntags:")
    carry_out(make(checkout, clients), checkout, clients)
    change(checkout, "  MaxTasks: 4\n", "")


Break = Callable[[Path, Clients, Any], object]
STALE: dict[str, tuple[Break, str]] = {
    "another template": (
        lambda c, _, __: change(c, "StopTimeout: 120", "StopTimeout: 60",
                                "out/webordinary-edit.template.yaml"),
        "out of date: out/webordinary-edit.template.yaml was",
    ),
    "another value": (
        lambda c, _, __: change(c, "tags:", "  MaxTasks: 1\ntags:"),
        "the parameter MaxTasks was 5 when it was reviewed, and is 1 now",
    ),
    "another tag": (
        lambda c, _, __: change(c, "Environment: dev", "Environment: prod"),
        "the tag Environment was dev when it was reviewed, and is prod now",
    ),
    "another account": (
        lambda c, _, __: (c / "params/dev/target.yaml").write_text(
            'account: "999999999999"\nregion: us-west-2\n'), "allows only 999999999999",
    ),
    "another region": (
        lambda c, _, __: change(c, "us-west-2", "us-east-1", "params/dev/target.yaml"),
        "allows only us-east-1",
    ),
    "a change set that is gone": (
        lambda _, __, f: f("cloudformation").delete_change_set(
            ChangeSetName=f.review.change_set.arn), "is gone",
    ),
    "a change set that was executed before another one": ( carry_out_two,
        "was executed already: and the stack was changed again since",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STALE)
def test_nothing_is_executed_that_was_not_reviewed(
    checkout: Path, clients: Clients, client: Any, case: str
) -> None:
    breaks, words = STALE[case]
    review = make(checkout, clients)
    client.review = review
    breaks(checkout, clients, client)
    with pytest.raises(Refusal, match=words):
        carry_out(review, checkout, clients)


def test_one_that_was_executed_is_only_watched_when_it_is_executed_again(
    checkout: Path, clients: Clients, client: Callable[[str], Any]
) -> None:
    review = make(checkout, clients)
    first = carry_out(review, checkout, clients)
    events = client("cloudformation").describe_stack_events(StackName="webordinary-edit")
    assert carry_out(review, checkout, clients) == first
    after = client("cloudformation").describe_stack_events(StackName="webordinary-edit")
    assert after["StackEvents"] == events["StackEvents"]


def test_another_stack_of_the_same_name_is_left_alone(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    file, cloudformation = str(checkout / "r.json"), client("cloudformation")
    before = "Resources: {Queue: {Type: AWS::SQS::Queue}}"
    after = "Resources: {Queue: {Type: AWS::SQS::Queue}, Topic: {Type: AWS::SNS::Topic}}"
    (checkout / "out/one.template.yaml").write_text(after)
    (checkout / "params/dev/one.yaml").write_text("template-file-path: out/one.template.yaml\n")

    def until(ended: str) -> None:
        waiter = cloudformation.get_waiter(f"stack_{ended}_complete")
        waiter.wait(StackName="one", WaiterConfig={"Delay": 0, "MaxAttempts": 1000})

    cloudformation.create_stack(StackName="one", TemplateBody=before)
    until("create")
    assert command("review", "dev/one", "--output", file)[0] == 2
    cloudformation.delete_stack(StackName="one")
    until("delete")
    cloudformation.create_stack(StackName="one", TemplateBody=before)
    until("create")
    code, _, err = command("execute", file)
    assert code == 3
    assert "The review is out of date" in err
    [found] = cloudformation.list_stack_resources(StackName="one")["StackResourceSummaries"]
    assert found["LogicalResourceId"] == "Queue"


def test_a_stack_that_was_updated_since(deployed_worker: Path, clients: Clients) -> None:
    checkout = deployed_worker
    change(checkout, "tags:", "  MaxTasks: 4\ntags:")
    first = make(checkout, clients)
    carry_out(make(checkout, clients), checkout, clients)
    with pytest.raises(Refusal, match=r"the stack's status|last update"):
        carry_out(first, checkout, clients)


@pytest.mark.parametrize("tamper", ["account", "digest", "version", "text"])
def test_an_edited_review_is_refused(
    command: Run, checkout: Path, clients: Clients, tamper: str
) -> None:
    file = checkout / "review.json"
    review_file.write(make(checkout, clients), file)
    content = json.loads(file.read_text())
    if tamper == "account":
        content["review"]["where"]["account"] = "999999999999"
    elif tamper == "digest":
        content["digest"] = "0" * 64
    elif tamper == "version":
        content["review"]["version"] = 1
    file.write_text("{" if tamper == "text" else json.dumps(content))
    code, _, err = command("execute", str(file))
    assert code == (1 if tamper == "text" else 3)
    assert "Review again" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("review", "prd/webordinary-edit"), 1, "Unknown environment prd"),
        (("review", "dev/thumbnails"), 1, "Unknown stack thumbnails"),
        (("execute", "nowhere.json"), 1, "No such review"),
        (("review", NAME, "--region", "us-east-1"), 3, "Wrong region us-east-1"),
        (("review",), 64, "Missing argument"),
        (("rewiew", NAME), 64, "No such command"),
        (
            ("review", NAME, "--profile", "nobody"),
            1,
            "profile (nobody) could not be found",
        ),
        (("init", "Dev"), 1, "is no name for an environment"),
        (("init", "dev", "--vpc", "nowhere"), 3, "exists"),
        (("init", "staging", "--vpc", "nowhere"), 1, "VPCs are called nowhere"),
    ],
)
def test_mistakes_are_one_sentence(
    command: Run, words: tuple[str, ...], code: int, said: str
) -> None:
    ended, out, err = command(*words)
    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_init_writes_what_review_takes(command: Run) -> None:
    code, _, err = command("init", "staging", "--vpc", "webordinary")
    assert code == 0
    assert "its only access point" in err
    assert command("review", "staging/webordinary-edit")[0] == 2
    assert command("init", "staging", "--vpc", "webordinary")[0] == 3
    assert command("init", "staging", "--vpc", "webordinary", "--force")[0] == 0


def test_init_reads_what_a_parameter_stands_for(
    command: Run, checkout: Path, client: Callable[[str], Any],
    things: surroundings.Surroundings,
) -> None:  # fmt: skip
    """The description is for people, and may say anything."""
    key = client("kms").create_key()["KeyMetadata"]
    client("kms").create_alias(AliasName="alias/example/jobs", TargetKeyId=key["KeyId"])
    (checkout / "out/webordinary-edit.template.yaml").unlink()
    (checkout / "out/thing.template.yaml").write_text(
        """Metadata:
  Parameters:
    Token: {Secret: webordinary/github-token}
    Jobs: {Key: alias/example/jobs}
    Gone: {Key: alias/example/gone}
    Odd: [x]
Parameters:
  Token: {Type: String, Description: das Geheimnis}
  Jobs: {Type: String}
  Gone: {Type: String}
  Odd: {Type: String, Description: "The ARN of the secret webordinary/github-token"}
Resources: {Topic: {Type: AWS::SNS::Topic}}
"""
    )
    code, _, err = command("init", "staging", "--vpc", "webordinary")
    assert code == 1, err
    text = (checkout / "params/staging/thing.yaml").read_text()
    assert f"  Token: {things.secret_arn}\n" in text
    assert f"  Jobs: {key['Arn']}\n" in text
    assert "  # Gone: not found: there is no key alias/example/gone" in text
    assert "  # Odd: not found: nothing in the account tells" in text


def test_init_says_what_is_not_there_and_does_not_guess(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    client("secretsmanager").delete_secret(
        SecretId="webordinary/github-token", ForceDeleteWithoutRecovery=True
    )
    client("efs").create_access_point(
        ClientToken="second",
        FileSystemId=client("efs").describe_file_systems()["FileSystems"][0]["FileSystemId"],
    )
    code, _, err = command("init", "staging", "--vpc", "webordinary")
    assert code == 1
    text = (checkout / "params/staging/webordinary-edit.yaml").read_text()
    assert "  # GitHubTokenSecretArn: not found: there is no secret" in text
    assert "  # AccessPointId: not clear: several access points" in text
    assert "Fill in what was not found" in err
    assert command("review", "staging/webordinary-edit")[0] == 1


def test_verify_judges_only_the_protection_that_the_target_names(
    command: Run, deployed_worker: Path, client: Callable[[str], Any]
) -> None:
    checkout = deployed_worker
    cloudformation = client("cloudformation")

    def protection() -> tuple[int, str]:
        code, out, _ = command("verify", NAME)
        return code, out.partition("protection  ")[2]

    code, said = protection()
    assert code == 0
    assert "target.yaml sets no termination protection" in said
    target = checkout / "params/dev/target.yaml"
    guards = "termination-protection: true\nstack-policy: policy.json\n"
    target.write_text(f"{target.read_text()}{guards}")
    (checkout / "params/dev/policy.json").write_text('{"Statement": []}')
    code, said = protection()
    assert code == 1
    assert "termination protection is off; the stack policy is missing" in said
    assert f"next: `deploy.py review {NAME}`" in said
    cloudformation.update_termination_protection(
        StackName="webordinary-edit", EnableTerminationProtection=True
    )
    cloudformation.set_stack_policy(StackName="webordinary-edit", StackPolicyBody='{"a": 1}')
    assert "the stack policy is another one" in protection()[1]
    cloudformation.set_stack_policy(
        StackName="webordinary-edit", StackPolicyBody='{ "Statement": [ ] }'
    )
    code, said = protection()
    assert code == 0
    assert "termination protection on, stack policy as in policy.json" in said


def test_help_needs_neither_boto3_nor_a_second() -> None:
    import subprocess
    import sys

    code = (
        "import sys, runpy\nsys.argv = ['deploy.py', '--help']\n"
        "try:\n    runpy.run_path('deploy.py', run_name='__main__')\nexcept SystemExit:\n"
        "    print([m for m in ('boto3', 'botocore', 'rich', 'cfnlint') if m in sys.modules])\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_explains_itself() -> None:
    for name, each in deploy.deploy.commands.items():
        assert isinstance(each, click.Command)
        assert each.help, name
