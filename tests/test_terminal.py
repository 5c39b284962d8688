"""The review on a terminal: nothing is lost, nothing moves the cursor, all is legible."""

from typing import Any

import pytest
from hypothesis import given, settings

from tests.reviews import REVIEWS, said
from tests.soak import examples
from workerstack.review.model import UNKNOWN, PropertyChange, ResourceChange, Review
from workerstack.review.show import text as terminal
from workerstack.review.show import words
from workerstack.review.show.words import broken, shown, wrapped


def squeezed(text: str) -> str:
    """A text without what wrapping, YAML's quoting and the beginning of a sentence change."""
    return "".join(each for each in text if each.isalnum()).casefold()


@settings(max_examples=examples(25))
@given(REVIEWS)
def test_nothing_is_lost_and_nothing_moves_the_cursor(review: Review) -> None:
    text = terminal.render(review, whole=True)
    assert all(each == "\n" or each.isprintable() for each in text)
    found = squeezed(text)
    for value in said(review):
        if value.isascii() and value.isprintable() and "\\" not in value and value != UNKNOWN:
            assert squeezed(value) in found, value


def change(**facts: Any) -> ResourceChange:
    return ResourceChange(**{"action": "Modify", "logical_id": "A", "type": "AWS::A::B", **facts})


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ("1", "2", [("/Properties/P", "1", "2")]),
        ('{"A": 1, "B": {"C": 2}}', '{"A": 1, "B": {"C": 3}}', [("/Properties/P/B/C", 2, 3)]),
        (
            [{"Name": "a", "Value": 1}, {"Name": "b", "Value": 2}],
            [{"Name": "b", "Value": 3}],
            [("/Properties/P/a", {"Name": "a", "Value": 1}, None), ("/Properties/P/b/Value", 2, 3)],
        ),
        (["a", "b"], ["b", "c"], [("/Properties/P/0", "a", None), ("/Properties/P/1", None, "c")]),
        (["a", "b"], ["b", "a"], [("/Properties/P", ["a", "b"], ["b", "a"])]),
        ('{"A": 1}', '{"A": "1"}', [("/Properties/P", {"A": 1}, {"A": "1"})]),
        ("[not JSON", "x", [("/Properties/P", "[not JSON", "x")]),
        ({"A": 1}, UNKNOWN, [("/Properties/P", {"A": 1}, UNKNOWN)]),
    ],
)
def test_a_value_is_shown_where_it_differs(before: Any, after: Any, places: list[Any]) -> None:
    prop = PropertyChange(path="/Properties/P", before=before, after=after, values_given=True)
    found = shown(change(properties=(prop,)))
    assert [(each.path, each.before, each.after) for each in found] == places


def test_causes_of_one_property_are_one_place() -> None:
    both = tuple(
        PropertyChange(
            path="/Properties/Name", before="a", after="b", values_given=True,
            requires_recreation="Always", change_source=source, causing_entity="TopicName",
        )
        for source in ("DirectModification", "ParameterReference")
    )  # fmt: skip
    [place] = shown(change(properties=both))
    assert place.cause == "from parameter TopicName"
    assert place.forces == "forces replacement"


def test_the_order_is_that_of_risk() -> None:
    resources = [
        change(action=action, replacement=replacement, logical_id=name)
        for name, action, replacement in (
            ("F", "Add", None), ("E", "Modify", "False"), ("D", "Modify", "Conditional"),
            ("C", "Modify", "True"), ("B", "Remove", None), ("A", "Teleport", None),
        )
    ]  # fmt: skip
    groups = words.grouped(resources)
    assert list(groups) == [
        "Teleport", "Deleted", "Replaced", "May be replaced", "Updated in place", "Added",
    ]  # fmt: skip
    assert [each.logical_id for group in groups.values() for each in group] == list("ABCDEF")


def test_lines_keep_to_the_width_and_their_own_breaks() -> None:
    found = broken("one two three\nfour", 10, "- ", "  ")
    assert found == ["- one two", "  three", "  four"]
    assert wrapped("one\ntwo", 10, "- ", "  ") == ["- one\\ntwo"]
    assert wrapped("", 10, "- ") == ["- "]
    assert wrapped("\x1b[31mred", 40) == ["\\x1b[31mred"]
