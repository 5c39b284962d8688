"""The scalable target of an ECS service: read it, suspend what would interfere, resume it.

Source: Application Auto Scaling, "Suspend and resume scaling", RegisterScalableTarget.
"""

from collections.abc import Mapping
from typing import Any

from deployer.clients import Clients

DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
SCALE_IN = "DynamicScalingInSuspended"


def resource_id(service: Mapping[str, Any]) -> str:
    """``service/CLUSTER/SERVICE``, the name that scaling has for an ECS service."""
    cluster = service["clusterArn"].rpartition("/")[2]
    return f"service/{cluster}/{service['serviceName']}"


def target(autoscaling: Any, service: Mapping[str, Any]) -> Mapping[str, Any]:
    """The service's scalable target; empty where nothing scales it."""
    found = autoscaling.describe_scalable_targets(**DIMENSION, ResourceIds=[resource_id(service)])[
        "ScalableTargets"
    ]
    return dict(found[0]) if found else {}


def suspend(clients: Clients, resource: str, suspended: Mapping[str, bool]) -> None:
    """Suspends or resumes scaling, and leaves the capacities as they are."""
    clients("application-autoscaling").register_scalable_target(
        **DIMENSION, ResourceId=resource, SuspendedState=dict(suspended)
    )


def resume_command(found: Mapping[str, Any], suspended: Mapping[str, bool]) -> str:
    """The command with which a person does what ``suspend`` does."""
    states = ",".join(f"{name}={str(value).lower()}" for name, value in suspended.items())
    return (
        "aws application-autoscaling register-scalable-target --service-namespace ecs"
        f" --scalable-dimension {DIMENSION['ScalableDimension']}"
        f" --resource-id {found['ResourceId']} --suspended-state {states}"
    )
