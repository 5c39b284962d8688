"""Findings on what runs: the service, its tasks, and the messages that they work on."""

from collections.abc import Iterator, Mapping

from workerstack.checks.worker import mapping, number, protects
from workerstack.cloudformation import (
    differences,
    text,
)
from workerstack.cloudformation.bodies import containers
from workerstack.review.case import (
    QUEUE,
    Case,
    MovedTag,
    is_replaced,
    left_queues,
    properties,
)
from workerstack.review.model import Finding, ResourceChange

SERVICE = "AWS::ECS::Service"
ATTACHED = {"LoadBalancers": "its load balancer", "ServiceRegistries": "its service discovery"}


def _in_flight(case: Case, *, protected: str = "") -> str:
    """What stopping the tasks costs now, as far as it is known; ``protected`` is said instead."""
    running, messages = case.facts.running_tasks, case.facts.messages_in_flight
    if running is None or messages is None:
        return protected or "a job that outlasts the stop timeout starts again"
    if not running and not messages:
        return "no task is running and no message is in flight"
    tasks = f"{running} task{' is' if running == 1 else 's are'} running"
    flight = f"{messages} message{' is' if messages == 1 else 's are'} in flight"
    again = "a job that outlasts the stop timeout starts again after its visibility timeout"
    return f"{tasks}, {flight}; {protected or again}"


PATIENCE = 10_800
"""Seconds for which CloudFormation waits for a service to become stable: three hours."""


def _protection(case: Case, change: ResourceChange) -> tuple[str, float]:
    """What protection of the tasks that run means for a deployment, and the longest job, s.

    Empty where the deployed template does not declare it. Source: ECS Developer Guide, "Task
    scale-in protection": a deployment waits until the protection is removed or expires.
    """
    before = case.stacks[0]
    service = before.resources.get(change.logical_id)
    task = before.referred(service.get("TaskDefinition"), TASK) if service else None
    if task is None or not protects(task):
        return "", 0
    # Only such a change needs the simulator's words; executing the others does without it.
    from workerstack.simulator.report import duration

    longest = number(mapping(task.metadata.get("Worker")).get("LongestJob")) or 0
    until = f", {duration(round(longest))} at most" if longest else ""
    said = (
        "tasks at work protect themselves, so that no job is stopped, and the deployment is"
        f" blocked until they are done{until}"
    )
    if longest > PATIENCE:
        said += "; CloudFormation waits three hours, then the update fails and rolls back"
    return said, longest


def replaced(case: Case) -> Iterator[Finding]:
    """The service itself is made anew or removed: all its tasks are stopped."""
    for change in case.changes(SERVICE):
        if change.action == "Remove" or is_replaced(change):
            verb = "deleted" if change.action == "Remove" else "replaced"
            may = "may be" if change.replacement == "Conditional" else "is"
            yield Finding(
                id="service-replaced",
                level="blocking",
                logical_id=change.logical_id,
                what=f"{change.logical_id} {may} {verb}: all its tasks are stopped",
                why=_in_flight(case),
                next_step="Undo what forces it, or execute while the queue is empty",
            )


def queue_left(case: Case) -> Iterator[Finding]:
    """Messages wait in a queue that nobody processes afterwards."""
    for name, logical_id in left_queues(case.resources, case.after).items():
        waiting = case.facts.waiting.get(name)
        is_own = logical_id in case.after and case.after[logical_id].get("Type") == QUEUE
        is_gone = logical_id not in case.after
        if waiting == 0 or (waiting is None and (is_own or is_gone)):
            continue  # what is lost with a queue of the stack, other findings say
        many = "messages that wait there are" if waiting != 1 else "message that waits there is"
        number = "" if waiting is None else f"{waiting} "
        yield Finding(
            id="messages-left",
            level="warning",
            logical_id=logical_id,
            what=f"The worker leaves the queue {name}",
            why=f"the {number}{many} processed by nobody",
            next_step="Execute once it is empty, or move the messages to the new queue",
        )


def architecture(case: Case) -> Iterator[Finding]:
    """Tasks run on another processor, and an image stays the same.

    Source: ECS, "Task definition parameters", runtimePlatform; X86_64 is the default.
    """
    for change in case.changes(TASK, action="Modify"):
        sides = [properties(body) for body in (change.before, change.after)]
        platforms = [
            str(side["RuntimePlatform"].get("CpuArchitecture", X86)).upper()
            if isinstance(side.get("RuntimePlatform"), Mapping)
            else X86
            for side in sides
        ]
        images = [
            {str(each["Image"]) for each in side.get("ContainerDefinitions") or ()
             if isinstance(each, Mapping) and isinstance(each.get("Image"), str)}
            for side in sides
        ]  # fmt: skip
        kept = sorted(images[0] & images[1])
        if platforms[0] != platforms[1] and kept:
            yield Finding(
                id="architecture-changed",
                level="warning",
                logical_id=change.logical_id,
                what=f"{change.logical_id} goes from {platforms[0]} to {platforms[1]}",
                why=f"the image {kept[0].rpartition('/')[2]} stays the same, and no task starts"
                " unless it is built for both",
                next_step="Check that the image has both architectures, or give another one",
            )


TASK, X86 = "AWS::ECS::TaskDefinition", "X86_64"


def detached(case: Case) -> Iterator[Finding]:
    """The service leaves its load balancer or its service discovery."""
    for change in case.changes(SERVICE, action="Modify"):
        before, after = properties(change.before), properties(change.after)
        left = [
            words for name, words in ATTACHED.items() if before.get(name) and not after.get(name)
        ]
        if left:
            yield Finding(
                id="service-detached",
                level="warning",
                logical_id=change.logical_id,
                what=f"{change.logical_id} leaves {' and '.join(left)}",
                why="requests no longer reach it, and all running tasks are replaced:"
                f" {_in_flight(case)}",
                next_step="Check that nobody calls it any more",
            )


DEPLOYS = {
    "TaskDefinition": "a new revision",
    "NetworkConfiguration": "other subnets, groups or addresses",
    "PlatformVersion": "another platform version",
    "LoadBalancers": "other load balancers",
    "ServiceRegistries": "other service registries",
    "ServiceConnectConfiguration": "another Service Connect",
    "VolumeConfigurations": "other volumes",
    "ForceNewDeployment": "a forced deployment",
    "EnableExecuteCommand": "",
}
"""Changes of a service that start a deployment. Source: ECS API reference, UpdateService."""


def restarted(case: Case) -> Iterator[Finding]:
    """A deployment starts: the running tasks are replaced one by one."""
    definitions = {
        change.logical_id
        for change in case.changes("AWS::ECS::TaskDefinition", action="Modify")
        if is_replaced(change)
    }
    told = {finding.logical_id for check in (replaced, detached) for finding in check(case)}
    for change in case.changes(SERVICE, action="Modify"):
        if change.logical_id in told:
            continue
        found = list(_deployed_by(change, definitions))
        if found:
            running, messages = case.facts.running_tasks, case.facts.messages_in_flight
            idle = running == 0 and not messages
            rest = [each for each in found if each != DEPLOYS["TaskDefinition"]]
            protected, longest = _protection(case, change)
            too_long = longest > PATIENCE and not idle
            harmless = idle or (protected and not too_long)
            yield Finding(
                id="tasks-restarted",
                level="warning" if too_long else "note",
                logical_id=change.logical_id,
                what=f"{change.logical_id} starts a rolling deployment"
                + (f" ({', '.join(rest)})" if rest else ""),
                why=_in_flight(case, protected=protected),
                next_step="Nothing to do"
                if harmless
                else "Execute while the queue is empty"
                if too_long
                else "If a job must not run twice, execute while the queue is empty",
            )


def image_moved(case: Case) -> Iterator[Finding]:
    """A deployed tag means another image by now: a change of the tasks takes that one along."""
    taken = {
        change.logical_id
        for check in (replaced, detached, restarted)
        for change in check(case)
        if change.id in ("service-replaced", "service-detached", "tasks-restarted")
    }
    images = {text(container.get("Image")) for _, container in containers(case.stacks[1])}
    for each in case.facts.moved_tags:
        # A change to another tag or a digest leaves this one behind.
        if not images or each.image in images:
            yield moved(each, taken=each.service in taken)


def moved(tag: MovedTag, *, taken: bool) -> Finding:
    """That a tag means another image; ``taken``: this change starts a deployment, which takes it.

    Source: ECS developer guide, "Container image resolution".
    """
    since = f"since {tag.pushed:%Y-%m-%d %H:%M} UTC" if tag.pushed else "by now"
    return Finding(
        id="image-moved",
        level="warning",
        logical_id=tag.service,
        what=f"{tag.tag} is another image {since}: {tag.means[:19]}, and the service runs"
        f" {tag.runs[:19]}",
        why="this change starts a deployment, which takes the other image along"
        if taken
        else "ECS resolves a tag once a deployment, so the tasks to come run the old one as well",
        next_step="Name the image that you mean by its digest: `deploy.py ship` writes it"
        if taken
        else "Deploy it with `deploy.py ship`",
    )


def _deployed_by(change: ResourceChange, definitions: set[str]) -> Iterator[str]:
    """For what ECS replaces the tasks."""
    for name, what in DEPLOYS.items():
        causes = [each for each in change.properties if each.name == name]
        follows = {str(each.causing_entity).partition(".")[0] for each in causes}
        direct = any(not each.follows for each in causes)
        if what and causes and (direct or name != "TaskDefinition" or follows & definitions):
            yield what


def capacity_reset(case: Case) -> Iterator[Finding]:
    """The number of tasks stands in the template: each update sets the running ones to it."""
    for change in case.changes(SERVICE, action="Modify"):
        count = properties(change.after).get("DesiredCount")
        if count is None or is_replaced(change) or not _reaches(change):
            continue
        running = case.facts.running_tasks
        yield Finding(
            id="capacity-reset",
            level="blocking",
            logical_id=change.logical_id,
            what=f"{change.logical_id} is set to {count} tasks"
            + (f", and {running} run now" if running is not None else ""),
            why="step scaling decided how many run; tasks above the number are killed in the"
            " middle of their job",
            next_step="Leave DesiredCount out once the service exists",
        )


def _reaches(change: ResourceChange) -> bool:
    """Whether ECS is called at all: not where only attributes such as a policy differ."""
    if not change.properties:
        return any(differences(properties(change.before), properties(change.after)))
    return any(each.attribute in ("Properties", "Tags", None) for each in change.properties)
