"""Who the worker is: the role that starts it and the role that it runs as."""

from collections.abc import Iterable, Sequence

from awacs import ecr, ecs, elasticfilesystem, logs, s3, secretsmanager, sqs, sts
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
from troposphere import AWSHelperFn, GetAtt, Ref, Sub
from troposphere.ecs import Cluster
from troposphere.iam import Policy, Role
from troposphere.logs import LogGroup

from templates.description import described
from templates.parameters import Parameters, WorkspaceParameters
from templates.specification import Worker


def execution_role(parameters: Parameters, log_group: LogGroup) -> Role:
    """What ECS itself may do to start the container: pull, read secrets, write logs."""
    return Role(
        "ExecutionRole",
        Metadata=described("Lets ECS pull the image, read the secrets and write logs."),
        AssumeRolePolicyDocument=_trust_in_tasks(),
        Policies=[_policy("start-container", _starting(parameters, log_group))],
    )


def task_role(
    worker: Worker, parameters: Parameters, cluster: Cluster, queue_arn: AWSHelperFn
) -> Role:
    """What the code in the container may do: its queue, buckets and workspace."""
    statements = [_consuming(queue_arn)]
    if worker.protection != "none":
        statements.append(_protecting(cluster))
    if worker.buckets:
        statements += _syncing(worker.buckets)
    if parameters.workspace:
        statements.append(_mounting(parameters.workspace))
    return Role(
        "TaskRole",
        Metadata=described("The worker's own rights: its queue, buckets and workspace."),
        AssumeRolePolicyDocument=_trust_in_tasks(),
        Policies=[_policy("process-messages", statements)],
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


def _policy(name: str, statements: Iterable[Statement]) -> Policy:
    return Policy(
        PolicyName=name,
        PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=list(statements)),
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
            [GetAtt(log_group, "Arn")],
        ),
    ]
    if parameters.secrets:
        arns = [Ref(parameter) for parameter in parameters.secrets.values()]
        statements.append(_allow("ReadSecrets", [secretsmanager.GetSecretValue], arns))
    return statements


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


def _syncing(buckets: Iterable[str]) -> list[Statement]:
    """Bucket and object rights apart: an action on the wrong kind does nothing."""
    arns = [f"arn:${{AWS::Partition}}:s3:::{bucket}" for bucket in buckets]
    return [
        _allow(
            "ListSites",
            [s3.GetBucketLocation, s3.ListBucket],
            [Sub(arn) for arn in arns],
        ),
        _allow(
            "SyncSites",
            [s3.DeleteObject, s3.GetObject, s3.PutObject, s3.PutObjectAcl],
            [Sub(f"{arn}/*") for arn in arns],
        ),
    ]


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
