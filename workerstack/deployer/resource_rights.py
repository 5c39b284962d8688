"""What CloudFormation must be allowed to make, change and delete a template's resources.

What the handlers need is in `cloudformation.handler_permissions`; here it is bound to resources.
Names are the template's own, or begin like those that CloudFormation makes (STACK-LogicalId-...).
Source: Service Authorization Reference; the services' own pages, below.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workerstack.cloudformation import Reference, Resource, Stack, Unknown
from workerstack.cloudformation.handler_permissions import needed
from workerstack.cloudformation.service_authorization import fits, scope
from workerstack.cloudformation.values import pieces


class Place(NamedTuple):
    """Where a stack is."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this place."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"


@dataclass(frozen=True)
class ResourceRight:
    """One action on some resources, under a condition."""

    action: str
    resources: tuple[str, ...]
    condition: Mapping[str, Any] = field(default_factory=dict)


NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch", ("alarm:{}",)),
    "AWS::ECS::Cluster": ("ClusterName", "ecs", ("cluster/{}",)),
    "AWS::ECS::TaskDefinition": ("Family", "ecs", ("task-definition/{}:*",)),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", ("log-group:{}", "log-group:{}:*")),
    "AWS::SNS::Topic": ("TopicName", "sns", ("{}",)),
    "AWS::SQS::Queue": ("QueueName", "sqs", ("{}",)),
}
"""Types whose ARN follows from a name: its property, service, and the ends of the ARNs."""

LONGEST_ROLE = 64
"""Characters of a role's name (IAM: quotas); of a longer one CloudFormation cuts the front."""

SCALING = {
    "StringEquals": {
        "application-autoscaling:service-namespace": "ecs",
        "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
    }
}
"""Scalable targets have ids that nobody knows before; these keys say of which kind they are."""

SERVICE_LINKED = {
    "AWS::ECS::Cluster": ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
    ),
}
"""The role that each service makes for itself, at its first use in an account."""


def is_named(resource: Resource) -> bool:
    """Whether its rights are bound to its own name, its VPC or its kind; else to the account."""
    kind = resource.type
    named = {*NAMES, *SECURITY_GROUPS, *POLICIES, "AWS::ECS::Service", "AWS::IAM::Role"}
    return kind in named or kind.startswith("AWS::ApplicationAutoScaling::")


RETAIN = "Retain"


def grants_of(
    stack: Stack, name: str, place: Place, handlers: tuple[str, ...], kept: Collection[str] = ()
) -> Iterator[ResourceRight]:
    """All that these handlers of the stack's resources need.

    What is retained is never deleted. Of types that are not ``kept``, where that is said, nothing
    is made or changed: it is read, and goes.
    """
    for resource in stack.resources.values():
        mine = set(handlers)
        if resource.deletion_policy == RETAIN and resource.update_replace_policy == RETAIN:
            mine -= {"delete"}
        if kept and resource.type not in kept:
            mine -= {"create", "update"}
        for action in sorted(needed(resource.type, mine, resource.properties)):
            yield from _granted(action, resource, name, stack, place)


def _granted(
    action: str, resource: Resource, name: str, stack: Stack, place: Place
) -> Iterator[ResourceRight]:
    own = list(arns(resource, name, stack, place))
    if action == "iam:CreateServiceLinkedRole":
        yield from _service_linked(resource, place)
    elif action in ("iam:PassRole", "iam:GetRole") and resource.type != "AWS::IAM::Role":
        passed = sorted(_roles_of(resource, name, stack, place))
        condition = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        if passed:
            yield ResourceRight(
                action, tuple(passed), condition if action == "iam:PassRole" else {}
            )
    elif resource.type in SECURITY_GROUPS:
        yield from _security_group(action, resource, name, stack, place)
    else:
        possible = scope(action, *place)
        narrow = [arn for arn in own if any(fits(_whole(arn), each) for each in possible.all)]
        if resource.type == "AWS::Logs::LogGroup" and narrow:
            # With `:*` everywhere but for tags (CloudWatch Logs User Guide, "Resources").
            is_tag = action.endswith(("TagResource", "UntagResource", "ListTagsForResource"))
            narrow = [arn for arn in own if arn.endswith(":*") != is_tag]
        condition = SCALING if _is_scaling(action, resource) else {}
        given = narrow or possible.required or possible.optional or ("*",)
        yield ResourceRight(action, tuple(given), condition)


def _whole(arn: str) -> str:
    """A log group's ARN without the `:*` that permissions want."""
    return arn.removesuffix(":*") if ":log-group:" in arn else arn


def _is_scaling(action: str, resource: Resource) -> bool:
    service, _, name = action.partition(":")
    return (
        service == "application-autoscaling"
        and name.startswith(("Register", "Deregister", "Put", "Delete"))
        and resource.get("ServiceNamespace", default="ecs") == "ecs"
    )


def _service_linked(resource: Resource, place: Place) -> Iterator[ResourceRight]:
    service, role = SERVICE_LINKED.get(resource.type, ("", ""))
    if service:
        arn = f"arn:{place.partition}:iam::{place.account}:role/aws-service-role/{service}/{role}"
        yield ResourceRight(
            "iam:CreateServiceLinkedRole",
            (arn,),
            {"StringEquals": {"iam:AWSServiceName": service}},
        )


OF_STACK = "aws:ResourceTag/aws:cloudformation:stack-name"
"""The tag that CloudFormation puts on what it makes for a stack, as a key of a condition."""

SECURITY_GROUPS = (
    "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress",
)  # fmt: skip


def _security_group(
    action: str, resource: Resource, name: str, stack: Stack, place: Place
) -> Iterator[ResourceRight]:
    """A group by its id where it is imported; one of the stack's own by its VPC or its tags.

    Source: Service Authorization Reference, Amazon EC2 (`ec2:Vpc`, `ec2:CreateAction`).
    """
    if not scope(action, *place).all:
        yield ResourceRight(action, ("*",))
        return
    any_group = place.arn("ec2", "security-group/*")
    of = resource.get("GroupId")
    own = resource if of is None else stack.referred(of, "AWS::EC2::SecurityGroup")
    if own is None:
        found = pattern(of, name, stack) or "*"
        yield ResourceRight(action, (place.arn("ec2", f"security-group/{found}"),))
        return
    vpc = place.arn("ec2", f"vpc/{pattern(own.get('VpcId'), name, stack) or '*'}")
    tagged = {"StringEquals": {OF_STACK: name}}
    if action == "ec2:CreateSecurityGroup":
        yield ResourceRight(action, (any_group, vpc))
    elif action == "ec2:CreateTags":
        yield ResourceRight(action, (any_group,), tagged)
        created = {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}}
        yield ResourceRight(action, (any_group,), created)
    elif action == "ec2:DeleteTags":
        yield ResourceRight(action, (any_group,), tagged)
    else:
        yield ResourceRight(action, (any_group,), {"ArnLike": {"ec2:Vpc": vpc}})


def _of_what_it_belongs_to(
    resource: Resource, name: str, stack: Stack, place: Place
) -> Iterator[str]:
    """A policy has no ARN: its actions are on the roles or the queues that it is for."""
    for role in [*resource.get("Roles", default=()), resource.get("RoleName")]:
        yield from roles(role, name, stack, place)
    for queue in resource.get("Queues", default=()):
        yield from queues(queue, name, stack, place)


POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::SQS::QueuePolicy")


def arns(resource: Resource, name: str, stack: Stack, place: Place) -> Iterator[str]:
    """Patterns of a resource's ARNs, where its type's follow from names; else none."""
    if resource.type in NAMES:
        key, service, ends = NAMES[resource.type]
        found = pattern(resource.get(key), name, stack) or made(resource.logical_id, name)
        for end in ends:
            yield place.arn(service, end.format(found))
    elif resource.type == "AWS::ECS::Service":
        cluster = pattern(resource.get("Cluster"), name, stack) or "default"
        named = pattern(resource.get("ServiceName"), name, stack)
        service_name = named or made(resource.logical_id, name)
        yield place.arn("ecs", f"service/{cluster}/{service_name}")
        yield place.arn("ecs", f"service-deployment/{cluster}/{service_name}/*")
    elif resource.type == "AWS::IAM::Role":
        path = pattern(resource.get("Path"), name, stack) or "/"
        role = pattern(resource.get("RoleName"), name, stack) or made(resource.logical_id, name)
        if len(role) + RANDOM > LONGEST_ROLE:
            role = f"{name[:SHORT]}*"
        yield f"arn:{place.partition}:iam::{place.account}:role{path}{role}"
    elif resource.type in POLICIES:
        yield from _of_what_it_belongs_to(resource, name, stack, place)


RANDOM = 13
"""Characters behind the last hyphen of a name that CloudFormation makes, at most."""
SHORT = 24
"""Characters of the stack's name that are left of it in a long name of a role."""


def made(logical_id: str, stack: str) -> str:
    """The pattern of a name that CloudFormation makes (User Guide, "Name type")."""
    return f"{stack}-{logical_id}-*"


def pattern(value: Any, name: str, stack: Stack) -> str | None:
    """A value as a pattern: `*` for each piece that is not known; None where there is none."""
    if value is None:
        return None
    found = []
    for piece in pieces(value):
        if isinstance(piece, Reference):
            referred = stack.resources.get(piece.logical_id)
            named = referred is not None and referred.type in NAMES and not piece.attribute
            found.append(made(piece.logical_id, name) if named else "*")
        elif isinstance(piece, Unknown):
            found.append("*")
        else:
            found.append(str(piece))
    return "".join(found)


def roles(value: Any, name: str, stack: Stack, place: Place) -> Iterator[str]:
    """The ARN of the role that a value names, whether the stack's own or another one."""
    if value is None:
        return
    own = stack.referred(value, "AWS::IAM::Role")
    if own is not None:
        yield from arns(own, name, stack, place)
    else:
        named = pattern(value, name, stack) or "*"
        arn = f"arn:{place.partition}:iam::{place.account}:role/{named}"
        yield named if named.startswith("arn:") else arn


def queues(value: Any, name: str, stack: Stack, place: Place) -> Iterator[str]:
    """The ARN of the queue that a value names: a reference, a name or a URL."""
    own = stack.referred(value, "AWS::SQS::Queue")
    if own is not None:
        yield from arns(own, name, stack, place)
    else:
        found = pattern(value, name, stack)
        if found:
            yield place.arn("sqs", found.rpartition("/")[2])


def _roles_of(resource: Resource, name: str, stack: Stack, place: Place) -> set[str]:
    keys = ("ExecutionRoleArn", "TaskRoleArn", "Role", "RoleARN")
    return {arn for key in keys for arn in roles(resource.get(key), name, stack, place)}
