"""Who the worker is: the role that starts it and the role that it runs as.

Rights stand beside the roles. A role whose own policies change is modified, and CloudFormation
then lists whatever refers to its ARN as perhaps replaced: here nothing but the rights changes.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from awacs import ecr, ecs, elasticfilesystem, kms, logs, s3, secretsmanager, sqs, ssm, sts
from awacs.aws import (
    Action,
    Allow,
    ArnEquals,
    ArnLike,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import AWSHelperFn, Parameter, Ref, Sub, encode_to_dict
from troposphere.ecs import Cluster
from troposphere.iam import Role, RolePolicy
from troposphere.logs import LogGroup

from templates.container import secret_arn, stored_parameter_arn
from templates.description import described, meant
from templates.parameters import ImageParameters, Parameters, WorkspaceParameters, secrets
from templates.parts.rights import Bucket, allow, in_own_account
from templates.parts.secrets import Key, StoredParameter
from templates.problems import wrong
from templates.specification import Worker


def execution_role(worker: Worker, parameters: Parameters) -> Role:
    """What ECS itself acts as to start the container."""
    return Role(
        "ExecutionRole",
        # The same whatever the worker needs: a role whose text changes is a row of the change set.
        Metadata=described("What ECS acts as to start the container."),
        AssumeRolePolicyDocument=_trust_in_tasks(),
        **_standing(worker, parameters),
    )


def _starts(worker: Worker) -> str:
    reads = ", read secrets and" if any(True for _ in secrets(worker)) else " and"
    return f"pull the image{reads} write logs"


def _standing(worker: Worker, parameters: Parameters) -> dict[str, Any]:
    """Where a role stands, and what bounds it."""
    found: dict[str, Any] = {"Path": worker.roles.path} if worker.roles.path else {}
    boundary = parameters.boundary
    return found | ({"PermissionsBoundary": Ref(boundary)} if boundary else {})


def execution_rights(
    worker: Worker, parameters: Parameters, role: Role, log_group: LogGroup
) -> RolePolicy:
    """What ECS itself may do: pull, read secrets, write logs."""
    return _rights(
        "ExecutionRolePolicy",
        f"Lets ECS {_starts(worker).replace('read secrets', 'read the secrets')}.",
        "execution-rights",
        role,
        _starting(worker, parameters, log_group),
    )


def task_role(worker: Worker, parameters: Parameters) -> Role:
    """What the code in the container acts as."""
    return Role(
        "TaskRole",
        Metadata=described("What the worker itself acts as."),
        AssumeRolePolicyDocument=_trust_in_tasks(),
        **_standing(worker, parameters),
    )


def task_rights(
    worker: Worker,
    parameters: Parameters,
    role: Role,
    cluster: Cluster | Parameter,
    queue_arns: Sequence[AWSHelperFn],
) -> RolePolicy:
    """What the code in the container may do; what it asks for on purpose is no warning.

    That stands with the statements and not with the role, which then never changes.
    """
    publishes = (worker.buckets and worker.sets_object_acls) or any(
        isinstance(each, Bucket) and each.may == "publish" for each in worker.rights
    )
    statements = [_consuming(queue_arns)]
    if worker.protection != "none":
        statements.append(_protecting(cluster))
    if worker.buckets:
        statements += _syncing(worker)
    if parameters.workspace:
        statements.append(_mounting(parameters.workspace))
    for right in worker.rights:
        statements += right.statements()
    statements += [each.statement for each in worker.statements]
    statements += _using_keys(parameters.keys, "queue", "destinations", "topics", "buckets")
    intents = {str(each.statement.properties["Sid"]): each.intent for each in worker.statements}
    made = _rights(
        "TaskRolePolicy",
        "The worker's own rights: its queue, buckets and workspace."
        if worker.workspace
        else "The worker's own rights.",
        "task-rights",
        role,
        statements,
    )
    if publishes:
        made.Metadata = {**made.Metadata, **meant("W9407")}
    if intents:
        made.Metadata = {**made.Metadata, "Intents": intents}
    return made


def _trust_in_tasks() -> PolicyDocument:
    """Only tasks of this account and region (ECS: "Task IAM role", confused deputy)."""
    here = Sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Effect=Allow,
                Action=[sts.AssumeRole],
                Principal=Principal("Service", "ecs-tasks.amazonaws.com"),
                Condition=Condition(
                    [
                        StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}),
                        ArnLike({"aws:SourceArn": here}),
                    ]
                ),
            )
        ],
    )


def _rights(
    title: str, sentence: str, name: str, role: Role, statements: Iterable[Statement]
) -> RolePolicy:
    """Statements of a role.

    ``name`` must be none that was ever given to a policy inside of that role: a deployment
    that fails puts that one back first, and then deletes this one by its name.
    """
    document = encode_to_dict(PolicyDocument(Version="2012-10-17", Statement=list(statements)))
    length = len(json.dumps(_shortest(document), separators=(",", ":")))
    if length > MOST_OF_A_POLICY:
        raise wrong(
            f"{title} has {length:,} characters at least",
            f"IAM allows {MOST_OF_A_POLICY:,} for the policies in a role",
            "Name fewer things, or more of them by one pattern; or take a ready-made role",
        )
    return RolePolicy(
        title,
        Metadata=described(sentence),
        RoleName=Ref(role),
        PolicyName=name,
        PolicyDocument=document,
    )


MOST_OF_A_POLICY = 10_240
"""Characters without white space of all policies in a role (IAM: quotas)."""


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


def _starting(worker: Worker, parameters: Parameters, log_group: LogGroup) -> list[Statement]:
    return [
        *_pulling(parameters),
        allow(
            "WriteLogs",
            [logs.CreateLogStream, logs.PutLogEvents],
            [_log_streams(log_group)],
        ),
        *_reading_secrets(worker),
        *_using_keys(parameters.keys, "secrets", "parameters"),
    ]


def _pulling(parameters: Parameters) -> list[Statement]:
    """Images of ECR; for others no right is needed."""
    images = [parameters.image, *([parameters.protector] if parameters.protector else [])]
    images += parameters.beside.values()
    private = [each for each in images if not each.is_public]
    cached = [each for each in images if each.is_cached]
    if not private:
        return []
    statements = [
        # ECR has no resource for its sign-in: the action works on "*" only.
        allow("SignInToRegistry", [ecr.GetAuthorizationToken], ["*"]),
        allow(
            "PullImage",
            [
                ecr.BatchCheckLayerAvailability,
                ecr.BatchGetImage,
                ecr.GetDownloadUrlForLayer,
            ],
            [*map(_repository_arn, private)],
        ),
    ]
    if cached:
        # The first pull makes the repository and fills it (ECR: pull through cache permissions).
        fill = [ecr.BatchImportUpstreamImage, ecr.CreateRepository]
        statements.append(allow("FillCache", fill, [*map(_repository_arn, cached)]))
    return statements


def _repository_arn(image: ImageParameters) -> Sub:
    account, region = "${AWS::AccountId}", "${AWS::Region}"
    given: dict[str, Any] = {"Name": Ref(image.repository)}
    if image.account:
        account, given["Account"] = "${Account}", Ref(image.account)
    if image.region:
        region, given["Region"] = "${Region}", Ref(image.region)
    return Sub(f"arn:${{AWS::Partition}}:ecr:{region}:{account}:repository/${{Name}}", **given)


def _reading_secrets(worker: Worker) -> list[Statement]:
    """Each secret by its ARN; one that is found by its name without and with the six at its end.

    ECS asks for what the task definition says. Source: Secrets Manager, "Finding a secret from a
    partial ARN".
    """
    kept: dict[str, AWSHelperFn] = {}
    stored: dict[str, AWSHelperFn] = {}
    for each in secrets(worker):
        if isinstance(each, StoredParameter):
            arn = stored_parameter_arn(each)
            stored[each.parameter or arn] = Ref(each.parameter) if each.parameter else Sub(arn)
        elif each.parameter:
            kept[each.parameter] = Ref(each.parameter)
        else:
            for arn in (secret_arn(each), f"{secret_arn(each)}-??????"):
                kept[arn] = Sub(arn)
    statements = []
    if kept:
        statements.append(allow("ReadSecrets", [secretsmanager.GetSecretValue], [*kept.values()]))
    if stored:
        statements.append(allow("ReadParameters", [ssm.GetParameters], [*stored.values()]))
    return statements


def _log_streams(log_group: LogGroup) -> Sub:
    """What the group's attribute Arn is: its name stays when its retention changes."""
    return Sub(
        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Name}:*",
        Name=Ref(log_group),
    )


def _consuming(queue_arns: Sequence[AWSHelperFn]) -> Statement:
    return allow(
        "ConsumeQueue",
        [
            sqs.ChangeMessageVisibility,
            sqs.DeleteMessage,
            sqs.GetQueueAttributes,
            sqs.GetQueueUrl,
            sqs.ReceiveMessage,
        ],
        [*queue_arns],
    )


def _protecting(cluster: Cluster | Parameter) -> Statement:
    """Scale-in protection, by which a busy worker keeps ECS from stopping it."""
    return allow(
        "ProtectBusyTask",
        [ecs.GetTaskProtection, ecs.UpdateTaskProtection],
        [
            Sub(
                "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/${Name}/*",
                Name=Ref(cluster),
            )
        ],
    )


def _syncing(worker: Worker) -> list[Statement]:
    """Bucket and object rights apart: an action on the wrong kind does nothing."""
    what = "Sites" if worker.workspace else "Buckets"
    arns = [f"arn:${{AWS::Partition}}:s3:::{bucket}" for bucket in worker.buckets]
    publishing = [s3.PutObjectAcl] if worker.sets_object_acls else []
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


def _using_keys(keys: Mapping[Key, Parameter], *protected: str) -> list[Statement]:
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


def _mounting(workspace: WorkspaceParameters) -> Statement:
    """Mounting through the one access point only (EFS: "Using IAM to control access")."""
    arn = "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}"
    access_point = Sub(f"{arn}:access-point/${{Id}}", Id=Ref(workspace.access_point_id))
    return allow(
        "MountWorkspace",
        [elasticfilesystem.ClientMount, elasticfilesystem.ClientWrite],
        [Sub(f"{arn}:file-system/${{Id}}", Id=Ref(workspace.file_system_id))],
        Condition(
            ArnEquals({"elasticfilesystem:AccessPointArn": access_point}),
        ),
    )
