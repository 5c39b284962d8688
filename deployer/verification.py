"""Verifying a deployed stack: the acceptance criteria live, and that it is what we have here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer import live
from deployer import stack as stacks
from deployer.clients import Clients
from deployer.source import SERVICE_EXISTS, Source, read_source
from deployments import Deployment
from deployments.template import parse_template

NFS = 2049


@dataclass(frozen=True)
class Check:
    """One line of the report; ``next_step`` says what to do where it is red."""

    id: str
    criterion: str
    green: bool
    evidence: str
    next_step: str


Faults = Iterator[str]


def verify(deployment: Deployment, clients: Clients) -> list[Check]:
    """Every check of the table below, in its order."""
    source = read_source(deployment)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    state = _state(stack)
    if not state.green:
        return [state]
    worker = live.read(clients, stack.id)
    checks = [_run(criterion, worker) for criterion in CRITERIA]
    return [state, *checks, *_as_committed(source, stack, clients)]


def _state(stack: stacks.Stack) -> Check:
    return Check(
        "stack",
        "the stack is in a good state",
        stack.status in stacks.UPDATABLE,
        f"{stack.name} is {stack.status}",
        stacks.ADVICE.get(stack.status, "Deploy it: `deploy.py review`, then `execute`"),
    )


def _as_committed(source: Source, stack: stacks.Stack, clients: Clients) -> Iterator[Check]:
    """The deployed template and values are those in out/ and params/."""
    body = clients("cloudformation").get_template(StackName=stack.id, TemplateStage="Original")
    deployed = body["TemplateBody"]
    same = deployed == source.text if isinstance(deployed, str) else deployed == source.template
    if not same and isinstance(deployed, str):
        same = parse_template(deployed, "deployed") == source.template
    yield Check(
        "template",
        "the deployed template is the one in out/",
        same,
        source.file if same else f"it differs from {source.file}",
        "Review and execute, or find out who deployed something else",
    )
    wanted = source.values(service_exists=True)
    given = dict(stack.parameters or {})
    for values in (wanted, given):
        values.pop(SERVICE_EXISTS, None)
        for name in source.not_bound:
            values.pop(name, None)
    differing = sorted(name for name in {**wanted, **given} if wanted.get(name) != given.get(name))
    yield Check(
        "parameters",
        "the deployed values are those in params/",
        not differing,
        f"{len(wanted)} values" if not differing else f"these differ: {', '.join(differing)}",
        "Review and execute, or correct the params file",
    )


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion and the function that finds faults in what is live."""

    id: str
    text: str
    faults: Callable[[live.Worker], Faults]
    evidence: Callable[[live.Worker], str]


def _run(criterion: Criterion, worker: live.Worker) -> Check:
    faults = list(criterion.faults(worker))
    return Check(
        criterion.id,
        criterion.text,
        not faults,
        "; ".join(faults) or criterion.evidence(worker),
        "Deploy out/ again (`deploy.py review`), or see what was changed by hand",
    )


def _port_mappings(worker: live.Worker) -> Faults:
    for container in worker.task_definition["containerDefinitions"]:
        if container.get("portMappings"):
            yield f"{container['name']} maps {container['portMappings']}"


def _health_checks(worker: live.Worker) -> Faults:
    for container in worker.task_definition["containerDefinitions"]:
        if container.get("healthCheck"):
            yield f"{container['name']} has a health check"
    if worker.service.get("healthCheckGracePeriodSeconds"):
        yield f"grace period of {worker.service['healthCheckGracePeriodSeconds']} s"


def _ingress(worker: live.Worker) -> Faults:
    for group in worker.worker_groups:
        for rule in group["IpPermissions"]:
            ranges = [each["CidrIp"] for each in rule.get("IpRanges", ())]
            ranges += [each["CidrIpv6"] for each in rule.get("Ipv6Ranges", ())]
            if (rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort")) != (
                "tcp",
                NFS,
                NFS,
            ):
                yield f"{group['GroupId']} lets in {_ports(rule)}"
            if {"0.0.0.0/0", "::/0"} & set(ranges):
                yield f"{group['GroupId']} lets in the whole internet"
    ids = {group["GroupId"] for group in worker.worker_groups}
    for file_system, groups in worker.file_systems.items():
        if not any(_allows_nfs(group, ids) for group in groups):
            yield f"{file_system} does not let the worker's group in on {NFS}"


def _allows_nfs(group: Mapping[str, Any], ids: set[str]) -> bool:
    return any(
        rule.get("IpProtocol") == "tcp"
        and rule.get("FromPort") == NFS
        and ids & {pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", ())}
        for rule in group["IpPermissions"]
    )


def _lets_in(group: Mapping[str, Any]) -> str:
    ports = ", ".join(map(_ports, group["IpPermissions"])) or "nothing"
    return f"{group['GroupId']} lets in {ports}"


def _ports(rule: Mapping[str, Any]) -> str:
    first, last = rule.get("FromPort"), rule.get("ToPort")
    return f"{rule.get('IpProtocol')} {first}" + ("" if first == last else f" to {last}")


def _load_balancers(worker: live.Worker) -> Faults:
    if worker.service.get("loadBalancers"):
        yield f"the service is attached to {worker.service['loadBalancers']}"


def _registries(worker: live.Worker) -> Faults:
    if worker.service.get("serviceRegistries"):
        yield f"the service is registered in {worker.service['serviceRegistries']}"


def _scaling(worker: live.Worker) -> Faults:
    if not worker.policies:
        yield "no scaling policy"
    for policy in worker.policies:
        if policy["PolicyType"] != "StepScaling":
            yield f"{policy['PolicyName']} is a {policy['PolicyType']} policy"
        alarms = [each["AlarmName"] for each in policy.get("Alarms", ())]
        if not alarms:
            yield f"no alarm invokes {policy['PolicyName']}"
        for name in alarms:
            for metric in live.metrics(worker.alarms[name]):
                if metric["Namespace"] != "AWS/SQS":
                    yield f"{name} looks at {metric['Namespace']} {metric['MetricName']}"
                queues = {each["Value"] for each in metric["Dimensions"]}
                if queues != {worker.queue_name}:
                    yield f"{name} looks at the queue {', '.join(queues)}"


CRITERIA = (
    Criterion(
        "E9101",
        "no port mapping",
        _port_mappings,
        lambda worker: f"{worker.task_definition['taskDefinitionArn'].rpartition('/')[2]} has none",
    ),
    Criterion(
        "E9102",
        "no health check",
        _health_checks,
        lambda _: "no container has one, and the service has no grace period",
    ),
    Criterion(
        "E9103",
        "ingress is NFS only",
        _ingress,
        lambda worker: "; ".join(map(_lets_in, worker.worker_groups)),
    ),
    Criterion("E9104", "no load balancer", _load_balancers, lambda _: "attached to none"),
    Criterion("E9105", "no service discovery", _registries, lambda _: "registered nowhere"),
    Criterion(
        "E9106",
        "scaling on the queue only",
        _scaling,
        lambda worker: f"{len(worker.policies)} step policies on {worker.queue_name}",
    ),
)
"""The acceptance criteria of the design, checked on what runs; the rules check the template."""
