"""A name that somebody has is refused, as AWS refuses it; MiniStack takes the thing over.

Before: validation fails a change set that adds a resource whose name is taken, and DescribeEvents
says which (User Guide, "Validate stack deployments"). During: a resource is created before the one
that it replaces is deleted, so a name that stays fails the replacement, too (User Guide, "Update
behaviors of stack resources").
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workerstack.cloudformation.identity import own_name
from workerstack.localaws.answers import Answer, answer, escaped

Handler = Callable[[Any], Any]
Properties = Mapping[str, Any]

FAILED = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To"
    " troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure"
    " information."
)
_EVENTS: dict[str, str] = {}
"""The XML of what validation found, by the change set's ARN."""


def install(stacks: Any, provisioners: Any, actions: dict[str, Handler]) -> None:
    """Wraps what makes resources and change sets; doing it twice changes nothing."""
    if hasattr(stacks._provision_resource, "knows_names"):
        return
    create, update = stacks._provision_resource, stacks._update_resource
    kept = provisioners._CUSTOM_NAME_REPLACEMENT

    def provision(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
        _refuse(kind, properties)
        return create(kind, logical_id, properties, stack)

    def change(
        kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str, *more: Any
    ) -> Any:
        name = own_name(kind)
        renamed = name and old.get(name) != new.get(name)
        replaces = kind not in kept and provisioners._replacing_change(kind, old, new)
        if old != new and (renamed or replaces):
            _refuse(kind, new)
        return update(kind, physical_id, old, new, stack, logical_id, *more)

    _marked(provision)
    stacks._provision_resource = provision
    stacks._update_resource = change
    actions["CreateChangeSet"] = _validating(actions["CreateChangeSet"])
    actions["DescribeEvents"] = _telling(actions["DescribeEvents"])


def forget() -> None:
    """Empties what validation found."""
    _EVENTS.clear()


def _refuse(kind: str, properties: Properties) -> None:
    name = _taken(kind, properties)
    if name:
        raise ValueError(_sentence(kind, name))


def _sentence(kind: str, name: str) -> str:
    return f"Resource of type '{kind}' with identifier '{name}' already exists."


def _taken(kind: str, properties: Properties) -> str:
    """The resource's own name, where another one has it; empty where none has, or it is made."""
    name = properties.get(own_name(kind) or "")
    has = STORES.get(kind)
    return name if isinstance(name, str) and has and has(name, properties) else ""


def _cluster(name: str, _: Properties) -> bool:
    from ministack.services import ecs

    return (ecs._clusters.get(name) or {}).get("status") == "ACTIVE"


def _service(name: str, properties: Properties) -> bool:
    from ministack.services import ecs

    cluster = str(properties.get("Cluster", "default")).rpartition("/")[2]
    return (ecs._services.get(f"{cluster}/{name}") or {}).get("status") == "ACTIVE"


def _log_group(name: str, _: Properties) -> bool:
    from ministack.services import cloudwatch_logs

    return name in cloudwatch_logs._log_groups


def _alarm(name: str, _: Properties) -> bool:
    from ministack.services import cloudwatch

    return name in cloudwatch._alarms


def _queue(name: str, _: Properties) -> bool:
    from ministack.services import sqs

    return name in sqs._queue_name_to_url


def _role(name: str, _: Properties) -> bool:
    from ministack.services import iam

    return name in iam._roles


def _group(name: str, properties: Properties) -> bool:
    from ministack.services import ec2

    vpc = properties.get("VpcId")
    return any(
        each["GroupName"] == name and vpc in (None, each.get("VpcId"))
        for each in ec2._security_groups.values()
    )


STORES: Mapping[str, Callable[[str, Properties], bool]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SQS::Queue": _queue,
}
"""Whether there is one of that name, for the types of our stacks."""


def _validating(handler: Handler) -> Handler:
    def handle(request: Any) -> Any:
        from ministack.services.cloudformation import _change_sets

        found = handler(request)
        arn = found[2].decode().partition("<Id>")[2].partition("</Id>")[0]
        made = _change_sets.get(arn)
        events = list(_conflicts(made)) if made and made["Status"] == "CREATE_COMPLETE" else []
        if made and events:
            made |= {"Status": "FAILED", "ExecutionStatus": "UNAVAILABLE", "StatusReason": FAILED}
            _EVENTS[arn] = "".join(events)
        return found

    _marked(handle)
    return handle


def _conflicts(made: Mapping[str, Any]) -> Iterator[str]:
    """What is added under a name that is known already, and that somebody has."""
    from workerstack.localaws.same_values import resolved

    bodies = resolved(
        made["_template"], made["_resolved_params"], made["StackName"], made["StackId"]
    )
    for row in (each["ResourceChange"] for each in made["Changes"]):
        body = bodies.get("Resources", {}).get(row["LogicalResourceId"], {})
        if row["Action"] != "Add" or not body:
            continue
        name = _taken(row["ResourceType"], body["Properties"])
        if name:
            yield (
                "<member><EventType>VALIDATION_ERROR</EventType>"
                f"<OperationStatus>FAILED</OperationStatus>"
                f"<LogicalResourceId>{escaped(row['LogicalResourceId'])}</LogicalResourceId>"
                f"<ResourceType>{escaped(row['ResourceType'])}</ResourceType>"
                "<ValidationFailureMode>FAIL</ValidationFailureMode>"
                "<ValidationName>NAME_CONFLICT_VALIDATION</ValidationName>"
                "<ValidationStatus>FAILED</ValidationStatus><ValidationStatusReason>"
                f"{escaped(_sentence(row['ResourceType'], name))}</ValidationStatusReason>"
                f"<ValidationPath>/Resources/{escaped(row['LogicalResourceId'])}</ValidationPath>"
                "</member>"
            )


def _telling(handler: Handler) -> Handler:
    def handle(request: Any) -> Answer:
        from ministack.services.cloudformation.helpers import _p

        events = _EVENTS.get(_p(request, "ChangeSetName"))
        if events is None:
            found: Answer = handler(request)
            return found
        return answer("DescribeEvents", f"<OperationEvents>{events}</OperationEvents>")

    _marked(handle)
    return handle


def _marked(handle: Any) -> None:
    """Its own mark, and those of the other wrappers, which must not wrap a second time."""
    handle.knows_names = True
    handle.asks = True
    handle.knows_settings = True
    handle.takes_ids = True
