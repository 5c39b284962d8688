"""What two templates say without AWS, against what AWS itself answered."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.prediction import agreement
from tests.deployer.test_change_set_answers import RECORDED, pairs
from workerstack.cloudformation import Stack, differences, from_data, read, resolve
from workerstack.cloudformation.schemas import recreation
from workerstack.problem import Problem
from workerstack.review import certain
from workerstack.review.model import UNKNOWN, PropertyChange, ResourceChange
from workerstack.review.predict import TemplateSide, fill, foresee, predict, predict_review


def stack(bodies: Any) -> Stack:
    return resolve(from_data({"Resources": bodies}))


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
    found = {each.logical_id: each for each in predict(stack(before), stack(after))}
    assert {name: each.replacement for name, each in found.items()} == {
        "Cluster": "True", "Service": "True", "Target": "True", "Alarm": "False",
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
    old = stack({"Q": body("AWS::SQS::Queue", A=1, B=True)})
    new = stack({"Q": body("AWS::SQS::Queue", A="1", B="true")})
    assert predict(old, new) == ()


def test_removals_and_replacements_say_what_happens_to_the_old_one() -> None:
    kept = {**body("AWS::Logs::LogGroup", LogGroupName="a"), "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain"}  # fmt: skip
    [gone] = predict(stack({"L": kept}), stack({}))
    assert (gone.action, gone.policy_action) == ("Remove", "Retain")
    new = {**kept, "Properties": {"LogGroupName": "b"}}
    [replaced] = predict(stack({"L": kept}), stack({"L": new}))
    assert replaced.policy_action == "ReplaceAndRetain"


@pytest.mark.parametrize(
    ("kind", "properties", "given", "policy"),
    [
        ("AWS::SQS::Queue", {}, None, "Delete"),
        ("AWS::SQS::Queue", {}, "RetainExceptOnCreate", "Retain"),
        ("AWS::RDS::DBCluster", {}, None, "Snapshot"),
        ("AWS::RDS::DBInstance", {}, None, "Snapshot"),
        ("AWS::RDS::DBInstance", {}, "Delete", "Delete"),
        # Of an instance that is in a cluster none is made; the cluster has its own.
        ("AWS::RDS::DBInstance", {"DBClusterIdentifier": "c"}, None, "Delete"),
        ("AWS::Neptune::DBCluster", {}, None, "Delete"),
    ],
)
def test_a_removal_says_what_holds_where_no_policy_is_given(
    kind: str, properties: Any, given: str | None, policy: str
) -> None:
    one = {**body(kind, **properties), **({"DeletionPolicy": given} if given else {})}
    [gone] = predict(stack({"It": one}), stack({}))
    assert gone.policy_action == policy


@pytest.mark.parametrize(
    ("property_", "replacement", "evaluation"),
    [("ServiceName", "True", "Static"), ("LaunchType", "Conditional", "Dynamic")],
)
def test_what_follows_from_a_replacement_is_as_sure_as_that_is(
    property_: str, replacement: str, evaluation: str
) -> None:
    before = {
        "Service": body("AWS::ECS::Service", **{property_: "FARGATE"}),
        "Target": body("AWS::ApplicationAutoScaling::ScalableTarget",
                       ResourceId={"Fn::Sub": "service/x/${Service.Name}"}),
    }  # fmt: skip
    after = {**before, "Service": body("AWS::ECS::Service", **{property_: "EC2"})}
    found = {each.logical_id: each for each in predict(stack(before), stack(after))}
    assert {name: each.replacement for name, each in found.items()} == {
        "Service": replacement, "Target": replacement,
    }  # fmt: skip
    assert [each.evaluation for each in found["Target"].properties] == [evaluation]


def test_tags_of_the_stack_reach_what_takes_tags() -> None:
    bodies = {
        "Q": body("AWS::SQS::Queue"),
        "P": body("AWS::Lambda::Permission"),
    }
    found = predict(stack(bodies), stack(bodies), tags_differ=True)
    assert [(each.logical_id, each.scope) for each in found] == [("Q", ("Tags",))]


def test_a_predicted_review_says_so_and_compares_secrets_without_showing_them() -> None:
    def side(name: str, secret: str) -> TemplateSide:
        return TemplateSide(
            {
                "Parameters": {"S": {"Type": "String", "NoEcho": "true", "Default": secret}},
                "Resources": {"Q": body("AWS::SQS::Queue", QueueName=name, K={"Ref": "S"})},
            }
        )

    found = predict_review(side("a", "s3cret"), side("b", "0ther"), name="old -> new")
    assert found.predicted
    assert found.resources[0].replacement == "True"
    assert {each.name for each in found.resources[0].properties} == {"QueueName", "K"}
    assert "s3cret" not in found.model_dump_json()
    assert "0ther" not in found.model_dump_json()
    assert {each.id for each in found.findings} == {"replaces-stateful", "no-echo-not-compared"}
    assert any("AWS was not called" in sentence for sentence in found.unknown)
    same = foresee(side("a", "s3cret"), side("a", "s3cret"), name="same")
    assert (same.review.resources, same.review.others, same.open) == ((), (), ())


QUEUE = {"Type": "AWS::SQS::Queue"}
STORED = {"Tier": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/tier"}}
GOLD = {"Gold": {"Fn::Equals": [{"Ref": "Tier"}, "gold"]}}
LOOP = {"Fn::ForEach::Lanes": ["L", {"Ref": "Names"}, {"Q${L}": QUEUE}]}
NAMES = {"Names": {"Type": "CommaDelimitedList"}}


@pytest.mark.parametrize(
    ("before", "after", "actions", "open_"),
    [
        pytest.param({}, {"Conditions": GOLD, "Parameters": STORED,
                          "Resources": {"Q": QUEUE, "A": {**QUEUE, "Condition": "Gold"}}},
                     {"A": "Dynamic"}, "Parameter Store", id="may come"),
        pytest.param({"Conditions": GOLD, "Parameters": STORED,
                      "Resources": {"Q": QUEUE, "A": {**QUEUE, "Condition": "Gold"}}}, {},
                     {"A": "Dynamic"}, None, id="may go"),
        pytest.param({"Parameters": NAMES, "Resources": {**LOOP, "Q": QUEUE}},
                     {"Parameters": NAMES, "Resources": {"Q": QUEUE}}, {}, "Lanes",
                     id="a loop over what is not known"),
        pytest.param({"Parameters": NAMES, "Resources": {**LOOP, "Q": QUEUE}},
                     {"Parameters": NAMES, "Resources": {**LOOP, "Q": QUEUE}}, {}, None,
                     id="the same loop"),
        pytest.param({"Transform": "Mine"}, {"Transform": "Mine", "Globals": {"a": 1}}, {}, "Mine",
                     id="what a macro reads"),
        pytest.param({"Transform": "Mine"}, {"Transform": "Mine"}, {}, None, id="the same macro"),
        pytest.param({"Parameters": STORED, "Outputs": {"O": {"Value": {"Ref": "Tier"}}}},
                     {"Parameters": STORED, "Outputs": {"O": {"Value": {"Ref": "Tier"}}}},
                     {}, None, id="an output alone is no resource"),
        pytest.param({"Resources": {"P": body("T", V="{{resolve:ssm:x}}")}},
                     {"Resources": {"P": body("T", V="{{resolve:ssm:x}}")}}, {}, "P may change",
                     id="stored"),
        pytest.param({"Resources": {"P": body("T", V="{{resolve:ssm:x:3}}")}},
                     {"Resources": {"P": body("T", V="{{resolve:ssm:x:3}}")}}, {}, None,
                     id="stored, of one version"),
        pytest.param({"Resources": {"T": body("AWS::SNS::Topic", DisplayName="a"), "U": body(
                         "AWS::SNS::Topic", DisplayName={"Fn::GetAtt": ["T", "DisplayName"]})}},
                     {"Resources": {"T": body("AWS::SNS::Topic", DisplayName="b"), "U": body(
                         "AWS::SNS::Topic", DisplayName={"Fn::GetAtt": ["T", "DisplayName"]})}},
                     {"T": "Modify", "U": "Modify"}, None, id="an attribute that changes"),
        pytest.param({"Resources": {"Q": body("AWS::SQS::Queue", DelaySeconds=1),
                                    "P": body("T", V={"Fn::GetAtt": ["Q", "Arn"]})}},
                     {"Resources": {"Q": body("AWS::SQS::Queue", DelaySeconds=2),
                                    "P": body("T", V={"Fn::GetAtt": ["Q", "Arn"]})}},
                     {"Q": "Modify", "P": "Modify"}, None, id="an identity that cannot change"),
    ],
)  # fmt: skip
def test_what_is_open_is_said_and_nothing_else(
    before: Any, after: Any, actions: dict[str, str], open_: str | None
) -> None:
    rest = {"Resources": {"Q": QUEUE}}
    found = foresee(TemplateSide({**rest, **before}), TemplateSide({**rest, **after}), name="x")
    assert {each.logical_id: each.action for each in found.review.resources} == actions
    if open_ is None:
        assert found.open == ()
    else:
        assert any(open_ in sentence for sentence in found.open)


ILL = [
    "Resources: {Q: {Type: T, Properties: {A: !If [C, a]}}}",
    "Resources: {Q: {Type: T, Properties: {A: !Ref Nothing}}}",
    "Resources: {Q: {Type: T, Properties: {A: !Sub [a]}}}",
    "Resources: {Q: {Type: T, Properties: {A: !Sub !Ref X}}}",
    "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: [a], Tags: {a: b}}}}",
    "Resources: {Q: {Type: T, Properties: [a]}}",
    "Resources: {Q: {Type: T, Metadata: [a]}}",
    "Resources: {Q: {Type: T, DependsOn: {a: b}}}",
    "Resources: {Q: {Type: T, Condition: {a: b}, DeletionPolicy: [x]}}",
    "Resources: {Q: {Type: 5}}",
    "Resources: {Q: {Properties: {}}}",
    "Resources: {Q: }",
    "Resources: []",
    "{Outputs: , Resources: {Q: {Type: T}}}",
    "{Outputs: {O: {Value: 1, Export: x}}, Resources: {Q: {Type: T}}}",
    "{Outputs: {O: x}, Resources: {Q: {Type: T}}}",
    "{Conditions: [a], Resources: {Q: {Type: T}}}",
    "{Conditions: {C: x}, Resources: {Q: {Type: T}}}",
    "{Mappings: {1: {2: {3: 4}}}, Resources: {Q: {Type: T}}}",
    "{Mappings: {M: x}, Resources: {Q: {Type: T}}}",
    "{Parameters: {P: String}, Resources: {Q: {Type: T}}}",
    "{Rules: {R: {Assertions: x}}, Resources: {Q: {Type: T}}}",
    "{Transform: {Name: [x]}, Resources: {Q: {Type: T}}}",
    "{Transform: 3, Description: {a: b}, Resources: {Q: {Type: T}}}",
    "{Resources: {Fn::ForEach::X: {a: b}, Q: {Type: T}}}",
    "Resources: {R: {Type: AWS::IAM::Role, Properties: {Policies: x,"
    " AssumeRolePolicyDocument: {Statement: [x, 1]}}}}",
    "Resources: {R: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupIngress: x,"
    " SecurityGroupEgress: [y, {CidrIp: [1]}]}}}",
    "Resources: {S: {Type: AWS::ECS::Service, Properties: {DesiredCount: [a], Cluster: {a: b}}}}",
    "Resources: {T: {Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties:"
    " {MinCapacity: x, MaxCapacity: [1], SuspendedState: x}}}",
    "Resources: {A: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmActions: x}}}",
    "Resources: {D: {Type: AWS::ECS::TaskDefinition, Properties: {ContainerDefinitions: {a: b}}}}",
]


@pytest.mark.parametrize("text", ILL)
def test_an_ill_template_has_an_answer_or_one_error(text: str) -> None:
    def side(text: str) -> TemplateSide:
        document = read(text, "x.yaml")
        return TemplateSide(document.data, document=document)

    fine = side("Resources: {Q: {Type: T}}")
    try:
        ill = side(text)
    except Problem as problem:
        refused = problem
    else:
        assert not foresee(ill, ill, name="x").may_change
        foresee(ill, fine, name="x")
        foresee(TemplateSide(), ill, name="x")
        found = foresee(fine, ill, name="x")
        # What CloudFormation would refuse is never `No changes`.
        assert found.may_change or not ill.resolved({}).faults
        return
    assert refused.line == 1


def test_an_output_is_compared_with_its_export_and_its_value() -> None:
    def side(name: str, value: Any = "v") -> TemplateSide:
        output = {"Value": value, "Export": {"Name": name}}
        mapped = {"M": {"a": {"b": name}}}
        return TemplateSide(
            {"Resources": {"Q": QUEUE}, "Outputs": {"O": output}, "Mappings": mapped}
        )

    [renamed] = foresee(side("jobs"), side("team-jobs"), name="x").review.others
    assert "jobs" in str(renamed.before)
    assert "team-jobs" in str(renamed.after)
    mapped = {"Fn::FindInMap": ["M", "a", "b"]}
    assert len(foresee(side("a", mapped), side("b", mapped), name="x").review.others) == 1
    assert not foresee(side("a", mapped), side("a", "a"), name="x").review.others


def test_another_type_under_the_same_id_is_refused() -> None:
    old = TemplateSide({"Resources": {"A": body("AWS::SQS::Queue")}})
    new = TemplateSide({"Resources": {"A": body("AWS::SNS::Topic")}})
    [notice] = predict_review(old, new, name="x").notices
    assert notice.mode == "FAIL"


def test_values_that_aws_gives_are_kept_and_missing_ones_are_put_in() -> None:
    old = stack({"Q": body("AWS::SQS::Queue", A=1, B=1)})
    new = stack({"Q": body("AWS::SQS::Queue", A=2, B=2)})
    told = ResourceChange(
        action="Modify", logical_id="Q", type="AWS::SQS::Queue",
        properties=(
            PropertyChange(attribute="Properties", name="A", before="7", values_given=True),
            PropertyChange(attribute="Properties", name="B", causing_entity="P"),
        ),
    )  # fmt: skip
    [found] = fill((told,), old, new)
    assert found.from_templates
    assert found.before == old.bodies["Q"]
    assert [(each.before, each.after) for each in found.properties] == [("7", None), (1, 2)]
    assert found.properties[1].causing_entity == "P"
    [same] = fill((told.model_copy(update={"before": {"x": 1}}),), old, new)
    assert not same.from_templates


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


def test_what_cannot_change_is_proved_and_what_may_is_not() -> None:
    def sides(attribute: str) -> tuple[TemplateSide, TemplateSide]:
        return tuple(  # type: ignore[return-value]
            TemplateSide({"Resources": {
                "K": body("AWS::SQS::Queue", DelaySeconds=delay),
                "A": body("AWS::SNS::Subscription", Protocol="sqs", TopicArn="arn:t",
                          Endpoint={"Fn::GetAtt": ["K", attribute]}),
            }})
            for delay in (1, 2)
        )  # fmt: skip

    for attribute, can_change in (("Arn", False), ("QueueUrl", False), ("DelaySeconds", True)):
        review = predict_review(*sides(attribute), name="x")
        [row] = [each for each in review.resources if each.logical_id == "A"]
        assert row.replacement == "Conditional"
        assert row.can_change is can_change
        assert row.replaces == ("Conditional" if can_change else "False")
        assert bool(row.properties[0].proof) is not can_change
        assert not review.findings


@pytest.mark.parametrize(
    ("source", "proof"),
    [
        ({"action": "Modify", "replacement": "False"}, True),
        ({"action": "Modify", "replacement": "True"}, False),
        ({"action": "Modify", "replacement": "Conditional"}, False),
        ({"action": "Add"}, False),
        ({"action": "Remove"}, False),
        ({"action": "Dynamic"}, False),
    ],
)
def test_an_arn_proves_something_only_of_what_is_updated_in_place(
    source: dict[str, Any], proof: bool
) -> None:
    cause = PropertyChange(
        attribute="Properties", name="Endpoint", requires_recreation="Always",
        evaluation="Dynamic", change_source="ResourceAttribute", causing_entity="K.Arn",
    )  # fmt: skip
    row = ResourceChange(
        action="Modify", logical_id="A", type="AWS::SNS::Subscription", replacement="Conditional",
        properties=(cause,),
    )  # fmt: skip
    queue = ResourceChange(logical_id="K", type="AWS::SQS::Queue", **source)
    found = {each.logical_id: each for each in certain.proved([row, queue], stack({}), stack({}))}
    assert bool(found["A"].properties[0].proof) is proof


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
    [found] = predict(stack(bodies[0]), stack(bodies[1]))
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
    sides = (
        (TemplateSide(open_), TemplateSide(plain))
        if side == "before"
        else (TemplateSide(plain), TemplateSide(open_))
    )
    said = predict_review(*sides, name="x").unknown
    for words in ("Missing", "Open", "AWS was not called"):
        assert any(words in sentence for sentence in said), (words, said)
    assert len(predict_review(TemplateSide(plain), TemplateSide(plain), name="x").unknown) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"ClusterName": "a"}, True),
        ({"ClusterName": {"Ref": "AWS::NoValue"}}, {"ClusterName": "a"}, True),
        ({"ClusterName": "a"}, {"ClusterName": "b"}, False),
        ({"ClusterName": "a"}, {}, False),
        ({}, {"Tags": [{"Key": "a", "Value": "b"}]}, False),
    ],
)
def test_whether_a_name_is_the_one_that_cloudformation_made_is_not_known_without_aws(
    old: Any, new: Any, *, said: bool
) -> None:
    sides = (
        TemplateSide({"Resources": {"C": body("AWS::ECS::Cluster", **each)}}) for each in (old, new)
    )
    found = [each for each in predict_review(*sides, name="x").unknown if "CloudFormation:" in each]
    assert bool(found) is said
    assert all("whether C has the ClusterName a already" in each for each in found)


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
    first, second, another = (resolve(from_data(each)) for each in bodies)
    assert predict(first, second) == ()
    assert [each.logical_id for each in predict(first, another)] == ["T"]
