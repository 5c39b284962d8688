"""What people and other stacks ask for: names and ids of the parts."""

from collections.abc import Sequence

from troposphere import AWSHelperFn, GetAtt, Output, Parameter, Ref
from troposphere.ec2 import SecurityGroup
from troposphere.ecs import Cluster, Service, TaskDefinition
from troposphere.logs import LogGroup

from templates.compute import cluster_name
from templates.queues import QueueReference
from workerstack.specification.parameters import PhysicalNames


def outputs(
    cluster: Cluster | Parameter,
    service: Service,
    names: PhysicalNames | None,
    task_definition: TaskDefinition,
    log_group: LogGroup,
    group: SecurityGroup,
    queues: Sequence[QueueReference],
) -> list[Output]:
    """The stack's outputs; nothing is exported, so nothing is held fast."""
    return [
        _output("ClusterName", "The cluster's name.", cluster_name(cluster)),
        _output(
            "ServiceName",
            "The service's name.",
            Ref(names.service) if names else GetAtt(service, "Name"),
        ),
        _output(
            "TaskDefinitionArn",
            "The task definition's current revision.",
            Ref(task_definition),
        ),
        _output("LogGroupName", "Where the container's output is.", Ref(log_group)),
        _output(
            "WorkerSecurityGroupId",
            "The tasks' security group.",
            Ref(group),
        ),
        *(
            _output(f"{each.prefix}QueueUrl", "The queue that the worker processes.", each.url)
            for each in queues
        ),
    ]


def _output(title: str, description: str, value: AWSHelperFn) -> Output:
    return Output(title, Description=description, Value=value)
