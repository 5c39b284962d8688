"""What runs: cluster, log group, task definition and service."""

from collections.abc import Sequence
from typing import Any

from troposphere import (
    AWSHelperFn,
    AWSObject,
    GetAtt,
    Parameter,
    Ref,
    RetainExceptOnCreate,
    Select,
    Split,
    Sub,
)
from troposphere.ec2 import SecurityGroup
from troposphere.ecs import (
    AuthorizationConfig,
    AwsvpcConfiguration,
    CapacityProviderStrategyItem,
    Cluster,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    EFSVolumeConfiguration,
    EphemeralStorage,
    NetworkConfiguration,
    RuntimePlatform,
    Service,
    TaskDefinition,
    Volume,
)
from troposphere.iam import Role
from troposphere.logs import LogGroup

from templates import beside
from templates.container import WORKSPACE, scratch_name, worker_container
from templates.queues import QueueReference
from workerstack.specification import Worker
from workerstack.specification.metadata import described, task_metadata
from workerstack.specification.parameters import Parameters, WorkspaceParameters

SPOT = "FARGATE_SPOT"
ON_DEMAND = "FARGATE"


def cluster(parameters: Parameters) -> Cluster:
    """A cluster of its own, which costs nothing; task rights can be bound to it."""
    given: dict[str, Any] = {}
    if parameters.names:
        given["ClusterName"] = Ref(parameters.names.cluster)
    if parameters.size.on_demand_base:
        given["CapacityProviders"] = [ON_DEMAND, SPOT]
    return Cluster(
        "Cluster", Metadata=described("The ECS cluster that the worker's tasks run in."), **given
    )


def cluster_name(cluster: Cluster | Parameter) -> AWSHelperFn:
    """Its name, also where a parameter gives the ARN of another stack's.

    A service that was born with its cluster's ARN is replaced by the name, and the other way
    round (AWS::ECS::Service, Cluster): so either may stand in params/. What stands behind the
    first `:cluster/` of ``X:cluster/X`` is the name, whichever of them X is.
    """
    if isinstance(cluster, Cluster):
        return Ref(cluster)
    end = ":cluster/"
    return Select(1, Split(end, Sub(f"${{{cluster.title}}}{end}${{{cluster.title}}}")))


def log_group(parameters: Parameters, key: Parameter | None) -> LogGroup:
    """The container's output; it outlives the stack, since one reads it afterwards.

    But for a creation that failed: what is left of that would hold the name, and the next
    attempt would fail on it (CloudFormation: "DeletionPolicy attribute").
    """
    given: dict[str, Any] = {}
    if parameters.names:
        given["LogGroupName"] = Ref(parameters.names.log_group)
    if key:
        given["KmsKeyId"] = Ref(key)
    return LogGroup(
        "LogGroup",
        Metadata=described("The container's output, kept when the stack goes."),
        DeletionPolicy=RetainExceptOnCreate,
        UpdateReplacePolicy="Retain",
        RetentionInDays=Ref(parameters.size.log_retention_days),
        **given,
    )


def task_definition(
    worker: Worker,
    parameters: Parameters,
    queues: Sequence[QueueReference],
    execution_role: Role | Parameter,
    task_role: Role | Parameter,
    log_group: LogGroup,
) -> TaskDefinition:
    """One task: the containers, its size, its roles and its workspace."""
    workspace = parameters.workspace
    return TaskDefinition(
        "TaskDefinition",
        Metadata=described(
            "The task: container, size, roles and workspace."
            if workspace
            else "The task: container, size and roles.",
            **task_metadata(worker),
        ),
        RequiresCompatibilities=["FARGATE"],
        NetworkMode="awsvpc",
        Cpu=Ref(parameters.size.cpu),
        Memory=Ref(parameters.size.memory),
        RuntimePlatform=RuntimePlatform(
            CpuArchitecture=worker.architecture, OperatingSystemFamily="LINUX"
        ),
        ExecutionRoleArn=_arn(execution_role),
        TaskRoleArn=_arn(task_role),
        ContainerDefinitions=[
            worker_container(worker, parameters, queues, log_group),
            *beside.containers(worker, parameters, queues[0], log_group),
        ],
        Volumes=[
            *([_volume(workspace)] if workspace else []),
            *(Volume(Name=scratch_name(path)) for path in worker.scratch_paths),
        ],
        **_family_and_storage(parameters),
    )


def _family_and_storage(parameters: Parameters) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if parameters.names:
        found["Family"] = Ref(parameters.names.task_family)
    if parameters.size.ephemeral_storage:
        found["EphemeralStorage"] = EphemeralStorage(
            SizeInGiB=Ref(parameters.size.ephemeral_storage)
        )
    return found


class RoleArn(AWSHelperFn):
    """The ARN of a role of this stack, from its name.

    With GetAtt, AWS's change set would list the task definition as perhaps replaced whenever the
    role changes in place, as with another boundary. Read when it is rendered: the path may be set
    after the task definition is made.
    Source: CloudFormation API reference, ResourceChangeDetail; IAM, "IAM ARNs".
    """

    def __init__(self, role: Role) -> None:
        self._role = role

    def to_dict(self) -> dict[str, Any]:
        """``arn:...:role/PATH/NAME``."""
        path = self._role.properties.get("Path", "/")
        arn: AWSHelperFn = GetAtt(self._role, "Arn")
        if isinstance(path, str):  # else it is not known here
            account = "arn:${AWS::Partition}:iam::${AWS::AccountId}"
            arn = Sub(f"{account}:role{path}${{{self._role.title}}}")
        found: dict[str, Any] = arn.to_dict()
        return found


def _arn(role: Role | Parameter) -> AWSHelperFn:
    return Ref(role) if isinstance(role, Parameter) else RoleArn(role)


def _volume(workspace: WorkspaceParameters) -> Volume:
    """Transit encryption is what an access point and IAM ask for (EFS)."""
    return Volume(
        Name=WORKSPACE,
        EFSVolumeConfiguration=EFSVolumeConfiguration(
            FilesystemId=Ref(workspace.file_system_id),
            TransitEncryption="ENABLED",
            AuthorizationConfig=AuthorizationConfig(
                AccessPointId=Ref(workspace.access_point_id), IAM="ENABLED"
            ),
        ),
    )


def service(
    parameters: Parameters,
    cluster: Cluster | Parameter,
    task_definition: TaskDefinition,
    groups: Sequence[SecurityGroup | Parameter],
    needed: Sequence[AWSObject],
) -> Service:
    """Keeps as many tasks running as scaling says.

    ``LoadBalancers`` and ``ServiceRegistries`` are empty lists, since an absent property
    leaves a live service attached. There is no ``DesiredCount``: scaling owns it. Without one a
    new service begins with one task, which proves the image and goes when it is idle, and an
    update leaves the count as it is (ECS: AWS::ECS::Service, DesiredCount); any number would
    be set again by each update, and stop workers. Zone rebalancing stops tasks at will, so it
    is off.
    """
    return Service(
        "Service",
        Metadata=described("Keeps as many tasks running as scaling says."),
        Cluster=Ref(cluster),
        TaskDefinition=Ref(task_definition),
        PlatformVersion="LATEST",
        LoadBalancers=[],
        ServiceRegistries=[],
        NetworkConfiguration=_tasks_network(parameters, groups),
        DeploymentConfiguration=DeploymentConfiguration(
            MinimumHealthyPercent=100,
            MaximumPercent=200,
            DeploymentCircuitBreaker=DeploymentCircuitBreaker(Enable=True, Rollback=True),
        ),
        AvailabilityZoneRebalancing="DISABLED",
        EnableECSManagedTags=True,
        PropagateTags="SERVICE",
        # A task that starts before it has its rights, or before its file system lets it in,
        # fails.
        DependsOn=sorted(needed, key=lambda each: str(each.title)),
        **_name_and_capacity(parameters),
    )


def _name_and_capacity(parameters: Parameters) -> dict[str, Any]:
    """On demand by launch type; with Spot by a strategy, which excludes a launch type (ECS).

    Beyond the base all tasks are Spot: the weight of on demand is 0.
    """
    base, found = parameters.size.on_demand_base, dict[str, Any]()
    if parameters.names:
        found["ServiceName"] = Ref(parameters.names.service)
    if not base:
        return {**found, "LaunchType": ON_DEMAND}
    found["CapacityProviderStrategy"] = [
        CapacityProviderStrategyItem(CapacityProvider=ON_DEMAND, Base=Ref(base), Weight=0),
        CapacityProviderStrategyItem(CapacityProvider=SPOT, Weight=1),
    ]
    return found


def _tasks_network(
    parameters: Parameters, groups: Sequence[SecurityGroup | Parameter]
) -> NetworkConfiguration:
    return NetworkConfiguration(
        AwsvpcConfiguration=AwsvpcConfiguration(
            AssignPublicIp=Ref(parameters.network.assign_public_ip),
            SecurityGroups=[Ref(each) for each in groups],
            Subnets=Ref(parameters.network.subnet_ids),
        )
    )
