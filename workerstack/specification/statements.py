"""Statements of policies that follow from what a worker names, and how long they may get.

Each is about things of this account. Source of the actions: Service Authorization Reference.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from awacs import kms, s3
from awacs.aws import Action, Allow, Condition, Statement, StringEquals
from troposphere import AWSHelperFn, Parameter, Ref, Sub

from workerstack.specification.mistakes import Mistake
from workerstack.specification.secrets import Key


def allow(
    sid: str,
    actions: Sequence[Action],
    resources: Sequence[str | AWSHelperFn],
    condition: Condition | None = None,
) -> Statement:
    """A statement that allows actions on resources."""
    conditions = {"Condition": condition} if condition else {}
    return Statement(Sid=sid, Effect=Allow, Action=[*actions], Resource=[*resources], **conditions)


def in_own_account() -> Condition:
    """Bucket names are one space for all accounts: a pattern matches those of strangers, too.

    Source: IAM, "Global condition context keys", aws:ResourceAccount.
    """
    return Condition(StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")}))


def syncing(what: str, buckets: Sequence[str], *, sets_object_acls: bool) -> list[Statement]:
    """Bucket and object rights apart: an action on the wrong kind does nothing."""
    arns = [f"arn:${{AWS::Partition}}:s3:::{bucket}" for bucket in buckets]
    publishing = [s3.PutObjectAcl] if sets_object_acls else []
    return [
        allow(
            f"List{what}",
            [s3.GetBucketLocation, s3.ListBucket],
            [Sub(arn) for arn in arns],
            in_own_account(),
        ),
        allow(
            f"Sync{what}",
            [s3.DeleteObject, s3.GetObject, s3.PutObject, *publishing],
            [Sub(f"{arn}/*") for arn in arns],
            in_own_account(),
        ),
    ]


KEY_USERS: Mapping[str, tuple[str, list[Action]]] = MappingProxyType(
    {
        "secrets": ("secretsmanager", [kms.Decrypt]),
        "parameters": ("ssm", [kms.Decrypt]),
        "queue": ("sqs", [kms.Decrypt]),
        "destinations": ("sqs", [kms.Decrypt, kms.GenerateDataKey]),
        "topics": ("sns", [kms.Decrypt, kms.GenerateDataKey]),
        "buckets": ("s3", [kms.Decrypt, kms.GenerateDataKey]),
    }
)
"""Which service uses a key for us, and what for. Source: KMS, "How AWS services use KMS";
SQS, "Key management"; SNS, "Key management"; S3, "Protecting data with SSE-KMS"; Systems
Manager, "SecureString parameters"."""


def using_keys(keys: Mapping[Key, Parameter], *protected: str) -> list[Statement]:
    """Each key by its own ARN, and only through the service whose things it encrypts."""
    statements = []
    for what in protected:
        service, actions = KEY_USERS[what]
        arns = [Ref(parameter) for key, parameter in keys.items() if key.protects == what]
        via = Sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")
        if arns:
            condition = Condition(StringEquals({"kms:ViaService": via}))
            statements.append(allow(f"Use{what.title()}Key", actions, arns, condition))
    return statements


MOST_OF_A_POLICY = 10_240
"""Characters without white space of all policies in a role (IAM: quotas)."""


def check_length(title: str, document: Any) -> Iterator[Mistake]:
    """Wrong where a role cannot hold the policy, however short what it refers to is."""
    length = len(json.dumps(_shortest(document), separators=(",", ":")))
    if length > MOST_OF_A_POLICY:
        yield Mistake(
            f"{title} has {length:,} characters at least",
            f"IAM allows {MOST_OF_A_POLICY:,} for the policies in a role",
            "Name fewer things, or more of them by one pattern; or take a ready-made role",
        )


def _shortest(value: Any) -> Any:
    """A document with each reference as short as what it gives can be."""
    if isinstance(value, list):
        return [_shortest(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        return re.sub(r"\$\{[^}]*\}", "x", text)
    if next(iter(value)).startswith(("Ref", "Fn::")):
        return "x"
    return {name: _shortest(each) for name, each in value.items()}
