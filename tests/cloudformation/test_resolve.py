"""Every function, condition function and pseudo parameter: AWS's examples, and what is open.

The examples are those of the CloudFormation template reference, page by page.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import examples
from workerstack.cloudformation import (
    Reference,
    Stack,
    Text,
    Unknown,
    canonical,
    equal,
    from_data,
    is_known,
    matches,
    plain,
    read,
    references,
    resolve,
    surroundings,
    text,
)
from workerstack.problem import Problem

HERE = surroundings("123456789012", "us-east-1", "MyStack")
BASE: dict[str, Any] = {
    "Parameters": {
        "Name": {"Type": "String"},
        "Mode": {"Type": "String", "Default": "fast"},
        "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
        "Secret": {"Type": "String", "NoEcho": True},
        "Missing": {"Type": "String"},
        "MissingList": {"Type": "CommaDelimitedList"},
        "Tier": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/tier"},
        "Tiers": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/shop/tiers"},
        "Key": {"Type": "AWS::SSM::Parameter::Name", "Default": "/shop/key"},
        "Empty": {"Type": "CommaDelimitedList", "Default": ""},
    },
    "Mappings": {
        # Fn::FindInMap: the page's own mapping.
        "RegionMap": {
            "us-east-1": {"HVM64": "ami-0ff8a91507f77f867", "HVMG2": "ami-0a584ac55a7631c0c"},
            "us-west-1": {"HVM64": "ami-0bdb828fd58c52235", "HVMG2": "ami-066ee5fd4a9ef77f1"},
        },
        "Same": {"us-east-1": {"Cpu": 256}, "eu-west-1": {"Cpu": "256"}},
        "Lists": {"a": {"b": ["x", "y"]}},
    },
    "Conditions": {
        "Fast": {"Fn::Equals": [{"Ref": "Mode"}, "fast"]},
        "Slow": {"Fn::Not": [{"Condition": "Fast"}]},
        "Open": {"Fn::Equals": [{"Ref": "Missing"}, "x"]},
        "Stored": {"Fn::Equals": [{"Ref": "Tier"}, "gold"]},
    },
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Named": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs"}},
        "Gone": {"Type": "AWS::SQS::Queue", "Condition": "Slow"},
        "Maybe": {"Type": "AWS::SQS::Queue", "Condition": "Open"},
    },
}
GIVEN = {"Name": "n", "Subnets": "a, b", "Secret": "s3cret"}


def stack_of(value: Any, known: Any = HERE, **more: Any) -> Stack:
    body = {"Type": "AWS::A::B", "Properties": {"P": value}}
    data = {**BASE, **more, "Resources": {**BASE["Resources"], "A": body}}
    return resolve(from_data(data), GIVEN, known)


def value_of(value: Any, known: Any = HERE, **more: Any) -> Any:
    stack = stack_of(value, known, **more)
    return stack.resources["A"].properties.get("P", "left out")


REF = {"Ref": "Missing"}

KNOWN = [
    # Ref
    ({"Ref": "Name"}, "n"),
    ({"Ref": "Mode"}, "fast"),
    ({"Ref": "Subnets"}, ["a", "b"]),
    ({"Ref": "Empty"}, []),
    ({"Ref": "Key"}, "/shop/key"),
    # Pseudo parameters
    ({"Ref": "AWS::AccountId"}, "123456789012"),
    ({"Ref": "AWS::Region"}, "us-east-1"),
    ({"Ref": "AWS::Partition"}, "aws"),
    ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
    ({"Ref": "AWS::StackName"}, "MyStack"),
    ({"Ref": "AWS::NoValue"}, "left out"),
    ([{"Ref": "AWS::NoValue"}, 1], [1]),
    ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
    ({"Fn::If": ["Slow", 1, {"Ref": "AWS::NoValue"}]}, "left out"),
    ([{"Fn::If": ["Slow", 1, {"Ref": "AWS::NoValue"}]}, 2], [2]),
    # Fn::Base64
    ({"Fn::Base64": "AWS CloudFormation"}, "QVdTIENsb3VkRm9ybWF0aW9u"),
    ({"Fn::Base64": {"Fn::Sub": "${Name}"}}, "bg=="),
    # Fn::Cidr
    ({"Fn::Cidr": ["192.168.0.0/24", "6", "5"]},
     ["192.168.0.0/27", "192.168.0.32/27", "192.168.0.64/27", "192.168.0.96/27",
      "192.168.0.128/27", "192.168.0.160/27"]),
    ({"Fn::Select": [1, {"Fn::Cidr": ["10.0.0.0/16", 2, 8]}]}, "10.0.1.0/24"),
    ({"Fn::Cidr": ["2001:db8::/56", 2, 64]}, ["2001:db8::/64", "2001:db8:0:1::/64"]),
    # Fn::FindInMap
    ({"Fn::FindInMap": ["RegionMap", {"Ref": "AWS::Region"}, "HVM64"]}, "ami-0ff8a91507f77f867"),
    ({"Fn::FindInMap": ["RegionMap", "x", "y", {"DefaultValue": "d"}]}, "d"),
    ({"Fn::FindInMap": ["RegionMap", "us-east-1", "HVMG2", {"DefaultValue": "d"}]},
     "ami-0a584ac55a7631c0c"),
    ({"Fn::FindInMap": ["RegionMap", "x", "y", {"DefaultValue": {"Ref": "Name"}}]}, "n"),
    ({"Fn::FindInMap": ["RegionMap", {"Fn::If": ["Fast", "us-west-1", "x"]}, "HVM64"]},
     "ami-0bdb828fd58c52235"),
    ({"Fn::FindInMap": [{"Fn::Join": ["", ["Region", "Map"]]}, "us-west-1", "HVM64"]},
     "ami-0bdb828fd58c52235"),
    ({"Fn::FindInMap": ["Lists", "a", "b"]}, ["x", "y"]),
    # Only one mapping has these keys, whichever is meant.
    ({"Fn::FindInMap": [REF, "us-east-1", "HVM64"]}, "ami-0ff8a91507f77f867"),
    # Fn::If
    ({"Fn::If": ["Fast", "yes", "no"]}, "yes"),
    ({"Fn::If": ["Slow", "yes", {"Ref": "Name"}]}, "n"),
    ({"Fn::If": ["Slow", {"Fn::Bad": 1}, {"Fn::If": ["Fast", [1], 2]}]}, [1]),
    ({"Fn::If": ["Open", 1, "1"]}, 1),
    # Fn::Join
    ({"Fn::Join": [":", ["a", "b", "c"]]}, "a:b:c"),
    ({"Fn::Join": [",", {"Ref": "Subnets"}]}, "a,b"),
    ({"Fn::Join": ["", [True, 1, 1.5]]}, "true11.5"),
    ({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::elb-x"]]}, "arn:aws:s3:::elb-x"),
    ({"Fn::Join": ["-", []]}, ""),
    ({"Fn::Join": ["-", ["a", {"Ref": "AWS::NoValue"}, "b"]]}, "a-b"),
    # Fn::Length
    ({"Fn::Length": [1, "a", {"Ref": "Missing"}]}, 3),
    ({"Fn::Length": {"Ref": "Subnets"}}, 2),
    ({"Fn::Length": {"Fn::Split": ["|", "a|b|c"]}}, 3),
    # Fn::Select
    ({"Fn::Select": ["1", ["apples", "grapes", "oranges", "mangoes"]]}, "grapes"),
    ({"Fn::Select": ["0", {"Ref": "Subnets"}]}, "a"),
    ({"Fn::Select": [1, [{"Ref": "Missing"}, "b"]]}, "b"),
    # Fn::Split
    ({"Fn::Split": ["|", "a|b|c"]}, ["a", "b", "c"]),
    ({"Fn::Split": ["|", "a||c|"]}, ["a", "", "c", ""]),
    ({"Fn::Select": [2, {"Fn::Split": [",", "x,y,z"]}]}, "z"),
    # Fn::Sub
    ({"Fn::Sub": "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:vpc/${Name}"},
     "arn:aws:ec2:us-east-1:123456789012:vpc/n"),
    ({"Fn::Sub": ["www.${Domain}", {"Domain": {"Ref": "Name"}}]}, "www.n"),
    ({"Fn::Sub": ["${Name}", {"Name": "own"}]}, "own"),
    ({"Fn::Sub": ["${A.B}", {"A.B": "own"}]}, "own"),
    ({"Fn::Sub": "${!Literal} $Name $ {x}"}, "${Literal} $Name $ {x}"),
    ({"Fn::Sub": "no place"}, "no place"),
    # Fn::ToJsonString
    ({"Fn::ToJsonString": {"key1": "value1", "key2": {"Ref": "Name"}}},
     '{"key1":"value1","key2":"n"}'),
    ({"Fn::ToJsonString": [{"a": {"Ref": "AWS::NoValue"}}, 1]}, "[{},1]"),
    # Attributes that follow from names
    ({"Fn::GetAtt": ["Named", "QueueName"]}, "jobs"),
    ({"Fn::GetAtt": ["Named", "Arn"]}, "arn:aws:sqs:us-east-1:123456789012:jobs"),
    ({"Fn::GetAtt": "Named.Arn"}, "arn:aws:sqs:us-east-1:123456789012:jobs"),
    ({"Ref": "Named"}, "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"),
    ({"Fn::Sub": "${Named.Arn}/x"}, "arn:aws:sqs:us-east-1:123456789012:jobs/x"),
    ({"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": ["Named", "Arn"]}]}]}, "jobs"),
    ("{{not:resolved}}", "{{not:resolved}}"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), KNOWN)
def test_what_is_known(value: Any, expected: Any) -> None:
    found = value_of(value)
    assert equal(found, expected), found
    if isinstance(expected, str):
        assert text(found) == expected


OPEN: list[tuple[Any, str]] = [
    ({"Ref": "Missing"}, "parameter"),
    ({"Ref": "MissingList"}, "parameter"),
    ({"Ref": "Secret"}, "no_echo"),
    ({"Ref": "Tier"}, "stored"),
    ({"Ref": "Tiers"}, "stored"),
    ({"Ref": "AWS::StackId"}, "pseudo"),
    ({"Ref": "AWS::NotificationARNs"}, "pseudo"),
    ("{{resolve:ssm:S3AccessControl}}", "stored"),
    ("{{resolve:ssm:S3AccessControl:2}}", "pinned"),
    ("{{resolve:ssm-secure:IAMUserPassword:10}}", "secret"),
    ("{{resolve:secretsmanager:MySecret:SecretString:password}}", "secret"),
    ({"Fn::Sub": "{{resolve:secretsmanager:${Name}:SecretString:password}}"}, "secret"),
    ({"Fn::Base64": REF}, "function"),
    ({"Fn::Cidr": [REF, 6, 5]}, "function"),
    ({"Fn::Cidr": ["10.0.0.0/16", 2]}, "function"),
    ({"Fn::FindInMap": ["RegionMap", REF, "HVM64"]}, "mapping"),
    ({"Fn::FindInMap": [REF, "us-east-1", REF]}, "mapping"),
    ({"Fn::FindInMap": ["RegionMap", REF, "HVM64", {"DefaultValue": "d"}]}, "mapping"),
    ({"Fn::GetAZs": ""}, "import"),
    ({"Fn::GetAZs": {"Ref": "AWS::Region"}}, "import"),
    ({"Fn::If": ["Open", 1, 2]}, "condition"),
    ({"Fn::If": ["Stored", 1, {"Ref": "AWS::NoValue"}]}, "condition"),
    ({"Fn::ImportValue": {"Fn::Sub": "${Name}-x"}}, "import"),
    ({"Fn::GetStackOutput": {"StackName": "s", "OutputName": "o", "Region": "us-west-2"}},
     "stored"),
    ({"Fn::Join": [REF, ["a", "b"]]}, "function"),
    ({"Fn::Join": [",", {"Ref": "MissingList"}]}, "function"),
    ({"Fn::Length": {"Ref": "MissingList"}}, "function"),
    ({"Fn::Select": [0, {"Ref": "MissingList"}]}, "function"),
    ({"Fn::Select": [REF, ["a", "b"]]}, "function"),
    ({"Fn::Split": [",", REF]}, "function"),
    ({"Fn::ToJsonString": {"a": REF}}, "function"),
    ({"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}},
     "transform"),
    ({"Ref": "Gone"}, "function"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), OPEN)
def test_what_is_open_is_no_text(value: Any, kind: str) -> None:
    found = value_of(value)
    assert isinstance(found, Unknown), found
    assert found.kind == kind
    assert found.reason
    assert text(found) is None
    assert not is_known(found)
    assert "s3cret" not in repr(found)
    again = value_of(value)
    assert found == again
    assert equal(found, again)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"Fn::Sub": "a-${Missing}-${Name}"}, {"Fn::Sub": "a-${Missing}-n"}),
        ({"Fn::Join": ["-", ["a", REF, {"Ref": "Name"}]]}, {"Fn::Sub": "a-${Missing}-n"}),
        ({"Fn::Join": ["", ["a-", {"Fn::Join": ["-", [REF, "n"]]}]]},
         {"Fn::Sub": "a-${Missing}-n"}),
        ({"Fn::Sub": ["a-${X}", {"X": {"Fn::Sub": "${Missing}-n"}}]},
         {"Fn::Sub": "a-${Missing}-n"}),
        ({"Fn::Sub": "${Missing}"}, {"Ref": "Missing"}),
        ({"Fn::Sub": "${Queue.Arn}"}, {"Fn::GetAtt": ["Queue", "Arn"]}),
        ({"Fn::Sub": "${Queue.Arn}/x"}, {"Fn::Sub": "${Queue.Arn}/x"}),
        ({"Fn::Sub": "${!a}${Missing}"}, {"Fn::Sub": "${!a}${Missing}"}),
        ({"Fn::Join": ["", ["a", {"Fn::ImportValue": "x"}]]},
         {"Fn::Join": ["", ["a", {"Fn::ImportValue": "x"}]]}),
        ("pw-{{resolve:ssm:x:1}}", "pw-{{resolve:ssm:x:1}}"),
        ({"Fn::Select": [9, {"Ref": "Subnets"}]}, {"Fn::Select": ["9", ["a", "b"]]}),
    ],
)  # fmt: skip
def test_a_text_that_is_partly_known_has_one_form(value: Any, written: Any) -> None:
    assert plain(value_of(value)) == written


@pytest.mark.parametrize("properties", [{}, {"Properties": {"VisibilityTimeout": 60}}])
@pytest.mark.parametrize("known", [{}, HERE])
def test_a_name_that_aws_makes_is_told_by_its_attribute(known: Any, properties: Any) -> None:
    """The ARN and the URL of a queue without a name, and the same put together by hand."""
    queues: Any = {**BASE["Resources"], "Q": {"Type": "AWS::SQS::Queue", **properties}}

    def body(values: Any) -> Any:
        return {"Type": "AWS::A::B", "Properties": values}

    own = "${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${Q.QueueName}"
    arn = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Q.QueueName}"
    for told, by_hand in (
        ({"Fn::GetAtt": ["Q", "Arn"]}, {"Fn::Sub": arn}),
        ({"Ref": "Q"}, {"Fn::Sub": f"https://sqs.{own}"}),
    ):
        data = {**BASE, "Resources": {**queues, "A": body({"P": told, "Q": by_hand})}}
        found = resolve(from_data(data), GIVEN, known).resources["A"].properties
        assert equal(found["P"], found["Q"])
        data["Resources"]["A"] = body({"P": told, "Q": {"Ref": "Named"}})
        found = resolve(from_data(data), GIVEN, known).resources["A"].properties
        assert not equal(found["P"], found["Q"])


def test_known_pieces_of_a_text_can_be_asked() -> None:
    found = value_of({"Fn::Sub": "arn:${AWS::Partition}:s3:::${Missing}/logs/*"})
    assert isinstance(found, Text)
    assert matches(found, "arn:aws:s3:::b/logs/*")
    assert not matches(found, "arn:aws:s3:::b/other/*")
    parts = value_of({"Fn::Split": ["/", {"Fn::Sub": "a/${AWS::AccountId}/c"}]}, known={})
    assert [text(parts[0]), text(parts[2])] == ["a", "c"]
    first = value_of({"Fn::Select": [0, {"Fn::Split": ["/", {"Fn::Sub": "a/b/${Missing}"}]}]})
    assert first == "a"
    open_ = value_of({"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::Sub": "a/b/${Missing}"}]}]})
    assert isinstance(open_, Unknown)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Condition functions: the reference's own examples.
        ({"Fn::Equals": [{"Ref": "Mode"}, "fast"]}, True),
        ({"Fn::Equals": ["a", "A"]}, False),
        ({"Fn::Equals": [1, "1"]}, True),
        ({"Fn::Equals": [True, "true"]}, True),
        ({"Fn::Equals": [0, False]}, False),
        ({"Fn::Equals": [REF, "x"]}, None),
        ({"Fn::Equals": [REF, REF]}, True),
        ({"Fn::Equals": [{"Ref": "Secret"}, "s3cret"]}, None),
        ({"Fn::Equals": [{"Ref": "Tier"}, "gold"]}, None),
        ({"Fn::Equals": [{"Ref": "Tier"}, {"Ref": "Tier"}]}, True),
        ({"Fn::Equals": [{"Fn::Sub": "a-${Missing}"}, "b-x"]}, False),
        ({"Fn::Equals": [{"Fn::Sub": "a-${Missing}"}, "a-x"]}, None),
        ({"Fn::Equals": [{"Fn::Sub": "a${Missing}"}, {"Fn::Sub": "b${Missing}"}]}, False),
        ({"Fn::Equals": [{"Ref": "Subnets"}, ["a", "b"]]}, True),
        ({"Fn::Equals": [{"Fn::Select": [0, {"Ref": "Subnets"}]}, "a"]}, True),
        ({"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}, True),
        ({"Fn::Not": [{"Condition": "Open"}]}, None),
        ({"Condition": "Fast"}, True),
        ({"Fn::And": [{"Condition": "Fast"}, {"Condition": "Fast"}]}, True),
        ({"Fn::And": [{"Condition": "Open"}, {"Condition": "Slow"}]}, False),
        ({"Fn::And": [{"Condition": "Slow"}, {"Condition": "Open"}]}, False),
        ({"Fn::And": [{"Condition": "Open"}, {"Condition": "Fast"}]}, None),
        ({"Fn::Or": [{"Condition": "Open"}, {"Condition": "Fast"}]}, True),
        ({"Fn::Or": [{"Condition": "Open"}, {"Condition": "Slow"}]}, None),
        ({"Fn::Or": [{"Condition": "Slow"}, {"Condition": "Slow"}]}, False),
        ({"Fn::And": [{"Condition": "Fast"}] * 10}, True),
    ],
)
def test_conditions_have_three_values(condition: Any, expected: bool | None) -> None:
    conditions = {**BASE["Conditions"], "It": condition}
    found = stack_of(1, Conditions=conditions).conditions["It"]
    assert found is expected or (expected is None and isinstance(found, Unknown))
    negated = {**BASE["Conditions"], "It": {"Fn::Not": [condition]}}
    turned = stack_of(1, Conditions=negated).conditions["It"]
    if isinstance(found, Unknown):
        assert isinstance(turned, Unknown)
        twice = {**BASE["Conditions"], "It": {"Fn::Not": [{"Fn::Not": [condition]}]}}
        assert equal(stack_of(1, Conditions=twice).conditions["It"], found)
    else:
        assert turned is not found


def test_what_a_condition_depends_on_is_written_out() -> None:
    value = {"Fn::If": ["It", 1, 2]}
    one = value_of(value, Conditions={"It": {"Fn::Equals": [REF, "a"]}})
    other = value_of(value, Conditions={"It": {"Fn::Equals": [REF, "b"]}})
    assert not equal(one, other)
    assert one.alternatives == (1, 2)
    plus = {"Always": {"Fn::Equals": ["a", "a"]},
            "It": {"Fn::And": [{"Condition": "Always"}, {"Fn::Equals": [REF, "a"]}]}}  # fmt: skip
    assert equal(one, value_of(value, Conditions=plus))


def test_a_mapping_that_gives_one_value_whatever_the_key_is_known() -> None:
    same = {"Fn::FindInMap": ["Same", {"Ref": "AWS::Region"}, "Cpu"]}
    assert value_of(same, known={}) == 256
    other = {"Fn::FindInMap": ["RegionMap", {"Ref": "AWS::Region"}, "HVM64"]}
    found = value_of(other, known={})
    assert len(found.alternatives) == 2
    changed = {"RegionMap": {"us-east-1": {"HVM64": "ami-1"}, "us-west-1": {"HVM64": "ami-2"}}}
    assert not equal(found, value_of(other, known={}, Mappings=changed))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"Fn::If": ["Fast", 1]}, "three members"),
        ({"Fn::If": "Fast"}, "three members"),
        ({"Fn::If": ["Nothing", 1, 2]}, "no condition Nothing"),
        ({"Fn::If": [[1], 1, 2]}, "condition is none"),
        ({"Fn::Join": [","]}, "a delimiter and a list"),
        ({"Fn::Join": [",", "a"]}, "a delimiter and a list"),
        ({"Fn::Join": [",", [["a"]]]}, "puts texts together"),
        ({"Fn::Sub": ["only one"]}, "a text and a mapping"),
        ({"Fn::Sub": {"not": "a text"}}, "a text and a mapping"),
        ({"Fn::Sub": "${Nothing}"}, "Nothing is not there"),
        ({"Fn::Sub": "${Subnets}"}, "puts texts together"),
        ({"Fn::Select": [7, {"Ref": "Subnets"}]}, "beyond the list"),
        ({"Fn::Select": ["x", ["a"]]}, "an index"),
        ({"Fn::Select": [0]}, "an index and a list"),
        ({"Fn::Select": [0, "abc"]}, "an index and a list"),
        ({"Fn::Split": [",", ["a"]]}, "a delimiter and a text"),
        ({"Fn::Split": ["", "a"]}, "a delimiter and a text"),
        ({"Fn::FindInMap": ["RegionMap", "x", "y"]}, "finds nothing"),
        ({"Fn::FindInMap": ["RegionMap", "x"]}, "two keys"),
        ({"Fn::FindInMap": ["RegionMap", ["x"], "y"]}, "texts as keys"),
        ({"Fn::GetAtt": "Queue"}, "a resource and an attribute"),
        ({"Fn::GetAtt": ["Nothing", "Arn"]}, "Nothing is not there"),
        ({"Ref": "Nothing"}, "Nothing is not there"),
        ({"Ref": "AWS::Nothing"}, "no pseudo parameter"),
        ({"Fn::Base64": ["a"]}, "a text"),
        ({"Fn::Cidr": ["10.0.0.0/16"]}, "a block"),
        ({"Fn::Cidr": ["x", 1, 8]}, "cannot be computed"),
        ({"Fn::Cidr": ["10.0.0.0/24", 9, 5]}, "cannot be computed"),
        ({"Fn::Length": "abc"}, "a list"),
        ({"Fn::ToJsonString": "a"}, "a mapping or a list"),
        ({"Fn::ImportValue": ["a"]}, "name of an export"),
        ({"Fn::GetStackOutput": "a"}, "StackName"),
        ({"Fn::GetAZs": ["a"]}, "a region"),
        ({"Fn::Transform": "a"}, "Name"),
        ({"Fn::Equals": ["a"]}, "compares two values"),
        ({"Fn::And": [{"Condition": "Fast"}]}, "2 to 10"),
        ({"Fn::Not": []}, "one condition"),
        ({"Fn::Bad": "a"}, "is not known"),
    ],
)
def test_what_cloudformation_refuses_is_one_error_with_its_line(value: Any, says: str) -> None:
    data = {**BASE, "Resources": {**BASE["Resources"],
            "A": {"Type": "T", "Properties": {"P": value}}}}  # fmt: skip
    template = read(json.dumps(data, indent=1), "x.json")
    with pytest.raises(Problem, match=says) as caught:
        resolve(template, GIVEN, HERE, strict=True)
    lines = json.dumps(data, indent=1).splitlines()
    wanted = next(n for n, line in enumerate(lines, 1) if '"P": ' in line)
    assert wanted <= (caught.value.line or 0) <= wanted + 8
    stack = resolve(template, GIVEN, HERE)
    assert len(stack.faults) == 1
    assert says in str(stack.faults[0])
    found = stack.resources["A"].properties.get("P")
    assert not is_known(found) or isinstance(found, Text | bool)


OPEN_CONDITION = {"Fn::Equals": [{"Ref": "Later"}, "x"]}


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::If": ["Open", {"Fn::GetAtt": ["B", "Arn"]}, "x"]},
        {"Fn::If": ["Open", "x", {"Fn::Sub": "${B}"}]},
        {"Fn::FindInMap": ["Map", {"Ref": "Later"}, "k", {"DefaultValue": {"Ref": "B"}}]},
    ],
    ids=["then", "otherwise", "a look-up's default"],
)
def test_what_only_one_side_of_something_open_refers_to_is_no_circle(value: Any) -> None:
    stack = resolve(from_data({
        "Parameters": {"Later": {"Type": "String"}},
        "Conditions": {"Open": OPEN_CONDITION},
        "Mappings": {"Map": {"first": {"k": "v"}}},
        "Resources": {
            "A": {"Type": "T", "Properties": {"P": value}},
            "B": {"Type": "T", "Properties": {"P": {"Ref": "A"}}},
        },
    }))  # fmt: skip
    assert set(stack.resources) == {"A", "B"}


def test_circles_are_one_error() -> None:
    around = {"A": {"Condition": "B"}, "B": {"Fn::Not": [{"Condition": "A"}]}}
    with pytest.raises(Problem, match="A -> B -> A"):
        stack_of(1, Conditions=around)
    with pytest.raises(Problem, match="It -> It"):
        stack_of(1, Conditions={"It": {"Condition": "It"}})
    circle = {
        "A": {"Type": "T", "Properties": {"P": {"Fn::GetAtt": ["B", "Arn"]}}},
        "B": {"Type": "T", "DependsOn": "C"},
        "C": {"Type": "T", "Properties": {"P": {"Fn::Sub": "x-${A}"}}},
    }
    with pytest.raises(Problem, match="depends on itself: A -> B -> C -> A"):
        resolve(from_data({"Resources": circle}))
    named = {
        "A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["B",
         "QueueName"]}}},
        "B": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["A",
         "QueueName"]}}},
    }  # fmt: skip
    with pytest.raises(Problem, match="depends on itself"):
        resolve(from_data({"Resources": named}))


def test_a_condition_that_asks_for_its_own_resource_is_one_clear_error() -> None:
    what: Any
    for what in ({"Ref": "A"}, {"Fn::Equals": [{"Fn::GetAtt": ["A", "Arn"]}, "x"]}):
        body = {"Type": "AWS::SQS::Queue", "Condition": what}
        with pytest.raises(Problem, match="The condition of A depends on A itself"):
            resolve(from_data({"Resources": {"A": body}}), GIVEN, HERE)
    # Neighbours: a condition of the template, and one of another resource.
    for what in ("Fast", {"Condition": "Fast"}, {"Ref": "B"}):
        resources = {
            "A": {"Type": "AWS::SQS::Queue", "Condition": what},
            "B": {"Type": "AWS::SNS::Topic"},
        }
        resolve(from_data({**BASE, "Resources": resources}), GIVEN, HERE)


LOOPS = """
Transform: AWS::LanguageExtensions
Parameters:
  Repos: {Type: CommaDelimitedList, Default: "a,b"}
Mappings:
  M: {Buckets: {Names: [x, y]}}
Conditions:
  Fn::ForEach::Checks:
    - Env
    - [dev, prod]
    - Is${Env}: !Equals [!Ref AWS::StackName, !Sub "${Env}"]
Resources:
  Fn::ForEach::Topics:
    - TopicName
    - !Ref Repos
    - SnsTopic${TopicName}:
        Type: AWS::SNS::Topic
        Properties:
          TopicName: !Join [".", [!Ref TopicName, fifo]]
          DisplayName: topic ${TopicName}
  Fn::ForEach::Buckets:
    - Identifier
    - !FindInMap [M, Buckets, Names]
    - S3Bucket${Identifier}:
        Type: AWS::S3::Bucket
        Properties:
          Fn::ForEach::Props:
            - Prop
            - [BucketName]
            - ${Prop}: !Sub "b-${Identifier}"
  Fn::ForEach::Nets:
    - Cidr
    - [10.0.0.0/24]
    - Net&{Cidr}:
        Type: AWS::EC2::Subnet
        Properties: {CidrBlock: "${Cidr}", VpcId: v}
Outputs:
  Fn::ForEach::BucketOutputs:
    - Identifier
    - [x, y]
    - Fn::ForEach::GetAttLoop:
        - Property
        - [Arn, DomainName]
        - S3Bucket${Identifier}${Property}:
            Value: !GetAtt [!Sub "S3Bucket${Identifier}", !Ref Property]
"""


def test_loops_are_written_out() -> None:
    stack = resolve(read(LOOPS, "x"), {}, HERE, strict=True)
    assert list(stack.resources) == [
        "SnsTopica", "SnsTopicb", "S3Bucketx", "S3Buckety", "Net1000024",
    ]  # fmt: skip
    assert stack.resources["SnsTopica"].properties == {
        "TopicName": "a.fifo", "DisplayName": "topic a",
    }  # fmt: skip
    assert stack.resources["S3Buckety"].properties == {"BucketName": "b-y"}
    assert stack.resources["Net1000024"].get("CidrBlock") == "10.0.0.0/24"
    assert list(stack.outputs) == [
        "S3BucketxArn", "S3BucketxDomainName", "S3BucketyArn", "S3BucketyDomainName",
    ]  # fmt: skip
    assert text(stack.outputs["S3BucketyArn"].value) == "arn:aws:s3:::b-y"
    assert stack.conditions == {"Isdev": False, "Isprod": False}
    assert stack.resources["SnsTopica"].loop == "Topics"
    assert stack.line("SnsTopica", "Properties", "TopicName") == 13


def test_a_loop_over_what_is_not_known_stays_one_unknown() -> None:
    text_ = LOOPS.replace(', Default: "a,b"', "")
    stack = resolve(read(text_, "x"), {}, HERE)
    assert set(stack.loops) == {"Fn::ForEach::Topics"}
    assert "Repos" in stack.loops["Fn::ForEach::Topics"].reason
    assert stack.faults == ()


@pytest.mark.parametrize(
    "loop",
    [["L", ["a"]], "x", ["L", "a", {"Q${L}": {"Type": "T"}}], ["L", ["a", "b"],
     {"Q": {"Type": "T"}}],
     [["L"], ["a"], {}], ["L", list("abcdefghij") * 300, {"Q${L}": {"Type": "T"}}]],
)  # fmt: skip
def test_a_loop_that_is_none_is_a_fault(loop: Any) -> None:
    data = {"Resources": {"Fn::ForEach::X": loop, "A": {"Type": "T"}}}
    stack = resolve(from_data(data))
    assert stack.faults
    assert "A" in stack.resources


def test_rules_are_decided() -> None:
    rules = {
        "Prod": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Mode"}, "fast"]},
            "Assertions": [
                {"Assert": {"Fn::Contains": [["a1.large"], {"Ref": "Name"}]},
                 "AssertDescription": "For prod, the instance type must be a1.large"},
                {"Assert": {"Fn::EachMemberIn": [["a"], {"Ref": "Subnets"}]}},
                {"Assert": {"Fn::EachMemberEquals": [["a", "b"], "a"]}},
                {"Assert": {"Fn::Contains": [["x"], REF]}},
                {"Assert": {"Fn::EachMemberIn": [
                    {"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]},
                    {"Fn::RefAll": "AWS::EC2::VPC::Id"}]}},
            ],
        },
        "Open": {"RuleCondition": {"Fn::Equals": [REF, "x"]}, "Assertions": []},
    }  # fmt: skip
    found = stack_of(1, Rules=rules).rules
    assert [each.applies for each in found] == [True, None]
    assert [each.holds for each in found[0].assertions] == [False, True, False, None, None]
    assert found[0].assertions[0].description.startswith("For prod")


def test_resources_that_are_there_may_be_or_are_not() -> None:
    stack = stack_of(1)
    assert stack.resources["Queue"].exists is True
    assert stack.resources["Maybe"].exists is None
    assert stack.resources["Maybe"].condition == "Open"
    assert stack.absent == {"Gone"}
    assert "Gone" not in stack.resources


def test_references_stay_objects() -> None:
    resources = {
        "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "Path": "/app/"}},
        "Task": {"Type": "AWS::ECS::TaskDefinition"},
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "c"}},
        "Service": {"Type": "AWS::ECS::Service", "Properties": {
            "Cluster": {"Ref": "Cluster"}, "ServiceName": "s"}},
        "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {
            "ResourceId": {"Fn::Join": ["/", ["service", {"Ref": "Cluster"},
                                              {"Fn::GetAtt": ["Service", "Name"]}]]},
            "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs"}},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/ecs/x"}},
        "Group": {"Type": "AWS::EC2::SecurityGroup"},
    }  # fmt: skip
    stack = resolve(from_data({"Resources": resources}), {}, HERE)
    ref, arn = stack.reference("Policy"), stack.reference("Policy", "Arn")
    assert isinstance(ref, Reference)
    assert ref == arn
    assert equal(ref, arn)
    assert stack.reference("Task") == stack.reference("Task", "TaskDefinitionArn")
    assert stack.reference("Group") == stack.reference("Group", "GroupId")
    assert stack.reference("Role") != stack.reference("Role", "Arn")
    gives = {
        ("Role", "Arn"): "arn:aws:iam::123456789012:role/app/r",
        ("Cluster", "Arn"): "arn:aws:ecs:us-east-1:123456789012:cluster/c",
        ("Service", "Name"): "s",
        ("Service", ""): "arn:aws:ecs:us-east-1:123456789012:service/c/s",
        ("Target", ""): "service/c/s|ecs:service:DesiredCount|ecs",
        ("Logs", "Arn"): "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/x:*",
    }
    for (name, attribute), expected in gives.items():
        assert text(stack.reference(name, attribute)) == expected
    assert text(stack.reference("Group")) is None
    assert stack.referred(arn, "AWS::ApplicationAutoScaling::ScalingPolicy")
    assert stack.referred(arn, "AWS::IAM::Role") is None
    by_text = stack.referred("arn:aws:iam::123456789012:role/app/r", "AWS::IAM::Role")
    assert by_text is not None
    assert by_text.logical_id == "Role"
    assert stack.referred("arn:aws:iam::123456789012:role/app/r", "AWS::ECS::Cluster") is None
    target = stack.resources["Target"].get("ResourceId")
    assert [each.logical_id for each in references(target)] == ["Cluster", "Service"]
    assert equal(target, "service/c/s")


@pytest.mark.parametrize(
    ("kind", "properties", "attribute", "value"),
    [
        ("IAM::Role", {"RoleName": "r"}, "Arn", "arn:aws:iam::123456789012:role/r"),
        ("IAM::User", {"UserName": "u"}, "Arn", "arn:aws:iam::123456789012:user/u"),
        ("IAM::Group", {"GroupName": "g"}, "Arn", "arn:aws:iam::123456789012:group/g"),
        ("IAM::ManagedPolicy", {"ManagedPolicyName": "m"}, "",
         "arn:aws:iam::123456789012:policy/m"),
        ("ECS::Service", {"ServiceName": "s"}, "",
         "arn:aws:ecs:us-east-1:123456789012:service/default/s"),
        ("ECS::Service", {"ServiceName": "s", "Cluster": "arn:aws:ecs:us-east-1:1:cluster/c"}, "",
         "arn:aws:ecs:us-east-1:123456789012:service/c/s"),
        ("IAM::Role", {}, "Arn", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("condition", [None, OPEN_CONDITION])
def test_an_arn_follows_from_names_and_from_what_need_not_be_given(
    kind: str, properties: Any, attribute: str, value: str | None, condition: Any
) -> None:
    body = {"Type": f"AWS::{kind}", "Properties": properties}
    stack = resolve(from_data({
        "Parameters": {"Later": {"Type": "String"}},
        "Conditions": {"Open": OPEN_CONDITION},
        # What may be there gives what it gives where it is.
        "Resources": {"It": body | ({"Condition": "Open"} if condition else {})},
    }), {}, surroundings("123456789012", "us-east-1"))  # fmt: skip
    found = stack.reference("It", attribute)
    assert isinstance(found, Reference)
    assert text(found) == value


@pytest.mark.parametrize(
    ("name", "members", "wanted", "holds"),
    [
        ("Contains", ["a", {"Ref": "Later"}], "a", True),
        ("Contains", ["b", {"Ref": "Later"}], "a", None),
        ("Contains", ["b"], "a", False),
        ("EachMemberIn", ["a", "b"], ["a", "b", "c"], True),
        ("EachMemberIn", ["a", {"Ref": "Later"}], ["a"], None),
        # One that is no member decides, whatever the other is.
        ("EachMemberIn", ["b", {"Ref": "Later"}], ["a"], False),
        ("EachMemberEquals", ["a", "a"], "a", True),
        ("EachMemberEquals", ["a", {"Ref": "Later"}], "a", None),
        ("EachMemberEquals", ["b", {"Ref": "Later"}], "a", False),
    ],
)
def test_a_rule_with_something_unknown_is_decided_where_the_rest_decides(
    name: str, members: Any, wanted: Any, holds: bool | None
) -> None:
    assertion = {"Assert": {f"Fn::{name}": [members, wanted]}, "AssertDescription": "x"}
    stack = resolve(from_data({
        "Parameters": {"Later": {"Type": "String"}},
        "Rules": {"R": {"Assertions": [assertion]}},
        "Resources": {"It": {"Type": "T"}},
    }))  # fmt: skip
    assert [each.holds for each in stack.rules[0].assertions] == [holds]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ssm:/a/b", "stored"), ("ssm:/a/b:3", "pinned"), ("ssm:/a/b3", "stored"),
     ("ssm-secure:/a/b:3", "secret"), ("secretsmanager:s:SecretString:k", "secret")],
)  # fmt: skip
def test_only_a_version_pins_what_parameter_store_has(name: str, kind: str) -> None:
    properties = {"P": f"{{{{resolve:{name}}}}}"}
    stack = resolve(from_data({"Resources": {"It": {"Type": "T", "Properties": properties}}}))
    assert [each.kind for each in stack.unknown] == [kind]


@pytest.mark.parametrize("written", ["true", "True", "FALSE", "false"])
def test_a_text_that_says_true_or_false_is_a_condition_however_it_is_written(written: str) -> None:
    stack = resolve(from_data({
        "Mappings": {"Map": {"k": {"on": written}}},
        "Conditions": {"On": {"Fn::FindInMap": ["Map", "k", "on"]}},
        "Resources": {"It": {"Type": "T", "Condition": "On"}},
    }))  # fmt: skip
    assert not stack.faults
    assert ("It" in stack.resources) is (written.lower() == "true")


def test_without_surroundings_an_arn_keeps_what_is_known() -> None:
    resources = {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs"}}}
    stack = resolve(from_data({"Resources": resources}))
    arn = stack.reference("Q", "Arn")
    assert text(arn) is None
    assert matches(arn, "arn:aws:sqs:us-east-1:123456789012:jobs")
    assert not matches(arn, "arn:aws:sqs:us-east-1:123456789012:other")


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", None),
    ],
)
def test_what_follows_from_the_region(region: str, partition: str, suffix: str | None) -> None:
    found = surroundings(region=region)
    assert found["AWS::Partition"] == partition
    assert found.get("AWS::URLSuffix") == suffix
    assert surroundings() == {}


def test_attributes_of_a_resource_are_resolved_too() -> None:
    body = {
        "Type": "T", "DeletionPolicy": {"Fn::If": ["Fast", "Retain", "Delete"]},
        "UpdateReplacePolicy": "Snapshot", "Metadata": {"a": {"Ref": "Name"}},
        "DependsOn": ["Queue", "Named"], "Condition": "Fast",
    }  # fmt: skip
    data = {**BASE, "Resources": {**BASE["Resources"], "A": body}}
    found = resolve(from_data(data), GIVEN, HERE).resources["A"]
    assert found.deletion_policy == "Retain"
    assert found.update_replace_policy == "Snapshot"
    assert found.metadata == {"a": "n"}
    assert found.depends_on == ("Queue", "Named")
    assert found.body["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize(
    ("kind", "properties", "deleted"),
    [
        ("AWS::RDS::DBCluster", {}, "Snapshot"),
        ("AWS::RDS::DBInstance", {}, "Snapshot"),
        ("AWS::RDS::DBInstance", {"DBClusterIdentifier": "c"}, "Delete"),
        ("AWS::SQS::Queue", {}, "Delete"),
    ],
)
def test_a_database_of_its_own_is_kept_as_a_snapshot_when_it_is_deleted_only(
    kind: str, properties: dict[str, str], deleted: str
) -> None:
    data = {"Resources": {"A": {"Type": kind, "Properties": properties}}}
    found = resolve(from_data(data), {}, HERE).resources["A"]
    assert found.default_policy("DeletionPolicy") == deleted
    assert found.default_policy("UpdateReplacePolicy") == "Delete"


def test_outputs_have_value_export_and_condition() -> None:
    outputs = {
        "One": {"Value": {"Ref": "Name"}, "Export": {"Name": {"Fn::Sub": "${Name}-x"}}},
        "Open": {"Value": 1, "Condition": "Open"},
        "Gone": {"Value": 1, "Condition": "Slow"},
    }
    found = stack_of(1, Outputs=outputs).outputs
    assert (found["One"].value, found["One"].export) == ("n", "n-x")
    assert found["Open"].exists is None
    assert "Gone" not in found
    assert stack_of(1, Outputs=None).outputs == {}


def test_what_a_macro_may_make_is_no_fault() -> None:
    data = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"F": {"Type": "AWS::Serverless::Function"},
                      "P": {"Type": "T", "Properties": {"R": {"Fn::GetAtt": ["FRole", "Arn"]}}}},
    }  # fmt: skip
    stack = resolve(from_data(data))
    assert stack.faults == ()
    assert stack.resources["P"].properties["R"].kind == "transform"


def test_hidden_values_are_compared_and_never_shown() -> None:
    def secret(value: str | None) -> Stack:
        values = {} if value is None else {"Secret": value}
        body = {"Type": "T", "Properties": {"P": {"Fn::Sub": "x-${Secret}"}}}
        return resolve(from_data({**BASE, "Resources": {"A": body}}), values)

    one, same, other = (secret(each).resources["A"] for each in ("s3cret", "s3cret", "0ther"))
    assert equal(one.properties, same.properties)
    assert not equal(one.properties, other.properties)
    assert "s3cret" not in repr(one)
    assert "s3cret" not in json.dumps(one.body)


# Whatever stands in a template, there is an answer or a Problem.

NAMES = st.sampled_from(
    ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::If", "Fn::Cidr",
     "Fn::FindInMap", "Fn::Base64", "Fn::Length", "Fn::ToJsonString", "Fn::ImportValue", "Fn::And",
     "Fn::Or", "Fn::Not", "Fn::Equals", "Condition", "Fn::ForEach::X", "Fn::Transform",
      "Fn::GetAZs",
     "Fn::GetStackOutput", "Fn::Contains", "Fn::RefAll", "Fn::ValueOf", "a"]
)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers(-2, 40) | st.floats(allow_nan=False, width=16)
    | st.sampled_from(["A", "Name", "Missing", "Subnets", "Tier", "Fast", "Open", "AWS::NoValue",
                       "AWS::Region", "${A}", "${Missing}-x", "a.b", "A.Arn", "", ",", "RegionMap",
                       "10.0.0.0/16", "{{resolve:ssm:x}}", "x" * 30])
)  # fmt: skip
ANYTHING: Any = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES, inner, max_size=1)
        | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=10,
)


@given(ANYTHING, ANYTHING)
@settings(max_examples=examples(100))
def test_there_is_always_an_answer(value: Any, condition: Any) -> None:
    conditions = {**BASE["Conditions"], "It": condition}
    try:
        stack = stack_of(value, Conditions=conditions, Outputs={"O": {"Value": value}})
    except Problem:
        return
    found = stack.resources["A"].properties.get("P")
    json.dumps(plain(found))
    canonical(found)
    assert equal(found, found)
    for each in references(found):
        assert each.logical_id in stack.resources
    stack.line("A", "Properties", "P", 0, "x")


@given(ANYTHING)
@settings(max_examples=examples(60))
def test_a_resource_may_be_anything(value: Any) -> None:
    for data in (
        {"Resources": {"A": value}}, {"Resources": value}, {"Resources": {"Fn::ForEach::X": value}},
        {"Resources": {"A": {"Type": "T", "Condition": value, "DependsOn": value,
                             "Metadata": value, "DeletionPolicy": value}}},
        {**BASE, "Parameters": value}, {**BASE, "Mappings": {"RegionMap": value}},
        {**BASE, "Rules": {"R": value}}, {**BASE, "Transform": value}, {**BASE, "Outputs": value},
    ):  # fmt: skip
        try:
            stack = resolve(from_data(data), GIVEN, HERE)
        except Problem:
            continue
        json.dumps(stack.bodies)
        assert stack.unknown is not None


CLOSED: Any = st.recursive(
    st.sampled_from(["a", "b,c", 1, True, {"Ref": "Name"}, {"Ref": "AWS::Region"}]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"Fn::Join": ["-", items]}),
        inner.map(lambda one: {"Fn::Sub": ["x${V}", {"V": one}]}),
        inner.map(lambda one: {"Fn::Select": [0, [one]]}),
        inner.map(lambda one: {"Fn::If": ["Fast", one, {"Ref": "Missing"}]}),
        inner.map(lambda one: {"Fn::Base64": one}),
    ),
    max_leaves=8,
)


@given(CLOSED)
@settings(max_examples=examples(60))
def test_known_operands_give_known_results(value: Any) -> None:
    assert text(value_of(value)) is not None
