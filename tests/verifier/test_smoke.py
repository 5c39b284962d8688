"""The smoke test against the embedded endpoint, with a thread for the container."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from tests.commands.test_deploy import NAME, carry_out, change, make
from tests.conftest import Run
from tests.smoke_worker import KEY, QUEUE, SERVICE, Account, pause
from workerstack import deployments
from workerstack.deployer import service as tasks
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.problem import Problem, Refusal
from workerstack.verifier import smoke as smoke_plan
from workerstack.verifier import smoke_checks, smoke_journal, smoke_message
from workerstack.verifier.check import Verdict
from workerstack.verifier.smoke_undo import held

QUICK = Clock(sleep=pause)


@pytest.fixture
def deployed(deployed_worker: Path, client: Callable[[str], Any]) -> Account:
    assert deployed_worker
    # The one task of a creation was idle, and scaling has removed it.
    client("ecs").update_service(**SERVICE, desiredCount=0)
    return Account(client)


def smoke(
    account: Account, checkout: Path, clients: Any, *, wants: bool = True, timeout: int = 40
) -> dict[str, Verdict]:
    deployment = deployments.load(NAME, checkout)
    plan = smoke_plan.plan(
        deployment, clients, "a job",
        smoke_message.named(account.object) if wants else None, timeout,
    )  # fmt: skip
    journal = smoke_journal.Journal(deployment, checkout)
    run = smoke_plan.Smoke(plan, clients, QUICK, lambda _: None, journal)
    with held() as interrupts:
        run.run(interrupts)
    return {check.id: check for check in run.checks}


def statuses(checks: dict[str, Verdict]) -> dict[str, str]:
    return {name: check.status for name, check in checks.items()}


def test_a_message_is_processed_and_all_is_as_before(
    deployed: Account, command: Run, tmp_path: Path
) -> None:
    file = tmp_path / "message.json"
    file.write_text("a job")
    words = ("smoke", NAME, "--message", str(file), "--expect-object", deployed.object)
    code, out, err = command(*words, "--dry-run")
    assert code == 0, err
    assert "would set the desired count of webordinary-edit-service from 0 to 1" in out
    assert "Nothing is touched." in err
    code, _, err = command(*words)
    assert code == 3
    assert "Not confirmed" in err
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)
    with deployed.worker(lines=("ready", "pushed to github.com")):
        code, out, err = command(*words, "--yes", "--format", "json")
    assert code == 0, out + err
    found = json.loads(out)
    assert [(each["id"], each["status"]) for each in found] == [
        ("stack", "PASS"), ("rights", "PASS"), ("start", "PASS"), ("message", "PASS"),
        ("object", "PASS"), ("network", "PASS"), ("restored", "PASS"),
    ], out  # fmt: skip
    assert "| pushed to github.com" in err
    assert deployed.is_as_before()


def test_a_worker_that_runs_is_taken_as_it_is(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    deployed.ecs.update_service(**SERVICE, desiredCount=2)
    with deployed.worker():
        found = smoke(deployed, checkout, clients)
    assert set(statuses(found).values()) == {"PASS"}
    assert "was running already" in found["start"].evidence
    assert (deployed.count(), deployed.suspended()) == (2, False)


def test_a_task_that_cannot_start_is_named_and_nothing_is_sent(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    change(checkout, "tags:", "  ImageReference: ':missing'\ntags:")
    assert carry_out(make(checkout, clients), checkout, clients).is_good
    found = smoke(deployed, checkout, clients)
    assert "CannotPullContainerError" in found["start"].evidence
    assert statuses(found) == {
        "start": "FAIL", "message": "SKIP", "object": "SKIP", "network": "SKIP",
        "restored": "PASS",
    }  # fmt: skip
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)


def test_a_container_that_breaks_at_work_is_named_at_once(
    deployed: Account, checkout: Path, clients: Clients, account: str
) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import ecs

    def crash(_: Any) -> None:
        with request_scope(account, "us-west-2"):
            for task in ecs._tasks.values():
                task |= {
                    "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
                    "stopCode": "EssentialContainerExited",
                    "stoppedReason": "Essential container in task exited",
                }  # fmt: skip
                task["containers"][0] |= {"exitCode": 1, "lastStatus": "STOPPED"}

    with deployed.worker(received=crash, writes=False, deletes=False):
        found = smoke(deployed, checkout, clients, timeout=3000)
    assert "webordinary-edit exited with 1" in found["start"].evidence
    assert "not consumed before the task stopped" in found["message"].evidence
    assert statuses(found)["start"] == statuses(found)["message"] == "FAIL"
    assert deployed.is_as_before()


def test_a_message_that_nobody_takes_is_taken_back(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    found = smoke(deployed, checkout, clients, timeout=8)
    assert "not consumed within 8 s: 1 waiting" in found["message"].evidence
    assert statuses(found)["object"] == "FAIL"
    assert statuses(found)["restored"] == "PASS"
    assert deployed.is_as_before()
    assert deployed.depth() == (0, 0)


def test_others_messages_keep_their_worker_and_are_not_received(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    deployed.sqs.send_message(QueueUrl=deployed.queue, MessageBody="somebody else's")
    [taken] = deployed.sqs.receive_message(QueueUrl=deployed.queue)["Messages"]
    with deployed.worker():
        found = smoke(deployed, checkout, clients, timeout=20)
    assert statuses(found)["message"] == "SKIP"
    assert statuses(found)["object"] == "PASS"
    assert statuses(found)["restored"] == "SKIP"
    assert "left at 1 for others' messages" in found["restored"].evidence
    assert (deployed.count(), deployed.suspended()) == (1, False)
    deployed.sqs.delete_message(QueueUrl=deployed.queue, ReceiptHandle=taken["ReceiptHandle"])


def test_a_job_that_is_not_deleted_is_red(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    with deployed.worker(deletes=False):
        found = smoke(deployed, checkout, clients, timeout=12)
    assert "processed, but not deleted" in found["message"].evidence
    assert statuses(found)["object"] == "PASS"
    assert deployed.is_as_before()


def test_a_message_that_dies_is_told(deployed: Account, checkout: Path, clients: Clients) -> None:
    dead = deployed.sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = deployed.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "1"}
    deployed.sqs.set_queue_attributes(
        QueueUrl=deployed.queue,
        Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"},
    )
    with deployed.worker(deletes=False, writes=False):
        found = smoke(deployed, checkout, clients, timeout=60)
    assert "the dead letters went from 0 to 1" in found["message"].evidence
    assert statuses(found)["message"] == "FAIL"
    assert deployed.is_as_before()


def test_an_old_object_and_a_network_error_are_red(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    deployed.s3.put_object(Bucket=deployed.bucket, Key=KEY, Body=b"of yesterday")
    line = "fatal: unable to access 'https://github.com/x/': Could not resolve host: github.com"
    with deployed.worker(lines=("ready", line), writes=False):
        found = smoke(deployed, checkout, clients, timeout=20)
    assert statuses(found) == {
        "start": "PASS", "message": "PASS", "object": "FAIL", "network": "FAIL",
        "restored": "PASS",
    }  # fmt: skip
    assert line in found["network"].evidence


def test_without_an_object_or_a_log_nothing_is_claimed(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    with deployed.worker(lines=(), writes=False):
        found = smoke(deployed, checkout, clients, wants=False, timeout=80)
    assert statuses(found) == {
        "start": "PASS", "message": "PASS", "object": "SKIP", "network": "SKIP",
        "restored": "PASS",
    }  # fmt: skip


def test_scaling_that_goes_on_meanwhile_is_left_alone(
    deployed: Account, checkout: Path, clients: Clients
) -> None:
    def scale_out(_: Any) -> None:
        deployed.ecs.update_service(**SERVICE, desiredCount=3)

    with deployed.worker(received=scale_out):
        found = smoke(deployed, checkout, clients)
    assert "the desired count is 3, which scaling or somebody has set" in found["restored"].evidence
    assert (deployed.count(), deployed.suspended()) == (3, False)


def test_what_somebody_has_suspended_stays_so_and_verify_tells(
    deployed: Account, checkout: Path, clients: Clients, command: Run
) -> None:
    [target] = deployed.autoscaling.describe_scalable_targets(ServiceNamespace="ecs")[
        "ScalableTargets"
    ]
    deployed.autoscaling.register_scalable_target(
        ServiceNamespace="ecs", ResourceId=target["ResourceId"],
        ScalableDimension="ecs:service:DesiredCount",
        SuspendedState={"DynamicScalingInSuspended": True},
    )  # fmt: skip
    with deployed.worker():
        assert statuses(smoke(deployed, checkout, clients))["restored"] == "PASS"
    assert deployed.suspended()
    code, out, _ = command("verify", NAME)
    assert code == 1
    assert "FAIL  scaling          ScalableTarget: DynamicScalingInSuspended is true" in out
    assert "--suspended-state DynamicScalingInSuspended=false" in out


class Troubled:
    """Clients whose changing calls fail so many times once the message is there."""

    def __init__(self, clients: Clients, times: int) -> None:
        self.clients, self.times, self.region = clients, times, clients.region
        self.caller = clients.caller
        self.is_on = False

    def __call__(self, service: str) -> Any:
        found = self.clients(service)
        events = found.meta.events
        for call in ("ecs.UpdateService", "application-auto-scaling.RegisterScalableTarget"):
            events.register(f"before-call.{call}", self._fail, unique_id=call)
        return found

    def _fail(self, **_: Any) -> None:
        if self.is_on and self.times:
            self.times -= 1
            raise EndpointConnectionError(endpoint_url="https://example.com")


@pytest.mark.parametrize(("times", "status"), [(4, "PASS"), (1000, "FAIL")])
def test_putting_back_is_insisted_on(
    deployed: Account, checkout: Path, clients: Clients, times: int, status: str
) -> None:
    troubled = Troubled(clients, times)

    def begin(_: Any) -> None:
        troubled.is_on = True

    with deployed.worker(received=begin):
        found = smoke(deployed, checkout, troubled)
    assert statuses(found)["message"] == "PASS"
    assert found["restored"].status == status
    assert deployed.is_as_before() == (status == "PASS")
    if status == "FAIL":
        assert "scale-in is still suspended" in found["restored"].evidence
        assert "aws application-autoscaling register-scalable-target" in found["restored"].next_step
        assert "--desired-count 0" in found["restored"].next_step


def test_guards(deployed: Account, checkout: Path, command: Run, tmp_path: Path) -> None:
    file = tmp_path / "message.txt"
    words = ("smoke", NAME, "--yes", "--message", str(file))
    assert "The message cannot be read" in command(*words)[2]
    file.write_text("")
    assert "The message is empty" in command(*words)[2]
    file.write_text("x")
    assert "names no object" in command(*words, "--expect-object", "bucket/key")[2]
    assert "There is no bucket" in command(*words, "--expect-object", "s3://not-there/key")[2]
    deployed.sqs.delete_queue(QueueUrl=deployed.queue)
    code, _, err = command(*words)
    assert code == 1
    assert "QueueDoesNotExist" in err or "NonExistentQueue" in err, err
    deployed.sqs.create_queue(QueueName=QUEUE)
    target = checkout / "params/dev/target.yaml"
    target.write_text('account: "999999999999"\nregion: us-west-2\n')
    code, _, err = command(*words)
    assert code == 3
    assert "allows only 999999999999" in err
    assert deployed.is_as_before()


def test_a_right_that_is_missing_stops_it_before_anything_is_touched(
    deployed: Account, command: Run, tmp_path: Path, client: Callable[[str], Any]
) -> None:
    iam = client("iam")
    [role] = [
        each["RoleName"] for each in iam.list_roles()["Roles"] if "TaskRole" in each["RoleName"]
    ]
    iam.delete_role_policy(RoleName=role, PolicyName="task-rights")
    (tmp_path / "m").write_text("x")
    code, out, _ = command("smoke", NAME, "--yes", "--message", str(tmp_path / "m"))
    assert code == 1
    assert "FAIL  rights" in out
    assert "sqs:DeleteMessage" in out
    assert deployed.depth() == (0, 0)


def test_rights_that_we_may_not_ask_for_are_unknown() -> None:
    iam: Any = boto3.client("iam", region_name="us-west-2")
    with Stubber(iam) as stubber:
        stubber.add_client_error("simulate_principal_policy", "AccessDenied")
        role = "arn:aws:iam::111122223333:role/x"
        found = smoke_checks.check(
            iam, role, [smoke_checks.NeededAccess(("sqs:ReceiveMessage",), "*", {})]
        )
    assert found.status == "SKIP"
    assert "AccessDenied" in found.evidence


@pytest.mark.parametrize(
    ("answer", "failed", "reason"),
    [
        ({"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task"
          " exited", "containers": [{"name": "w", "exitCode": 137, "reason": "OutOfMemoryError"}]},
         True, "Essential container in task exited; w exited with 137; OutOfMemoryError"),
        ({"stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task"
          " exited", "containers": [{"name": "w", "exitCode": 0}]},
         False, "Essential container in task exited; w exited with 0"),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated",
          "containers": [{"name": "w", "exitCode": 143}]},
         False, "Scaling activity initiated; w exited with 143"),
        ({"stopCode": "TaskFailedToStart", "stoppedReason": "ResourceInitializationError: unable"
          " to pull secrets"}, True, "ResourceInitializationError: unable to pull secrets"),
    ],
)  # fmt: skip
def test_why_tasks_stop(answer: dict[str, Any], failed: bool, reason: str) -> None:
    ecs: Any = boto3.client("ecs", region_name="us-west-2")
    whole = {"taskArn": "arn:t/1", "taskDefinitionArn": "arn:d", "lastStatus": "STOPPED", **answer}
    with Stubber(ecs) as stubber:
        stubber.add_response("list_tasks", {"taskArns": []})
        stubber.add_response("list_tasks", {"taskArns": ["arn:t/1"]})
        stubber.add_response("describe_tasks", {"tasks": [whole]})
        [found] = tasks.tasks_of(ecs, "c", "s")
    assert (found.failed, found.reason) == (failed, reason)


def test_a_stack_in_progress_is_not_disturbed(
    deployed: Account, checkout: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workerstack.deployer.stack_states.UPDATABLE", frozenset[str]())
    with pytest.raises(Refusal, match="come to rest"):
        smoke(deployed, checkout, clients)
    assert deployed.is_as_before()


def test_an_object_needs_a_key() -> None:
    for text in ("s3://bucket", "s3://bucket/", "https://bucket/key", "bucket"):
        with pytest.raises(Problem, match="names no object"):
            smoke_message.named(text)
    assert str(smoke_message.named("s3://bucket/a/b?c#d")) == "s3://bucket/a/b?c#d"
