"""From CloudFormation's answers to resource changes. AWS's shapes are known here only.

A change set is described twice: plain and with property values. The plain answer is the
authority on which resources change and how; the other one may leave resources out (it
says so only in a status reason) and adds values.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from workerstack.review.model import ChangeSet, PropertyChange, ResourceChange

Answer = Mapping[str, Any]
FILE: TypeAdapter[Any] = TypeAdapter(Any)
"""What becomes of a value in the review's file, and of that when it is read back."""

TARGET = {
    "Attribute": "attribute",
    "Name": "name",
    "Path": "path",
    "BeforeValue": "before",
    "AfterValue": "after",
    "RequiresRecreation": "requires_recreation",
    "AttributeChangeType": "change_type",
    "BeforeValueFrom": "before_from",
    "AfterValueFrom": "after_from",
    "Drift": "drift",
}
DETAIL = {
    "Evaluation": "evaluation",
    "ChangeSource": "change_source",
    "CausingEntity": "causing_entity",
}
RESOURCE = {
    "Action": "action",
    "LogicalResourceId": "logical_id",
    "PhysicalResourceId": "physical_id",
    "ResourceType": "type",
    "Replacement": "replacement",
    "PolicyAction": "policy_action",
    "Scope": "scope",
    "ResourceDriftStatus": "drift_status",
    "ResourceDriftIgnoredAttributes": "drift_ignored",
    "ModuleInfo": "module",
    "ChangeSetId": "nested_change_set",
}
CONTEXTS = {
    "BeforeContext": "before",
    "AfterContext": "after",
    "PreviousDeploymentContext": "previous_deployment",
}
CHANGE_SET = frozenset(
    {
        "Capabilities", "ChangeSetId", "ChangeSetName", "Changes", "CreationTime",
        "Description", "ExecutionStatus", "NextToken", "Parameters", "ResponseMetadata",
        "StackId", "StackName", "Status", "StatusReason", "Tags",
    }
)  # fmt: skip


def read_change_set(answer: Answer, change_set_type: str) -> ChangeSet:
    """The change set's own facts; members that are not known are kept in ``extra``."""
    created = answer.get("CreationTime", "")
    return ChangeSet(
        arn=answer["ChangeSetId"],
        name=answer["ChangeSetName"],
        type=change_set_type,
        created=created.isoformat() if hasattr(created, "isoformat") else str(created),
        status=answer["Status"],
        execution_status=answer.get("ExecutionStatus", ""),
        reason=answer.get("StatusReason") or "",
        description=answer.get("Description") or "",
        capabilities=tuple(answer.get("Capabilities", ())),
        extra=_plain({key: value for key, value in answer.items() if key not in CHANGE_SET}),
    )


def read_resources(
    plain: Answer, detailed: Answer, descriptions: Mapping[str, str]
) -> tuple[ResourceChange, ...]:
    """Every resource of the plain answer, with the values of the detailed one."""
    valued = {_key(change): change for change in detailed.get("Changes", ())}
    known = [_key(change) for change in plain.get("Changes", ())]
    changes = [
        _resource(change, valued.get(_key(change)), descriptions)
        for change in plain.get("Changes", ())
    ]
    # A resource that only the detailed answer names would be a first; it is shown, too.
    changes += [
        _resource(change, change, descriptions)
        for key, change in valued.items()
        if key not in known
    ]
    return tuple(changes)


def digest_of_changes(plain: Answer) -> str:
    """SHA-256 of all that will be done, in any order, to see whether it is still so."""
    changes = sorted(canonical(change) for change in plain.get("Changes", ()))
    others = sorted(
        canonical(each) for name in ("Parameters", "Tags") for each in plain.get(name, ())
    )
    return hashlib.sha256("\n".join([*changes, *others]).encode()).hexdigest()


def canonical(value: Any) -> str:
    """A value as one text, whatever the order of members and of lists in it."""
    if isinstance(value, Mapping):
        return json.dumps({key: canonical(each) for key, each in sorted(value.items())})
    if isinstance(value, list | tuple):
        return json.dumps(sorted(canonical(each) for each in value))
    return json.dumps(value, default=str)


def _key(change: Answer) -> tuple[Any, ...]:
    resource = change.get("ResourceChange", {})
    return (
        resource.get("LogicalResourceId"),
        resource.get("ResourceType"),
        resource.get("Action"),
    )


def _resource(
    change: Answer, valued: Answer | None, descriptions: Mapping[str, str]
) -> ResourceChange:
    resource = change.get("ResourceChange", {})
    detailed = (valued or {}).get("ResourceChange", {})
    merged = {**detailed, **resource}
    facts = {name: merged[key] for key, name in RESOURCE.items() if merged.get(key) is not None}
    contexts = {name: _parsed(merged[key]) for key, name in CONTEXTS.items() if key in merged}
    extra = {
        **_unknown(change, {"Type", "HookInvocationCount", "ResourceChange"}),
        **_unknown(merged, {*RESOURCE, *CONTEXTS, "Details"}),
        **({} if change.get("Type", "Resource") == "Resource" else {"Type": change["Type"]}),
    }
    return ResourceChange(
        **{
            "action": "",
            "logical_id": "",
            "type": "",
            **_plain(facts),
            **contexts,
            "properties": _properties(resource, detailed),
            "hook_invocations": change.get("HookInvocationCount"),
            "description": descriptions.get(resource.get("LogicalResourceId", "")),
            "extra": _plain(extra),
        }
    )


def _properties(resource: Answer, detailed: Answer) -> tuple[PropertyChange, ...]:
    """The detailed causes, and those of the plain answer that they leave out."""
    with_values = list(detailed.get("Details", ()))
    told = {_cause(detail) for detail in with_values}
    silent = [each for each in resource.get("Details", ()) if _cause(each) not in told]
    return tuple(_property(detail) for detail in (*with_values, *silent))


def _cause(detail: Answer) -> tuple[Any, ...]:
    target = detail.get("Target", {})
    return (
        target.get("Attribute"),
        target.get("Name"),
        detail.get("ChangeSource"),
        detail.get("CausingEntity"),
    )


def _property(detail: Answer) -> PropertyChange:
    target = detail.get("Target", {})
    facts = {name: target[key] for key, name in TARGET.items() if key in target}
    facts |= {name: detail[key] for key, name in DETAIL.items() if key in detail}
    extra = {**_unknown(detail, {*DETAIL, "Target"}), **_unknown(target, set(TARGET))}
    given = "BeforeValue" in target or "AfterValue" in target
    return PropertyChange(**_plain(facts), values_given=given, extra=_plain(extra))


def _unknown(answer: Answer, known: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in set(known)}


def _parsed(context: Any) -> Any:
    """A context as data; as text where it is no JSON (it may be truncated).

    As text, too, where the review's file could not hold the data: Python takes ``Infinity``,
    ``1e999`` and half a surrogate pair for JSON, and would write another value.
    """
    try:
        data = json.loads(context)
        held = FILE.validate_json(FILE.dump_json(data))
    except (TypeError, ValueError, RecursionError):
        return _plain(context)
    return data if held == data else _plain(context)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; dates, and numbers that JSON does not have, as text."""
    return json.loads(json.dumps(value, default=str), parse_constant=str)
