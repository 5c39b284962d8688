"""What is equal, for CloudFormation and the services behind it."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings

from tests.reviews import VALUES
from tests.soak import examples
from workerstack.cloudformation import (
    Reference,
    Text,
    Unknown,
    canonical,
    could_be_equal,
    differences,
    equal,
    written,
)

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Deny", "Action": "sqs:*", "Resource": "*", "Principal": {"AWS": ["a", "b"]}},
    ],
}
TURNED = {
    "Statement": [
        {"Effect": "Deny", "Action": ["sqs:*"], "Resource": ["*"], "Principal": {"AWS": ["b",
         "a"]}},
        {"Action": ["s3:PutObject", "s3:GetObject"], "Effect": "Allow", "Resource": ["*"]},
    ],
    "Version": "2012-10-17",
}  # fmt: skip
QUEUE = Reference("Queue", "Arn", "Arn")
NAMED = Reference("Queue", "Arn", "Arn", "arn:aws:sqs:r:1:q")
OPEN = Unknown({"Ref": "P"}, "the parameter P has no value", "parameter")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, "1", True), (1.0, 1, True), (True, "true", True), (False, 0, False), (0.5, "0.5", True),
        ("1.10", 1.1, False), ("a", "A", False), (None, "", False), ([], None, False),
        (["a", "b"], ["b", "a"], False),
        ({"Subnets": ["a", "b"]}, {"Subnets": ["b", "a"]}, True),
        ({"Tags": [{"Key": "a"}, {"Key": "b"}]}, {"Tags": [{"Key": "b"}, {"Key": "a"}]}, True),
        ({"AlarmActions": [QUEUE, OPEN]}, {"AlarmActions": [OPEN, QUEUE]}, True),
        ({"Command": ["a", "b"]}, {"Command": ["b", "a"]}, False),
        ({"PolicyDocument": DOCUMENT}, {"PolicyDocument": TURNED}, True),
        ({"PolicyDocument": DOCUMENT}, {"PolicyDocument": json.dumps(TURNED)}, True),
        ({"Description": "{}"}, {"Description": {}}, False),
        ({"PolicyDocument": DOCUMENT}, {"PolicyDocument": {"Statement": []}}, False),
        ({"SecurityGroupIngress": [{"FromPort": 1}, {"FromPort": "2"}]},
         {"SecurityGroupIngress": [{"FromPort": 2}, {"FromPort": 1}]}, True),
        (QUEUE, NAMED, True), (NAMED, "arn:aws:sqs:r:1:q", True), (QUEUE, "arn:aws:sqs:r:1:q",
         False),
        (Text(("x", NAMED)), "xarn:aws:sqs:r:1:q", True),
        (QUEUE, Reference("Other", "Arn", "Arn"), False),
        (Reference("P", "", "Arn"), Reference("P", "Arn", "Arn"), True),
        (OPEN, Unknown({"Ref": "P"}, "another reason", "parameter"), True),
        (OPEN, Unknown({"Ref": "Q"}, "the parameter P has no value", "parameter"), False),
        (OPEN, {"Ref": "P"}, False),
        (Unknown({"Ref": "S"}, "", "no_echo", "1"), Unknown({"Ref": "S"}, "", "no_echo", "2"),
         False),
    ],
)  # fmt: skip
def test_what_is_equal(one: Any, other: Any, same: bool) -> None:
    assert equal(one, other) is same
    assert equal(other, one) is same
    assert equal(one, one)
    assert equal(other, other)
    assert bool(list(differences({"P": one}, {"P": other}))) is not same


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("a", "a", True), ("a", "b", False), (OPEN, "a", None), (OPEN, OPEN, True),
        (Text(("a-", OPEN)), "b-1", False), (Text(("a-", OPEN)), "a-1", None),
        (Text((OPEN, "-z")), "a-y", False), (Text(("a", OPEN)), Text(("b", OPEN)), False),
        (Text((OPEN, "a")), Text((OPEN, "b")), False), (Text(("a", OPEN)), Text(("a", QUEUE)),
         None),
        (QUEUE, "x", None), (NAMED, "x", False), ([1], [1, 2], False), ({"a": OPEN}, {"b": 1},
         None),
        ({"a": 1}, {"a": 2, "b": 2}, False), ({"a": OPEN, "b": 1}, {"a": 2, "b": 3}, False),
        ({"a": OPEN, "b": 1}, {"a": 2, "b": 1}, None), ("a", ["a"], False), (OPEN, ["a"], None),
    ],
)  # fmt: skip
def test_whether_two_values_may_be_equal(one: Any, other: Any, answer: bool | None) -> None:
    assert could_be_equal(one, other) is answer
    assert could_be_equal(other, one) is answer


@given(VALUES, VALUES)
@example(False, 0)
@example([None], [None, None])
@settings(max_examples=examples(60))
def test_two_values_differ_where_they_differ(before: Any, after: Any) -> None:
    assert not list(differences(before, before))
    found = list(differences(before, after))
    turned = list(differences(after, before))
    assert len(found) == len(turned)
    # Python holds False to be 0; CloudFormation does not.
    assert all(canonical(each.before) != canonical(each.after) for each in found)
    assert equal(before, after) is (not found) is equal(after, before)


def test_a_difference_is_found_at_its_deepest_place() -> None:
    other = json.loads(json.dumps(DOCUMENT))
    other["Statement"][1]["Action"] = "sqs:PurgeQueue"
    before = {"Policies": [{"PolicyName": "p", "PolicyDocument": DOCUMENT}]}
    after = {"Policies": [{"PolicyName": "p", "PolicyDocument": json.dumps(other)}]}
    [found] = differences(before, after)
    assert found.pointer == "/Policies/p/PolicyDocument/Statement/1/Action"
    assert found.names == ("Policies", "PolicyDocument", "Statement", "Action")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "a"), (QUEUE, "${Queue.Arn}"), (Reference("Q", "", "x"), "${Q}"), (OPEN, "${P}"),
        (Text(("a-", OPEN)), "a-${P}"), ({"a": 1}, '{"a": 1}'), ([QUEUE],
         '[{"Fn::GetAtt": ["Queue", "Arn"]}]'),
        (True, "true"),
    ],
)  # fmt: skip
def test_how_a_value_is_written_for_people(value: Any, shown: str) -> None:
    assert written(value) == shown
