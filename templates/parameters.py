"""What may differ between environments: the template's parameters.

One fact, one parameter; ARNs are derived from names. A default stands only where it is
right everywhere.
"""

from dataclasses import dataclass
from typing import Self

from troposphere import Parameter
from troposphere.constants import (
    LIST_OF_SUBNET_IDS,
    NUMBER,
    SECURITY_GROUP_ID,
    STRING,
    VPC_ID,
)

from templates.specification import FARGATE_MEMORY, ImportedQueue, OwnQueue, Secret, Worker

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)
"""A choice of what CloudWatch Logs offers (PutRetentionPolicy)."""

IMAGE_REFERENCE = r"^(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$"
"""``:tag`` or ``@digest``, appended to the repository (OCI distribution, "tag")."""


@dataclass(frozen=True)
class Network:
    """Where tasks run."""

    vpc_id: Parameter
    subnet_ids: Parameter
    assign_public_ip: Parameter


@dataclass(frozen=True)
class WorkspaceParameters:
    """The imported file system, and who may reach the worker's end of it."""

    file_system_id: Parameter
    access_point_id: Parameter
    security_group_id: Parameter
    vpc_cidr: Parameter


@dataclass(frozen=True)
class ImportedQueueParameters:
    """Which queue of the account it is."""

    name: Parameter


@dataclass(frozen=True)
class OwnQueueParameters:
    """How the worker's own queue behaves, and who hears of dead letters."""

    visibility_timeout: Parameter
    max_receive_count: Parameter
    alarm_topic: Parameter


@dataclass(frozen=True)
class Names:
    """Physical names that people's commands rely on."""

    cluster: Parameter
    service: Parameter
    task_family: Parameter
    log_group: Parameter


@dataclass(frozen=True)
class Size:
    """How much, how many, how long."""

    cpu: Parameter
    memory: Parameter
    min_tasks: Parameter
    max_tasks: Parameter
    log_retention_days: Parameter


@dataclass(frozen=True)
class Parameters:
    """All parameters of one worker's template."""

    network: Network
    workspace: WorkspaceParameters | None
    image_repository: Parameter
    image_reference: Parameter
    secrets: dict[Secret, Parameter]
    queue: ImportedQueueParameters | OwnQueueParameters
    names: Names
    size: Size
    service_exists: Parameter

    @classmethod
    def of(cls, worker: Worker) -> Self:
        """The parameters that ``worker`` needs, with its own values as defaults."""
        return cls(
            network=_network(),
            workspace=_workspace() if worker.workspace else None,
            image_repository=_image_repository(worker),
            image_reference=_image_reference(),
            secrets={secret: _secret_arn(secret) for secret in worker.secrets},
            queue=_queue(worker.queue),
            names=_names(worker),
            size=_size(worker),
            service_exists=_service_exists(),
        )

    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters by heading, in the order in which the console asks for them."""
        network, names, size = self.network, self.names, self.size
        workspace = self.workspace
        return {
            "Network": [network.vpc_id, network.subnet_ids, network.assign_public_ip],
            "Workspace": [
                workspace.file_system_id,
                workspace.access_point_id,
                workspace.security_group_id,
                workspace.vpc_cidr,
            ]
            if workspace
            else [],
            "Container": [
                self.image_repository,
                self.image_reference,
                *self.secrets.values(),
            ],
            "Queue": list(vars(self.queue).values()),
            "Size": [
                size.cpu,
                size.memory,
                size.min_tasks,
                size.max_tasks,
                size.log_retention_days,
            ],
            "Names": [
                names.cluster,
                names.service,
                names.task_family,
                names.log_group,
            ],
            "Deployment": [self.service_exists],
        }


def _network() -> Network:
    return Network(
        vpc_id=Parameter("VpcId", Type=VPC_ID, Description="The VPC to run in."),
        subnet_ids=Parameter(
            "SubnetIds",
            Type=LIST_OF_SUBNET_IDS,
            Description="Subnets of that VPC for the tasks, in several zones. With a"
            " workspace, each zone needs a mount target.",
        ),
        assign_public_ip=Parameter(
            "AssignPublicIp",
            Type=STRING,
            AllowedValues=["ENABLED", "DISABLED"],
            Default="ENABLED",
            Description="ENABLED in public subnets; DISABLED behind a NAT gateway.",
        ),
    )


def _workspace() -> WorkspaceParameters:
    return WorkspaceParameters(
        file_system_id=Parameter(
            "FileSystemId",
            Type=STRING,
            AllowedPattern=r"^fs-[0-9a-f]{8,40}$",
            ConstraintDescription="an EFS file system id, such as fs-0123456789abcdef0",
            Description="The EFS file system that holds the workspace.",
        ),
        access_point_id=Parameter(
            "AccessPointId",
            Type=STRING,
            AllowedPattern=r"^fsap-[0-9a-f]{8,40}$",
            ConstraintDescription="an EFS access point id, fsap-0123456789abcdef0",
            Description="The access point through which the workspace is mounted.",
        ),
        security_group_id=Parameter(
            "FileSystemSecurityGroupId",
            Type=SECURITY_GROUP_ID,
            Description="The security group of the file system's mount targets.",
        ),
        vpc_cidr=Parameter(
            "VpcCidr",
            Type=STRING,
            AllowedPattern=r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|2[0-8])$",
            ConstraintDescription="a VPC's IPv4 range, such as 10.0.0.0/16",
            Description="The VPC's IPv4 range, from which NFS is allowed.",
        ),
    )


def _image_repository(worker: Worker) -> Parameter:
    return Parameter(
        "ImageRepository",
        Type=STRING,
        AllowedPattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        ConstraintDescription="a repository's name without registry and tag",
        Default=worker.image_repository,
        Description="The ECR repository of the image, in this account and region.",
    )


def _image_reference() -> Parameter:
    return Parameter(
        "ImageReference",
        Type=STRING,
        AllowedPattern=IMAGE_REFERENCE,
        ConstraintDescription=":tag or @sha256:digest",
        Default=":latest",
        Description="The image's version, :tag or @sha256:digest. A tag is resolved"
        " once per deployment; a digest says which image that is.",
    )


def _secret_arn(secret: Secret) -> Parameter:
    return Parameter(
        secret.parameter,
        Type=STRING,
        AllowedPattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:"
        r"[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$",
        ConstraintDescription="a secret's full ARN, with the six characters at its end",
        Description=f"The ARN of the secret {secret.name}, given to the container as"
        f" {secret.variable}.",
    )


def _queue(
    queue: ImportedQueue | OwnQueue,
) -> ImportedQueueParameters | OwnQueueParameters:
    if isinstance(queue, ImportedQueue):
        return ImportedQueueParameters(name=_queue_name(queue.name))
    return OwnQueueParameters(
        visibility_timeout=_visibility_timeout(queue),
        max_receive_count=_max_receive_count(queue),
        alarm_topic=_alarm_topic(),
    )


def _queue_name(name: str) -> Parameter:
    return Parameter(
        "QueueName",
        Type=STRING,
        AllowedPattern=r"^[A-Za-z0-9_-]{1,80}$",
        ConstraintDescription="a standard queue's name, not its URL or ARN",
        Default=name,
        Description="The queue whose messages are processed and which drives scaling.",
    )


def _visibility_timeout(queue: OwnQueue) -> Parameter:
    return Parameter(
        "VisibilityTimeout",
        Type=NUMBER,
        MinValue=1,
        MaxValue=43_200,
        Default=queue.visibility_timeout,
        Description="Seconds for which a received message is hidden from other workers:"
        " more than the longest job.",
    )


def _max_receive_count(queue: OwnQueue) -> Parameter:
    return Parameter(
        "MaxReceiveCount",
        Type=NUMBER,
        MinValue=1,
        MaxValue=1000,
        Default=queue.max_receive_count,
        Description="How often a message is tried before it counts as a dead letter.",
    )


def _alarm_topic() -> Parameter:
    return Parameter(
        "AlarmTopicArn",
        Type=STRING,
        AllowedPattern=r"^(|arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+)$",
        ConstraintDescription="an SNS topic's ARN, or empty",
        Default="",
        Description="The SNS topic that hears of dead letters; empty for none.",
    )


def _names(worker: Worker) -> Names:
    def name(title: str, default: str, pattern: str, description: str) -> Parameter:
        return Parameter(
            title,
            Type=STRING,
            AllowedPattern=pattern,
            Default=default,
            Description=description,
        )

    plain = r"^[A-Za-z0-9_-]{1,255}$"
    return Names(
        cluster=name("ClusterName", f"{worker.name}-cluster", plain, "The cluster's name."),
        service=name("ServiceName", f"{worker.name}-service", plain, "The service's name."),
        task_family=name(
            "TaskFamily",
            f"{worker.name}-task",
            plain,
            "The family of the task definition's revisions.",
        ),
        log_group=name(
            "LogGroupName",
            worker.log_group_name,
            r"^[A-Za-z0-9_/.#-]{1,512}$",
            "The log group of the container's output.",
        ),
    )


def _size(worker: Worker) -> Size:
    return Size(
        cpu=Parameter(
            "TaskCpu",
            Type=NUMBER,
            AllowedValues=list(FARGATE_MEMORY),
            Default=worker.cpu,
            Description="CPU units of a task; 1024 are one vCPU.",
        ),
        memory=Parameter(
            "TaskMemory",
            Type=NUMBER,
            MinValue=512,
            MaxValue=122_880,
            Default=worker.memory,
            Description="MiB of memory of a task; Fargate offers some with each CPU.",
        ),
        min_tasks=Parameter(
            "MinTasks",
            Type=NUMBER,
            MinValue=0,
            Default=0,
            Description="The fewest tasks; 0 costs nothing while the queue is empty.",
        ),
        max_tasks=Parameter(
            "MaxTasks",
            Type=NUMBER,
            MinValue=1,
            Default=worker.max_tasks,
            Description="The most tasks, however deep the queue.",
        ),
        log_retention_days=Parameter(
            "LogRetentionDays",
            Type=NUMBER,
            AllowedValues=list(LOG_RETENTION_DAYS),
            Default=worker.log_retention_days,
            Description="Days for which the container's output is kept.",
        ),
    )


def _service_exists() -> Parameter:
    """Whether a desired count must be left alone.

    The default is the harmless mistake: "true" at creation starts one task that scaling
    removes again, "false" at an update would stop every running worker.
    """
    return Parameter(
        "ServiceExists",
        Type=STRING,
        AllowedValues=["true", "false"],
        Default="true",
        Description="false when the stack is created, which starts no task; true ever"
        " after, or the update stops all running tasks. deploy.py sets it.",
    )
