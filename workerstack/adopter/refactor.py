"""CloudFormation's stack refactoring: a renaming proposed, bound to what was seen, executed.

Source: CloudFormation API reference, CreateStackRefactor, DescribeStackRefactor,
ListStackRefactorActions, ExecuteStackRefactor; user guide, "Stack refactoring":
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-refactoring.html
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workerstack.adopter import deployed_template, mapping
from workerstack.adopter import mapping as mapping_file
from workerstack.adopter.plan import AdoptionPlan, check_no_policy, immovable, next_step
from workerstack.adopter.rename import rename
from workerstack.deployer import aws
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import explained
from workerstack.deployer.binding import shortened
from workerstack.deployer.clock import Clock
from workerstack.deployer.patience import Patience
from workerstack.deployer.source import Source, digest, placed
from workerstack.deployer.stack import OWNER
from workerstack.deployments import Deployment
from workerstack.problem import Detached, Problem, Refusal
from workerstack.review import renaming as proposal
from workerstack.review.model import Where
from workerstack.review.renaming import Bound, Renamed, Renaming

UNSUPPORTED = re.compile(r"Stack Refactor does not support (\w+::\w+::\w+)")
"""How the service says that a type cannot be refactored, in StatusReason and, for one whose tags
it cannot write, in ExecutionStatusReason.
"""

HINTS = {
    "AWS::CDK::Metadata": "Deploy once more with `cdk deploy --version-reporting=false`, which"
    " leaves it out, and adopt again",
}
"""What helps with types that a tool adds by itself."""

UNDER_WAY = frozenset({"EXECUTE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"})


class Unsupported(Refusal):
    """The service refuses a type; ``kind`` is which."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(
            f"CloudFormation cannot refactor {kind}",
            reason,
            HINTS.get(
                kind, "Remove what is of this type with the tool that made it, and adopt again"
            ),
        )
        self.kind = kind


def create_refactoring(
    cloudformation: Any,
    stack_name: str,
    template: Mapping[str, str],
    names: Mapping[str, str],
    description: str,
) -> str:
    """Proposes the renaming within one stack; gives the refactor's id. Nothing is changed.

    ``template`` is TemplateBody or TemplateURL, ``names`` leads from old ids to new ones.
    """
    answer = cloudformation.create_stack_refactor(
        Description=description,
        EnableStackCreation=False,
        StackDefinitions=[{"StackName": stack_name, **template}],
        ResourceMappings=[
            {
                "Source": {"StackName": stack_name, "LogicalResourceId": old},
                "Destination": {"StackName": stack_name, "LogicalResourceId": new},
            }
            for old, new in sorted(names.items())
        ],
    )
    return str(answer["StackRefactorId"])


def describe_refactoring(cloudformation: Any, refactor: str) -> Mapping[str, Any]:
    """One look at it."""
    found: Mapping[str, Any] = cloudformation.describe_stack_refactor(StackRefactorId=refactor)
    return found


def wait_created(cloudformation: Any, refactor: str, clock: Clock) -> None:
    """Waits until it is made and can be executed.

    Raises Unsupported where a type cannot be refactored, Problem for any other failure.
    """
    waits, patience = clock.waits(), Patience()
    while True:
        answer = _looked(cloudformation, refactor, patience)
        if answer and answer["Status"] != "CREATE_IN_PROGRESS":
            break
        if not waits.wait():
            raise Problem(
                "The refactoring is still being made", f"its id is {refactor}", "Adopt again later"
            )
    # Both: a refactoring that was made and cannot be executed says why in its execution status
    # alone.
    if answer["Status"] == "CREATE_COMPLETE" and answer.get("ExecutionStatus") == "AVAILABLE":
        return
    reason = answer.get("StatusReason") or answer.get("ExecutionStatusReason") or "no reason given"
    found = UNSUPPORTED.search(reason)
    if found:
        raise Unsupported(found[1], reason)
    raise Problem(
        f"CloudFormation could not make the refactoring ({answer['Status']},"
        f" {answer.get('ExecutionStatus')})",
        reason,
        "Correct what it says and adopt again; nothing was changed",
    )


def _looked(cloudformation: Any, refactor: str, patience: Patience) -> Mapping[str, Any] | None:
    """One look at it; None where there is no answer now, and the next look may have one."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = describe_refactoring(cloudformation, refactor)
    except (BotoCoreError, ClientError) as error:
        patience.bear(error)
        return None
    patience.answered()
    return answer


def read_actions(cloudformation: Any, refactor: str) -> list[dict[str, Any]]:
    """What it would do, all pages together."""
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = cloudformation.list_stack_refactor_actions(StackRefactorId=refactor, **more)
        found += page["StackRefactorActions"]
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def execute_refactoring(
    cloudformation: Any, refactor: str, clock: Clock, resume: str, *, profile: str | None = None
) -> None:
    """Executes it, unless that has begun already, and waits for its end.

    Raises Problem where it failed or was rolled back; Detached where we cannot wait for its end,
    which it comes to without us.
    """
    status = describe_refactoring(cloudformation, refactor).get("ExecutionStatus")
    if status == "AVAILABLE":
        _begin(cloudformation, refactor, resume, profile)
    try:
        with explained(resume, profile=profile):
            _wait_executed(cloudformation, refactor, clock, resume)
    except KeyboardInterrupt:
        raise _left("you interrupted this", resume) from None


def _wait_executed(cloudformation: Any, refactor: str, clock: Clock, resume: str) -> None:
    waits, patience = clock.waits(), Patience()
    status = "EXECUTE_IN_PROGRESS"
    while True:
        answer = _looked(cloudformation, refactor, patience)
        if answer:
            status = answer.get("ExecutionStatus", "")
        if status == "EXECUTE_COMPLETE":
            return
        # An answer may still be as it was before the execution began.
        if answer and status not in UNDER_WAY and status != "AVAILABLE":
            raise _ended(status, answer.get("ExecutionStatusReason", ""))
        if not waits.wait():
            raise _left(f"it is still in {status}", resume)


def _wait_at_rest(found: Renaming, clients: Clients, clock: Clock, resume: str) -> None:
    """Waits until the stack itself is at rest, which it is some seconds later.

    Before that it takes no change set, and its resources may still have their old names.
    """
    waits, patience = clock.waits(), Patience()
    try:
        with explained(resume, profile=clients.profile):
            while True:
                status = _status(clients("cloudformation"), found.where.stack_id, patience)
                if status and not status.endswith("_IN_PROGRESS"):
                    return
                if not waits.wait(news=True):
                    raise _left(f"the stack is still in {status or 'an unknown state'}", resume)
    except KeyboardInterrupt:
        raise _left("you interrupted this", resume) from None


def _status(cloudformation: Any, stack_id: str, patience: Patience) -> str:
    """The stack's state; empty where there is no answer now, and the next look may have one."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        status = stacks.read(cloudformation, stack_id).status
    except (BotoCoreError, ClientError) as error:
        patience.bear(error)
        return ""
    patience.answered()
    return status


def _left(why: str, resume: str) -> Detached:
    what, next_step = "Stopped watching the refactoring", f"Follow it with `{resume}`"
    return Detached(what, why, f"It continues in AWS. {next_step}")


def _begin(cloudformation: Any, refactor: str, resume: str, profile: str | None) -> None:
    """Begins it once: where the answer to a first request was lost, a second one is refused.

    Raises Detached where nobody says whether it has begun.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        cloudformation.execute_stack_refactor(StackRefactorId=refactor)
    except (BotoCoreError, ClientError):
        goes_on = "The refactoring may have begun, and continues in AWS. Follow it with"
        with explained(resume, goes_on=goes_on, profile=profile):
            status = describe_refactoring(cloudformation, refactor).get("ExecutionStatus")
        if status == "AVAILABLE":
            raise


def _ended(status: str, reason: str) -> Problem:
    """A bad end. Some types are refused only now, after a proposal that was good."""
    found = UNSUPPORTED.search(reason)
    return Problem(
        f"The refactoring ended as {status}",
        reason or "CloudFormation gives no reason",
        f"What was rolled back is as before. Adopt again with --import for each {found[1]}"
        if found
        else "Look at the stack's events; what was rolled back is as before",
    )


class CannotRefactor(Refusal):
    """Resources that CloudFormation cannot refactor; ``names`` are ours."""

    def __init__(self, deployment: str, refused: Mapping[str, str]) -> None:
        options = " ".join(f"--import {ours}" for ours in refused)
        super().__init__(
            f"CloudFormation cannot refactor {', '.join(refused)}",
            "; ".join(f"{ours}: {why}" for ours, why in refused.items()),
            "Have them retained, removed from the stack and imported again, in reviewed steps"
            f" (`deploy.py adopt {deployment} {options}`), or leave them out"
            f" (--map {next(iter(refused))}=), so that new ones are made",
        )
        self.names = tuple(refused)


def check_movable(plan: AdoptionPlan, cloudformation: Any) -> None:
    """Raises CannotRefactor for a type that the registry excludes, Refusal for a policy."""
    check_no_policy(plan.deployed, cloudformation)
    kinds = {ours: plan.mapping.resources[ours].type for ours in plan.names.values()}
    why = immovable(kinds.values(), cloudformation)
    refused = {ours: why[kind] for ours, kind in kinds.items() if kind in why}
    if refused:
        raise CannotRefactor(plan.source.deployment.name, refused)


def propose_renaming(plan: AdoptionPlan, clients: Clients, clock: Clock, caller: str) -> Renaming:
    """Makes the refactoring and reads it; raises CannotRefactor where it refuses a type.

    Raises Refusal where the service would do another thing than rename what was mapped.
    """
    cloudformation, deployed = clients("cloudformation"), plan.deployed
    source, deployment = as_source(plan), plan.source.deployment
    refactor = create_refactoring(
        cloudformation,
        deployed.stack.name,
        placed(source, clients),
        plan.names,
        description(deployment, source.template_digest),
    )
    entries = plan.mapping.resources
    try:
        goes_on = "AWS goes on making the refactoring, and executes nothing. Run again"
        with explained(
            f"./deploy.py adopt {deployment.name}", goes_on=goes_on, profile=clients.profile
        ):
            wait_created(cloudformation, refactor, clock)
    except Unsupported as error:
        names = plan.names.values()
        refused = {ours: error.why for ours in names if entries[ours].type == error.kind}
        if not refused:
            raise
        raise CannotRefactor(deployment.name, refused) from error
    actions = read_actions(cloudformation, refactor)
    physical = {old: deployed.resources[old].physical_id for old in plan.names}
    wrong = list(proposal.unexpected(actions, plan.names, physical))
    if wrong:
        raise Refusal(
            "The refactoring would not do what was asked for",
            "; ".join(wrong),
            "Correct the mapping and adopt again; nothing was changed",
        )
    return Renaming(
        where=Where(
            deployment=deployment.name,
            account=deployment.target.account,
            region=clients.region,
            caller=caller,
            stack_name=deployed.stack.name,
            stack_id=deployed.stack.id,
        ),
        refactor_id=refactor,
        renamed=tuple(
            Renamed(
                old=old, new=new, type=entries[new].type, physical_id=physical[old],
                certainty=entries[new].certainty, because=entries[new].because,
            )
            for old, new in plan.names.items()
        ),
        binding=Bound(
            mapping=mapping_name(deployment),
            mapping_digest=mapping_digest(deployment),
            deployed_digest=deployed.template_digest,
            template_digest=source.template_digest,
            stack_status=deployed.stack.status,
            stack_last_updated=deployed.stack.last_updated,
            actions_digest=proposal.digest_of_actions(actions),
        ),
    )  # fmt: skip


def description(deployment: Deployment, template_digest: str) -> str:
    """What the refactoring says of itself: AWS gives back no template of it."""
    return f"{deployment.name} of {OWNER}, template {template_digest[:8]}"


def as_source(plan: AdoptionPlan) -> Source:
    """The renamed template, ready to be sent."""
    source = plan.source
    return Source(
        source.deployment, plan.deployed.file, plan.renamed, plan.deployed.template, {}
    )  # fmt: skip


def mapping_name(deployment: Deployment) -> str:
    """The mapping's file as people write it."""
    return f"params/{deployment.environment}/adopt/{deployment.stack}.yaml"


def mapping_digest(deployment: Deployment) -> str:
    """SHA-256 of the mapping's file; of nothing where there is none."""
    file = mapping.path(deployment)
    return hashlib.sha256(file.read_bytes() if file.exists() else b"").hexdigest()


def execute_renaming(
    found: Renaming, deployment: Deployment, clients: Clients, clock: Clock, resume: str
) -> None:
    """Executes the refactoring and waits for its end; one that has begun is only awaited.

    ``resume`` is the command that does the latter. Raises Refusal where something is not as
    proposed, Problem where it failed or a resource is not what it was.
    """
    aws.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    _refuse(found, _selection(found, deployment, clients))
    status = describe_refactoring(cloudformation, found.refactor_id).get("ExecutionStatus", "")
    if status not in (*UNDER_WAY, "EXECUTE_COMPLETE"):
        _refuse(found, _comparisons(found, deployment, clients))
    execute_refactoring(cloudformation, found.refactor_id, clock, resume, profile=clients.profile)
    _wait_at_rest(found, clients, clock, resume)
    _check_end(found, deployment, clients)


def _refuse(found: Renaming, comparisons: Iterable[tuple[str, Any, Any]]) -> None:
    for what, then, now in comparisons:
        if then != now:
            raise Refusal(
                "The proposal is out of date",
                f"{what} was {shortened(then)} when it was proposed, and is {shortened(now)} now",
                f"Propose it again: ./deploy.py adopt {found.where.deployment}",
            )


def _selection(
    found: Renaming, deployment: Deployment, clients: Clients
) -> Iterator[tuple[str, Any, Any]]:
    """That the refactoring is of the deployment's stack, and made by this tool for it."""
    where, cloudformation = found.where, clients("cloudformation")
    yield "the account", where.account, deployment.target.account
    yield "the region", where.region, clients.region
    yield "the stack's name", where.stack_name, deployment.stack
    stack = stacks.read(cloudformation, deployment.stack)
    stacks.check_owner(stack, deployment.name)
    yield "the stack", where.stack_id, stack.id
    answer = _described(found, cloudformation)
    yield "the refactoring's id", found.refactor_id, found.refactor_id if answer else "gone"
    yield "the stacks of the refactoring", [stack.id], list(answer.get("StackIds", ()))
    wanted = description(deployment, found.binding.template_digest)
    yield "the refactoring's description", wanted, answer.get("Description", "")


def _described(found: Renaming, cloudformation: Any) -> Mapping[str, Any]:
    """DescribeStackRefactor's answer; empty where there is no such refactoring."""
    from botocore.exceptions import ClientError

    try:
        return describe_refactoring(cloudformation, found.refactor_id)
    except ClientError as error:
        if "NotFound" not in error.response["Error"]["Code"]:
            raise
        return {}


def _comparisons(
    found: Renaming, deployment: Deployment, clients: Clients
) -> Iterator[tuple[str, Any, Any]]:
    """What must still be so, as (what, then, now), derived from the mapping's file and AWS."""
    then, cloudformation = found.binding, clients("cloudformation")
    yield "the mapping's file", then.mapping, mapping_name(deployment)
    yield then.mapping, then.mapping_digest, mapping_digest(deployment)
    now = deployed_template.read(deployment, clients)
    yield "the stack's status", then.stack_status, now.stack.status
    yield "the stack's last update", then.stack_last_updated, now.stack.last_updated
    yield "the deployed template", then.deployed_digest, now.template_digest
    mapping = mapping_file.read(deployment)
    yield "the step of the adoption", "rename", next_step(mapping, now)[0]
    names = mapping.renames(now.resources)
    yield "the list of names", {each.old: each.new for each in found.renamed}, names
    for each in found.renamed:
        entry, live = mapping.resources[each.new], now.resources[each.old]
        shown = (each.type, each.physical_id, each.certainty, each.because)
        facts = (entry.type, live.physical_id, entry.certainty, entry.because)
        yield f"what is said of {each.new}", shown, facts
    renamed = digest(rename(now.text, names, now.file))
    yield "the renamed template", then.template_digest, renamed
    answer = describe_refactoring(cloudformation, found.refactor_id)
    yield "the refactoring's status", "CREATE_COMPLETE", answer.get("Status", "")
    yield "its execution status", "AVAILABLE", answer.get("ExecutionStatus", "")
    actions = read_actions(cloudformation, found.refactor_id)
    yield "the list of actions", then.actions_digest, proposal.digest_of_actions(actions)
    physical = {old: now.resources[old].physical_id for old in names}
    wrong = "; ".join(proposal.unexpected(actions, names, physical, now.stack.id))
    yield "what the list says besides the renamings", "", wrong


def _check_end(found: Renaming, deployment: Deployment, clients: Clients) -> None:
    now: Any = deployed_template.read(deployment, clients).resources
    wrong = [
        f"{each.new} is {now[each.new].physical_id if each.new in now else 'not there'}"
        for each in found.renamed
        if each.new not in now or now[each.new].physical_id != each.physical_id
    ]
    if wrong:
        raise Problem(
            "The refactoring is complete, and the stack is not as it said",
            "; ".join(wrong),
            "Look at the stack's resources before anything else is done",
        )
