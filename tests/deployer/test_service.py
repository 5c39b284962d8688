"""A service that rolls out: why its tasks cannot start, said when it is first seen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.deployer.test_watch import BEGUN, ENDED, OPERATION, STACK, START, event
from workerstack.commands import operation
from workerstack.deployer import patience, watch
from workerstack.deployer import service as rollout
from workerstack.deployer.clock import Clock
from workerstack.deployer.screen import LineScreen, rollout_lines

SERVICE = "arn:aws:ecs:us-west-2:111122223333:service/workers/edit"
TASK = {
    "taskDefinition": {
        "containerDefinitions": [
            {
                "name": "worker",
                "environment": [{"name": "QUEUE_URL", "value": "https://sqs/q"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs"}},
            }
        ]
    }
}
BAD_IMAGE = "CannotPullContainerError: repository/edit:nonsense: not found"


class Account:
    """Answers of several services, in order, behind real clients."""

    profile = None

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {
            name: boto3.client(name, region_name="us-west-2")
            for name in ("cloudformation", "ecs", "sqs", "logs")
        }
        self.stubbers = {name: Stubber(client) for name, client in self.clients.items()}
        for stubber in self.stubbers.values():
            stubber.activate()

    def __call__(self, service: str) -> Any:
        return self.clients[service]

    def answers(self, service: str, action: str, answer: dict[str, Any]) -> None:
        self.stubbers[service].add_response(action, answer)

    def stack(self, status: str, *events: dict[str, Any]) -> None:
        stack = {"StackName": "x", "StackId": STACK, "StackStatus": status, "CreationTime": START}
        self.answers("cloudformation", "describe_stacks", {"Stacks": [stack]})
        self.events(*events)

    def events(self, *events: dict[str, Any]) -> None:
        found = {"StackEvents": list(events)[::-1]}
        self.answers("cloudformation", "describe_stack_events", found)

    def service(self, state: str, *stopped: dict[str, Any]) -> None:
        """One look at the rollout."""
        deployment = {
            "status": "PRIMARY", "taskDefinition": "x/edit:2", "desiredCount": 1,
            "rolloutState": state, "rolloutStateReason": "circuit breaker was triggered",
        }  # fmt: skip
        service = {"taskDefinition": "x/edit:2", "deployments": [deployment]}
        self.answers("ecs", "describe_services", {"services": [service]})
        self.answers("ecs", "describe_task_definition", TASK)
        waiting = {"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "0"}
        self.answers("sqs", "get_queue_attributes", {"Attributes": waiting})
        self.deployments(state)
        self.answers("ecs", "list_tasks", {"taskArns": [str(n) for n, _ in enumerate(stopped)]})
        if stopped:
            self.answers("ecs", "describe_tasks", {"tasks": list(stopped)})
        self.answers("logs", "filter_log_events", {"events": []})

    def deployments(self, state: str) -> None:
        """The service's deployments, as ECS keeps them: one that fails is rolled back."""
        arn = SERVICE.replace(":service/", ":service-deployment/") + "/1"
        status = "ROLLBACK_IN_PROGRESS" if state == "FAILED" else "IN_PROGRESS"
        of = {"serviceDeploymentArn": arn, "status": status}
        self.answers("ecs", "list_service_deployments", {"serviceDeployments": [of]})
        if state == "FAILED":
            why = {
                "statusReason": "Tasks failed to start",
                "deploymentCircuitBreaker": {
                    "status": "TRIGGERED", "failureCount": 3, "threshold": 3,
                },
                "rollback": {"reason": "circuit breaker"},
            }  # fmt: skip
            answer = {"serviceDeployments": [{**of, **why}]}
            self.answers("ecs", "describe_service_deployments", answer)


@pytest.fixture
def account() -> Iterator[Account]:
    found = Account()
    yield found
    for stubber in found.stubbers.values():
        stubber.assert_no_pending_responses()


def task(seconds: int, code: str = "TaskFailedToStart", reason: str = BAD_IMAGE) -> dict[str, Any]:
    return {
        "stopCode": code, "stoppedReason": reason, "stoppedAt": START + timedelta(seconds=seconds),
        "containers": [{"name": "worker"}],
    }  # fmt: skip


def going() -> dict[str, Any]:
    return event(2, "UPDATE_IN_PROGRESS", "Service") | {
        "ResourceType": "AWS::ECS::Service", "PhysicalResourceId": SERVICE,
    }  # fmt: skip


def failed() -> dict[str, Any]:
    return going() | {
        "EventId": "5", "ResourceStatus": "UPDATE_FAILED",
        "Timestamp": START + timedelta(seconds=5), "ResourceStatusReason": "did not stabilise",
    }  # fmt: skip


def test_a_bad_image_is_named_at_the_poll_at_which_it_appears(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = [BEGUN, going()]
    account.stack("UPDATE_IN_PROGRESS", *begun)
    account.service("IN_PROGRESS")
    account.stack("UPDATE_IN_PROGRESS", *begun)
    account.service("IN_PROGRESS", task(4))
    account.stack("UPDATE_IN_PROGRESS", *begun)
    account.service("FAILED", task(4), task(5))
    back = [
        failed(), event(6, "UPDATE_ROLLBACK_IN_PROGRESS"), event(7, "UPDATE_ROLLBACK_COMPLETE"),
    ]  # fmt: skip
    account.stack("UPDATE_ROLLBACK_COMPLETE", *begun, *back)
    account.events(*begun, *back)
    polls: list[str] = []

    def clock(**_: object) -> Clock:
        return Clock(now=lambda: START, sleep=lambda _: polls.append(capsys.readouterr().out))

    monkeypatch.setattr(operation, "Clock", clock)
    code = operation.watched(OPERATION, account, form="text", minutes=60)  # type: ignore[arg-type]
    assert code == 1
    assert "CannotPull" not in polls[0]
    assert f"a task stopped: {BAD_IMAGE}" in polls[1]
    assert "CannotPull" not in polls[2]
    assert "edit:2 PRIMARY FAILED: circuit breaker was triggered" in polls[2]
    assert (
        "the service's deployment is ROLLBACK_IN_PROGRESS: Tasks failed to start; circuit breaker;"
        " circuit breaker: 3 tasks failed, of 3 that it allows"
    ) in " ".join(polls[2].split())
    err = capsys.readouterr().err
    assert "x is UPDATE_ROLLBACK_COMPLETE." in err
    assert err.index("cause: Service") < err.index(f"a task stopped: {BAD_IMAGE}")
    assert "usually: the image, or its repository, does not exist." in err


def test_tasks_that_stopped_before_or_as_they_were_told_are_no_failures(account: Account) -> None:
    account.service(
        "IN_PROGRESS",
        task(-10),
        task(3, "ServiceSchedulerInitiated", "Scaling activity"),
        task(3, "EssentialContainerExited", "Essential container in task exited")
        | {"containers": [{"name": "worker", "exitCode": 137}]},
        task(0, reason="at that second"),
        {"stopCode": "TaskFailedToStart", "stoppedReason": "is stopping still"},
    )
    found = rollout.read_rollout(account, SERVICE, START, START)  # type: ignore[arg-type]
    assert found.stopped == (
        "Essential container in task exited; worker exited with 137",
        "at that second",
        "is stopping still",
    )


@pytest.mark.parametrize(
    ("code", "exits", "failed_"),
    [
        ("EssentialContainerExited", [0], False),
        ("EssentialContainerExited", [0, 0], False),
        ("EssentialContainerExited", [0, 1], True),
        ("EssentialContainerExited", [137], True),
        ("EssentialContainerExited", [None], True),
        ("EssentialContainerExited", [], True),
        ("TaskFailedToStart", [None], True),
        ("ServiceSchedulerInitiated", [137], False),
        ("UserInitiated", [143], False),
    ],
)
def test_a_task_failed_where_a_container_of_it_is_to_blame(
    code: str, exits: list[int | None], failed_: bool
) -> None:
    containers = [{"name": "c"} if each is None else {"name": "c", "exitCode": each}
                  for each in exits]  # fmt: skip
    assert rollout.task_of({"stopCode": code, "containers": containers}).failed is failed_


def test_who_is_waited_for_is_said_once_and_shown_with_its_end(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ecs = account.stubbers["ecs"]
    cluster = "workers"
    begun = [BEGUN, going()]
    deployments = [
        {"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": "x/edit:2", "desiredCount": 2},
        {"id": "ecs-svc/1", "status": "ACTIVE", "taskDefinition": "x/edit:1", "runningCount": 2},
    ]
    for _ in range(2):
        account.stack("UPDATE_IN_PROGRESS", *begun)
        service = {"taskDefinition": "x/edit:2", "deployments": deployments}
        ecs.add_response("describe_services", {"services": [service]})
        ecs.add_response("describe_task_definition", {"taskDefinition": {}})
        ecs.add_response("list_service_deployments", {"serviceDeployments": []})
        ecs.add_response("list_tasks", {"taskArns": ["arn:t/new", "arn:t/busy", "arn:t/idle"]})
        tasks = [
            {"taskArn": f"arn:t/{name}", "startedBy": f"ecs-svc/{number}"}
            for name, number in (("new", 2), ("busy", 1), ("idle", 1))
        ]
        ecs.add_response("describe_tasks", {"tasks": tasks})
        ecs.add_response(
            "get_task_protection",
            {
                "protectedTasks": [
                    {
                        "taskArn": "arn:t/busy", "protectionEnabled": True,
                        "expirationDate": START + timedelta(hours=2),
                    },
                    {"taskArn": "arn:t/idle", "protectionEnabled": False},
                ]
            },
            {"cluster": cluster, "tasks": ["arn:t/busy", "arn:t/idle"]},
        )  # fmt: skip
        ecs.add_response("list_tasks", {"taskArns": []})
    ended = [event(6, "UPDATE_COMPLETE")]
    account.stack("UPDATE_COMPLETE", *begun, *ended)
    account.events(*begun, *ended)
    monkeypatch.setattr(
        operation, "Clock", lambda **_: Clock(now=lambda: START, sleep=lambda _: None)
    )
    assert operation.watched(OPERATION, account, form="text", minutes=60) == 0  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert out.count("the deployment waits for task busy") == 1
    assert "idle" not in out


def test_a_task_that_is_waited_for_is_shown_until_when() -> None:
    found = rollout.Rollout(waits_for=(rollout.Protected("busy", "2026-11-28T22:00:00+00:00"),))
    lines = rollout_lines(found, 200)
    assert lines[0].strip() == (
        "waits for task busy, which is at work, protected until 2026-11-28T22:00:00+00:00 at the"
        " latest"
    )


def test_what_cannot_be_read_is_said_and_stops_nothing(account: Account) -> None:
    for name in ("describe_services", "list_service_deployments", "list_tasks"):
        account.stubbers["ecs"].add_client_error(name, "AccessDeniedException", "not allowed")
    found = rollout.read_rollout(account, SERVICE, START, START)  # type: ignore[arg-type]
    assert [each.split(" could not")[0] for each in found.unknown] == [
        "The service", "The service's deployments", "Stopped tasks",
    ]  # fmt: skip


def test_a_stack_that_is_deleted_meanwhile_is_no_success(account: Account) -> None:
    account.stack("UPDATE_IN_PROGRESS", BEGUN)
    for _ in range(watch.SETTLED + 1):
        account.stubbers["cloudformation"].add_client_error(
            "describe_stacks", "ValidationError", "Stack with id x does not exist"
        )
    found = watch.watch(OPERATION, account, Clock(sleep=lambda _: None), LineScreen(print))  # type: ignore[arg-type]
    assert (found.status, found.is_good) == ("ABSENT", False)


def test_a_throttled_account_is_asked_on_and_on(account: Account) -> None:
    account.stack("UPDATE_IN_PROGRESS", BEGUN)
    for _ in range(patience.PATIENCE):
        account.stubbers["cloudformation"].add_client_error("describe_stacks", "Throttling")
    account.stack("UPDATE_COMPLETE", BEGUN, ENDED)
    account.events(BEGUN, ENDED)
    found = watch.watch(OPERATION, account, Clock(sleep=lambda _: None), LineScreen(print))  # type: ignore[arg-type]
    assert found.is_good


def test_credentials_that_expire_between_two_pages_detach(account: Account) -> None:
    from workerstack.problem import Detached

    account.answers(
        "cloudformation", "describe_stacks",
        {"Stacks": [{"StackName": "x", "StackId": STACK, "StackStatus": "UPDATE_IN_PROGRESS",
                     "CreationTime": START}]},
    )  # fmt: skip
    account.answers("cloudformation", "describe_stack_events", {
        "StackEvents": [BEGUN], "NextToken": "2",
    })  # fmt: skip
    account.stubbers["cloudformation"].add_client_error("describe_stack_events", "ExpiredToken")
    with pytest.raises(Detached, match=r"expired.*deploy\.py watch dev/x"):
        watch.watch(OPERATION, account, Clock(sleep=lambda _: None), LineScreen(print))  # type: ignore[arg-type]


def test_the_queue_of_a_worker_beside_a_sidecar_is_the_one_at_sqs() -> None:
    def given(url: str) -> dict[str, object]:
        return {"environment": [{"name": "QUEUE_URL", "value": url}]}

    beside, real = given("http://127.0.0.1:9324/1/q"), given("https://sqs.eu-west-1/1/q")
    for containers in ([beside, real], [real, beside], [real]):
        assert (
            rollout.queue_url({"containerDefinitions": containers}) == "https://sqs.eu-west-1/1/q"
        )
    assert rollout.queue_url({"containerDefinitions": [{"name": "other"}]}) == ""
