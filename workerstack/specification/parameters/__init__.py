"""What may differ between environments: the template's parameters.

One fact, one parameter; ARNs are derived from names. A default stands only where it is
right everywhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from troposphere import Parameter, Template

from workerstack.specification.environment import Varying
from workerstack.specification.mistakes import Mistake, SpecificationError
from workerstack.specification.names import camel
from workerstack.specification.parameters.container import (
    ImageParameters,
    boundary_arn,
    called_key,
    image,
    key_arn,
    protector_image,
    role_arn,
    secret_arn,
    varying,
)
from workerstack.specification.parameters.network import (
    NetworkParameters,
    WorkspaceParameters,
    network,
    workspace,
)
from workerstack.specification.parameters.queue import (
    ImportedQueueParameters,
    OwnQueueParameters,
    QueueParameters,
    alarm_topic,
    queue,
)
from workerstack.specification.parameters.size import (
    PhysicalNames,
    Size,
    imported_cluster,
    names,
    size,
)
from workerstack.specification.queues import ImportedQueue
from workerstack.specification.rights import UseKey
from workerstack.specification.secrets import Key, Secret, StoredParameter
from workerstack.specification.sidecars import ROUTER
from workerstack.specification.worker import Worker

__all__ = [
    "ImageParameters",
    "ImportedQueueParameters",
    "NetworkParameters",
    "OwnQueueParameters",
    "Parameters",
    "PhysicalNames",
    "QueueParameters",
    "Size",
    "WorkspaceParameters",
]


@dataclass(frozen=True)
class Parameters:
    """All parameters of one worker's template.

    ``named`` are those that the specification itself names: secrets, keys, values that differ.
    ``beside`` are the images of the containers beside the worker, by the containers' names.
    """

    network: NetworkParameters
    workspace: WorkspaceParameters | None
    image: ImageParameters
    protector: ImageParameters | None
    beside: dict[str, ImageParameters]
    secrets: dict[str, Parameter]
    keys: dict[Key, Parameter]
    called_keys: dict[str, Parameter]
    values: dict[str, Parameter]
    queues: list[QueueParameters]
    alarm_topic: Parameter | None
    task_role: Parameter | None
    execution_role: Parameter | None
    boundary: Parameter | None
    names: PhysicalNames | None
    imported_cluster: Parameter | None
    size: Size

    @classmethod
    def of(cls, worker: Worker) -> Self:
        """The parameters that ``worker`` needs, with its own values as defaults.

        Raises SpecificationError where two of them have one name.
        """
        roles, physical = worker.roles, names(worker)
        made = cls(
            network=network(worker),
            workspace=workspace() if worker.workspace else None,
            image=image(worker.image or worker.image_repository),
            protector=protector_image() if worker.protection == "sidecar" else None,
            beside=_beside(worker),
            secrets={
                each.parameter: secret_arn(each) for each in secrets(worker) if each.parameter
            },
            keys={key: key_arn(key) for key in worker.keys},
            called_keys={
                each.parameter: called_key(
                    each.parameter, each.alias, f"the worker calls to {each.may}"
                )
                for each in worker.rights
                if isinstance(each, UseKey)
            },
            values={each.parameter: varying(each) for each in _values(worker)},
            queues=[queue(each) for each in worker.queues],
            alarm_topic=alarm_topic(worker),
            task_role=role_arn("TaskRoleArn", "The role that the worker itself acts as.")
            if roles.ready_made_task_role
            else None,
            execution_role=role_arn("ExecutionRoleArn", "What ECS acts as to start the container.")
            if roles.ready_made_execution_role
            else None,
            boundary=boundary_arn() if roles.bounded else None,
            names=physical,
            imported_cluster=physical.cluster
            if physical and worker.cluster == "imported"
            else imported_cluster(worker),
            size=size(worker),
        )
        made.check(worker)
        return made

    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters by heading, in the order in which the console asks for them."""
        container = [*self.image.parameters, *self.secrets.values(), *self.keys.values()]
        container += self.called_keys.values()
        for each in (self.protector, *self.beside.values()):
            container += each.parameters if each else []
        queue = [each for one in self.queues for each in vars(one).values() if each]
        roles = (self.task_role, self.execution_role, self.boundary)
        return {
            "Network": self.network.parameters,
            "Workspace": _all(self.workspace) if self.workspace else [],
            "Container": container,
            "Environment": [*self.values.values()],
            "Queue": [*queue, *([self.alarm_topic] if self.alarm_topic else [])],
            "Size": self.size.parameters,
            "Roles": [each for each in roles if each],
            "Names": _all(self.names)
            if self.names
            else [self.imported_cluster]
            if self.imported_cluster
            else [],
        }

    def declare(self, template: Template, worker: Worker) -> None:
        """Adds them to a template, as the console shows them: by heading, with a label each."""
        for title, group in self.groups().items():
            for parameter in group:
                template.add_parameter(parameter)
                template.add_parameter_to_group(parameter, title)
                template.set_parameter_label(parameter, _label(str(parameter.title)))
        # What init looks for in an account, and reads here rather than out of a description.
        template.metadata["Parameters"] = self.stand_for(worker)

    def check(self, worker: Worker) -> None:
        """Raises SpecificationError where two things of the specification have one parameter."""
        titles = [str(each.title) for group in self.groups().values() for each in group]
        twice = sorted({each for each in titles if titles.count(each) > 1} | _different(worker))
        if twice:
            raise SpecificationError(
                Mistake(
                    f"The parameter {', '.join(twice)} stands for two things",
                    "a template has each parameter once, and this name is the template's own or"
                    " that of another field",
                    "Name yours otherwise",
                )
            )

    def stand_for(self, worker: Worker) -> dict[str, dict[str, str]]:
        """Which thing of the account a parameter is, by name, where it is one in particular."""
        found = {}
        if worker.image_repository:
            found[str(self.image.repository.title)] = {"Repository": worker.image_repository}
        for each in worker.sidecars:
            if isinstance(each.image, str):
                repository = self.beside[each.name].repository
                found[str(repository.title)] = {"Repository": each.image}
        own = [each for each in secrets(worker) if isinstance(each, Secret) and each.parameter]
        found |= {each.parameter: {"Secret": each.name} for each in own}
        called = [each for each in worker.rights if isinstance(each, UseKey)]
        keys: list[Key | UseKey] = [*worker.keys, *called]
        found |= {key.parameter: {"Key": f"alias/{key.alias}"} for key in keys}
        named = [each for each in worker.queues if isinstance(each, ImportedQueue) and each.name]
        return found | {f"{each.prefix}QueueName": {"Queue": each.name} for each in named}


def secrets(worker: Worker) -> Iterator[Secret | StoredParameter]:
    """What is secret, of all containers."""
    yield from worker.secrets
    for each in worker.sidecars:
        yield from each.secrets
    if worker.log_router:
        yield from worker.log_router.secret_options


def _values(worker: Worker) -> Iterator[Varying]:
    for environment in (worker.environment, *(each.environment for each in worker.sidecars)):
        yield from (each for each in environment.values() if isinstance(each, Varying))


def _beside(worker: Worker) -> dict[str, ImageParameters]:
    found = {
        each.name: image(each.image, camel(each.name), f"{each.name} image")
        for each in worker.sidecars
    }
    if worker.log_router:
        found[ROUTER] = image(worker.log_router.image, camel(ROUTER), "log router image")
    return found


def _different(worker: Worker) -> set[str]:
    """Names that two things of one kind share without being the same."""
    things: dict[str, set[tuple[str, ...]]] = {}
    for each in secrets(worker):
        if each.parameter:
            things.setdefault(each.parameter, set()).add((type(each).__name__, each.name))
    for value in _values(worker):
        given = (value.description, str(value.default), value.pattern, *value.allowed)
        things.setdefault(value.parameter, set()).add(given)
    for rule in worker.network.egress:
        for kind, name in (("list", rule.prefix_list), ("group", rule.security_group)):
            things.setdefault(name, set()).add((kind,))
    return {name for name, kinds in things.items() if name and len(kinds) > 1}


def _all(group: Any) -> list[Parameter]:
    """The parameters of one of the groups, in the order of its fields."""
    return list(vars(group).values())


SPELLINGS = {"Arn": "ARN", "Cidr": "CIDR", "Cpu": "CPU", "Ip": "IP", "Vpc": "VPC"}


def _label(title: str) -> str:
    """``TaskCpu`` as the console shows it: "Task CPU"."""
    words = re.findall("GitHub|[A-Z][a-z0-9]*|[a-z0-9]+", title)
    lower = [SPELLINGS.get(word, word.lower()) for word in words[1:]]
    return " ".join([SPELLINGS.get(words[0], words[0]), *lower])
