"""Values that AWS did not give, put in from the two templates and marked so."""

from collections.abc import Mapping
from typing import Any

from deployer.prediction.changes import predict
from deployer.prediction.resolving import Resolved
from deployer.review import PropertyChange, ResourceChange


def fill(
    changes: tuple[ResourceChange, ...], before: Resolved, after: Resolved
) -> tuple[ResourceChange, ...]:
    """The changes; those without bodies get them, and their properties' values.

    Which resources change, how and why remains what AWS said.
    """
    silent = [change for change in changes if change.before is None and change.after is None]
    if not silent:
        return changes
    predicted = {change.logical_id: change for change in predict(before, after)}
    return tuple(
        _filled(change, predicted.get(change.logical_id), before, after)
        if change.before is None and change.after is None
        else change
        for change in changes
    )


def _filled(
    change: ResourceChange, predicted: ResourceChange | None, before: Resolved, after: Resolved
) -> ResourceChange:
    old = None if change.action == "Add" else before.resources.get(change.logical_id)
    new = None if change.action == "Remove" else after.resources.get(change.logical_id)
    if old is None and new is None:
        return change
    told = tuple(_valued(each, old or {}, new or {}) for each in change.properties)
    return change.model_copy(
        update={
            "before": None if old is None else dict(old),
            "after": None if new is None else dict(new),
            "properties": told or (predicted.properties if predicted else ()),
            "from_templates": True,
        }
    )


def _valued(
    change: PropertyChange, before: Mapping[str, Any], after: Mapping[str, Any]
) -> PropertyChange:
    if change.values_given or not change.attribute:
        return change
    old, new = before.get(change.attribute), after.get(change.attribute)
    if change.name:
        old = old.get(change.name) if isinstance(old, Mapping) else None
        new = new.get(change.name) if isinstance(new, Mapping) else None
    if old is None and new is None:
        return change
    return change.model_copy(update={"before": old, "after": new, "values_given": True})
