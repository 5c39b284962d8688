"""Verifying a deployed stack: the acceptance criteria live, and that it is what we have here."""

from collections.abc import Iterator
from dataclasses import dataclass

from deployer import live, recovery
from deployer import stack as stacks
from deployer.clients import Clients
from deployer.criteria import CRITERIA, Criterion
from deployer.source import SERVICE_EXISTS, Source, read_source
from deployments import Deployment
from deployments.template import parse_template


@dataclass(frozen=True)
class Check:
    """One line of the report; ``next_step`` says what to do where it is red."""

    id: str
    criterion: str
    green: bool
    evidence: str
    next_step: str


def verify(deployment: Deployment, clients: Clients) -> list[Check]:
    """Every check of the table below, in its order."""
    source = read_source(deployment)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    state = _state(stack, deployment.name)
    if not state.green:
        return [state]
    worker = live.read(clients, stack.id)
    checks = [_run(criterion, worker) for criterion in CRITERIA]
    return [state, *checks, *_as_committed(source, stack, clients)]


def _state(stack: stacks.Stack, deployment: str) -> Check:
    return Check(
        "stack",
        "the stack is in a good state",
        stack.status in recovery.UPDATABLE,
        f"{stack.name} is {stack.status}",
        recovery.next_step(stack.status, deployment),
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


def _run(criterion: Criterion, worker: live.Worker) -> Check:
    faults = list(criterion.faults(worker))
    return Check(
        criterion.id,
        criterion.text,
        not faults,
        "; ".join(faults) or criterion.evidence(worker),
        "Deploy out/ again (`deploy.py review`), or see what was changed by hand",
    )
