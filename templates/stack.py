"""The worker's stack: its table of contents, in the order in which one explains it."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from troposphere import AWSObject, Equals, Not, Parameter, Ref, Tags, Template
from troposphere.applicationautoscaling import ScalableTarget
from troposphere.ec2 import SecurityGroup
from troposphere.iam import Role
from troposphere.logs import LogGroup

from templates import alarms, compute, customized, network, queues, roles, scaling, telling
from templates.kept import keep
from templates.outputs import outputs
from templates.parameters import (
    ImportedQueueParameters,
    OwnQueueParameters,
    Parameters,
    QueueParameters,
)
from templates.parts.checked import placed
from templates.parts.queues import ImportedQueue, OwnQueue
from templates.problems import SpecificationError, tell, together
from templates.queues import QueueReference
from templates.specification import Worker


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
    workers: Callable[[], Iterable[Worker]],
) -> list[tuple[str, dict[str, Any]]]:
    """Each worker's name and template; ``workers`` makes them, by importing them for example.

    Raises SpecificationError with everything that is wrong with any of them.
    """
    with together():
        made = tuple(workers())
    with together():
        return [(worker.name, built) for worker in made for built in _built_or_told(worker)]


def _built_or_told(worker: Worker) -> Iterator[dict[str, Any]]:
    try:
        yield build(worker).to_dict()
    except SpecificationError as error:
        tell(*error.mistakes)


def _built(worker: Worker) -> Template:
    parameters = Parameters.of(worker)
    template = _empty_template(worker, parameters)
    add = template.add_resource

    queues = [
        _queue(template, worker, parameters, given, specification)
        for given, specification in zip(parameters.queues, worker.queues, strict=True)
    ]
    cluster = add(compute.cluster(parameters))
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
        scaling.scalable_target(parameters.size, parameters.names, service, worker.schedule)
    )
    _add_steps(template, worker, queues, target)
    _tag(template, worker)
    template.add_output(
        outputs(cluster, service, parameters.names, task_definition, log_group, group, queues)
    )
    keep(template, worker.kept)
    return template


def _empty_template(worker: Worker, parameters: Parameters) -> Template:
    template = Template(Description=worker.description)
    template.set_version()
    groups = {title: group for title, group in parameters.groups().items() if group}
    for title, group in groups.items():
        for parameter in group:
            template.add_parameter(parameter)
            template.add_parameter_to_group(parameter, title)
            template.set_parameter_label(parameter, _label(str(parameter.title)))
    if parameters.alarm_topic:
        topic = parameters.alarm_topic
        template.add_condition(telling.ALARM_HAS_TOPIC, Not(Equals(Ref(topic), "")))
    # What init looks for in an account, and reads here rather than out of a description.
    template.metadata["Parameters"] = parameters.stand_for(worker)
    return template


SPELLINGS = {"Arn": "ARN", "Cidr": "CIDR", "Cpu": "CPU", "Ip": "IP", "Vpc": "VPC"}


def _label(title: str) -> str:
    """``TaskCpu`` as the console shows it: "Task CPU"."""
    words = re.findall("GitHub|[A-Z][a-z0-9]*|[a-z0-9]+", title)
    lower = [SPELLINGS.get(word, word.lower()) for word in words[1:]]
    return " ".join([SPELLINGS.get(words[0], words[0]), *lower])


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
    topic, told = parameters.alarm_topic, worker.alarms
    if topic and told and told.oldest_message:
        template.add_resource(telling.oldest_message_alarm(queue, told.oldest_message, topic))
    if topic and told and told.nothing_processed:
        template.add_resource(telling.nothing_processed_alarm(queue, told.nothing_processed, topic))
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
        add(telling.dead_letter_alarm(prefix, dead_letters, topic))
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
        template.add_resource(telling.error_filter(worker.errors, log_group))
        template.add_resource(telling.error_alarm(worker.errors, parameters.alarm_topic))


def _add_network(
    template: Template, worker: Worker, parameters: Parameters
) -> tuple[SecurityGroup, list[AWSObject]]:
    """The worker's group, and what a task needs to reach what it must."""
    add, specification = template.add_resource, worker.network
    endpoints = None
    if network.has_interfaces(specification):
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
    scale_out = add(scaling.scale_out_policy(target, table.scale_out, worker.scale_out_cooldown))
    scale_in = add(scaling.scale_in_policy(target, table.scale_in, worker.scale_in_cooldown))
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
