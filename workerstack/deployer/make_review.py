"""From a deployment to its Review: a change set made, read twice, compared and judged.

Live facts and CloudFormation's own notices are asked for besides. A review can do without them, so
what cannot be read is said and not guessed; an API that this botocore or this account lacks never
fails a review. Notices are asked for whether the change set failed or not: a validation in WARN
mode lets it succeed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from workerstack.cloudformation import Stack as Resolved
from workerstack.cloudformation import from_data, read, resolve, surroundings
from workerstack.cloudformation.resolve import transforms_unknown
from workerstack.deployer import aws, change_set, change_set_answers, stack_protection
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.binding import bind, check_known
from workerstack.deployer.change_set import Request
from workerstack.deployer.clock import Clock
from workerstack.deployer.deployed_stack import DeployedStack, physical_ids, worker_queues
from workerstack.deployer.running_images import moved_tags
from workerstack.deployer.service import messages
from workerstack.deployer.source import Source, read_source, template_text
from workerstack.deployer.stack import StackDescription
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal
from workerstack.review import case as cases
from workerstack.review import certain, compare, findings, simulate_change
from workerstack.review.case import Facts
from workerstack.review.compare import StackSide
from workerstack.review.model import Consent, Finding, Notice, ResourceChange, Review, Step, Where
from workerstack.review.predict import fill, not_known, parts, predict
from workerstack.review.simulate_change import ScalingSide as Simulated

SERVICE = "AWS::ECS::Service"
NOBODY = "is not imported by any stack"


def gather_facts(
    clients: Clients,
    changes: Iterable[ResourceChange],
    deployed: Callable[[], DeployedStack],
    after: Mapping[str, Any],
    stack: Mapping[str, Any],
) -> tuple[Facts, tuple[str, ...]]:
    """The facts on a change set, and a sentence for each that is not known.

    ``deployed`` gives what the stack has now, ``after`` are the resolved bodies that it will
    have; ``stack`` is DescribeStacks' answer, empty for a new stack.
    """
    unknown: list[str] = []

    def asked(what: str, ask: Callable[[], Any], otherwise: Any = None) -> Any:
        from botocore.exceptions import ClientError

        try:
            return ask()
        except ClientError as error:
            unknown.append(f"{what} could not be read: {error}")
            return otherwise

    changes = tuple(changes)
    services = [
        change.physical_id
        for change in changes
        if change.type == SERVICE and change.physical_id and change.action != "Add"
    ]
    outputs = stack.get("Outputs", ())
    exports = {each["ExportName"]: each["OutputKey"] for each in outputs if "ExportName" in each}
    facts = Facts(
        account=stack.get("StackId", "::::").split(":")[4],
        running_tasks=asked("The running tasks", lambda: _running(clients("ecs"), services)),
        messages_in_flight=asked(
            "The messages in flight",
            lambda: _in_flight(clients("sqs"), worker_queues(deployed())),
        )
        if services
        else None,
        waiting=asked(
            "The messages of a queue that is left",
            lambda: _waiting(clients("sqs"), cases.left_queues(changes, after)),
            {},
        ),
        imports=asked(
            "Who imports the exports",
            lambda: {name: _importers(clients("cloudformation"), name) for name in exports},
            {},
        ),
        exports=exports,
        rollback_disabled=bool(stack.get("DisableRollback")),
        moved_tags=asked(
            "Whether a tag means another image", lambda: moved_tags(clients, deployed()), ()
        )
        if stack
        else (),
    )
    return facts, tuple(unknown)


def _running(ecs: Any, services: list[str]) -> int | None:
    found = 0
    for arn in services:
        # arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE
        cluster = arn.split("/")[-2] if arn.count("/") > 1 else "default"
        for service in ecs.describe_services(cluster=cluster, services=[arn])["services"]:
            found += service["runningCount"]
    return found if services else None


def _in_flight(sqs: Any, queues: list[str]) -> int | None:
    return sum(_messages(sqs, each, "in_flight") for each in queues) if queues else None


def _waiting(sqs: Any, queues: Iterable[str]) -> dict[str, int]:
    """Messages of each queue, visible and in flight."""
    return {each: _messages(sqs, each, "waiting", "in_flight") for each in sorted(queues)}


def _messages(sqs: Any, queue: str, *counts: str) -> int:
    found = messages(sqs, sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    return sum(found[each] for each in counts)


def _importers(cloudformation: Any, export: str) -> tuple[str, ...]:
    from botocore.exceptions import ClientError

    found: list[str] = []
    try:
        for page in cloudformation.get_paginator("list_imports").paginate(ExportName=export):
            found += page["Imports"]
    except ClientError as error:
        # CloudFormation has no other way to say that nobody imports it.
        if NOBODY not in str(error):
            raise
    return tuple(found)


Answer = Mapping[str, Any]
VALIDATION = "early validation"
HOOK = "hook"
PLANNED = "planned hook"


def gather_notices(cloudformation: Any, arn: str) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """All notices on a change set, and a sentence for each question without an answer."""
    notices: list[Notice] = []
    unknown: list[str] = []
    for question, ask in QUESTIONS.items():
        try:
            notices += ask(cloudformation, arn)
        except _no_answers() as error:
            unknown.append(f"{question} could not be asked for: {_reason(error)}")
    return tuple(dict.fromkeys(notices)), tuple(unknown)


def _no_answers() -> tuple[type[Exception], ...]:
    """An operation that this botocore lacks is a missing attribute of the client."""
    from botocore.exceptions import ClientError

    return (ClientError, AttributeError)


def _reason(error: Exception) -> str:
    if isinstance(error, AttributeError):
        return "the installed botocore does not know the operation"
    return str(error)


def _events(cloudformation: Any, arn: str) -> Iterator[Notice]:
    for event in _pages(
        cloudformation.describe_events,
        "OperationEvents",
        ChangeSetName=arn,
        Filters={"FailedEvents": True},
    ):
        if event.get("EventType") == "VALIDATION_ERROR":
            yield Notice(
                source=f"{VALIDATION} {event.get('ValidationName', '')}".strip(),
                mode=event.get("ValidationFailureMode", ""),
                logical_id=event.get("LogicalResourceId", ""),
                text=_joined(event, "ValidationStatusReason", "ValidationPath"),
            )
        elif event.get("EventType") == "HOOK_INVOCATION_ERROR":
            yield Notice(
                source=f"{HOOK} {event.get('HookType', '')}".strip(),
                mode=event.get("HookFailureMode", ""),
                logical_id=event.get("LogicalResourceId", ""),
                text=_joined(event, "HookStatus", "HookStatusReason"),
            )
        elif event.get("ResourceStatusReason"):
            yield Notice(
                source=str(event.get("EventType", "event")).lower().replace("_", " "),
                mode="",
                logical_id=event.get("LogicalResourceId", ""),
                text=event["ResourceStatusReason"],
            )


def _hook_results(cloudformation: Any, arn: str) -> Iterator[Notice]:
    for result in _pages(
        cloudformation.list_hook_results, "HookResults", TargetType="CHANGE_SET", TargetId=arn
    ):
        if result.get("Status") in ("HOOK_COMPLETE_SUCCEEDED", "HOOK_IN_PROGRESS"):
            continue
        whole = cloudformation.get_hook_result(HookResultId=result["HookResultId"])
        failed = [each for each in whole.get("Annotations", ()) if each.get("Status") == "FAILED"]
        source, mode = f"{HOOK} {result.get('TypeName', '')}", result.get("FailureMode", "")
        target = str(whole.get("Target", {}).get("TargetId", ""))
        for each in failed:
            yield Notice(
                source=source,
                mode=mode,
                logical_id=target,
                text=_joined(each, "SeverityLevel", "AnnotationName", "StatusMessage"),
                next_step=_joined(each, "RemediationMessage", "RemediationLink"),
            )
        if not failed:
            text = _joined(result, "Status", "HookStatusReason")
            yield Notice(source=source, mode=mode, logical_id=target, text=text)


def _planned(cloudformation: Any, arn: str) -> Iterator[Notice]:
    for hook in _pages(cloudformation.describe_change_set_hooks, "Hooks", ChangeSetName=arn):
        resource = hook.get("TargetDetails", {}).get("ResourceTargetDetails", {})
        yield Notice(
            source=f"{PLANNED} {hook.get('TypeName', '')}",
            mode=hook.get("FailureMode", ""),
            logical_id=resource.get("LogicalResourceId", ""),
            text=f"will look at it before the {resource.get('ResourceAction', 'change')}",
        )


QUESTIONS: dict[str, Callable[[Any, str], Iterable[Notice]]] = {
    "Early validation": _events,
    "Hook results": _hook_results,
    "Planned hooks": _planned,
}


def _pages(operation: Callable[..., Answer], member: str, **request: Any) -> Iterator[Answer]:
    answer = operation(**request)
    yield from answer.get(member, ())
    while answer.get("NextToken"):
        answer = operation(**request, NextToken=answer["NextToken"])
        yield from answer.get(member, ())


def _joined(answer: Answer, *names: str) -> str:
    return ": ".join(str(answer[name]) for name in names if answer.get(name))


def make_review(
    deployment: Deployment,
    clients: Clients,
    clock: Clock,
    *,
    source: Source | None = None,
    revert_drift: bool = False,
    allowed: Collection[str] = (),
) -> Review | None:
    """Makes a change set and reads it; None when there is nothing to change.

    ``source`` is what to deploy instead of the checkout's files, ``allowed`` the blocking findings
    that the caller lets through. A change set that is empty, has failed, or does not have such a
    finding is deleted, and so is the empty stack that it left.
    Raises Problem or Refusal; nothing is executed.
    """
    source = source or read_source(deployment)
    caller = aws.identify(deployment, clients)
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
    given = consents(allowed, caller)
    request = change_set.requested(
        clients, source, stack, name=name, revert_drift=revert_drift, consents=given
    )
    # From here on there is something in AWS: whatever is not given to the caller is deleted again.
    arn = change_set.submit(cloudformation, request)
    plain = change_set.awaited(clients, arn, clock, f"./deploy.py review {deployment.name}")
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
    found = judged(clients, source, stack, plain, where, request)
    return let_through(found, given, cloudformation, stack)


def consents(allowed: Collection[str], caller: str) -> tuple[Consent, ...]:
    """What a caller lets through, each finding once."""
    return tuple(Consent(finding=each, by=caller) for each in sorted(set(allowed)))


def let_through(
    found: Review, given: tuple[Consent, ...], cloudformation: Any, stack: StackDescription
) -> Review:
    """The review with its consents; raises Refusal where it has no such finding, and drops it."""
    try:
        check_known([each.finding for each in given], found.findings)
    except Refusal:
        drop(cloudformation, found.change_set.arn, stack)
        raise
    return found.model_copy(update={"allowed": given})


def review_again(
    clients: Clients,
    source: Source,
    stack: StackDescription,
    plain: Answer,
    where: Where,
    request: Request,
) -> tuple[Review, frozenset[Finding]]:
    """The change set judged anew, and its findings that no live fact has a part in."""
    found, case = _judged(clients, source, stack, plain, where, request)
    return found, findings.steady(case)


def drop(cloudformation: Any, arn: str, stack: StackDescription) -> None:
    """Deletes a change set that was just made, and the shell that it made of a stack."""
    change_set.delete(cloudformation, arn)
    if stack.status == "ABSENT":
        change_set.delete_shell(cloudformation, stacks.read(cloudformation, stack.name), [arn])


def failed(
    cloudformation: Any, arn: str, stack: StackDescription, plain: Mapping[str, Any]
) -> None:
    """Explains a change set that could not be made, and leaves nothing of it behind."""
    found = () if change_set.is_empty(plain) else gather_notices(cloudformation, arn)[0]
    drop(cloudformation, arn, stack)
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
    stack: StackDescription,
    plain: Answer,
    where: Where,
    request: Request,
) -> Review:
    """A change set that was made, read in full and judged; ``plain`` is its description."""
    return _judged(clients, source, stack, plain, where, request)[0]


def _judged(
    clients: Clients,
    source: Source,
    stack: StackDescription,
    plain: Answer,
    where: Where,
    request: Request,
) -> tuple[Review, cases.Case]:
    """The review, and the case that was judged.

    What guards the stack is set by a review of out/ and not by a step of an adoption.
    """
    cloudformation, arn = clients("cloudformation"), plain["ChangeSetId"]
    adoption = source.adoption
    # Described twice: with property values the answer may leave resources out (see `answers`).
    detailed = change_set.describe(cloudformation, arn, values=True)
    resources = change_set_answers.read_resources(plain, detailed, source.descriptions())
    before, after = _before(cloudformation, stack), _after(source, stack, plain)
    known = surroundings(where.account, where.region, where.stack_name)
    old = _resolved({"Resources": {}} if stack.is_new else before.template, before, known)
    new = _resolved(after.template, after, known)
    predicted = predict(old, new, tags_differ=before.tags != after.tags and not stack.is_new)
    filled = certain.proved(fill(resources, old, new, predicted), old, new)
    sighted = certain.in_sight(filled)
    live, silent = gather_facts(
        clients,
        sighted,
        cache(lambda: _deployed(cloudformation, stack, old)),
        new.bodies,
        stack.answer,
    )
    said, unasked = gather_notices(cloudformation, arn)
    case = cases.Case(
        is_new=stack.is_new,
        resources=sighted,
        before=old.bodies,
        after=new.bodies,
        others=(
            *compare.compare(before, after, source.not_bound),
            *(
                ()
                if adoption
                else stack_protection.compare(cloudformation, source.deployment, stack)
            ),
        ),
        facts=replace(live, account=where.account),
        resolved=(old, new),
    )
    case = replace(case, access=findings.access(case))
    found = Review(
        where=where,
        change_set=change_set_answers.read_change_set(plain, _kind(stack, adoption)),
        resources=filled,
        others=case.others,
        findings=findings.judge(case),
        access=case.access,
        notices=said,
        unforeseen=certain.unforeseen(filled, certain.proved(predicted, old, new))
        if _is_foreseeable(source, old, new, request)
        else (),
        parts=parts(old, new),
        unknown=(*silent, *unasked, *(() if filled == resources else not_known(new))),
        adoption=adoption,
        scaling=simulate_change.effect(
            case.resources,
            Simulated(before.template, before.parameters),
            Simulated(after.template, after.parameters),
        ),
        binding=bind(source, stack, request, plain),
    )
    return found, case


def _deployed(cloudformation: Any, stack: StackDescription, resolved: Resolved) -> DeployedStack:
    return DeployedStack(resolved, {} if stack.is_new else physical_ids(cloudformation, stack))


def _is_foreseeable(source: Source, old: Resolved, new: Resolved, request: Request) -> bool:
    """Whether the two templates say all: no macro, no drift put back, no import."""
    transforms = [*transforms_unknown(old), *transforms_unknown(new)]
    return not (source.adoption or request.get("DeploymentMode") or transforms)


def _resolved(template: Mapping[str, Any], side: StackSide, known: Mapping[str, str]) -> Resolved:
    """A template with the values that AWS has; it also gave those of Parameter Store."""
    return resolve(from_data(template), side.parameters, known, stored=side.parameters)


def _kind(stack: StackDescription, adoption: Step) -> str:
    if adoption == "import":
        return "IMPORT"
    return "CREATE" if stack.is_new else "UPDATE"


def _before(cloudformation: Any, stack: StackDescription) -> StackSide:
    if stack.is_new:
        return StackSide()
    body = stacks.template_body(cloudformation, StackName=stack.id)
    template = read(template_text(body), f"the template of {stack.name}").data
    topics = stack.answer.get("NotificationARNs", ())
    return StackSide(template, stack.parameters or {}, stack.tags or {}, topics)


def _after(source: Source, stack: StackDescription, plain: Mapping[str, Any]) -> StackSide:
    """What the change set itself says that the stack will have."""
    # A change set that names no topics leaves those that the stack has.
    topics = source.deployment.target.notification_topics or stack.answer.get(
        "NotificationARNs", ()
    )
    return compare.proposed(source.template, plain, topics)
