"""Which of the rows that CloudFormation lists can change: the others, with the proof.

CloudFormation compares templates and not values. Where a resource is updated in place, each
``Fn::GetAtt`` of it is listed as a change that may come, an ARN and a name too, which cannot be
another one. Such a cause is proved to be none where its source is not replaced and the attribute
identifies the source; what has only such causes is not changed. Where there is no proof, the
row stays as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from workerstack.cloudformation import Stack, equal
from workerstack.cloudformation.identity import is_identity
from workerstack.review.model import PropertyChange, ResourceChange, Unforeseen

FOLLOWING = frozenset({"ResourceAttribute", "ResourceReference"})


def proved(
    changes: Iterable[ResourceChange], before: Stack, after: Stack
) -> tuple[ResourceChange, ...]:
    """The changes, each cause that cannot be one with its proof."""
    found = {each.logical_id: each for each in changes}
    open_: dict[str, tuple[int, ...]] = dict.fromkeys(found, ())
    # To a fixed point: a cause that cannot be disproved keeps those open that follow from its
    # resource.
    while True:
        now = {
            name: tuple(
                number
                for number, cause in enumerate(change.properties)
                if not _proof(change, cause, found, open_, before, after)
            )
            for name, change in found.items()
        }
        if now == open_:
            break
        open_ = now
    return tuple(
        change.model_copy(
            update={
                "properties": tuple(
                    cause.model_copy(
                        update={"proof": _proof(change, cause, found, open_, before, after)}
                    )
                    for cause in change.properties
                )
            }
        )
        for change in found.values()
    )


def _proof(  # noqa: PLR0911 - one return a reason
    change: ResourceChange,
    cause: PropertyChange,
    changes: Mapping[str, ResourceChange],
    open_: Mapping[str, tuple[int, ...]],
    before: Stack,
    after: Stack,
) -> str:
    """Why a cause cannot be one; empty where it can. ``open_`` are the causes that can, so far."""
    if change.action != "Modify" or change.drift_status or cause.drift:
        return ""
    if cause.attribute not in ("Properties", None):
        return ""
    if cause.change_source == "DirectModification" and cause.evaluation == "Dynamic":
        return _of_accompanied(change, cause, changes, open_, before, after)
    if cause.change_source not in FOLLOWING or not cause.causing_entity:
        return ""
    name, _, attribute = cause.causing_entity.partition(".")
    source = changes.get(name)
    if source is None or source.action != "Modify" or _replaces(source, open_[name]) != "False":
        return ""
    if source.properties and not open_[name]:
        return f"{name} does not change"
    if not attribute or attribute == source.type or is_identity(source.type, attribute):
        which = f"{name}.{attribute}" if attribute else name
        return f"{which} identifies {name}, which is updated in place"
    return ""


def _of_accompanied(
    change: ResourceChange,
    cause: PropertyChange,
    changes: Mapping[str, ResourceChange],
    open_: Mapping[str, tuple[int, ...]],
    before: Stack,
    after: Stack,
) -> str:
    """Proved where the other causes are, and the property is written the same.

    CloudFormation adds a direct, dynamic cause to those that follow.
    """
    others = [
        each
        for each in change.properties
        if each.change_source in FOLLOWING and each.name == cause.name
    ]
    proofs = [_proof(change, each, changes, open_, before, after) for each in others]
    sides = [stack.resources.get(change.logical_id) for stack in (before, after)]
    if not proofs or not all(proofs) or None in sides:
        return ""
    one, other = (each.properties.get(cause.name or "") if each else None for each in sides)
    return proofs[0] if equal(one, other, cause.name or "") else ""


def _replaces(change: ResourceChange, open_: Iterable[int]) -> str:
    """What is left of a replacement, if only these causes are real."""
    if change.replacement != "Conditional" or not change.properties:
        return change.replacement or "False"
    left = [change.properties[number] for number in open_]
    may = any(each.requires_recreation not in ("Never", None) for each in left)
    return "Conditional" if may else "False"


def in_sight(changes: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """What can change, with the causes and the replacement that are left: findings rest on it."""
    found = []
    for change in changes:
        if not change.can_change:
            continue
        left = tuple(each for each in change.properties if not each.proof)
        if left == change.properties:
            found.append(change)
            continue
        replacement = change.replaces
        update: dict[str, Any] = {"properties": left, "replacement": replacement}
        if replacement == "False":
            update["policy_action"] = None
        found.append(change.model_copy(update=update))
    return tuple(found)


def unforeseen(
    listed: Iterable[ResourceChange], predicted: Iterable[ResourceChange]
) -> tuple[Unforeseen, ...]:
    """Where CloudFormation's list and the prediction differ: a defect here, or a surprise there.

    Both are given with their proofs.
    """
    sides = [{each.logical_id: each for each in side} for side in (listed, predicted)]
    found = []
    for name in sorted({**sides[0], **sides[1]}):
        rows = [side.get(name) for side in sides]
        answers = [_answer(row, row.replacement if row else None) for row in rows]
        if answers[0] != answers[1]:
            real = [
                _answer(row, row.replaces) if row is not None and row.can_change else ""
                for row in rows
            ]
            found.append(
                Unforeseen(
                    logical_id=name, listed=answers[0], predicted=answers[1],
                    matters=real[0] != real[1],
                )
            )  # fmt: skip
    return tuple(found)


def _answer(change: ResourceChange | None, replacement: str | None) -> str:
    """``Modify, Replacement True``; empty for what is not there."""
    if change is None:
        return ""
    if change.action != "Modify":
        return change.action
    return f"Modify, Replacement {replacement or 'False'}"
