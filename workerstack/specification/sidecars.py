"""Containers beside the worker."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from workerstack.specification.checked import about, specified
from workerstack.specification.container import HealthCheck
from workerstack.specification.environment import Varying
from workerstack.specification.images import Image
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import labelled, variable_name
from workerstack.specification.secrets import Secret, StoredParameter

LEAST_MEMORY = 6
"""MiB that Docker gives a container at least (ECS: ContainerDefinition, memory)."""

Condition = Literal["START", "HEALTHY", "SUCCESS", "COMPLETE"]
ROUTER = "log-router"
"""The container that FireLens runs in."""


@specified
class Sidecar:
    """A container beside the worker, such as an OpenTelemetry collector.

    ``image`` is a repository of this account and Region, or one of `Image`; its version is the
    parameter ``NAMEReference``. ``memory`` (MiB) is its limit, and what the worker has less.
    ``worker_waits`` is what it must have come to before the worker starts; ``waits_for`` is the
    same of other sidecars, by name. The task ends with it if it is ``essential``.
    """

    name: str
    image: str | Image
    memory: int
    cpu: int = 0
    essential: bool = False
    worker_waits: Condition | None = "START"
    waits_for: Mapping[str, Condition] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()
    environment: Mapping[str, str | Varying] = field(default_factory=dict)
    secrets: tuple[Secret | StoredParameter, ...] = ()
    health_check: HealthCheck | None = None
    user: str = ""
    read_only_root: bool = True
    stop_timeout: int = 120

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        return labelled(self.name)

    @about("memory")
    def _memory(self) -> Iterator[Mistake]:
        if self.memory < LEAST_MEMORY:
            yield Mistake(
                f"{self.memory} MiB of a sidecar are impossible",
                f"a container has at least {LEAST_MEMORY}",
                "Give what it needs at its peak",
            )

    @about("cpu")
    def _cpu(self) -> Iterator[Mistake]:
        if self.cpu < 0:
            yield Mistake(
                f"{self.cpu} CPU units are impossible", "0 is no share of its own", "Take 0 or more"
            )

    @about("environment", "secrets")
    def _variables(self) -> Iterator[Mistake]:
        return check_variables(self.environment, self.secrets, frozenset())

    @about("health_check", "worker_waits")
    def _healthy(self) -> Iterator[Mistake]:
        if self.worker_waits == "HEALTHY" and self.health_check is None:
            yield Mistake(
                f"The worker waits until {self.name} is healthy, and nothing says when",
                "without a health check no container is ever healthy, and no task starts",
                "Give health_check",
                field="worker_waits",
            )

    @about("essential", "worker_waits")
    def _ends(self) -> Iterator[Mistake]:
        if self.essential and self.worker_waits in ("SUCCESS", "COMPLETE"):
            yield Mistake(
                f"The worker waits until {self.name} has ended, and the task ends with it",
                "ECS takes no essential container with that condition",
                "Remove essential",
            )

    @about("stop_timeout")
    def _stop(self) -> Iterator[Mistake]:
        return check_stop_timeout(self.stop_timeout)


LEAST_STOP_TIMEOUT, LONGEST_STOP_TIMEOUT = 2, 120
"""Seconds between SIGTERM and SIGKILL that Fargate grants (ECS: ContainerDefinition)."""


def check_stop_timeout(seconds: int) -> Iterator[Mistake]:
    """Wrong where Fargate grants no such time."""
    if not LEAST_STOP_TIMEOUT <= seconds <= LONGEST_STOP_TIMEOUT:
        yield Mistake(
            f"Stop timeout of {seconds} s is impossible",
            f"Fargate waits at most {LONGEST_STOP_TIMEOUT} s after SIGTERM, and at least"
            f" {LEAST_STOP_TIMEOUT}",
            "Make the container return its message to the queue within that time",
        )


AGENT = frozenset(
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EXECUTION_ENV", "ECS_AGENT_URI",
     "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4"}
)  # fmt: skip
"""Variables that ECS gives each container (ECS: "Task metadata endpoint", "Task IAM role")."""


def check_variables(
    environment: Mapping[str, str | Varying],
    secrets: tuple[Secret | StoredParameter, ...],
    ours: frozenset[str],
) -> Iterator[Mistake]:
    """Wrong where a variable has no possible name, or more than one value."""
    for name in environment:
        yield from variable_name(name, "environment")
    names = [each.variable for each in secrets]
    for name in dict.fromkeys(names):
        if name in environment or names.count(name) > 1:
            yield Mistake(
                f"The variable {name} has two values",
                "which one holds is not said (ECS: ContainerDefinition)",
                "Remove one of them",
                field="secrets",
            )
    for name in sorted(AGENT & {*environment, *names}):
        yield Mistake(
            f"The variable {name} is set by ECS",
            "by it a program finds its role, its task and its protection",
            "Remove it, or name yours otherwise",
            field="environment" if name in environment else "secrets",
        )
    for name in sorted(ours & {*environment, *names}):
        yield Mistake(
            f"The variable {name} is set by the template",
            "it is how the worker finds its queue",
            "Remove it, or name yours otherwise",
            field="environment" if name in environment else "secrets",
        )


@specified
class LogRouter:
    """FireLens: the worker's output goes through a router to wherever ``options`` say.

    ``options`` are those of the log driver ``awsfirelens``, ``secret_options`` those of them that
    are secret (``variable`` is the option's name). ``configuration`` are options of FireLens
    itself. The router's own output goes to the log group; it acts as the task role.
    Source: ECS, "Send Amazon ECS logs to an AWS service or AWS Partner".
    """

    image: str | Image
    options: Mapping[str, str]
    kind: Literal["fluentbit", "fluentd"] = "fluentbit"
    memory: int = 128
    secret_options: tuple[Secret | StoredParameter, ...] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)

    @about("options")
    def _options(self) -> Iterator[Mistake]:
        if not self.options:
            yield Mistake(
                "The log router has no options",
                "nothing would say where the output goes",
                'Write something like options={"Name": "firehose", ...}',
            )

    @about("configuration")
    def _configuration(self) -> Iterator[Mistake]:
        known = ("config-file-type", "config-file-value", "enable-ecs-log-metadata")
        for name in self.configuration:
            if name not in known:
                yield Mistake(
                    f"FireLens has no option {name}",
                    f"it has {', '.join(known)}",
                    "Put options of the output into options",
                )
        if self.configuration.get("config-file-type", "file") != "file":
            yield Mistake(
                "A configuration from S3 is impossible",
                "Fargate takes files of the image only",
                'Write "config-file-type": "file"',
            )

    @about("memory")
    def _memory(self) -> Iterator[Mistake]:
        if self.memory < LEAST_MEMORY:
            yield Mistake(
                f"{self.memory} MiB of a log router are impossible",
                f"a container has at least {LEAST_MEMORY}",
                "Take 64 or more",
            )


def check_sidecars(
    sidecars: tuple[Sidecar, ...], taken: tuple[str, ...], cpu: int, memory: int, beside: int
) -> Iterator[Mistake]:
    """Wrong where names clash, an order cannot be kept, or the sums are beyond the task's."""
    names = [each.name for each in sidecars]
    for name in dict.fromkeys(names):
        if names.count(name) > 1 or name in taken:
            yield Mistake(
                f"Two containers have the name {name}",
                "ECS wants each once in a task",
                "Give the sidecar another name",
            )
    by_name = {each.name: each for each in sidecars}
    for each in sidecars:
        for name, condition in each.waits_for.items():
            yield from _waiting(each, name, condition, by_name)
    yield from _circles(by_name)
    least = memory - beside - sum(each.memory for each in sidecars)
    if sidecars and least < LEAST_MEMORY:
        yield Mistake(
            f"The other containers leave the worker {least} MiB of {memory}",
            "their limits are taken from the task's memory",
            "Give the task more memory, or them less",
            field="memory",
        )
    if sum(each.cpu for each in sidecars) > cpu:
        yield Mistake(
            f"The sidecars want more CPU units than the task's {cpu}",
            "ECS refuses the task definition",
            "Give the task more cpu, or them less",
            field="cpu",
        )


def _waiting(
    sidecar: Sidecar, name: str, condition: str, by_name: Mapping[str, Sidecar]
) -> Iterator[Mistake]:
    other = by_name.get(name)
    if other is None:
        yield Mistake(
            f"{sidecar.name} waits for {name}, which is no sidecar",
            f"the sidecars are {', '.join(by_name)}",
            "Correct waits_for",
        )
    elif condition == "HEALTHY" and other.health_check is None:
        yield Mistake(
            f"{sidecar.name} waits until {name} is healthy, and nothing says when",
            "without a health check no container is ever healthy, and no task starts",
            f"Give {name} a health_check",
        )
    elif condition in ("SUCCESS", "COMPLETE") and other.essential:
        yield Mistake(
            f"{sidecar.name} waits until {name} has ended, and the task ends with it",
            "ECS takes no essential container with that condition",
            f"Remove essential of {name}",
        )


def _circles(by_name: Mapping[str, Sidecar]) -> Iterator[Mistake]:
    left = {name: {*each.waits_for} & {*by_name} for name, each in by_name.items()}
    while free := [name for name, waits in left.items() if not waits & {*left}]:
        for name in free:
            del left[name]
    if left:
        yield Mistake(
            f"{', '.join(left)} wait for each other",
            "none of them would ever start",
            "Let one of them wait for nothing",
        )
