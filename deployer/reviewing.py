"""From a deployment to its Review: a change set made, read twice, compared and judged."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer import (
    beside,
    change_set,
    facts,
    guards,
    judging,
    notices,
    protection,
    reading,
    scaling_effect,
)
from deployer import stack as stacks
from deployer.beside import Beside
from deployer.binding import bind
from deployer.bound import Where
from deployer.clients import Clients
from deployer.clock import Clock
from deployer.prediction.filling import fill
from deployer.prediction.predicting import surroundings
from deployer.prediction.resolving import Resolved, parts, resolve
from deployer.review import Notice, Review, Step
from deployer.scaling_effect import Deployed
from deployer.source import Source, read_source, template_text
from deployer.stack import Stack
from deployments import Deployment
from deployments.template import parse_template
from problem import Problem, Refusal


def review(
    deployment: Deployment,
    clients: Clients,
    clock: Clock,
    *,
    source: Source | None = None,
    revert_drift: bool = False,
) -> Review | None:
    """Makes a change set and reads it; None when there is nothing to change.

    ``source`` is what to deploy instead of the checkout's files. An empty or failed change
    set is deleted, and so is the empty stack that it left.
    Raises Problem or Refusal; nothing is executed.
    """
    source = source or read_source(deployment)
    caller = guards.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, deployment.stack)
    stacks.check_owner(stack, deployment.name)
    stacks.check_updatable(stack, deployment.name)
    if revert_drift and stack.is_new:
        raise Refusal(
            f"There is nothing to put back in {deployment.stack}",
            "it does not exist yet, so nobody can have changed it",
            "Review without --revert-drift",
        )
    name = change_set.change_set_name(source, clock)
    arn = change_set.create(clients, source, stack, name=name, revert_drift=revert_drift)
    plain = change_set.wait(cloudformation, arn, clock)
    if plain["Status"] != "CREATE_COMPLETE":
        failed(cloudformation, arn, stack, plain)
        return None
    where = Where(
        deployment=deployment.name,
        account=deployment.target.account,
        region=clients.region,
        caller=caller,
        stack_name=deployment.stack,
        stack_id=plain["StackId"],
    )
    return judged(clients, source, stack, plain, where)


def again(found: Review, source: Source, clients: Clients) -> Review:
    """The same change set, described and judged anew: a file can be edited, this cannot."""
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, found.where.stack_id)
    plain = change_set.describe(cloudformation, found.change_set.arn, values=False)
    return judged(clients, source, stack, plain, found.where, found.adoption)


def failed(cloudformation: Any, arn: str, stack: Stack, plain: Mapping[str, Any]) -> None:
    """Explains a change set that could not be made, and leaves nothing of it behind."""
    found = () if change_set.is_empty(plain) else notices.gather(cloudformation, arn)[0]
    change_set.delete(cloudformation, arn)
    if stack.status == "ABSENT":
        change_set.delete_shell(cloudformation, stacks.read(cloudformation, stack.name), [arn])
    if not change_set.is_empty(plain):
        reason = plain.get("StatusReason") or f"it is in {plain['Status']} and gives no reason"
        raise Problem(
            "CloudFormation could not make the change set",
            "; ".join([*(_sentence(each) for each in found), reason]),
            "Correct the template or the parameters and review again",
        )


def _sentence(notice: Notice) -> str:
    whom = f" of {notice.logical_id}" if notice.logical_id else ""
    then = f" ({notice.next_step})" if notice.next_step else ""
    return f"{notice.source}{whom}: {notice.text}{then}"


def judged(
    clients: Clients,
    source: Source,
    stack: Stack,
    plain: Mapping[str, Any],
    where: Where,
    adoption: Step = "",
) -> Review:
    """A change set that was made, read in full and judged; ``plain`` is its description.

    What guards the stack is set by a review of out/ and not by a step of an adoption.
    """
    cloudformation, arn = clients("cloudformation"), plain["ChangeSetId"]
    detailed = change_set.describe(cloudformation, arn, values=True)
    resources = reading.read_resources(plain, detailed, source.descriptions())
    before, after = _before(cloudformation, stack), _after(source, stack, plain)
    known = surroundings(where.account, where.region, where.stack_name)
    old = Resolved() if stack.is_new else resolve(before.template, before.parameters, known)
    new = resolve(after.template, after.parameters, known)
    filled = fill(resources, old, new)
    live, silent = facts.gather(clients, filled, (old.resources, new.resources), stack.answer)
    said, unasked = notices.gather(cloudformation, arn)
    case = judging.Case(
        is_new=stack.is_new,
        resources=filled,
        before=old.resources,
        after=new.resources,
        others=(
            *beside.compare(before, after, source.not_bound),
            *(() if adoption else protection.compare(cloudformation, source.deployment, stack)),
        ),
        facts=replace(live, account=where.account),
    )
    case = replace(case, access=judging.access(case))
    return Review(
        where=where,
        change_set=reading.read_change_set(plain, _kind(stack, adoption)),
        resources=case.resources,
        others=case.others,
        findings=judging.judge(case),
        access=case.access,
        notices=said,
        parts=parts(old, new),
        unknown=(*silent, *unasked, *(() if filled == resources else new.unknown)),
        adoption=adoption,
        scaling=scaling_effect.effect(
            case.resources,
            Deployed(before.template, before.parameters),
            Deployed(after.template, after.parameters),
        ),
        binding=bind(source, stack, plain),
    )


def _kind(stack: Stack, adoption: Step) -> str:
    if adoption == "import":
        return "IMPORT"
    return "CREATE" if stack.is_new else "UPDATE"


def _before(cloudformation: Any, stack: Stack) -> Beside:
    if stack.is_new:
        return Beside()
    body = cloudformation.get_template(StackName=stack.id, TemplateStage="Original")["TemplateBody"]
    template = parse_template(template_text(body), f"the template of {stack.name}")
    topics = stack.answer.get("NotificationARNs", ())
    return Beside(template, stack.parameters or {}, stack.tags or {}, topics)


def _after(source: Source, stack: Stack, plain: Mapping[str, Any]) -> Beside:
    """What the change set itself says that the stack will have."""
    parameters = {
        each["ParameterKey"]: str(each.get("ResolvedValue", each.get("ParameterValue", "")))
        for each in plain.get("Parameters", ())
    }
    tags = {each["Key"]: each["Value"] for each in plain.get("Tags", ())}
    # A change set that names no topics leaves those that the stack has.
    topics = source.deployment.target.notification_topics or stack.answer.get(
        "NotificationARNs", ()
    )
    return Beside(source.template, parameters, tags, topics)
