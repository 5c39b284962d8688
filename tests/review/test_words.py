"""The words that all formats share: how much of what, in which group, in which order."""

from typing import Any

import pytest

from workerstack.review.model import (
    Binding,
    ChangeSet,
    OtherChange,
    PropertyChange,
    ResourceChange,
    Review,
    Where,
)
from workerstack.review.show import words


def change(name: str, action: str = "Modify", **more: Any) -> ResourceChange:
    return ResourceChange(action=action, logical_id=name, type="AWS::SQS::Queue", **more)


def cause(*, proof: str = "", evaluation: str = "Static") -> PropertyChange:
    return PropertyChange(
        attribute="Properties", name="P", requires_recreation="Never", evaluation=evaluation,
        change_source="ResourceAttribute" if proof else "DirectModification",
        causing_entity="Q.Arn" if proof else None, proof=proof,
    )  # fmt: skip


def review(*changes: ResourceChange, kind: str = "UPDATE", settings: int = 0) -> Review:
    return Review(
        where=Where(deployment="dev/x", account="", region="", caller="", stack_name="x",
                    stack_id=""),
        change_set=ChangeSet(arn="", name="", type=kind, created="", status="",
                             execution_status=""),
        resources=changes,
        others=tuple(
            OtherChange(kind="tag", name=f"t{number}", before="a", after="b")
            for number in range(settings)
        ),
        findings=(), access=(), binding=Binding(),
    )  # fmt: skip


ADDED, GONE = change("A", "Add"), change("G", "Remove")
UPDATED = change("U", properties=(cause(),), replacement="False")
REPLACED = change("R", properties=(cause(),), replacement="True")
PROVED = change("P", properties=(cause(proof="it identifies Q"),), replacement="False")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (review(), "No resource changes"),
        (review(ADDED), "1 to add"),
        (
            review(UPDATED, ADDED, REPLACED, GONE),
            "1 to delete, 1 to replace, 1 to update, 1 to add",
        ),
        # What cannot change is counted nowhere.
        (review(PROVED), "No resource changes"),
        (review(PROVED, UPDATED), "1 to update"),
        (review(UPDATED, settings=1), "1 to update; 1 tag changes"),
        (review(UPDATED, settings=2), "1 to update; 2 tags change"),
        (review(ADDED, kind="CREATE", settings=2), "1 to add"),
    ],
)  # fmt: skip
def test_each_resource_is_counted_once_by_risk(one: Review, said: str) -> None:
    assert words.counts(one) == said


def test_what_cannot_change_comes_last_and_by_itself() -> None:
    rows, cannot = words.in_order(review(PROVED, ADDED, UPDATED, REPLACED, GONE))
    assert [each.logical_id for each in rows] == ["G", "R", "U", "A"]
    assert [each.logical_id for each in cannot] == ["P"]
