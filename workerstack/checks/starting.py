"""E93xx: each single thing that a task needs to start and to work: rights, trust, ways out."""

import re
from collections.abc import Iterator
from typing import Any

from workerstack.checks.check import At, Violation, at, check
from workerstack.checks.rights import arn, may, role
from workerstack.checks.worker import (
    EFS,
    GROUP,
    TASK,
    Container,
    Named,
    containers,
    file_systems,
    groups_of,
    is_open,
    mapping,
    members,
    mounts,
    number,
    queues_of,
    services_of,
    truth,
)
from workerstack.cloudformation import Reference, Resource, Stack, Text, Unknown, text
from workerstack.cloudformation.policies import AccessRequest, Answer, Principal, decide, read
from workerstack.cloudformation.values import concatenated, pieces

ROLE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html"
TASK_ROLE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html"
LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"
SECRETS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html"
MOUNTING = "https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html"
KEYS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-key-management.html"
)
REACH = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"
TASKS = "ecs-tasks.amazonaws.com"
HTTPS, NFS = 443, 2049


@check("E9307", "An execution role", kind="cannot run", source=ROLE,
       because="ECS itself has none of your permissions.")  # fmt: skip
def execution_role_is_given(stack: Stack) -> Iterator[Violation]:
    """Pulling from ECR, secrets and awslogs need an execution role."""
    for container in containers(stack):
        needs = [name for name in ("Secrets", "LogConfiguration") if container.get(name)]
        needs += ["Image"] if repository(container) is not None else []
        if needs and "ExecutionRoleArn" not in container.task.properties:
            yield container.at(needs[0]).wrong(
                f"{container.name} has {needs[0]} but the task no execution role",
                "no task would start",
                "Give ExecutionRoleArn",
            )


def _executing(stack: Stack, container: Container) -> Resource | None:
    return role(stack, container.task.get("ExecutionRoleArn"))


@check("E9305", "Logs go where the role may write", kind="cannot run", source=LOGS,
       because="Without it, no task can start.")  # fmt: skip
def logs_go_where_the_role_may_write(stack: Stack) -> Iterator[Violation]:
    """The execution role may make streams in the log group and write to it, in this Region."""
    for container in containers(stack):
        if text(container.get("LogConfiguration", "LogDriver")) != "awslogs":
            continue
        options = mapping(container.get("LogConfiguration", "Options"))
        given = options.get("awslogs-group")
        executing = _executing(stack, container)
        place = container.at("LogConfiguration", "Options", "awslogs-group")
        group = stack.referred(given, "AWS::Logs::LogGroup") or _group_named(stack, text(given))
        shown = group.logical_id if group else text(given) or "the log group"
        region, here = text(options.get("awslogs-region")), stack.pseudo("AWS::Region")
        if group is not None and region is not None and region != text(here):
            yield container.at("LogConfiguration", "Options", "awslogs-region").wrong(
                f"{container.name} writes its logs in {region}",
                f"{group.logical_id} is made in the stack's Region",
                "Write `!Ref AWS::Region`",
            )
        if given is None or executing is None:
            continue
        asked = list(_log_arns(stack, group, given))
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        if truth(options.get("awslogs-create-group")):
            actions.append("logs:CreateLogGroup")
        missing = [each for each in actions if may(stack, executing, each, *asked) is False]
        if missing:
            yield place.wrong(
                f"{executing.logical_id} may not write to {shown}",
                f"without {' and '.join(missing)} no task would start",
                "Allow it on that log group",
            )


def _group_named(stack: Stack, name: str | None) -> Resource | None:
    """The log group of this stack that has a known name."""
    for each in stack.of("AWS::Logs::LogGroup"):
        if name is not None and text(each.get("LogGroupName")) == name:
            return each
    return None


def _log_arns(stack: Stack, group: Resource | None, given: Any) -> Iterator[Any]:
    """The ways in which a policy may name a log group or its streams."""
    if group is not None:
        yield stack.reference(group.logical_id, "Arn")
        yield concatenated([stack.reference(group.logical_id, "Arn"), ":log-stream:x"])
        given = group.get("LogGroupName", default=None) or stack.reference(group.logical_id)
    # The three spellings in use: policies of Logs name a group with and without `:*`, and streams
    # in it.
    for end in (":*", "", ":log-stream:x"):
        yield arn(stack, "logs", "log-group:", given, end)


PARTS_OF_A_KEY = 3
"""Colons behind a secret's ARN: key, stage and version."""

SECRET = re.compile(r"arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]*(?P<rest>.*)", re.DOTALL)


@check("E9308", "Secrets can be read", kind="cannot run", source=SECRETS,
       because="Without it, no task can start.")  # fmt: skip
def secrets_can_be_read(stack: Stack) -> Iterator[Violation]:
    """Each secret is an ARN, or a parameter's name in this Region, that the role may read."""
    for container in containers(stack):
        executing = _executing(stack, container)
        found = [("Secrets", n, each) for n, each in container.members("Secrets")]
        for kind, position, secret in found:
            yield from _secret(
                stack, executing, secret.get("ValueFrom"), container.at(kind, position)
            )


def _secret(
    stack: Stack, executing: Resource | None, source: Any, place: At
) -> Iterator[Violation]:
    parts = pieces(source)
    resource = stack.referred(source, "AWS::SecretsManager::Secret", "AWS::SSM::Parameter")
    known = text(source)
    shown = resource.logical_id if resource else known or "the secret"
    colons = _key_colons(parts)
    if colons not in (None, 0, PARTS_OF_A_KEY):
        yield place.wrong(
            f"{known or 'A secret'} names a key or version with {colons} colons",
            "after the ARN there are three: key, stage and version, each of which may be empty",
            "Write ARN:KEY::",
        )
        return
    is_parameter = _is_parameter(source, resource)
    if executing is None or is_parameter is None:
        return
    if is_parameter:
        action, asked = "ssm:GetParameters", source
        if known is not None and not known.startswith("arn:"):
            asked = arn(stack, "ssm", "parameter/", known.lstrip("/"))
        elif resource is not None:
            name = resource.get("Name")
            asked = arn(stack, "ssm", "parameter/", (text(name) or "").lstrip("/")) if text(
                name
            ) else stack.reference(resource.logical_id, "Arn")  # fmt: skip
    else:
        action, asked = "secretsmanager:GetSecretValue", _without_key(source)
    if may(stack, executing, action, asked) is False:
        yield place.wrong(
            f"{executing.logical_id} may not read {shown}",
            "no task would start",
            f"Allow {action} on it",
        )
    key = resource.get("KmsKeyId") if resource is not None else None
    if key is not None and may(stack, executing, "kms:Decrypt", _key_arn(stack, key)) is False:
        yield place.wrong(
            f"{executing.logical_id} may not decrypt {shown}",
            "it is under a key of its own, and no task would start",
            "Allow kms:Decrypt on that key",
        )


def _is_parameter(source: Any, resource: Resource | None) -> bool | None:
    """Whether a secret is one of Parameter Store; None where that is open."""
    if resource is not None:
        return resource.type == "AWS::SSM::Parameter"
    whole = "".join(each if isinstance(each, str) else "\0" for each in pieces(source))
    if ":secretsmanager:" in whole:
        return False
    if ":ssm:" in whole or ("\0" not in whole and not whole.startswith("arn:")):
        return True
    if isinstance(source, Unknown | Text) and whole.startswith("\0"):
        # A parameter with an ARN is by far the most likely secret of Secrets Manager, if its
        # declaration says so.
        return None if not _declares_secret(source) else False
    return None


def _declares_secret(source: Any) -> bool:
    first = pieces(source)[0]
    expression = first.expression if isinstance(first, Unknown) else None
    name = expression.get("Ref") if isinstance(expression, dict) else None
    return isinstance(name, str) and "secret" in name.lower()


def _key_colons(parts: tuple[Any, ...]) -> int | None:
    """The colons behind a secret's ARN; None where what stands there is not known."""
    if len(parts) == 1 and isinstance(parts[0], str):
        found = SECRET.fullmatch(parts[0])
        return found["rest"].count(":") if found else None
    rest = parts[1:]
    if isinstance(parts[0], Unknown | Reference) and all(isinstance(each, str) for each in rest):
        after = "".join(map(str, rest))
        return after.count(":") if after.startswith(":") or not after else None
    joined = "".join(each if isinstance(each, str) else "x" for each in parts)
    found = SECRET.fullmatch(joined)
    return found["rest"].count(":") if found else None


def _without_key(source: Any) -> Any:
    """A secret's ARN without key, stage and version."""
    parts = list(pieces(source))
    if len(parts) == 1 and isinstance(parts[0], str):
        found = re.match(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:secret:[^:]*", parts[0])
        return found[0] if found else parts[0]
    if isinstance(parts[0], str):
        last = parts[-1]
        if isinstance(last, str) and last.count(":") >= PARTS_OF_A_KEY:
            return concatenated([*parts[:-1], last.rsplit(":", 3)[0]])
        return source
    return parts[0]


NO_RESOURCE = "no-resource"
"""Asked of actions that know no resource: only a star allows them."""


def repository(container: Container) -> Any:
    """The name of the private ECR repository of an image, without tag; None for any other."""
    image = container.get("Image")
    parts = list(pieces(image))
    joined = "".join(each if isinstance(each, str) else "\0" for each in parts)
    if ".dkr.ecr." not in joined.partition("/")[0]:
        return None
    found: list[Any] = []
    is_name = False
    for part in parts:
        each = part
        if not is_name and isinstance(part, str) and "/" in part:
            is_name, each = True, part.partition("/")[2]
        if not is_name:
            continue
        if isinstance(each, str) and re.search(r"[:@]", each):
            found.append(re.split(r"[:@]", each)[0])
            return concatenated(found)
        found.append(each)
    return concatenated(found)


UNKNOWN = 0xE000
"""The first of the characters that stand for unknown pieces of a text; they are nobody's."""


def _repository_arn(stack: Stack, container: Container, name: Any) -> Any:
    """The ARN of a repository, in the account and Region of its registry."""
    parts = pieces(container.get("Image"))
    joined = "".join(
        each if isinstance(each, str) else chr(UNKNOWN + number)
        for number, each in enumerate(parts)
    )
    found = re.match(r"([^./]+)\.dkr\.ecr\.([^./]+)\.", joined)
    if not found:
        return arn(stack, "ecr", "repository/", name)

    def given(group: int) -> list[Any]:
        return [
            parts[ord(each) - UNKNOWN] if ord(each) >= UNKNOWN else each for each in found[group]
        ]

    partition = stack.pseudo("AWS::Partition")
    return concatenated(
        ["arn:", partition, ":ecr:", *given(2), ":", *given(1), ":repository/", name]
    )


@check("E9310", "The image can be pulled", kind="cannot run", source=ROLE,
       because="Without it, no task can start.")  # fmt: skip
def image_can_be_pulled(stack: Stack) -> Iterator[Violation]:
    """The execution role may sign in to ECR and pull from the image's repository."""
    for container in containers(stack):
        executing, name = _executing(stack, container), repository(container)
        if executing is None or name is None:
            continue
        own = stack.referred(container.get("Image"), "AWS::ECR::Repository")
        there = _repository_arn(stack, container, name)
        if own is not None:
            there = stack.reference(own.logical_id, "Arn")
        asked = {
            "ecr:GetAuthorizationToken": NO_RESOURCE,
            "ecr:BatchCheckLayerAvailability": there,
            "ecr:BatchGetImage": there,
            "ecr:GetDownloadUrlForLayer": there,
        }
        missing = [
            action
            for action, resource in asked.items()
            if may(stack, executing, action, resource) is False
        ]
        if missing:
            is_sign_in = asked[missing[0]] is NO_RESOURCE
            star = "; ecr:GetAuthorizationToken knows no resource but *" if is_sign_in else ""
            yield container.at("Image").wrong(
                f"{executing.logical_id} may not pull {text(name) or 'the image'}",
                f"without {' and '.join(missing)} no task would start",
                f"Allow it on that repository{star}",
            )


@check("E9311", "Mounting is allowed", kind="cannot run", source=MOUNTING,
       because="Else the mount fails and no task starts.")  # fmt: skip
def mounting_is_allowed(stack: Stack) -> Iterator[Violation]:
    """With IAM on a file system, the task role may mount it, and write where it is written."""
    for task in stack.of(TASK):
        acting = role(stack, task.get("TaskRoleArn"))
        for name, volume, place in file_systems(task):
            if text(mapping(volume.get("AuthorizationConfig")).get("IAM")) != "ENABLED":
                continue
            system = volume.get("FilesystemId")
            own = stack.referred(system, "AWS::EFS::FileSystem")
            shown = own.logical_id if own else text(system) or "the file system"
            there = stack.reference(own.logical_id, "Arn") if own else arn(
                stack, "elasticfilesystem", "file-system/", system
            )  # fmt: skip
            points = list(mounts(task, name))
            writes = any(truth(each.get("ReadOnly", False)) is False for each in points)
            actions = ["elasticfilesystem:ClientMount"]
            actions += ["elasticfilesystem:ClientWrite"] if writes else []
            if "TaskRoleArn" not in task.properties:
                yield place.wrong(
                    f"No task role may mount {shown}",
                    "the mount fails and no task starts",
                    "Allow elasticfilesystem:ClientMount on it in the task role",
                )
            for action in actions if acting else ():
                if acting and may(stack, acting, action, there) is False:
                    is_mount = action.endswith("Mount")
                    yield place.wrong(
                        f"{acting.logical_id} may not {'mount' if is_mount else 'write to'}"
                        f" {shown}",
                        "the mount fails and no task starts" if is_mount else
                        "it is read-only then, and the mount point is not",
                        f"Allow {action} on it in the task role",
                    )  # fmt: skip


def _queue_arn(stack: Stack, queue: Named) -> Any:
    if queue.queue is not None:
        return stack.reference(queue.queue.logical_id, "Arn")
    return arn(stack, "sqs", queue.name)


@check("E9325", "The role consumes the worker's queue", kind="cannot run", source=TASK_ROLE,
       because="Else every receive is denied.")  # fmt: skip
def role_consumes_the_queue(stack: Stack) -> Iterator[Violation]:
    """The task role may receive from, and delete from, a queue that the container is told."""
    for task in stack.of(TASK):
        acting, queues = role(stack, task.get("TaskRoleArn")), queues_of(stack, task)
        first = next(iter_containers(stack, task), None)
        if not queues or first is None:
            continue
        if "TaskRoleArn" not in task.properties:
            yield at(task).wrong(
                f"{task.logical_id} has no task role",
                "every receive from its queue is denied",
                "Give TaskRoleArn",
            )
        if acting is None:
            continue
        receives = [
            queue
            for queue in queues
            if may(stack, acting, "sqs:ReceiveMessage", _queue_arn(stack, queue)) is not False
        ]
        if not receives:
            yield first.at().wrong(
                f"{acting.logical_id} may not do sqs:ReceiveMessage on {queues[0]}",
                "the worker could not work",
                "Allow it on that queue",
            )
        for queue in receives:
            if may(stack, acting, "sqs:DeleteMessage", _queue_arn(stack, queue)) is False:
                yield first.at().wrong(
                    f"{acting.logical_id} may not do sqs:DeleteMessage on {queue}",
                    "what is done comes back again and again",
                    "Allow it on that queue",
                )


def iter_containers(stack: Stack, task: Resource) -> Iterator[Container]:
    """The containers of one task definition."""
    return (each for each in containers(stack) if each.task is task)


def _key_arn(stack: Stack, key: Any) -> Any:
    """The ARN of a KMS key; ``*`` where only its alias is known."""
    own = stack.referred(key, "AWS::KMS::Key")
    if own is not None:
        return stack.reference(own.logical_id, "Arn")
    whole = text(key)
    if whole is not None and "alias/" in whole:
        return "*"
    if whole is not None and not whole.startswith("arn:"):
        return arn(stack, "kms", "key/", whole)
    return key if whole is not None else "*"


@check("E9339", "Encrypted messages can be read", kind="cannot run", source=KEYS,
       because="A consumer of a queue under a customer key needs kms:Decrypt.")  # fmt: skip
def messages_can_be_decrypted(stack: Stack) -> Iterator[Violation]:
    """Where the worker's queue has a customer key, the task role may decrypt with it."""
    for task in stack.of(TASK):
        acting = role(stack, task.get("TaskRoleArn"))
        for queue in queues_of(stack, task) if acting else ():
            key = queue.queue.get("KmsMasterKeyId") if queue.queue else None
            if key in (None, "") or (text(key) or "").endswith("alias/aws/sqs"):
                continue
            own = stack.referred(key, "AWS::KMS::Key")
            if own is not None and acting and _lets_in(stack, own, acting):
                continue
            if acting and may(stack, acting, "kms:Decrypt", _key_arn(stack, key)) is False:
                yield at(task, "TaskRoleArn").wrong(
                    f"{acting.logical_id} may not decrypt the messages of {queue}",
                    "they are under a customer key, and every receive fails",
                    "Allow kms:Decrypt on that key",
                )


def _lets_in(stack: Stack, key: Resource, acting: Resource) -> bool:
    """Whether a key's own policy names a role."""
    names = [each for statement in read(key.get("KeyPolicy")).statements
             for each in statement.principals or ()]  # fmt: skip
    # By its text as well: the role's ARN may be known to neither, and its logical id is in both.
    own = Principal("AWS", str(stack.reference(acting.logical_id, "Arn")))
    return any(each == own or acting.logical_id in str(each) for each in names)


@check(
    "E9340",
    "ECS may take on the roles",
    kind="cannot run",
    source=TASK_ROLE,
    because="Tasks take on their roles as ecs-tasks.amazonaws.com, by sts:AssumeRole.",
)
def roles_can_be_taken_on(stack: Stack) -> Iterator[Violation]:
    """Task and execution role trust ecs-tasks.amazonaws.com, whatever the task."""
    for task in stack.of(TASK):
        for name in ("TaskRoleArn", "ExecutionRoleArn"):
            acting = role(stack, task.get(name))
            if acting is None:
                continue
            document = acting.get("AssumeRolePolicyDocument")
            request = AccessRequest(
                "sts:AssumeRole",
                None,
                {
                    "aws:SourceAccount": stack.pseudo("AWS::AccountId"),
                    "aws:SourceArn": arn(stack, "ecs", "task/", Unknown("TASK", "it is not made")),
                },
                Principal("Service", TASKS),
            )
            found = decide([read(document)], request)
            if found.answer in (Answer.NOT_ALLOWED, Answer.DENIED):
                yield at(acting, "AssumeRolePolicyDocument").wrong(
                    f"{acting.logical_id} does not let ECS's tasks take it on",
                    f"{TASKS} needs sts:AssumeRole, for the account's tasks of any cluster",
                    f"Trust {TASKS}, with conditions on the account only",
                )


EGRESS = "AWS::EC2::SecurityGroupEgress"


@check(
    "E9341",
    "The worker reaches what it needs",
    kind="cannot run",
    source=REACH,
    because="Registry, queue, secrets and logs are reached by 443, a file system by 2049.",
)
def worker_reaches_out(stack: Stack) -> Iterator[Violation]:
    """The worker's own groups let out tcp 443, and 2049 where a file system is mounted."""
    for task in stack.of(TASK):
        ports = {HTTPS: "the registry, the queue and the logs are"}
        if any(EFS in volume for _, volume in members(task.get("Volumes"))):
            ports[NFS] = "the file system is"
        for service in services_of(stack, task):
            groups = groups_of(stack, service)
            for port, what in ports.items():
                if groups and not any(_lets_out(stack, each, port) for each in groups):
                    yield at(groups[0], "SecurityGroupEgress").wrong(
                        f"{groups[0].logical_id} lets out no tcp {port}",
                        f"{what} not reached, and no task starts",
                        f"Add an egress rule for tcp {port}",
                    )


def _lets_out(stack: Stack, group: Resource, port: int) -> bool:
    """Whether a group lets out a port, or may."""
    inline = group.get("SecurityGroupEgress")
    if inline is None or (is_open(inline) and not isinstance(inline, list)):
        return True  # without rules EC2 makes one that lets out everything
    beside = [
        dict(each.properties)
        for each in stack.of(EGRESS)
        if stack.referred(each.get("GroupId"), GROUP) is group
    ]
    rules = [each for _, each in members(inline)] + beside
    if any(not isinstance(each, dict) for each in inline):
        return True
    return any(_is_about(each, port) for each in rules)


def _is_about(rule: dict[str, Any], port: int) -> bool:
    protocol = text(rule.get("IpProtocol"))
    if protocol is None or protocol == "-1":
        return True
    if protocol.lower() not in ("tcp", "6"):
        return False
    first, last = number(rule.get("FromPort")), number(rule.get("ToPort"))
    return (first is None or first <= port) and (last is None or last == -1 or last >= port)
