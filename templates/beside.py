"""The containers beside the worker: the protector, the log router, sidecars."""

from collections.abc import Iterator
from typing import Any

from troposphere import Ref
from troposphere.ecs import (
    ContainerDefinition,
    FirelensConfiguration,
    KernelCapabilities,
    LinuxParameters,
)
from troposphere.logs import LogGroup

from templates import container
from templates.queues import QueueReference
from workerstack.specification import LogRouter, Sidecar, Worker
from workerstack.specification.environment import values_of
from workerstack.specification.parameters import ImageParameters, Parameters
from workerstack.specification.protection import PROTECTOR
from workerstack.specification.sidecars import LONGEST_STOP_TIMEOUT, ROUTER
from workerstack.specification.worker import PROTECTOR_MEMORY


def containers(
    worker: Worker, parameters: Parameters, queue: QueueReference, log_group: LogGroup
) -> Iterator[ContainerDefinition]:
    """All of them, in the order in which they start."""
    if parameters.protector:
        yield _protector(worker, parameters.protector, queue, log_group)
    if worker.log_router:
        yield _router(worker, worker.log_router, parameters.beside[ROUTER], log_group)
    for each in worker.sidecars:
        yield _sidecar(worker, each, parameters.beside[each.name], log_group)


def _protector(
    worker: Worker, image: ImageParameters, queue: QueueReference, log_group: LogGroup
) -> ContainerDefinition:
    """The sidecar, through which the worker reaches SQS (protector/README.md).

    Essential: without it the worker is unprotected and can neither receive nor delete, so the
    task had better be replaced; its messages come back after three heartbeats.
    """
    given = {
        "AWS_REGION": Ref("AWS::Region"),
        "HEARTBEAT_SECONDS": str(worker.heartbeat),
        "LONGEST_JOB_SECONDS": str(worker.longest_job),
        "ONE_AT_A_TIME": "true" if worker.one_at_a_time else "false",
        "PORT": str(container.PROTECTOR_PORT),
        "PROTECTION_MINUTES": str(worker.protection_minutes),
        "QUEUE_URL": queue.url,
        "STOP_TIMEOUT_SECONDS": str(LONGEST_STOP_TIMEOUT),
        "WORKER": worker.name,
    }
    return ContainerDefinition(
        Name=PROTECTOR,
        Image=image.uri,
        Essential=True,
        # A worker that is busy must not starve it: its share is small, and counts when both want.
        Cpu=32,
        Memory=PROTECTOR_MEMORY,
        MemoryReservation=64,
        ReadonlyRootFilesystem=True,
        User="65534:65534",
        Environment=container.environment(given),
        StopTimeout=LONGEST_STOP_TIMEOUT,
        LinuxParameters=LinuxParameters(
            Capabilities=KernelCapabilities(Drop=["ALL"]), InitProcessEnabled=True
        ),
        LogConfiguration=container.logging(worker, log_group),
    )


def _router(
    worker: Worker, router: LogRouter, image: ImageParameters, log_group: LogGroup
) -> ContainerDefinition:
    """FireLens. Essential: without it the output is lost, which nobody would notice."""
    given: dict[str, Any] = {}
    if router.configuration:
        given["Options"] = dict(router.configuration)
    return ContainerDefinition(
        Name=ROUTER,
        Image=image.uri,
        Essential=True,
        Memory=router.memory,
        FirelensConfiguration=FirelensConfiguration(Type=router.kind, **given),
        StopTimeout=LONGEST_STOP_TIMEOUT,
        LogConfiguration=container.logging(worker, log_group),
    )


def _sidecar(
    worker: Worker, sidecar: Sidecar, image: ImageParameters, log_group: LogGroup
) -> ContainerDefinition:
    """One that the specification asks for; it logs beside the worker."""
    given: dict[str, Any] = {
        **container.program(sidecar.command, sidecar.entry_point),
        **container.checked(sidecar.health_check),
    }
    if sidecar.cpu:
        given["Cpu"] = sidecar.cpu
    if sidecar.user:
        given["User"] = sidecar.user
    if sidecar.waits_for:
        given["DependsOn"] = container.dependencies(sidecar.waits_for)
    return ContainerDefinition(
        Name=sidecar.name,
        Image=image.uri,
        Essential=sidecar.essential,
        Memory=sidecar.memory,
        ReadonlyRootFilesystem=sidecar.read_only_root,
        Environment=container.environment(values_of(sidecar.environment)),
        Secrets=container.secrets(sidecar.secrets),
        StopTimeout=sidecar.stop_timeout,
        LinuxParameters=LinuxParameters(InitProcessEnabled=True),
        LogConfiguration=container.logging(worker, log_group),
        **given,
    )
