"""What guards a stack besides its change sets: termination protection and a stack policy.

They are set as `target.yaml` says, after a good end; where it says nothing, they are left alone.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any

from workerstack.deployer import stack as stacks
from workerstack.deployer.stack import StackDescription
from workerstack.deployments import Deployment
from workerstack.problem import Problem
from workerstack.review.model import OtherChange

TERMINATION = "termination protection"
POLICY = "stack policy"


def compare(
    cloudformation: Any, deployment: Deployment, stack: StackDescription
) -> Iterator[OtherChange]:
    """What is not as ``target.yaml`` says; of a new stack, what will be set."""
    wanted = deployment.target.termination_protection
    if wanted is not None:
        live = bool(stack.answer.get("EnableTerminationProtection"))
        if wanted != live:
            yield _change(TERMINATION, "on" if live else "off", "on" if wanted else "off")
    policy = policy_of(deployment)
    if policy is not None:
        held = None
        if not stack.is_new:
            held = cloudformation.get_stack_policy(StackName=stack.id).get("StackPolicyBody")
        if held is None or json.loads(held) != json.loads(policy):
            yield _change(POLICY, held, policy)


def is_named(deployment: Deployment) -> bool:
    """Whether ``target.yaml`` says anything of it."""
    target = deployment.target
    return target.termination_protection is not None or target.stack_policy is not None


def is_missing(cloudformation: Any, deployment: Deployment) -> bool:
    """Whether a stack that exists is not guarded as ``target.yaml`` says."""
    if not is_named(deployment):
        return False
    stack = stacks.read(cloudformation, deployment.stack)
    return not stack.is_new and any(compare(cloudformation, deployment, stack))


def _change(kind: str, before: str | None, after: str) -> OtherChange:
    return OtherChange(kind=kind, name="", before=before, after=after)


def policy_of(deployment: Deployment) -> str | None:
    """The stack policy's text, from the file that ``target.yaml`` names beside itself."""
    file = deployment.stack_policy
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8")
        json.loads(text)
    except (OSError, ValueError) as error:
        raise Problem(
            "The stack policy cannot be read", str(error), "Write a JSON policy there", file=file
        ) from error
    return text


def apply(
    cloudformation: Any,
    deployment: Deployment,
    stack: StackDescription,
    reviewed: Collection[OtherChange],
) -> list[str]:
    """Sets what is not as it must be and was in the review; says what, one sentence each."""
    said = []
    shown = {(each.kind, each.after) for each in reviewed}
    for change in compare(cloudformation, deployment, stack):
        if (change.kind, change.after) not in shown:
            said.append(f"The {change.kind} is not as target.yaml says. Review again to set it.")
        elif change.kind == TERMINATION:
            cloudformation.update_termination_protection(
                StackName=stack.id, EnableTerminationProtection=change.after == "on"
            )
            said.append(f"Termination protection is {change.after}.")
        else:
            cloudformation.set_stack_policy(StackName=stack.id, StackPolicyBody=change.after)
            said.append("The stack policy is set.")
    return said
