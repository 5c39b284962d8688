"""Findings on the stack as a whole: its exports, its rollback, what stays hidden."""

from collections.abc import Iterator

from deployer.judging.case import Case, is_replaced
from deployer.review import Finding


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
