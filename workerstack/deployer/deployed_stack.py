"""A deployed stack as data: its template resolved with its values, and what its resources are.

The one reader of both that review, status and ship share: a queue, a service or an image is found
in the stack's resources, however the template writes it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation import (
    Resource,
    Stack,
    from_data,
    read,
    references,
    resolve,
    surroundings,
    text,
)
from workerstack.cloudformation.bodies import containers, dimensions
from workerstack.deployer import stack as stacks
from workerstack.deployer.source import template_text

SERVICE = "AWS::ECS::Service"
QUEUE = "AWS::SQS::Queue"
ALARM = "AWS::CloudWatch::Alarm"
URL = re.compile(r"https://(?:[a-z0-9.-]+\.)?(?:sqs|sqs-fips|queue)\.[a-z0-9.-]+/\d{12}/[\w.-]+")
"""A queue's URL, also the old form and that of an endpoint in a VPC (SQS: endpoints)."""

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


@dataclass(frozen=True)
class DeployedStack:
    """A stack's resolved template, and the physical ids of its resources by logical id."""

    stack: Stack
    physical: Mapping[str, str]

    def of(self, kind: str) -> Iterator[tuple[Resource, str]]:
        """The resources of a type that there are, each with its physical id."""
        for each in self.stack.of(kind):
            if self.physical.get(each.logical_id):
                yield each, self.physical[each.logical_id]


def read_deployed(cloudformation: Any, stack: stacks.StackDescription) -> DeployedStack:
    """What a stack has; empty where there is none yet."""
    if stack.is_new:
        return DeployedStack(resolve(from_data({"Resources": {}}), {}, {}), {})
    body = template_text(stacks.template_body(cloudformation, StackName=stack.id))
    _, _, _, region, account, *_ = stack.id.split(":")
    values = stack.parameters or {}
    known = surroundings(account, region, stack.name) | {"AWS::StackId": stack.id}
    return DeployedStack(
        resolve(read(body, f"the template of {stack.name}"), values, known, stored=values),
        physical_ids(cloudformation, stack),
    )


def physical_ids(cloudformation: Any, stack: stacks.StackDescription) -> dict[str, str]:
    """The physical id of each resource by its logical id."""
    return {
        each.logical_id: each.physical_id for each in stacks.resources(cloudformation, stack.id)
    }


def worker_queues(deployed: DeployedStack) -> list[str]:
    """The queues that the stack's tasks work on, by name: those that a container is given.

    Of a queue of the stack itself the name is in its physical id, whatever refers to it; of
    another one it is in the URL. Where no container is given one, those that alarms watch. A
    dead-letter queue of the stack is none of them.
    """
    own = {each.logical_id: _name(physical) for each, physical in deployed.of(QUEUE)}
    dead = {
        referred.logical_id
        for each, _ in deployed.of(QUEUE)
        for target in [each.get("RedrivePolicy", "deadLetterTargetArn")]
        if target is not None and (referred := deployed.stack.referred(target, QUEUE)) is not None
    }
    given = [_queue(each, own) for each in _environment(deployed)]
    found = [each for each in given if each] or [
        name for each in _watched(deployed) if (name := _queue(each, own, named=True))
    ]
    without = {own[each] for each in dead if each in own}
    return sorted(set(found) - without)


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _environment(deployed: DeployedStack) -> Iterator[Any]:
    for _, container in containers(deployed.stack):
        for each in container.get("Environment") or ():
            if isinstance(each, Mapping):
                yield each.get("Value")


def _watched(deployed: DeployedStack) -> Iterator[Any]:
    for alarm, _ in deployed.of(ALARM):
        yield from dimensions(alarm.properties, "QueueName")


def _queue(value: Any, own: Mapping[str, str], *, named: bool = False) -> str:
    """A queue's name: of a reference to one of the stack's, a URL of SQS, or the name itself."""
    for each in references(value):
        if each.logical_id in own:
            return own[each.logical_id]
    known = text(value) or ""
    if URL.fullmatch(known):
        return _name(known)
    return known if named and "/" not in known else ""
