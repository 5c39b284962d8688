"""The worker's stack: its table of contents, in the order in which one explains it."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from troposphere import AWSObject, Equals, Not, Parameter, Ref, Tags, Template
from troposphere.applicationautoscaling import ScalableTarget
from troposphere.ec2 import SecurityGroup
from troposphere.iam import Role
from troposphere.logs import LogGroup

from templates import alarms, compute, network, notifications, queues, roles, scaling
from templates.outputs import outputs
from templates.queues import QueueReference
from workerstack.specification import (
    ImportedQueue,
    OwnQueue,
    SpecificationError,
    Worker,
    customized,
)
from workerstack.specification.checked import placed
from workerstack.specification.kept import keep
from workerstack.specification.mistakes import tell, together
from workerstack.specification.parameters import (
    ImportedQueueParameters,
    OwnQueueParameters,
    Parameters,
    QueueParameters,
)
from workerstack.specification.team import workers_of


def build(worker: Worker) -> Template:
    """The whole template of one worker; the same worker gives the same bytes.

    Raises SpecificationError for what is only seen in the whole.
    """
    try:
        template = _built(worker)
    except SpecificationError as error:
        raise SpecificationError(*(placed(worker, each) for each in error.mistakes)) from None
    if worker.customize:
        customized.apply(worker.customize, template, worker)
    return template


def build_all(
    load: Callable[[], ModuleType],
) -> list[tuple[str, dict[str, Any]]]:
    """Each worker's name and template; ``load`` imports the module whose ``ALL`` holds them.

    Raises SpecificationError with everything that is wrong with any of them.
    """
    made = workers_of(load)
    with together():
        return [(worker.name, built) for worker in made for built in _built_or_told(worker)]


def _built_or_told(worker: Worker) -> Iterator[dict[str, Any]]:
    try:
        yield build(worker).to_dict()
    except SpecificationError as error:
        tell(*error.mistakes)


def _built(worker: Worker) -> Template:
    parameters = Parameters.of(worker)
    template = Template(Description=worker.description)
    template.set_version()
    parameters.declare(template, worker)
    if parameters.alarm_topic:
        has_topic = Not(Equals(Ref(parameters.alarm_topic), ""))
        template.add_condition(notifications.ALARM_HAS_TOPIC, has_topic)
    add = template.add_resource

    queues = [
        _queue(template, worker, parameters, given, specification)
        for given, specification in zip(parameters.queues, worker.queues, strict=True)
    ]
    cluster = parameters.imported_cluster or add(compute.cluster(parameters))
    log_group = add(compute.log_group(parameters, _key(worker, parameters, "logs")))
    _add_errors(template, worker, parameters, log_group)
    needed: list[AWSObject] = []
    execution_role: Role | Parameter = parameters.execution_role or add(
        roles.execution_role(worker, parameters)
    )
    if isinstance(execution_role, Role):
        needed.append(add(roles.execution_rights(worker, parameters, execution_role, log_group)))
    task_role: Role | Parameter = parameters.task_role or add(roles.task_role(worker, parameters))
    if isinstance(task_role, Role):
        arns = [each.arn for each in queues]
        needed.append(add(roles.task_rights(worker, parameters, task_role, cluster, arns)))
    group, ways = _add_network(template, worker, parameters)
    needed += ways
    task_definition = add(
        compute.task_definition(worker, parameters, queues, execution_role, task_role, log_group)
    )
    others = [parameters.network.others[each] for each in worker.network.security_groups]
    service = add(compute.service(parameters, cluster, task_definition, [group, *others], needed))
    target = add(
        scaling.scalable_target(
            parameters.size, parameters.names, cluster, service, worker.schedule
        )
    )
    _add_steps(template, worker, queues, target)
    _tag(template, worker)
    template.add_output(
        outputs(cluster, service, parameters.names, task_definition, log_group, group, queues)
    )
    keep(template, worker.kept)
    return template


def _key(worker: Worker, parameters: Parameters, what: str) -> Parameter | None:
    key = worker.key_of(what)
    return parameters.keys[key] if key else None


def _queue(
    template: Template,
    worker: Worker,
    parameters: Parameters,
    given: QueueParameters,
    specification: ImportedQueue | OwnQueue,
) -> QueueReference:
    if isinstance(specification, OwnQueue) and isinstance(given, OwnQueueParameters):
        queue = _add_own_queue(template, worker, parameters, given, specification)
    elif isinstance(specification, ImportedQueue) and isinstance(given, ImportedQueueParameters):
        if given.name:
            queue = queues.imported_queue(Ref(given.name), specification)
        else:
            mapping, places = queues.places(specification)
            template.add_mapping(mapping, places)
            queue = queues.imported_queue(queues.name_by_place(mapping), specification)
    else:
        raise TypeError(specification)
    topic, told, add = parameters.alarm_topic, worker.alarms, template.add_resource
    if topic and told and told.oldest_message:
        add(notifications.oldest_message_alarm(queue, told.oldest_message, topic))
    if topic and told and told.nothing_processed:
        add(notifications.nothing_processed_alarm(queue, told.nothing_processed, topic))
    return queue


def _add_own_queue(
    template: Template,
    worker: Worker,
    parameters: Parameters,
    given: OwnQueueParameters,
    specification: OwnQueue,
) -> QueueReference:
    add, prefix = template.add_resource, specification.prefix
    key = _key(worker, parameters, "queue")
    topic, is_told = parameters.alarm_topic, bool(worker.alarms and worker.alarms.dead_letters)
    dead_letters = add(queues.dead_letter_queue(prefix, key, is_told=is_told))
    if topic and is_told:
        add(notifications.dead_letter_alarm(prefix, dead_letters, topic))
    queue = add(queues.queue(prefix, given, dead_letters, key))
    for title, what, each in (
        ("QueuePolicy", "The queue", queue),
        ("DeadLetterQueuePolicy", "The dead-letter queue", dead_letters),
    ):
        sentence = f"{what} takes encrypted connections only."
        add(queues.encrypted_transport(f"{prefix}{title}", sentence, each))
    return queues.own_queue(queue, specification)


def _add_errors(
    template: Template, worker: Worker, parameters: Parameters, log_group: LogGroup
) -> None:
    if worker.errors and parameters.alarm_topic:
        template.add_resource(notifications.error_filter(worker.errors, log_group))
        template.add_resource(notifications.error_alarm(worker.errors, parameters.alarm_topic))


def _add_network(
    template: Template, worker: Worker, parameters: Parameters
) -> tuple[SecurityGroup, list[AWSObject]]:
    """The worker's group, and what a task needs to reach what it must."""
    add, specification = template.add_resource, worker.network
    endpoints = None
    if specification.has_interfaces:
        endpoints = add(network.endpoint_security_group(parameters))
    group = add(network.worker_security_group(parameters, specification, endpoints))
    ways: list[AWSObject] = []
    if parameters.workspace:
        ways.append(add(network.file_system_ingress(parameters.workspace, group)))
    if endpoints:
        ways.append(add(network.endpoint_ingress(endpoints, group)))
    ways += [add(network.endpoint(each, parameters, endpoints)) for each in specification.endpoints]
    return group, ways


def _add_steps(
    template: Template, worker: Worker, queues: list[QueueReference], target: ScalableTarget
) -> None:
    table = worker.step_table
    add = template.add_resource
    scale_out = add(scaling.scale_out_policy(target, table.scale_out, worker.cooldown_out))
    scale_in = add(scaling.scale_in_policy(target, table.scale_in, worker.cooldown_in))
    if worker.scales_in_on == "visible" and not worker.is_protected:
        add(alarms.literal_backlog_alarm(queues[0], table.scale_out, scale_out))
        add(alarms.literal_drained_alarm(queues[0], table.scale_in, scale_in))
        return
    add(alarms.backlog_alarm(queues, table.scale_out, scale_out))
    if worker.scales_in_on == "visible":
        add(alarms.picked_up_alarm(queues[0], table.scale_in, scale_in, worker.quiet_minutes))
    else:
        add(alarms.drained_alarm(queues, table.scale_in, scale_in, worker.quiet_minutes))


def _tag(template: Template, worker: Worker) -> None:
    """The specification's tags, on everything that takes any; tasks have those of the service."""
    for resource in template.resources.values():
        if worker.tags and "Tags" in resource.props:
            resource.Tags = Tags(**worker.tags)
