"""What a worker is: the typed specification from which its whole stack is built."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any, Literal

from troposphere import Template

from workerstack.specification import kept as keeping
from workerstack.specification.alarms import Alarms, Errors
from workerstack.specification.capacity import Spot, check_size, check_storage
from workerstack.specification.checked import about, whole
from workerstack.specification.container import HealthCheck, Ulimit
from workerstack.specification.environment import Varying
from workerstack.specification.images import (
    Image,
    check_repository,
)
from workerstack.specification.mistakes import Mistake, SpecificationError
from workerstack.specification.network import Network, check_file_system
from workerstack.specification.protection import (
    LONGEST_PROTECTION,
    PROTECTOR,
    check_reason,
    check_sidecar,
    check_times,
)
from workerstack.specification.queues import ImportedQueue, OwnQueue, check_queues
from workerstack.specification.rights import (
    Right,
    Roles,
    Shortcut,
    check_bucket,
    check_rights,
)
from workerstack.specification.schedule import Scheduled, check_schedule
from workerstack.specification.secrets import Key, Secret, StoredParameter
from workerstack.specification.sidecars import (
    LONGEST_STOP_TIMEOUT,
    ROUTER,
    LogRouter,
    Sidecar,
    check_sidecars,
    check_stop_timeout,
    check_variables,
)
from workerstack.specification.steps import Step, StepTable, step_table
from workerstack.specification.workspace import Workspace, check_scratch

COOLDOWN = 300
"""Seconds between two scalings in one direction, as the specification has it. It exceeds
metric delay, start of a task and one period, or one message would start two tasks."""

PROTECTED_OUT, PROTECTED_IN = 180, 60
"""The same where busy tasks are protected: the least that starts no second task for one message,
and a minute, since no job is killed by a removal that was too early (measured: docs/scaling.md)."""

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)
"""A choice of what CloudWatch Logs offers (PutRetentionPolicy)."""

MOST_TASKS = 5_000
"""Tasks of one service (ECS: service quotas)."""

MOST_TAGS = 40
"""Tags of a specification; a resource has 50 at most, some of them the stack's and AWS's."""

PROTECTOR_MEMORY = 256
"""MiB that the protector's container may take."""


@whole
class Worker:
    """A container that processes the messages of one queue, and scales with it.

    ``cpu`` is in CPU units, ``memory`` in MiB, ``ephemeral_storage`` in GiB, ``stop_timeout`` in
    seconds. ``drained_minutes`` is for how long nothing must be left before a task is removed, and
    ``scale_in_on`` what counts as left: unless given, 2 minutes without a visible message where
    busy tasks are protected, 15 without an outstanding one where they are not. The cooldowns, in
    seconds, are the least time between two changes in the same direction: 180 and 60 where busy
    tasks are protected, 300 where they are not.
    ``buckets`` are bucket names of the worker's own account, ``*`` allowed, that it syncs to;
    ``sets_object_acls`` lets it set the ACLs of objects as well, which can publish them.
    Names that are left out follow from ``name``; with ``names="generated"`` CloudFormation makes
    those of cluster, service, task family and log group. With ``cluster="imported"`` the tasks run
    in the cluster that ``ClusterName`` names, which another stack or a person has. ``kept`` are
    properties of adopted resources, by logical id.

    The image is one of ECR in this account and Region, ``image_repository``, or an ``image`` of
    elsewhere. With ``more_queues`` the sum of all queues drives scaling.

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

    ``customize`` changes the template at the end, for what is not here; what it changed is
    listed at the head of the file in out/. docs/worker.md shows every field.

    Raises SpecificationError with everything that is wrong.
    """

    name: str
    description: str
    queue: ImportedQueue | OwnQueue
    steps: tuple[Step, ...]
    image_repository: str = ""
    image: Image | None = None
    more_queues: tuple[ImportedQueue | OwnQueue, ...] = ()
    cpu: int = 256
    memory: int = 512
    ephemeral_storage: int = 20
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    spot: Spot | None = None
    command: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()
    working_directory: str = ""
    ulimits: tuple[Ulimit, ...] = ()
    docker_labels: Mapping[str, str] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    environment: Mapping[str, str | Varying] = field(default_factory=dict)
    secrets: tuple[Secret | StoredParameter, ...] = ()
    workspace: Workspace | None = None
    keys: tuple[Key, ...] = ()
    buckets: tuple[str, ...] = ()
    sets_object_acls: bool = False
    rights: tuple[Shortcut, ...] = ()
    statements: tuple[Right, ...] = ()
    roles: Roles = Roles()
    network: Network = Network()
    sidecars: tuple[Sidecar, ...] = ()
    user: str = ""
    read_only_root: bool = False
    scratch_paths: tuple[str, ...] = ()
    max_tasks: int = 5
    schedule: tuple[Scheduled, ...] = ()
    scale_in_on: Literal["outstanding", "visible"] | None = None
    drained_minutes: int | None = None
    scale_out_cooldown: int | None = None
    scale_in_cooldown: int | None = None
    stop_timeout: int = LONGEST_STOP_TIMEOUT
    alarms: Alarms | None = Alarms()
    log_group: str = ""
    log_stream_prefix: str = ""
    log_retention_days: int = 7
    log_router: LogRouter | None = None
    errors: Errors | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    names: Literal["given", "generated"] = "given"
    cluster: Literal["own", "imported"] = "own"
    kept: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    protection: Literal["none", "worker", "sidecar"] | None = None
    unprotected: str = ""
    longest_job: int = 0
    heartbeat: int = 60
    one_at_a_time: bool = False
    customize: Callable[[Template, Any], None] | None = None

    @about("name")
    def _check_name(self) -> Iterator[Mistake]:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,79}", self.name):
            yield Mistake(
                f"Worker name {self.name!r} is impossible",
                "it becomes part of file, cluster and service names",
                "Use lower-case letters, digits and hyphens, starting with a letter",
            )

    @about("description")
    def _check_description(self) -> Iterator[Mistake]:
        if not 1 <= len(self.description.encode()) <= 1024:  # noqa: PLR2004 - CloudFormation's
            yield Mistake(
                f"A description of {len(self.description.encode())} bytes is impossible",
                "CloudFormation takes 1 to 1024",
                "Say in a sentence what the worker does",
            )

    @about("image_repository", "image")
    def _check_image(self) -> Iterator[Mistake]:
        if bool(self.image_repository) == (self.image is not None):
            yield Mistake(
                "A worker has one image",
                f"image_repository is {self.image_repository!r}, and image is"
                f" {'given as well' if self.image else 'not given either'}",
                "Give image_repository for ECR of this account and Region, or image",
            )
        elif self.image_repository:
            yield from check_repository(self.image_repository, "image_repository")

    @about("cpu", "memory")
    def _check_size(self) -> Iterator[Mistake]:
        return check_size(self.cpu, self.memory)

    @about("ephemeral_storage")
    def _check_storage(self) -> Iterator[Mistake]:
        return check_storage(self.ephemeral_storage)

    @about("stop_timeout")
    def _check_stop_timeout(self) -> Iterator[Mistake]:
        return check_stop_timeout(self.stop_timeout)

    @about("user")
    def _check_user(self) -> Iterator[Mistake]:
        if self.user and not re.fullmatch(r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?", self.user):
            yield Mistake(
                f"User {self.user!r} is impossible",
                "ECS takes a user, or a user and a group with a colon between",
                'Write user="1000" or user="1000:1000"',
            )

    @about("scratch_paths", "workspace")
    def _check_scratch(self) -> Iterator[Mistake]:
        return check_scratch(self.scratch_paths, self.workspace)

    @about("working_directory")
    def _check_working_directory(self) -> Iterator[Mistake]:
        if self.working_directory and not self.working_directory.startswith("/"):
            yield Mistake(
                f"Working directory {self.working_directory!r} is impossible",
                "it is an absolute path",
                'Write something like working_directory="/app"',
            )

    @about("ulimits")
    def _check_ulimits(self) -> Iterator[Mistake]:
        names = [each.name for each in self.ulimits]
        if len(set(names)) < len(names):
            yield Mistake("A limit is given twice", "ECS takes each once", "Remove one")

    @about("max_tasks")
    def _check_max_tasks(self) -> Iterator[Mistake]:
        if not 1 <= self.max_tasks <= MOST_TASKS:
            yield Mistake(
                f"At most {self.max_tasks} tasks is impossible",
                "such a worker would never process a message"
                if self.max_tasks < 1
                else f"ECS runs {MOST_TASKS} tasks of a service",
                "Give max_tasks=1 or more" if self.max_tasks < 1 else "Take fewer",
            )

    @about("scale_out_cooldown", "scale_in_cooldown")
    def _check_cooldowns(self) -> Iterator[Mistake]:
        if min(self.cooldown_out, self.cooldown_in) < 0:
            yield Mistake(
                "A negative cooldown is impossible",
                "it is the time in seconds until tasks may be added or removed again",
                "Take 0 or more",
            )

    @about("drained_minutes")
    def _check_drained(self) -> Iterator[Mistake]:
        if not 1 <= self.quiet_minutes <= 1_440:  # noqa: PLR2004 - a day in minutes
            yield Mistake(
                f"Scale-in after {self.drained_minutes} minutes is impossible",
                "an alarm looks back a minute at least and a day at most",
                "Take 15 or somewhat more",
            )

    @about("schedule", "max_tasks")
    def _check_schedule(self) -> Iterator[Mistake]:
        return check_schedule(self.schedule, self.max_tasks)

    @about("more_queues", "queue", "scale_in_on", "protection")
    def _check_queues(self) -> Iterator[Mistake]:
        return check_queues(self.queues, self.scale_in_on, self.protection)

    @about("keys", "queue", "more_queues")
    def _check_keys(self) -> Iterator[Mistake]:
        for what, made in (
            ("queue", any(isinstance(each, OwnQueue) for each in self.queues)),
            ("logs", True),
        ):
            given = [each for each in self.keys if each.protects == what]
            if made and len(given) > 1:
                yield Mistake(
                    f"Two keys protect the {what}",
                    "what the stack makes is encrypted with one",
                    "Remove one",
                )

    @about("environment", "secrets", "queue", "more_queues", "protection")
    def _check_variables(self) -> Iterator[Mistake]:
        ours = {each.variable for each in self.queues} - (
            {"QUEUE_URL"} if self.protection == "sidecar" else set()
        )
        if self.protection == "worker":
            ours |= {"PROTECTION_MINUTES", "HEARTBEAT_SECONDS"}
        return check_variables(self.environment, self.secrets, frozenset(ours))

    @about("buckets")
    def _check_buckets(self) -> Iterator[Mistake]:
        for each in self.buckets:
            yield from check_bucket(each, "buckets")

    @about("rights", "statements")
    def _check_rights(self) -> Iterator[Mistake]:
        return check_rights(self.rights, self.statements, RESERVED)

    @about("roles", "rights", "statements", "buckets")
    def _check_roles(self) -> Iterator[Mistake]:
        if self.roles.ready_made_task_role and (self.rights or self.statements or self.buckets):
            yield Mistake(
                "A ready-made task role and rights disagree",
                "this template changes no role that it did not make",
                "Remove rights, statements and buckets, or let the role be made",
            )

    @about("sidecars", "name", "cpu", "memory", "protection", "log_router")
    def _check_sidecars(self) -> Iterator[Mistake]:
        taken = [self.name, *([PROTECTOR] if self.protection == "sidecar" else [])]
        beside = PROTECTOR_MEMORY if self.protection == "sidecar" else 0
        if self.log_router:
            taken.append(ROUTER)
            beside += self.log_router.memory
        return check_sidecars(self.sidecars, tuple(taken), self.cpu, self.memory, beside)

    @about("network", "workspace")
    def _check_file_system(self) -> Iterator[Mistake]:
        return check_file_system(self.network, self.workspace)

    @about("errors", "log_router")
    def _check_errors(self) -> Iterator[Mistake]:
        if self.errors and self.log_router:
            yield Mistake(
                "errors and log_router disagree",
                "the output goes elsewhere, and CloudWatch Logs cannot count lines in it",
                "Count errors where the output goes",
            )

    @about("log_retention_days")
    def _check_retention(self) -> Iterator[Mistake]:
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            yield Mistake(
                f"Logs kept for {self.log_retention_days} days are impossible",
                f"CloudWatch Logs offers {', '.join(map(str, LOG_RETENTION_DAYS))}, and more",
                "Take one of these",
            )

    @about("log_group", "names")
    def _check_log_group(self) -> Iterator[Mistake]:
        if self.log_group and self.names == "generated":
            yield Mistake(
                "log_group and names='generated' disagree",
                "its name would be CloudFormation's",
                "Remove one of them",
            )
        if self.log_group and not re.fullmatch(r"(?!aws/)[A-Za-z0-9_/.#-]{1,512}", self.log_group):
            yield Mistake(
                f"Log group {self.log_group!r} is impossible",
                "CloudWatch Logs allows letters, digits and _/.#-, at most 512, and not aws/ at its"
                " beginning",
                'Write something like log_group="/ecs/invoices"',
            )

    @about("log_stream_prefix")
    def _check_log_stream_prefix(self) -> Iterator[Mistake]:
        if self.log_stream_prefix and not re.fullmatch(r"[^:*]{1,200}", self.log_stream_prefix):
            yield Mistake(
                f"Log stream prefix {self.log_stream_prefix[:60]!r} is impossible",
                "a stream's name has no : and no *, and the container and the task follow",
                'Write something like log_stream_prefix="invoices"',
            )

    @about("tags")
    def _check_tags(self) -> Iterator[Mistake]:
        for key, value in self.tags.items():
            allowed = r"[\w .:/=+@-]"
            if not re.fullmatch(rf"(?!aws:){allowed}{{1,128}}", key) or not re.fullmatch(
                rf"{allowed}{{1,256}}", value
            ):
                yield Mistake(
                    f"The tag {key!r} with the value {value!r} is impossible",
                    "AWS allows letters, digits, spaces and _.:/=+-@, 128 and 256 of them, and no"
                    " name that begins with aws:",
                    "Change it",
                )
        if len(self.tags) > MOST_TAGS:
            yield Mistake(
                f"{len(self.tags)} tags are too many",
                f"a resource has at most 50, and some are the stack's and AWS's: {MOST_TAGS} here",
                "Remove some",
            )

    @about("protection", "unprotected")
    def _check_reason(self) -> Iterator[Mistake]:
        return check_reason(self.protection, self.unprotected)

    @about("longest_job", "heartbeat", "protection", "queue")
    def _check_times(self) -> Iterator[Mistake]:
        return check_times(self.protection, self.longest_job, self.heartbeat, self.queue)

    @about("environment", "protection", "name")
    def _check_protector(self) -> Iterator[Mistake]:
        return check_sidecar(self.protection, self.name, self.environment)

    @about("kept")
    def _check_kept(self) -> Iterator[Mistake]:
        return keeping.check(self.kept)

    @about("steps")
    def _check_steps(self) -> Iterator[Mistake]:
        try:
            step_table(self.steps)
        except SpecificationError as error:
            yield from error.mistakes

    @property
    def queues(self) -> tuple[ImportedQueue | OwnQueue, ...]:
        """All queues, the first one first."""
        return (self.queue, *self.more_queues)

    @property
    def is_protected(self) -> bool:
        """Whether a busy task is protected, by the worker or the sidecar."""
        return self.protection in ("worker", "sidecar")

    @property
    def scales_in_on(self) -> Literal["outstanding", "visible"]:
        """What must be gone before tasks are removed (measured: docs/scaling.md)."""
        picked_up = self.is_protected and len(self.queues) == 1
        return self.scale_in_on or ("visible" if picked_up else "outstanding")

    @property
    def quiet_minutes(self) -> int:
        """For how long it must be gone."""
        if self.drained_minutes is not None:
            return self.drained_minutes
        return 2 if self.is_protected else 15

    @property
    def cooldown_out(self) -> int:
        """Seconds from one addition of tasks to the next, at least."""
        if self.scale_out_cooldown is not None:
            return self.scale_out_cooldown
        return PROTECTED_OUT if self.is_protected else COOLDOWN

    @property
    def cooldown_in(self) -> int:
        """Seconds from one removal of tasks to the next, at least."""
        if self.scale_in_cooldown is not None:
            return self.scale_in_cooldown
        return PROTECTED_IN if self.is_protected else COOLDOWN

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

    def key_of(self, what: str) -> Key | None:
        """The key that protects what the stack makes."""
        return next((each for each in self.keys if each.protects == what), None)


RESERVED = frozenset(
    {"ConsumeQueue", "ListBuckets", "ListSites", "MountWorkspace", "ProtectBusyTask", "SyncBuckets",
     "SyncSites", "UseBucketsKey", "UseDestinationsKey", "UseQueueKey",
     "UseTopicsKey"}
)  # fmt: skip
"""Sids of the statements that every worker may have."""
