"""What runs: cluster, log group, task definition and service."""

import re
from collections.abc import Sequence
from typing import Any

from troposphere import AWSObject, GetAtt, Ref, RetainExceptOnCreate, Sub
from troposphere.ec2 import SecurityGroup
from troposphere.ecs import (
    AuthorizationConfig,
    AwsvpcConfiguration,
    Cluster,
    ContainerDefinition,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    EFSVolumeConfiguration,
    Environment,
    LinuxParameters,
    LogConfiguration,
    MountPoint,
    NetworkConfiguration,
    RuntimePlatform,
    Service,
    TaskDefinition,
    Volume,
)
from troposphere.ecs import Secret as ContainerSecret
from troposphere.iam import Role
from troposphere.logs import LogGroup

from templates.description import described
from templates.parameters import Names, Parameters, Size, WorkspaceParameters
from templates.queues import QueueReference
from templates.specification import Worker

WORKSPACE = "workspace"
"""The volume's name, which ties the mount point to the file system."""


def cluster(names: Names) -> Cluster:
    """A cluster of its own, which costs nothing; task rights can be bound to it."""
    return Cluster(
        "Cluster",
        Metadata=described("The ECS cluster that the worker's tasks run in."),
        ClusterName=Ref(names.cluster),
    )


def log_group(names: Names, size: Size) -> LogGroup:
    """The container's output; it outlives the stack, since one reads it afterwards.

    But for a creation that failed: what is left of that would hold the name, and the next
    attempt would fail on it (CloudFormation: "DeletionPolicy attribute").
    """
    return LogGroup(
        "LogGroup",
        Metadata=described("The container's output, kept when the stack goes."),
        DeletionPolicy=RetainExceptOnCreate,
        UpdateReplacePolicy="Retain",
        LogGroupName=Ref(names.log_group),
        RetentionInDays=Ref(size.log_retention_days),
    )


def task_definition(
    worker: Worker,
    parameters: Parameters,
    queue: QueueReference,
    execution_role: Role,
    task_role: Role,
    log_group: LogGroup,
) -> TaskDefinition:
    """One task: the container, its size, its roles and its workspace."""
    workspace = parameters.workspace
    return TaskDefinition(
        "TaskDefinition",
        Metadata=described("The task: container, size, roles and workspace."),
        Family=Ref(parameters.names.task_family),
        RequiresCompatibilities=["FARGATE"],
        NetworkMode="awsvpc",
        Cpu=Ref(parameters.size.cpu),
        Memory=Ref(parameters.size.memory),
        RuntimePlatform=RuntimePlatform(CpuArchitecture="X86_64", OperatingSystemFamily="LINUX"),
        ExecutionRoleArn=GetAtt(execution_role, "Arn"),
        TaskRoleArn=GetAtt(task_role, "Arn"),
        ContainerDefinitions=[_container(worker, parameters, queue, log_group)],
        Volumes=[
            *([_volume(workspace)] if workspace else []),
            *(Volume(Name=_scratch_name(path)) for path in worker.scratch_paths),
        ],
    )


def _container(
    worker: Worker, parameters: Parameters, queue: QueueReference, log_group: LogGroup
) -> ContainerDefinition:
    """The worker's container: it listens on no port and answers no health check."""
    mounts = [_mount(WORKSPACE, worker.workspace.mount_path)] if worker.workspace else []
    mounts += [_mount(_scratch_name(path), path) for path in worker.scratch_paths]
    return ContainerDefinition(
        Name=worker.name,
        Image=Sub(
            "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${Repository}${Reference}",
            Repository=Ref(parameters.image_repository),
            Reference=Ref(parameters.image_reference),
        ),
        Essential=True,
        # All that the task has: without a limit of its own a container has none at all (ECS).
        Memory=Ref(parameters.size.memory),
        Environment=_environment(worker, queue),
        Secrets=[
            ContainerSecret(Name=secret.variable, ValueFrom=Ref(parameter))
            for secret, parameter in parameters.secrets.items()
        ],
        StopTimeout=worker.stop_timeout,
        LinuxParameters=LinuxParameters(
            # Forwards SIGTERM to a shell-wrapped worker and reaps its children.
            InitProcessEnabled=True
        ),
        MountPoints=mounts,
        LogConfiguration=_logging(worker, log_group),
        **_confined(worker),
    )


def _environment(worker: Worker, queue: QueueReference) -> list[Environment]:
    given = worker.environment.items()
    return [
        *(Environment(Name=name, Value=value) for name, value in given),
        Environment(Name="QUEUE_URL", Value=queue.url),
    ]


def _confined(worker: Worker) -> dict[str, Any]:
    """What is said of the user and the root file system; what is not said, the image decides."""
    found: dict[str, Any] = {"User": worker.user} if worker.user else {}
    return found | ({"ReadonlyRootFilesystem": True} if worker.read_only_root else {})


def _scratch_name(path: str) -> str:
    """The volume of a scratch path: empty at each start, on the task's own storage."""
    return "scratch" + re.sub("[^A-Za-z0-9]", "-", path)


def _mount(volume: str, path: str) -> MountPoint:
    return MountPoint(SourceVolume=volume, ContainerPath=path, ReadOnly=False)


def _logging(worker: Worker, log_group: LogGroup) -> LogConfiguration:
    """Mode and buffer are explicit, since their defaults changed in June 2025 (ECS).

    Non-blocking: a slow log service must not stop a worker in the middle of its job.
    """
    return LogConfiguration(
        LogDriver="awslogs",
        Options={
            "awslogs-group": Ref(log_group),
            "awslogs-region": Ref("AWS::Region"),
            "awslogs-stream-prefix": worker.log_stream_prefix or worker.name,
            "mode": "non-blocking",
            "max-buffer-size": "25m",
        },
    )


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
    cluster: Cluster,
    task_definition: TaskDefinition,
    group: SecurityGroup,
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
        ServiceName=Ref(parameters.names.service),
        Cluster=Ref(cluster),
        TaskDefinition=Ref(task_definition),
        LaunchType="FARGATE",
        PlatformVersion="LATEST",
        LoadBalancers=[],
        ServiceRegistries=[],
        NetworkConfiguration=_tasks_network(parameters, group),
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
    )


def _tasks_network(parameters: Parameters, group: SecurityGroup) -> NetworkConfiguration:
    return NetworkConfiguration(
        AwsvpcConfiguration=AwsvpcConfiguration(
            AssignPublicIp=Ref(parameters.network.assign_public_ip),
            SecurityGroups=[Ref(group)],
            Subnets=Ref(parameters.network.subnet_ids),
        )
    )
