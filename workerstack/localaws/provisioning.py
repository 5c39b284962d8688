"""What CloudFormation asks of IAM for one resource: as its handlers would, on the real names."""

from collections.abc import Iterator, Mapping
from typing import Any

from workerstack.cloudformation.handler_permissions import needed
from workerstack.cloudformation.service_authorization import Scope, fits, scope
from workerstack.localaws.requested_actions import AskedAction, SignedRequest, stack_name

SERVICE_LINKED = {
    "AWS::ECS::Cluster": ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
    ),
}


def questions(
    kind: str, handler: str, physical_id: str, properties: Mapping[str, Any], stack: str
) -> Iterator[AskedAction]:
    """All that the handler calls; reading comes with each of them."""
    from ministack.core.responses import get_account_id, get_region

    yield from _questions(
        kind, (handler, "read"), physical_id, properties, get_account_id(), get_region(), stack
    )


def read_for_drift(request: SignedRequest) -> Iterator[AskedAction]:
    """Drift is looked for with the caller's rights to read (User Guide, "Detect drift")."""
    from ministack.core.responses import request_scope
    from ministack.services.cloudformation import _stacks

    with request_scope(request.account, request.region):
        stack = _stacks.get(stack_name(request)) or {}
        for each in stack.get("_resources", {}).values():
            yield from _questions(
                each["ResourceType"], ("read",), each["PhysicalResourceId"],
                each.get("Properties", {}), request.account, request.region, stack_name(request),
            )  # fmt: skip


def _questions(
    kind: str,
    handlers: tuple[str, ...],
    physical_id: str,
    properties: Mapping[str, Any],
    account: str,
    region: str,
    stack: str,
) -> Iterator[AskedAction]:
    for action in sorted(needed(kind, handlers, properties)):
        limits = scope(action, "aws", region, account)
        context = _context(kind, action, handlers, physical_id, properties, account, region, stack)
        for resource in _resources(kind, action, limits, physical_id, properties, account, region):
            yield AskedAction(action, resource, context)


def _resources(
    kind: str,
    action: str,
    limits: Scope,
    physical_id: str,
    properties: Mapping[str, Any],
    account: str,
    region: str,
) -> list[str]:
    if not limits.all:
        return ["*"]
    if action == "iam:CreateServiceLinkedRole":
        service, role = SERVICE_LINKED[kind]
        return [f"arn:aws:iam::{account}:role/aws-service-role/{service}/{role}"]
    # What is passed is the role that the properties name, and not the resource itself.
    if action in ("iam:PassRole", "iam:GetRole") and kind != "AWS::IAM::Role":
        keys = ("ExecutionRoleArn", "TaskRoleArn", "Role", "RoleARN")
        return sorted({str(properties[key]) for key in keys if properties.get(key)})
    found = [
        arn
        for arn in _arns(kind, action, physical_id, properties, account, region)
        if any(fits(arn, each) for each in limits.all) or ":log-group:" in arn
    ]
    return found or [f"arn:aws:{action.partition(':')[0]}:{region}:{account}:{physical_id}"]


def _arns(
    kind: str,
    action: str,
    physical_id: str,
    properties: Mapping[str, Any],
    account: str,
    region: str,
) -> Iterator[str]:
    """What the service calls the resource, by its physical id."""
    start = f"arn:aws:{action.partition(':')[0]}:{region}:{account}:"
    name = physical_id.rpartition("/")[2]
    if kind == "AWS::IAM::Role":
        yield f"arn:aws:iam::{account}:role/{name}"
    elif kind in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
        for role in properties.get("Roles") or [properties["RoleName"]]:
            yield f"arn:aws:iam::{account}:role/{role}"
    elif kind == "AWS::Logs::LogGroup":
        is_tag = action.endswith(("TagResource", "UntagResource", "ListTagsForResource"))
        yield f"{start}log-group:{physical_id}{'' if is_tag else ':log-stream:'}"
    elif kind == "AWS::SQS::QueuePolicy":
        yield from (start + str(each).rpartition("/")[2] for each in properties["Queues"])
    elif kind in ENDS:
        for end, only in ENDS[kind]:
            if only in action:
                yield start + end.format(
                    id=physical_id,
                    name=name,
                    cluster=str(properties.get("Cluster") or "default").rpartition("/")[2],
                    group=properties.get("GroupId"),
                    vpc=properties.get("VpcId"),
                )
    elif physical_id.startswith("arn:"):
        yield physical_id


ENDS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (("scalable-target/0ec5", ""),),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (("scalable-target/0ec5", ""),),
    "AWS::CloudWatch::Alarm": (("alarm:{id}", ""),),
    "AWS::EC2::SecurityGroup": (
        ("security-group/{id}", ""), ("vpc/{vpc}", "CreateSecurityGroup"),
    ),
    "AWS::EC2::SecurityGroupEgress": (("security-group/{group}", ""),),
    "AWS::EC2::SecurityGroupIngress": (("security-group/{group}", ""),),
    "AWS::ECS::Cluster": (("cluster/{name}", ""),),
    "AWS::ECS::Service": (
        ("service/{cluster}/{name}", ""),
        ("service-deployment/{cluster}/{name}/0ec5", "ServiceDeployment"),
    ),
    "AWS::ECS::TaskDefinition": (("task-definition/{name}", ""),),
    "AWS::SQS::Queue": (("{name}", ""),),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": (("namespace/{id}", ""),),
    "AWS::ServiceDiscovery::Service": (("service/{id}", ""),),
}  # fmt: skip
"""The ends of a type's ARNs, each for the actions with these words in their name."""


def _context(
    kind: str,
    action: str,
    handlers: tuple[str, ...],
    physical_id: str,
    properties: Mapping[str, Any],
    account: str,
    region: str,
    stack: str,
) -> dict[str, Any]:
    """The condition keys that the service gives with the call."""
    context: dict[str, Any] = {}
    if action == "iam:PassRole":
        context["iam:PassedToService"] = "ecs-tasks.amazonaws.com"
    if action == "iam:CreateServiceLinkedRole":
        context["iam:AWSServiceName"] = SERVICE_LINKED[kind][0]
    if action.startswith("application-autoscaling:"):
        dimension = "ecs:service:DesiredCount"
        context["application-autoscaling:service-namespace"] = "ecs"
        context["application-autoscaling:scalable-dimension"] = dimension
    if action.startswith("ec2:"):
        from ministack.services import ec2

        group = ec2._security_groups.get(properties.get("GroupId") or physical_id) or {}
        vpc = properties.get("VpcId") or group.get("VpcId")
        context["ec2:Vpc"] = f"arn:aws:ec2:{region}:{account}:vpc/{vpc}" if vpc else None
        creates = action == "ec2:CreateTags" and "create" in handlers
        context["aws:ResourceTag/aws:cloudformation:stack-name"] = None if creates else stack
        context["ec2:CreateAction"] = "CreateSecurityGroup" if creates else None
    return context
