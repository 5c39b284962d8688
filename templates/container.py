"""The worker's container, and what all containers have in common."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from troposphere import NoValue, Ref
from troposphere.ecs import (
    ContainerDefinition,
    ContainerDependency,
    Environment,
    HealthCheck,
    LinuxParameters,
    LogConfiguration,
    MountPoint,
    Ulimit,
)
from troposphere.ecs import Secret as ContainerSecret
from troposphere.logs import LogGroup

from templates.queues import QueueReference, stand_in
from workerstack.specification import Secret, StoredParameter, Worker
from workerstack.specification import container as parts
from workerstack.specification.environment import values_of
from workerstack.specification.parameters import Parameters
from workerstack.specification.protection import PROTECTOR
from workerstack.specification.sidecars import ROUTER

PROTECTOR_PORT = 9324
"""Where the sidecar stands in for SQS, on the loopback interface of the task."""

WORKSPACE = "workspace"
"""The volume's name, which ties the mount point to the file system."""


def worker_container(
    worker: Worker,
    parameters: Parameters,
    queues: Sequence[QueueReference],
    log_group: LogGroup,
) -> ContainerDefinition:
    """The worker's container: it listens on no port."""
    mounts = [_mount(WORKSPACE, worker.workspace.mount_path)] if worker.workspace else []
    mounts += [_mount(scratch_name(path), path) for path in worker.scratch_paths]
    has_company = bool(parameters.protector or parameters.beside)
    container = ContainerDefinition(
        Name=worker.name,
        Image=parameters.image.uri,
        Essential=True,
        # All that the task has: without a limit of its own a container has none at all (ECS).
        # Beside a sidecar, which has a limit of its own, the rest of the task is the worker's.
        Memory=NoValue if has_company else Ref(parameters.size.memory),
        Environment=_environment(worker, queues),
        Secrets=secrets(worker.secrets),
        StopTimeout=worker.stop_timeout,
        LinuxParameters=LinuxParameters(
            # Forwards SIGTERM to a shell-wrapped worker and reaps its children.
            InitProcessEnabled=True
        ),
        MountPoints=mounts,
        LogConfiguration=_routed(worker) if worker.log_router else logging(worker, log_group),
        **_confined(worker),
        **program(worker.command, worker.entry_point),
        **_settings(worker),
        **checked(worker.health_check),
    )
    waits = _waits(worker)
    if waits:
        container.DependsOn = waits
    return container


def _waits(worker: Worker) -> list[ContainerDependency]:
    """Started after the others, and so stopped before them (ECS: ContainerDependency)."""
    waits = [(PROTECTOR, "START")] if worker.protection == "sidecar" else []
    waits += [(ROUTER, "START")] if worker.log_router else []
    waits += [(each.name, each.worker_waits) for each in worker.sidecars if each.worker_waits]
    return dependencies(dict(waits))


def dependencies(waits: Mapping[str, str]) -> list[ContainerDependency]:
    """What must have come to which condition before."""
    return [
        ContainerDependency(ContainerName=name, Condition=condition)
        for name, condition in waits.items()
    ]


def _environment(worker: Worker, queues: Sequence[QueueReference]) -> list[Environment]:
    urls = {each.variable: each.url for each in queues}
    given: dict[str, Any] = {**values_of(worker.environment), **urls}
    if worker.protection == "sidecar":
        endpoint = f"http://127.0.0.1:{PROTECTOR_PORT}"
        given |= {"QUEUE_URL": stand_in(queues[0], endpoint), "AWS_ENDPOINT_URL_SQS": endpoint}
    if worker.protection == "worker":
        given["PROTECTION_MINUTES"] = str(worker.protection_minutes)
        given["HEARTBEAT_SECONDS"] = str(worker.heartbeat)
    return environment(given)


def environment(given: Mapping[str, Any]) -> list[Environment]:
    """Variables with their values."""
    return [Environment(Name=name, Value=value) for name, value in given.items()]


def secrets(given: Iterable[Secret | StoredParameter]) -> list[ContainerSecret]:
    """What ECS reads for the container: by ARN, or by name in this account and Region."""
    return [ContainerSecret(Name=each.variable, ValueFrom=each.value_from) for each in given]


def program(command: Sequence[str], entry_point: Sequence[str]) -> dict[str, Any]:
    """What is run, where it is not what the image says."""
    found: dict[str, Any] = {"Command": [*command]} if command else {}
    return found | ({"EntryPoint": [*entry_point]} if entry_point else {})


def checked(check: parts.HealthCheck | None) -> dict[str, Any]:
    """How ECS asks whether a container is healthy."""
    if check is None:
        return {}
    return {
        "HealthCheck": HealthCheck(
            Command=[*check.command],
            Interval=check.interval,
            Timeout=check.timeout,
            Retries=check.retries,
            StartPeriod=check.start_period,
        )
    }


def _settings(worker: Worker) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if worker.working_directory:
        found["WorkingDirectory"] = worker.working_directory
    if worker.docker_labels:
        found["DockerLabels"] = dict(worker.docker_labels)
    if worker.ulimits:
        found["Ulimits"] = [
            Ulimit(Name=each.name, SoftLimit=each.soft, HardLimit=each.hard)
            for each in worker.ulimits
        ]
    return found


def _confined(worker: Worker) -> dict[str, Any]:
    """What is said of the user and the root file system; what is not said, the image decides."""
    found: dict[str, Any] = {"User": worker.user} if worker.user else {}
    return found | ({"ReadonlyRootFilesystem": True} if worker.read_only_root else {})


def scratch_name(path: str) -> str:
    """The volume of a scratch path: empty at each start, on the task's own storage."""
    return "scratch" + re.sub("[^A-Za-z0-9]", "-", path)


def _mount(volume: str, path: str) -> MountPoint:
    return MountPoint(SourceVolume=volume, ContainerPath=path, ReadOnly=False)


def logging(worker: Worker, log_group: LogGroup) -> LogConfiguration:
    """Mode and buffer are explicit, since their defaults changed in June 2025 (ECS).

    Non-blocking: a slow log service must not stop a worker in the middle of its job.
    """
    return LogConfiguration(
        LogDriver="awslogs",
        Options={
            "awslogs-group": Ref(log_group),
            "awslogs-region": Ref("AWS::Region"),
            "awslogs-stream-prefix": worker.log_stream_prefix or worker.name,
            "mode": "non-blocking",
            "max-buffer-size": "25m",
        },
    )


def _routed(worker: Worker) -> LogConfiguration:
    """Through the log router, to wherever its options say."""
    assert worker.log_router  # noqa: S101 - only then
    router = worker.log_router
    given: dict[str, Any] = {}
    if router.secret_options:
        given["SecretOptions"] = secrets(router.secret_options)
    return LogConfiguration(LogDriver="awsfirelens", Options=dict(router.options), **given)
