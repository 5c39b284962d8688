"""What a live task's container says: its image, secrets, log group and queue."""

import re
from collections.abc import Mapping
from typing import Any

from deployer import live
from deployer.clients import Clients
from deployer.surveying import Things, find_secret, unclear

IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[^:@]+)(?P<tag>:[^@]+)?(?P<digest>@sha256:[0-9a-f]{64})?"
)
"""An image of ECR (ECR: "Private registry"); a digest says more than a tag beside it."""

QUEUE_URL = re.compile(r"https?://\S+/\d{12}/([A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
SECRET = re.compile(r"(?P<arn>arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:[^:]+)(?P<part>:.*)?")
"""A secret as ECS takes it: an ARN, perhaps with JSON key, stage and version behind it."""


def survey(
    clients: Clients, worker: live.Worker, template: Mapping[str, Any], things: Things
) -> None:
    """Notes what the container that becomes the worker's is given."""
    _queue(clients("sqs"), worker, things)
    wanted = _containers(template)
    containers = worker.task_definition["containerDefinitions"]
    names = [each["name"] for each in containers]
    same = [each for each in containers if each["name"] in [one["Name"] for one in wanted]]
    chosen = containers if len(containers) == 1 else same
    if len(chosen) != 1:
        parameters = ["ImageRepository", "ImageReference", "LogGroupName", "LogRetentionDays"]
        things.miss(
            [*parameters, *_secrets(wanted).values()], unclear("container", names, "in the task")
        )
        return
    [container] = chosen
    _image(container["image"], worker.service["serviceArn"], things)
    _log(clients("logs"), container, things)
    for variable, parameter in _secrets(wanted).items():
        _secret(clients, container, variable, parameter, things)


def _containers(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        container
        for body in template["Resources"].values()
        if body["Type"] == "AWS::ECS::TaskDefinition"
        for container in body["Properties"]["ContainerDefinitions"]
    ]


def _secrets(containers: list[Mapping[str, Any]]) -> dict[str, str]:
    """Which parameter each variable's secret comes from."""
    return {
        secret["Name"]: secret["ValueFrom"]["Ref"]
        for container in containers
        for secret in container.get("Secrets", ())
    }


def _image(image: str, service_arn: str, things: Things) -> None:
    _, _, _, region, account, *_ = service_arn.split(":")
    found = IMAGE.fullmatch(image)
    if not found or (found["account"], found["region"]) != (account, region):
        things.miss(
            ["ImageRepository", "ImageReference"],
            f"not clear: the live image {image} is in no repository of this account and region",
        )
        return
    things.choose("ImageRepository", found["repository"], "the repository of the live image")
    things.choose(
        "ImageReference", found["digest"] or found["tag"] or ":latest", "the live image's version"
    )


def _log(logs: Any, container: Mapping[str, Any], things: Things) -> None:
    options = container.get("logConfiguration", {}).get("options", {})
    name = options.get("awslogs-group")
    if not name:
        things.miss(
            ["LogGroupName", "LogRetentionDays"],
            "not found: the container's output goes to no log group",
        )
        return
    things.choose("LogGroupName", name, "where the container's output goes")
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    for group in groups:
        if group["logGroupName"] == name and "retentionInDays" in group:
            things.choose("LogRetentionDays", str(group["retentionInDays"]), "as it keeps them now")
            return
    things.miss(
        ["LogRetentionDays"], f"not clear: {name} keeps its events for ever; say for how many days"
    )


def _secret(
    clients: Clients, container: Mapping[str, Any], variable: str, parameter: str, things: Things
) -> None:
    given = {each["name"]: each["valueFrom"] for each in container.get("secrets", ())}
    if variable not in given:
        things.miss([parameter], f"not found: the container is given no secret as {variable}")
        return
    source = given[variable]
    found = SECRET.fullmatch(source)
    if not found or (found["part"] or "").strip(":"):
        things.miss(
            [parameter],
            f"not clear: {variable} is {source} now, and the worker takes a whole secret",
        )
        return
    arn, why = find_secret(clients, found["arn"])
    if arn:
        things.choose(parameter, arn, f"which the container is given as {variable}")
    else:
        things.miss([parameter], why)


def _queue(sqs: Any, worker: live.Worker, things: Things) -> None:
    """The queue that the alarms watch; without them, the one whose URL a container is given."""
    watched = {
        dimension["Value"]
        for alarm in worker.alarms.values()
        for metric in live.metrics(alarm)
        for dimension in metric.get("Dimensions", ())
        if dimension["Name"] == "QueueName"
    }
    given = {
        found[1]
        for container in worker.task_definition["containerDefinitions"]
        for variable in container.get("environment", ())
        if (found := QUEUE_URL.fullmatch(variable["value"]))
    }
    names = watched or given
    parameters = ["VisibilityTimeout", "MaxReceiveCount"]
    if len(names) != 1:
        which = "that its alarms watch or its container is given"
        things.miss(["QueueName", *parameters], unclear("queue", names, which))
        return
    [name] = names
    why = "the queue that its alarms watch" if watched else "the queue that its container is given"
    things.choose("QueueName", name, why)
    _own_queue(sqs, name, things)


def _own_queue(sqs: Any, name: str, things: Things) -> None:
    import json

    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        things.miss(
            ["VisibilityTimeout", "MaxReceiveCount"], f"not found: there is no queue {name} here"
        )
        return
    wanted = ["VisibilityTimeout", "RedrivePolicy"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    things.choose("VisibilityTimeout", attributes["VisibilityTimeout"], f"as {name} has it")
    if "RedrivePolicy" in attributes:
        tries = json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]
        things.choose("MaxReceiveCount", str(tries), f"after which {name} gives a message up")
