"""What must be there before a task runs, and what its program then does: it fails as on Fargate.

MiniStack takes every task for running at once. Here a task is started as Fargate starts it: with
its secrets, image, file systems and log stream as the account has them, in the words of ECS. What
is in an image nobody can run here, so a test says it (`behave`).

Source: ECS developer guide, "Amazon ECS stopped task error messages", "Task lifecycle".
"""

import ipaddress
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation.policies import AccessRequest, Answer, decide, read

NFS = 2049
FAILED_TO_START = "TaskFailedToStart"
ESSENTIAL = "Essential container in task exited"
TAKEN = 3600.0
"""Seconds for which a message that a program takes is hidden."""

ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
"""What ECS and what OCI call a processor."""

ENDPOINTS = ("ecr.api", "ecr.dkr", "s3", "logs")
"""Services without which no task starts where there is no way out (ECR: VPC endpoints)."""


@dataclass(frozen=True)
class Program:
    """What the container of an image does, as far as others notice.

    ``exits`` is its exit code, None while it stays up; ``memory`` what it uses, MiB; ``writes``
    the paths that it writes to; ``takes`` says that it receives a message and keeps it.
    """

    exits: int | None = None
    lines: tuple[str, ...] = ()
    memory: int = 64
    writes: tuple[str, ...] = ()
    takes: bool = False


_PROGRAMS: dict[tuple[str, str], Program] = {}


def behave(account: str, image: str, program: Program) -> None:
    """From now on the containers of this image, in this account, do that."""
    _PROGRAMS[account, image] = program


def forget() -> None:
    """Every image stays up and says nothing."""
    _PROGRAMS.clear()


class _StartError(Exception):
    """Why a task does not start, in ECS's words."""


def install(ecs: Any) -> None:
    """Wraps the start of tasks, by a service and by hand; doing it twice changes nothing."""
    run = ecs._run_task
    if hasattr(run, "starts"):
        return

    def run_and_start(data: dict[str, Any]) -> Any:
        known = set(ecs._tasks)
        answer = run(data)
        for arn in sorted(set(ecs._tasks) - known):
            task = ecs._tasks[arn]
            if task["lastStatus"] != "STOPPED":
                _start(ecs, task, data)
        for arn in sorted(set(ecs._tasks) - known):
            if ecs._tasks[arn].get("stopCode") == FAILED_TO_START:
                _count_failure(ecs, ecs._tasks[arn])
        return answer

    # Outermost from now on: it also says which of the others are in place.
    run_and_start.__dict__.update(run.__dict__, starts=run)
    ecs._run_task = run_and_start
    ecs._ACTION_MAP["RunTask"] = run_and_start


def _start(ecs: Any, task: dict[str, Any], data: Mapping[str, Any]) -> None:
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    network = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    try:
        # In the order in which Fargate does it: the first that fails is the reason that ECS tells.
        for step in (_reaches_out, _reads_secrets, _pulls, _mounts, _opens_log):
            step(definition, network, task)
    except _StartError as error:
        _stop(task, FAILED_TO_START, str(error), {"startedAt": None})
        return
    _run(definition, task)


def _count_failure(ecs: Any, task: dict[str, Any]) -> None:
    """A task that does not start counts in its service's deployment, which starts another one.

    Until the circuit breaker ends that (API reference: Deployment, failedTasks). Where there is no
    breaker ECS goes on for ever, and so it does where the deployment has completed: not here.
    """
    if task.get("_counted"):
        return
    task["_counted"] = True
    cluster = str(task["clusterArn"]).rpartition("/")[2]
    _, _, name = str(task.get("group", "")).partition("service:")
    service = ecs._services.get(f"{cluster}/{name}")
    if not name or service is None:
        return
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    deployment = ecs._deployment_for_task(service, task) or {}
    if breaker.get("enable") and deployment.get("rolloutState") == "IN_PROGRESS":
        ecs._record_service_task_failure(task)


def _stop(task: dict[str, Any], code: str, reason: str, more: Mapping[str, Any]) -> None:
    task |= {
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": code,
        "stoppedReason": reason,
        "stoppedAt": task["createdAt"],
        **more,
    }
    for container in task["containers"]:
        container["lastStatus"] = "STOPPED"


# The network.


def _reaches_out(_: Mapping[str, Any], network: Mapping[str, Any], task: dict[str, Any]) -> None:
    from ministack.services import ec2

    subnet = ec2._subnets.get((network.get("subnets") or [""])[0])
    if subnet is None:
        return
    task["availabilityZone"] = subnet["AvailabilityZone"]
    table = _table(ec2, subnet)
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") != "0.0.0.0/0":
            continue
        public = str(route.get("GatewayId", "")).startswith("igw-")
        if not public or network.get("assignPublicIp") == "ENABLED":
            return
    if set(ENDPOINTS) <= set(_endpoints(ec2, subnet["VpcId"])):
        return
    region = task["taskArn"].split(":")[3]
    raise _StartError(
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot"
        " pull registry auth from Amazon ECR: There is a connection issue between the task and"
        " Amazon ECR. Check your task network configuration. RequestError: send request failed"
        f' caused by: Post "https://api.ecr.{region}.amazonaws.com/": dial tcp 192.0.2.7:443:'
        " i/o timeout"
    )


def _table(ec2: Any, subnet: Mapping[str, Any]) -> Mapping[str, Any]:
    """The route table of a subnet, or the main one of its VPC."""
    of_vpc = [each for each in ec2._route_tables.values() if each["VpcId"] == subnet["VpcId"]]
    for table in of_vpc:
        if any(each.get("SubnetId") == subnet["SubnetId"] for each in table["Associations"]):
            return dict(table)
    main = (each for each in of_vpc if any(one.get("Main") for one in each["Associations"]))
    return next(main, {})


def _endpoints(ec2: Any, vpc: str) -> Iterator[str]:
    for each in ec2._vpc_endpoints.values():
        if each["VpcId"] == vpc:
            yield each["ServiceName"].split(".", 3)[3]


# Secrets and parameters.


def _reads_secrets(definition: Mapping[str, Any], _: Mapping[str, Any], task: Any) -> None:
    role = str(definition.get("executionRoleArn") or "")
    for container in definition.get("containerDefinitions", ()):
        for secret in container.get("secrets", ()):
            source = str(secret.get("valueFrom", ""))
            if ":secretsmanager:" in source:
                _read_secret(source, role, task)
            else:
                _read_parameter(source, role, task)


SECRETS = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
    " retrieval failed: unable to retrieve secret from asm: service call has been retried 1"
    " time(s): "
)
PARAMETERS = SECRETS.replace("secret from asm", "secrets from ssm")


def _read_secret(source: str, role: str, task: Mapping[str, Any]) -> None:
    from ministack.services import secretsmanager

    parts = source.split(":")
    arn, key = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""  # noqa: PLR2004
    fetching = f"failed to fetch secret {arn} from secrets manager: "
    if not _may(role, "secretsmanager:GetSecretValue", arn):
        raise _StartError(f"{SECRETS}{fetching}{_refused(role, task, 'GetSecretValue', arn)}")
    _, secret = secretsmanager._resolve(arn)
    value = secretsmanager.resolve_secret_string(arn) if secret else None
    if value is None:
        raise _StartError(
            f"{SECRETS}{fetching}ResourceNotFoundException: Secrets Manager can't find the"
            " specified secret."
        )
    if secret.get("KmsKeyId") and not _may_decrypt(role, str(secret["KmsKeyId"])):
        raise _StartError(f"{SECRETS}{fetching}AccessDeniedException: Access to KMS is not allowed")
    if key and key not in _json(value):
        raise _StartError(
            f"{SECRETS}retrieved secret from Secrets Manager did not contain json key {key}"
        )


def _read_parameter(source: str, role: str, task: Mapping[str, Any]) -> None:
    from ministack.services import ssm

    name = source.partition(":parameter")[2] or source
    region, account = task["taskArn"].split(":")[3:5]
    arn = f"arn:aws:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"
    if not _may(role, "ssm:GetParameters", arn):
        raise _StartError(f"{PARAMETERS}{_refused(role, task, 'ssm:GetParameters', arn)}")
    if ssm.resolve_parameter_value(name) is None:
        raise _StartError(f"{PARAMETERS}invalid ssm parameters: {name}")


def _refused(role: str, task: Mapping[str, Any], action: str, on: str) -> str:
    action = action if ":" in action else f"secretsmanager:{action}"
    session = task["taskArn"].rpartition("/")[2]
    acting = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    return (
        f"AccessDeniedException: User: {acting}/{session} is not authorized to perform: {action}"
        f" on resource: {on} because no identity-based policy allows the {action} action"
    )


def _json(value: str) -> Mapping[str, Any]:
    try:
        found = json.loads(value)
    except ValueError as error:
        raise _StartError(
            f"{SECRETS}invalid character '{value[:1]}' looking for beginning of value"
        ) from error
    return found if isinstance(found, dict) else {}


def _may(role: str, action: str, resource: str) -> bool:
    """Whether a role of this account may; one that is not here is not judged."""
    from ministack.services import iam

    found = iam._roles.get(role.rpartition("/")[2])
    if found is None:
        return True
    documents = [*(found.get("InlinePolicies") or {}).values()]
    for arn in found.get("AttachedPolicies", ()):
        document = _managed(arn)
        if document is None:
            return True  # a policy of AWS that MiniStack does not have
        documents.append(document)
    decision = decide([read(each) for each in documents], AccessRequest(action, resource, {}))
    return decision.answer is not Answer.NOT_ALLOWED and decision.answer is not Answer.DENIED


def _managed(arn: str) -> Any:
    from ministack.core.iam_evaluator import _resolve_managed_policy_document
    from ministack.core.responses import get_account_id

    return _resolve_managed_policy_document(arn, get_account_id())


def _may_decrypt(role: str, key: str) -> bool:
    from ministack.services import kms

    found = kms._keys.get(key.rpartition("/")[2])
    if found is None or key.startswith("alias/aws/"):
        return True
    return found.get("KeyState", "Enabled") == "Enabled" and _may(role, "kms:Decrypt", found["Arn"])


# The image.


def _pulls(definition: Mapping[str, Any], _: Mapping[str, Any], task: Any) -> None:
    from ministack.services import ecr

    region, account = task["taskArn"].split(":")[3:5]
    wanted = _architecture(definition)
    for container in definition.get("containerDefinitions", ()):
        image = str(container["image"])
        host, rest = image.partition("/")[::2]
        if not host.startswith(f"{account}.dkr.ecr.{region}."):
            continue
        name, version = _parts(rest)
        pushed = ecr._images.get(name)
        if name in ecr._repositories and not pushed:
            continue  # nothing was ever pushed: the test does not care for images
        found = [each for each in pushed or () if version in _names(each)]
        if not found:
            raise _StartError(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed"
                f" to resolve ref {image}: {image}: not found"
            )
        offered = _platforms(found[0])
        if offered and wanted not in offered:
            raise _StartError(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): image"
                f" Manifest does not contain descriptor matching platform 'linux/{wanted}'"
            )


def _parts(image: str) -> tuple[str, str]:
    """Repository, and tag or digest."""
    name, sign, version = image.partition("@")
    return (name, version) if sign else (name.partition(":")[0], name.partition(":")[2])


def _architecture(definition: Mapping[str, Any]) -> str:
    platform = definition.get("runtimePlatform") or {}
    return ARCHITECTURES[platform.get("cpuArchitecture") or "X86_64"]


def _names(image: Mapping[str, Any]) -> set[str]:
    return {image["imageDigest"], *image.get("imageTags", ())}


def _platforms(image: Mapping[str, Any]) -> set[str]:
    """The architectures of an index; empty for an image of one, which is pulled all the same."""
    return {
        each["platform"]["architecture"]
        for each in _manifest(image).get("manifests", ())
        if "platform" in each
    }


def _manifest(image: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        found = json.loads(image.get("imageManifest") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _built_for(account: str, region: str, image: str) -> str:
    """The architecture of an image of one, from its config; empty where it was not pushed."""
    from ministack.services import ecr

    name, version = _parts(image.removeprefix(f"{account}.dkr.ecr.{region}.amazonaws.com/"))
    for each in ecr._images.get(name) or ():
        if version in _names(each):
            digest = (_manifest(each).get("config") or {}).get("digest", "")
            blob = (ecr._layer_blobs.get(name) or {}).get(digest)
            return str(json.loads(blob).get("architecture", "")) if blob else ""
    return ""


# File systems and the log.

MOUNTING = (
    "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes:"
    " stderr:"
)


def _mounts(definition: Mapping[str, Any], network: Mapping[str, Any], task: Any) -> None:
    from ministack.services import ec2, efs

    region = task["taskArn"].split(":")[3]
    subnet = ec2._subnets.get((network.get("subnets") or [""])[0])
    if subnet is None:
        return
    for volume in definition.get("volumes", ()):
        system = (volume.get("efsVolumeConfiguration") or {}).get("fileSystemId")
        if not system:
            continue
        near = [
            each
            for each in efs._mount_targets.values()
            if each["FileSystemId"] == system
            and each["AvailabilityZoneName"] == subnet["AvailabilityZone"]
        ]
        if not near:
            raise _StartError(
                f'{MOUNTING} Failed to resolve "{system}.efs.{region}.amazonaws.com" - check that'
                " your file system ID is correct, and ensure that the VPC has an EFS mount target"
                " for this file system ID. See https://docs.aws.amazon.com/console/efs/mount-dns-name"
                " for more detail. : unsuccessful EFS utils command execution; code: 1"
            )
        groups = set(network.get("securityGroups") or ())
        if not any(_lets_in(ec2, each, groups, subnet) for each in near[0]["SecurityGroups"]):
            raise _StartError(
                f"{MOUNTING} b'mount.nfs4: Connection timed out' : unsuccessful EFS utils command"
                " execution; code: 32"
            )


def _lets_in(ec2: Any, group: str, workers: set[str], subnet: Mapping[str, Any]) -> bool:
    home = ipaddress.ip_network(subnet["CidrBlock"])
    for rule in (ec2._security_groups.get(group) or {}).get("IpPermissions", ()):
        first, last = int(rule.get("FromPort") or 0), int(rule.get("ToPort") or 65535)
        if str(rule["IpProtocol"]) != "-1" and not first <= NFS <= last:
            continue
        if any(pair.get("GroupId") in workers for pair in rule.get("UserIdGroupPairs", ())):
            return True
        ranges = [ipaddress.ip_network(each["CidrIp"]) for each in rule.get("IpRanges", ())]
        if any(home.subnet_of(each) for each in ranges):  # type: ignore[arg-type]
            return True
    return False


def _opens_log(definition: Mapping[str, Any], _: Mapping[str, Any], task: Any) -> None:
    from ministack.services import ecs

    for container, made in zip(
        definition.get("containerDefinitions", ()), task["containers"], strict=True
    ):
        identifier = task["taskArn"].rpartition("/")[2]
        config = ecs._awslogs_config(container, identifier, made["runtimeId"])
        if config and not ecs._ensure_awslogs_stream(config):
            raise _StartError(
                "ResourceInitializationError: failed to validate logger args: create stream has"
                " been retried 1 times: failed to create Cloudwatch log stream:"
                " ResourceNotFoundException: The specified log group does not exist. : exit status"
                " 1"
            )


# The program.


def _run(definition: Mapping[str, Any], task: dict[str, Any]) -> None:
    region, account = task["taskArn"].split(":")[3:5]
    for container, made in zip(
        definition.get("containerDefinitions", ()), task["containers"], strict=True
    ):
        image = str(container["image"])
        program = _PROGRAMS.get((account, image), Program())
        built = _built_for(account, region, image)
        if built and built != _architecture(definition):
            program = Program(1, ("exec /usr/local/bin/docker-entrypoint.sh: exec format error",))
        ends = _end(definition, container, program)
        _log(container, task, made, (*program.lines, *(ends.lines if ends else ())))
        if program.takes and ends is None:
            _take(container)
        if ends is not None and container.get("essential", True):
            made |= {"exitCode": ends.code, **({"reason": ends.reason} if ends.reason else {})}
            _stop(task, "EssentialContainerExited", ESSENTIAL, {})


@dataclass(frozen=True)
class _End:
    code: int
    lines: tuple[str, ...] = ()
    reason: str = ""


def _end(
    definition: Mapping[str, Any], container: Mapping[str, Any], program: Program
) -> _End | None:
    """How the program ends at once; None where it stays up."""
    limit = int(container.get("memory") or definition.get("memory") or 0)
    if limit and program.memory > limit:
        return _End(137, (), "OutOfMemoryError: Container killed due to memory usage")
    if container.get("readonlyRootFilesystem"):
        mounted = [str(each["containerPath"]) for each in container.get("mountPoints", ())]
        for path in program.writes:
            if not any(path.startswith(f"{each.rstrip('/')}/") for each in mounted):
                return _End(1, (f"Error: EROFS: read-only file system, open '{path}'",))
    return None if program.exits is None else _End(program.exits)


def _log(
    container: Mapping[str, Any], task: Mapping[str, Any], made: Mapping[str, Any],
    lines: tuple[str, ...],
) -> None:  # fmt: skip
    from ministack.services import ecs

    config = ecs._awslogs_config(container, task["taskArn"].rpartition("/")[2], made["runtimeId"])
    if config and ecs._ensure_awslogs_stream(config):
        for line in lines:
            ecs._emit_awslogs_event(config, line)


def _take(container: Mapping[str, Any]) -> None:
    """The program receives one message, and works on it as long as it is up."""
    from ministack.services import sqs

    urls = [each["value"] for each in container["environment"] if each["name"] == "QUEUE_URL"]
    own = str(urls[0]).rpartition("/")[2]
    for name, queue in list(sqs._queues.items()):
        if str(name).rpartition("/")[2] == own:
            for message in queue["messages"][:1]:
                message["visible_at"] = time.time() + TAKEN
                message["receive_count"] = 1
