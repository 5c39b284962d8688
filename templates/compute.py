"""What runs: cluster, log group, task definition and service."""

import re
from collections.abc import Sequence
from typing import Any

from troposphere import (
    AWSHelperFn,
    AWSObject,
    GetAtt,
    NoValue,
    Parameter,
    Ref,
    RetainExceptOnCreate,
    Sub,
)
from troposphere.ec2 import SecurityGroup
from troposphere.ecs import (
    AuthorizationConfig,
    AwsvpcConfiguration,
    Cluster,
    ContainerDefinition,
    ContainerDependency,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    EFSVolumeConfiguration,
    Environment,
    KernelCapabilities,
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
from templates.parameters import (
    Names,
    Parameters,
    ProtectorParameters,
    Size,
    WorkspaceParameters,
)
from templates.queues import QueueReference, stand_in
from templates.specification import LONGEST_STOP_TIMEOUT, PROTECTOR, Worker

PROTECTOR_PORT = 9324
"""Where the sidecar stands in for SQS, on the loopback interface of the task."""

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
        Metadata=described(
            "The task: container, size, roles and workspace.", **_protection(worker)
        ),
        Family=Ref(parameters.names.task_family),
        RequiresCompatibilities=["FARGATE"],
        NetworkMode="awsvpc",
        Cpu=Ref(parameters.size.cpu),
        Memory=Ref(parameters.size.memory),
        RuntimePlatform=RuntimePlatform(CpuArchitecture="X86_64", OperatingSystemFamily="LINUX"),
        ExecutionRoleArn=GetAtt(execution_role, "Arn"),
        TaskRoleArn=GetAtt(task_role, "Arn"),
        ContainerDefinitions=[
            _container(worker, parameters, queue, log_group),
            *(
                [_protector(worker, parameters.protector, queue, log_group)]
                if parameters.protector
                else []
            ),
        ],
        Volumes=[
            *([_volume(workspace)] if workspace else []),
            *(Volume(Name=_scratch_name(path)) for path in worker.scratch_paths),
        ],
    )


def _protection(worker: Worker) -> dict[str, object]:
    """What the task does against being stopped while busy, for the simulator and the checks."""
    if worker.protection is None:
        return {}
    said: dict[str, object] = {"Protection": worker.protection}
    if worker.is_protected:
        said |= {
            "ProtectionMinutes": worker.protection_minutes,
            "Heartbeat": worker.heartbeat,
            "LongestJob": worker.longest_job,
        }
    else:
        said["Unprotected"] = worker.unprotected
    return {"Worker": said}


def _container(
    worker: Worker, parameters: Parameters, queue: QueueReference, log_group: LogGroup
) -> ContainerDefinition:
    """The worker's container: it listens on no port and answers no health check."""
    mounts = [_mount(WORKSPACE, worker.workspace.mount_path)] if worker.workspace else []
    mounts += [_mount(_scratch_name(path), path) for path in worker.scratch_paths]
    container = ContainerDefinition(
        Name=worker.name,
        Image=_image(parameters.image_repository, parameters.image_reference),
        Essential=True,
        # All that the task has: without a limit of its own a container has none at all (ECS).
        # Beside a sidecar, which has a limit of its own, the rest of the task is the worker's.
        Memory=NoValue if parameters.protector else Ref(parameters.size.memory),
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
    if parameters.protector:
        # Started after the sidecar, and so stopped before it (ECS: ContainerDependency).
        container.DependsOn = [ContainerDependency(ContainerName=PROTECTOR, Condition="START")]
    return container


def _image(repository: Parameter, reference: Parameter) -> AWSHelperFn:
    """An image of this account and region."""
    return Sub(
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${Repository}${Reference}",
        Repository=Ref(repository),
        Reference=Ref(reference),
    )


def _protector(
    worker: Worker, image: ProtectorParameters, queue: QueueReference, log_group: LogGroup
) -> ContainerDefinition:
    """The sidecar, through which the worker reaches SQS (protector/README.md).

    Essential: without it the worker is unprotected and can neither receive nor delete, so the
    task had better be replaced; its messages come back after three heartbeats.
    """
    given = {
        "AWS_REGION": Ref("AWS::Region"),
        "HEARTBEAT_SECONDS": str(worker.heartbeat),
        "LONGEST_JOB_SECONDS": str(worker.longest_job),
        "ONE_AT_A_TIME": "true" if worker.one_at_a_time else "false",
        "PORT": str(PROTECTOR_PORT),
        "PROTECTION_MINUTES": str(worker.protection_minutes),
        "QUEUE_URL": queue.url,
        "STOP_TIMEOUT_SECONDS": str(LONGEST_STOP_TIMEOUT),
        "WORKER": worker.name,
    }
    return ContainerDefinition(
        Name=PROTECTOR,
        Image=_image(image.repository, image.reference),
        Essential=True,
        # A worker that is busy must not starve it: its share is small, and counts when both want.
        Cpu=32,
        Memory=256,
        MemoryReservation=64,
        ReadonlyRootFilesystem=True,
        User="65534:65534",
        Environment=[Environment(Name=name, Value=value) for name, value in given.items()],
        StopTimeout=LONGEST_STOP_TIMEOUT,
        LinuxParameters=LinuxParameters(
            Capabilities=KernelCapabilities(Drop=["ALL"]), InitProcessEnabled=True
        ),
        LogConfiguration=_logging(worker, log_group),
    )


def _environment(worker: Worker, queue: QueueReference) -> list[Environment]:
    given: dict[str, object] = {**worker.environment, "QUEUE_URL": queue.url}
    if worker.protection == "sidecar":
        endpoint = f"http://127.0.0.1:{PROTECTOR_PORT}"
        given |= {"QUEUE_URL": stand_in(queue, endpoint), "AWS_ENDPOINT_URL_SQS": endpoint}
    if worker.protection == "worker":
        given["PROTECTION_MINUTES"] = str(worker.protection_minutes)
        given["HEARTBEAT_SECONDS"] = str(worker.heartbeat)
    return [Environment(Name=name, Value=value) for name, value in given.items()]


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
