"""E93xx: what a container on Fargate must have, and must not, though cfn-lint accepts it."""

from rules.resolved import Resolved, mapping, number, sequence
from rules.rule import Faults, rule
from rules.worker import containers, listed, resources_of, role

CONTAINER = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html"
)
FARGATE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"
LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"
SECRETS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html"
LONGEST_STOP_TIMEOUT = 120
ABSENT_ON_FARGATE = (
    "Privileged",
    "Links",
    "ExtraHosts",
    "DnsServers",
    "DnsSearchDomains",
    "Hostname",
)
ABSENT_LINUX = ("Devices", "MaxSwap", "SharedMemorySize", "Swappiness", "Tmpfs")


@rule("E9301", "Mount points have volumes", "The task definition would be refused.", CONTAINER)
def mount_points_have_volumes(template: Resolved) -> Faults:
    """Each mount point names a volume of its task definition, at an absolute path."""
    for task, container, path in containers(template):
        volumes = {
            str(mapping(each).get("Name")) for each in sequence(task.properties.get("Volumes"))
        }
        for position, mount in enumerate(sequence(container.get("MountPoints"))):
            name = str(mapping(mount).get("SourceVolume"))
            where = (*path, "MountPoints", position)
            if name not in volumes:
                yield where, f"There is no volume {name}: ECS refuses the mount. Name one."
            if not str(mapping(mount).get("ContainerPath", "/")).startswith(("/", "$")):
                yield (
                    where,
                    "The container path is relative: ECS wants it absolute. Begin it with /.",
                )


@rule("E9302", "Volumes are mounted", "A volume that nobody mounts is a forgotten line.", CONTAINER)
def volumes_are_mounted(template: Resolved) -> Faults:
    """Each volume of a task definition is mounted by a container."""
    for task in template.of("ECS::TaskDefinition"):
        mounted = {
            str(mapping(mount).get("SourceVolume"))
            for container in sequence(task.properties.get("ContainerDefinitions"))
            for mount in sequence(mapping(container).get("MountPoints"))
        }
        for position, volume in enumerate(sequence(task.properties.get("Volumes"))):
            name = str(mapping(volume).get("Name"))
            if name not in mounted:
                yield (
                    task.at("Volumes", position),
                    f"Nobody mounts the volume {name}: the worker would work in its own disk and "
                    "lose everything. Add a mount point.",
                )


@rule("E9304", "awslogs is complete", "Without a prefix on Fargate no task starts.", LOGS)
def logging_is_complete(template: Resolved) -> Faults:
    """Stream prefix, mode and buffer are given; the last two changed their defaults in 2025."""
    for _, container, path in containers(template):
        logging = mapping(container.get("LogConfiguration"))
        if logging.get("LogDriver") != "awslogs":
            continue
        options = mapping(logging.get("Options"))
        where = (*path, "LogConfiguration", "Options")
        if not options.get("awslogs-stream-prefix"):
            yield where, "awslogs has no stream prefix: Fargate starts no task. Add one."
        for name in ("mode", "max-buffer-size"):
            if name not in options and not (name != "mode" and options.get("mode") == "blocking"):
                yield where, f"awslogs has no {name}: its default has changed before. Say which."


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


@rule("E9307", "An execution role", "ECS itself has no rights of yours.", CONTAINER)
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


@rule("E9310", "The image can be pulled", "Else no task starts.", CONTAINER)
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


@rule("E9313", "Stop timeout", "Fargate grants two minutes at most.", CONTAINER)
def stop_timeout_is_granted(template: Resolved) -> Faults:
    """A stop timeout is 2 to 120 seconds."""
    for _, container, path in containers(template):
        timeout = number(container.get("StopTimeout"))
        if timeout is not None and not 2 <= timeout <= LONGEST_STOP_TIMEOUT:  # noqa: PLR2004
            yield (
                (*path, "StopTimeout"),
                f"A stop timeout of {timeout:g} s: Fargate grants 2 to 120 s. Return the message "
                "within that time.",
            )


@rule("E9317", "One value for each variable", "Which one holds is not said.", CONTAINER)
def one_value_for_each_variable(template: Resolved) -> Faults:
    """No environment variable is also a secret."""
    for _, container, path in containers(template):
        plain = {str(mapping(each).get("Name")) for each in sequence(container.get("Environment"))}
        for position, secret in enumerate(sequence(container.get("Secrets"))):
            if str(mapping(secret).get("Name")) in plain:
                yield (
                    (*path, "Secrets", position),
                    f"{mapping(secret).get('Name')} is a variable and a secret: ECS refuses that. "
                    "Remove one.",
                )


@rule("E9320", "Nothing that Fargate lacks", "The task definition would be refused.", FARGATE)
def nothing_that_fargate_lacks(template: Resolved) -> Faults:
    """No privileges, links, devices, swap or shared memory."""
    for _, container, path in containers(template):
        for name in ABSENT_ON_FARGATE:
            if container.get(name):
                yield (*path, name), f"{name} does not exist on Fargate: ECS refuses it. Remove it."
        linux = mapping(container.get("LinuxParameters"))
        for name in ABSENT_LINUX:
            if name in linux:
                where = (*path, "LinuxParameters", name)
                yield where, f"{name} does not exist on Fargate: ECS refuses it. Remove it."
        added = listed(mapping(linux.get("Capabilities")).get("Add", []))
        for capability in added:
            if capability != "SYS_PTRACE":
                yield (
                    (*path, "LinuxParameters", "Capabilities", "Add"),
                    f"{capability} cannot be added on Fargate: only SYS_PTRACE can. Remove it.",
                )


@rule("E9321", "Containers fit into the task", "Fargate refuses a larger one.", CONTAINER)
def containers_fit(template: Resolved) -> Faults:
    """No container asks for more memory than its task has."""
    for task, container, path in containers(template):
        whole = number(task.properties.get("Memory"))
        for name in ("Memory", "MemoryReservation"):
            part = number(container.get(name))
            if part is not None and whole is not None and part > whole:
                yield (
                    (*path, name),
                    f"{container.get('Name')} wants {part:g} of {whole:g} MiB: it does not fit. "
                    "Lower it or enlarge the task.",
                )


@rule("E9322", "Containers depend on containers", "The task would be refused.", CONTAINER)
def dependencies_exist(template: Resolved) -> Faults:
    """A container depends on others of its own task only."""
    for task, container, path in containers(template):
        names = {
            str(mapping(each).get("Name"))
            for each in sequence(task.properties.get("ContainerDefinitions"))
        }
        for position, dependency in enumerate(sequence(container.get("DependsOn"))):
            name = str(mapping(dependency).get("ContainerName"))
            if name not in names - {str(container.get("Name"))}:
                yield (
                    (*path, "DependsOn", position),
                    f"{container.get('Name')} depends on {name}: there is no such other container. "
                    "Name one of the task's.",
                )
