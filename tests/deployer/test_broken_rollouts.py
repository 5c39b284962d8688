"""A rollout whose tasks do not start fails, goes back, and names why: until `verify`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_deploy import NAME, change
from tests.conftest import Run
from tests.deployer.test_recovery import status
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
def world(client: Client, things: surroundings.Surroundings, deployed_worker: Path) -> World:
    return World(client, things, deployed_worker)


@pytest.mark.parametrize("case", FAULTS)
def test_a_rolling_update_goes_back_and_says_why(case: str, world: World, command: Run) -> None:
    plant, reason = FAULTS[case]
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


def test_at_zero_nothing_starts_and_nothing_fails(world: World, command: Run) -> None:
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
