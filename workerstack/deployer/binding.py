"""What binds a review to its execution: everything that must still be as it was reviewed.

A review file is asked for one thing, which change set it is of. All else is derived anew, from the
checkout and from AWS, and compared with what the file says: then nothing that was edited in it lets
anything through, and what approvers saw in it is what is executed.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from workerstack.deployer import aws, change_set, change_set_answers, stack_protection
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.change_set import Request
from workerstack.deployer.source import Source, digest, digest_as_answered
from workerstack.deployer.stack import StackDescription
from workerstack.deployer.stack_states import SHELL
from workerstack.deployments import Deployment
from workerstack.problem import Refusal
from workerstack.review import compare
from workerstack.review.compare import StackSide
from workerstack.review.model import Binding, Finding, Review

LONGEST = 100
"""Characters of a value in a message."""

SETTINGS: Mapping[str, Collection[Any]] = {
    "OnStackFailure": (None, "", "ROLLBACK"),
    "ImportExistingResources": (None, False),
    "IncludeNestedStacks": (None, False),
    "ParentChangeSetId": (None, ""),
    "RootChangeSetId": (None, ""),
    "DeploymentConfig": (None, {}),
}
"""What a change set of ours never sets, with the answers that say so (API: DescribeChangeSet)."""


class Mismatch(NamedTuple):
    """One member that is not as it was reviewed."""

    member: str
    reviewed: Any
    now: Any


class Selected(NamedTuple):
    """The change set that a review names, and its stack; ``plain`` is None where it is gone."""

    stack: StackDescription
    plain: dict[str, Any] | None


def bind(
    source: Source, stack: StackDescription, request: Request, plain: Mapping[str, Any]
) -> Binding:
    """What a review is bound to: what was asked of AWS, and the stack that it was asked for."""
    deployment = source.deployment
    policy = stack_protection.policy_of(deployment)
    alarms, minutes = _rollback(request.get("RollbackConfiguration", {}))
    return Binding(
        template=source.file,
        template_digest=source.template_digest,
        parameters=_parameters(source, stack, request),
        not_bound=source.not_bound,
        tags=_tags(request),
        capabilities=tuple(sorted(request["Capabilities"])),
        role=request.get("RoleARN", ""),
        topics=tuple(sorted(request.get("NotificationARNs", ()))),
        rollback_alarms=alarms,
        rollback_minutes=minutes,
        mode=request.get("DeploymentMode", ""),
        imports={
            each["LogicalResourceId"]: "|".join(each["ResourceIdentifier"].values())
            for each in request.get("ResourcesToImport", ())
        },
        description=request["Description"],
        termination_protection=deployment.target.termination_protection,
        stack_policy_digest="" if policy is None else digest(policy),
        stack_status=SHELL if stack.is_new else stack.status,
        stack_last_updated=_updated(stack),
        changes_digest=change_set_answers.digest_of_changes(plain),
        origin=source.origin,
    )


def _parameters(source: Source, stack: StackDescription, request: Request) -> dict[str, str]:
    """Each value as it is sent; one that is kept is the stack's."""
    kept = {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in stack.answer.get("Parameters", ())
    }
    return {
        each["ParameterKey"]: kept.get(each["ParameterKey"], "")
        if each.get("UsePreviousValue")
        else each["ParameterValue"]
        for each in request["Parameters"]
        if each["ParameterKey"] not in source.not_bound
    }


def _updated(stack: StackDescription) -> str:
    return "" if stack.is_new else stack.last_updated


def _tags(answer: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in answer.get("Tags") or ()}


def _rollback(configuration: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    triggers = configuration.get("RollbackTriggers") or ()
    minutes = int(configuration.get("MonitoringTimeInMinutes") or 0)
    return tuple(sorted(each["Arn"] for each in triggers)), minutes


def select(review: Review, deployment: Deployment, clients: Clients) -> Selected:
    """The review's change set, always by its ARN; raises Refusal unless it is of the deployment.

    The stack is the one that is called like the deployment, whatever the file says.
    """
    aws.identify(deployment, clients)
    cloudformation, target = clients("cloudformation"), deployment.target
    arn, name = review.change_set.arn, review.change_set.name
    found = change_set.ARN.fullmatch(arn)
    if not found or found.groups()[:2] != (target.region, target.account):
        where = f"a change set of account {target.account} in {target.region}"
        raise _refusal(review, Mismatch("the change set's ARN", arn, where))
    stack = stacks.read(cloudformation, deployment.stack)
    stacks.check_owner(stack, deployment.name)
    plain = change_set.described(cloudformation, arn)
    _raise_first(review, _selection(review, deployment, stack, plain, found[3]))
    if not change_set.NAME.fullmatch(name):
        raise _foreign(review, f"this tool gives its change sets other names than {name}")
    begins = f"{deployment.name} of {stacks.OWNER}, "
    if plain is not None and not str(plain.get("Description", "")).startswith(begins):
        raise _foreign(review, "its description does not say that this tool made it")
    return Selected(stack, plain)


def _selection(
    review: Review,
    deployment: Deployment,
    stack: StackDescription,
    plain: Mapping[str, Any] | None,
    name: str,
) -> Iterator[Mismatch]:
    where, target = review.where, deployment.target
    yield Mismatch("the deployment", where.deployment, deployment.name)
    yield Mismatch("the account", where.account, target.account)
    yield Mismatch("the region", where.region, target.region)
    yield Mismatch("the stack's name", where.stack_name, deployment.stack)
    yield Mismatch("the change set's name", review.change_set.name, name)
    if plain is not None:
        yield Mismatch("the change set's ARN", review.change_set.arn, plain["ChangeSetId"])
        yield Mismatch("the stack of the change set", deployment.stack, plain["StackName"])
        yield Mismatch("the stack of the change set", stack.id, plain["StackId"])
        yield Mismatch("the stack", where.stack_id, plain["StackId"])


def _foreign(review: Review, why: str) -> Refusal:
    return Refusal(
        f"The change set is not one of {review.where.deployment}",
        why,
        f"Use the review file that `{_command(review)}` wrote",
    )


def check_unchanged(
    review: Review,
    source: Source,
    stack: StackDescription,
    request: Request,
    plain: Mapping[str, Any],
    cloudformation: Any,
) -> None:
    """Raises Refusal, naming the member, where something is not as it was reviewed.

    First what the checkout says now against the review, then what AWS holds against the checkout.
    """
    now = bind(source, stack, request, plain)
    _raise_first(review, _of_checkout(review.binding, now))
    statuses = (
        Mismatch("the change set's status", "CREATE_COMPLETE", plain["Status"]),
        Mismatch("its execution status", "AVAILABLE", plain.get("ExecutionStatus", "")),
    )
    _raise_first(review, statuses)
    _raise_first(review, _of_change_set(now, stack, plain))
    imported = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"].get(
            "PhysicalResourceId", ""
        )
        for each in plain["Changes"]
        if each.get("ResourceChange", {}).get("Action") == "Import"
    }
    _raise_first(review, _each("the import of", now.imports, imported))
    held = cloudformation.get_template(
        StackName=stack.id, ChangeSetName=plain["ChangeSetId"], TemplateStage="Original"
    )["TemplateBody"]
    expected = digest_as_answered(source.text, held)
    _raise_first(review, (Mismatch("the change set's template", expected, digest(held)),))
    # Last, since a template or values that differ are told better by the members above.
    _raise_first(review, _of_its_name(review.change_set.name, source))


def _of_its_name(name: str, source: Source) -> Iterator[Mismatch]:
    """The digests in it: it becomes the execution's token, and a rollback believes that."""
    told = change_set.told(name)
    if told is not None and not told.fits(source):
        what = (source.template_digest[:8], source.values_digest[:8])
        yield Mismatch("the digests in the change set's name", (told.template, told.values), what)


def check_selected(review: Review, found: Selected) -> None:
    """Raises Refusal where the change set is not the one that the review shows.

    For a discard: what the checkout says now does not matter to it.
    """
    if found.plain is None:
        return
    then = review.binding
    changes = change_set_answers.digest_of_changes(found.plain)
    _raise_first(review, _of_change_set(then, found.stack, found.plain))
    _raise_first(review, (Mismatch("the list of changes", then.changes_digest, changes),))
    _raise_first(review, _of_rows(review, found))
    listed = Counter(_listed(each["ResourceChange"]) for each in found.plain["Changes"])
    shown = Counter(
        (each.action, each.logical_id, each.type, each.physical_id or "")
        for each in review.resources
    )
    _raise_first(
        review,
        (Mismatch("the resources that change", sorted(shown), sorted(listed)),),
    )


def _of_rows(review: Review, found: Selected) -> Iterator[Mismatch]:
    """The parameters and tags that are shown to change, and those that would."""
    stack, plain = found.stack, found.plain or {}
    old = (
        StackSide({}, {}, {})
        if stack.is_new
        else StackSide({}, stack.parameters or {}, stack.tags or {})
    )
    rows = tuple(compare.compare(old, compare.proposed({}, plain), review.binding.not_bound))
    kinds = {"parameter", "NoEcho parameter", "tag"}
    shown = tuple(each for each in review.others if each.kind in kinds)
    yield from _lists("the", shown, rows, lambda it: f"{it.kind} {it.name}")


def _listed(resource: Mapping[str, Any]) -> tuple[str, str, str, str]:
    members = ("Action", "LogicalResourceId", "ResourceType", "PhysicalResourceId")
    action, logical_id, kind, physical_id = (str(resource.get(each) or "") for each in members)
    return action, logical_id, kind, physical_id


def _of_checkout(then: Binding, now: Binding) -> Iterator[Mismatch]:
    """What the files say, and the stack; where the template differs, that is said first."""
    yield Mismatch("the template's file", then.template, now.template)
    # Before the parameters: another template has mostly other parameters, too, which are only a
    # consequence.
    yield Mismatch(then.template or "the template", then.template_digest, now.template_digest)
    yield from _each("the parameter", then.parameters, now.parameters)
    yield Mismatch("the list of NoEcho parameters", then.not_bound, now.not_bound)
    yield from _each("the tag", then.tags, now.tags)
    yield Mismatch("the role", then.role, now.role)
    yield Mismatch("the list of capabilities", then.capabilities, now.capabilities)
    yield Mismatch("the list of notification topics", then.topics, now.topics)
    yield Mismatch("the list of rollback alarms", then.rollback_alarms, now.rollback_alarms)
    yield Mismatch("the time of rollback alarms", then.rollback_minutes, now.rollback_minutes)
    yield Mismatch(
        "termination protection", then.termination_protection, now.termination_protection
    )
    yield Mismatch("the stack policy", then.stack_policy_digest, now.stack_policy_digest)
    yield Mismatch("the origin", then.origin, now.origin)
    yield Mismatch("the deployment mode", then.mode, now.mode)
    yield from _each("the import of", then.imports, now.imports)
    yield Mismatch("the stack's status", then.stack_status, now.stack_status)
    yield Mismatch("the stack's last update", then.stack_last_updated, now.stack_last_updated)
    yield Mismatch("the change set's description", then.description, now.description)
    yield Mismatch("the list of changes", then.changes_digest, now.changes_digest)


def _of_change_set(
    then: Binding, stack: StackDescription, plain: Mapping[str, Any]
) -> Iterator[Mismatch]:
    """What AWS says of the change set itself."""
    yield Mismatch("the change set's description", then.description, plain.get("Description") or "")
    parameters = {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in plain.get("Parameters") or ()
        if each["ParameterKey"] not in then.not_bound
    }
    yield from _each("the change set's parameter", then.parameters, parameters)
    yield from _each("the change set's tag", then.tags, _tags(plain))
    given = tuple(sorted(plain.get("Capabilities") or ()))
    yield Mismatch("the change set's capabilities", then.capabilities, given)
    topics = tuple(sorted(plain.get("NotificationARNs") or ()))
    # One that names no topics or alarms leaves the stack's, and may answer either.
    kept = tuple(sorted(stack.answer.get("NotificationARNs") or ()))
    if then.topics or topics != kept:
        yield Mismatch("the change set's notification topics", then.topics, topics)
    rollback = _rollback(plain.get("RollbackConfiguration") or {})
    if then.rollback_alarms or rollback != _rollback(
        stack.answer.get("RollbackConfiguration") or {}
    ):
        expected = (then.rollback_alarms, then.rollback_minutes)
        yield Mismatch("the change set's rollback configuration", expected, rollback)
    yield Mismatch("its deployment mode", then.mode, plain.get("DeploymentMode") or "")
    for name, unset in SETTINGS.items():
        if plain.get(name) not in unset:
            yield Mismatch(f"the change set's {name}", None, plain[name])


def _each(what: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Mismatch]:
    for name in sorted({**then, **now}):
        yield Mismatch(f"{what} {name}", then.get(name), now.get(name))


def check_same(review: Review, now: Review, steady: Collection[Finding]) -> None:
    """Raises Refusal where the file shows something else than the change set, judged anew.

    ``steady`` are the findings that no live fact has a part in: they must be shown word for word.
    Who reviewed, and what could not be known then, may differ.
    """
    _raise_first(review, _shown(review, now, steady))


def _shown(review: Review, now: Review, steady: Collection[Finding]) -> Iterator[Mismatch]:
    yield Mismatch("the step of the adoption", review.adoption, now.adoption)
    yield Mismatch("whether it is predicted", review.predicted, now.predicted)
    live = {"status", "execution_status"}
    then_facts, facts = (
        each.change_set.model_dump(mode="json", exclude=live) for each in (review, now)
    )
    yield from _each("the change set's", then_facts, facts)
    yield from _lists("the change of", review.resources, now.resources, lambda it: it.logical_id)
    yield from _lists("the", review.others, now.others, lambda it: f"{it.kind} {it.name}".strip())
    yield from _lists(
        "the access of", review.access, now.access, lambda it: f"{it.logical_id} ({it.kind})"
    )
    yield from _lists("the references of", review.parts, now.parts, lambda it: it.logical_id)
    yield from _lists(
        "what was not predicted of", review.unforeseen, now.unforeseen, lambda it: it.logical_id
    )
    for finding in _missing(review, now):
        yield Mismatch(f"the finding {finding.allowed_by}", None, finding.level)
    for finding in now.findings:
        if finding in steady and finding not in review.findings:
            [*same] = (each for each in review.findings if each.allowed_by == finding.allowed_by)
            yield Mismatch(
                f"the finding {finding.allowed_by}", same[0].what if same else None, finding.what
            )
            # What it is may be the same, and why it matters another text.
            yield Mismatch(f"the finding {finding.allowed_by}", "another text", finding.why)
    for notice in now.notices:
        if notice not in review.notices:
            yield Mismatch(f"the notice of {notice.source}", None, notice.text)
    # A simulation that fails now says nothing against a review.
    if not (now.scaling and now.scaling.unknown) and review.scaling != now.scaling:
        scaling = (each and each.model_dump(mode="json") for each in (review.scaling, now.scaling))
        yield Mismatch("the scaling", *map(shortened, scaling))


def _missing(review: Review, now: Review) -> Iterator[Finding]:
    shown = {(each.level, each.allowed_by) for each in review.findings}
    return (each for each in now.findings if (each.level, each.allowed_by) not in shown)


def _lists(
    what: str, then: Iterable[Any], now: Iterable[Any], name: Callable[[Any], str]
) -> Iterator[Mismatch]:
    """The differences of two lists of models by their names, the order of no account."""
    sides = []
    for models in (then, now):
        found: dict[str, list[BaseModel]] = {}
        for each in models:
            found.setdefault(name(each), []).append(each)
        sides.append({key: sorted(map(_comparable, each)) for key, each in found.items()})
    for key in sorted({**sides[0], **sides[1]}):
        before, after = (side.get(key, []) for side in sides)
        if before != after:
            yield Mismatch(f"{what} {key}", *_parting(before, after))


def _comparable(model: BaseModel) -> str:
    return change_set_answers.canonical(model.model_dump(mode="json"))


def _parting(then: list[str], now: list[str]) -> tuple[Any, Any]:
    """Where two texts part, with a little before it, so that a message shows what differs."""
    left, right = ("; ".join(each).replace("\\", "") for each in (then, now))
    if not left or not right:
        return left or None, right or None
    same = next(
        (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b),
        min(len(left), len(right)),
    )
    # Thirty characters before it, so that the name of the member that differs is mostly in sight.
    start = max(same - 30, 0)
    return left[start:], right[start:]


def _raise_first(review: Review, differences: Iterable[Mismatch]) -> None:
    for difference in differences:
        if difference.reviewed != difference.now:
            raise _refusal(review, difference)


def _refusal(review: Review, difference: Mismatch) -> Refusal:
    member, reviewed, now = difference
    return Refusal(
        "The review is out of date",
        f"{member} was {shortened(reviewed)} when it was reviewed, and is {shortened(now)} now",
        f"Review again: {_command(review)}",
    )


def shortened(value: Any) -> str:
    """A value in a message: digests by their first digits, and nothing that is long whole."""
    if value in (None, "", (), [], {}):
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text[:7]
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _command(review: Review) -> str:
    """The command that makes such a review."""
    name = review.where.deployment
    if review.adoption:
        return f"./deploy.py adopt {name}"
    return f"./deploy.py {'rollback' if review.binding.origin else 'review'} {name}"


def gone(review: Review, stack: StackDescription) -> Refusal:
    """What to raise for a change set that is not there any more; most often the stack tells why."""
    then = review.binding
    # CloudFormation deletes the other change sets of a stack once one of them is executed: a later
    # update is the usual reason.
    for difference in (
        Mismatch("the stack", review.where.stack_id, stack.id),
        Mismatch("the stack's last update", then.stack_last_updated, _updated(stack)),
    ):
        if difference.reviewed != difference.now:
            return _refusal(review, difference)
    return Refusal(
        f"The change set {review.change_set.name} is gone",
        "it was deleted, or made obsolete by another one",
        f"Review again: {_command(review)}",
    )


def check_allowed(review: Review, typed: Collection[str]) -> None:
    """Raises Refusal while a blocking finding is not let through by its own name.

    That stands in the review, where approvers see it, or was ``typed`` for this execution.
    """
    if review.predicted:
        raise Refusal(
            "This review was predicted from templates",
            "there is no change set that could be executed",
            f"Review again: {_command(review)}",
        )
    blocking = [each for each in review.findings if each.level == "blocking"]
    allowed = {*typed, *(each.finding for each in review.allowed)}
    check_known(allowed, blocking)
    refused = [each for each in blocking if each.allowed_by not in allowed]
    if refused:
        raise Refusal(
            f"Blocked by {', '.join(dict.fromkeys(each.allowed_by for each in refused))}",
            "; ".join(each.what for each in refused),
            f"Fix it and review again. To accept it: {_accept(refused)}",
        )


def _accept(refused: Iterable[Finding]) -> str:
    names = dict.fromkeys(each.allowed_by for each in refused)
    return " ".join(f"--allow {name}" for name in names)


def check_known(names: Iterable[str], findings: Iterable[Finding]) -> None:
    """Raises Refusal for a name that no blocking finding has."""
    known = {each.allowed_by for each in findings if each.level == "blocking"}
    for name in sorted(set(names) - known):
        raise Refusal(
            f"There is no blocking finding {name}",
            f"the review has {', '.join(sorted(known)) or 'none'}",
            "Allow only what the review names",
        )
