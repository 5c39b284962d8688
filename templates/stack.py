"""The worker's stack: its table of contents, in the order in which one explains it."""

import re

from troposphere import AWSObject, Equals, Not, Ref, Template
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
    execution_role, task_role = add(roles.execution_role()), add(roles.task_role())
    group = add(network.worker_security_group(parameters))
    needed: list[AWSObject] = [
        add(roles.execution_rights(parameters, execution_role, log_group)),
        add(roles.task_rights(worker, parameters, task_role, cluster, queue.arn)),
    ]
    if parameters.workspace:
        needed.append(add(network.file_system_ingress(parameters.workspace, group)))
    task_definition = add(
        compute.task_definition(worker, parameters, queue, execution_role, task_role, log_group)
    )
    service = add(compute.service(parameters, cluster, task_definition, group, needed))
    target = add(scaling.scalable_target(parameters.size, parameters.names, service))
    _add_steps(template, worker, queue, target)
    template.add_output(
        outputs(cluster, parameters.names, task_definition, log_group, group, queue)
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
    # What init looks for in an account, and reads here rather than out of a description.
    template.metadata["Parameters"] = parameters.stand_for(worker)
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
    add = template.add_resource
    dead_letters = add(queues.dead_letter_queue())
    add(queues.dead_letter_alarm(dead_letters, topic))
    queue = add(queues.queue(parameters, dead_letters))
    for title, what, each in (
        ("QueuePolicy", "The queue", queue),
        ("DeadLetterQueuePolicy", "The dead-letter queue", dead_letters),
    ):
        add(queues.encrypted_transport(title, f"{what} takes encrypted connections only.", each))
    return queues.own_queue(queue)


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
