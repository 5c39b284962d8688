"""Findings on the execution itself: exports in use, rollback, what nobody knows before it."""

from collections.abc import Iterator, Mapping

from workerstack.cloudformation import could_be_equal, equal, plain, references
from workerstack.review.case import Case, Export, is_replaced
from workerstack.review.model import Finding


def broken_import(case: Case) -> Iterator[Finding]:
    """An export goes, is renamed, or gets another value: AWS refuses each while it is imported."""
    old, new = case.exports
    if case.resolved is None and not case.after:
        return
    for name, export in old.items():
        change = _export_change(case, name, export, new)
        importers = case.facts.imports.get(name)
        if not change or importers == ():
            continue
        if importers:
            yield Finding(
                id="import-broken",
                level="blocking",
                logical_id=export.output,
                what=f"the export {name} {change}, and {', '.join(importers)} import it",
                why="CloudFormation refuses to change an export that is in use, so the update"
                " fails and rolls back",
                next_step=f"Remove Fn::ImportValue of {name} from {', '.join(importers)} first",
            )
        else:
            yield Finding(
                id="export-changed",
                level="warning",
                logical_id=export.output,
                what=f"the export {name} {change}",
                why="CloudFormation refuses it while another stack imports the export, and whether"
                " one does is not known here",
                next_step=f"Look with `aws cloudformation list-imports --export-name {name}`",
            )


def _export_change(case: Case, name: str, export: Export, new: Mapping[str, Export]) -> str:
    """What becomes of an export; empty where it stays what it is."""
    if name not in new:
        renamed = [each for each, other in new.items() if other.output == export.output]
        return f"is renamed to {renamed[0]}" if renamed else "is removed"
    other = new[name]
    if could_be_equal(export.value, other.value) is False or (
        plain(export.value) != plain(other.value) and not equal(export.value, other.value)
    ):
        return "changes"
    replaced = {change.logical_id for change in case.resources if is_replaced(change)}
    from_replaced = [
        one.logical_id for one in references(other.value) if one.logical_id in replaced
    ]
    return f"changes with {from_replaced[0]}, which is replaced" if from_replaced else ""


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
                what=f"CloudFormation decides about {change.logical_id} during execution",
                why="it depends on resources or values that do not exist yet",
                next_step="Plan for a replacement",
            )
        elif change.nested_change_set:
            yield Finding(
                id="nested-not-shown",
                level="warning",
                logical_id=change.logical_id,
                what=f"nested stack {change.logical_id} has its own change set",
                why="this review does not cover it",
                next_step=f"Review it: {change.nested_change_set}",
            )


def no_echo(case: Case) -> Iterator[Finding]:
    """Secret parameters: their values cannot be compared by anybody."""
    names = [each.name for each in case.others if each.kind == "NoEcho parameter"]
    if names and not case.is_new:
        yield Finding(
            id="no-echo-not-compared",
            level="note",
            logical_id=", ".join(sorted(names)),
            what=f"NoEcho parameter {', '.join(sorted(names))} was not compared",
            why="CloudFormation never returns its value",
            next_step="Check the value that you pass",
        )
