"""A tag that means another image by now is told, also where nothing else changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_deploy import change, make
from tests.conftest import REGION, Prepare, Run
from workerstack import deployments
from workerstack.cloudformation import from_data, resolve
from workerstack.deployer import make_review
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.deployed_stack import DeployedStack, worker_queues
from workerstack.localaws import accounts, pushing, surroundings

NAME = "dev/webordinary-edit"
REPOSITORY = "webordinary/claude-code-astro"
SERVICE = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}
Client = Callable[[str], Any]


def push_latest(_: Path, clients: Clients) -> str:
    return pushing.push(clients("ecr"), REPOSITORY, "latest")


@pytest.fixture
def latest(
    deploy_once: Callable[[Prepare], str], checkout: Path, account: str, client: Client
) -> str:
    """The worker with `:latest`, one task of it running; gives the digest that it runs."""
    assert checkout
    accounts.copy(deploy_once(push_latest), account)
    client("ecs").update_service(**SERVICE, desiredCount=1)
    image = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "latest"}]}
    [found] = client("ecr").describe_images(**image)["imageDetails"]
    return str(found["imageDigest"])


def test_a_new_image_under_an_old_tag_is_a_finding(
    command: Run, client: Client, latest: str
) -> None:
    code, _, err = command("review", NAME)
    assert code == 0
    assert "No changes" in err
    newer = pushing.push(client("ecr"), REPOSITORY, "latest", mark="newer")
    code, out, err = command("review", NAME)
    assert code == 2
    assert "No changes" not in out + err
    assert "claude-code-astro:latest is another image since 20" in err
    assert newer[:19] in err
    assert latest[:19] in err
    assert f"./deploy.py ship {NAME} latest" in err
    code, out, _ = command("review", NAME, "--format", "json")
    [finding] = json.loads(out)
    assert (code, finding["id"], finding["level"]) == (2, "image-moved", "warning")
    # The printed command deploys it.
    code, out, err = command("ship", NAME, "latest")
    assert code == 2
    assert "image-moved" not in out  # this very change leaves the tag behind
    execute = next(line for line in err.splitlines() if line.startswith("Execute"))
    assert command("execute", execute.rpartition(" ")[2])[0] == 0
    code, _, err = command("review", NAME)
    assert code == 0, err
    assert "No changes" in err


def test_at_rest_the_next_task_runs_what_the_first_one_ran(
    command: Run, client: Client, latest: str
) -> None:
    ecs = client("ecs")
    ecs.update_service(**SERVICE, desiredCount=0)
    assert command("review", NAME)[0] == 0
    pushing.push(client("ecr"), REPOSITORY, "latest", mark="newer")
    code, _, err = command("review", NAME)
    assert code == 2
    assert f"the service runs {latest[:19]}" in err
    code, out, _ = command("verify", NAME)
    assert code == 1
    assert f"and the next task runs {latest[:19]}" in out
    assert f"next: ./deploy.py ship {NAME} latest" in out
    # It is true: a task that starts now runs the old one.
    ecs.update_service(**SERVICE, desiredCount=1)
    [task] = ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]
    [found] = ecs.describe_tasks(cluster=SERVICE["cluster"], tasks=[task])["tasks"]
    assert found["containers"][0]["imageDigest"] == latest
    # A deployment that has had no task yet takes what the tag means then.
    ecs.update_service(**SERVICE, desiredCount=0)
    ecs.update_service(**SERVICE, forceNewDeployment=True)
    assert command("review", NAME)[0] == 0


def test_an_index_means_its_platforms_too(command: Run, client: Client, latest: str) -> None:
    ecr = client("ecr")
    pushing.push_index(ecr, REPOSITORY, "latest", ("linux/amd64", "linux/arm64"))
    assert command("review", NAME)[0] == 2
    client("ecs").update_service(**SERVICE, desiredCount=1, forceNewDeployment=True)
    assert command("review", NAME)[0] == 0
    assert latest


def test_a_change_that_restarts_the_tasks_takes_the_other_image_along(
    checkout: Path, client: Client, clients: Clients, latest: str
) -> None:
    pushing.push(client("ecr"), REPOSITORY, "latest", mark="newer")
    change(checkout, "tags:", "  TaskMemory: 8192\n  TaskCpu: 2048\ntags:")
    [finding] = [each for each in make(checkout, clients).findings if each.id == "image-moved"]
    assert "takes the other image along" in finding.why
    change(checkout, "  TaskMemory: 8192\n  TaskCpu: 2048\n", "  LogRetentionDays: 90\n")
    [finding] = [each for each in make(checkout, clients).findings if each.id == "image-moved"]
    assert "the tasks to come run the old one" in finding.why
    assert finding.level == "warning"
    assert latest


def test_a_queue_of_the_stack_itself_is_asked(
    checkout: Path, client: Client, clients: Clients, things: surroundings.Surroundings
) -> None:
    """Its name is made by CloudFormation, and no alarm tells it."""
    name = "dev/thumbnails"
    (checkout / f"params/{name}.yaml").write_text(
        "template-file-path: out/thumbnails.template.yaml\nparameters:\n"
        f"  VpcId: {things.vpc_id}\n  SubnetIds: [{', '.join(things.subnet_ids)}]\n"
        "  AssignPublicIp: ENABLED\n"
    )
    client("ecr").create_repository(repositoryName="example/thumbnails")
    pushing.push(client("ecr"), "example/thumbnails", "latest")
    clock = Clock(sleep=lambda _: None)

    def review() -> Any:
        found = make_review.make_review(deployments.load(name, checkout), clients, clock)
        assert found is not None
        return found

    from workerstack.deployer import execute, watch
    from workerstack.deployer.screen import LineScreen

    operation = execute.execute(review(), deployments.load(name, checkout), clients)
    watch.watch(operation, clients, clock, LineScreen(print))
    sqs = client("sqs")
    urls = sqs.list_queues(QueueNamePrefix="thumbnails")["QueueUrls"]
    for url in urls:
        sqs.send_message(QueueUrl=url, MessageBody="x")
        sqs.receive_message(QueueUrl=url)
    file = checkout / f"params/{name}.yaml"
    file.write_text(file.read_text() + '  ImageReference: ":v2"\n')
    [note] = [each for each in review().findings if each.id == "tasks-restarted"]
    # The dead letters are in flight, too, and nobody works on them.
    assert len(urls) == 2
    assert note.why.startswith("1 task is running, 1 message is in flight")


QUEUES: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    "a queue of the stack, by its attribute": (
        {"Environment": {"Fn::GetAtt": ["Q", "QueueUrl"]}}, {"Q": "https://x/1/made"}, ["made"]),
    "by its reference, within a text": (
        {"Environment": {"Fn::Sub": "${Q}"}}, {"Q": "https://x/1/made"}, ["made"]),
    "a queue of others, by its URL": (
        {"Environment": f"https://sqs.{REGION}.amazonaws.com/111122223333/orders"}, {}, ["orders"]),
    "under another name of the variable and an old URL": (
        {"Environment": f"https://{REGION}.queue.amazonaws.com/111122223333/orders"}, {},
        ["orders"]),
    "only watched": ({"Dimension": "orders"}, {}, ["orders"]),
    "only watched, of the stack": (
        {"Dimension": {"Fn::GetAtt": ["Q", "QueueName"]}}, {"Q": "https://x/1/made"}, ["made"]),
    "given one, and its dead letters watched": (
        {"Environment": {"Ref": "Q"}, "Dimension": {"Fn::GetAtt": ["D", "QueueName"]}},
        {"Q": "https://x/1/made", "D": "https://x/1/dead"}, ["made"]),
    "a URL of another service": ({"Environment": "https://example.com/a/b"}, {}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", QUEUES)
def test_the_queue_of_a_worker(case: str) -> None:
    said, physical, expected = QUEUES[case]
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["D", "Arn"]}, "maxReceiveCount": 5}
    resources: dict[str, Any] = {
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [
            {"Name": "w", "Environment": [{"Name": "ANY", "Value": said.get("Environment", "x")}]}
        ]}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Dimensions": [
            {"Name": "QueueName", "Value": said["Dimension"]}] if "Dimension" in said else []}},
        "Q": {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive}},
        "D": {"Type": "AWS::SQS::Queue", "Properties": {}},
    }  # fmt: skip
    stack = resolve(from_data({"Resources": resources}), {}, {})
    there = {"Task": "task", "Alarm": "alarm", **physical}
    assert worker_queues(DeployedStack(stack, there)) == expected
