"""Why a task stopped: the words of ECS, what they usually mean, and what fixes it. One table.

Pure: a stopped task and its last log lines in, one sentence and one remedy out. What ECS says
stays beside it, since a table of texts can be wrong where AWS changes them.

Source: ECS developer guide, "Amazon ECS stopped task error messages", "CannotPullContainer task
errors", "Resolve Amazon ECS stopped task errors"; EFS user guide, "Troubleshooting mount issues";
Docker, "Exit status".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workerstack.deployer.service import EcsTask


@dataclass(frozen=True)
class Meaning:
    """What a stopped task usually means; ``id`` is a short name of it."""

    id: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class Known:
    """One row: all that is given must hold of the task.

    ``words`` is looked for in what ECS says, ``log`` in the last log lines, ``codes`` among the
    exit codes of the containers. Named groups of ``words`` and ``log`` fill the sentences.
    """

    id: str
    cause: str
    remedy: str
    words: str = ""
    log: str = ""
    codes: frozenset[int] = frozenset()


SECRETS = r"unable to (?:retrieve|pull|get) secrets? .*"
UNREACHED = (
    r"i/o timeout|context deadline exceeded|RequestCanceled|dial tcp|request send failed"
    r"|send request failed|connection issue between|Client\.Timeout"
)
OUT = (
    "Give the subnets a way out: AssignPublicIp ENABLED with an internet gateway, a NAT gateway,"
    " or VPC endpoints; and let the task's security group out on TCP 443"
)
EXECUTION_ROLE = "give the execution role"

TABLE: tuple[Known, ...] = (
    # The role, before anything else is tried.
    Known(
        "role-not-assumed", "ECS may not assume the role {role}",
        "Let ecs-tasks.amazonaws.com assume it (its trust policy)",
        r"unable to assume the role '?(?P<role>[^\s']+)",
    ),
    # The image.
    Known(
        "architecture", "the image has no variant for {platform}, which the task runs on",
        "Build it for {platform} (docker buildx build --platform {platform}), or set"
        " CpuArchitecture of the task to what it was built for",
        r"does not contain descriptor matching platform '?(?P<platform>[\w/]+)"
        r"|descriptor for platform \{?(?P<platform2>[\w/ ]+)",
    ),
    Known(
        "image-missing", "the image {image} is not in its registry",
        "Push it, or name one that exists in ImageReference",
        r"CannotPull\w*: .*failed to resolve ref '?\"?(?P<image>[^\s'\"]+?)'?\"?: .*?not found",
    ),
    Known(
        "image-missing", "the image, or its repository, does not exist",
        "Push it, or name one that exists in ImageReference",
        r"CannotPull\w*: .*(?:manifest unknown|not found|repository does not exist)",
    ),
    Known(
        "image-limit", "the registry limits how many images may be pulled",
        "Sign in to the registry, or copy the image to ECR",
        r"CannotPull\w*: .*(?:toomanyrequests|429 Too Many Requests)",
    ),
    Known(
        "image-denied", "the execution role may not pull the image",
        f"In its policies, {EXECUTION_ROLE} ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on"
        " the repository, and ecr:GetAuthorizationToken; or allow it in the repository's policy",
        r"(?:CannotPull\w*: |get registry auth from ecr|registry auth from Amazon ECR).*"
        r"(?:AccessDenied|not authorized|denied|403 Forbidden)",
    ),
    Known(
        "disk-full", "the image, or what the task writes, does not fit on its disk",
        "Raise EphemeralStorage of the task, or make the image smaller",
        r"no space left on device",
    ),
    Known("no-route", "the task cannot reach its image's registry", OUT,
          rf"CannotPull\w*: .*(?:{UNREACHED})"),
    Known(
        "image-not-pulled", "the image could not be pulled",
        "Read the reason; `./deploy.py preflight ENV/STACK` looks at image and network",
        r"CannotPull",
    ),
    # Secrets and parameters, which are read before the containers start.
    Known(
        "secret-key-missing", "the secret has no JSON key {key}",
        "Add the key to the secret's JSON, or correct ValueFrom of the container's Secrets",
        r"(?:did not contain|does not contain) json key (?P<key>\S+?)[,.;]?(?:\s|$)",
    ),
    Known(
        "secret-not-json", "ValueFrom names a JSON key, and the secret is not JSON",
        "Make the secret's value JSON, or leave the key out of ValueFrom",
        r"unable to retrieve secrets? from asm.*invalid character",
    ),
    Known(
        "key-denied", "the execution role may not decrypt with the secret's customer key",
        f"In its policies, {EXECUTION_ROLE} kms:Decrypt on that key, and allow it in the key's"
        " policy",
        r"Access to KMS is not allowed|not authorized to perform: kms:Decrypt"
        r"|KMSAccessDenied|ciphertext refers to a customer master key that does not exist",
    ),
    Known(
        "key-disabled", "the customer key of a secret is disabled or pending deletion",
        "Enable the key, or encrypt the secret with another one",
        r"KMS.*(?:is disabled|pending deletion)|KMSInvalidState|DisabledException",
    ),
    Known(
        "secret-denied", "the execution role may not {action}",
        f"In its policies, {EXECUTION_ROLE} {{action}} on what the reason names",
        r"unable to (?:retrieve|pull|get) secrets?.*not authorized to perform: (?P<action>[\w:]+)",
    ),
    Known(
        "secret-missing", "a secret of the task does not exist, or has no value",
        "Create it, or correct ValueFrom of the container's Secrets",
        rf"{SECRETS}(?:ResourceNotFoundException|find the specified secret"
        r"|marked for deletion|ResourceNotFound)",
    ),
    Known(
        "parameter-missing", "the SSM parameter {name} does not exist",
        "Create it, or correct ValueFrom of the container's Secrets",
        r"[Ii]nvalid (?:ssm )?parameters?: (?P<name>[^\s,\]]+)",
    ),
    Known(
        "no-route", "the task cannot reach Secrets Manager, Parameter Store or ECR", OUT,
        rf"unable to (?:retrieve|pull|get) .*(?:{UNREACHED}|signal: killed)",
    ),
    # The log driver, and environment files.
    Known(
        "log-group-missing", "the log group does not exist",
        "Create it, or let the stack have it; `./deploy.py drift ENV/STACK` says whether it was"
        " deleted by hand",
        r"(?:log stream|log group|logger args).*(?:log group does not exist|ResourceNotFound)"
        r"|cannot find the Amazon CloudWatch log group",
    ),
    Known(
        "log-denied", "the execution role may not open a log stream",
        f"In its policies, {EXECUTION_ROLE} logs:CreateLogStream and logs:PutLogEvents on the"
        " log group",
        r"logger args.*(?:AccessDenied|not authorized)",
    ),
    Known("no-route", "the task cannot reach CloudWatch Logs", OUT,
          rf"logger args.*(?:{UNREACHED})"),
    Known(
        "environment-file", "a file of EnvironmentFiles could not be read",
        f"Upload it, or {EXECUTION_ROLE} s3:GetObject on it",
        r"failed to download env files",
    ),
    # The file system.
    Known(
        "mount-target-missing", "{system} has no mount target in the zone of the task's subnet",
        "Create a mount target in each zone of SubnetIds, or leave that subnet out",
        r"Failed to resolve \"?(?P<system>fs-[0-9a-f]+)",
    ),
    Known(
        "mount-denied", "the file system refuses the mount",
        "Give the task role elasticfilesystem:ClientMount (with ClientWrite) through that access"
        " point, allow it in the file system's policy, and check that the access point's"
        " directory exists",
        r"EFS.*(?:access denied by server|AccessDenied|not authorized)",
    ),
    Known(
        "nfs-closed", "the mount target does not let the task in on TCP 2049",
        "Let the task's security group into that of the mount targets on TCP 2049",
        r"EFS.*(?:[Tt]imed? ?out|due to timeout|Connection refused|Connection reset)",
    ),
    Known(
        "mount-failed", "the file system could not be mounted",
        "Read the reason; `./deploy.py preflight ENV/STACK` looks at the file system",
        r"EFS utils|EFS volume|CannotCreateVolume",
    ),
    # The place where it is to run.
    Known(
        "no-capacity", "Fargate has no capacity for this size in the chosen zones now",
        "Wait, or add subnets in other zones",
        r"Capacity is unavailable|RESOURCE:(?:CPU|MEMORY|ENI|FARGATE)",
    ),
    Known(
        "quota", "the account's quota of Fargate vCPUs is used up",
        "Raise the quota in Service Quotas (Fargate), or lower MaxTasks",
        r"limit on the number of (?:vCPUs|tasks)|reached the limit",
    ),
    Known(
        "no-address", "the subnet has no free address",
        "Choose larger subnets, or add some to SubnetIds",
        r"InsufficientFreeAddresses|insufficient free addresses|no free (?:IP )?addresses",
    ),
    Known(
        "network-interface", "the task got no network interface",
        "Check that subnets and security groups exist and are of one VPC",
        r"Create Network Interface|InvalidSubnetID|InvalidGroup|InvalidSecurityGroup",
    ),
    Known(
        "spot-interrupted", "Fargate Spot took the capacity back",
        "Start it again, or use FARGATE for what must not be interrupted",
        r"Spot.*[Ii]nterrupt",
    ),
    # The containers themselves.
    Known(
        "out-of-memory", "the container used more memory than it has",
        "Raise TaskMemory (Memory of the container), or have the process use less",
        r"OutOfMemory|OOM",
    ),
    Known(
        "architecture", "the image was built for another architecture than the task's",
        "Build it for the task's architecture (docker buildx build --platform), or set"
        " CpuArchitecture of the task to the image's",
        log=r"exec format error",
    ),
    Known(
        "architecture", "the image was built for another architecture than the task's",
        "Build it for the task's architecture (docker buildx build --platform), or set"
        " CpuArchitecture of the task to the image's",
        r"exec format error",
    ),
    Known(
        "command-missing", "the image has not the command that the container starts",
        "Correct Command or EntryPoint of the container, or the image",
        r"executable file not found|no such file or directory: unknown|CannotStartContainer.*exec",
    ),
    Known(
        "read-only-root", "the container writes to its root file system, which is read-only",
        "Add the path to scratch_paths of the worker, or set read_only_root=False",
        log=r"EROFS|[Rr]ead-only file ?system",
    ),
    Known("no-route", "the container cannot reach the network", OUT,
          log=r"ENETUNREACH|EAI_AGAIN|[Nn]ame resolution|[Nn]etwork is unreachable"),
    Known(
        "not-allowed", "the container was refused something by AWS",
        "Give the task role what the log names (TaskRole)",
        log=r"AccessDenied|not authorized to perform",
    ),
    Known(
        "health-check", "the container's health check failed",
        "Correct the HealthCheck of the container, or give it a longer StartPeriod",
        r"failed container health checks",
    ),
    Known(
        "container-start", "the container could not be started",
        "Read the reason; correct what the container definition asks for",
        r"CannotStartContainer|ContainerRuntime(?:Timeout)?Error|DockerTimeout",
    ),
    Known(
        "killed", "the container was killed, by the kernel for memory or since it did not end"
        " within the stop timeout",
        "Raise TaskMemory, or have the process end on SIGTERM",
        codes=frozenset({137}),
    ),
    Known(
        "crashed", "the process crashed in native code",
        "Look at the log; a library for another processor is the usual cause",
        codes=frozenset({132, 134, 135, 136, 139}),
    ),
    Known(
        "command-missing", "the container's command does not exist or cannot be executed",
        "Correct Command or EntryPoint of the container, or the image",
        codes=frozenset({126, 127}),
    ),
    Known(
        "terminated", "the container ended on SIGTERM, which somebody sent it",
        "Find out who stopped the task (CloudTrail, StopTask)",
        codes=frozenset({143}),
    ),
    Known(
        "exits-at-once", "the container ended by itself",
        "The log says why; the exit code is the process's own",
        r"Essential container in task exited",
    ),
)  # fmt: skip
"""The first row that holds; special ones stand before general ones."""

UNKNOWN = Meaning(
    "unknown", "ECS gives a reason that this tool does not know",
    "Look for it in the ECS developer guide, \"Resolve Amazon ECS stopped task errors\"",
)  # fmt: skip


def meaning(task: EcsTask, lines: Sequence[str] = ()) -> Meaning:
    """What a stopped task usually means, from what ECS says, its exit codes and its last lines."""
    for row in TABLE:
        found = _holds(row, task, lines)
        if found is not None:
            return Meaning(row.id, row.cause.format_map(found), row.remedy.format_map(found))
    return UNKNOWN


def meaning_of(reason: str) -> Meaning:
    """The same of a reason alone, as `Task.reason` has it."""
    return meaning(EcsTask("", "", "STOPPED", reason=reason))


class _Named(dict[str, str]):
    """A name that a row's words did not find is said as what it is."""

    def __missing__(self, name: str) -> str:
        return f"of that {name}"


def _holds(row: Known, task: EcsTask, lines: Sequence[str]) -> _Named | None:
    found = _Named()
    for pattern, text in ((row.words, task.reason), (row.log, "\n".join(lines))):
        if not pattern:
            continue
        match = re.search(pattern, text)
        if match is None:
            return None
        for name, value in match.groupdict().items():
            if value:
                found[name.rstrip("2")] = value.strip()
    if row.codes and not row.codes & {code for _, code in task.exit_codes}:
        return None
    return found
