"""E93xx: what a container on Fargate must have, and must not, though cfn-lint accepts it."""

import re
from collections.abc import Iterator

from workerstack.checks.check import At, Violation, at, check
from workerstack.checks.worker import (
    TASK,
    Container,
    containers,
    containers_of,
    is_open,
    kilo,
    listed,
    mapping,
    members,
    number,
)
from workerstack.cloudformation import Stack, text

CONTAINER = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html"
)
API = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"
FARGATE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"
LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"
DEPENDENCY = (
    "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html"
)
LONGEST_STOP_TIMEOUT = 120
ABSENT_ON_FARGATE = (
    "Privileged", "Links", "ExtraHosts", "DnsServers", "DnsSearchDomains", "Hostname",
    "DisableNetworking", "DockerSecurityOptions",
)  # fmt: skip
ABSENT_LINUX = ("Devices", "MaxSwap", "SharedMemorySize", "Swappiness", "Tmpfs")
DRIVERS = ("awslogs", "splunk", "awsfirelens")
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")


@check("E9301", "Mount points have volumes", kind="refused", source=CONTAINER,
       because="The task definition would be refused.")  # fmt: skip
def mount_points_have_volumes(stack: Stack) -> Iterator[Violation]:
    """Each mount point names a volume of its task definition, at an absolute path of its own."""
    for container in containers(stack):
        given = container.task.get("Volumes")
        volumes = {text(each.get("Name")) for _, each in members(given)}
        paths: set[str] = set()
        for position, mount in container.members("MountPoints"):
            name = text(mount.get("SourceVolume"))
            place = container.at("MountPoints", position)
            if name is not None and name not in volumes and not (is_open(given) or None in volumes):
                yield place.wrong(f"There is no volume {name}", "ECS refuses the mount", "Name one")
            path = text(mount.get("ContainerPath"))
            if path is not None and not path.startswith("/") and not re.match(r"[A-Za-z]:", path):
                yield place.wrong(
                    "The container path is relative", "ECS wants it absolute", "Begin it with /"
                )
            if path is not None and path.rstrip("/") in paths:
                yield place.wrong(
                    f"Two volumes are mounted at {path}", "ECS refuses that", "Give each its path"
                )
            paths.add((path or "").rstrip("/") or str(position))


@check("E9302", "Volumes are mounted", kind="loses messages", source=CONTAINER,
       because="A volume that nobody mounts is a forgotten line.")  # fmt: skip
def volumes_are_mounted(stack: Stack) -> Iterator[Violation]:
    """Each volume of a task definition is mounted by a container, and there is one of a name."""
    for task in stack.of(TASK):
        found = list(containers_of(task))
        mounted = {
            text(m.get("SourceVolume")) for each in found for _, m in each.members("MountPoints")
        }
        may_be_others = (
            None in mounted
            or is_open(task.get("ContainerDefinitions"))
            or any(is_open(each.body.get("MountPoints")) for each in found)
        )
        names: set[str] = set()
        for position, volume in members(task.get("Volumes")):
            name = text(volume.get("Name"))
            place = at(task, "Volumes", position)
            if name is not None and name not in mounted and not may_be_others:
                yield place.wrong(
                    f"Nobody mounts the volume {name}",
                    "the worker would work in its own disk and lose everything",
                    "Add a mount point",
                )
            if name is not None and name in names:
                yield place.wrong(f"Two volumes are named {name}", "ECS refuses that", "Rename one")
            names.add(name or "")


@check("E9304", "awslogs is complete", kind="cannot run", source=LOGS,
       because="Without a prefix on Fargate no task starts.")  # fmt: skip
def logging_is_complete(stack: Stack) -> Iterator[Violation]:
    """Prefix, group, Region, mode and buffer are given; the last two changed their defaults."""
    for container in containers(stack):
        if text(container.get("LogConfiguration", "LogDriver")) != "awslogs":
            continue
        given = container.get("LogConfiguration", "Options")
        if is_open(given) and not isinstance(given, dict):
            continue
        options = mapping(given)
        place = container.at("LogConfiguration", "Options")
        if options.get("awslogs-stream-prefix") in (None, ""):
            yield place.wrong(
                "awslogs has no stream prefix",
                "Fargate starts no task",
                "Add awslogs-stream-prefix",
            )
        for name in ("awslogs-group", "awslogs-region"):
            if name not in options:
                yield place.wrong(f"awslogs has no {name}", "Fargate starts no task", "Add it")
        # ECS made non-blocking the default in 2025: what is written stays as it is whatever the
        # default becomes.
        for name in ("mode", "max-buffer-size"):
            if name not in options and not (
                name != "mode" and text(options.get("mode")) == "blocking"
            ):
                yield place.wrong(
                    f"awslogs has no {name}", "its default has changed before", "Say which"
                )
        mode = text(options.get("mode"))
        if mode not in (None, "blocking", "non-blocking"):
            yield container.at("LogConfiguration", "Options", "mode").wrong(
                f"awslogs has the mode {mode}", "there is blocking and non-blocking", "Take one"
            )


@check("E9313", "Stop timeout", kind="refused", source=API,
       because="Fargate grants two minutes at most.")  # fmt: skip
def stop_timeout_is_granted(stack: Stack) -> Iterator[Violation]:
    """A stop timeout is 2 to 120 seconds."""
    for container in containers(stack):
        for name, least in (("StopTimeout", 2), ("StartTimeout", 2)):
            timeout = number(container.get(name))
            if timeout is not None and not least <= timeout <= LONGEST_STOP_TIMEOUT:
                word = "stop" if name == "StopTimeout" else "start"
                yield container.at(name).wrong(
                    f"A {word} timeout of {timeout:g} s",
                    "Fargate grants 2 to 120 s",
                    "Return the message within that time",
                )


@check("E9317", "One value for each variable", kind="refused", source=API,
       because="Which one holds is not said.")  # fmt: skip
def one_value_for_each_variable(stack: Stack) -> Iterator[Violation]:
    """No environment variable is also a secret."""
    for container in containers(stack):
        plain = {text(each.get("Name")) for _, each in container.members("Environment")}
        for position, secret in container.members("Secrets"):
            name = text(secret.get("Name"))
            if name is not None and name in plain:
                yield container.at("Secrets", position).wrong(
                    f"{name} is a variable and a secret", "ECS refuses that", "Remove one"
                )


@check("E9320", "Nothing that Fargate lacks", kind="refused", source=FARGATE,
       because="The task definition would be refused.")  # fmt: skip
def nothing_that_fargate_lacks(stack: Stack) -> Iterator[Violation]:
    """No privileges, links, devices, GPUs, swap or shared memory; capabilities but one."""
    for container in containers(stack):
        for name in ABSENT_ON_FARGATE:
            given = container.get(name)
            if given and text(given) not in ("false", "False") and not is_open(given):
                yield container.at(name).wrong(
                    f"{name} does not exist on Fargate", "ECS refuses it", "Remove it"
                )
        for name in ABSENT_LINUX:
            if name in mapping(container.get("LinuxParameters")):
                yield container.at("LinuxParameters", name).wrong(
                    f"{name} does not exist on Fargate", "ECS refuses it", "Remove it"
                )
        yield from _limits(container)


def _limits(container: Container) -> Iterator[Violation]:
    """Capabilities, devices and limits that a container cannot ask for."""
    for capability in listed(container.get("LinuxParameters", "Capabilities", "Add")):
        if text(capability) not in ("SYS_PTRACE", None):
            yield container.at("LinuxParameters", "Capabilities", "Add").wrong(
                f"{text(capability)} cannot be added on Fargate",
                "only SYS_PTRACE can",
                "Remove it",
            )
    for position, each in container.members("ResourceRequirements"):
        if text(each.get("Type")) in ("GPU", "InferenceAccelerator"):
            yield container.at("ResourceRequirements", position).wrong(
                f"{text(each.get('Type'))} does not exist on Fargate",
                "ECS refuses it",
                "Remove it",
            )
    for position, each in container.members("Ulimits"):
        name = text(each.get("Name"))
        if name not in ("nofile", None):
            yield container.at("Ulimits", position).wrong(
                f"The limit {name} cannot be set on Fargate",
                "only nofile can",
                "Remove it",
            )


@check("E9321", "Containers fit into the task", kind="refused", source=API,
       because="Fargate refuses larger ones.")  # fmt: skip
def containers_fit(stack: Stack) -> Iterator[Violation]:
    """The containers together ask for no more memory and CPU than their task has."""
    for task in stack.of(TASK):
        sizes = {"Memory": kilo(task.get("Memory"), "gb"), "Cpu": kilo(task.get("Cpu"), "vcpu")}
        for name, whole in sizes.items():
            parts = [(each, _size(each, name)) for each in containers_of(task)]
            asked = sum(size or 0 for _, size in parts)
            if whole is not None and asked > whole:
                largest, _ = max(parts, key=lambda part: part[1] or 0)
                unit = "MiB" if name == "Memory" else "CPU units"
                several = sum(1 for _, each in parts if each) > 1
                yield _place(largest, name).wrong(
                    f"{'The containers want' if several else f'{largest.name} wants'}"
                    f" {asked:g} of {whole:g} {unit}",
                    "they do not fit" if several else "it does not fit",
                    "Lower it or enlarge the task",
                )
        for container in containers_of(task):
            hard, soft = (number(container.get(each)) for each in ("Memory", "MemoryReservation"))
            if hard is not None and soft is not None and hard <= soft:
                yield container.at("MemoryReservation").wrong(
                    f"{container.name} reserves {soft:g} MiB of {hard:g}",
                    "its limit must be above what it reserves",
                    "Lower MemoryReservation",
                )


def _size(container: Container, name: str) -> float | None:
    names = ("Memory", "MemoryReservation") if name == "Memory" else ("Cpu",)
    found = [number(container.get(each)) for each in names]
    return max((each for each in found if each is not None), default=None)


def _place(container: Container, name: str) -> At:
    has_it = name in container.body
    return container.at(name if has_it else "MemoryReservation")


@check("E9322", "Containers depend on containers", kind="refused", source=DEPENDENCY,
       because="The task would be refused, or never start.")  # fmt: skip
def dependencies_exist(stack: Stack) -> Iterator[Violation]:
    """A container waits for others of its task, for what they can come to, and not in a circle."""
    for task in stack.of(TASK):
        found = {each.name: each for each in containers_of(task)}
        waits: dict[str, list[str]] = {}
        for container in found.values():
            for position, dependency in container.members("DependsOn"):
                name = text(dependency.get("ContainerName"))
                condition = text(dependency.get("Condition"))
                place = container.at("DependsOn", position)
                if name is None:
                    continue
                other = found.get(name)
                if other is None or other is container:
                    yield place.wrong(
                        f"{container.name} depends on {name}",
                        "there is no such other container",
                        "Name one of the task's",
                    )
                    continue
                waits.setdefault(container.name, []).append(name)
                if condition in ("COMPLETE", "SUCCESS") and other.is_essential:
                    yield place.wrong(
                        f"{container.name} waits for the {condition} of {name}",
                        "that one is essential, and the task ends with it",
                        f"Write `Essential: false` at {name}, or wait for START",
                    )
                if condition == "HEALTHY" and "HealthCheck" not in other.body:
                    yield place.wrong(
                        f"{container.name} waits until {name} is healthy",
                        "that one has no health check, and is never healthy",
                        "Wait for START, or give it a check",
                    )
        yield from _circles(found, waits)


def _circles(found: dict[str, Container], waits: dict[str, list[str]]) -> Iterator[Violation]:
    for name, container in found.items():
        seen: list[str] = []
        ahead = list(waits.get(name, ()))
        while ahead:
            each = ahead.pop()
            if each not in seen:
                seen.append(each)
                ahead += waits.get(each, ())
        if name in seen:
            yield (
                container.at("DependsOn").wrong(
                    f"{name} waits for itself",
                    f"through {', '.join(each for each in seen if each != name) or name}",
                    "Take one of the dependencies out",
                )
            )
            return


@check("E9326", "Containers have names of their own", kind="refused", source=API,
       because="ECS refuses the task definition.")  # fmt: skip
def names_are_unique(stack: Stack) -> Iterator[Violation]:
    """Names are unique in a task, and have the characters that ECS allows."""
    for task in stack.of(TASK):
        seen: set[str] = set()
        for container in containers_of(task):
            name = text(container.body.get("Name"))
            if name is None:
                continue
            if name in seen:
                yield container.at("Name").wrong(
                    f"Two containers are named {name}", "ECS refuses that", "Rename one"
                )
            if not NAME.fullmatch(name):
                yield container.at("Name").wrong(
                    f"A container is named {name!r}",
                    "ECS takes letters, digits, - and _, up to 255",
                    "Rename it",
                )
            seen.add(name)


@check("E9327", "One container is essential", kind="refused", source=API,
       because="ECS refuses a task of which nothing is essential.")  # fmt: skip
def one_is_essential(stack: Stack) -> Iterator[Violation]:
    """At least one container of a task is essential."""
    for task in stack.of(TASK):
        found = list(containers_of(task))
        if found and all(each.is_essential is False for each in found):
            yield (
                found[0]
                .at("Essential")
                .wrong(
                    f"No container of {task.logical_id} is essential",
                    "ECS wants one with which the task ends",
                    "Write `Essential: true` at the worker",
                )
            )


@check("E9328", "Log drivers of Fargate", kind="refused", source=FARGATE,
       because="The task definition would be refused.")  # fmt: skip
def log_driver_exists(stack: Stack) -> Iterator[Violation]:
    """A container logs by awslogs, splunk or awsfirelens, and for that there is a router."""
    for container in containers(stack):
        driver = text(container.get("LogConfiguration", "LogDriver"))
        place = container.at("LogConfiguration", "LogDriver")
        if driver is not None and driver not in DRIVERS:
            yield place.wrong(
                f"{container.name} logs by {driver}",
                f"Fargate has {', '.join(DRIVERS)}",
                "Take awslogs",
            )
        others = [
            each for each in containers_of(container.task) if each.get("FirelensConfiguration")
        ]
        if driver == "awsfirelens" and not others:
            yield place.wrong(
                f"{container.name} logs by awsfirelens",
                "no container of the task has a FirelensConfiguration",
                "Add the log router, or take awslogs",
            )
        for position, secret in members(container.get("LogConfiguration", "SecretOptions")):
            if driver == "awslogs":
                yield container.at("LogConfiguration", "SecretOptions", position).wrong(
                    f"awslogs of {container.name} has the secret {text(secret.get('Name'))}",
                    "the driver takes none",
                    "Remove it",
                )


@check("E9329", "A health check is asked rightly", kind="refused", source=API,
       because="ECS refuses the task definition.")  # fmt: skip
def health_check_is_whole(stack: Stack) -> Iterator[Violation]:
    """A health check begins with CMD or CMD-SHELL, and its times are within ECS's limits."""
    for container in containers(stack):
        given = container.get("HealthCheck")
        if not isinstance(given, dict):
            continue
        first = text(next(iter(listed(given.get("Command"))), None))
        if first is not None and first not in ("CMD", "CMD-SHELL", "NONE"):
            yield container.at("HealthCheck", "Command").wrong(
                f"The health check of {container.name} begins with {first}",
                "ECS wants CMD or CMD-SHELL before the command",
                "Put CMD-SHELL in front",
            )
        limits = {
            "Interval": (5, 300),
            "Timeout": (2, 120),
            "Retries": (1, 10),
            "StartPeriod": (0, 300),
        }
        for name, (least, most) in limits.items():
            found = number(given.get(name))
            if found is not None and not least <= found <= most:
                yield container.at("HealthCheck", name).wrong(
                    f"The health check of {container.name} has {name} of {found:g}",
                    f"ECS takes {least} to {most}",
                    "Correct it",
                )
