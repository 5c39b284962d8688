"""What two templates say without AWS, against what AWS itself answered."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.prediction import agreement
from tests.deployer.test_answers import RECORDED, pairs
from tests.reviews import VALUES
from tests.soak import examples
from workerstack.cloudformation.schemas import recreation
from workerstack.cloudformation.values import canonical, differences
from workerstack.review.model import UNKNOWN, PropertyChange, ResourceChange
from workerstack.review.predict import Side, fill, predict, predict_review
from workerstack.review.prediction_functions import Resolved, references, resolve

KNOWN = {"AWS::Region": "us-west-2", "AWS::AccountId": "111122223333"}
TEMPLATE = {
    "Parameters": {
        "Name": {"Type": "String"},
        "Mode": {"Type": "String", "Default": "fast"},
        "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
        "Secret": {"Type": "String", "NoEcho": True},
        "Missing": {"Type": "String"},
    },
    "Mappings": {"Sizes": {"us-west-2": {"small": "256"}}},
    "Conditions": {
        "Fast": {"Fn::Equals": [{"Ref": "Mode"}, "fast"]},
        "Slow": {"Fn::Not": [{"Condition": "Fast"}]},
        "Open": {"Fn::Equals": [{"Ref": "Missing"}, "x"]},
        "Either": {"Fn::Or": [{"Condition": "Open"}, {"Condition": "Fast"}]},
        "Neither": {"Fn::And": [{"Condition": "Open"}, {"Condition": "Slow"}]},
        "Round": {"Condition": "Round"},
    },
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Name"}, "n"),
        ({"Ref": "Mode"}, "fast"),
        ({"Ref": "Subnets"}, ["a", "b"]),
        ({"Ref": "Secret"}, {"Ref": "Secret"}),
        ({"Ref": "Missing"}, {"Ref": "Missing"}),
        ({"Ref": "Queue"}, {"Ref": "Queue"}),
        ({"Fn::GetAtt": "Queue.Arn"}, {"Fn::GetAtt": ["Queue", "Arn"]}),
        ({"Fn::Sub": "${Name}-${AWS::Region}-${!Name}"}, "n-us-west-2-${Name}"),
        ({"Fn::Sub": "a-${Queue.Arn}-${Name}"}, {"Fn::Sub": "a-${Queue.Arn}-n"}),
        ({"Fn::Sub": ["${X}-${Name}", {"X": {"Ref": "Mode"}}]}, "fast-n"),
        (
            {"Fn::Join": ["-", ["a", {"Fn::GetAtt": ["Queue", "Arn"]}, {"Ref": "Name"}]]},
            {"Fn::Sub": "a-${Queue.Arn}-n"},
        ),
        ({"Fn::Join": [",", {"Ref": "Subnets"}]}, "a,b"),
        ({"Fn::Join": ["", [True, 1]]}, "true1"),
        ({"Fn::Select": ["1", {"Ref": "Subnets"}]}, "b"),
        ({"Fn::Select": [7, {"Ref": "Subnets"}]}, {"Fn::Select": [7, ["a", "b"]]}),
        ({"Fn::Split": [",", "x,y"]}, ["x", "y"]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, "256"),
        ({"Fn::FindInMap": ["Sizes", "x", "y", {"DefaultValue": "d"}]}, "d"),
        ({"Fn::FindInMap": ["Sizes", "x", "y"]}, {"Fn::FindInMap": ["Sizes", "x", "y"]}),
        ({"Fn::Base64": "Hello"}, "SGVsbG8="),
        ({"Fn::Length": {"Ref": "Subnets"}}, 2),
        ({"Fn::ToJsonString": {"a": [1]}}, '{"a":[1]}'),
        ({"Fn::If": ["Fast", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Slow", "yes", {"Ref": "Name"}]}, "n"),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::If": ["Neither", 1, 2]}, 2),
        ({"Fn::If": ["Open", 1, {"Ref": "AWS::NoValue"}]},
         {"Fn::If": ["Open", 1, {"Ref": "AWS::NoValue"}]}),
        ({"Fn::If": ["Round", 1, 2]}, {"Fn::If": ["Round", 1, 2]}),
        ({"Fn::ImportValue": {"Fn::Sub": "${Name}-x"}}, {"Fn::ImportValue": "n-x"}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ({"Fn::Sub": {"not": "a text"}}, {"Fn::Sub": {"not": "a text"}}),
    ],
)  # fmt: skip
def test_a_value_is_resolved_as_far_as_it_is_known(value: Any, expected: Any) -> None:
    body = {"Type": "AWS::A::B", "Properties": {"P": value}}
    template = {**TEMPLATE, "Resources": {"A": body}}
    found = resolve(template, {"Name": "n", "Subnets": "a, b", "Secret": "s3cret"}, KNOWN)
    assert found.resources["A"]["Properties"]["P"] == expected
    assert "s3cret" not in str(found)


def test_conditions_decide_which_resources_are_there() -> None:
    kinds = {name: {"Type": "AWS::A::B", "Condition": name} for name in ("Fast", "Slow", "Open")}
    found = resolve({**TEMPLATE, "Resources": kinds}, {}, KNOWN)
    assert set(found.resources) == {"Fast", "Open"}
    assert found.unsettled == {"Open"}
    assert any("Open" in sentence for sentence in found.unknown)


def test_what_only_cloudformation_expands_is_said() -> None:
    loop = {"Fn::ForEach::Topics": ["T", ["a"], {}], "A": {"Type": "AWS::A::B"}}
    found = resolve({"Transform": "AWS::LanguageExtensions", "Resources": loop}, {}, {})
    assert set(found.resources) == {"A"}
    assert len(found.unknown) == 2


@given(VALUES)
@pytest.mark.soak
@settings(max_examples=examples(100))
def test_resolving_twice_is_resolving_once(value: Any) -> None:
    def once(given: Any) -> Any:
        body = {"A": {"Type": "AWS::A::B", "Properties": {"P": given}}}
        return resolve({"Resources": body}, {}, {}).resources["A"]["Properties"].get("P")

    assert once(once(value)) == once(value)


@given(VALUES, VALUES)
@example(False, 0)
@pytest.mark.soak
@settings(max_examples=examples(200))
def test_two_values_differ_where_they_differ(before: Any, after: Any) -> None:
    assert not list(differences(before, before))
    found = list(differences(before, after))
    turned = list(differences(after, before))
    assert len(found) == len(turned)
    # Python holds False to be 0; CloudFormation does not.
    assert all(canonical(each.before) != canonical(each.after) for each in found)


def body(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def test_a_replacement_is_followed_through_what_refers_to_it() -> None:
    before = {
        "Cluster": body("AWS::ECS::Cluster", ClusterName="a"),
        "Service": body("AWS::ECS::Service", Cluster={"Ref": "Cluster"}),
        "Target": body("AWS::ApplicationAutoScaling::ScalableTarget",
                       ResourceId={"Fn::Sub": "service/x/${Service.Name}"}),
        "Alarm": body("AWS::CloudWatch::Alarm", AlarmActions=[{"Ref": "Target"}]),
        "Other": body("AWS::SQS::Queue", QueueName="q"),
    }  # fmt: skip
    after = {**before, "Cluster": body("AWS::ECS::Cluster", ClusterName="b")}
    found = {each.logical_id: each for each in predict(Resolved(before), Resolved(after))}
    assert {name: each.replacement for name, each in found.items()} == {
        "Cluster": "True", "Service": "Conditional", "Target": "Conditional", "Alarm": "False",
    }  # fmt: skip
    [because] = found["Target"].properties
    assert because.causing_entity == "Service.Name"
    assert because.change_source == "ResourceAttribute"
    assert because.after == UNKNOWN
    assert found["Cluster"].policy_action == "ReplaceAndDelete"


@pytest.mark.parametrize(
    ("kind", "names", "answer"),
    [
        ("AWS::SQS::Queue", ("QueueName",), "Always"),
        ("AWS::SQS::Queue", ("VisibilityTimeout",), "Never"),
        ("AWS::ECS::TaskDefinition", ("ContainerDefinitions", "Image"), "Always"),
        ("AWS::ECS::TaskDefinition", ("Tags",), "Never"),
        ("AWS::ECS::Service", ("LaunchType",), "Conditionally"),
        ("AWS::MSK::Replicator", ("ReplicationInfoList", "TargetCompressionType"), "Always"),
        ("AWS::MSK::Replicator", ("ReplicationInfoList", "Other"), "Never"),
        ("Custom::Thing", ("ServiceToken",), "Always"),
        ("Custom::Thing", ("Anything",), "Never"),
        ("Vendor::Thing::X", ("P",), "Conditionally"),
    ],
)
def test_the_provider_schemas_say_what_replaces(kind: str, names: Any, answer: str) -> None:
    assert recreation(kind, names) == answer


def test_numbers_and_texts_that_look_alike_are_no_change() -> None:
    old, new = Resolved({"Q": body("AWS::SQS::Queue", A=1, B=True)}), None
    new = Resolved({"Q": body("AWS::SQS::Queue", A="1", B="true")})
    assert predict(old, new) == ()


def test_removals_and_replacements_say_what_happens_to_the_old_one() -> None:
    kept = {**body("AWS::Logs::LogGroup", LogGroupName="a"), "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain"}  # fmt: skip
    [gone] = predict(Resolved({"L": kept}), Resolved({}))
    assert (gone.action, gone.policy_action) == ("Remove", "Retain")
    new = {**kept, "Properties": {"LogGroupName": "b"}}
    [replaced] = predict(Resolved({"L": kept}), Resolved({"L": new}))
    assert replaced.policy_action == "ReplaceAndRetain"


def test_tags_of_the_stack_reach_what_takes_tags() -> None:
    bodies = {
        "Q": body("AWS::SQS::Queue"),
        "P": body("AWS::Lambda::Permission"),
    }
    found = predict(Resolved(bodies), Resolved(bodies), tags_differ=True)
    assert [(each.logical_id, each.scope) for each in found] == [("Q", ("Tags",))]


def test_a_predicted_review_says_so_and_hides_secrets() -> None:
    def side(default: str) -> Side:
        return Side(
            {
                "Parameters": {"S": {"Type": "String", "NoEcho": "true", "Default": "s3cret"}},
                "Resources": {"Q": body("AWS::SQS::Queue", QueueName=default, K={"Ref": "S"})},
            }
        )

    found = predict_review(side("a"), side("b"), name="old -> new")
    assert found.predicted
    assert found.resources[0].replacement == "True"
    assert "s3cret" not in found.model_dump_json()
    assert {each.id for each in found.findings} == {"replaces-stateful", "secret-not-compared"}
    assert any("nobody was asked" in sentence for sentence in found.unknown)


def test_another_type_under_the_same_id_is_refused() -> None:
    old = Side({"Resources": {"A": body("AWS::SQS::Queue")}})
    new = Side({"Resources": {"A": body("AWS::SNS::Topic")}})
    [notice] = predict_review(old, new, name="x").notices
    assert notice.mode == "FAIL"


def test_values_that_aws_gives_are_kept_and_missing_ones_are_put_in() -> None:
    old = Resolved({"Q": body("AWS::SQS::Queue", A=1, B=1)})
    new = Resolved({"Q": body("AWS::SQS::Queue", A=2, B=2)})
    told = ResourceChange(
        action="Modify", logical_id="Q", type="AWS::SQS::Queue",
        properties=(
            PropertyChange(attribute="Properties", name="A", before="7", values_given=True),
            PropertyChange(attribute="Properties", name="B", causing_entity="P"),
        ),
    )  # fmt: skip
    [found] = fill((told,), old, new)
    assert found.from_templates
    assert found.before == old.resources["Q"]
    assert [(each.before, each.after) for each in found.properties] == [("7", None), (1, 2)]
    assert found.properties[1].causing_entity == "P"
    [same] = fill((told.model_copy(update={"before": {"x": 1}}),), old, new)
    assert not same.from_templates


def test_references_are_found_wherever_they_are() -> None:
    value = [{"Ref": "A"}, {"x": {"Fn::GetAtt": ["B", "C.D"]}}, {"Fn::Sub": "${E}${F.G}${!H}"}]
    assert list(references(value)) == [("A", ""), ("B", "C.D"), ("E", ""), ("F", "G")]


def test_our_recordings_are_predicted_to_the_letter() -> None:
    counted = agreement(detailed for _, detailed in pairs().values())
    assert {name: (each.right, each.all) for name, each in counted.items()} == {
        "action": (9, 9), "replacement": (5, 5), "path": (8, 8), "recreation": (8, 8),
    }  # fmt: skip


@pytest.mark.skipif(not RECORDED.exists(), reason="the many recorded answers are not here")
def test_aws_and_the_prediction_agree() -> None:
    answers = [json.loads(line)["response"] for line in RECORDED.read_text().splitlines()]
    counted = agreement(answers)
    assert counted["action"].right >= 0.95 * counted["action"].all
    assert counted["replacement"].right >= 0.95 * counted["replacement"].all
    assert counted["action"].all > 100


@given(st.lists(st.sampled_from("abc"), max_size=4), st.lists(st.sampled_from("abc"), max_size=4))
def test_lists_lose_and_gain_what_they_lose_and_gain(before: list[str], after: list[str]) -> None:
    found = list(differences({"L": before}, {"L": after}))
    assert bool(found) == (before != after)


SERVICE: dict[str, Any] = {
    "Cluster": "a", "LaunchType": "EC2", "EnableExecuteCommand": False, "ServiceName": "s",
}  # fmt: skip
NEW: dict[str, Any] = {
    "Cluster": "b", "LaunchType": "FARGATE", "EnableExecuteCommand": True, "ServiceName": UNKNOWN,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "replacement"),
    [
        (("EnableExecuteCommand",), "False"),
        (("LaunchType",), "Conditional"),
        (("LaunchType", "EnableExecuteCommand"), "Conditional"),
        (("Cluster",), "True"),
        (("Cluster", "EnableExecuteCommand"), "True"),
        (("Cluster", "LaunchType"), "True"),
        (("ServiceName",), "Conditional"),
        (("ServiceName", "EnableExecuteCommand"), "Conditional"),
        (("ServiceName", "LaunchType"), "Conditional"),
        (("ServiceName", "Cluster"), "True"),
    ],
)
def test_the_worst_of_several_causes_decides(changed: tuple[str, ...], replacement: str) -> None:
    """Sure and forcing, then possible; a cause that replaces nothing takes nothing away."""
    after = {**SERVICE, **{name: NEW[name] for name in changed}}
    bodies = [{"S": body("AWS::ECS::Service", **each)} for each in (SERVICE, after)]
    [found] = predict(Resolved(bodies[0]), Resolved(bodies[1]))
    assert found.replacement == replacement
    assert {each.name for each in found.properties} == set(changed)


@pytest.mark.parametrize("side", ["before", "after"])
def test_what_cannot_be_known_of_either_template_is_said(side: str) -> None:
    queue = body("AWS::SQS::Queue", QueueName="q")
    plain = {"Resources": {"Q": queue}}
    open_ = {
        "Parameters": {"Missing": {"Type": "String"}}, "Transform": "AWS::LanguageExtensions",
        "Conditions": {"Open": {"Fn::Equals": [{"Ref": "Missing"}, "x"]}},
        "Resources": {"Q": queue, "P": {**body("AWS::SNS::Topic"), "Condition": "Open"}},
    }  # fmt: skip
    sides = (Side(open_), Side(plain)) if side == "before" else (Side(plain), Side(open_))
    said = predict_review(*sides, name="x").unknown
    for words in ("Missing", "Open", "nobody was asked"):
        assert any(words in sentence for sentence in said), (words, said)
    assert len(predict_review(Side(plain), Side(plain), name="x").unknown) == 1


ARN: Any = {"Fn::GetAtt": ["Q", "Arn"]}
IMPORT: Any = {"Fn::ImportValue": "zone"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"Fn::Join": ["", ["a-", {"Fn::Join": ["", [IMPORT, "-b"]]}, "-c"]]},
            {"Fn::Join": ["", ["a-", IMPORT, "-b-c"]]},
        ),
        (
            {"Fn::Join": ["", [{"Fn::Join": ["", ["a-", IMPORT]]}, "-", ARN]]},
            {"Fn::Join": ["-", [{"Fn::Join": ["-", ["a", IMPORT]]}, ARN]]},
        ),
        (
            {"Fn::Join": ["", [{"Fn::Sub": "a-${Q.Arn}"}, IMPORT]]},
            {"Fn::Sub": ["a-${Q.Arn}${Zone}", {"Zone": IMPORT}]},
        ),
    ],
)
def test_a_text_that_is_put_together_in_another_way_is_no_change(one: Any, other: Any) -> None:
    bodies = [
        {
            "Resources": {
                "Q": body("AWS::SQS::Queue"),
                "T": body("AWS::SNS::Topic", DisplayName=text),
            }
        }
        for text in (one, other, {"Fn::Join": ["", [other, "x"]]})
    ]
    first, second, another = (resolve(each, {}, KNOWN) for each in bodies)
    assert predict(first, second) == ()
    assert [each.logical_id for each in predict(first, another)] == ["T"]
