"""Writing params/ENV/STACK.yaml from a stack that runs, whatever made it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workerstack import deployments
from workerstack.adopter import params_files
from workerstack.adopter.init import FILL_IN, Things, find_secret, unclear
from workerstack.adopter.params_files import FoundValue, Say
from workerstack.cloudformation import Parameter, declared_parameters, read
from workerstack.deployer import service, stack
from workerstack.deployer import service as live
from workerstack.deployer.aws import Clients
from workerstack.deployments import ParameterValue
from workerstack.problem import Problem, Refusal

NFS_PARAMETERS = ("FileSystemId", "AccessPointId", "FileSystemSecurityGroupId")


def survey_stack(clients: Clients, stack_id: str, template: Mapping[str, Any]) -> Things:
    """The values of the stack's one service, task and scalable target, by parameter.

    ``template`` is the worker's, which says what its container and secrets are called.
    Raises Problem where there is no service, or none that Fargate could run.
    """
    worker = live.read_worker(clients, stack_id)
    things = Things()
    _service_of(worker.service, things)
    _network(clients("ec2"), worker.service, things)
    _task(worker.task_definition, things)
    _size(clients("application-autoscaling"), worker.service, things)
    _workspace(worker, things)
    survey_container(clients, worker, template, things)
    return things


def _service_of(service: Mapping[str, Any], things: Things) -> None:
    things.choose("ClusterName", service["clusterArn"].rpartition("/")[2], "the service's cluster")
    things.choose("ServiceName", service["serviceName"], "the service's name")
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    things.choose("SubnetIds", tuple(network["subnets"]), "the service's subnets")
    things.choose(
        "AssignPublicIp", network.get("assignPublicIp", "DISABLED"), "as the service's tasks"
    )


def _network(ec2: Any, service: Mapping[str, Any], things: Things) -> None:
    subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    [vpc_id] = {
        each["VpcId"] for each in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    }  # ECS takes subnets of one VPC only
    [vpc] = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
    things.choose("VpcId", vpc_id, "the VPC of the service's subnets")
    things.choose("VpcCidr", vpc["CidrBlock"], "the VPC's address range")


def _task(task: Mapping[str, Any], things: Things) -> None:
    things.choose("TaskFamily", task["family"], "the family of the service's task definition")
    for parameter, key in (("TaskCpu", "cpu"), ("TaskMemory", "memory")):
        if key in task:
            things.choose(parameter, task[key], f"the {key} of its tasks")
        else:
            things.miss([parameter], f"not found: the task definition says nothing of {key}")


def _size(autoscaling: Any, service: Mapping[str, Any], things: Things) -> None:
    if target := live.target(autoscaling, service):
        things.choose("MinTasks", str(target["MinCapacity"]), "the least of its scalable target")
        things.choose("MaxTasks", str(target["MaxCapacity"]), "the most of its scalable target")


def _workspace(worker: live.LiveWorker, things: Things) -> None:
    volumes = [each.get("efsVolumeConfiguration") for each in worker.task_definition["volumes"]]
    mounted = [each for each in volumes if each]
    if len(mounted) != 1:
        ids = [each["fileSystemId"] for each in mounted]
        things.miss(NFS_PARAMETERS, unclear("file system", ids, "among the task's volumes"))
        return
    [volume] = mounted
    file_system = volume["fileSystemId"]
    things.choose("FileSystemId", file_system, "the task's volume")
    point = volume.get("authorizationConfig", {}).get("accessPointId")
    if point:
        things.choose("AccessPointId", point, "the access point of the task's volume")
    else:
        things.miss(
            ["AccessPointId"], f"not found: the task mounts {file_system} without an access point"
        )
    groups = [each["GroupId"] for each in worker.file_systems[file_system]]
    if len(groups) == 1:
        things.choose("FileSystemSecurityGroupId", groups[0], "its mount targets' only group")
    else:
        things.miss(["FileSystemSecurityGroupId"], unclear("group", groups, "of its mount targets"))


IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[^:@]+)(?P<tag>:[^@]+)?(?P<digest>@sha256:[0-9a-f]{64})?"
)
"""An image of ECR (ECR: "Private registry"); a digest says more than a tag beside it."""

QUEUE_URL = re.compile(r"https?://\S+/\d{12}/([A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
SECRET = re.compile(r"(?P<arn>arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:[^:]+)(?P<part>:.*)?")
"""A secret as ECS takes it: an ARN, perhaps with JSON key, stage and version behind it."""


def survey_container(
    clients: Clients, worker: service.LiveWorker, template: Mapping[str, Any], things: Things
) -> None:
    """Notes what the container that becomes the worker's is given."""
    _queue(clients("sqs"), worker, things)
    wanted = _containers(template)
    containers = worker.task_definition["containerDefinitions"]
    names = [each["name"] for each in containers]
    same = [each for each in containers if each["name"] in [one["Name"] for one in wanted]]
    chosen = containers if len(containers) == 1 else same
    if len(chosen) != 1:
        parameters = ["ImageRepository", "ImageReference", "LogGroupName", "LogRetentionDays"]
        things.miss(
            [*parameters, *_secrets(wanted).values()], unclear("container", names, "in the task")
        )
        return
    [container] = chosen
    _image(container["image"], worker.service["serviceArn"], things)
    _log(clients("logs"), container, things)
    for variable, parameter in _secrets(wanted).items():
        _secret(clients, container, variable, parameter, things)


def _containers(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        container
        for body in template["Resources"].values()
        if body["Type"] == "AWS::ECS::TaskDefinition"
        for container in body["Properties"]["ContainerDefinitions"]
    ]


def _secrets(containers: list[Mapping[str, Any]]) -> dict[str, str]:
    """Which parameter each variable's secret comes from."""
    return {
        secret["Name"]: secret["ValueFrom"]["Ref"]
        for container in containers
        for secret in container.get("Secrets", ())
    }


def _image(image: str, service_arn: str, things: Things) -> None:
    _, _, _, region, account, *_ = service_arn.split(":")
    found = IMAGE.fullmatch(image)
    if not found or (found["account"], found["region"]) != (account, region):
        things.miss(
            ["ImageRepository", "ImageReference"],
            f"not clear: the live image {image} is in no repository of this account and region",
        )
        return
    things.choose("ImageRepository", found["repository"], "the repository of the live image")
    things.choose(
        "ImageReference", found["digest"] or found["tag"] or ":latest", "the live image's version"
    )


def _log(logs: Any, container: Mapping[str, Any], things: Things) -> None:
    options = container.get("logConfiguration", {}).get("options", {})
    name = options.get("awslogs-group")
    if not name:
        things.miss(
            ["LogGroupName", "LogRetentionDays"],
            "not found: the container's output goes to no log group",
        )
        return
    things.choose("LogGroupName", name, "where the container's output goes")
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    for group in groups:
        if group["logGroupName"] == name and "retentionInDays" in group:
            things.choose("LogRetentionDays", str(group["retentionInDays"]), "as it keeps them now")
            return
    things.miss(
        ["LogRetentionDays"], f"not clear: {name} keeps its events for ever; say for how many days"
    )


def _secret(
    clients: Clients, container: Mapping[str, Any], variable: str, parameter: str, things: Things
) -> None:
    given = {each["name"]: each["valueFrom"] for each in container.get("secrets", ())}
    if variable not in given:
        things.miss([parameter], f"not found: the container is given no secret as {variable}")
        return
    source = given[variable]
    found = SECRET.fullmatch(source)
    if not found or (found["part"] or "").strip(":"):
        things.miss(
            [parameter],
            f"not clear: {variable} is {source} now, and the worker takes a whole secret",
        )
        return
    arn, why = find_secret(clients, found["arn"])
    if arn:
        things.choose(parameter, arn, f"which the container is given as {variable}")
    else:
        things.miss([parameter], why)


def _queue(sqs: Any, worker: service.LiveWorker, things: Things) -> None:
    """The queue that the alarms watch; without them, the one whose URL a container is given."""
    watched = {
        dimension["Value"]
        for alarm in worker.alarms.values()
        for metric in service.metrics(alarm)
        for dimension in metric.get("Dimensions", ())
        if dimension["Name"] == "QueueName"
    }
    given = {
        found[1]
        for container in worker.task_definition["containerDefinitions"]
        for variable in container.get("environment", ())
        if (found := QUEUE_URL.fullmatch(variable["value"]))
    }
    names = watched or given
    parameters = ["VisibilityTimeout", "MaxReceiveCount"]
    if len(names) != 1:
        which = "that its alarms watch or its container is given"
        things.miss(["QueueName", *parameters], unclear("queue", names, which))
        return
    [name] = names
    why = "the queue that its alarms watch" if watched else "the queue that its container is given"
    things.choose("QueueName", name, why)
    _own_queue(sqs, name, things)


def _own_queue(sqs: Any, name: str, things: Things) -> None:
    import json

    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        things.miss(
            ["VisibilityTimeout", "MaxReceiveCount"], f"not found: there is no queue {name} here"
        )
        return
    wanted = ["VisibilityTimeout", "RedrivePolicy"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    things.choose("VisibilityTimeout", attributes["VisibilityTimeout"], f"as {name} has it")
    if "RedrivePolicy" in attributes:
        tries = json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]
        things.choose("MaxReceiveCount", str(tries), f"after which {name} gives a message up")


SERVICE = "AWS::ECS::Service"


@dataclass(frozen=True)
class InitRequest:
    """What is asked for: the environment, the stack, and the worker that it becomes."""

    environment: str
    stack: str
    worker: str | None
    force: bool


def initialize(request: InitRequest, clients: Clients, root: Path, say: Say) -> bool:
    """Writes STACK.yaml, and target.yaml where there is none; False if values are missing.

    Nothing is changed in AWS. Raises Problem where the stack, its one service or the worker
    that it is to become cannot be told; Refusal before a file is overwritten.
    """
    folder = params_files.folder_of(request.environment, root)
    params_files.refuse_existing(folder, [request.stack], force=request.force)
    account, caller = clients.caller()
    say(f"Reading the stack {request.stack} in account {account}, {clients.region}, as {caller}.")
    _same_place(folder, account, clients.region)
    found = stack.read(clients("cloudformation"), request.stack)
    service = _service(clients("cloudformation"), found)
    worker, template = _worker(request, service, root)
    things = survey_stack(clients, found.id, template)
    declared = declared_parameters(template)
    values = {name: _find(name, each, things, found) for name, each in declared.items()}
    for name, each in values.items():
        say(f"  {request.stack}: {name}: {each.why}")
    written = {
        name: each
        for name, each in values.items()
        if each.value is None or each.value != declared[name].default
    }
    own = {key: value for key, value in (found.tags or {}).items() if key != stack.OWNER}
    texts = {
        request.stack: params_files.deployment(
            worker, written, own or {"Environment": request.environment}
        )
    }
    if not (folder / "target.yaml").exists():
        guards = _guards(found)
        texts = {"target": params_files.target(account, clients.region, guards), **texts}
        for name, value in guards.items():
            say(f"  target: {name}: {', '.join(_each(value))}, as the stack has it")
    params_files.write(folder, texts, say)
    complete = all(each.value is not None for each in values.values())
    if not complete:
        say(FILL_IN)
    return complete


def _same_place(folder: Path, account: str, region: str) -> None:
    if not (folder / "target.yaml").exists():
        return
    target = deployments.load_target(folder)
    if (target.account, target.region) != (account, region):
        raise Refusal(
            f"This is account {account}, {region}, and {folder.name} is in {target.account},"
            f" {target.region}",
            f"params/{folder.name}/target.yaml says so",
            "Use another profile or region, or name another environment",
        )


def _service(cloudformation: Any, found: stack.StackDescription) -> str:
    """The ARN of the stack's one service."""
    if found.is_new:
        raise Problem(
            f"There is no stack {found.name}",
            "it is not in this account and region, or was never created",
            "Name one that exists; `aws cloudformation describe-stacks` lists them",
        )
    services = [
        each.physical_id
        for each in stack.resources(cloudformation, found.id)
        if each.type == SERVICE and each.physical_id
    ]
    if len(services) != 1:
        names = ", ".join(each.rpartition("/")[2] for each in services)
        raise Problem(
            f"The stack {found.name} has {f'{len(services)} services' if names else 'no service'}",
            names or "none of its resources is an ECS service",
            "A worker's stack has one; name another stack, or split this one first",
        )
    return str(services[0])


def _worker(request: InitRequest, service: str, root: Path) -> tuple[str, dict[str, Any]]:
    """The worker of out/ that the stack becomes: named, called so, or with that service."""
    templates = {
        path.name.removesuffix(".template.yaml"): read(path.read_text(encoding="utf-8"), path).data
        for path in sorted((root / "out").glob("*.template.yaml"))
    }
    name = request.worker or request.stack
    if name in templates:
        return name, templates[name]
    service_name = service.rpartition("/")[2]
    same = [
        name
        for name, template in templates.items()
        if template.get("Parameters", {}).get("ServiceName", {}).get("Default") == service_name
    ]
    if request.worker or len(same) != 1:
        raise Problem(
            f"There is no worker {name}",
            f"out/ has {', '.join(templates) or 'none'}",
            "Name the one that the stack becomes with --worker",
        )
    return same[0], templates[same[0]]


def _find(
    name: str, declared: Parameter, things: Things, found: stack.StackDescription
) -> FoundValue:
    own = _own(name, declared, found)
    if name in things.values:
        value, why = things.values[name], things.reasons[name]
        if own not in (None, value):
            why += f"; the stack's own value is {', '.join(_each(own))}"
    elif own:
        value, why = own, f"{', '.join(_each(own))}, the stack's own value of this name"
    elif name in things.reasons:
        return FoundValue(None, things.reasons[name])
    elif declared.default is None:
        return FoundValue(None, "not found: nothing in the stack tells")
    else:
        return FoundValue(
            declared.default, f"{declared.default!r}, the default; nothing live tells"
        )
    for each in _each(value):
        problem = declared.wrong(each)
        if problem:
            return FoundValue(None, f"not taken: {why}; {problem}")
    return FoundValue(value, why + ("; the default" if value == declared.default else ""))


def _own(name: str, declared: Parameter, found: stack.StackDescription) -> ParameterValue | None:
    """The stack's parameter or output of the same name."""
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.answer.get("Outputs", ())}
    value = (found.parameters or {}).get(name) or outputs.get(name)
    if not value or declared.no_echo:
        return None
    return tuple(value.split(",")) if declared.is_list else str(value)


def _each(value: ParameterValue | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _guards(found: stack.StackDescription) -> dict[str, ParameterValue]:
    """What target.yaml says of the stack itself, where it has it."""
    guards: dict[str, ParameterValue] = {}
    if found.answer.get("RoleARN"):
        guards["service-role"] = found.answer["RoleARN"]
    if found.answer.get("EnableTerminationProtection"):
        guards["termination-protection"] = "true"
    if found.answer.get("NotificationARNs"):
        guards["notification-topics"] = tuple(found.answer["NotificationARNs"])
    return guards
