"""What was deleted or changed by hand is put back, the way from the red line to the green one."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import aws_cli
from tests.commands.test_deploy import NAME, QUICK
from tests.conftest import Run
from tests.deployer.test_recovery import seconds
from tests.review.test_several import small
from workerstack import deployments
from workerstack.deployer import make_review
from workerstack.deployer.aws import Clients
from workerstack.verifier import verify
from workerstack.verifier.check import Verdict

Client = Callable[[str], Any]
SERVICE = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}


def physical(client: Client, logical_id: str, stack: str = "webordinary-edit") -> str:
    answer = client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=logical_id
    )
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])


def no_alarm(client: Client) -> None:
    client("cloudwatch").delete_alarms(AlarmNames=[physical(client, "BacklogAlarm")])


def no_log_group(client: Client) -> None:
    client("logs").delete_log_group(logGroupName=physical(client, "LogGroup"))


def no_policy(client: Client) -> None:
    client("application-autoscaling").delete_scaling_policy(
        PolicyName="webordinary-edit-scale-out", ServiceNamespace="ecs",
        ResourceId="service/webordinary-edit-cluster/webordinary-edit-service",
        ScalableDimension="ecs:service:DesiredCount",
    )  # fmt: skip


def no_target(client: Client) -> None:
    client("application-autoscaling").deregister_scalable_target(
        ServiceNamespace="ecs", ScalableDimension="ecs:service:DesiredCount",
        ResourceId="service/webordinary-edit-cluster/webordinary-edit-service",
    )  # fmt: skip


def no_service(client: Client) -> None:
    client("ecs").delete_service(**SERVICE, force=True)


DELETED = {
    "an alarm": (no_alarm, {"BacklogAlarm"}),
    "the log group": (no_log_group, {"LogGroup"}),
    # What refers to it gets another ARN, and is seen to.
    "a scaling policy": (no_policy, {"ScaleOutPolicy", "BacklogAlarm"}),
    "the scalable target, with its policies": (
        no_target,
        {"ScalableTarget", "ScaleOutPolicy", "BacklogAlarm", "ScaleInPolicy", "DrainedAlarm"},
    ),
    "the service": (no_service, {"Service"}),
}


def red(checkout: Path, clients: Clients) -> list[Verdict]:
    found = verify.verify(deployments.load(NAME, checkout), clients, checkout)
    return [each for each in found if each.status == "FAIL"]


def follow(line: str, command: Run, client: Client, checkout: Path) -> None:
    """Does what a red line says: a call of AWS, or a review that is then executed."""
    if line.startswith("aws "):
        aws_cli.follow(line, client)
        return
    words = shlex.split(line)
    assert words == ["./deploy.py", "review", NAME, "--revert-drift"], line
    file = str(checkout / "r.json")
    code, out, err = command(*words[1:], "--output", file)
    assert code == 2, out + err
    code, out, err = command("execute", file, "--no-proof")
    assert code == 0, out + err


@pytest.mark.parametrize("case", DELETED)
def test_what_was_deleted_by_hand_is_made_again(
    case: str, deployed_worker: Path, clients: Clients, client: Client, command: Run
) -> None:
    checkout = deployed_worker
    delete, names = DELETED[case]
    client("ecs").update_service(**SERVICE, desiredCount=0)
    assert red(checkout, clients) == []
    delete(client)
    found = red(checkout, clients)
    assert found
    code, out, err = command("drift", NAME)
    assert code == 2
    assert " DELETED" in out
    assert f"./deploy.py review {NAME} --revert-drift" in err
    steps = {each.next_step for each in found}
    assert all("--revert-drift" in each or each.startswith("aws ") for each in steps), steps
    revert = f"./deploy.py review {NAME} --revert-drift"
    review = make_review.make_review(
        deployments.load(NAME, checkout), clients, QUICK, revert_drift=True
    )
    assert review is not None
    listed = {each.logical_id for each in review.resources if each.can_change}
    assert names <= listed
    assert {each.drift_status for each in review.resources if each.action == "Add"} == {"DELETED"}
    follow(revert, command, client, checkout)
    assert red(checkout, clients) == []
    assert command("drift", NAME)[0] == 0


def test_the_way_of_verify_alone_mends_it(
    deployed_worker: Path, clients: Clients, client: Client, command: Run
) -> None:
    checkout = deployed_worker
    no_alarm(client)
    no_log_group(client)
    for _ in range(4):
        found = red(checkout, clients)
        if not found:
            break
        follow(found[0].next_step.split(" && ")[0], command, client, checkout)
    assert red(checkout, clients) == []


def test_a_queue_of_any_stack_is_put_back_or_made_again(
    checkout: Path, client: Client, command: Run
) -> None:
    small(checkout, "one")
    file = str(checkout / "r.json")
    assert command("review", "dev/one", "--output", file)[0] == 2
    assert command("execute", file)[0] == 0
    code, _, err = command("review", "dev/one", "--revert-drift")
    assert (code, "No changes" in err) == (0, True), err
    url = physical(client, "Queue", "one")
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "99"})
    assert command("review", "dev/one")[0] == 0
    for spoil in ("changed", "deleted"):
        if spoil == "deleted":
            client("sqs").delete_queue(QueueUrl=url)
        assert command("drift", "dev/one")[0] == 2
        code, out, err = command("review", "dev/one", "--revert-drift", "--output", file)
        assert code == 2, out + err
        assert f"drift: {'MODIFIED' if spoil == 'changed' else 'DELETED'}" in out, out
        code, out, err = command("execute", file)
        assert code == 0, out + err
        assert seconds(client) == "30"
        assert command("drift", "dev/one")[0] == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [({"ChangeSetType": "CREATE", "StackName": "new"}, "only valid when ChangeSetType is UPDATE"),
     ({"IncludeNestedStacks": True}, "IncludeNestedStacks is not valid"),
     ({"ImportExistingResources": True}, "ImportExistingResources is not valid")],
)  # fmt: skip
def test_the_endpoint_refuses_what_cloudformation_does(
    more: dict[str, Any], said: str, checkout: Path, client: Client, command: Run
) -> None:
    small(checkout, "one")
    file = str(checkout / "r.json")
    assert command("review", "dev/one", "--output", file)[0] == 2
    assert command("execute", file)[0] == 0
    template = (checkout / "out/one.template.yaml").read_text()
    request = {"StackName": "one", "ChangeSetName": "x", "TemplateBody": template,
               "DeploymentMode": "REVERT_DRIFT", **more}  # fmt: skip
    with pytest.raises(ClientError, match=said):
        client("cloudformation").create_change_set(**request)
