"""How much, how many, how long, and under which names."""

from dataclasses import dataclass

from troposphere import Parameter
from troposphere.constants import NUMBER, STRING

from templates.specification import FARGATE_MEMORY, Worker

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)
"""A choice of what CloudWatch Logs offers (PutRetentionPolicy)."""


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


def names(worker: Worker) -> Names:
    """Physical names, by default made from the worker's."""

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
    )
