"""What a live stack says of a worker's parameters: read from what runs, not from its template."""

from collections.abc import Mapping
from typing import Any

from deployer import container_survey, live
from deployer.clients import Clients
from deployer.surveying import Things, unclear

NFS_PARAMETERS = ("FileSystemId", "AccessPointId", "FileSystemSecurityGroupId")


def survey(clients: Clients, stack_id: str, template: Mapping[str, Any]) -> Things:
    """The values of the stack's one service, task and scalable target, by parameter.

    ``template`` is the worker's, which says what its container and secrets are called.
    Raises Problem where there is no service, or none that Fargate could run.
    """
    worker = live.read(clients, stack_id)
    things = Things()
    _service(worker.service, things)
    _network(clients("ec2"), worker.service, things)
    _task(worker.task_definition, things)
    _size(clients("application-autoscaling"), worker.service, things)
    _workspace(worker, things)
    container_survey.survey(clients, worker, template, things)
    return things


def _service(service: Mapping[str, Any], things: Things) -> None:
    things.choose("ClusterName", service["clusterArn"].rpartition("/")[2], "the service's cluster")
    things.choose("ServiceName", service["serviceName"], "the service's name")
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    things.choose("SubnetIds", tuple(network["subnets"]), "the service's subnets")
    things.choose(
        "AssignPublicIp", network.get("assignPublicIp", "DISABLED"), "as the service's tasks"
    )


def _network(ec2: Any, service: Mapping[str, Any], things: Things) -> None:
    subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    [vpc_id] = {
        each["VpcId"] for each in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    }  # ECS takes subnets of one VPC only
    [vpc] = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
    things.choose("VpcId", vpc_id, "the VPC of the service's subnets")
    things.choose("VpcCidr", vpc["CidrBlock"], "the VPC's address range")


def _task(task: Mapping[str, Any], things: Things) -> None:
    things.choose("TaskFamily", task["family"], "the family of the service's task definition")
    for parameter, key in (("TaskCpu", "cpu"), ("TaskMemory", "memory")):
        if key in task:
            things.choose(parameter, task[key], f"the {key} of its tasks")
        else:
            things.miss([parameter], f"not found: the task definition says nothing of {key}")


def _size(autoscaling: Any, service: Mapping[str, Any], things: Things) -> None:
    cluster = service["clusterArn"].rpartition("/")[2]
    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace="ecs",
        ResourceIds=[f"service/{cluster}/{service['serviceName']}"],
        ScalableDimension="ecs:service:DesiredCount",
    )["ScalableTargets"]
    for target in targets:
        things.choose("MinTasks", str(target["MinCapacity"]), "the least of its scalable target")
        things.choose("MaxTasks", str(target["MaxCapacity"]), "the most of its scalable target")


def _workspace(worker: live.Worker, things: Things) -> None:
    volumes = [each.get("efsVolumeConfiguration") for each in worker.task_definition["volumes"]]
    mounted = [each for each in volumes if each]
    if len(mounted) != 1:
        ids = [each["fileSystemId"] for each in mounted]
        things.miss(NFS_PARAMETERS, unclear("file system", ids, "among the task's volumes"))
        return
    [volume] = mounted
    file_system = volume["fileSystemId"]
    things.choose("FileSystemId", file_system, "the task's volume")
    point = volume.get("authorizationConfig", {}).get("accessPointId")
    if point:
        things.choose("AccessPointId", point, "the access point of the task's volume")
    else:
        things.miss(
            ["AccessPointId"], f"not found: the task mounts {file_system} without an access point"
        )
    groups = [each["GroupId"] for each in worker.file_systems[file_system]]
    if len(groups) == 1:
        things.choose("FileSystemSecurityGroupId", groups[0], "its mount targets' only group")
    else:
        things.miss(["FileSystemSecurityGroupId"], unclear("group", groups, "of its mount targets"))
