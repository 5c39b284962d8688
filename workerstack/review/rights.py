"""Who may do what, before and after: the policies of each role, queue, bucket, key, ...

A right that moves from a role into a policy beside it, or is written otherwise, is the same
right: policies are compared by what they allow, holder by holder.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workerstack.cloudformation import Reference, Resource, Stack, references
from workerstack.cloudformation.managed_policies import named
from workerstack.cloudformation.policies import (
    ALLOW,
    DENY,
    AccessRequest,
    Policy,
    Principal,
    Statement,
    applies,
)
from workerstack.cloudformation.policies import read as read_policy
from workerstack.cloudformation.policy_inclusion import covers
from workerstack.cloudformation.policy_patterns import TooComplexError, overlaps, shown

ATTACHED = {
    "AWS::IAM::Policy": ("Roles", "Users", "Groups"),
    "AWS::IAM::RolePolicy": ("RoleName",),
    "AWS::IAM::UserPolicy": ("UserName",),
    "AWS::IAM::GroupPolicy": ("GroupName",),
    "AWS::IAM::ManagedPolicy": ("Roles", "Users", "Groups"),
}
"""Policies beside their holders, and the properties that name those."""

RESOURCE_POLICIES = {
    "AWS::SQS::QueuePolicy": ("Queues", "PolicyDocument"),
    "AWS::SQS::QueueInlinePolicy": ("Queue", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::SNS::TopicInlinePolicy": ("TopicArn", "PolicyDocument"),
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SecretsManager::ResourcePolicy": ("SecretId", "ResourcePolicy"),
    "AWS::EFS::FileSystem": ("", "FileSystemPolicy"),
    "AWS::KMS::Key": ("", "KeyPolicy"),
    "AWS::ECR::Repository": ("", "RepositoryPolicyText"),
    "AWS::Backup::BackupVault": ("", "AccessPolicy"),
    "AWS::Logs::ResourcePolicy": ("", "PolicyDocument"),
    "AWS::DynamoDB::Table": ("", "ResourcePolicy.PolicyDocument"),
}
"""Policies of resources: the property that names the resource (or itself) and the document's."""


@dataclass(frozen=True)
class Placed:
    """A policy, and the resource in which it stands."""

    logical_id: str
    policy: Policy


@dataclass(frozen=True)
class Holder:
    """Whose rights they are: ``role``, ``resource`` or ``trust``, and by which name.

    ``boundary`` is the permissions boundary, None where there is none.
    """

    kind: str
    name: str
    placed: tuple[Placed, ...] = ()
    boundary: Policy | None = None

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All of them."""
        return tuple(each.policy for each in self.placed)


Holders = Mapping[tuple[str, str], Holder]


@dataclass(frozen=True)
class AllowedAction:
    """One action on one resource for one principal, that is allowed or denied.

    ``logical_id`` is where the statement stands.
    """

    logical_id: str
    holder: tuple[str, str]
    statement: Statement

    @property
    def action(self) -> str:
        """As it is written; ``all but X`` for a list turned round."""
        return _listed(self.statement.actions, turned=self.statement.not_actions)

    @property
    def resource(self) -> str:
        """As it is written; empty where the policy is the resource's own."""
        return _listed(self.statement.resources or (), turned=self.statement.not_resources)


def _listed(values: Sequence[Any], *, turned: bool) -> str:
    found = ", ".join(shown(each) for each in values)
    return f"all but {found}" if turned else found


def holders(stack: Stack) -> Holders:
    """Everybody whose policies the stack has."""
    found: dict[tuple[str, str], list[Placed]] = {}
    boundaries: dict[tuple[str, str], Policy] = {}
    for name, each in stack.resources.items():
        for key, policy in _of(stack, name, each):
            found.setdefault(key, []).append(Placed(name, policy))
        if each.type in ("AWS::IAM::Role", "AWS::IAM::User"):
            boundary = each.properties.get("PermissionsBoundary")
            if boundary is not None:
                boundaries["role", name] = named(boundary)
    return {
        key: Holder(*key, placed=tuple(placed), boundary=boundaries.get(key))
        for key, placed in found.items()
    }


def _of(stack: Stack, name: str, resource: Resource) -> Iterator[tuple[tuple[str, str], Policy]]:
    yield from _own(stack, name, resource)
    yield from _beside(stack, name, resource)
    yield from _of_resources(stack, name, resource)


def _own(stack: Stack, name: str, resource: Resource) -> Iterator[tuple[tuple[str, str], Policy]]:
    """The policies in a role, user or group, and the trust policy."""
    given = resource.properties
    if resource.type in ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"):
        for each in _sequence(given.get("Policies")):
            if isinstance(each, Mapping):
                yield ("role", name), read_policy(each.get("PolicyDocument"))
        for arn in _sequence(given.get("ManagedPolicyArns")):
            own = [each for each in references(arn) if each.logical_id in stack.resources]
            if not own:
                yield ("role", name), named(arn)
        if "AssumeRolePolicyDocument" in given:
            yield ("trust", name), read_policy(given["AssumeRolePolicyDocument"])


def _beside(
    stack: Stack, name: str, resource: Resource
) -> Iterator[tuple[tuple[str, str], Policy]]:
    """Policies that stand beside their holders."""
    given = resource.properties
    if resource.type in ATTACHED:
        policy = read_policy(given.get("PolicyDocument"))
        members = [
            member for key in ATTACHED[resource.type] for member in _sequence(given.get(key))
        ]
        for member in members or [name]:
            yield ("role", _name(stack, member)), policy
        if resource.type == "AWS::IAM::ManagedPolicy":
            for other, role in stack.resources.items():
                arns = _sequence(role.properties.get("ManagedPolicyArns"))
                if any(one.logical_id == name for arn in arns for one in references(arn)):
                    yield ("role", other), policy


def _of_resources(
    stack: Stack, name: str, resource: Resource
) -> Iterator[tuple[tuple[str, str], Policy]]:
    """The policies of queues, buckets, keys, functions, ..."""
    given = resource.properties
    if resource.type == "AWS::Lambda::Permission":
        function = _name(stack, given.get("FunctionName"))
        yield ("resource", function), read_policy(_of_permission(given))
    if resource.type in RESOURCE_POLICIES:
        whom, where = RESOURCE_POLICIES[resource.type]
        document = resource.get(*where.split("."))
        if document is not None:
            for member in (_sequence(given.get(whom)) if whom else []) or [name]:
                yield ("resource", _name(stack, member)), read_policy(document)


def _of_permission(given: Mapping[str, Any]) -> dict[str, Any]:
    """The statement that AWS::Lambda::Permission adds to a function's policy."""
    principal = given.get("Principal")
    kind = "Service" if isinstance(principal, str) and "." in principal else "AWS"
    keys = {
        "SourceArn": ("ArnLike", "AWS:SourceArn"),
        "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
        "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    }
    conditions: dict[str, dict[str, Any]] = {}
    for name, (operator, key) in keys.items():
        if given.get(name) is not None:
            conditions.setdefault(operator, {})[key] = given[name]
    statement = {
        "Effect": "Allow", "Principal": {kind: principal}, "Action": given.get("Action"),
        "Resource": "*", **({"Condition": conditions} if conditions else {}),
    }  # fmt: skip
    return {"Version": "2012-10-17", "Statement": [statement]}


def _sequence(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _name(stack: Stack, value: Any) -> str:
    """The logical id of a holder of this stack, or how it is written."""
    if isinstance(value, Reference):
        return value.logical_id
    found = next((one.logical_id for one in references(value)), None)
    if found:
        return found
    for name, each in stack.resources.items():
        if value is not None and value in (
            each.properties.get("RoleName"), each.properties.get("BucketName"),
        ):  # fmt: skip
            return name
    return shown(value) if not isinstance(value, str) else value


def rights(holder: Holder, effect: str = ALLOW) -> Iterator[AllowedAction]:
    """Each action on each resource, a statement at a time."""
    for placed in holder.placed:
        for statement in placed.policy.statements:
            if statement.effect != effect:
                continue
            for one in _single(statement):
                yield AllowedAction(placed.logical_id, (holder.kind, holder.name), one)


def _single(statement: Statement) -> Iterator[Statement]:
    """The statement, one action, resource and principal at a time."""
    actions = (
        [statement.actions] if statement.not_actions else [(each,) for each in statement.actions]
    )
    resources: list[Any] = [statement.resources]
    if statement.resources is not None and not statement.not_resources:
        resources = [(each,) for each in statement.resources]
    principals: list[Any] = [statement.principals]
    if statement.principals is not None and not statement.not_principals:
        principals = [(each,) for each in statement.principals]
    for action in actions:
        for resource in resources:
            for principal in principals:
                yield replace(statement, actions=action, resources=resource, principals=principal)


@dataclass(frozen=True)
class Compared:
    """What a holder gains and loses. ``lost`` are actions that are allowed nowhere any more."""

    holder: Holder
    gained: tuple[AllowedAction, ...] = ()
    lost: tuple[AllowedAction, ...] = ()
    denies_lost: tuple[AllowedAction, ...] = ()
    unknown: tuple[str, ...] = ()
    """Policies that are attached now and whose rights are not known here."""
    before: Holder | None = field(default=None, repr=False)


def compared(before: Stack, after: Stack) -> tuple[Compared, ...]:
    """Every holder of both stacks; nobody whose policies are written the same."""
    old, new = holders(before), holders(after)
    found = []
    for key in {**old, **new}:
        empty = Holder(*key)
        one, other = old.get(key, empty), new.get(key, empty)
        if one.policies == other.policies and one.boundary == other.boundary:
            continue
        stays = key[1] in after.resources or key[1] not in before.resources
        gained = tuple(_gained(one, other))
        found.append(
            Compared(
                holder=other,
                gained=gained,
                lost=tuple(_lost(one, other, gained)) if stays else (),
                denies_lost=tuple(_denies_lost(one, other)) if stays else (),
                unknown=tuple(_unknown(one, other)),
                before=one,
            )
        )
    return tuple(found)


def _unknown(before: Holder, after: Holder) -> Iterator[str]:
    known = {each for policy in before.policies for each in policy.unknown}
    for policy in after.policies:
        yield from (each.expression for each in policy.unknown if each not in known)


def _gained(before: Holder, after: Holder) -> Iterator[AllowedAction]:
    denies = tuple(
        each for policy in after.policies for each in policy.statements if each.effect == DENY
    )
    known = set(_single_of(before.policies, ALLOW))
    for right in rights(after):
        if right.statement in known and not any(rights(before, DENY)):
            continue
        narrow = Policy((right.statement, *denies))
        if covers(before.policies, [narrow]).covered is not True:
            yield right


def _single_of(policies: Sequence[Policy], effect: str) -> Iterator[Statement]:
    for policy in policies:
        for statement in policy.statements:
            if statement.effect == effect:
                yield from _single(statement)


def _denies_lost(before: Holder, after: Holder) -> Iterator[AllowedAction]:
    """Denies of which a part is denied no more; and a boundary that goes is one, too."""
    wide = [Policy(tuple(_turned(each) for each in _single_of(after.policies, DENY)))]
    for right in rights(before, DENY):
        if covers(wide, [Policy((_turned(right.statement),))]).covered is not True:
            yield right


def _turned(statement: Statement) -> Statement:
    return replace(statement, effect=ALLOW)


def _lost(
    before: Holder, after: Holder, gained: Iterable[AllowedAction]
) -> Iterator[AllowedAction]:
    """What was allowed, and is allowed on no part of its resources now.

    An action that is gained on another resource in the same change has moved there: what moves
    the resource is judged by itself.
    """
    if any(policy.unknown for policy in after.policies):
        return
    allowed = list(_single_of(after.policies, ALLOW))
    moved = {_actions(right.statement) for right in gained}
    for right in rights(before):
        if right.statement.not_actions or (
            before.kind == "role" and _actions(right.statement) in moved
        ):
            continue
        if _is_denied(before, right):
            continue
        if _is_denied(after, right) or not any(_meets(each, right.statement) for each in allowed):
            yield right


def _actions(statement: Statement) -> frozenset[str]:
    return frozenset(shown(each).lower() for each in statement.actions)


def _is_denied(holder: Holder, right: AllowedAction) -> bool:
    return any(
        each.effect == DENY and not each.conditions and _is_about_all(each, right)
        for policy in holder.policies
        for each in policy.statements
    )


def _meets(statement: Statement, other: Statement) -> bool:
    """Whether two Allows have an action, a resource and a principal in common."""
    everybody = Principal("*", "*")
    mine, theirs = statement.principals, other.principals
    both = mine is not None and theirs is not None and not statement.not_principals
    if both and everybody not in (mine or ()) and not set(mine or ()) & set(theirs or ()):
        return False
    try:
        return (
            statement.not_actions or _overlap(statement.action_patterns, other.action_patterns)
        ) and (
            statement.not_resources
            or other.not_resources
            or None in (statement.resources, other.resources)
            or _overlap(statement.resource_patterns({}), other.resource_patterns({}))
        )
    except TooComplexError:
        return True


def _overlap(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return any(overlaps(one, other) for one in some for other in others)


def _is_about_all(deny: Statement, right: AllowedAction) -> bool:
    """Whether a Deny takes the action everywhere it was allowed."""
    resources = right.statement.resources or ("*",)
    if deny.principals is not None and right.statement.principals is None:
        return False
    return all(
        applies(replace(deny, principals=None), AccessRequest(action, resource)) is True
        for action in right.statement.actions
        for resource in resources
        if isinstance(action, str)
    ) and all(isinstance(action, str) for action in right.statement.actions)
