"""The parts of a worker as they are found in a resolved template."""

from collections.abc import Iterator
from typing import Any

from workerstack.checks.resolved import Path, Resolved, Resource, mapping, sequence
from workerstack.cloudformation import steps

EFS = "EFSVolumeConfiguration"


def containers(template: Resolved) -> Iterator[tuple[Resource, dict[str, Any], Path]]:
    """Each container with its task definition and the way to it."""
    for task in template.of("ECS::TaskDefinition"):
        definitions = sequence(task.properties.get("ContainerDefinitions"))
        for position, container in enumerate(definitions):
            yield task, mapping(container), (*task.path, "ContainerDefinitions", position)


def file_systems(task: Resource) -> Iterator[tuple[dict[str, Any], Path]]:
    """Each EFS volume of a task definition with the way to it."""
    for position, volume in enumerate(sequence(task.properties.get("Volumes"))):
        if EFS in mapping(volume):
            yield mapping(volume[EFS]), (*task.path, "Volumes", position, EFS)


def role(template: Resolved, reference: Any) -> Resource | None:
    """The role of this template that a property names by ``GetAtt``, if it is one."""
    roles = {f"${{{each.id}.Arn}}": each for each in template.of("IAM::Role")}
    return roles.get(reference) if isinstance(reference, str) else None


def statements(role_resource: Resource) -> Iterator[dict[str, Any]]:
    """Every Allow statement of a role's inline policies."""
    for policy in sequence(role_resource.properties.get("Policies")):
        document = mapping(mapping(policy).get("PolicyDocument"))
        for statement in listed(document.get("Statement")):
            if mapping(statement).get("Effect") == "Allow":
                yield mapping(statement)


def resources_of(role_resource: Resource, action: str) -> list[str]:
    """The resources on which a role may do ``action``."""
    return [
        str(resource)
        for statement in statements(role_resource)
        if action in listed(statement.get("Action"))
        for resource in listed(statement.get("Resource"))
    ]


def listed(value: Any) -> list[Any]:
    """A list, also where a single value is written without one."""
    return value if isinstance(value, list) else [value]


def queue_name(template: Resolved) -> str | None:
    """The name of the queue whose URL the containers are given."""
    for _, container, _ in containers(template):
        for variable in sequence(container.get("Environment")):
            if mapping(variable).get("Name") == "QUEUE_URL":
                url = str(mapping(variable).get("Value"))
                own = [queue.id for queue in template.of("SQS::Queue") if url == f"${{{queue.id}}}"]
                return f"${{{own[0]}.QueueName}}" if own else url.rpartition("/")[2]
    return None


def scaling_alarms(
    template: Resolved,
) -> Iterator[tuple[Resource, Resource, list[dict[str, Any]]]]:
    """Each alarm that invokes a scaling policy: (alarm, policy, the metrics that it reads)."""
    policies = {
        f"${{{each.id}}}": each for each in template.of("ApplicationAutoScaling::ScalingPolicy")
    }
    for alarm in template.of("CloudWatch::Alarm"):
        for action in listed(alarm.properties.get("AlarmActions")):
            if isinstance(action, str) and action in policies:
                yield alarm, policies[action], list(metrics(alarm))


def metrics(alarm: Resource) -> Iterator[dict[str, Any]]:
    """The metrics of an alarm as {Namespace, MetricName, Queue, Statistic, Period, Id}."""
    properties = alarm.properties
    if "MetricName" in properties:
        yield _metric(properties, properties.get("Statistic"), properties.get("Period"), None)
    for query in sequence(properties.get("Metrics")):
        statistic = mapping(mapping(query).get("MetricStat"))
        if statistic:
            metric = mapping(statistic.get("Metric"))
            yield _metric(metric, statistic.get("Stat"), statistic.get("Period"), query.get("Id"))


def _metric(metric: dict[str, Any], statistic: Any, period: Any, identifier: Any) -> dict[str, Any]:
    dimensions = {
        str(mapping(each).get("Name")): mapping(each).get("Value")
        for each in sequence(metric.get("Dimensions"))
    }
    return {
        "Namespace": str(metric.get("Namespace")),
        "MetricName": str(metric.get("MetricName")),
        "Queue": str(dimensions.get("QueueName")),
        "Statistic": statistic,
        "Period": period,
        "Id": str(identifier),
    }


def is_upward(alarm: Resource) -> bool:
    """Whether an alarm fires above its threshold."""
    return steps.is_upward(str(alarm.properties.get("ComparisonOperator")))


def configuration(policy: Resource) -> dict[str, Any]:
    """The step configuration of a policy."""
    return mapping(policy.properties.get("StepScalingPolicyConfiguration"))
