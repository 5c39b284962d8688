"""The worker as it is live: what the AWS services themselves say of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer import scaling
from deployer.clients import Clients
from problem import Problem


@dataclass(frozen=True)
class Worker:
    """The service and what hangs on it, as the Describe calls answer."""

    service: Mapping[str, Any]
    task_definition: Mapping[str, Any]
    worker_groups: list[Mapping[str, Any]]
    file_systems: Mapping[str, list[Mapping[str, Any]]]
    policies: list[Mapping[str, Any]]
    scalable_target: Mapping[str, Any]
    alarms: Mapping[str, Mapping[str, Any]]
    queue_name: str


def read(clients: Clients, stack_id: str) -> Worker:
    """The worker of a stack; raises Problem where the stack has no service."""
    physical = _physical_ids(clients, stack_id)
    service = _service(clients, physical)
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if not network or not service.get("taskDefinition"):
        raise Problem(
            f"The service {service['serviceName']} is no worker that Fargate could run",
            "it has no task definition of its own, or its tasks no address in a VPC",
            "Give it the deployment controller ECS and the network mode awsvpc",
        )
    ecs = clients("ecs")
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    policies = _policies(clients, service)
    names = [alarm["AlarmName"] for policy in policies for alarm in policy.get("Alarms", ())]
    return Worker(
        service=service,
        task_definition=task,
        worker_groups=_groups(clients, network["securityGroups"]),
        file_systems={name: _mount_groups(clients, name) for name in _file_systems(task)},
        policies=policies,
        scalable_target=scaling.target(clients("application-autoscaling"), service),
        alarms=_alarms(clients, names),
        queue_name=_queue_name(task),
    )


def _physical_ids(clients: Clients, stack_id: str) -> dict[str, str]:
    """The physical id of each resource type's first resource."""
    pages = clients("cloudformation").get_paginator("list_stack_resources")
    return {
        resource["ResourceType"]: resource.get("PhysicalResourceId", "")
        for page in pages.paginate(StackName=stack_id)
        for resource in page["StackResourceSummaries"]
    }


def _service(clients: Clients, physical: Mapping[str, str]) -> Mapping[str, Any]:
    arn = physical.get("AWS::ECS::Service")
    if not arn:
        raise Problem(
            "The stack has no ECS service", "there is nothing to verify", "Deploy the worker first"
        )
    cluster = arn.split("/")[1]
    found = clients("ecs").describe_services(cluster=cluster, services=[arn])["services"]
    # ECS goes on describing a service that was deleted, as INACTIVE.
    if not found or found[0].get("status") == "INACTIVE":
        raise Problem(
            f"The service {arn} does not exist",
            "the stack says that it does; it was deleted by hand",
            "Find out by whom, then deploy again",
        )
    return dict(found[0])


def _groups(clients: Clients, ids: list[str]) -> list[Mapping[str, Any]]:
    return list(clients("ec2").describe_security_groups(GroupIds=ids)["SecurityGroups"])


def _file_systems(task: Mapping[str, Any]) -> list[str]:
    volumes = [each.get("efsVolumeConfiguration") for each in task.get("volumes", ())]
    return [each["fileSystemId"] for each in volumes if each]


def _mount_groups(clients: Clients, file_system: str) -> list[Mapping[str, Any]]:
    """The security groups of a file system's mount targets."""
    efs = clients("efs")
    targets = efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
    ids = {
        group
        for target in targets
        for group in efs.describe_mount_target_security_groups(
            MountTargetId=target["MountTargetId"]
        )["SecurityGroups"]
    }
    return _groups(clients, sorted(ids)) if ids else []


def _policies(clients: Clients, service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    pages = (
        clients("application-autoscaling")
        .get_paginator("describe_scaling_policies")
        .paginate(ServiceNamespace="ecs", ResourceId=scaling.resource_id(service))
    )
    return [policy for page in pages for policy in page["ScalingPolicies"]]


def _alarms(clients: Clients, names: list[str]) -> dict[str, Mapping[str, Any]]:
    if not names:
        return {}
    answer = clients("cloudwatch").describe_alarms(AlarmNames=names)
    return {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}


def metrics(alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The metrics that an alarm looks at, by itself or through metric math."""
    if alarm.get("MetricName"):
        yield alarm
    for query in alarm.get("Metrics", ()):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"]


def _queue_name(task: Mapping[str, Any]) -> str:
    """The queue whose URL the container is given."""
    for container in task["containerDefinitions"]:
        for variable in container.get("environment", ()):
            if variable["name"] == "QUEUE_URL":
                return str(variable["value"]).rpartition("/")[2]
    return ""
