"""What CloudFormation and hooks say of a change set: early validation, hook results, hooks to come.

Asked whether it failed or not: a validation in WARN mode lets a change set succeed. An API
that this botocore or this account lacks is said to be so, and never fails a review.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from deployer.review import Notice

Answer = Mapping[str, Any]
VALIDATION = "early validation"
HOOK = "hook"
PLANNED = "planned hook"


def gather(cloudformation: Any, arn: str) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """All notices on a change set, and a sentence for each question without an answer."""
    notices: list[Notice] = []
    unknown: list[str] = []
    for question, ask in QUESTIONS.items():
        try:
            notices += ask(cloudformation, arn)
        except _no_answers() as error:
            unknown.append(f"{question} could not be asked for: {_reason(error)}")
    return tuple(dict.fromkeys(notices)), tuple(unknown)


def _no_answers() -> tuple[type[Exception], ...]:
    """An operation that this botocore lacks is a missing attribute of the client."""
    from botocore.exceptions import ClientError

    return (ClientError, AttributeError)


def _reason(error: Exception) -> str:
    if isinstance(error, AttributeError):
        return "the installed botocore does not know the operation"
    return str(error)


def _events(cloudformation: Any, arn: str) -> Iterator[Notice]:
    for event in _pages(
        cloudformation.describe_events,
        "OperationEvents",
        ChangeSetName=arn,
        Filters={"FailedEvents": True},
    ):
        if event.get("EventType") == "VALIDATION_ERROR":
            yield Notice(
                source=f"{VALIDATION} {event.get('ValidationName', '')}".strip(),
                mode=event.get("ValidationFailureMode", ""),
                logical_id=event.get("LogicalResourceId", ""),
                text=_joined(event, "ValidationStatusReason", "ValidationPath"),
            )
        elif event.get("EventType") == "HOOK_INVOCATION_ERROR":
            yield Notice(
                source=f"{HOOK} {event.get('HookType', '')}".strip(),
                mode=event.get("HookFailureMode", ""),
                logical_id=event.get("LogicalResourceId", ""),
                text=_joined(event, "HookStatus", "HookStatusReason"),
            )
        elif event.get("ResourceStatusReason"):
            yield Notice(
                source=str(event.get("EventType", "event")).lower().replace("_", " "),
                mode="",
                logical_id=event.get("LogicalResourceId", ""),
                text=event["ResourceStatusReason"],
            )


def _hook_results(cloudformation: Any, arn: str) -> Iterator[Notice]:
    for result in _pages(
        cloudformation.list_hook_results, "HookResults", TargetType="CHANGE_SET", TargetId=arn
    ):
        if result.get("Status") in ("HOOK_COMPLETE_SUCCEEDED", "HOOK_IN_PROGRESS"):
            continue
        whole = cloudformation.get_hook_result(HookResultId=result["HookResultId"])
        failed = [each for each in whole.get("Annotations", ()) if each.get("Status") == "FAILED"]
        source, mode = f"{HOOK} {result.get('TypeName', '')}", result.get("FailureMode", "")
        target = str(whole.get("Target", {}).get("TargetId", ""))
        for each in failed:
            yield Notice(
                source=source,
                mode=mode,
                logical_id=target,
                text=_joined(each, "SeverityLevel", "AnnotationName", "StatusMessage"),
                next_step=_joined(each, "RemediationMessage", "RemediationLink"),
            )
        if not failed:
            text = _joined(result, "Status", "HookStatusReason")
            yield Notice(source=source, mode=mode, logical_id=target, text=text)


def _planned(cloudformation: Any, arn: str) -> Iterator[Notice]:
    for hook in _pages(cloudformation.describe_change_set_hooks, "Hooks", ChangeSetName=arn):
        resource = hook.get("TargetDetails", {}).get("ResourceTargetDetails", {})
        yield Notice(
            source=f"{PLANNED} {hook.get('TypeName', '')}",
            mode=hook.get("FailureMode", ""),
            logical_id=resource.get("LogicalResourceId", ""),
            text=f"will look at it before the {resource.get('ResourceAction', 'change')}",
        )


QUESTIONS: dict[str, Callable[[Any, str], Iterable[Notice]]] = {
    "Early validation": _events,
    "Hook results": _hook_results,
    "Planned hooks": _planned,
}


def _pages(operation: Callable[..., Answer], member: str, **request: Any) -> Iterator[Answer]:
    answer = operation(**request)
    yield from answer.get(member, ())
    while answer.get("NextToken"):
        answer = operation(**request, NextToken=answer["NextToken"])
        yield from answer.get(member, ())


def _joined(answer: Answer, *names: str) -> str:
    return ": ".join(str(answer[name]) for name in names if answer.get(name))
