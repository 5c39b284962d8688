"""What a task needs before it starts: its image, secrets, parameters and log group.

Source: ECS developer guide, "Task execution IAM role", "Pass sensitive data"; ECR API reference.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from workerstack.checks.worker import CLUSTER, Container, containers, mapping, truth
from workerstack.cloudformation import Resource, text
from workerstack.deployer import images
from workerstack.deployer.aws_errors import code_of
from workerstack.verifier.asking import GoneError, NotAllowedError
from workerstack.verifier.deployed_checks import LOG_GROUP
from workerstack.verifier.live_check import NotKnown
from workerstack.verifier.needs import MissingError, Need, Subject, check_key

ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
"""The processors of ECS in OCI's words."""

ARN_PARTS = 7
"""Parts of the ARN of a secret; key, stage and version stand behind them."""


def task_needs(subject: Subject) -> Iterator[Need]:
    """One for each image, secret and log group."""
    seen: set[tuple[str, str]] = set()
    for container in containers(subject.stack):
        image = text(container.get("Image"))
        if image is not None and ("image", image) not in seen:
            seen.add(("image", image))
            yield Need("image", f"{container.name}: its image exists, for the task's platform",
                       ("ecr",), partial(_image, container))  # fmt: skip
        for _, secret in container.members("Secrets"):
            source = secret.get("ValueFrom")
            name = text(source)
            if name is None or ("secret", name) in seen:
                continue
            seen.add(("secret", name))
            role = container.task.get("ExecutionRoleArn")
            if ":secretsmanager:" in name:
                yield Need("secret", f"{container.name}: {text(secret.get('Name'))} can be read",
                           ("secretsmanager", "kms"), partial(_secret, name, role))  # fmt: skip
            else:
                yield Need("parameter", f"{container.name}: {text(secret.get('Name'))} can be read",
                           ("ssm", "kms"), partial(_parameter, name, role))  # fmt: skip
        given = container.get("LogConfiguration", "Options", "awslogs-group")
        group = text(given)
        if (
            group
            and subject.stack.referred(given, LOG_GROUP) is None
            and ("log", group) not in seen
        ):
            seen.add(("log", group))
            yield Need("log-group", "the log group exists", ("logs",),
                       partial(_log_group, container, group))  # fmt: skip
    yield from _cluster_needs(subject)
    for own in subject.stack.of(LOG_GROUP):
        name = text(own.get("LogGroupName"))
        if name:
            yield Need("log-group", "the log group's name is free, or this stack's", ("logs",),
                       partial(_own_log_group, own, name))  # fmt: skip


def _cluster_needs(subject: Subject) -> Iterator[Need]:
    """One for each cluster that services run in and the stack does not have."""
    named = {
        name: service
        for service in subject.services
        if subject.stack.referred(service.get("Cluster"), CLUSTER) is None
        and (name := text(service.get("Cluster", default="default")))
    }
    for name, service in named.items():
        yield Need("cluster", "the cluster of another stack exists, with the capacity it needs",
                   ("ecs",), partial(_cluster, name, service))  # fmt: skip


def _cluster(name: str, service: Resource, subject: Subject) -> str:
    found = subject.ask("ecs", "describe_clusters", clusters=[name])["clusters"]
    if not found or found[0].get("status") != "ACTIVE":
        raise MissingError(
            f"there is no cluster {name}", "Create it, or correct ClusterName in params/"
        )
    offered = found[0].get("capacityProviders", ())
    strategy = service.get("CapacityProviderStrategy") or ()
    wanted = [text(mapping(each).get("CapacityProvider")) for each in strategy]
    missing = sorted(each for each in wanted if each and each not in offered)
    if missing:
        raise MissingError(
            f"the cluster {name} does not have {', '.join(missing)}",
            "Have whoever owns it add that capacity provider, or leave out `spot`",
        )
    return f"{name} is active, in another stack"


def _short(image: str) -> str:
    name, sign, digest = image.rpartition("/")[2].partition("@")
    return f"{name}{sign}{digest[:19]}"


def _image(container: Container, subject: Subject) -> str:
    from botocore.exceptions import ClientError

    whole = text(container.get("Image")) or ""
    reference = images.parse(whole)
    if reference is None:
        raise NotKnown(f"{whole} is not in a private registry of ECR, and is not looked for")
    repository = reference.repository
    try:
        found = images.find(subject.clients, repository, reference.wanted)
    except ClientError as error:
        if code_of(error) != "RepositoryNotFoundException":
            raise
        raise MissingError(
            f"there is no repository {repository.name} in {repository.account},"
            f" {repository.region}",
            "Create it and push the image, or correct ImageRepository in params/",
        ) from None
    if found is None:
        raise MissingError(
            f"{_short(whole)} is not in its repository",
            f"Push it; `./deploy.py ship {subject.deployment.name}` lists what is there",
        )
    if found.archived:
        raise MissingError(f"{_short(whole)} is archived in ECR", "Restore it, or name another one")
    platform = mapping(container.task.get("RuntimePlatform"))
    system = (text(platform.get("OperatingSystemFamily")) or "LINUX").partition("_")[0].lower()
    processor = ARCHITECTURES.get(text(platform.get("CpuArchitecture")) or "X86_64", "amd64")
    wanted = (system, processor)
    held = images.contents(subject.clients, repository, found)
    if held.kind:
        raise MissingError(
            f"{_short(whole)} is not a container image ({held.kind})", "Name an image"
        )
    offered = [(each.os, each.architecture) for each in held.platforms]
    if not offered:
        return f"{_short(whole)} exists; its platform is not known: {held.unknown}"
    if wanted not in offered:
        has = ", ".join(f"{each[0]}/{each[1]}" for each in offered)
        raise MissingError(
            f"{_short(whole)} is for {has}, and the task runs on {system}/{processor}",
            f"Build it for {system}/{processor}, or set CpuArchitecture of the task",
        )
    return f"{_short(whole)} exists, for {system}/{processor}"


def _secret(source: str, role: Any, subject: Subject) -> str:
    parts = source.split(":")
    arn = ":".join(parts[:ARN_PARTS])
    key = parts[ARN_PARTS] if len(parts) > ARN_PARTS else ""
    name = parts[ARN_PARTS - 1] if len(parts) >= ARN_PARTS else source
    try:
        found = subject.ask("secretsmanager", "describe_secret", SecretId=arn)
    except GoneError:
        raise MissingError(
            f"the secret {name} does not exist", "Create it, or correct its ARN in params/"
        ) from None
    if found.get("DeletedDate"):
        raise MissingError(
            f"the secret {name} is marked for deletion",
            f"aws secretsmanager restore-secret --secret-id {arn} --region {arn.split(':')[3]}",
        )
    encrypted = check_key(subject, str(found.get("KmsKeyId") or ""), role, f"the secret {name}")
    if key:
        _check_json_key(arn, parts[ARN_PARTS:], name, subject)
    return f"{name} exists{f', with the key {key}' if key else ''}{encrypted}"


def _check_json_key(arn: str, named: Sequence[str], name: str, subject: Subject) -> None:
    """The value is read for its keys alone, and goes nowhere.

    No other action tells the keys: DescribeSecret has no part of the value. ``named`` are JSON key,
    version stage and version ID, as they stand behind the ARN.
    """
    import json

    key, stage, version = [*named, "", ""][:3]
    which = {
        **({"VersionStage": stage} if stage else {}),
        **({"VersionId": version} if version else {}),
    }
    try:
        value = subject.ask("secretsmanager", "get_secret_value", SecretId=arn, **which)
    except GoneError:
        raise MissingError(
            f"the secret {name} has no version {stage or version}",
            "Correct what stands behind the JSON key in ValueFrom",
        ) from None
    except NotAllowedError as error:
        raise NotKnown(
            f"the secret {name} exists; whether its value has the JSON key {key} only"
            f" {error.action} on {arn} tells, and kms:Decrypt where a customer key encrypts it."
            " The value is not looked at"
        ) from None
    try:
        keys = json.loads(value.get("SecretString") or "")
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise MissingError(
            f"ValueFrom names the JSON key {key}, and the value of {name} is not a JSON object",
            "Make it one, or leave the key out of ValueFrom",
        )
    if key not in keys:
        raise MissingError(
            f"the secret {name} has no JSON key {key}", "Add it, or correct ValueFrom"
        )


def _parameter(source: str, role: Any, subject: Subject) -> str:
    name = source
    if source.startswith("arn:"):
        _, _, _, region, account, rest = source.split(":", 5)
        if (region, account) != (subject.region, subject.account):
            raise NotKnown(f"{source} is of another account or Region")
        name = rest.removeprefix("parameter")
        name = name if name.count("/") > 1 else name.removeprefix("/")
    wanted = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    found = subject.ask("ssm", "describe_parameters", ParameterFilters=wanted)["Parameters"]
    if not found:
        raise MissingError(
            f"the SSM parameter {name} does not exist", "Create it, or correct ValueFrom"
        )
    key = str(found[0].get("KeyId") or "")
    return f"{name} exists{check_key(subject, key, role, f'the SSM parameter {name}')}"


def _groups(name: str, subject: Subject) -> bool:
    found = subject.ask("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
    return any(each["logGroupName"] == name for each in found)


def _log_group(container: Container, name: str, subject: Subject) -> str:
    if _groups(name, subject):
        return f"{name} exists"
    if truth(container.get("LogConfiguration", "Options", "awslogs-create-group")):
        return f"{name} is created by the first task"
    raise MissingError(
        f"the log group {name} does not exist", f"aws logs create-log-group --log-group-name {name}"
    )


def _own_log_group(own: Resource, name: str, subject: Subject) -> str:
    there = subject.deployed.get(own.logical_id)
    if there is not None and there.physical_id == name:
        return f"{name} is this stack's"
    if _groups(name, subject):
        subject.check_known()
        raise MissingError(
            f"the log group {name} exists already, and is not this stack's: it cannot be created",
            f"Choose another LogGroupName in params/, or delete it with its log:"
            f" aws logs delete-log-group --log-group-name {name}",
        )
    return f"{name} is free"
