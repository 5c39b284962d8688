"""The live ECS service: tasks and why they stopped, log, queue, alarms, scalable target.

Nothing of it decides anything, so what cannot be read is said and not guessed.

Source: ECS API reference, Task (stopCode, stoppedReason); "Stopped tasks error messages".

Source: Application Auto Scaling, "Suspend and resume scaling", RegisterScalableTarget.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.problem import Problem

LINES = 5
"""How many of the newest log lines are shown."""

WINDOW = timedelta(minutes=10)
"""How old a log line may be, so that a long operation does not read the log over and over."""

BY_DESIGN = frozenset({"ServiceSchedulerInitiated"})
"""Why ECS itself stops tasks, to scale in or to replace them (ECS: Task, stopCode)."""


@dataclass(frozen=True)
class EcsDeployment:
    """One of a service's deployments, as ECS counts it."""

    revision: str
    status: str
    desired: int
    running: int
    pending: int
    failed: int
    state: str
    reason: str


@dataclass(frozen=True)
class Protected:
    """A task that a deployment waits for, by name, and until when it is protected, ISO 8601."""

    task: str
    until: str


@dataclass(frozen=True)
class Rollout:
    """What ECS, SQS and the log say now; ``unknown`` are sentences on what did not answer.

    ``back`` are sentences on why a deployment of the service is rolled back or was stopped,
    ``waits_for`` protected tasks of an earlier deployment, which ECS does not stop.
    """

    deployments: tuple[EcsDeployment, ...] = ()
    back: tuple[str, ...] = ()
    waits_for: tuple[Protected, ...] = ()
    stopped: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    waiting: int | None = None
    in_flight: int | None = None
    dead: int | None = None
    unknown: tuple[str, ...] = ()


def read_rollout(clients: Clients, service_arn: str, since: datetime, now: datetime) -> Rollout:
    """The rollout of a service; ``service_arn`` is arn:...:service/CLUSTER/SERVICE.

    ``since``: when it began; what stopped or was logged before is of another one.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    unknown: list[str] = []

    def asked(what: str, ask: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return ask()
        except (BotoCoreError, ClientError, KeyError) as error:
            unknown.append(f"{what} could not be read: {error}")
            return otherwise

    ecs, cluster = clients("ecs"), service_arn.split("/")[-2]
    service = asked(
        "The service",
        lambda: ecs.describe_services(cluster=cluster, services=[service_arn])["services"][0],
        {},
    )
    task = asked("The task definition", lambda: _task_definition(ecs, service), {})
    queue = asked("The queue", lambda: depth(clients("sqs"), queue_url(task)), {})
    return Rollout(
        deployments=tuple(_deployment(each) for each in service.get("deployments", ())),
        back=tuple(
            asked("The service's deployments", lambda: _back(ecs, cluster, service_arn, since), ())
        ),
        waits_for=tuple(
            asked("Protection", lambda: waited_for(ecs, cluster, service_arn, service), ())
        ),
        stopped=tuple(
            asked("Stopped tasks", lambda: stopped(ecs, cluster, service_arn, since), ())
        ),
        log=tuple(
            asked("The log", lambda: log(clients("logs"), task, max(since, now - WINDOW)), ())
        ),
        waiting=queue.get("waiting"),
        in_flight=queue.get("in_flight"),
        dead=queue.get("dead"),
        unknown=tuple(unknown),
    )


def _deployment(answer: Mapping[str, Any]) -> EcsDeployment:
    return EcsDeployment(
        revision=answer.get("taskDefinition", "").rpartition("/")[2],
        status=answer.get("status", ""),
        desired=answer.get("desiredCount", 0),
        running=answer.get("runningCount", 0),
        pending=answer.get("pendingCount", 0),
        failed=answer.get("failedTasks", 0),
        state=answer.get("rolloutState", ""),
        reason=answer.get("rolloutStateReason", ""),
    )


def waited_for(ecs: Any, cluster: str, arn: str, service: Mapping[str, Any]) -> Iterator[Protected]:
    """Running tasks of earlier deployments that are protected.

    Source: ECS Developer Guide, "Task scale-in protection": a deployment does not stop them
    until the protection is removed or expires. API reference, Task (startedBy is the id of the
    deployment), GetTaskProtection.
    """
    primary = {
        each.get("id") for each in service.get("deployments", ()) if each.get("status") == "PRIMARY"
    }
    earlier = [
        each
        for each in service.get("deployments", ())
        if each.get("status") != "PRIMARY" and each.get("runningCount")
    ]
    if not earlier:
        return
    tasks = [
        each.arn
        for each in tasks_of(ecs, cluster, arn, ("RUNNING",))
        if each.started_by not in primary
    ]
    for start in range(0, len(tasks), TASKS_A_CALL):
        answer = ecs.get_task_protection(cluster=cluster, tasks=tasks[start : start + TASKS_A_CALL])
        for each in answer["protectedTasks"]:
            if each.get("protectionEnabled"):
                until = each.get("expirationDate")
                yield Protected(
                    each["taskArn"].rpartition("/")[2],
                    until.astimezone(UTC).isoformat(timespec="seconds") if until else "",
                )


ENDED_BADLY = ("ROLLBACK", "STOP")
"""How the states begin of a service deployment that does not end as it was meant to."""


def _back(ecs: Any, cluster: str, service_arn: str, since: datetime) -> list[str]:
    """Why deployments of a service are rolled back: the circuit breaker, an alarm, a person.

    Source: ECS API reference, ListServiceDeployments, DescribeServiceDeployments.
    """
    listed = ecs.list_service_deployments(
        cluster=cluster, service=service_arn, createdAt={"after": since}
    )["serviceDeployments"]
    bad = [each for each in listed if str(each.get("status", "")).startswith(ENDED_BADLY)]
    if not bad:
        return []
    sentences = []
    arns = [each["serviceDeploymentArn"] for each in bad]
    for each in ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]:
        breaker = each.get("deploymentCircuitBreaker", {})
        reasons = [each.get("statusReason"), each.get("rollback", {}).get("reason")]
        if breaker.get("status") == "TRIGGERED":
            reasons.append(
                f"circuit breaker: {breaker.get('failureCount')} tasks failed, of"
                f" {breaker.get('threshold')} that it allows"
            )
        if alarms := each.get("alarms", {}).get("triggeredAlarmNames"):
            reasons.append(f"in ALARM: {', '.join(alarms)}")
        said = "; ".join(dict.fromkeys(filter(None, reasons)))
        sentences.append(f"{each['status']}{f': {said}' if said else ''}")
    return sentences


def _task_definition(ecs: Any, service: Mapping[str, Any]) -> Mapping[str, Any]:
    if not service.get("taskDefinition"):
        return {}
    answer = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
    found: Mapping[str, Any] = answer["taskDefinition"]
    return found


def stopped(ecs: Any, cluster: str, service: str, since: datetime) -> list[str]:
    """Why tasks of a service stopped, the reason of the container with it.

    Not those that ECS stopped as it was told to.
    """
    return [
        task.reason
        for task in tasks_of(ecs, cluster, service, ("STOPPED",))
        if task.stop_code not in BY_DESIGN and (task.stopped_at or since) >= since
    ]


def log(logs: Any, task: Mapping[str, Any], since: datetime) -> list[str]:
    """The newest lines of the containers of a task definition."""
    return lines(logs, task, since)[-LINES:]


def lines(logs: Any, task: Mapping[str, Any], since: datetime) -> list[str]:
    """All lines of the containers of a task definition since then, in order."""
    groups = {
        each["logConfiguration"]["options"]["awslogs-group"]
        for each in task.get("containerDefinitions", ())
        if "awslogs-group" in each.get("logConfiguration", {}).get("options", {})
    }
    events = [
        event
        for group in sorted(groups)
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since.timestamp() * 1000)
        )
        for event in page["events"]
    ]
    return [each["message"].rstrip() for each in sorted(events, key=lambda e: e["timestamp"])]


def queue_url(task: Mapping[str, Any]) -> str:
    """The queue of a worker's task, from its environment; empty where it has none.

    A worker beside a sidecar is given the sidecar's URL, and the sidecar is given SQS's.
    """
    urls = [
        str(each["value"])
        for container in task.get("containerDefinitions", ())
        for each in container.get("environment", ())
        if each["name"] == "QUEUE_URL"
    ]
    # False sorts before True: SQS's own URL wins over one of a sidecar, which only the task
    # reaches.
    return min(urls, key=lambda url: url.startswith("http://127.0.0.1:"), default="")


COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
"""What SQS counts (GetQueueAttributes), by what we call it."""


def messages(sqs: Any, url: str) -> dict[str, int]:
    """How many messages of a queue wait, are in flight or delayed."""
    return _counted(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*COUNTS.values()]))


def _counted(answer: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(answer["Attributes"][each]) for name, each in COUNTS.items()}


def depth(sqs: Any, url: str) -> dict[str, int | None]:
    """How many messages wait, are in flight or delayed, and lie in the dead-letter queue."""
    if not url:
        return {}
    wanted = [*COUNTS.values(), "RedrivePolicy"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)
    return {**_counted(answer), "dead": _dead(sqs, answer["Attributes"].get("RedrivePolicy"))}


def _dead(sqs: Any, policy: str | None) -> int | None:
    import json

    if not policy:
        return None
    # The queue may be another account's, whose URL does not follow from ours.
    *_, account, name = json.loads(policy)["deadLetterTargetArn"].split(":")
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return messages(sqs, url)["waiting"]


OLDEST = "ApproximateAgeOfOldestMessage"


def oldest(cloudwatch: Any, queue: str, now: datetime) -> float | None:
    """Seconds that the oldest message waits; None without a datapoint of the last ten minutes."""
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": OLDEST,
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
    }
    query = {"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    answer = cloudwatch.get_metric_data(
        ScanBy="TimestampDescending", StartTime=now - WINDOW, EndTime=now,
        MetricDataQueries=[query],
    )  # fmt: skip
    values = [value for each in answer["MetricDataResults"] for value in each["Values"]]
    return float(values[0]) if values else None


TASKS_A_CALL = 100
"""Tasks that DescribeTasks takes at most."""

FAILURES = frozenset({"TaskFailedToStart", "EssentialContainerExited"})
"""Stop codes that a container is to blame for; the others are scaling, a deployment, a person."""


@dataclass(frozen=True)
class EcsTask:
    """One task; ``reason`` is why it stopped, ``failed`` whether it did so by a fault.

    ``exit_codes`` and ``digests`` (of the images) are those of its containers, by name.
    """

    arn: str
    task_definition: str
    status: str
    reason: str = ""
    failed: bool = False
    stop_code: str = ""
    started_by: str = ""
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    created_at: datetime | None = None
    exit_codes: tuple[tuple[str, int], ...] = ()
    digests: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]


def tasks_of(
    ecs: Any, cluster: str, service: str, statuses: Iterable[str] = ("RUNNING", "STOPPED")
) -> list[EcsTask]:
    """All tasks of a service, by name or ARN; ECS keeps stopped ones for about an hour."""
    arns = [
        arn
        for status in statuses
        for page in ecs.get_paginator("list_tasks").paginate(
            cluster=cluster, serviceName=service.rpartition("/")[2], desiredStatus=status
        )
        for arn in page["taskArns"]
    ]
    return described(ecs, cluster, arns)


def described(ecs: Any, cluster: str, arns: Sequence[str]) -> list[EcsTask]:
    """Tasks by their ARNs; one that ECS does not know (any more) is left out."""
    return [
        task_of(answer)
        for start in range(0, len(arns), TASKS_A_CALL)
        for answer in ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_A_CALL])[
            "tasks"
        ]
    ]


def task_of(answer: Mapping[str, Any]) -> EcsTask:
    """A task as DescribeTasks and RunTask answer it."""
    containers = answer.get("containers", ())
    # ECS says EssentialContainerExited also of a program that ended well, as a batch does.
    clean = bool(containers) and all(each.get("exitCode") == 0 for each in containers)
    return EcsTask(
        arn=answer.get("taskArn", ""),
        task_definition=answer.get("taskDefinitionArn", ""),
        status=answer.get("lastStatus", ""),
        reason="; ".join(_reasons(answer, containers)),
        failed=answer.get("stopCode") in FAILURES and not clean,
        stop_code=answer.get("stopCode", ""),
        started_by=answer.get("startedBy", ""),
        started_at=answer.get("startedAt"),
        stopped_at=answer.get("stoppedAt"),
        created_at=answer.get("createdAt"),
        exit_codes=tuple(
            (str(each.get("name")), int(each["exitCode"]))
            for each in containers
            if each.get("exitCode") is not None
        ),
        digests=tuple(
            (str(each.get("name")), str(each["imageDigest"]))
            for each in containers
            if each.get("imageDigest")
        ),
    )


def _reasons(answer: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    if answer.get("stoppedReason"):
        yield str(answer["stoppedReason"])
    for each in containers:
        if each.get("exitCode") is not None:
            yield f"{each.get('name')} exited with {each['exitCode']}"
        if each.get("reason"):
            yield str(each["reason"])


@dataclass(frozen=True)
class LiveWorker:
    """The service and what hangs on it, as the Describe calls answer."""

    service: Mapping[str, Any]
    task_definition: Mapping[str, Any]
    file_systems: Mapping[str, list[Mapping[str, Any]]]
    policies: list[Mapping[str, Any]]
    scalable_target: Mapping[str, Any]
    alarms: Mapping[str, Mapping[str, Any]]


def read_worker(clients: Clients, stack_id: str) -> LiveWorker:
    """The worker of a stack; raises Problem where the stack has no service."""
    service = read_service(clients, stack_id)
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if not network or not service.get("taskDefinition"):
        raise Problem(
            f"The service {service['serviceName']} is no worker that Fargate could run",
            "it has no task definition of its own, or its tasks no address in a VPC",
            "Give it the deployment controller ECS and the network mode awsvpc",
        )
    ecs = clients("ecs")
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    policies = _policies(clients, service)
    names = [alarm["AlarmName"] for policy in policies for alarm in policy.get("Alarms", ())]
    return LiveWorker(
        service=service,
        task_definition=task,
        file_systems={name: _mount_groups(clients, name) for name in _file_systems(task)},
        policies=policies,
        scalable_target=target(clients("application-autoscaling"), service),
        alarms=_alarms(clients, names),
    )


class NoServiceError(Problem):
    """The stack has no ECS service: there is nothing that would run its tasks."""


def queue_name(clients: Clients, stack_id: str) -> str:
    """The queue that the worker of a stack is given; raises Problem where there is none."""
    service = read_service(clients, stack_id)
    url = queue_url(_task_definition(clients("ecs"), service))
    if not url:
        raise Problem(
            f"The queue of {service['serviceName']} is not known",
            "no container of its task definition is given a QUEUE_URL",
            "Export the queue's metrics into a file and give that",
        )
    return url.rpartition("/")[2]


def read_service(clients: Clients, stack_id: str) -> Mapping[str, Any]:
    """The service of a stack as DescribeServices answers; raises Problem where there is none."""
    resources = stacks.resources(clients("cloudformation"), stack_id)
    services = [each.physical_id for each in resources if each.type == "AWS::ECS::Service"]
    arn = next(filter(None, services), "")
    if not arn:
        raise NoServiceError(
            "The stack has no ECS service", "there is nothing to verify", "Deploy the worker first"
        )
    cluster = arn.split("/")[1]
    found = clients("ecs").describe_services(cluster=cluster, services=[arn])["services"]
    # ECS goes on describing a service that was deleted, as INACTIVE.
    if not found or found[0].get("status") == "INACTIVE":
        raise Problem(
            f"The service {arn} does not exist",
            "the stack says that it does; it was deleted by hand",
            "Find out by whom, then deploy again",
        )
    return dict(found[0])


def _groups(clients: Clients, ids: list[str]) -> list[Mapping[str, Any]]:
    return list(clients("ec2").describe_security_groups(GroupIds=ids)["SecurityGroups"])


def _file_systems(task: Mapping[str, Any]) -> list[str]:
    volumes = [each.get("efsVolumeConfiguration") for each in task.get("volumes", ())]
    return [each["fileSystemId"] for each in volumes if each]


def _mount_groups(clients: Clients, file_system: str) -> list[Mapping[str, Any]]:
    """The security groups of a file system's mount targets."""
    efs = clients("efs")
    targets = efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
    ids = {
        group
        for target in targets
        for group in efs.describe_mount_target_security_groups(
            MountTargetId=target["MountTargetId"]
        )["SecurityGroups"]
    }
    return _groups(clients, sorted(ids)) if ids else []


def _policies(clients: Clients, service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    pages = (
        clients("application-autoscaling")
        .get_paginator("describe_scaling_policies")
        .paginate(ServiceNamespace="ecs", ResourceId=resource_id(service))
    )
    return [policy for page in pages for policy in page["ScalingPolicies"]]


def _alarms(clients: Clients, names: list[str]) -> dict[str, Mapping[str, Any]]:
    if not names:
        return {}
    answer = clients("cloudwatch").describe_alarms(AlarmNames=names)
    return {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}


def metrics(alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The metrics that an alarm looks at, by itself or through metric math."""
    if alarm.get("MetricName"):
        yield alarm
    for query in alarm.get("Metrics", ()):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"]


DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
SCALE_IN = "DynamicScalingInSuspended"


def resource_id(service: Mapping[str, Any]) -> str:
    """``service/CLUSTER/SERVICE``, the name that scaling has for an ECS service."""
    cluster = service["clusterArn"].rpartition("/")[2]
    return f"service/{cluster}/{service['serviceName']}"


def target(autoscaling: Any, service: Mapping[str, Any]) -> Mapping[str, Any]:
    """The service's scalable target; empty where nothing scales it."""
    found = autoscaling.describe_scalable_targets(**DIMENSION, ResourceIds=[resource_id(service)])[
        "ScalableTargets"
    ]
    return dict(found[0]) if found else {}


def suspend(clients: Clients, resource: str, suspended: Mapping[str, bool]) -> None:
    """Suspends or resumes scaling, and leaves the capacities as they are."""
    clients("application-autoscaling").register_scalable_target(
        **DIMENSION, ResourceId=resource, SuspendedState=dict(suspended)
    )


def resume_command(found: Mapping[str, Any], suspended: Mapping[str, bool]) -> str:
    """The command with which a person does what ``suspend`` does."""
    states = ",".join(f"{name}={str(value).lower()}" for name, value in suspended.items())
    return (
        "aws application-autoscaling register-scalable-target --service-namespace ecs"
        f" --scalable-dimension {DIMENSION['ScalableDimension']}"
        f" --resource-id {found['ResourceId']} --suspended-state {states}"
    )
