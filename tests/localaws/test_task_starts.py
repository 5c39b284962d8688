"""Tasks start as on Fargate, and a service's deployments say how they go; through the API."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import REGION
from workerstack.deployer import service as live
from workerstack.deployer.aws import Clients

Client = Callable[[str], Any]
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def service(client: Client) -> str:
    """A service of one container that logs."""
    ecs = client("ecs")
    ecs.create_cluster(clusterName="c")
    client("logs").create_log_group(logGroupName="/c")
    options = {"awslogs-group": "/c", "awslogs-region": REGION, "awslogs-stream-prefix": "p"}
    ecs.register_task_definition(
        family="f", cpu="256", memory="512", networkMode="awsvpc",
        containerDefinitions=[{
            "name": "worker", "image": "public.ecr.aws/x/y:1",
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }],
    )  # fmt: skip
    made = ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    return str(made["service"]["serviceArn"])


def test_a_task_opens_its_log_stream(client: Client, service: str) -> None:
    assert service
    ecs, logs = client("ecs"), client("logs")
    name = ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"].rpartition("/")[2]
    assert not logs.filter_log_events(
        logGroupName="/c", logStreamNames=[f"p/worker/{name}"]
    )["events"]  # fmt: skip
    with pytest.raises(ClientError, match="The specified log stream does not exist"):
        logs.filter_log_events(logGroupName="/c", logStreamNames=["p/worker/other"])


def test_the_deployments_of_a_service_say_how_they_go(
    client: Client, clients: Clients, account: str, service: str
) -> None:
    ecs = client("ecs")
    [listed] = ecs.list_service_deployments(cluster="c", service="s")["serviceDeployments"]
    assert listed["status"] == "SUCCESSFUL"
    assert not live.read_rollout(clients, service, BEFORE, datetime.now(UTC)).back
    _break(account)
    found = live.read_rollout(clients, service, BEFORE, datetime.now(UTC))
    assert found.back == ("STOPPED: three tasks failed; circuit breaker: 3 tasks failed, of 3"
                          " that it allows",)  # fmt: skip


def _break(account: str) -> None:
    """As MiniStack leaves a deployment whose tasks it saw fail in containers."""
    from ministack.core.responses import request_scope
    from ministack.services import ecs

    with request_scope(account, REGION):
        ecs._services["c/s"]["deployments"][0] |= {
            "rolloutState": "FAILED", "rolloutStateReason": "three tasks failed", "failedTasks": 3,
        }  # fmt: skip
