"""`init --from-stack` says what runs, and says where that is not clear, for stacks of any tool."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests import deployed
from tests.conftest import REGION, Run
from workerstack import deployments
from workerstack.adopter import init_from_stack
from workerstack.cloudformation import declared_parameters, read
from workerstack.deployer.aws import Clients
from workerstack.deployments import reading
from workerstack.localaws import surroundings

Client = Callable[[str], Any]
Deploy = Callable[..., str]
FROM_CDK = ("init", "live", "--from-stack", "webordinary-edit")


@pytest.fixture
def deploy_cdk(
    client: Client, account: str, things: surroundings.Surroundings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Deploy:  # fmt: skip
    """Deploys the CDK's stack with some of its text replaced."""

    def go(*replacements: tuple[str, str], stack: str = "webordinary-edit") -> str:
        text = deployed.CDK.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "variant.json").write_text(text)
        monkeypatch.setattr(deployed, "CDK", tmp_path / "variant.json")
        return deployed.deploy_cdk(client, account, things, stack)

    return go


def parameters(checkout: Path, name: str) -> dict[str, Any]:
    """What was written, after a look whether the template takes it."""
    deployment = deployments.load(name, checkout)
    template = read(deployment.template.read_text(), deployment.template).data
    assert reading.problems(deployment, declared_parameters(template)) == []
    return dict(deployment.parameters)


def test_what_the_cdk_deployed(
    command: Run,
    checkout: Path,
    account: str,
    things: surroundings.Surroundings,
    deploy_cdk: Deploy,
) -> None:
    deploy_cdk((":latest", ":v7"), ("webordinary-edit-cluster", "editing"), ('"4096"', '"8192"'))
    code, out, err = command(*FROM_CDK)
    assert (code, out) == (0, "")
    assert parameters(checkout, "live/webordinary-edit") == {
        "AccessPointId": things.access_point_id,
        "ClusterName": "editing",
        "FileSystemId": things.file_system_id,
        "FileSystemSecurityGroupId": things.file_system_security_group_id,
        "GitHubTokenSecretArn": things.secret_arn,
        "ImageReference": ":v7",
        "MinTasks": "1",
        "SubnetIds": ",".join(things.subnet_ids),
        "TaskMemory": "8192",
        "VpcCidr": surroundings.CIDR,
        "VpcId": things.vpc_id,
    }
    assert deployments.load("live/webordinary-edit", checkout).tags == {"Environment": "dev"}
    assert deployments.load_target(checkout / "params/live").account == account
    for said in (
        "MinTasks: 1, the least of its scalable target\n",
        "QueueName: webordinary-email-queue, the queue that its alarms watch; the default\n",
        "LogRetentionDays: 7, as it keeps them now; the default\n",
    ):
        assert f"  webordinary-edit: {said}" in err


@pytest.mark.usefixtures("hand_written_template")
def test_what_was_deployed_by_hand(
    command: Run, checkout: Path, things: surroundings.Surroundings
) -> None:
    code, _, err = command("init", "live", "--from-stack", "thumbnails")
    assert code == 0
    assert parameters(checkout, "live/thumbnails") == {
        "LogRetentionDays": "14",
        "MaxTasks": "6",
        "SubnetIds": ",".join(things.subnet_ids),
        "TaskCpu": "512",
        "TaskMemory": "1024",
        "VpcId": things.vpc_id,
    }
    assert "VisibilityTimeout: 600, as thumbnails-Jobs-" in err
    assert "MaxReceiveCount: 3, after which thumbnails-Jobs-" in err
    assert "AlarmTopicArn: '', the default; nothing live tells" in err


def test_what_this_tool_deployed_is_found_again(command: Run, checkout: Path) -> None:
    given = parameters(checkout, "dev/webordinary-edit")
    file = str(checkout / "review.json")
    assert command("review", "dev/webordinary-edit", "--output", file)[0] == 2
    assert command("execute", file)[0] == 0
    assert command(*FROM_CDK)[0] == 0
    assert parameters(checkout, "live/webordinary-edit") == given
    assert deployments.load("live/webordinary-edit", checkout).tags == {"Environment": "dev"}


UNCLEAR = {
    "image elsewhere": (
        (".dkr.ecr.us-west-2.", ".dkr.ecr.eu-west-1."),
        "  # ImageReference: not clear: the live image ",
    ),
    "log for ever": (
        (',\n    "RetentionInDays": 7', ""),
        "  # LogRetentionDays: not clear: /ecs/webordinary/edit keeps its events for ever",
    ),
    "days that the worker does not know": (
        ('"RetentionInDays": 7', '"RetentionInDays": 545'),
        "  # LogRetentionDays: not taken: 545, as it keeps them now; allowed are 1, 3, 5,",
    ),
    "key of a secret": (
        ('github-token-AbCdEf"\n       }', 'github-token-AbCdEf:token::"\n       }'),
        "  # GitHubTokenSecretArn: not clear: GITHUB_TOKEN is arn:",
    ),
    "secret called otherwise": (
        ('"GITHUB_TOKEN"', '"GH_TOKEN"'),
        "  # GitHubTokenSecretArn: not found: the container is given no secret as GITHUB_TOKEN",
    ),
    "no access point": (
        ('"AccessPointId": "fsap-0a1b2c3d4e5f60718"', '"AccessPointId": {"Ref": "AWS::NoValue"}'),
        "  # AccessPointId: not found: the task mounts fs-",
    ),
    "two containers, none of the worker's name": (
        ('"ContainerDefinitions": [', '"ContainerDefinitions": [{"Name": "a", "Image": "b"},'),
        "  # ImageRepository: not clear: several containers in the task, a, edit",
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_is_not_clear_stays_a_comment(
    command: Run, checkout: Path, deploy_cdk: Deploy, case: str
) -> None:
    replacement, comment = UNCLEAR[case]
    renamed = [('"webordinary-edit"', '"edit"')] if case.startswith("two containers") else []
    # An access point that the text has no more cannot be replaced by the account's own.
    kept = [('"Description": "The', '"Description": "fsap-0a1b2c3d4e5f60718. The')]
    deploy_cdk(replacement, *renamed, *(kept if case == "no access point" else []))
    code, _, err = command(*FROM_CDK)
    text = (checkout / "params/live/webordinary-edit.yaml").read_text()
    assert comment in text
    assert code == 1
    assert "Fill in what was not found, in the lines that begin with #" in err


def test_several_groups_of_mount_targets_are_not_clear(
    command: Run, client: Client, things: surroundings.Surroundings, deploy_cdk: Deploy
) -> None:
    deploy_cdk()
    efs = client("efs")
    [target, *_] = efs.describe_mount_targets(FileSystemId=things.file_system_id)["MountTargets"]
    efs.modify_mount_target_security_groups(
        MountTargetId=target["MountTargetId"],
        SecurityGroups=[things.load_balancer_security_group_id],
    )
    code, _, err = command(*FROM_CDK)
    assert code == 1
    assert "FileSystemSecurityGroupId: not clear: several groups of its mount targets" in err


def test_alarms_on_several_queues_are_not_clear(
    command: Run, client: Client, deploy_cdk: Deploy
) -> None:
    deploy_cdk()
    cloudwatch = client("cloudwatch")
    [alarm, *_] = cloudwatch.describe_alarms()["MetricAlarms"]
    keys = (
        "AlarmName", "AlarmActions", "ComparisonOperator", "EvaluationPeriods", "MetricName",
        "Namespace", "Period", "Statistic", "Threshold",
    )  # fmt: skip
    cloudwatch.put_metric_alarm(
        **{key: alarm[key] for key in keys}, Dimensions=[{"Name": "QueueName", "Value": "other"}]
    )
    code, _, err = command(*FROM_CDK)
    assert code == 1
    assert "QueueName: not clear: several queues that its alarms watch" in err
    assert "container is given, other, webordinary-email-queue\n" in err


def test_the_stacks_own_values_count_where_nothing_runs_that_tells(
    command: Run, checkout: Path, deploy_cdk: Deploy
) -> None:
    own = '"Outputs": {\n  "LogRetentionDays": {"Value": "30"},\n  "MaxTasks": {"Value": "4"},'
    deploy_cdk((',\n    "RetentionInDays": 7', ""), ('"Outputs": {', own))
    code, _, err = command(*FROM_CDK)
    assert code == 0
    assert parameters(checkout, "live/webordinary-edit")["LogRetentionDays"] == "30"
    assert "LogRetentionDays: 30, the stack's own value of this name\n" in err
    assert "MaxTasks: 5, the most of its scalable target; the stack's own value is 4" in err


def test_another_stack_name_leads_to_the_worker_by_its_service(
    command: Run, checkout: Path, deploy_cdk: Deploy
) -> None:
    deploy_cdk(stack="WebordinaryEditStack")
    assert command("init", "live", "--from-stack", "WebordinaryEditStack")[0] == 0
    found = deployments.load("live/WebordinaryEditStack", checkout)
    assert found.template == checkout / "out/webordinary-edit.template.yaml"
    text = (checkout / "params/live/WebordinaryEditStack.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../webordinary-edit.schema.json\n")


def test_a_worker_that_cannot_be_told_must_be_named(
    command: Run, checkout: Path, deploy_cdk: Deploy
) -> None:
    deploy_cdk(("webordinary-edit-service", "editing"), stack="Edit")
    request = ("init", "live", "--from-stack", "Edit")
    code, _, err = command(*request)
    assert code == 1
    assert "There is no worker Edit: out/ has thumbnails, webordinary-edit." in err
    assert "There is no worker edit:" in command(*request, "--worker", "edit")[2]
    assert not (checkout / "params/live").exists()
    assert command(*request, "--worker", "webordinary-edit")[0] == 0
    assert parameters(checkout, "live/Edit")["ServiceName"] == "editing"


def test_a_second_stack_keeps_the_target(
    command: Run, checkout: Path, deploy_cdk: Deploy, hand_written_template: str
) -> None:
    assert hand_written_template
    deploy_cdk()
    assert command(*FROM_CDK)[0] == 0
    target = checkout / "params/live/target.yaml"
    target.write_text(f"{target.read_text()}# Ask Ada first.\n")
    assert command(*FROM_CDK)[0] == 3
    assert command(*FROM_CDK, "--force")[0] == 0
    assert command("init", "live", "--from-stack", "thumbnails")[0] == 0
    assert "# Ask Ada first." in target.read_text()
    target.write_text(f'account: "111122223333"\nregion: {REGION}\n')
    code, _, err = command(*FROM_CDK, "--force")
    assert code == 3
    assert "and live is in 111122223333, us-west-2" in err


def queue_stack(client: Client, services: int) -> None:
    """A stack with so many services, of a cluster and a task that are nobody's."""
    task = client("ecs").register_task_definition(
        family="any", containerDefinitions=[{"name": "a", "image": "b", "memory": 64}]
    )["taskDefinition"]["taskDefinitionArn"]
    client("ecs").create_cluster(clusterName="default")
    resources: dict[str, Any] = {"Queue": {"Type": "AWS::SQS::Queue"}}
    for number in range(services):
        resources[f"Service{number}"] = {
            "Type": "AWS::ECS::Service",
            "Properties": {"ServiceName": f"s{number}", "TaskDefinition": task, "DesiredCount": 0},
        }
    deployed.create(
        client("cloudformation"), "other", f'{{"Resources": {resources!r}}}'.replace("'", '"'),
        {}, {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("services", "said"),
    [
        (None, "There is no stack other: it is not in this account and region"),
        (0, "The stack other has no service: none of its resources is an ECS service"),
        (1, "The service s0 is no worker that Fargate could run"),
        (2, "The stack other has 2 services: s0, s1"),
    ],
)
def test_a_stack_that_is_no_workers(
    command: Run, checkout: Path, client: Client, services: int | None, said: str
) -> None:
    if services is not None:
        queue_stack(client, services)
    code, _, err = command("init", "live", "--from-stack", "other", "--worker", "webordinary-edit")
    assert code == 1
    assert said in err
    assert not (checkout / "params/live").exists()


@pytest.mark.parametrize(
    "words", [("--from-stack", "x", "--vpc", "y"), ("--worker", "webordinary-edit")]
)
def test_words_that_do_not_go_together(command: Run, words: tuple[str, ...]) -> None:
    assert command("init", "live", *words)[0] == 64


def test_what_guards_the_stack_goes_into_the_target(
    checkout: Path, client: Client, clients: Clients, deploy_cdk: Deploy
) -> None:
    """The endpoint knows no service role of a stack and no topics."""
    deploy_cdk()
    real = client("cloudformation")
    [answer] = real.describe_stacks(StackName="webordinary-edit")["Stacks"]
    resources = real.list_stack_resources(StackName="webordinary-edit")
    stubbed = boto3.client("cloudformation", region_name=REGION)
    role = "arn:aws:iam::111122223333:role/cdk-hnb659fds-cfn-exec-role-111122223333-us-west-2"
    topic = "arn:aws:sns:us-west-2:111122223333:deployments"
    guards = {"RoleARN": role, "NotificationARNs": [topic], "EnableTerminationProtection": True}
    clients._made["cloudformation"] = stubbed
    said: list[str] = []
    with Stubber(stubbed) as stubber:
        stubber.add_response(
            "describe_stacks",
            {"Stacks": [answer | guards | {"Outputs": []}]},
            {"StackName": "webordinary-edit"},
        )
        for _ in range(2):
            summaries = {"StackResourceSummaries": resources["StackResourceSummaries"]}
            stubber.add_response(
                "list_stack_resources", summaries, {"StackName": answer["StackId"]}
            )
        request = init_from_stack.InitRequest("live", "webordinary-edit", None, force=False)
        assert init_from_stack.initialize(request, clients, checkout, said.append)
        stubber.assert_no_pending_responses()
    target = deployments.load_target(checkout / "params/live")
    assert target.service_role == role
    assert target.notification_topics == (topic,)
    assert target.termination_protection is True
    assert f"  target: service-role: {role}, as the stack has it" in said
