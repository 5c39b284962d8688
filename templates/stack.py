"""The worker's stack: its table of contents, in the order in which one explains it."""

import re

from troposphere import Equals, Not, Ref, Template
from troposphere.applicationautoscaling import ScalableTarget

from templates import alarms, compute, network, queues, roles, scaling
from templates.kept import keep
from templates.outputs import outputs
from templates.parameters import (
    ImportedQueueParameters,
    OwnQueueParameters,
    Parameters,
)
from templates.queues import QueueReference
from templates.specification import Worker


def build(worker: Worker) -> Template:
    """The whole template of one worker; the same worker gives the same bytes."""
    parameters = Parameters.of(worker)
    template = _empty_template(worker, parameters)
    add = template.add_resource

    queue = _queue(template, parameters.queue)
    cluster = add(compute.cluster(parameters.names))
    log_group = add(compute.log_group(parameters.names, parameters.size))
    execution_role = add(roles.execution_role(parameters, log_group))
    task_role = add(roles.task_role(worker, parameters, cluster, queue.arn))
    group = add(network.worker_security_group(parameters))
    ingress = (
        add(network.file_system_ingress(parameters.workspace, group))
        if parameters.workspace
        else None
    )
    task_definition = add(
        compute.task_definition(worker, parameters, queue, execution_role, task_role, log_group)
    )
    service = add(compute.service(parameters, cluster, task_definition, group, ingress))
    target = add(scaling.scalable_target(parameters.size, cluster, service))
    _add_steps(template, worker, queue, target)
    keep(template, worker.kept)

    template.add_output(outputs(cluster, service, task_definition, log_group, group, queue))
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
    template.add_condition(compute.SERVICE_IS_NEW, Equals(Ref(parameters.service_exists), "false"))
    return template


SPELLINGS = {"Arn": "ARN", "Cidr": "CIDR", "Cpu": "CPU", "Ip": "IP", "Vpc": "VPC"}


def _label(title: str) -> str:
    """``TaskCpu`` as the console shows it: "Task CPU"."""
    words = re.findall("GitHub|[A-Z][a-z]*", title)
    lower = [SPELLINGS.get(word, word.lower()) for word in words[1:]]
    return " ".join([SPELLINGS.get(words[0], words[0]), *lower])


def _queue(
    template: Template, parameters: ImportedQueueParameters | OwnQueueParameters
) -> QueueReference:
    if isinstance(parameters, ImportedQueueParameters):
        return queues.imported_queue(parameters.name)
    topic = parameters.alarm_topic
    template.add_condition(queues.ALARM_HAS_TOPIC, Not(Equals(Ref(topic), "")))
    dead_letters = template.add_resource(queues.dead_letter_queue())
    template.add_resource(queues.dead_letter_alarm(dead_letters, topic))
    return queues.own_queue(template.add_resource(queues.queue(parameters, dead_letters)))


def _add_steps(
    template: Template, worker: Worker, queue: QueueReference, target: ScalableTarget
) -> None:
    table = worker.step_table
    add = template.add_resource
    scale_out = add(scaling.scale_out_policy(target, table.scale_out, worker.scale_out_cooldown))
    scale_in = add(scaling.scale_in_policy(target, table.scale_in, worker.scale_in_cooldown))
    if worker.scale_in_on == "visible":
        add(alarms.literal_backlog_alarm(queue, table.scale_out, scale_out))
        add(alarms.literal_drained_alarm(queue, table.scale_in, scale_in))
    else:
        add(alarms.backlog_alarm(queue, table.scale_out, scale_out))
        add(alarms.drained_alarm(queue, table.scale_in, scale_in, worker.drained_minutes))
