"""Stack refactoring, which MiniStack does not have: logical ids of one stack are renamed.

It moves the records of the resources to their new names, as CloudFormation does, and refuses
what CloudFormation refuses: a type that cannot be refactored, a body that is not the same
afterwards, other parameters, conditions or mappings, a stack with a stack policy.
Source: CloudFormation user guide, "Stack refactoring", considerations and resource limitations.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from workerstack.localaws import birth_names
from workerstack.localaws.answers import Answer, answer, error, escaped, members
from workerstack.localaws.schemas import provisioning_type

UNSUPPORTED: set[str] = set()
"""Types that are refused like those of AWS's list; a test adds to it."""

FROZEN = ("Parameters", "Conditions", "Mappings", "Rules", "Transform")
"""Sections that a refactoring cannot change."""


@cache
def _refactors() -> Any:
    """The refactorings of each account and region, by id."""
    from ministack.core.responses import AccountRegionScopedDict

    return AccountRegionScopedDict()


def forget() -> None:
    """Drops what is kept for every account and region."""
    _refactors.cache_clear()


def _create(request: Any) -> Answer:
    from ministack.core.responses import new_uuid
    from ministack.services.cloudformation.handlers import _resolve_stack
    from ministack.services.cloudformation.helpers import _p, _resolve_template

    definitions = members(request, "StackDefinitions", "StackName", "TemplateBody", "TemplateURL")
    if len(definitions) != 1 or not (stack := _resolve_stack(definitions[0]["StackName"])):
        return error("ValidationError", "Only one stack, which exists, is simulated")
    mappings = members(
        request, "ResourceMappings", "Source.LogicalResourceId", "Destination.LogicalResourceId"
    )
    names = {
        each["Source.LogicalResourceId"]: each["Destination.LogicalResourceId"] for each in mappings
    }
    identifier = new_uuid()
    body, refused = _resolve_template({name: [text] for name, text in definitions[0].items()})
    if refused:
        return tuple(refused)
    reason = next(_refusals(stack, body, names), "")
    _refactors()[identifier] = {
        "stack": stack["StackId"],
        "names": names,
        "body": body,
        "updated": stack.get("LastUpdatedTime"),
        "description": _p(request, "Description"),
        "status": "CREATE_FAILED" if reason else "CREATE_COMPLETE",
        "reason": f"{stack['StackId']}: {reason}" if reason else "",
        "execution": "UNAVAILABLE" if reason else "AVAILABLE",
        "looks": 0,
    }
    return answer("CreateStackRefactor", f"<StackRefactorId>{identifier}</StackRefactorId>")


def _refusals(stack: Any, body: str, names: Mapping[str, str]) -> Iterator[str]:
    """Why CloudFormation would not make the refactoring; nothing where it would."""
    from ministack.services.cloudformation.engine import _parse_template

    before, after = stack["_template"], _parse_template(body)
    resources = stack["_resources"]
    if stack.get("_stack_policy"):
        yield "Stack Refactor does not support a stack with a stack policy."
    for section in FROZEN:
        if before.get(section, {}) != after.get(section, {}):
            yield f"You cannot modify or add [{section}] in a refactor operation."
    for old in names:
        kind = resources.get(old, {}).get("ResourceType", "")
        if kind in UNSUPPORTED or provisioning_type(kind) != "FULLY_MUTABLE":
            yield f"Stack Refactor does not support {kind}."
    moved = {names.get(name, name): record for name, record in resources.items()}
    if set(moved) != set(after["Resources"]):
        yield "You cannot create or delete resources in a refactor operation."
    for name in moved.keys() & after["Resources"].keys():
        if not _same(stack, after, moved, name):
            yield f"Resource {name} does not match the destination resource's properties."


def _same(stack: Any, after: Any, moved: Mapping[str, Any], name: str) -> bool:
    """Whether a resource has the same properties, with the references' values put in."""
    from ministack.services.cloudformation.engine import _NO_VALUE, _resolve_refs

    body, record = after["Resources"][name], moved[name]
    found = _resolve_refs(
        copy.deepcopy(body.get("Properties", {})), moved, stack["_resolved_params"],
        stack.get("_conditions", {}), after.get("Mappings", {}), stack["StackName"],
        stack["StackId"],
    )  # fmt: skip
    known = {key: value for key, value in found.items() if value is not _NO_VALUE}
    return bool(body["Type"] == record["ResourceType"] and known == record["Properties"])


def _describe(request: Any) -> Answer:
    found = _find(request)
    if found is None:
        return error("StackRefactorNotFoundException", "There is no such stack refactor")
    # Both operations take a while in AWS: the first look still sees them going on.
    found["looks"] += 1
    status, execution = found["status"], found["execution"]
    if found["looks"] == 1:
        status, execution = "CREATE_IN_PROGRESS", "UNAVAILABLE"
    elif execution == "EXECUTE_IN_PROGRESS":
        found["execution"] = "EXECUTE_COMPLETE"
        # The answer is "in progress" once more, and the stack itself is at rest still later.
        _stack(found)[SETTLING] = LOOKS
    elif execution == "AVAILABLE" and _stack(found).get("LastUpdatedTime") != found["updated"]:
        execution = found["execution"] = "OBSOLETE"
    return answer(
        "DescribeStackRefactor",
        f"<StackIds><member>{found['stack']}</member></StackIds>"
        f"<Description>{escaped(found['description'])}</Description>"
        f"<ExecutionStatus>{execution}</ExecutionStatus><Status>{status}</Status>"
        f"<StatusReason>{escaped(found['reason'])}</StatusReason>",
    )


def _find(request: Any) -> Any:
    from ministack.services.cloudformation.helpers import _p

    return _refactors().get(_p(request, "StackRefactorId"))


def stack_of(identifier: str, account: str, region: str) -> str:
    """The name of the stack that a refactoring is about; `*` where there is none."""
    from ministack.core.responses import request_scope

    with request_scope(account, region):
        found = _refactors().get(identifier)
    return str(found["stack"]) if found else "*"


def _stack(refactor: Any) -> Any:
    from ministack.services.cloudformation.handlers import _resolve_stack

    return _resolve_stack(refactor["stack"])


def _list_actions(request: Any) -> Answer:
    from ministack.services.cloudformation.helpers import _page

    found = _find(request)
    if found is None:
        return error("StackRefactorNotFoundException", "There is no such stack refactor")
    stack = _stack(found)
    names = list(found["names"].items())
    listed, token, refused = _page(names, request, "ListStackRefactorActions", PAGE)
    if refused:
        return tuple(refused)
    side = "<{0}><StackName>{1}</StackName><LogicalResourceId>{2}</LogicalResourceId></{0}>"
    members = "".join(
        "<member><Action>MOVE</Action><Entity>RESOURCE</Entity><Detection>MANUAL</Detection>"
        f"<PhysicalResourceId>{escaped(_physical(stack, old, new))}</PhysicalResourceId>"
        "<Description>No configuration changes detected.</Description><ResourceMapping>"
        + side.format("Source", stack["StackName"], old)
        + side.format("Destination", stack["StackName"], new)
        + "</ResourceMapping><TagResources/><UntagResources/></member>"
        for old, new in listed
    )
    return answer(
        "ListStackRefactorActions", f"<StackRefactorActions>{members}</StackRefactorActions>{token}"
    )


PAGE = 5
"""Actions of one answer: few, so that reading several pages is exercised."""


def _physical(stack: Any, old: str, new: str) -> str:
    record = stack["_resources"].get(old) or stack["_resources"].get(new) or {}
    return str(record.get("PhysicalResourceId", ""))


def _execute(request: Any) -> Answer:
    from ministack.core.responses import now_iso
    from ministack.services.cloudformation.engine import _parse_template

    found = _find(request)
    if found is None or found["execution"] != "AVAILABLE":
        return error("ValidationError", "The stack refactor cannot be executed")
    stack = _stack(found)
    for name, record in stack["_resources"].items():
        # Before the records move: a generated name comes from the first logical id, and is never
        # made again.
        birth_names.remember(record.get("PhysicalResourceId", ""), name)
    stack["_resources"] = {
        found["names"].get(name, name): {
            **record, "LogicalResourceId": found["names"].get(name, name)
        }
        for name, record in stack["_resources"].items()
    }  # fmt: skip
    stack["_template"], stack["_template_body"] = _parse_template(found["body"]), found["body"]
    stack["LastUpdatedTime"] = now_iso()
    _enter(stack, "UPDATE_IN_PROGRESS")
    found["execution"] = "EXECUTE_IN_PROGRESS"
    return answer("ExecuteStackRefactor", "")


SETTLING, LOOKS = "_settling", 3
"""How often DescribeStacks still sees a refactored stack in progress; AWS takes seconds for it."""


def _enter(stack: Any, status: str) -> None:
    from ministack.services.cloudformation.stacks import _add_event

    stack["StackStatus"] = status
    _add_event(
        stack["StackId"], stack["StackName"], stack["StackName"],
        "AWS::CloudFormation::Stack", status, "Stack refactor", stack["StackId"],
    )  # fmt: skip


def install(actions: dict[str, Callable[[Any], Any]]) -> None:
    """Adds the operations, and lets a refactored stack settle; doing it twice changes nothing."""
    if "ExecuteStackRefactor" not in actions:
        actions["DescribeStacks"] = _settling(actions["DescribeStacks"])
    actions.update(HANDLERS)


def _settling(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from ministack.services.cloudformation.handlers import _resolve_stack
    from ministack.services.cloudformation.helpers import _p

    def handle(request: Any) -> Any:
        stack = _resolve_stack(_p(request, "StackName")) if _p(request, "StackName") else None
        if stack and stack.get(SETTLING):
            stack[SETTLING] -= 1
            if not stack[SETTLING]:
                _enter(stack, "UPDATE_COMPLETE")
        return handler(request)

    return handle


HANDLERS: dict[str, Callable[[Any], Answer]] = {
    "CreateStackRefactor": _create,
    "DescribeStackRefactor": _describe,
    "ListStackRefactorActions": _list_actions,
    "ExecuteStackRefactor": _execute,
}
