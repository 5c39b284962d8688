"""Verifying a deployed stack: every check that can be live, and that it is what we have here.

Three stacks are compared: what runs, what CloudFormation was told, and what is committed. What
only the first has was changed by hand, and its mending is a call of AWS; what the second has, too,
goes with a review of out/; what all three have is the template's own fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workerstack import checks as table
from workerstack.cloudformation import Stack, equal, from_data, resolve, surroundings
from workerstack.cloudformation.values import is_known
from workerstack.deployer import going_back, labels, stack_protection, stack_states
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.source import Source, read_source, template_text
from workerstack.deployments import Deployment
from workerstack.verifier.asking import NotAllowedError, asked_once
from workerstack.verifier.check import Verdict, judged
from workerstack.verifier.deployed_checks import DEPLOYED
from workerstack.verifier.live_check import Fault, Look, judge, not_allowed
from workerstack.verifier.live_stack import Live, read_live
from workerstack.verifier.running_task_checks import RUNNING


def verify(
    deployment: Deployment, clients: Clients, root: Path, clock: Clock | None = None
) -> list[Verdict]:
    """Every check, in the order of the report; ``root`` is the checkout's, where git is asked."""
    source = read_source(deployment)
    stack = stacks.read(clients("cloudformation"), deployment.stack)
    state = check_state(stack, deployment.name)
    if not state.passed:
        return [state]
    body = template_text(stacks.template_body(clients("cloudformation"), StackName=stack.id))
    ask = asked_once(clients)
    live = read_live(clients, stack, ask, body)
    look = Look(deployment.name, clients, ask, live, (clock or Clock()).now())
    judged_rows = [judge(row, look) for row in (*DEPLOYED, *RUNNING)]
    faults = [fault for _, found in judged_rows for fault in found]
    sides = _sides(source, stack, live)
    return [
        state,
        *_table(deployment.name, sides, faults),
        *(check for check, _ in judged_rows),
        *_as_committed(source, stack, clients, sides, root, body),
        _protection(deployment, stack, clients),
    ]


def check_state(stack: stacks.StackDescription, deployment: str) -> Verdict:
    """Whether the stack has come to rest, and well."""
    criterion = "the stack is in a good state"
    if stack.status in stack_states.UPDATABLE:
        return Verdict("stack", criterion, "PASS", stack.status)
    meaning = stack_states.STATES.get(stack.status)
    said = f"{stack.status}: {meaning.meaning}" if meaning else stack.status
    step = stack_states.next_step(stack.status, deployment)
    return Verdict("stack", criterion, "FAIL", said, step)


@dataclass(frozen=True)
class Sides:
    """The same stack three times: as it runs, as it was deployed, and as it is committed."""

    live: Stack
    deployed: Stack
    committed: Stack


def _sides(source: Source, stack: stacks.StackDescription, live: Live) -> Sides:
    _, _, _, region, account, *_ = stack.id.split(":")
    known = surroundings(account, region, stack.name) | {"AWS::StackId": stack.id}
    committed = resolve(
        from_data(source.template, source.file), source.values(), known,
        stored=stack.parameters or {},
    )  # fmt: skip
    return Sides(live.stack, live.deployed, committed)


def _table(deployment: str, sides: Sides, faults: Sequence[Fault]) -> Iterator[Verdict]:
    """The acceptance criteria one by one, and of the other checks those that do not hold."""
    held, warnings = 0, list[str]()
    asked_for = [each for each in table.CHECKS if each.live]
    for check in asked_for:
        is_criterion = check.kind == "criterion"
        try:
            found = table.run(sides.live, live=True, checks=[check])
        except NotAllowedError as error:
            yield not_allowed(check.id, check.title, [error.action])
            continue
        if found and check.level == "warning":
            warnings += [f"{check.id} {each.violation.sentence}" for each in found]
        elif found:
            said = "; ".join(f"{each.violation.what}: {each.violation.why}" for each in found)
            steps = dict.fromkeys(
                step for each in found for step in _steps(deployment, sides, each, faults)
            )
            yield Verdict(check.id, check.title, "FAIL", said, " && ".join(steps))
        elif is_criterion:
            yield Verdict(check.id, check.title, "PASS", _plain(check.holds))
        else:
            held += 1
    if asked_for:
        said = "; warning: ".join([f"{held} other checks hold", *warnings])
        yield Verdict("checks", "the other checks of docs/checks.md hold", "PASS", said)


def _plain(sentence: str) -> str:
    """A docstring's sentence as evidence."""
    return sentence.replace("``", "").rstrip(".")


def _steps(
    deployment: str, sides: Sides, found: table.CheckedViolation, faults: Sequence[Fault]
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
        mends = [each for each in faults if each.mend]
        own = [each.mend for each in mends if each.logical_id == name]
        # What it says of one resource may come from another one that it refers to.
        others = [each.mend for each in mends]
        yield from own or others or [f"./deploy.py review {deployment} --revert-drift"]


def _has(stack: Stack, found: table.CheckedViolation) -> bool:
    there = table.run(stack, live=True, checks=[found.check])
    return any(each.violation.logical_id == found.violation.logical_id for each in there)


def _as_committed(
    source: Source,
    stack: stacks.StackDescription,
    clients: Clients,
    sides: Sides,
    root: Path,
    body: str,
) -> Iterator[Verdict]:
    """The deployed template, ``body``, and values are those in out/ and params/."""
    mending = cache(lambda: going_back.mending(source, stack, clients, root))
    comparison = labels.of_stack(source, stack, body)
    criterion = "the deployed template is the one in out/"
    if comparison.same:
        said = source.file if body == source.text else f"{source.file}, with the same resources"
        if comparison.labels:
            said = f"{source.file}; {comparison.sentence}"
        yield Verdict("template", criterion, "PASS", said)
    else:
        step = labels.TOGETHER if comparison.only_policies else mending().command
        yield Verdict("template", criterion, "FAIL", f"{source.file}: {comparison.sentence}", step)
    # Of a parameter that Parameter Store has, the name is what was given.
    stored = [name for name, each in source.declared.items() if each.is_stored]
    written = source.values()
    told = {each["ParameterKey"]: each.get("ParameterValue", "")
            for each in stack.answer.get("Parameters", ())}  # fmt: skip
    wanted = {**sides.committed.parameters, **{name: written.get(name) for name in stored}}
    given = {**sides.deployed.parameters, **{name: told.get(name) for name in stored}}
    for values in (wanted, given):
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
        mending().command if differing else "",
    )  # fmt: skip


def _shown(value: Any) -> str:
    if not is_known(value):
        return "a stored one"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _protection(
    deployment: Deployment, stack: stacks.StackDescription, clients: Clients
) -> Verdict:
    """Termination protection and stack policy; what target.yaml does not name is not judged."""
    criterion = "the stack is protected as target.yaml says"
    target, named = deployment.target, []
    if target.termination_protection is not None:
        named.append(
            f"{stack_protection.TERMINATION} {'on' if target.termination_protection else 'off'}"
        )
    if target.stack_policy is not None:
        named.append(f"{stack_protection.POLICY} as in {target.stack_policy}")
    if not named:
        said = "target.yaml sets no termination protection and no stack policy"
        return Verdict("protection", criterion, "SKIP", said)
    faults = [
        f"termination protection is {each.before}"
        if each.kind == stack_protection.TERMINATION
        else f"the stack policy is {'another one' if each.before else 'missing'}"
        for each in stack_protection.compare(clients("cloudformation"), deployment, stack)
    ]
    return judged(
        "protection", criterion, faults, ", ".join(named),
        f"`deploy.py review {deployment.name}` shows it and its execution sets it",
    )  # fmt: skip
