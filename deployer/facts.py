"""What only the live account knows of a change: what runs, what waits, who imports.

None of it is needed for a review, so what cannot be read is said and not guessed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from deployer.clients import Clients
from deployer.judging import Facts
from deployer.review import ResourceChange

SERVICE = "AWS::ECS::Service"
ALARM = "AWS::CloudWatch::Alarm"
NOBODY = "is not imported by any stack"


def gather(
    clients: Clients,
    changes: Iterable[ResourceChange],
    templates: Iterable[Mapping[str, Any]],
    stack: Mapping[str, Any],
) -> tuple[Facts, tuple[str, ...]]:
    """The facts on a change set, and a sentence for each that is not known.

    ``templates``: the resolved bodies before and after; ``stack`` is DescribeStacks' answer,
    empty for a new stack.
    """
    unknown: list[str] = []

    def asked(what: str, ask: Callable[[], Any], otherwise: Any = None) -> Any:
        from botocore.exceptions import ClientError

        try:
            return ask()
        except ClientError as error:
            unknown.append(f"{what} could not be read: {error}")
            return otherwise

    services = [
        change.physical_id
        for change in changes
        if change.type == SERVICE and change.physical_id and change.action != "Add"
    ]
    outputs = stack.get("Outputs", ())
    exports = {each["ExportName"]: each["OutputKey"] for each in outputs if "ExportName" in each}
    facts = Facts(
        account=stack.get("StackId", "::::").split(":")[4],
        running_tasks=asked("The running tasks", lambda: _running(clients("ecs"), services)),
        messages_in_flight=asked(
            "The messages in flight", lambda: _in_flight(clients("sqs"), _queues(templates))
        )
        if services
        else None,
        imports=asked(
            "Who imports the exports",
            lambda: {name: _importers(clients("cloudformation"), name) for name in exports},
            {},
        ),
        exports=exports,
        rollback_disabled=bool(stack.get("DisableRollback")),
    )
    return facts, tuple(unknown)


def _running(ecs: Any, services: list[str]) -> int | None:
    found = 0
    for arn in services:
        # arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE
        cluster = arn.split("/")[-2] if arn.count("/") > 1 else "default"
        for service in ecs.describe_services(cluster=cluster, services=[arn])["services"]:
            found += service["runningCount"]
    return found if services else None


def _in_flight(sqs: Any, queues: set[str]) -> int | None:
    name = "ApproximateNumberOfMessagesNotVisible"
    found = 0
    for queue in sorted(queues):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        found += int(answer["Attributes"][name])
    return found if queues else None


def _queues(templates: Iterable[Mapping[str, Any]]) -> set[str]:
    """The queues whose depth the stack's alarms watch."""
    alarms = [
        body.get("Properties", {})
        for template in templates
        for body in template.values()
        if body.get("Type") == ALARM
    ]
    return {name for alarm in alarms for name in _dimension(alarm, "QueueName")}


def _dimension(value: Any, wanted: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _dimension(item, wanted)
    elif isinstance(value, Mapping):
        if value.get("Name") == wanted and isinstance(value.get("Value"), str):
            yield value["Value"]
        for item in value.values():
            yield from _dimension(item, wanted)


def _importers(cloudformation: Any, export: str) -> tuple[str, ...]:
    from botocore.exceptions import ClientError

    found: list[str] = []
    try:
        for page in cloudformation.get_paginator("list_imports").paginate(ExportName=export):
            found += page["Imports"]
    except ClientError as error:
        # CloudFormation has no other way to say that nobody imports it.
        if NOBODY not in str(error):
            raise
    return tuple(found)
