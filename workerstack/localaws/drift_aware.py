"""Drift-aware change sets, which MiniStack takes for ordinary ones.

One of ``REVERT_DRIFT`` compares the template with what the resources really are: what was deleted
by hand is made again, what was changed by hand is put back. Source: CloudFormation user guide,
"Using drift-aware change sets"; API reference, CreateChangeSet (``DeploymentMode``), ResourceChange
(``ResourceDriftStatus``), DescribeChangeSet (``StackDriftStatus``).
"""

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from workerstack.localaws.answers import error

Handler = Callable[[Any], Any]
Template = dict[str, Any]

MODE = "REVERT_DRIFT"
DRIFTED = ("MODIFIED", "DELETED")

_FOUND: ContextVar[dict[str, dict[str, Any]] | None] = ContextVar("drift", default=None)
"""The drift of each resource, while a change set is made that looks at it."""


def install(actions: dict[str, Handler], changesets: Any, drift: Any) -> None:
    """Wraps what makes, tells and executes change sets; doing it twice changes nothing."""
    drift._DRIFT_READERS.update(
        {kind: (reader, frozenset()) for kind, reader in READERS.items()
         if kind not in drift._DRIFT_READERS}
    )  # fmt: skip
    if hasattr(changesets._diff_resources, "knows_drift"):
        return
    for name, wrapper in (
        ("CreateChangeSet", _make), ("DescribeChangeSet", _tell), ("ExecuteChangeSet", _execute),
    ):  # fmt: skip
        actions[name] = _wrapped(actions[name], wrapper)
    changesets._diff_resources = _comparing(changesets._diff_resources)


def _wrapped(handler: Handler, wrapper: Callable[[Handler, Any], Any]) -> Handler:
    def handle(request: Any) -> Any:
        return wrapper(handler, request)

    # The marks of the other wrappers, which must not wrap a second time.
    handle.__dict__.update({**vars(handler), "takes_ids": True, "knows_settings": True})
    return handle


def _text(request: Any, name: str) -> str:
    return str(request.get(name, [""])[0])


def _make(handler: Handler, request: Any) -> Any:
    from ministack.services.cloudformation import _change_sets

    mode = _text(request, "DeploymentMode")
    if not mode:
        return handler(request)
    if refused := _refused(mode, request):
        return error("ValidationError", refused)
    found = _drift(_text(request, "StackName"))
    token = _FOUND.set(found)
    try:
        answer = handler(request)
    finally:
        _FOUND.reset(token)
    if made := re.search(rb"<Id>([^<]+)</Id>", answer[2]):
        _change_sets[made[1].decode()]["_drift"] = found
    return answer


def _refused(mode: str, request: Any) -> str:
    """Why such a change set is not made; the API reference gives no words for it."""
    if mode != MODE:
        return f"DeploymentMode must be {MODE}"
    if _text(request, "ChangeSetType") not in ("", "UPDATE"):
        return f"DeploymentMode {MODE} is only valid when ChangeSetType is UPDATE"
    for name in ("ImportExistingResources", "IncludeNestedStacks"):
        if _text(request, name).lower() == "true":
            return f"{name} is not valid with DeploymentMode {MODE}"
    return ""


def _drift(stack_name: str) -> dict[str, dict[str, Any]]:
    """What drift detection says of each resource that it can look at."""
    from ministack.core.responses import now_iso
    from ministack.services.cloudformation import drift
    from ministack.services.cloudformation.handlers import _resolve_stack

    stack = _resolve_stack(stack_name)
    if stack is None:
        return {}
    return {
        name: drift.detect_resource_drift(stack, name, record, now_iso())
        for name, record in stack.get("_resources", {}).items()
        if drift.supports_drift(record["ResourceType"])
    }


def _comparing(original: Callable[..., Any]) -> Callable[..., Any]:
    def compare(
        old: Template, new: Template, resources: Any, raw: Template, changed: Iterable[str],
        retag: Iterable[str],
    ) -> Any:  # fmt: skip
        found = _FOUND.get()
        if found is None:
            return original(old, new, resources, raw, changed, retag)
        listed = original(_actual(old, found), new, resources, raw, changed, retag)
        return [{"ResourceChange": _with_drift(each["ResourceChange"], found)} for each in listed]

    compare.knows_drift = True  # type: ignore[attr-defined]
    return compare


GONE = "deleted by hand"


def _actual(old: Template, found: Mapping[str, Mapping[str, Any]]) -> Template:
    """The resources as they are: what is gone has no type that it could keep.

    So whatever refers to it is seen to change, too, as with a replacement.
    """
    actual = copy.deepcopy(old)
    for name, body in actual.get("Resources", {}).items():
        drift = found.get(name, {})
        if drift.get("StackResourceDriftStatus") == "DELETED":
            body["Type"] = GONE
        elif drift.get("StackResourceDriftStatus") == "MODIFIED":
            body["Properties"] |= _live(drift)
    return actual


def _live(drift: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that differ, as they are."""
    from workerstack.localaws.same_values import as_text

    actual = json.loads(drift["ActualProperties"])
    names = {each["PropertyPath"].split("/")[1] for each in drift["PropertyDifferences"]}
    return {name: as_text(actual[name]) for name in sorted(names) if name in actual}


def _with_drift(change: dict[str, Any], found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A change with the drift of its resource; what is gone is added, and has no physical id."""
    status = found.get(change["LogicalResourceId"], {}).get("StackResourceDriftStatus")
    if status == "DELETED" and change["Action"] == "Modify":
        kept = ("LogicalResourceId", "ResourceType")
        change = {"Action": "Add", **{name: change[name] for name in kept}}
    return {**change, **({"ResourceDriftStatus": status} if status else {})}


def _change_set(request: Any) -> dict[str, Any] | None:
    from ministack.services.cloudformation.changesets import _find_change_set

    stack = _text(request, "StackName")
    name = stack.split("/")[1] if stack.startswith("arn:") else stack
    found: dict[str, Any] | None = _find_change_set(_text(request, "ChangeSetName"), name)[1]
    return found if found and "_drift" in found else None


def _tell(handler: Handler, request: Any) -> Any:
    status, headers, body = handler(request)
    made = _change_set(request)
    if made is None:
        return status, headers, body
    text = body.decode()
    for each in made["Changes"]:
        change = each["ResourceChange"]
        if "ResourceDriftStatus" in change:
            name = f"<LogicalResourceId>{change['LogicalResourceId']}</LogicalResourceId>"
            told = f"<ResourceDriftStatus>{change['ResourceDriftStatus']}</ResourceDriftStatus>"
            text = text.replace(name, name + told)
    of_all = "DRIFTED" if any(_drifted(made)) else "IN_SYNC"
    end = "</DescribeChangeSetResult>"
    text = text.replace(end, f"<StackDriftStatus>{of_all}</StackDriftStatus>{end}")
    return status, headers, text.encode()


def _drifted(made: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, drift in made["_drift"].items():
        if drift["StackResourceDriftStatus"] in DRIFTED:
            yield name, drift


def _execute(handler: Handler, request: Any) -> Any:
    """What is gone is forgotten, so that it is made anew; what differs is set again."""
    from ministack.services.cloudformation import _stacks

    made = _change_set(request)
    if made is not None and made["ExecutionStatus"] == "AVAILABLE":
        resources = _stacks[made["StackName"]]["_resources"]
        for name, drift in _drifted(made):
            if drift["StackResourceDriftStatus"] == "DELETED":
                resources.pop(name, None)
            elif name in resources:
                properties = resources[name]["Properties"]
                resources[name]["Properties"] = {**properties, **_live(drift)}
    return handler(request)


def _alarm(physical_id: str, _: Any) -> dict[str, Any] | None:
    from ministack.services import cloudwatch

    return {} if cloudwatch._alarms.get(physical_id) else None


def _service(physical_id: str, _: Any) -> dict[str, Any] | None:
    from ministack.services import ecs

    known = (each for each in ecs._services.values() if each["serviceArn"] == physical_id)
    return {} if any(each["status"] == "ACTIVE" for each in known) else None


def _cluster(physical_id: str, _: Any) -> dict[str, Any] | None:
    from ministack.services import ecs

    found = ecs._clusters.get(physical_id.rpartition("/")[2])
    return {} if found and found["status"] == "ACTIVE" else None


def _security_group(physical_id: str, _: Any) -> dict[str, Any] | None:
    from ministack.services import ec2

    return {} if ec2._security_groups.get(physical_id) else None


def _target(physical_id: str, _: Any) -> dict[str, Any] | None:
    from workerstack.localaws.application_autoscaling import stores

    return {} if physical_id in stores()[0] else None


def _policy(physical_id: str, _: Any) -> dict[str, Any] | None:
    from workerstack.localaws.application_autoscaling import stores

    return {} if physical_id in stores()[1] else None


READERS: Mapping[str, Callable[[str, Any], dict[str, Any] | None]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _policy,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
}
"""Types of our stacks that AWS can detect drift of and MiniStack cannot: whether it is there."""
