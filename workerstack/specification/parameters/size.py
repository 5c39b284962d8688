"""How much, how many, how long, and under which names."""

from dataclasses import dataclass

from troposphere import Parameter
from troposphere.constants import NUMBER, STRING

from workerstack.specification.capacity import (
    FARGATE_MEMORY,
    LEAST_STORAGE,
    MOST_BASE,
    MOST_STORAGE,
    Spot,
)
from workerstack.specification.worker import LOG_RETENTION_DAYS, Worker


@dataclass(frozen=True)
class PhysicalNames:
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
    ephemeral_storage: Parameter | None
    on_demand_base: Parameter | None

    @property
    def parameters(self) -> list[Parameter]:
        """All of them."""
        return [each for each in vars(self).values() if each]


PLAIN = r"^[A-Za-z0-9_-]{1,255}$"
"""Names of clusters, services and families (ECS API reference: CreateCluster, CreateService)."""


NAME_OR_ARN = r"^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z0-9_-]{1,255}$"
"""What a service takes for its cluster (template reference: AWS::ECS::Service, Cluster)."""


def imported_cluster(worker: Worker) -> Parameter | None:
    """Name or ARN of the cluster that is not the stack's own; None where it has its own."""
    if worker.cluster == "own":
        return None
    return Parameter(
        "ClusterName",
        Type=STRING,
        AllowedPattern=NAME_OR_ARN,
        Description="The cluster, by name or ARN, of another stack, that the tasks run in.",
    )


def names(worker: Worker) -> PhysicalNames | None:
    """Physical names, by default made from the worker's; None where CloudFormation makes them."""
    if worker.names == "generated":
        return None

    def name(title: str, default: str, pattern: str, description: str) -> Parameter:
        return Parameter(
            title,
            Type=STRING,
            AllowedPattern=pattern,
            Default=default,
            Description=description,
        )

    return PhysicalNames(
        cluster=imported_cluster(worker)
        or name("ClusterName", f"{worker.name}-cluster", PLAIN, "The cluster's name."),
        service=name("ServiceName", f"{worker.name}-service", PLAIN, "The service's name."),
        task_family=name(
            "TaskFamily",
            f"{worker.name}-task",
            PLAIN,
            "The family of the task definition's revisions.",
        ),
        log_group=name(
            "LogGroupName",
            worker.log_group_name,
            r"^[A-Za-z0-9_/.#-]{1,512}$",
            "The log group of the container's output.",
        ),
    )


def size(worker: Worker) -> Size:
    """CPU, memory, bounds of scaling, and how long logs are kept."""
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
        ephemeral_storage=_ephemeral_storage(worker.ephemeral_storage)
        if worker.ephemeral_storage > LEAST_STORAGE
        else None,
        on_demand_base=_on_demand_base(worker.spot) if worker.spot else None,
    )


def _ephemeral_storage(size: int) -> Parameter:
    return Parameter(
        "EphemeralStorage",
        Type=NUMBER,
        MinValue=LEAST_STORAGE + 1,
        MaxValue=MOST_STORAGE,
        Default=size,
        Description="GiB of storage of a task, empty at its start; 20 of them are free.",
    )


def _on_demand_base(spot: Spot) -> Parameter:
    return Parameter(
        "OnDemandBase",
        Type=NUMBER,
        MinValue=0,
        MaxValue=MOST_BASE,
        Default=spot.on_demand_base,
        Description="Tasks that run on demand before others run on Spot; 0 for Spot alone.",
    )
