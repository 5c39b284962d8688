"""A rollout whose tasks do not start fails, goes back, and names why: until `verify`."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.commands.test_deploy import NAME, carry_out, change, make
from tests.conftest import Run
from tests.deployer.test_recovery import status
from workerstack.deployer.aws import Clients
from workerstack.localaws import pushing, surroundings

Client = Callable[[str], Any]
TEMPLATE = "out/webordinary-edit.template.yaml"
SERVICE = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}
REPOSITORY = "webordinary/claude-code-astro"


class World:
    def __init__(self, client: Client, things: surroundings.Surroundings, checkout: Path) -> None:
        self.client, self.things, self.checkout = client, things, checkout

    @property
    def service(self) -> Any:
        [found] = self.client("ecs").describe_services(
            cluster=SERVICE["cluster"], services=[SERVICE["service"]]
        )["services"]
        return found


def no_secret(world: World) -> None:
    world.client("secretsmanager").delete_secret(
        SecretId=world.things.secret_arn, ForceDeleteWithoutRecovery=True
    )


def no_json_key(world: World) -> None:
    change(world.checkout, "ValueFrom: !Ref GitHubTokenSecretArn",
           'ValueFrom: !Sub "${GitHubTokenSecretArn}:password::"', TEMPLATE)  # fmt: skip
    world.client("secretsmanager").put_secret_value(
        SecretId=world.things.secret_arn, SecretString='{"token": "a-very-secret-value"}'
    )


def no_image(world: World) -> None:
    pushing.push(world.client("ecr"), REPOSITORY, "other")
    change(world.checkout, "tags:\n", "  ImageReference: :nosuch\ntags:\n")


def no_mount_target(world: World) -> None:
    efs = world.client("efs")
    found = efs.describe_mount_targets(FileSystemId=world.things.file_system_id)["MountTargets"]
    for each in found:
        efs.delete_mount_target(MountTargetId=each["MountTargetId"])


FAULTS: dict[str, tuple[Callable[[World], None], str]] = {
    "the secret is gone": (no_secret, "Secrets Manager can't find the specified secret"),
    "the secret has no such key": (no_json_key, "did not contain json key password"),
    "no such image": (no_image, "CannotPullContainerError"),
    "no mount target": (no_mount_target, "ensure that the VPC has an EFS mount target"),
}


@pytest.fixture
def world(client: Client, things: surroundings.Surroundings, checkout: Path) -> World:
    return World(client, things, checkout)


@pytest.mark.parametrize("case", FAULTS)
def test_a_rolling_update_goes_back_and_says_why(
    case: str, world: World, clients: Clients, command: Run
) -> None:
    plant, reason = FAULTS[case]
    carry_out(make(world.checkout, clients), world.checkout, clients)
    world.client("ecs").update_service(**SERVICE, desiredCount=1)
    before = world.service["taskDefinition"]
    plant(world)
    change(world.checkout, "StopTimeout: 120", "StopTimeout: 60", TEMPLATE)
    file = str(world.checkout / "r.json")
    code, out, err = command("review", NAME, "--output", file)
    assert code == 2, err
    assert "not met" in out
    code, out, err = command("execute", file)
    assert code == 1, out + err
    said = " ".join((out + err).split())
    assert reason in said, out + err
    assert "circuit breaker" in said.lower()
    assert "a-very-secret-value" not in said
    assert status(world.client, "webordinary-edit") == "UPDATE_ROLLBACK_COMPLETE"
    service = world.service
    assert service["taskDefinition"] == before
    assert service["runningCount"] == 1
    [primary] = [each for each in service["deployments"] if each["status"] == "PRIMARY"]
    assert primary["rolloutState"] == "COMPLETED"
    assert f"deploy.py review {NAME}" in err
    # What is printed next names the cause of this failure, and not merely to try again.
    _, out, _ = command("verify", NAME)
    assert "Fix what failed (Service: " in out


def test_at_zero_nothing_starts_and_nothing_fails(
    world: World, clients: Clients, command: Run
) -> None:
    carry_out(make(world.checkout, clients), world.checkout, clients)
    world.client("ecs").update_service(**SERVICE, desiredCount=0)
    no_secret(world)
    change(world.checkout, "StopTimeout: 120", "StopTimeout: 60", TEMPLATE)
    file = str(world.checkout / "r.json")
    assert command("review", NAME, "--output", file)[0] == 2
    code, out, err = command("execute", file)
    # The update went well, and the proof is red.
    assert code == 1, out + err
    assert status(world.client, "webordinary-edit") == "UPDATE_COMPLETE"
    assert "find the specified secret" in " ".join((out + err).split())


def test_a_creation_waits_for_its_first_task_and_fails_without_it(
    world: World, command: Run
) -> None:
    """A new service begins with one task: no stack is created whose image is not there."""
    no_image(world)
    file = str(world.checkout / "r.json")
    code, out, err = command("review", NAME, "--output", file)
    assert code == 2, err
    assert "not met" in out
    code, out, err = command("execute", file)
    assert code == 1, out + err
    said = " ".join((out + err).split())
    assert "circuit breaker" in said.lower()
    assert status(world.client, "webordinary-edit") == "ROLLBACK_COMPLETE"
    assert world.client("ecs").list_services(cluster=SERVICE["cluster"])["serviceArns"] == []
    # The way that is printed is one that works, once the image is there.
    assert f"deploy.py discard {NAME} --stack" in err
    assert command("discard", NAME, "--stack", "--yes")[0] == 0
    pushing.push(world.client("ecr"), REPOSITORY, "nosuch")
    assert command("review", NAME, "--output", file)[0] == 2
    code, out, err = command("execute", file)
    assert code == 0, out + err
    assert world.service["runningCount"] == 1


BREAKER = {
    "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
}
CREATED: dict[str, tuple[dict[str, Any], str]] = {
    "no task is wanted": ({"DesiredCount": 0, **BREAKER}, "CREATE_COMPLETE"),
    "nothing ends the tries": ({"DesiredCount": 1}, "CREATE_COMPLETE"),
    "the breaker ends them": ({"DesiredCount": 1, **BREAKER}, "ROLLBACK_COMPLETE"),
    "one task is the default": (BREAKER, "ROLLBACK_COMPLETE"),
}


@pytest.mark.parametrize("case", CREATED)
def test_a_creation_fails_where_the_breaker_ends_it_and_nowhere_else(
    case: str, client: Client
) -> None:
    properties, end = CREATED[case]
    secret = {"Name": "S", "ValueFrom": "arn:aws:secretsmanager:us-west-2:000000000000:secret:no-1"}
    container = {"Name": "worker", "Image": "public.ecr.aws/x/y:1", "Secrets": [secret]}
    resources = {
        "Cluster": {"Type": "AWS::ECS::Cluster"},
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"Cpu": "256", "Memory": "512", "ContainerDefinitions": [container]},
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Task"}, **properties,
            },
        },
    }  # fmt: skip
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="one", TemplateBody=json.dumps({"Resources": resources}))
    # The waiter ends with an error at a state that creation does not come back from.
    with nullcontext() if end == "CREATE_COMPLETE" else pytest.raises(WaiterError, match=end):
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="one", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
        )
    assert status(client) == end
