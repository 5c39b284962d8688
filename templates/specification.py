"""What a worker is: the typed specification from which its whole stack is built."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from templates import kept as keeping
from templates.problems import SpecificationError
from templates.steps import Step, StepTable, step_table

GIB = 1024
FARGATE_MEMORY: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        256: (512, 1 * GIB, 2 * GIB),
        512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
        1024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
        2048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
        4096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
        8192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
        16384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
    }
)
"""CPU units -> MiB of memory that Fargate offers with them (ECS: "Task size")."""

LONGEST_STOP_TIMEOUT = 120
"""Seconds between SIGTERM and SIGKILL that Fargate grants (ECS: ContainerDefinition)."""

LONGEST_VISIBILITY_TIMEOUT = 43_200
"""Seconds for which SQS hides a received message at most: 12 hours."""

LONGEST_PROTECTION = 2880
"""Minutes for which a task is protected at most (ECS: "task scale-in protection endpoint")."""

PROTECTOR = "protector"
"""The name of the container beside a worker with ``protection="sidecar"``."""


@dataclass(frozen=True, kw_only=True)
class ImportedQueue:
    """A queue that lives elsewhere; the worker gets its name."""

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", self.name):
            raise SpecificationError(
                f"Queue name {self.name!r} is impossible",
                "SQS allows letters, digits, hyphen and underscore, at most 80",
                "Give the name of the queue, not its URL or ARN; FIFO queues are not"
                " supported, since their groups hold back what scaling counts",
            )


@dataclass(frozen=True, kw_only=True)
class OwnQueue:
    """A queue of the worker's own, with a dead-letter queue and an alarm on that.

    ``visibility_timeout`` (seconds) must exceed the longest job, or its message is given
    to a second worker while the first is still busy.
    """

    visibility_timeout: int = 900
    max_receive_count: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.visibility_timeout <= LONGEST_VISIBILITY_TIMEOUT:
            raise SpecificationError(
                f"Visibility timeout of {self.visibility_timeout} s is impossible",
                f"a message is hidden for 1 to {LONGEST_VISIBILITY_TIMEOUT} seconds",
                "Take somewhat more than the longest job",
            )
        if not 1 <= self.max_receive_count <= 1000:  # noqa: PLR2004 - SQS's own limit
            raise SpecificationError(
                f"Maximum receive count {self.max_receive_count} is impossible",
                "SQS moves a message to the dead-letter queue after 1 to 1000 receives",
                "Take 3 to 5",
            )


COOLDOWN = 300
"""Seconds between two scalings in one direction, as the specification has it. It exceeds
metric delay, start of a task and one period, or one message would start two tasks."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A Secrets Manager secret, given to the container as an environment variable.

    ``parameter`` is the template's parameter that holds the secret's ARN; ``name`` is
    how people find the secret, for the parameter's description.
    """

    variable: str
    parameter: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Key:
    """A customer-managed KMS key that encrypts what the worker uses.

    ``parameter`` is the template's parameter that holds the key's ARN; ``alias`` is how people
    find the key, without ``alias/``. ``protects`` is what it encrypts: the secrets, the imported
    queue or the buckets. The key's own policy must let the account's roles use it.
    """

    parameter: str
    alias: str
    protects: Literal["secrets", "queue", "buckets"]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """An imported EFS file system and access point, mounted at ``mount_path``."""

    mount_path: str


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A container that processes the messages of one queue, and scales with it.

    ``cpu`` is in CPU units, ``memory`` in MiB, ``stop_timeout`` in seconds.
    ``drained_minutes`` is for how long nothing must be left before a task is removed, and
    ``scale_in_on`` what counts as left: unless given, 2 minutes without a visible message where
    busy tasks are protected, 15 without an outstanding one where they are not. The cooldowns, in
    seconds, are the least time between two changes in the same direction.
    ``buckets`` are bucket names of the worker's own account, ``*`` allowed, that it syncs to;
    ``sets_object_acls`` lets it set the ACLs of objects as well, which can publish them.
    Names that are left out follow from ``name``. ``kept`` are properties of adopted resources,
    by logical id.

    ``user`` is whom the container runs as, ``UID`` or ``UID:GID`` (names, if the image has
    them): what the image must read and run has to be open to that user. ``read_only_root``
    keeps the container from writing into its image: the program may write to its workspace and
    to ``scratch_paths`` only, absolute paths that are empty at each start. Such a path belongs
    to root unless the image gives it to ``user`` (``RUN chown``) and declares it as ``VOLUME``.

    ``protection`` is who keeps ECS from stopping a busy task: the ``worker`` itself, a
    ``sidecar``, or ``none`` for the reason ``unprotected``; None has not been decided. With the
    first two, ``longest_job`` is in seconds, and so is ``heartbeat``, at which a message's
    visibility is extended. ``one_at_a_time`` is for the sidecar: whoever receives again is done
    with what it had. docs/protection.md explains them.
    """

    name: str
    description: str
    image_repository: str
    queue: ImportedQueue | OwnQueue
    steps: tuple[Step, ...]
    cpu: int = 256
    memory: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    workspace: Workspace | None = None
    keys: tuple[Key, ...] = ()
    buckets: tuple[str, ...] = ()
    sets_object_acls: bool = False
    user: str = ""
    read_only_root: bool = False
    scratch_paths: tuple[str, ...] = ()
    max_tasks: int = 5
    scale_in_on: Literal["outstanding", "visible"] | None = None
    drained_minutes: int | None = None
    scale_out_cooldown: int = COOLDOWN
    scale_in_cooldown: int = COOLDOWN
    stop_timeout: int = LONGEST_STOP_TIMEOUT
    log_group: str = ""
    log_stream_prefix: str = ""
    log_retention_days: int = 7
    kept: keeping.Kept = field(default_factory=dict)
    protection: Literal["none", "worker", "sidecar"] | None = None
    unprotected: str = ""
    longest_job: int = 0
    heartbeat: int = 60
    one_at_a_time: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,79}", self.name):
            raise SpecificationError(
                f"Worker name {self.name!r} is impossible",
                "it becomes part of file, cluster and service names",
                "Use lower-case letters, digits and hyphens, starting with a letter",
            )
        self._check_size()
        if not 0 < self.stop_timeout <= LONGEST_STOP_TIMEOUT:
            raise SpecificationError(
                f"Stop timeout of {self.stop_timeout} s is impossible",
                f"Fargate waits at most {LONGEST_STOP_TIMEOUT} s after SIGTERM",
                "Make the container return its message to the queue within that time",
            )
        self._check_confinement()
        if self.max_tasks < 1:
            raise SpecificationError(
                f"At most {self.max_tasks} tasks is impossible",
                "such a worker would never process a message",
                "Give max_tasks=1 or more",
            )
        if min(self.scale_out_cooldown, self.scale_in_cooldown) < 0:
            raise SpecificationError(
                "A negative cooldown is impossible",
                "it is the time in seconds until tasks may be added or removed again",
                "Take 0 or more",
            )
        self._check_protection()
        keeping.check(self.kept)
        self.step_table  # noqa: B018 - a wrong table is told where the worker is written

    def _check_confinement(self) -> None:
        if self.user and not re.fullmatch(r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?", self.user):
            raise SpecificationError(
                f"User {self.user!r} is impossible",
                "ECS takes a user, or a user and a group with a colon between",
                'Write user="1000" or user="1000:1000"',
            )
        taken = [self.workspace.mount_path] if self.workspace else []
        for path in self.scratch_paths:
            if not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", path) or path in taken:
                raise SpecificationError(
                    f"Scratch path {path!r} is impossible",
                    "something else is mounted there"
                    if path in taken
                    else "it must be an absolute path of letters, digits, dots and hyphens",
                    'Write something like scratch_paths=("/tmp",)',
                )
            taken.append(path)

    def _check_size(self) -> None:
        offered = FARGATE_MEMORY.get(self.cpu)
        if offered is None:
            raise SpecificationError(
                f"{self.cpu} CPU units are impossible",
                f"Fargate offers {', '.join(map(str, FARGATE_MEMORY))}",
                "Take one of these",
            )
        if self.memory not in offered:
            raise SpecificationError(
                f"{self.memory} MiB of memory with {self.cpu} CPU units is impossible",
                f"Fargate offers {', '.join(map(str, offered))} MiB with that CPU",
                "Change memory or cpu",
            )

    def _check_protection(self) -> None:
        if (self.protection == "none") != bool(self.unprotected.strip()):
            raise SpecificationError(
                f"protection={self.protection!r} and unprotected={self.unprotected!r} disagree",
                "a worker without protection is killed in the middle of a job some day, which"
                " wants a reason, and the others have none",
                'Give protection="none" and a reason in unprotected, or neither',
            )
        if not self.is_protected:
            return
        most = LONGEST_VISIBILITY_TIMEOUT - 3 * self.heartbeat
        if not 1 <= self.longest_job <= most:
            raise SpecificationError(
                f"A longest job of {self.longest_job} s cannot be protected",
                f"a message can be hidden for {most} s and three heartbeats at most, and what is"
                " never to end must be let go some time",
                f"Give longest_job in seconds, 1 to {most}",
            )
        hidden = self.queue.visibility_timeout if isinstance(self.queue, OwnQueue) else None
        if self.heartbeat < 1 or (
            hidden and self.protection == "worker" and self.heartbeat >= hidden
        ):
            raise SpecificationError(
                f"A heartbeat of {self.heartbeat} s extends nothing",
                f"it must come before a message is visible again, after {hidden} s",
                "Take a third of the visibility timeout",
            )
        taken = {"QUEUE_URL", "AWS_ENDPOINT_URL_SQS"} & self.environment.keys()
        if self.protection == "sidecar" and (taken or self.name == PROTECTOR):
            raise SpecificationError(
                f"{', '.join(sorted(taken)) or f'The name {PROTECTOR}'} is the sidecar's",
                "the worker must reach SQS through it",
                "Take another name" if self.name == PROTECTOR else "Remove it from environment",
            )

    @property
    def is_protected(self) -> bool:
        """Whether a busy task is protected, by the worker or the sidecar."""
        return self.protection in ("worker", "sidecar")

    @property
    def scales_in_on(self) -> Literal["outstanding", "visible"]:
        """What must be gone before tasks are removed (measured: docs/scaling.md)."""
        return self.scale_in_on or ("visible" if self.is_protected else "outstanding")

    @property
    def quiet_minutes(self) -> int:
        """For how long it must be gone."""
        return self.drained_minutes or (2 if self.is_protected else 15)

    @property
    def protection_minutes(self) -> int:
        """For how long the agent is asked: twice the longest job, renewed at half."""
        return min(LONGEST_PROTECTION, -(-2 * self.longest_job // 60))

    @property
    def step_table(self) -> StepTable:
        """The thresholds and adjustments that follow from ``steps``."""
        return step_table(self.steps)

    @property
    def log_group_name(self) -> str:
        """The log group, ``/ecs/NAME`` unless the specification says otherwise."""
        return self.log_group or f"/ecs/{self.name}"
