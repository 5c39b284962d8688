"""What the roles of a stack may do, wherever their policies stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workerstack.checks.worker import listed, members
from workerstack.cloudformation import Resource, Stack, Unknown, text
from workerstack.cloudformation.managed_policies import named
from workerstack.cloudformation.policies import AccessRequest, Answer, Policy, decide, read
from workerstack.cloudformation.values import concatenated

ROLE = "AWS::IAM::Role"
MANAGED = "AWS::IAM::ManagedPolicy"
PLACES = {"AWS::IAM::Policy": "Roles", "AWS::IAM::RolePolicy": "RoleName", MANAGED: "Roles"}
"""Types of policies beside a role, and the property that names it."""


def role(stack: Stack, value: Any) -> Resource | None:
    """The role of this stack that a value names."""
    return stack.referred(value, ROLE)


def sources(
    stack: Stack, acting: Resource
) -> Iterator[tuple[Resource, tuple[str | int, ...], Any]]:
    """Each policy of a role: the resource that has it, the way to it, the document.

    The document of AWS's managed policies and of other stacks' is their ARN.
    """
    for position, policy in members(acting.get("Policies")):
        yield acting, ("Policies", position, "PolicyDocument"), policy.get("PolicyDocument")
    for position, arn in enumerate(listed(acting.get("ManagedPolicyArns"))):
        if stack.referred(arn, MANAGED) is None:
            yield acting, ("ManagedPolicyArns", position), arn
    attached = [stack.referred(arn, MANAGED) for arn in listed(acting.get("ManagedPolicyArns"))]
    for each in stack.of(*PLACES):
        given = listed(each.get(PLACES[each.type]))
        if each in attached or any(role(stack, one) is acting or _is_name(one, acting)
                                   for one in given):  # fmt: skip
            yield each, ("PolicyDocument",), each.get("PolicyDocument")


def _is_name(value: Any, acting: Resource) -> bool:
    name = text(acting.get("RoleName"))
    return name is not None and text(value) == name


@dataclass(frozen=True)
class PolicyPlace:
    """A policy with the resource in which it stands, and the way to it there."""

    resource: Resource
    path: tuple[str | int, ...]
    policy: Policy


def placed(stack: Stack, acting: Resource) -> list[PolicyPlace]:
    """The policies of a role that are known here, with their places."""
    known = stack.derived.get((placed, acting.logical_id))
    if known is None or known[0] is not acting:
        known = stack.derived[placed, acting.logical_id] = acting, _placed(stack, acting)
    return list(known[1])


def _placed(stack: Stack, acting: Resource) -> list[PolicyPlace]:
    return [
        PolicyPlace(
            resource,
            path,
            named(document) if path[0] == "ManagedPolicyArns" else read(document),
        )
        for resource, path, document in sources(stack, acting)
    ]


def policies(stack: Stack, acting: Resource) -> list[Policy]:
    """All policies of a role, with what of them is not known."""
    found = [each.policy for each in placed(stack, acting)]
    for name in ("Policies", "ManagedPolicyArns"):
        given = acting.get(name)
        if isinstance(given, Unknown):
            found.append(read(given))
        found += [read(each) for each in listed(given) if isinstance(each, Unknown)]
    return found


def boundary(stack: Stack, acting: Resource) -> list[Policy] | None:
    """The permissions boundary of a role; None where it has none."""
    given = acting.get("PermissionsBoundary")
    if given is None:
        return None
    managed = stack.referred(given, MANAGED)
    return [read(managed.get("PolicyDocument")) if managed else named(given)]


def may(stack: Stack, acting: Resource, action: str, *resources: Any) -> bool | None:
    """Whether a role may do an action on any of these resources; None where that is open."""
    layers = policies(stack, acting), boundary(stack, acting)
    answers = [
        decide(layers[0], AccessRequest(action, each), layers[1]).answer for each in resources
    ]
    if Answer.ALLOWED in answers:
        return True
    return None if Answer.UNKNOWN in answers else False


def arn(stack: Stack, service: str, *rest: Any) -> Any:
    """An ARN of this account and Region."""
    return concatenated(
        ["arn:", stack.pseudo("AWS::Partition"), f":{service}:", stack.pseudo("AWS::Region"), ":",
         stack.pseudo("AWS::AccountId"), ":", *rest]
    )  # fmt: skip
