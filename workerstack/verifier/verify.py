"""Verifying a deployed stack: the acceptance criteria live, and that it is what we have here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation import read
from workerstack.deployer import protection, service, stack_states
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.source import Source, read_source
from workerstack.deployments import Deployment
from workerstack.verifier.check import Check, judged

NFS = 2049

Faults = Iterator[str]


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion and the function that finds faults in what is live."""

    id: str
    text: str
    faults: Callable[[service.Worker], Faults]
    evidence: Callable[[service.Worker], str]


def _port_mappings(worker: service.Worker) -> Faults:
    for container in worker.task_definition["containerDefinitions"]:
        if container.get("portMappings"):
            yield f"{container['name']} maps {container['portMappings']}"


def _health_checks(worker: service.Worker) -> Faults:
    for container in worker.task_definition["containerDefinitions"]:
        if container.get("healthCheck"):
            yield f"{container['name']} has a health check"
    if worker.service.get("healthCheckGracePeriodSeconds"):
        yield f"grace period of {worker.service['healthCheckGracePeriodSeconds']} s"


def _ingress(worker: service.Worker) -> Faults:
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


def _load_balancers(worker: service.Worker) -> Faults:
    if worker.service.get("loadBalancers"):
        yield f"the service is attached to {worker.service['loadBalancers']}"


def _registries(worker: service.Worker) -> Faults:
    if worker.service.get("serviceRegistries"):
        yield f"the service is registered in {worker.service['serviceRegistries']}"


def _scaling_on_the_queue(worker: service.Worker) -> Faults:
    if not worker.policies:
        yield "no scaling policy"
    for policy in worker.policies:
        if policy["PolicyType"] != "StepScaling":
            yield f"{policy['PolicyName']} is a {policy['PolicyType']} policy"
        alarms = [each["AlarmName"] for each in policy.get("Alarms", ())]
        if not alarms:
            yield f"no alarm invokes {policy['PolicyName']}"
        for name in alarms:
            if name not in worker.alarms:
                yield f"the alarm {name} of {policy['PolicyName']} does not exist"
                continue
            for metric in service.metrics(worker.alarms[name]):
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
        _scaling_on_the_queue,
        lambda worker: f"{len(worker.policies)} step policies on {worker.queue_name}",
    ),
)
"""In the order of the design."""


def verify(deployment: Deployment, clients: Clients) -> list[Check]:
    """Every check of the table below, in its order."""
    source = read_source(deployment)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    state = check_state(stack, deployment.name)
    if not state.green:
        return [state]
    worker = service.read_worker(clients, stack.id)
    checks = [_run(criterion, worker) for criterion in CRITERIA]
    return [
        state,
        *checks,
        _scaling(worker),
        *_as_committed(source, stack, clients),
        _protection(deployment, stack, clients),
    ]


def check_state(stack: stacks.Stack, deployment: str) -> Check:
    """Whether the stack has come to rest, and well."""
    said = f"{stack.name} is {stack.status}"
    return judged(
        "stack",
        "the stack is in a good state",
        [] if stack.status in stack_states.UPDATABLE else [said],
        said,
        stack_states.next_step(stack.status, deployment),
    )


def _as_committed(source: Source, stack: stacks.Stack, clients: Clients) -> Iterator[Check]:
    """The deployed template and values are those in out/ and params/."""
    deployed = stacks.template_body(clients("cloudformation"), StackName=stack.id)
    same = deployed == source.text if isinstance(deployed, str) else deployed == source.template
    if not same and isinstance(deployed, str):
        same = read(deployed, "deployed").data == source.template
    yield judged(
        "template",
        "the deployed template is the one in out/",
        [] if same else [f"it differs from {source.file}"],
        source.file,
        "Review and execute, or find out who deployed something else",
    )
    wanted = source.values()
    given = dict(stack.parameters or {})
    for values in (wanted, given):
        for name in source.not_bound:
            values.pop(name, None)
    differing = sorted(name for name in {**wanted, **given} if wanted.get(name) != given.get(name))
    yield judged(
        "parameters",
        "the deployed values are those in params/",
        [f"these differ: {', '.join(differing)}"] if differing else [],
        f"{len(wanted)} values",
        "Review and execute, or correct the params file",
    )


def _run(criterion: Criterion, worker: service.Worker) -> Check:
    faults = list(criterion.faults(worker))
    return judged(
        criterion.id,
        criterion.text,
        faults,
        "" if faults else criterion.evidence(worker),
        "Deploy out/ again (`deploy.py review`), or see what was changed by hand",
    )


def _scaling(worker: service.Worker) -> Check:
    """Nothing is suspended: a smoke test that was killed, or a person, may have left it so."""
    target = worker.scalable_target
    faults = sorted(
        name for name, suspended in target.get("SuspendedState", {}).items() if suspended
    )
    resume = service.resume_command(target, dict.fromkeys(faults, False)) if faults else ""
    if not target:
        faults, resume = ["the service has no scalable target"], "Deploy out/ again"
    return judged(
        "scaling", "no scaling is suspended", faults, "in, out and scheduled are on", resume
    )


def _protection(deployment: Deployment, stack: stacks.Stack, clients: Clients) -> Check:
    """Termination protection and stack policy; what target.yaml does not name is not judged."""
    faults = [
        f"termination protection is {each.before}"
        if each.kind == protection.TERMINATION
        else f"the stack policy is {'another one' if each.before else 'missing'}"
        for each in protection.compare(clients("cloudformation"), deployment, stack)
    ]
    target, named = deployment.target, []
    if target.termination_protection is not None:
        named.append(f"{protection.TERMINATION} {'on' if target.termination_protection else 'off'}")
    if target.stack_policy is not None:
        named.append(f"{protection.POLICY} as in {target.stack_policy}")
    return judged(
        "protection",
        "the stack is protected as target.yaml says",
        faults,
        ", ".join(named) or "it names neither termination protection nor a stack policy",
        f"`deploy.py review {deployment.name}` shows it and its execution sets it",
    )
