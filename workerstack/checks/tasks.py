"""E93xx: tasks, services, file systems and queues as AWS really wants them."""

from workerstack.checks.resolved import Resolved, Resource, mapping, number, sequence
from workerstack.checks.rule import Faults, rule
from workerstack.checks.worker import EFS, containers, file_systems, queue_name, resources_of, role
from workerstack.cloudformation import references

TASK = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html"
SERVICE = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html"
)
VOLUMES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html"
QUEUES = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
    "sqs-dead-letter-queues.html"
)
GIB = 1024

# The same as in templates/specification.py: a rule that asked the builder would find nothing.
MEMORY = {
    256: (512, 1 * GIB, 2 * GIB),
    512: range(1 * GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
FULL = 100
FOUR_DAYS = 345_600


@rule("E9311", "Mounting is allowed", "Else the mount fails and no task starts.", VOLUMES)
def mounting_is_allowed(template: Resolved) -> Faults:
    """With IAM on a file system, the task role may mount it."""
    for task in template.of("ECS::TaskDefinition"):
        acting = role(template, task.properties.get("TaskRoleArn"))
        given = "TaskRoleArn" in task.properties
        for volume, path in file_systems(task):
            system = str(volume.get("FilesystemId"))
            allowed = resources_of(acting, "elasticfilesystem:ClientMount") if acting else []
            fits = any(arn == "*" or arn.endswith(f":file-system/{system}") for arn in allowed)
            if not given or (acting and not fits):
                who = acting.id if acting else "No task role"
                yield (
                    path,
                    f"{who} may not mount {system}: the mount fails and no task starts. Allow "
                    "elasticfilesystem:ClientMount on it in the task role.",
                )


@rule("E9312", "The file system is reached safely", "An access point asks for it.", VOLUMES)
def file_system_is_safe(template: Resolved) -> Faults:
    """Transit encryption and IAM are on; with an access point there is no other root."""
    for task in template.of("ECS::TaskDefinition"):
        for volume, path in file_systems(task):
            authorization = mapping(volume.get("AuthorizationConfig"))
            if volume.get("TransitEncryption") != "ENABLED":
                yield path, "Transit encryption is off: IAM and access points need it. Enable it."
            if authorization.get("IAM") != "ENABLED":
                yield path, "IAM authorization is off: anybody in the network may mount. Enable it."
            if authorization.get("AccessPointId") and volume.get("RootDirectory", "/") != "/":
                yield (
                    (*path, "RootDirectory"),
                    "A root directory besides an access point: ECS refuses both. Remove it.",
                )


@rule("E9314", "Platform version", "EFS needs 1.4.0.", VOLUMES)
def platform_mounts_file_systems(template: Resolved) -> Faults:
    """The service runs on platform version 1.4.0 or LATEST."""
    for service in template.of("ECS::Service"):
        if service.properties.get("PlatformVersion", "LATEST") not in ("LATEST", "1.4.0"):
            yield (
                service.at("PlatformVersion"),
                f"Platform version {service.properties.get('PlatformVersion')}: EFS and JSON "
                "secrets need 1.4.0. Take LATEST.",
            )


@rule("E9315", "No zone rebalancing", "ECS would stop busy tasks to spread them.", SERVICE)
def zones_are_not_rebalanced(template: Resolved) -> Faults:
    """Rebalancing is explicitly off; new services have it on."""
    for service in template.of("ECS::Service"):
        if service.properties.get("AvailabilityZoneRebalancing") != "DISABLED":
            yield (
                service.at("AvailabilityZoneRebalancing"),
                f"{service.id} rebalances zones: ECS stops running tasks for that. Write "
                "`AvailabilityZoneRebalancing: DISABLED`.",
            )


@rule("E9316", "Circuit breaker", "A bad image would be tried for hours.", SERVICE)
def circuit_breaker_rolls_back(template: Resolved) -> Faults:
    """Deployments that cannot start are stopped and rolled back, and can make progress."""
    for service in template.of("ECS::Service"):
        deployment = mapping(service.properties.get("DeploymentConfiguration"))
        breaker = mapping(deployment.get("DeploymentCircuitBreaker"))
        if [str(breaker.get(name)).lower() for name in ("Enable", "Rollback")] != ["true"] * 2:
            yield (
                service.at("DeploymentConfiguration"),
                f"{service.id} has no circuit breaker with rollback: a bad image would be tried "
                "for hours. Enable both.",
            )
        least = number(deployment.get("MinimumHealthyPercent"))
        most = number(deployment.get("MaximumPercent"))
        if least is not None and most is not None and least >= FULL >= most:
            yield (
                service.at("DeploymentConfiguration", "MaximumPercent"),
                f"{service.id} may start no task before stopping one, nor stop one: a deployment "
                "would never end. Raise MaximumPercent.",
            )


@rule("E9318", "CPU and memory", "Fargate offers only some pairs.", TASK)
def cpu_and_memory_fit(template: Resolved) -> Faults:
    """Fargate offers this memory with this CPU, also where they come from parameters."""
    for task in template.of("ECS::TaskDefinition"):
        cpu, memory = number(task.properties.get("Cpu")), number(task.properties.get("Memory"))
        if cpu is None or memory is None:
            continue
        offered = MEMORY.get(int(cpu), ())
        if memory not in offered:
            shown = f"{offered[0]} to {offered[-1]} MiB" if offered else "no memory"
            yield (
                task.at("Memory"),
                f"{memory:g} MiB with {cpu:g} CPU units: Fargate offers {shown} with that CPU. "
                "Change one of them.",
            )


@rule("E9323", "The task is for Fargate", "Else ECS does not check that it can run there.", TASK)
def task_is_for_fargate(template: Resolved) -> Faults:
    """`RequiresCompatibilities` names FARGATE; storage and volumes are Fargate's."""
    for task in template.of("ECS::TaskDefinition"):
        if sequence(task.properties.get("RequiresCompatibilities")) != ["FARGATE"]:
            yield (
                task.at("RequiresCompatibilities"),
                f"{task.id} is not for Fargate: the service cannot run it. Write "
                "`RequiresCompatibilities: [FARGATE]`.",
            )
        storage = number(mapping(task.properties.get("EphemeralStorage")).get("SizeInGiB"))
        if storage is not None and not 21 <= storage <= 200:  # noqa: PLR2004 - Fargate's limits
            yield (
                task.at("EphemeralStorage", "SizeInGiB"),
                f"{storage:g} GiB of storage: Fargate offers 21 to 200, and 20 without asking. "
                "Change it or leave it out.",
            )
        for position, volume in enumerate(sequence(task.properties.get("Volumes"))):
            host = mapping(mapping(volume).get("Host"))
            if EFS not in mapping(volume) and host.get("SourcePath"):
                yield (
                    task.at("Volumes", position),
                    "A volume of the host: on Fargate there is none. Use a file system.",
                )


@rule("E9325", "The role consumes the worker's queue", "Else every receive is denied.", TASK)
def role_consumes_the_queue(template: Resolved) -> Faults:
    """The task role may receive and delete from the queue whose URL the container gets."""
    queue = queue_name(template)
    for task, _, path in containers(template):
        acting = role(template, task.properties.get("TaskRoleArn"))
        if queue is None or acting is None:
            continue
        own = queue.replace(".QueueName}", ".Arn}")
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
            allowed = resources_of(acting, action)
            if not any(arn in ("*", own) or arn.endswith(f":{queue}") for arn in allowed):
                yield (
                    path,
                    f"{acting.id} may not do {action} on {queue}: the worker could not work. "
                    "Allow it on that queue.",
                )


def _redrive_target(queue: Resource) -> str:
    """The logical id of the queue that takes a queue's dead letters, however it is named."""
    redrive = queue.stack.resources[queue.id].properties.get("RedrivePolicy")
    arn = redrive.get("deadLetterTargetArn") if isinstance(redrive, dict) else None
    return next((each.logical_id for each in references(arn)), "")


@rule("E9214", "Dead letters", "A message that always fails would be tried for days.", QUEUES)
def dead_letters_are_kept(template: Resolved) -> Faults:
    """An own queue has a dead-letter queue that keeps longer, with an alarm on it."""
    queues = {queue.id: queue for queue in template.of("SQS::Queue")}
    watched = {
        str(mapping(dimension).get("Value"))
        for alarm in template.of("CloudWatch::Alarm")
        for dimension in sequence(alarm.properties.get("Dimensions"))
    }
    targets = {name: _redrive_target(queue) for name, queue in queues.items()}
    for queue in queues.values():
        if queue.id in targets.values():
            if f"${{{queue.id}.QueueName}}" not in watched:
                yield queue.path, f"No alarm looks at {queue.id}: nobody would hear. Add one."
            continue
        dead_letters = queues.get(targets[queue.id])
        if dead_letters is None:
            yield (
                queue.path,
                f"{queue.id} has no dead-letter queue: a message that always fails is tried for "
                "days. Add a RedrivePolicy.",
            )
            continue
        kept = number(dead_letters.properties.get("MessageRetentionPeriod")) or FOUR_DAYS
        if kept <= (number(queue.properties.get("MessageRetentionPeriod")) or FOUR_DAYS):
            yield (
                dead_letters.at("MessageRetentionPeriod"),
                f"{dead_letters.id} keeps no longer than {queue.id}: a message's age goes on "
                "counting when it moves. Keep it longer.",
            )
