"""E93xx: what a task's execution role must be able to do before its first container starts."""

from workerstack.checks.resolved import Resolved, mapping, sequence
from workerstack.checks.rule import Faults, rule
from workerstack.checks.worker import containers, resources_of, role

ROLE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html"
LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"
SECRETS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html"


@rule("E9307", "An execution role", "ECS itself has no rights of yours.", ROLE)
def execution_role_is_given(template: Resolved) -> Faults:
    """Pulling from ECR, secrets and awslogs need an execution role."""
    for task, container, path in containers(template):
        needs = [name for name in ("Secrets", "LogConfiguration") if container.get(name)]
        if needs and not task.properties.get("ExecutionRoleArn"):
            yield (
                (*path, needs[0]),
                f"{container.get('Name')} has {needs[0]} but the task no execution role: no task "
                "would start. Give ExecutionRoleArn.",
            )


@rule("E9305", "Logs go where the role may write", "Else no task starts.", LOGS)
def logs_go_where_the_role_may_write(template: Resolved) -> Faults:
    """The execution role may write to the log group that the container names."""
    for task, container, path in containers(template):
        options = mapping(mapping(container.get("LogConfiguration")).get("Options"))
        group = str(options.get("awslogs-group", ""))
        executing = role(template, task.properties.get("ExecutionRoleArn"))
        if not group or executing is None:
            continue
        allowed = resources_of(executing, "logs:PutLogEvents")
        own = group.startswith("${") and f"{group[:-1]}.Arn}}" in allowed
        if (
            not own
            and "*" not in allowed
            and not any(f":log-group:{group}" in arn for arn in allowed)
        ):
            yield (
                (*path, "LogConfiguration", "Options", "awslogs-group"),
                f"{executing.id} may not write to {group}: no task would start. Name the stack's "
                "log group, or allow logs:PutLogEvents on that one.",
            )


@rule("E9308", "Secrets can be read", "Else no task starts.", SECRETS)
def secrets_can_be_read(template: Resolved) -> Faults:
    """Each secret is a full ARN that the execution role may read."""
    for task, container, path in containers(template):
        executing = role(template, task.properties.get("ExecutionRoleArn"))
        allowed = resources_of(executing, "secretsmanager:GetSecretValue") if executing else []
        for position, secret in enumerate(sequence(container.get("Secrets"))):
            source = str(mapping(secret).get("ValueFrom"))
            where = (*path, "Secrets", position)
            if not source.startswith(("arn:", "${")):
                yield where, f"{source} is no ARN: Fargate starts no task. Give the full ARN."
            elif (
                executing
                and ":ssm:" not in source
                and not any(
                    source == arn or source.startswith(f"{arn}:") or arn == "*" for arn in allowed
                )
            ):
                yield (
                    where,
                    f"{executing.id} may not read {source}: no task would start. Allow "
                    "secretsmanager:GetSecretValue on it.",
                )


@rule("E9310", "The image can be pulled", "Else no task starts.", ROLE)
def image_can_be_pulled(template: Resolved) -> Faults:
    """The execution role may pull from the repository that the image names."""
    for task, container, path in containers(template):
        executing = role(template, task.properties.get("ExecutionRoleArn"))
        image = str(container.get("Image", ""))
        registry, _, rest = image.partition("/")
        if executing is None or ".dkr.ecr." not in registry:
            continue
        repository = rest.partition("@")[0].partition(":")[0] if "${" not in rest else rest
        allowed = resources_of(executing, "ecr:BatchGetImage")
        names = [arn.partition(":repository/")[2] for arn in allowed]
        if not any(name and rest.startswith(name) for name in names) and "*" not in allowed:
            yield (
                (*path, "Image"),
                f"{executing.id} may not pull {repository}: no task would start. Allow "
                "ecr:BatchGetImage on that repository.",
            )
