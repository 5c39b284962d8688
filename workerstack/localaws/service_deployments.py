"""ListServiceDeployments and DescribeServiceDeployments, which MiniStack answers with nothing.

Source: ECS API reference, ServiceDeployment (status, statusReason, deploymentCircuitBreaker,
rollback).
"""

from collections.abc import Iterator
from typing import Any

Answer = dict[str, Any]
STATES = {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL"}


def install(ecs: Any) -> None:
    """Puts the two in the place of MiniStack's."""

    def list_deployments(data: Answer) -> Any:
        from ministack.core.responses import json_response

        cluster = str(data.get("cluster") or "default").rpartition("/")[2]
        service = ecs._services.get(f"{cluster}/{data['service'].rpartition('/')[2]}")
        after = float((data.get("createdAt") or {}).get("after") or 0)
        found = [each for each in _of(ecs, service or {}) if each["createdAt"] >= after]
        brief = ("serviceDeploymentArn", "serviceArn", "clusterArn", "createdAt", "status",
                 "statusReason")  # fmt: skip
        return json_response(
            {"serviceDeployments": [{name: each[name] for name in brief} for each in found]}
        )

    def describe_deployments(data: Answer) -> Any:
        from ministack.core.responses import json_response

        wanted = set(data.get("serviceDeploymentArns", ()))
        every = [each for service in ecs._services.values() for each in _of(ecs, service)]
        found = [each for each in every if each["serviceDeploymentArn"] in wanted]
        return json_response({"serviceDeployments": found, "failures": []})

    ecs._ACTION_MAP["ListServiceDeployments"] = list_deployments
    ecs._ACTION_MAP["DescribeServiceDeployments"] = describe_deployments


def _of(ecs: Any, service: Answer) -> Iterator[Answer]:
    """The deployments of a service, newest first, each with how it goes."""
    for each in service.get("deployments", ()):
        status, reason = STATES.get(each.get("rolloutState", ""), "STOPPED"), ""
        breaker: Answer = {"status": "MONITORING", "failureCount": each.get("failedTasks", 0)}
        rollback: Answer = {}
        if each.get("rolloutState") == "FAILED":
            reason = each.get("rolloutStateReason", "")
            breaker["status"] = "TRIGGERED"
            others = [one for one in service["deployments"] if one["status"] == "PRIMARY"]
            if others and others[0] is not each:
                ended = others[0].get("rolloutState") == "COMPLETED"
                status = "ROLLBACK_SUCCESSFUL" if ended else "ROLLBACK_IN_PROGRESS"
                rollback = {"rollback": {"reason": "Service deployment rolled back because the"
                                         " circuit breaker threshold was exceeded."}}  # fmt: skip
        arn = service["serviceArn"].replace(":service/", ":service-deployment/")
        yield {
            "serviceDeploymentArn": f"{arn}/{each['id'].rpartition('/')[2]}",
            "serviceArn": service["serviceArn"],
            "clusterArn": service["clusterArn"],
            "createdAt": ecs._ts_to_epoch(each["createdAt"]),
            "status": status,
            "statusReason": reason,
            "deploymentCircuitBreaker": {**breaker, "threshold": ecs._circuit_breaker_threshold(
                service)},
            **rollback,
        }  # fmt: skip
