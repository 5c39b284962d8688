"""CloudFormation's stack refactoring: made, read, executed, each awaited to its end.

Source: CloudFormation API reference, CreateStackRefactor, DescribeStackRefactor,
ListStackRefactorActions, ExecuteStackRefactor; user guide, "Stack refactoring":
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-refactoring.html
"""

import re
from collections.abc import Mapping
from typing import Any

from deployer.clients import explained
from deployer.clock import Clock
from problem import Detached, Problem, Refusal

UNSUPPORTED = re.compile(r"Stack Refactor does not support (\w+::\w+::\w+)")
"""How the service says that a type cannot be refactored, in StatusReason and, for one whose tags
it cannot write, in ExecutionStatusReason.
"""

HINTS = {
    "AWS::CDK::Metadata": "Deploy once more with `cdk deploy --version-reporting=false`, which"
    " leaves it out, and adopt again",
}
"""What helps with types that a tool adds by itself."""

UNDER_WAY = frozenset({"EXECUTE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"})


class Unsupported(Refusal):
    """The service refuses a type; ``kind`` is which."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(
            f"CloudFormation cannot refactor {kind}",
            reason,
            HINTS.get(
                kind, "Remove what is of this type with the tool that made it, and adopt again"
            ),
        )
        self.kind = kind


def create(
    cloudformation: Any,
    stack_name: str,
    template: Mapping[str, str],
    names: Mapping[str, str],
    description: str,
) -> str:
    """Proposes the renaming within one stack; gives the refactor's id. Nothing is changed.

    ``template`` is TemplateBody or TemplateURL, ``names`` leads from old ids to new ones.
    """
    answer = cloudformation.create_stack_refactor(
        Description=description,
        EnableStackCreation=False,
        StackDefinitions=[{"StackName": stack_name, **template}],
        ResourceMappings=[
            {
                "Source": {"StackName": stack_name, "LogicalResourceId": old},
                "Destination": {"StackName": stack_name, "LogicalResourceId": new},
            }
            for old, new in sorted(names.items())
        ],
    )
    return str(answer["StackRefactorId"])


def describe(cloudformation: Any, refactor: str) -> Mapping[str, Any]:
    """One look at it."""
    found: Mapping[str, Any] = cloudformation.describe_stack_refactor(StackRefactorId=refactor)
    return found


def wait_created(cloudformation: Any, refactor: str, clock: Clock) -> None:
    """Waits until it is made and can be executed.

    Raises Unsupported where a type cannot be refactored, Problem for any other failure.
    """
    waits = clock.waits()
    while (answer := describe(cloudformation, refactor))["Status"] == "CREATE_IN_PROGRESS":
        if not waits.wait():
            raise Problem(
                "The refactoring is still being made", f"its id is {refactor}", "Adopt again later"
            )
    if answer["Status"] == "CREATE_COMPLETE" and answer.get("ExecutionStatus") == "AVAILABLE":
        return
    reason = answer.get("StatusReason") or answer.get("ExecutionStatusReason") or "no reason given"
    found = UNSUPPORTED.search(reason)
    if found:
        raise Unsupported(found[1], reason)
    raise Problem(
        f"CloudFormation could not make the refactoring ({answer['Status']},"
        f" {answer.get('ExecutionStatus')})",
        reason,
        "Correct what it says and adopt again; nothing was changed",
    )


def actions(cloudformation: Any, refactor: str) -> list[dict[str, Any]]:
    """What it would do, all pages together."""
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = cloudformation.list_stack_refactor_actions(StackRefactorId=refactor, **more)
        found += page["StackRefactorActions"]
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def execute(cloudformation: Any, refactor: str, clock: Clock, resume: str) -> None:
    """Executes it, unless that has begun already, and waits for its end.

    Raises Problem where it failed or was rolled back; Detached where we cannot wait for its end,
    which it comes to without us.
    """
    status = describe(cloudformation, refactor).get("ExecutionStatus")
    if status == "AVAILABLE":
        _begin(cloudformation, refactor)
    try:
        with explained(resume):
            _wait_executed(cloudformation, refactor, clock, resume)
    except KeyboardInterrupt:
        raise _left("you interrupted this", resume) from None


def _wait_executed(cloudformation: Any, refactor: str, clock: Clock, resume: str) -> None:
    waits = clock.waits()
    while True:
        answer = describe(cloudformation, refactor)
        status = answer.get("ExecutionStatus", "")
        if status == "EXECUTE_COMPLETE":
            return
        # An answer may still be as it was before the execution began.
        if status not in UNDER_WAY and status != "AVAILABLE":
            raise _ended(status, answer.get("ExecutionStatusReason", ""))
        if not waits.wait():
            raise _left(f"it is still in {status}", resume)


def _left(why: str, resume: str) -> Detached:
    what, next_step = "We stopped watching the refactoring", f"Watch it again with `{resume}`"
    return Detached(what, why, f"It goes on in AWS. {next_step}")


def _begin(cloudformation: Any, refactor: str) -> None:
    """Begins it once: where the answer to a first request was lost, a second one is refused."""
    from botocore.exceptions import ClientError

    try:
        cloudformation.execute_stack_refactor(StackRefactorId=refactor)
    except ClientError:
        if describe(cloudformation, refactor).get("ExecutionStatus") == "AVAILABLE":
            raise


def _ended(status: str, reason: str) -> Problem:
    """A bad end. Some types are refused only now, after a proposal that was good."""
    found = UNSUPPORTED.search(reason)
    return Problem(
        f"The refactoring ended as {status}",
        reason or "CloudFormation gives no reason",
        f"What was rolled back is as before. Adopt again with --import for each {found[1]}"
        if found
        else "Look at the stack's events; what was rolled back is as before",
    )
