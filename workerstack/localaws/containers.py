"""What MiniStack's CloudFormation forgets of ECS task definitions and services."""

from collections.abc import Mapping
from typing import Any

Properties = dict[str, Any]

SPELLINGS = {
    "EFSVolumeConfiguration": "efsVolumeConfiguration",
    "FilesystemId": "fileSystemId",
    "IAM": "iam",
}
"""Where CloudFormation's spelling and the ECS API's differ by more than a capital."""

FREE_KEYS = frozenset({"Options", "DockerLabels"})
"""Maps whose keys are the user's own."""

IN_PLACE = {
    "AvailabilityZoneRebalancing": "availabilityZoneRebalancing",
    "EnableECSManagedTags": "enableECSManagedTags",
    "EnableExecuteCommand": "enableExecuteCommand",
    "HealthCheckGracePeriodSeconds": "healthCheckGracePeriodSeconds",
    "LoadBalancers": "loadBalancers",
    "PlatformVersion": "platformVersion",
    "PropagateTags": "propagateTags",
    "ServiceRegistries": "serviceRegistries",
}
"""Service properties that MiniStack does not hand over; absent ones are left as they are."""


def install(provisioners: Any) -> None:
    """Wraps the handlers of the two types."""
    handlers = provisioners._RESOURCE_HANDLERS
    service, task = handlers["AWS::ECS::Service"], handlers["AWS::ECS::TaskDefinition"]
    if "wrapped" in service:
        return
    create_service, update_service = service["create"], service["update"]
    create_task, update_task = task["create"], task["update"]
    provisioners._normalize_container_defs = camel_case

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        # The service's ARN names the cluster, however the template does.
        cluster = str(properties.get("Cluster", "default")).rpartition("/")[2]
        named = {**_numbers(properties), "Cluster": cluster}
        result = create_service(logical_id, named, stack)
        _complete(result[0], properties)
        return result

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Any:
        # ECS leaves alone what a request does not name, and so does CloudFormation.
        # A grace period is the exception: without one, it is 0 (AWS::ECS::Service).
        kept = {name: old[name] for name in IN_PLACE if name in old and name not in new}
        kept.pop("HealthCheckGracePeriodSeconds", None)
        before = _deployments(physical_id)
        result = update_service(physical_id, _numbers(old), _numbers({**kept, **new}), stack)
        _complete(result[0], new)
        _check_rollout(result[0], before)
        return result

    def create_revision(logical_id: str, properties: Properties, stack: str) -> Any:
        result = create_task(logical_id, properties, stack)
        _complete_task(result[0], properties)
        return result

    def update_revision(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Any:
        result = update_task(physical_id, old, new, stack, logical_id)
        _complete_task(result[0], new)
        return result

    service |= {"create": create, "update": update, "wrapped": True}
    task |= {"create": create_revision, "update": update_revision}


def _deployments(arn: str) -> dict[str, str]:
    """How each deployment of a service goes, by its id."""
    from ministack.services import ecs

    service = ecs._services.get(arn.split("service/", 1)[1]) or {}
    return {each["id"]: each.get("rolloutState", "") for each in service.get("deployments", ())}


BROKEN = (
    "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit"
    " Breaker was triggered'.\" (RequestToken: 0ec50ec5, HandlerErrorCode: GeneralServiceException)"
)
"""What CloudFormation says of a service whose deployment its circuit breaker ended."""


def _check_rollout(arn: str, before: Mapping[str, str]) -> None:
    """Raises ValueError where a deployment of this update failed: CloudFormation waits for it."""
    if any(state == "FAILED" and before.get(each) != state
           for each, state in _deployments(arn).items()):  # fmt: skip
        raise ValueError(BROKEN)


def _numbers(properties: Properties) -> Properties:
    """A Ref to a Number parameter arrives as text."""
    if "CapacityProviderStrategy" in properties:
        strategy = [
            {**each, **{name: int(each[name]) for name in ("Base", "Weight") if name in each}}
            for each in properties["CapacityProviderStrategy"]
        ]
        properties = {**properties, "CapacityProviderStrategy": strategy}
    if properties.get("DesiredCount") is None:
        return {name: value for name, value in properties.items() if name != "DesiredCount"}
    return {**properties, "DesiredCount": int(properties["DesiredCount"])}


def _complete(arn: str, properties: Properties) -> None:
    from ministack.services import ecs

    service = ecs._services[arn.split("service/", 1)[1]]
    for name, key in IN_PLACE.items():
        if name in properties:
            service[key] = camel_case(properties[name])
    service["healthCheckGracePeriodSeconds"] = int(
        properties.get("HealthCheckGracePeriodSeconds", 0)
    )


def _complete_task(arn: str, properties: Properties) -> None:
    from ministack.services import ecs

    revision = ecs._task_defs[arn.split("task-definition/", 1)[1]]
    revision["volumes"] = camel_case(properties.get("Volumes", []))
    if "EphemeralStorage" in properties:
        size = int(properties["EphemeralStorage"]["SizeInGiB"])
        revision["ephemeralStorage"] = {"sizeInGiB": size}
    for container in revision["containerDefinitions"]:
        for name in ("cpu", "memory", "memoryReservation"):
            if name in container:
                container[name] = int(container[name])  # a Ref to a Number parameter is a text
    if "RuntimePlatform" in properties:
        revision["runtimePlatform"] = camel_case(properties["RuntimePlatform"])


def camel_case(value: Any) -> Any:
    """CloudFormation's keys as the ECS API spells them, at every depth."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        SPELLINGS.get(key, key[:1].lower() + key[1:]): item
        if key in FREE_KEYS
        else camel_case(item)
        for key, item in value.items()
    }
