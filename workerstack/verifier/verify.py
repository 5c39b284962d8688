"""Verifying a deployed stack: every check that can be live, and that it is what we have here.

Three stacks are compared: what runs, what CloudFormation was told, and what is committed. What
only the first has was changed by hand, and its mending is a call of AWS; what the second has, too,
goes with a review of out/; what all three have is the template's own fault.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workerstack import checks as table
from workerstack.cloudformation import Stack, equal, from_data, resolve, surroundings
from workerstack.cloudformation.values import is_known
from workerstack.deployer import labels, protection, service, stack_states
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.source import SERVICE_EXISTS, Source, read_source, template_text
from workerstack.deployments import Deployment
from workerstack.verifier.asking import NotAllowedError, asked
from workerstack.verifier.check import Check, judged
from workerstack.verifier.live_only import ROWS, Fault, Look, judge, not_allowed
from workerstack.verifier.live_stack import Live, read_live
from workerstack.verifier.running import RUNNING

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


def verify(deployment: Deployment, clients: Clients, clock: Clock | None = None) -> list[Check]:
    """Every check, in the order of the report."""
    source = read_source(deployment)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    state = check_state(stack, deployment.name)
    if not state.passed:
        return [state]
    live = read_live(clients, stack)
    look = Look(deployment.name, clients, asked(clients), live, (clock or Clock()).now())
    judged_rows = [judge(row, look) for row in (*ROWS, *RUNNING)]
    faults = [fault for _, found in judged_rows for fault in found]
    sides = _sides(source, stack, live)
    return [
        state,
        *_criteria(clients, stack),
        *_table(deployment.name, sides, faults),
        *(check for check, _ in judged_rows),
        *_as_committed(source, stack, clients, sides),
        _protection(deployment, stack, clients),
    ]


def _criteria(clients: Clients, stack: stacks.Stack) -> Iterator[Check]:
    """The acceptance criteria that the table has not."""
    known = {each.id for each in table.CHECKS}
    missing = [each for each in CRITERIA if each.id not in known]
    if not missing:
        return
    worker = service.read_worker(clients, stack.id)
    for each in missing:
        faults = list(each.faults(worker))
        said = "" if faults else each.evidence(worker)
        yield judged(each.id, each.text, faults, said, "See the lines below")


def check_state(stack: stacks.Stack, deployment: str) -> Check:
    """Whether the stack has come to rest, and well."""
    criterion = "the stack is in a good state"
    if stack.status in stack_states.UPDATABLE:
        return Check("stack", criterion, "PASS", stack.status)
    meaning = stack_states.STATES.get(stack.status)
    said = f"{stack.status}: {meaning.meaning}" if meaning else stack.status
    step = stack_states.next_step(stack.status, deployment)
    return Check("stack", criterion, "FAIL", said, step)


@dataclass(frozen=True)
class Sides:
    """The same stack three times: as it runs, as it was deployed, and as it is committed."""

    live: Stack
    deployed: Stack
    committed: Stack


def _sides(source: Source, stack: stacks.Stack, live: Live) -> Sides:
    _, _, _, region, account, *_ = stack.id.split(":")
    known = surroundings(account, region, stack.name) | {"AWS::StackId": stack.id}
    committed = resolve(
        from_data(source.template, source.file), source.values(service_exists=True), known,
        stored=stack.parameters or {},
    )  # fmt: skip
    return Sides(live.stack, live.deployed, committed)


def _table(deployment: str, sides: Sides, faults: Sequence[Fault]) -> Iterator[Check]:
    """The acceptance criteria one by one, and of the other checks those that do not hold."""
    held, warnings = 0, list[str]()
    asked_for = [each for each in table.CHECKS if each.live]
    for check in asked_for:
        is_criterion = check.kind == "criterion"
        try:
            found = table.run(sides.live, live=True, checks=[check])
        except NotAllowedError as error:
            yield not_allowed(check.id, check.holds, [error.action])
            continue
        if found and check.level == "warning":
            warnings += [f"{check.id} {each.violation.sentence}" for each in found]
        elif found:
            said = "; ".join(f"{each.violation.what}: {each.violation.why}" for each in found)
            steps = dict.fromkeys(
                step for each in found for step in _steps(deployment, sides, each, faults)
            )
            yield Check(check.id, check.holds, "FAIL", said, " && ".join(steps))
        elif is_criterion:
            yield Check(check.id, check.holds, "PASS", check.holds)
        else:
            held += 1
    if asked_for:
        said = "; warning: ".join([f"{held} other checks hold", *warnings])
        yield Check("checks", "the other checks of docs/checks.md hold", "PASS", said)


def _steps(
    deployment: str, sides: Sides, found: table.Found, faults: Sequence[Fault]
) -> Iterator[str]:
    """What mends a violation, by where it comes from.

    A template that has not changed is no change to CloudFormation: what was done by hand is undone
    by hand, or by a review that reverts drift.
    """
    if _has(sides.deployed, found) and _has(sides.committed, found):
        yield f"{found.violation.next_step}; then `./generate.py`, review and execute"
    elif _has(sides.deployed, found):
        yield f"./deploy.py review {deployment}"
    else:
        name = found.violation.logical_id
        mends = [each.mend for each in faults if each.mend and each.logical_id == name]
        yield from mends or [f"./deploy.py review {deployment} --revert-drift"]


def _has(stack: Stack, found: table.Found) -> bool:
    there = table.run(stack, live=True, checks=[found.check])
    return any(each.violation.logical_id == found.violation.logical_id for each in there)


def _as_committed(
    source: Source, stack: stacks.Stack, clients: Clients, sides: Sides
) -> Iterator[Check]:
    """The deployed template and values are those in out/ and params/."""
    review = f"./deploy.py review {source.deployment.name}"
    body = template_text(stacks.template_body(clients("cloudformation"), StackName=stack.id))
    comparison = labels.of_stack(source, stack, body)
    criterion = "the deployed template is the one in out/"
    if comparison.same:
        said = source.file if body == source.text else f"{source.file}, with the same resources"
        if comparison.labels:
            said = f"{source.file}; {comparison.sentence}"
        yield Check("template", criterion, "PASS", said)
    else:
        step = labels.TOGETHER if comparison.only_policies else review
        yield Check("template", criterion, "FAIL", f"{source.file}: {comparison.sentence}", step)
    # Of a parameter that Parameter Store has, the name is what was given.
    stored = [name for name, each in source.declared.items() if each.is_stored]
    written = source.values(service_exists=True)
    told = {each["ParameterKey"]: each.get("ParameterValue", "")
            for each in stack.answer.get("Parameters", ())}  # fmt: skip
    wanted = {**sides.committed.parameters, **{name: written.get(name) for name in stored}}
    given = {**sides.deployed.parameters, **{name: told.get(name) for name in stored}}
    for values in (wanted, given):
        values.pop(SERVICE_EXISTS, None)
        for name in source.not_bound:
            values.pop(name, None)
    differing = sorted(
        name
        for name in {**wanted, **given}
        if name in wanted and name in given and not equal(wanted[name], given[name])
    )
    yield judged(
        "parameters",
        "the deployed values are those in params/",
        [f"{name} is {_shown(given[name])} and in params/ {_shown(wanted[name])}"
         for name in differing],
        f"{len(wanted)} values",
        f"{review} (or correct the params file)",
    )  # fmt: skip


def _shown(value: Any) -> str:
    if not is_known(value):
        return "a stored one"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _protection(deployment: Deployment, stack: stacks.Stack, clients: Clients) -> Check:
    """Termination protection and stack policy; what target.yaml does not name is not judged."""
    criterion = "the stack is protected as target.yaml says"
    target, named = deployment.target, []
    if target.termination_protection is not None:
        named.append(f"{protection.TERMINATION} {'on' if target.termination_protection else 'off'}")
    if target.stack_policy is not None:
        named.append(f"{protection.POLICY} as in {target.stack_policy}")
    if not named:
        said = "target.yaml sets no termination protection and no stack policy"
        return Check("protection", criterion, "SKIP", said)
    faults = [
        f"termination protection is {each.before}"
        if each.kind == protection.TERMINATION
        else f"the stack policy is {'another one' if each.before else 'missing'}"
        for each in protection.compare(clients("cloudformation"), deployment, stack)
    ]
    return judged(
        "protection", criterion, faults, ", ".join(named),
        f"`deploy.py review {deployment.name}` shows it and its execution sets it",
    )  # fmt: skip
