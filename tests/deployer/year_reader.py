"""Whoever reads AWS by himself: what he knows is from its API, and from nothing of this tool."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

STACK, REPOSITORY = "webordinary-edit", "webordinary/claude-code-astro"
PLACE = {"cluster": f"{STACK}-cluster", "services": [f"{STACK}-service"]}
LOG_GROUP = "/ecs/webordinary/edit"
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


class Reader:
    """Reads one stack, its service, its images; remembers the events that he has read."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = cache(client)
        self._events: list[Mapping[str, Any]] = []

    def stack(self) -> dict[str, Any]:
        [found] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return dict(found)

    def values(self) -> dict[str, str]:
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack()["Parameters"]}

    def template(self) -> str:
        return str(self.client("cloudformation").get_template(StackName=STACK)["TemplateBody"])

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        pages = self.client("cloudformation").get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=STACK):
            yield from page["StackEvents"]

    def operations(self) -> list[tuple[str, str]]:
        """(token, last state) of each operation on the stack, newest first."""
        known = {each["EventId"] for each in self._events}
        fresh = []
        for each in self._pages():
            if each["EventId"] in known:
                break
            fresh.append(each)
        self._events = [*fresh, *self._events]
        return self._told(self._events)

    def all_operations(self) -> list[tuple[str, str]]:
        """The same, with nothing remembered."""
        return self._told(list(self._pages()))

    def _told(self, events: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for each in events:
            is_of_stack = each["PhysicalResourceId"] == each["StackId"]
            if is_of_stack and each.get("ClientRequestToken"):
                found.setdefault(each["ClientRequestToken"], each["ResourceStatus"])
        return list(found.items())

    def service(self) -> dict[str, Any]:
        [found] = self.client("ecs").describe_services(**PLACE)["services"]
        return dict(found)

    def counts(self) -> list[int]:
        """Tasks: desired, running, pending."""
        found = self.service()
        return [found[f"{each}Count"] for each in ("desired", "running", "pending")]

    def target(self) -> dict[str, Any]:
        """The scalable target of the service."""
        scaling = self.client("application-autoscaling")
        found = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        [one] = [each for each in found if STACK in each["ResourceId"]]
        return dict(one)

    def images(self) -> dict[str, str]:
        """Each container's image, as the service's task definition says it."""
        task = self.client("ecs").describe_task_definition(
            taskDefinition=self.service()["taskDefinition"]
        )
        containers = task["taskDefinition"]["containerDefinitions"]
        return {each["name"]: each["image"] for each in containers}

    def image(self, reference: str) -> dict[str, Any] | None:
        """What ECR has under ``:tag`` or ``@digest``; None for nothing."""
        pages = self.client("ecr").get_paginator("describe_images")
        for page in pages.paginate(repositoryName=REPOSITORY):
            for each in page["imageDetails"]:
                if reference[1:] in (each["imageDigest"], *each.get("imageTags", ())):
                    return dict(each)
        return None

    def waiting(self, queue: str) -> list[int]:
        """Messages that are visible, and those that are not."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
        return [int(found[each]) for each in COUNTS]

    def alarms(self) -> dict[str, dict[str, Any]]:
        """The stack's alarms by their logical ids."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=STACK)
        names = {
            each["PhysicalResourceId"]: each["LogicalResourceId"]
            for each in resources["StackResources"]
            if each["ResourceType"] == "AWS::CloudWatch::Alarm"
        }
        found = self.client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        return {names[each["AlarmName"]]: dict(each) for each in found}

    def drifted(self) -> set[str]:
        """What somebody changed by hand, of what people change in the year."""
        values, found = self.values(), set()
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
        if [str(each.get("retentionInDays")) for each in groups] != [values["LogRetentionDays"]]:
            found.add("resources")
        if str(self.target()["MaxCapacity"]) != values["MaxTasks"]:
            found.add("scaling")
        if not all(each["ActionsEnabled"] for each in self.alarms().values()):
            found.add("alarms")
        return found


def parsed(said: str) -> Any:
    """The JSON at the beginning; what was said to people follows it."""
    assert said[:1] in "[{", said
    return json.JSONDecoder().raw_decode(said)[0]
