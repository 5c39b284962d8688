"""What may differ between environments: the template's parameters.

One fact, one parameter; ARNs are derived from names. A default stands only where it is
right everywhere.
"""

from dataclasses import dataclass
from typing import Any, Self

from troposphere import Parameter

from templates.parameters.container import (
    image_reference,
    image_repository,
    key_arn,
    protector_reference,
    protector_repository,
    secret_arn,
)
from templates.parameters.network import Network, WorkspaceParameters, network, workspace
from templates.parameters.queue import ImportedQueueParameters, OwnQueueParameters, queue
from templates.parameters.size import Names, Size, names, size
from templates.specification import ImportedQueue, Key, Secret, Worker

__all__ = [
    "ImportedQueueParameters",
    "Names",
    "Network",
    "OwnQueueParameters",
    "Parameters",
    "ProtectorParameters",
    "Size",
    "WorkspaceParameters",
]


@dataclass(frozen=True)
class ProtectorParameters:
    """The image of the sidecar."""

    repository: Parameter
    reference: Parameter


@dataclass(frozen=True)
class Parameters:
    """All parameters of one worker's template."""

    network: Network
    workspace: WorkspaceParameters | None
    image_repository: Parameter
    image_reference: Parameter
    protector: ProtectorParameters | None
    secrets: dict[Secret, Parameter]
    keys: dict[Key, Parameter]
    queue: ImportedQueueParameters | OwnQueueParameters
    names: Names
    size: Size

    @classmethod
    def of(cls, worker: Worker) -> Self:
        """The parameters that ``worker`` needs, with its own values as defaults."""
        return cls(
            network=network(),
            workspace=workspace() if worker.workspace else None,
            image_repository=image_repository(worker),
            image_reference=image_reference(),
            protector=ProtectorParameters(protector_repository(), protector_reference())
            if worker.protection == "sidecar"
            else None,
            secrets={secret: secret_arn(secret) for secret in worker.secrets},
            keys={key: key_arn(key) for key in worker.keys},
            queue=queue(worker.queue),
            names=names(worker),
            size=size(worker),
        )

    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters by heading, in the order in which the console asks for them."""
        container = [
            self.image_repository,
            self.image_reference,
            *self.secrets.values(),
            *self.keys.values(),
        ]
        container += _all(self.protector) if self.protector else []
        return {
            "Network": _all(self.network),
            "Workspace": _all(self.workspace) if self.workspace else [],
            "Container": container,
            "Queue": _all(self.queue),
            "Size": _all(self.size),
            "Names": _all(self.names),
        }

    def stand_for(self, worker: Worker) -> dict[str, dict[str, str]]:
        """Which thing of the account a parameter is, by name, where it is one in particular."""
        found = {str(self.image_repository.title): {"Repository": worker.image_repository}}
        for secret, parameter in self.secrets.items():
            found[str(parameter.title)] = {"Secret": secret.name}
        for key, parameter in self.keys.items():
            found[str(parameter.title)] = {"Key": f"alias/{key.alias}"}
        if isinstance(self.queue, ImportedQueueParameters) and isinstance(
            worker.queue, ImportedQueue
        ):
            found[str(self.queue.name.title)] = {"Queue": worker.queue.name}
        return found


def _all(group: Any) -> list[Parameter]:
    """The parameters of one of the groups, in the order of its fields."""
    return list(vars(group).values())
