"""Who the worker is: the role that starts it and the role that it runs as.

Rights stand beside the roles. A role whose own policies change is modified, and CloudFormation
then lists whatever refers to its ARN as perhaps replaced: here nothing but the rights changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from awacs import ecr, ecs, elasticfilesystem, kms, logs, s3, secretsmanager, sqs, sts
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

from templates.description import described
from templates.parameters import Parameters, WorkspaceParameters
from templates.specification import Key, Worker


def execution_role() -> Role:
    """What ECS itself acts as to start the container."""
    return Role(
        "ExecutionRole",
        Metadata=described("What ECS acts as to pull the image, read secrets and write logs."),
        AssumeRolePolicyDocument=_trust_in_tasks(),
    )


def execution_rights(parameters: Parameters, role: Role, log_group: LogGroup) -> RolePolicy:
    """What ECS itself may do: pull, read secrets, write logs."""
    return _rights(
        "ExecutionRolePolicy",
        "Lets ECS pull the image, read the secrets and write logs.",
        "execution-rights",
        role,
        _starting(parameters, log_group),
    )


def task_role() -> Role:
    """What the code in the container acts as."""
    return Role(
        "TaskRole",
        Metadata=described("What the worker itself acts as."),
        AssumeRolePolicyDocument=_trust_in_tasks(),
    )


def task_rights(
    worker: Worker, parameters: Parameters, role: Role, cluster: Cluster, queue_arn: AWSHelperFn
) -> RolePolicy:
    """What the code in the container may do; what it asks for on purpose is no warning.

    That stands with the statements and not with the role, which then never changes.
    """
    meant = ["W9407"] if worker.buckets and worker.sets_object_acls else []
    statements = [_consuming(queue_arn)]
    if worker.protection != "none":
        statements.append(_protecting(cluster))
    if worker.buckets:
        statements += _syncing(worker)
    if parameters.workspace:
        statements.append(_mounting(parameters.workspace))
    statements += _using_keys(parameters.keys, "queue", "buckets")
    return _rights(
        "TaskRolePolicy",
        "The worker's own rights: its queue, buckets and workspace.",
        "task-rights",
        role,
        statements,
        meant,
    )


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
    title: str,
    sentence: str,
    name: str,
    role: Role,
    statements: Iterable[Statement],
    meant: Sequence[str] = (),
) -> RolePolicy:
    """Statements of a role; ``meant`` are checks that do not hold of them on purpose.

    ``name`` must be none that was ever given to a policy inside of that role: a deployment
    that fails puts that one back first, and then deletes this one by its name.
    """
    ignored = {"cfn-lint": {"config": {"ignore_checks": list(meant)}}} if meant else {}
    return RolePolicy(
        title,
        Metadata=described(sentence, **ignored),
        RoleName=Ref(role),
        PolicyName=name,
        PolicyDocument=encode_to_dict(
            PolicyDocument(Version="2012-10-17", Statement=list(statements))
        ),
    )


def _allow(
    sid: str,
    actions: list[Action],
    resources: Sequence[str | AWSHelperFn],
    condition: Condition | None = None,
) -> Statement:
    conditions = {"Condition": condition} if condition else {}
    return Statement(Sid=sid, Effect=Allow, Action=actions, Resource=resources, **conditions)


def _starting(parameters: Parameters, log_group: LogGroup) -> list[Statement]:
    repositories = [parameters.image_repository]
    if parameters.protector:
        repositories.append(parameters.protector.repository)
    arn = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${Name}"
    statements = [
        # ECR has no resource for its sign-in: the action works on "*" only.
        _allow("SignInToRegistry", [ecr.GetAuthorizationToken], ["*"]),
        _allow(
            "PullImage",
            [
                ecr.BatchCheckLayerAvailability,
                ecr.BatchGetImage,
                ecr.GetDownloadUrlForLayer,
            ],
            [Sub(arn, Name=Ref(each)) for each in repositories],
        ),
        _allow(
            "WriteLogs",
            [logs.CreateLogStream, logs.PutLogEvents],
            [_log_streams(log_group)],
        ),
    ]
    if parameters.secrets:
        arns = [Ref(parameter) for parameter in parameters.secrets.values()]
        statements.append(_allow("ReadSecrets", [secretsmanager.GetSecretValue], arns))
    return statements + _using_keys(parameters.keys, "secrets")


def _log_streams(log_group: LogGroup) -> Sub:
    """What the group's attribute Arn is: its name stays when its retention changes."""
    return Sub(
        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Name}:*",
        Name=Ref(log_group),
    )


def _consuming(queue_arn: AWSHelperFn) -> Statement:
    return _allow(
        "ConsumeQueue",
        [
            sqs.ChangeMessageVisibility,
            sqs.DeleteMessage,
            sqs.GetQueueAttributes,
            sqs.GetQueueUrl,
            sqs.ReceiveMessage,
        ],
        [queue_arn],
    )


def _protecting(cluster: Cluster) -> Statement:
    """Scale-in protection, by which a busy worker keeps ECS from stopping it."""
    return _allow(
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
    """Bucket and object rights apart: an action on the wrong kind does nothing.

    Bucket names are one space for all accounts, so a pattern matches those of strangers too;
    aws:ResourceAccount keeps to our own (IAM: "Global condition context keys").
    """
    arns = [f"arn:${{AWS::Partition}}:s3:::{bucket}" for bucket in worker.buckets]
    own = Condition(StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")}))
    publishing = [s3.PutObjectAcl] if worker.sets_object_acls else []
    return [
        _allow(
            "ListSites",
            [s3.GetBucketLocation, s3.ListBucket],
            [Sub(arn) for arn in arns],
            own,
        ),
        _allow(
            "SyncSites",
            [s3.DeleteObject, s3.GetObject, s3.PutObject, *publishing],
            [Sub(f"{arn}/*") for arn in arns],
            own,
        ),
    ]


KEY_USERS: Mapping[str, tuple[str, list[Action]]] = MappingProxyType(
    {
        "secrets": ("secretsmanager", [kms.Decrypt]),
        "queue": ("sqs", [kms.Decrypt]),
        "buckets": ("s3", [kms.Decrypt, kms.GenerateDataKey]),
    }
)
"""Which service uses a key for us, and what for. Source: KMS, "How AWS services use KMS";
SQS, "Key management"; S3, "Protecting data with SSE-KMS"."""


def _using_keys(keys: Mapping[Key, Parameter], *protected: str) -> list[Statement]:
    """Each key by its own ARN, and only through the service whose things it encrypts."""
    statements = []
    for what in protected:
        service, actions = KEY_USERS[what]
        arns = [Ref(parameter) for key, parameter in keys.items() if key.protects == what]
        via = Sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")
        if arns:
            condition = Condition(StringEquals({"kms:ViaService": via}))
            statements.append(_allow(f"Use{what.title()}Key", actions, arns, condition))
    return statements


def _mounting(workspace: WorkspaceParameters) -> Statement:
    """Mounting through the one access point only (EFS: "Using IAM to control access")."""
    arn = "arn:${AWS::Partition}:elasticfilesystem:${AWS::Region}:${AWS::AccountId}"
    access_point = Sub(f"{arn}:access-point/${{Id}}", Id=Ref(workspace.access_point_id))
    return _allow(
        "MountWorkspace",
        [elasticfilesystem.ClientMount, elasticfilesystem.ClientWrite],
        [Sub(f"{arn}:file-system/${{Id}}", Id=Ref(workspace.file_system_id))],
        Condition(
            ArnEquals({"elasticfilesystem:AccessPointArn": access_point}),
        ),
    )
