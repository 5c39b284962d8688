"""What a worker can be: the typed specification that a team writes, and what follows from it.

The fields of `Worker` are the whole of it; each is a row of docs/worker.md. A project's templates/
makes resources of it.
"""

from workerstack.specification.alarms import Alarms, Errors
from workerstack.specification.capacity import Spot
from workerstack.specification.container import HealthCheck, Ulimit
from workerstack.specification.environment import Varying
from workerstack.specification.images import CachedImage, OtherRepository, PublicImage
from workerstack.specification.mistakes import Mistake, SpecificationError
from workerstack.specification.network import Egress, Network
from workerstack.specification.queues import ImportedQueue, OwnQueue
from workerstack.specification.rights import (
    Bucket,
    ParameterPath,
    Right,
    Roles,
    SendTo,
    Table,
    Topic,
    UseKey,
)
from workerstack.specification.schedule import Scheduled
from workerstack.specification.secrets import Key, Secret, StoredParameter
from workerstack.specification.sidecars import LogRouter, Sidecar
from workerstack.specification.steps import Step
from workerstack.specification.worker import Worker
from workerstack.specification.workspace import Workspace

__all__ = [
    "Alarms",
    "Bucket",
    "CachedImage",
    "Egress",
    "Errors",
    "HealthCheck",
    "ImportedQueue",
    "Key",
    "LogRouter",
    "Mistake",
    "Network",
    "OtherRepository",
    "OwnQueue",
    "ParameterPath",
    "PublicImage",
    "Right",
    "Roles",
    "Scheduled",
    "Secret",
    "SendTo",
    "Sidecar",
    "SpecificationError",
    "Spot",
    "Step",
    "StoredParameter",
    "Table",
    "Topic",
    "Ulimit",
    "UseKey",
    "Varying",
    "Worker",
    "Workspace",
]
