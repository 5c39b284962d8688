"""Which permissions CloudFormation's handler of a resource needs, for the properties it has.

Each type's provider schema lists the permissions of its handlers, also those that only some
property wants; `ONLY_WITH` says which these are. The schemas are cfn-lint's (extra `generate`),
read without importing it.
Source: CloudFormation CLI user guide, "Resource type schema"; the services' API references.
"""

import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

REGION = "us-east-1"
"""Where nearly all types exist; permissions do not differ between regions."""
HANDLERS = ("create", "read", "update", "delete")

ONLY_WITH: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AWS::ECS::Cluster": {
        "kms:DescribeKey": ("Configuration",),
        "ecs:PutAccountSetting": (),
        "ecs:PutAccountSettingDefault": (),
        "ecs:UpdateClusterSettings": ("ClusterSettings",),
        "ecs:PutClusterCapacityProviders": (
            "CapacityProviders",
            "DefaultCapacityProviderStrategy",
        ),
        "ecs:UpdateCluster": ("ClusterSettings", "Configuration", "ServiceConnectDefaults"),
    },
    "AWS::ECS::Service": {"iam:PassRole": ("Role", "VolumeConfigurations")},
    "AWS::IAM::Policy": {
        "iam:PutGroupPolicy": ("Groups",),
        "iam:GetGroupPolicy": ("Groups",),
        "iam:DeleteGroupPolicy": ("Groups",),
        "iam:PutRolePolicy": ("Roles",),
        "iam:GetRolePolicy": ("Roles",),
        "iam:DeleteRolePolicy": ("Roles",),
        "iam:PutUserPolicy": ("Users",),
        "iam:GetUserPolicy": ("Users",),
        "iam:DeleteUserPolicy": ("Users",),
    },
    "AWS::IAM::Role": {
        "iam:AttachRolePolicy": ("ManagedPolicyArns",),
        "iam:DetachRolePolicy": ("ManagedPolicyArns",),
        "iam:PutRolePermissionsBoundary": ("PermissionsBoundary",),
        "iam:DeleteRolePermissionsBoundary": ("PermissionsBoundary",),
        "iam:UpdateRole": ("MaxSessionDuration", "Description"),
        "iam:UpdateRoleDescription": ("Description",),
    },
    "AWS::Logs::LogGroup": {
        "logs:AssociateKmsKey": ("KmsKeyId",),
        "logs:DisassociateKmsKey": ("KmsKeyId",),
        "logs:CreateLogDelivery": ("DataProtectionPolicy",),
        "logs:PutDataProtectionPolicy": ("DataProtectionPolicy",),
        "logs:DeleteDataProtectionPolicy": ("DataProtectionPolicy",),
        "s3:REST.PUT.OBJECT": (),
        "firehose:TagDeliveryStream": ("DataProtectionPolicy",),
        "logs:PutResourcePolicy": ("ResourcePolicyDocument",),
        "logs:DeleteResourcePolicy": ("ResourcePolicyDocument",),
        "logs:PutIndexPolicy": ("FieldIndexPolicies",),
        "logs:DeleteIndexPolicy": ("FieldIndexPolicies",),
        "logs:PutBearerTokenAuthentication": ("BearerTokenAuthenticationEnabled",),
        "logs:PutLogGroupDeletionProtection": ("DeletionProtectionEnabled",),
    },
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        "iam:PassRole": ("RoleARN",),
        "application-autoscaling:PutScheduledAction": ("ScheduledActions",),
        "application-autoscaling:DeleteScheduledAction": ("ScheduledActions",),
        "cloudwatch:PutMetricAlarm": (),
        "cloudwatch:DeleteAlarms": (),
        "cloudwatch:DescribeAlarms": (),
        "lambda:GetProvisionedConcurrencyConfig": (),
        "lambda:PutProvisionedConcurrencyConfig": (),
        "lambda:DeleteProvisionedConcurrencyConfig": (),
    },
    "AWS::ApplicationAutoScaling::ScalingPolicy": {
        "cloudwatch:GetMetricData": ("PredictiveScalingPolicyConfiguration",),
    },
}
"""What a handler only calls for one of these properties; `()`: never for a worker on ECS.

Account settings are everybody's in the account, `s3:REST.PUT.OBJECT` is no action of IAM, the
alarms of target tracking are made by the service-linked role, and Lambda is another namespace.
"""


def needed(kind: str, handlers: Iterable[str], properties: Mapping[str, Any]) -> set[str]:
    """The actions that these handlers call for a resource of this type with these properties.

    A type without a schema, such as a custom one, needs none here. Raises ModuleNotFoundError
    where cfn-lint is not installed.
    """
    listed = _handlers(kind)
    actions = {action for handler in handlers for action in listed.get(handler, ())}
    only = ONLY_WITH.get(kind, {})
    return {
        action
        for action in actions
        if action not in only or any(each in properties for each in only[action])
    }


@cache
def _handlers(kind: str) -> Mapping[str, tuple[str, ...]]:
    name = _index().get(kind)
    if name is None:
        return {}
    schema = json.loads((_folder() / "resources" / f"{name}.json").read_text(encoding="utf-8"))
    return {
        handler: tuple(body.get("permissions", ()))
        for handler, body in schema.get("handlers", {}).items()
    }


@cache
def _index() -> dict[str, str]:
    file = _folder() / "providers" / f"{REGION}.json"
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")
    if found is None:
        raise ModuleNotFoundError("No module named 'cfnlint'", name="cfnlint")
    return Path(str(found.origin)).parent / "data" / "schemas"
