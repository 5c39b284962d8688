"""Who the worker is: the role that starts it and the role that it runs as.

Rights stand beside the roles. A role whose own policies change is modified, and CloudFormation
then lists whatever refers to its ARN as perhaps replaced: here nothing but the rights changes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from awacs import ecr, ecs, elasticfilesystem, logs, secretsmanager, sqs, ssm, sts
from awacs.aws import (
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

from templates.compute import cluster_name
from workerstack.specification import Bucket, Secret, SpecificationError, StoredParameter, Worker
from workerstack.specification.arns import here
from workerstack.specification.metadata import described, meant
from workerstack.specification.parameters import (
    Parameters,
    WorkspaceParameters,
    secrets,
)
from workerstack.specification.statements import allow, check_length, syncing, using_keys


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
        what = "Sites" if worker.workspace else "Buckets"
        statements += syncing(what, worker.buckets, sets_object_acls=worker.sets_object_acls)
    if parameters.workspace:
        statements.append(_mounting(parameters.workspace))
    for right in worker.rights:
        statements += right.statements()
    statements += [each.statement for each in worker.statements]
    statements += using_keys(parameters.keys, "queue", "destinations", "topics", "buckets")
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
    too_long = [*check_length(title, document)]
    if too_long:
        raise SpecificationError(*too_long)
    return RolePolicy(
        title,
        Metadata=described(sentence),
        RoleName=Ref(role),
        PolicyName=name,
        PolicyDocument=document,
    )


def _starting(worker: Worker, parameters: Parameters, log_group: LogGroup) -> list[Statement]:
    return [
        *_pulling(parameters),
        allow(
            "WriteLogs",
            [logs.CreateLogStream, logs.PutLogEvents],
            # What the group's attribute Arn is: its name stays when its retention changes.
            [here("logs", "log-group:${Name}:*", Name=Ref(log_group))],
        ),
        *_reading(secrets(worker)),
        *using_keys(parameters.keys, "secrets", "parameters"),
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
            [each.repository_arn for each in private],
        ),
    ]
    if cached:
        # The first pull makes the repository and fills it (ECR: pull through cache permissions).
        fill = [ecr.BatchImportUpstreamImage, ecr.CreateRepository]
        statements.append(allow("FillCache", fill, [each.repository_arn for each in cached]))
    return statements


def _reading(given: Iterable[Secret | StoredParameter]) -> list[Statement]:
    """Each secret once; ECS asks for what the task definition says."""
    kept: dict[str, AWSHelperFn] = {}
    stored: dict[str, AWSHelperFn] = {}
    for each in given:
        (kept if isinstance(each, Secret) else stored).update(each.arns)
    statements = []
    if kept:
        statements.append(allow("ReadSecrets", [secretsmanager.GetSecretValue], [*kept.values()]))
    if stored:
        statements.append(allow("ReadParameters", [ssm.GetParameters], [*stored.values()]))
    return statements


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
        [here("ecs", "task/${Name}/*", Name=cluster_name(cluster))],
    )


def _mounting(workspace: WorkspaceParameters) -> Statement:
    """Mounting through the one access point only (EFS: "Using IAM to control access")."""
    files = "elasticfilesystem"
    access_point = here(files, "access-point/${Id}", Id=Ref(workspace.access_point_id))
    return allow(
        "MountWorkspace",
        [elasticfilesystem.ClientMount, elasticfilesystem.ClientWrite],
        [here(files, "file-system/${Id}", Id=Ref(workspace.file_system_id))],
        Condition(
            ArnEquals({"elasticfilesystem:AccessPointArn": access_point}),
        ),
    )
