"""Findings on what runs: the service and its tasks, exports, rollback, what stays hidden."""

from collections.abc import Iterator

from workerstack.review.case import Case, is_replaced, properties
from workerstack.review.model import Finding

SERVICE = "AWS::ECS::Service"
ATTACHED = {"LoadBalancers": "its load balancer", "ServiceRegistries": "its service discovery"}


def _in_flight(case: Case) -> str:
    """What stopping the tasks costs now, as far as it is known."""
    running, messages = case.facts.running_tasks, case.facts.messages_in_flight
    if running is None or messages is None:
        return "how many tasks run and how many messages are in flight is not known"
    if not running and not messages:
        return "no task runs and no message is in flight now"
    return (
        f"{running} task{'s' if running != 1 else ''} run and {messages}"
        f" message{'s are' if messages != 1 else ' is'} in flight now; what a stopped task had"
        " received comes back after the visibility timeout, and is begun again"
    )


def replaced(case: Case) -> Iterator[Finding]:
    """The service itself is made anew or removed: all its tasks are stopped."""
    for change in case.changes(SERVICE):
        if change.action == "Remove" or is_replaced(change):
            verb = "removed" if change.action == "Remove" else "replaced"
            may = "may be" if change.replacement == "Conditional" else "is"
            yield Finding(
                id="service-replaced",
                level="blocking",
                logical_id=change.logical_id,
                what=f"{change.logical_id} {may} {verb}: all its tasks are stopped",
                why=_in_flight(case),
                next_step="Keep what forces it, or wait until the queue is drained",
            )


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
                why="requests no longer reach it, and a new deployment replaces all running"
                f" tasks: {_in_flight(case)}",
                next_step="Make sure that nobody calls it any more; prefer a moment when the"
                " queue is empty",
            )


def restarted(case: Case) -> Iterator[Finding]:
    """A new task definition: the running tasks are replaced one by one."""
    definitions = {
        change.logical_id
        for change in case.changes("AWS::ECS::TaskDefinition", action="Modify")
        if is_replaced(change)
    }
    told = {finding.logical_id for check in (replaced, detached) for finding in check(case)}
    for change in case.changes(SERVICE, action="Modify"):
        causes = {
            str(each.causing_entity).partition(".")[0]
            for each in change.properties
            if each.causing_entity
        }
        direct = any(each.name == "TaskDefinition" for each in change.properties)
        if change.logical_id not in told and (causes & definitions or direct):
            yield Finding(
                id="tasks-restarted",
                level="note",
                logical_id=change.logical_id,
                what=f"{change.logical_id} gets a new task definition: its tasks are replaced",
                why=_in_flight(case),
                next_step="Nothing, if the jobs can be begun again; else wait for an empty queue",
            )


def capacity_reset(case: Case) -> Iterator[Finding]:
    """The number of tasks stands in the template: each update sets the running ones to it."""
    for change in case.changes(SERVICE, action="Modify"):
        count = properties(change.after).get("DesiredCount")
        if count is None or is_replaced(change):
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


def broken_import(case: Case) -> Iterator[Finding]:
    """An export that other stacks import goes, or gets another value: AWS refuses either."""
    for name, importers in sorted(case.facts.imports.items()):
        output = case.facts.exports.get(name, name)
        changed = [each for each in case.others if each.kind == "output" and each.name == output]
        if changed and importers:
            gone = changed[0].after is None
            yield Finding(
                id="import-broken",
                level="blocking",
                logical_id=output,
                what=f"the export {name} {'is removed' if gone else 'changes'}, and"
                f" {', '.join(importers)} import it",
                why="CloudFormation refuses to change an export that is in use: the update will"
                " fail and roll back",
                next_step="Take the import out of those stacks first",
            )


def no_rollback(case: Case) -> Iterator[Finding]:
    """A replacement in a stack whose failed updates are left as they are."""
    if case.facts.rollback_disabled:
        for change in case.resources:
            if is_replaced(change):
                yield Finding(
                    id="rollback-disabled",
                    level="blocking",
                    logical_id=change.logical_id,
                    what=f"{change.logical_id} is replaced while rollback is disabled",
                    why="CloudFormation cannot go on from a failed replacement without rolling"
                    " back: the stack would be stuck in UPDATE_FAILED",
                    next_step="Enable rollback for this update",
                )


def undecided(case: Case) -> Iterator[Finding]:
    """What the change set leaves open: Dynamic actions, and nested change sets."""
    for change in case.resources:
        if change.action == "Dynamic":
            yield Finding(
                id="undecided",
                level="warning",
                logical_id=change.logical_id,
                what=f"what happens to {change.logical_id} is decided during execution",
                why="CloudFormation cannot tell before the resources are there that it depends on",
                next_step="Look at its body, and assume the worst",
            )
        elif change.nested_change_set:
            yield Finding(
                id="nested-not-shown",
                level="warning",
                logical_id=change.logical_id,
                what=f"{change.logical_id} is a stack of its own with a change set of its own",
                why="its changes are not in this review",
                next_step=f"Look at {change.nested_change_set}",
            )


def secret(case: Case) -> Iterator[Finding]:
    """Secret parameters: their values cannot be compared by anybody."""
    names = [each.name for each in case.others if each.kind == "secret parameter"]
    if names and not case.is_new:
        yield Finding(
            id="secret-not-compared",
            level="note",
            logical_id=", ".join(sorted(names)),
            what=f"{', '.join(sorted(names))} cannot be compared",
            why="CloudFormation keeps a NoEcho value to itself; it is not shown, hashed or bound",
            next_step="Make sure yourself that the value is the intended one",
        )
