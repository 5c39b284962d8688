"""The stack as it stands: whether it is new, can be updated, or must be mended first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workerstack.deployer import stack_states
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal

OWNER = "fargate-worker-stack"
"""The tag on a stack that this project created; nothing else is ever deleted."""


@dataclass(frozen=True)
class StackDescription:
    """What DescribeStacks says of a stack; ``status`` is ABSENT where there is none.

    ``answer`` is the whole answer.
    """

    name: str
    status: str = "ABSENT"
    id: str = ""
    last_updated: str = ""
    parameters: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    reason: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_new(self) -> bool:
        """Whether a change set must be of type CREATE."""
        return self.status in stack_states.NEW

    @property
    def is_ours(self) -> bool:
        """Whether this project created it."""
        return OWNER in (self.tags or {})


def read(cloudformation: Any, name: str) -> StackDescription:
    """The stack called ``name``, or with that id."""
    from botocore.exceptions import ClientError

    try:
        [answer] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that does not exist.
        if "does not exist" in str(error):
            return StackDescription(name)
        raise
    changed = answer.get("LastUpdatedTime") or answer.get("CreationTime")
    return StackDescription(
        name=answer["StackName"],
        status=answer["StackStatus"],
        id=answer["StackId"],
        last_updated=changed.isoformat() if changed else "",
        parameters={
            # Of a parameter that Parameter Store has, ParameterValue is the name of the entry and
            # ResolvedValue what the template was given.
            each["ParameterKey"]: each.get("ResolvedValue", each.get("ParameterValue", ""))
            for each in answer.get("Parameters", [])
        },
        tags={each["Key"]: each["Value"] for each in answer.get("Tags", [])},
        reason=answer.get("StackStatusReason", ""),
        answer=answer,
    )


def existing(cloudformation: Any, deployment: Deployment) -> StackDescription:
    """The deployment's stack; raises Problem where nothing is deployed yet."""
    found = read(cloudformation, deployment.stack)
    if found.is_new:
        raise Problem(
            f"There is no stack {deployment.stack}",
            stack_states.STATES[found.status].meaning,
            f"Deploy it first: `deploy.py review {deployment.name}`",
        )
    return found


def check_owner(stack: StackDescription, deployment: str) -> None:
    """Raises Refusal where the stack's own tag says that it is another deployment's.

    Two environments in one account and region would otherwise rewrite each other's stack.
    """
    owner = (stack.tags or {}).get(OWNER, deployment)
    if owner != deployment:
        raise Refusal(
            f"The stack {stack.name} belongs to {owner}, and this is {deployment}",
            f"its tag {OWNER} says so, and both are in the same account and region",
            "Give one of them another name, account or region; or correct the stack's tag",
        )


def check_updatable(stack: StackDescription, deployment: str) -> None:
    """Raises Refusal for a stack that can take no change set now."""
    # A shell in REVIEW_IN_PROGRESS takes any number of change sets of type CREATE.
    if stack.is_new or stack.status in stack_states.UPDATABLE:
        return
    meaning = stack_states.STATES.get(stack.status)
    raise Refusal(
        f"The stack {stack.name} is in {stack.status}",
        stack.reason or (meaning.meaning if meaning else "it takes no change set in this state"),
        stack_states.next_step(stack.status, deployment),
    )


@dataclass(frozen=True)
class StackResource:
    """One resource of a stack; ``physical_id`` is empty while there is none."""

    logical_id: str
    type: str
    physical_id: str
    status: str


def resources(cloudformation: Any, stack_id: str) -> list[StackResource]:
    """What the stack has, without what was deleted (ListStackResources)."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    return [
        StackResource(
            each["LogicalResourceId"],
            each["ResourceType"],
            each.get("PhysicalResourceId", ""),
            each["ResourceStatus"],
        )
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceStatus"] not in stack_states.GONE
    ]


def template_body(cloudformation: Any, **of: str) -> str | dict[str, Any]:
    """The template as it was sent: text, or for JSON the object that botocore makes of it.

    ``of``: the request's StackName, ChangeSetName or both (GetTemplate).
    """
    answer = cloudformation.get_template(**of, TemplateStage="Original")
    body: str | dict[str, Any] = answer["TemplateBody"]
    return body
