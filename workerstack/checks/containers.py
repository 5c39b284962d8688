"""E93xx: what a container on Fargate must have, and must not, though cfn-lint accepts it."""

from workerstack.checks.resolved import Resolved, mapping, number, sequence
from workerstack.checks.rule import Faults, rule
from workerstack.checks.worker import containers, listed

CONTAINER = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html"
)
FARGATE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"
LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"
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
