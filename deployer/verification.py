"""Verifying a deployed stack: the acceptance criteria live, and that it is what we have here."""

from collections.abc import Iterator

from deployer import live, protection, recovery, scaling
from deployer import stack as stacks
from deployer.check import Check, judged
from deployer.clients import Clients
from deployer.criteria import CRITERIA, Criterion
from deployer.source import SERVICE_EXISTS, Source, read_source
from deployments import Deployment
from deployments.template import parse_template


def verify(deployment: Deployment, clients: Clients) -> list[Check]:
    """Every check of the table below, in its order."""
    source = read_source(deployment)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    state = check_state(stack, deployment.name)
    if not state.green:
        return [state]
    worker = live.read(clients, stack.id)
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
        [] if stack.status in recovery.UPDATABLE else [said],
        said,
        recovery.next_step(stack.status, deployment),
    )


def _as_committed(source: Source, stack: stacks.Stack, clients: Clients) -> Iterator[Check]:
    """The deployed template and values are those in out/ and params/."""
    body = clients("cloudformation").get_template(StackName=stack.id, TemplateStage="Original")
    deployed = body["TemplateBody"]
    same = deployed == source.text if isinstance(deployed, str) else deployed == source.template
    if not same and isinstance(deployed, str):
        same = parse_template(deployed, "deployed") == source.template
    yield judged(
        "template",
        "the deployed template is the one in out/",
        [] if same else [f"it differs from {source.file}"],
        source.file,
        "Review and execute, or find out who deployed something else",
    )
    wanted = source.values(service_exists=True)
    given = dict(stack.parameters or {})
    for values in (wanted, given):
        values.pop(SERVICE_EXISTS, None)
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


def _run(criterion: Criterion, worker: live.Worker) -> Check:
    faults = list(criterion.faults(worker))
    return judged(
        criterion.id,
        criterion.text,
        faults,
        "" if faults else criterion.evidence(worker),
        "Deploy out/ again (`deploy.py review`), or see what was changed by hand",
    )


def _scaling(worker: live.Worker) -> Check:
    """Nothing is suspended: a smoke test that was killed, or a person, may have left it so."""
    target = worker.scalable_target
    faults = sorted(
        name for name, suspended in target.get("SuspendedState", {}).items() if suspended
    )
    resume = scaling.resume_command(target, dict.fromkeys(faults, False)) if faults else ""
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
