"""E94xx: who may do what, by all the policies of the stack, wherever and however they stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workerstack.checks.check import Check, Kind, Violation, at, check
from workerstack.checks.rights import PLACES, ROLE, PolicyPlace, boundary, placed
from workerstack.checks.worker import listed, mapping, members
from workerstack.cloudformation import Reference, Resource, Stack, text
from workerstack.cloudformation.dangerous_grants import DANGERS, Danger, Granted, Role, is_all_of
from workerstack.cloudformation.policies import Policy, Statement, read
from workerstack.cloudformation.policy_exposure import who_may
from workerstack.cloudformation.policy_patterns import shown
from workerstack.cloudformation.values import pieces

LEAST = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"
PRINCIPAL = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
)
RESOURCE = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"
)
GRAMMAR = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"
BUCKETS = (
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"
)


SHOWN = 3
"""Actions that a sentence names."""


@dataclass(frozen=True)
class PolicyHolder:
    """Who has policies: a role, a user, a group, or a policy for somebody elsewhere."""

    resource: Resource
    found: Sequence[PolicyPlace]
    limits: Sequence[Policy] | None

    @property
    def grants(self) -> Role:
        """Its policies as the evaluator takes them."""
        return Role([each.policy for each in self.found], self.limits)

    def violation(self, granted: Granted, why: str, next_step: str) -> Violation:
        """One for a statement of its policies, where that stands."""
        statement = granted.statement
        actions = ", ".join(granted.actions[:SHOWN])
        actions += " and more" if len(granted.actions) > SHOWN else ""
        named = [_readable(each) for each in statement.resources or ()]
        on = ("all but " if statement.not_resources else "") + (", ".join(named[:2]) or "itself")
        resource, path = self._place(statement)
        actions = actions.replace("NotAction", "all actions but those named")
        return at(resource, *path).wrong(
            f"{self.resource.logical_id} may do {actions} on {on}", why, next_step
        )

    def _place(self, statement: Statement) -> tuple[Resource, tuple[str | int, ...]]:
        for each in self.found:
            for position, one in enumerate(each.policy.statements):
                if one is statement:
                    document = each.resource.get(*each.path)
                    is_list = isinstance(mapping(document).get("Statement"), list)
                    inside = ("Statement", position) if is_list else ()
                    return each.resource, (*each.path, *inside)
        return self.resource, ()


def _readable(value: Any) -> str:
    """A value for people: what is not known as the function in its short form."""
    return REF.sub(r"${\1}", shown(value))


REF = re.compile(r'\{\{"Ref": "([^"]+)"\}\}')


def _why(danger: Danger) -> str:
    """Why a grant is dangerous, as the middle of a sentence."""
    found = danger.why.rstrip(".").replace(": ", ", ")
    return found[:1].lower() + found[1:]


def holders(stack: Stack) -> Iterator[PolicyHolder]:
    """Everybody in the stack whose policies say what he may do."""
    attached = set()
    for acting in stack.of(ROLE, "AWS::IAM::User", "AWS::IAM::Group"):
        found = placed(stack, acting)
        attached |= {each.resource.logical_id for each in found}
        yield PolicyHolder(acting, found, boundary(stack, acting))
    for policy in stack.of(*PLACES):
        if policy.logical_id not in attached:
            document = policy.get("PolicyDocument")
            yield PolicyHolder(
                policy, [PolicyPlace(policy, ("PolicyDocument",), read(document))], None
            )


NEXT_STEPS = {
    "everything": ("E9401", "Name the actions and resources that are really used"),
    "everything-but": ("E9402", "Name the actions that are used, in Action"),
    "whole-service": ("E9403", "Name the actions and resources that are really used"),
    "pass-any-role": ("E9404", "Name the role that is passed, with iam:PassedToService"),
    "escalation": ("E9405", "Take the action out of a worker's permissions"),
    "destruction": ("W9406", "Take the action out: deployments do that, and no worker"),
    "publication": ("W9407", "Take the action out, or say in Metadata that it is meant"),
    "any-bucket": (
        "E9408",
        "Name the bucket, or add a condition StringEquals on aws:ResourceAccount",
    ),
    "any-task-protection": ("E9409", "Name the worker's own cluster"),
    "every-secret": ("E9410", "Name the secrets that are read"),
    "every-key": ("E9411", "Name the key, or add a condition on kms:ViaService"),
}
"""Id of the check for each kind of grant, and what to do."""


def _row(danger: Danger) -> Check:
    identifier, next_step = NEXT_STEPS[danger.id]

    def find(stack: Stack) -> Iterator[Violation]:
        for holder in holders(stack):
            for granted in danger.grants(holder.grants):
                yield holder.violation(granted, _why(danger), next_step)

    find.__doc__ = f"No role is given {danger.what}."
    kind: Kind = "care" if identifier.startswith("W") else "access"
    title = danger.what[:1].upper() + danger.what[1:]
    source = SOURCES.get(danger.id, LEAST)
    made = check(identifier, title, kind=kind, source=source, because=danger.why)
    return made(find)


SOURCES = {
    "pass-any-role": "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
    "everything-but": "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
    "reference_policies_elements_notaction.html",
    "publication": BUCKETS,
    "any-bucket": "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
    "reference_policies_condition-keys.html#condition-keys-resourceaccount",
    "any-task-protection": "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
    "task-scale-in-protection.html",
    "every-secret": "https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access.html",
    "every-key": "https://docs.aws.amazon.com/kms/latest/developerguide/iam-policies-best-practices.html",
}
ROWS = tuple(_row(each) for each in DANGERS)

DATA = (
    "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
    "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
    "elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess", "ecs:StopTask",
    "ecs:UpdateService", "kinesis:GetRecords", "kinesis:PutRecord", "lambda:InvokeFunction",
    "sns:Publish", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage",
    "sqs:SendMessage",
)  # fmt: skip
"""What works on data, or on what runs, and takes a resource. Source: Service Authorization
Reference."""


@check(
    "E9412",
    "Data of the whole account",
    kind="access",
    source=LEAST,
    because="Whoever takes over the worker has every queue, table and topic of the account.",
)
def data_of_the_account(stack: Stack) -> Iterator[Violation]:
    """Permissions on data name their queues, tables, topics and functions."""
    for holder in holders(stack):
        for granted in holder.grants.grants(DATA):
            kinds = [each.partition(":")[0] for each in granted.actions]
            wide = [
                action
                for action, kind in zip(granted.actions, kinds, strict=True)
                if is_all_of(granted.statement, PARTS.get(kind, "")) and not _is_limited(granted)
            ]
            if wide and not _is_a_danger(granted.statement):
                yield holder.violation(
                    Granted(granted.statement, tuple(wide)),
                    "whoever takes over the worker has the data of all the others",
                    "Name the resources that are really used",
                )


PARTS = {
    "dynamodb": "table/", "elasticfilesystem": "file-system/", "lambda": "function:",
    "kinesis": "stream/", "ecs": "service/",
}  # fmt: skip


def _is_limited(granted: Granted) -> bool:
    return bool(granted.statement.conditions)


def _is_a_danger(statement: Statement) -> bool:
    """Whether other rows say it already: everything, or a whole service."""
    return statement.not_actions or any(
        shown(each) in ("*", "*:*") or shown(each).endswith(":*") for each in statement.actions
    )


@check("E9421", "Roles are not for everybody", kind="access", source=PRINCIPAL,
       because="Anybody may take on the role and have its permissions.")  # fmt: skip
def roles_are_not_open(stack: Stack) -> Iterator[Violation]:
    """No role lets strangers take it on."""
    for acting in stack.of(ROLE):
        for grant in who_may(read(acting.get("AssumeRolePolicyDocument"))):
            if grant.is_open:
                yield at(acting, "AssumeRolePolicyDocument").wrong(
                    f"{acting.logical_id} may be taken on by {grant.principal}",
                    "no condition keeps strangers out",
                    "Name the principal, or add a condition on the account",
                )


POLICIES = {
    "AWS::SQS::QueuePolicy": ("PolicyDocument",),
    "AWS::SNS::TopicPolicy": ("PolicyDocument",),
    "AWS::S3::BucketPolicy": ("PolicyDocument",),
    "AWS::SQS::QueueInlinePolicy": ("PolicyDocument",),
    "AWS::SNS::TopicInlinePolicy": ("PolicyDocument",),
    "AWS::KMS::Key": ("KeyPolicy",),
    "AWS::ECR::Repository": ("RepositoryPolicyText",),
    "AWS::EFS::FileSystem": ("FileSystemPolicy",),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy",),
}
"""Types with policies of their own, and where these stand."""


@check("E9422", "Resources are not for everybody", kind="access", source=PRINCIPAL,
       because="Anybody may send, read or delete.")  # fmt: skip
def resources_are_not_open(stack: Stack) -> Iterator[Violation]:
    """No policy of a queue, topic, bucket, key, file system or function lets strangers in."""
    for resource in stack.of(*POLICIES):
        path = POLICIES[resource.type]
        for grant in who_may(read(resource.get(*path)) if path[0] in resource.properties
                             else Policy()):  # fmt: skip
            if grant.is_open:
                actions = ", ".join(shown(each) for each in grant.statement.actions[:3])
                yield at(resource, *path).wrong(
                    f"{resource.logical_id} lets {grant.principal} do {actions}",
                    "no condition keeps strangers out",
                    "Name the principal, or add a condition on the account or the source",
                )
    for permission in stack.of("AWS::Lambda::Permission"):
        limits = ("PrincipalOrgID", "SourceAccount", "SourceArn")
        if text(permission.get("Principal")) == "*" and not any(
            each in permission.properties for each in limits
        ):
            yield at(permission, "Principal").wrong(
                f"{permission.logical_id} lets everybody do {text(permission.get('Action'))}",
                "no condition keeps strangers out",
                "Name the principal",
            )


NAMES = frozenset({
    "AccessPointId", "BucketName", "ClusterName", "FileSystemId", "FunctionName", "GroupId",
    "KeyId", "LogGroupName", "QueueName", "QueueUrl", "RepositoryName", "RoleName", "TableName",
})  # fmt: skip
"""What Ref of a resource gives where that is no ARN."""


@check("E9423", "Policies name ARNs", kind="refused", source=RESOURCE,
       because="IAM refuses a resource that is a name or a URL.")  # fmt: skip
def policies_name_arns(stack: Stack) -> Iterator[Violation]:
    """Each resource of a statement is an ARN or a star."""
    for acting in stack.of(ROLE, *PLACES):
        for path, document in _documents(acting):
            for position, statement in members(mapping(document).get("Statement")):
                for name in ("Resource", "NotResource"):
                    for each in listed(statement.get(name)):
                        if _is_no_arn(each):
                            yield at(acting, *path, "Statement", position, name).wrong(
                                f"A statement of {acting.logical_id} names"
                                f" {text(each) or _said(each)}",
                                "IAM wants an ARN, and refuses the policy",
                                "Write the resource's Arn",
                            )


def _documents(acting: Resource) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for position, each in members(acting.get("Policies")):
        yield ("Policies", position, "PolicyDocument"), each.get("PolicyDocument")
    if "PolicyDocument" in acting.properties:
        yield ("PolicyDocument",), acting.get("PolicyDocument")


def _is_no_arn(value: Any) -> bool:
    if isinstance(value, Reference) and value.value is None:
        return value.means in NAMES
    first = pieces(value)[0]
    if not isinstance(first, str):
        return isinstance(value, Reference) and value.means in NAMES
    return first[:1] not in ("*", "?") and not first.startswith("arn:") and (
        len(pieces(value)) == 1 or not "arn:".startswith(first[:4])
    )  # fmt: skip


def _said(value: Any) -> str:
    found = value.means if isinstance(value, Reference) else shown(value)
    return f"the {found} of {value.logical_id}" if isinstance(value, Reference) else found


@check("E9424", "Policies that IAM takes", kind="refused", source=GRAMMAR,
       because="IAM refuses the document, and with it the deployment.")  # fmt: skip
def policies_are_whole(stack: Stack) -> Iterator[Violation]:
    """Each policy is one: its statements have an effect, actions and resources."""
    for acting in stack.of(ROLE, *PLACES):
        for each in placed(stack, acting) if acting.type == ROLE else ():
            for problem in each.policy.problems:
                yield at(each.resource, *each.path).wrong(
                    f"A policy of {acting.logical_id} is refused", f"it is {problem}", "Correct it"
                )
    for resource in stack.of(*POLICIES):
        path = POLICIES[resource.type]
        if path[0] in resource.properties:
            for problem in read(resource.get(*path)).problems:
                yield at(resource, *path).wrong(
                    f"The policy of {resource.logical_id} is refused", f"it is {problem}",
                    "Correct it",
                )  # fmt: skip
