"""What changes beside the resources, of the answers that CloudFormation gives."""

from typing import Any

import pytest

from workerstack.review.compare import HIDDEN, StackSide, compare, proposed


@pytest.mark.parametrize(
    ("answered", "value"),
    [
        ({"ParameterValue": "a"}, "a"),
        # Of a parameter in Parameter Store: its name is what was given, and not what it comes to.
        ({"ParameterValue": "/shop/tier", "ResolvedValue": "gold"}, "gold"),
        ({}, ""),
    ],
)
def test_a_value_is_what_it_comes_to(answered: dict[str, str], value: str) -> None:
    found = proposed({}, {"Parameters": [{"ParameterKey": "P", **answered}]})
    assert found.parameters == {"P": value}


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ({"P": "a"}, {"P": "a"}, []),
        ({"P": "a"}, {"P": "b"}, [("parameter", "P", "a", "b")]),
        ({"P": "a"}, {}, [("parameter", "P", "a", None)]),
        ({}, {"P": "a"}, [("parameter", "P", None, "a")]),
        ({"S": "a"}, {"S": "b"}, [("NoEcho parameter", "S", HIDDEN, HIDDEN)]),
        ({"S": "a"}, {}, []),
        ({}, {"S": "b"}, [("NoEcho parameter", "S", HIDDEN, HIDDEN)]),
    ],
)
def test_of_a_hidden_value_it_is_said_only_that_there_is_one(
    before: dict[str, str], after: dict[str, str], rows: list[Any]
) -> None:
    found = compare(StackSide({}, before), StackSide({}, after), {"S"})
    assert [(each.kind, each.name, each.before, each.after) for each in found] == rows
