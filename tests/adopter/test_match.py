"""What is what: by name, by role, by likeness; and a question where nothing tells."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import examples
from workerstack.adopter import retain_import
from workerstack.adopter.deployed_template import DeployedResource
from workerstack.adopter.match import Matching, match
from workerstack.problem import Refusal

Bodies = dict[str, dict[str, Any]]
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


def resources(
    bodies: Bodies, physical: dict[str, str] | None = None
) -> dict[str, DeployedResource]:
    return {
        name: DeployedResource(name, body["Type"], body, (physical or {}).get(name, ""))
        for name, body in bodies.items()
    }


def body(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def matched(ours: Bodies, theirs: Bodies, physical: dict[str, str] | None = None) -> Matching:
    return match(resources(ours), resources(theirs, physical), {})


def test_a_name_that_only_the_physical_id_shows() -> None:
    kind = "AWS::ECS::Service"
    found = matched(
        {"Service": body(kind, ServiceName="edit")},
        {"A": body(kind, ServiceName={"Ref": "P"}), "B": body(kind, ServiceName={"Ref": "Q"})},
        {"A": "arn:aws:ecs:us-west-2:111122223333:service/c/other",
         "B": "arn:aws:ecs:us-west-2:111122223333:service/c/edit"},
    )  # fmt: skip
    assert [(e.theirs, e.certainty) for e in found.matches] == [("B", "certain")]
    assert found.left == ("A",)


def test_a_name_that_two_have_says_nothing() -> None:
    kind = "AWS::IAM::Role"
    twice = {"A": body(kind, RoleName="r"), "B": body(kind, RoleName="r")}
    found = matched({"Role": body(kind, RoleName="r")}, twice)
    assert not found.matches


@pytest.mark.parametrize(
    ("ours", "theirs", "matches"),
    [
        (["A"], ["X"], 1),
        (["A", "B"], ["X"], 0),
        (["A"], ["X", "Y"], 0),
        (["A", "B"], ["X", "Y"], 0),
    ],
)
def test_what_two_are_as_much_like_is_a_question(
    ours: list[str], theirs: list[str], matches: int
) -> None:
    one = body("AWS::SQS::Queue", VisibilityTimeout=60, DelaySeconds=1)
    found = matched(dict.fromkeys(ours, one), dict.fromkeys(theirs, one))
    assert len(found.matches) == matches
    assert {each.ours for each in found.questions} == (set() if matches else set(ours))


GROUP = "AWS::EC2::SecurityGroup"


def test_one_of_the_same_type_that_nothing_connects_is_not_taken() -> None:
    found = matched(
        {"Group": body(GROUP, GroupDescription="tasks", VpcId="vpc-1", SecurityGroupIngress=[])},
        {"Balancer": body(GROUP, GroupDescription="web", VpcId="vpc-2",
                          SecurityGroupIngress=[{"FromPort": 443, "ToPort": 443}])},
    )  # fmt: skip
    assert (found.new, found.left) == (("Group",), ("Balancer",))


def test_two_at_the_same_place_are_a_question() -> None:
    def service(*groups: str) -> dict[str, Any]:
        refs = [{"Ref": each} for each in groups]
        return body("AWS::ECS::Service", ServiceName="edit", SecurityGroups=refs)

    found = matched(
        {"Service": service("Group"), "Group": body(GROUP, GroupDescription="tasks")},
        {"S": service("One", "Two"), "One": body(GROUP, GroupDescription="1"),
         "Two": body(GROUP, GroupDescription="2")},
    )  # fmt: skip
    [question] = found.questions
    assert question.ours == "Group"
    assert {name for name, _ in question.candidates} == {"One", "Two"}
    assert found.new == ()


@given(st.permutations(["One", "Two", "Three"]))
def test_the_order_of_the_template_does_not_matter(order: list[str]) -> None:
    theirs = {
        "One": body(TARGET, MinCapacity=0, MaxCapacity=5, ResourceId="service/a/b"),
        "Two": body(TARGET, MinCapacity=3, MaxCapacity=4, ResourceId="table/x"),
        "Three": body(TARGET, MinCapacity=7, MaxCapacity=8, ResourceId="table/y"),
    }
    ours = {"Target": body(TARGET, MinCapacity=0, MaxCapacity=5, ResourceId="service/a/b")}
    found = matched(ours, {name: theirs[name] for name in order})
    assert [each.theirs for each in found.matches] == ["One"]


def test_none_is_taken_twice() -> None:
    kind = "AWS::SQS::Queue"
    same = body(kind, VisibilityTimeout=30)
    found = matched({"A": same, "B": same}, {"X": same, "Y": same})
    assert not found.matches
    assert {each.ours for each in found.questions} == {"A", "B"}


# Retained, removed, imported: what refers to a resource meanwhile


TEMPLATE = {
    "Resources": {
        "Log": body("AWS::Logs::LogGroup", LogGroupName="/a"),
        "Role": {
            **body("AWS::IAM::Role", Arn={"Fn::GetAtt": ["Log", "Arn"]}, Other={"Ref": "Task"}),
            "DependsOn": "Log",
        },
        "Task": {
            **body(
                "AWS::ECS::TaskDefinition",
                Group={"Ref": "Log"},
                Text={"Fn::Sub": "${Log} ${!Log} ${Log.Arn} ${Own}"},
                Owned={"Fn::Sub": ["${Log} ${Arn}", {"Log": "x", "Arn": {"Ref": "Log"}}]},
            ),
            "DependsOn": ["Log", "Role"],
        },
    },
    "Outputs": {"Name": {"Value": {"Ref": "Log"}, "Export": {"Name": "n"}}},
}
TOLD = {"AdoptedLogRef": "/a", "AdoptedLogArn": "arn:${/a}"}


def test_a_resource_leaves_and_nothing_else_changes() -> None:
    ready = retain_import.retained(TEMPLATE, ["Log"])
    assert not retain_import.is_retained(TEMPLATE, "Log")
    assert retain_import.is_retained(ready, "Log")
    assert set(ready["Outputs"]) == {"Name", *TOLD}
    assert {n for n in ready["Resources"] if ready["Resources"][n] != TEMPLATE["Resources"][n]} == {
        "Log"
    }
    values = retain_import.known(ready, ["Log"], TOLD)
    gone = retain_import.removed(ready, ["Log"], values)
    assert list(retain_import._references(gone)) == [("Task", ""), ("Own", "")]
    assert gone["Outputs"] == {"Name": {"Value": "/a", "Export": {"Name": "n"}}}
    assert "DependsOn" not in gone["Resources"]["Role"]
    task = gone["Resources"]["Task"]
    assert task["DependsOn"] == ["Role"]
    assert task["Properties"] == {
        "Group": "/a",
        "Text": {"Fn::Sub": "/a ${!Log} arn:${!/a} ${Own}"},
        "Owned": {"Fn::Sub": ["${Log} ${Arn}", {"Log": "x", "Arn": "/a"}]},
    }
    back = retain_import.imported(
        gone, {"LogGroup": retain_import.independent_body(ready, "Log", values)}
    )
    assert back["Resources"]["LogGroup"] == {**TEMPLATE["Resources"]["Log"], **retain_import.RETAIN}


def test_what_it_refers_to_itself_is_known_when_it_comes_back() -> None:
    ready = retain_import.retained(TEMPLATE, ["Role"])
    told = {"AdoptedLogArn": "arn:a", "AdoptedTaskRef": "task:1"}
    values = retain_import.known(ready, ["Role"], told)
    assert retain_import.independent_body(ready, "Role", values)["Properties"] == {
        "Arn": "arn:a", "Other": "task:1",
    }  # fmt: skip
    # Others keep their references to what stays.
    assert retain_import.removed(ready, ["Role"], values)["Resources"]["Task"]["Properties"][
        "Group"
    ] == {"Ref": "Log"}


@settings(max_examples=examples(30))
@given(st.sets(st.sampled_from(["Log", "Role", "Task"]), min_size=1, max_size=2))
def test_whatever_leaves_no_reference_to_it_stays(ids: set[str]) -> None:
    ready = retain_import.retained(TEMPLATE, ids)
    told = {name: f"value of {name}" for name in ready["Outputs"]}
    values = retain_import.known(ready, ids, told)
    gone = retain_import.removed(ready, ids, values)
    assert not [name for name, _ in retain_import._references(gone) if name in ids]
    assert set(gone["Resources"]) == {"Log", "Role", "Task"} - ids
    for name in ids:
        body = retain_import.independent_body(ready, name, values)
        assert {name for name, _ in retain_import._references(body)} <= {"Own"}


@pytest.mark.parametrize(
    ("kind", "physical", "properties", "wanted"),
    [
        ("AWS::Logs::LogGroup", "/a", {}, {"LogGroupName": "/a"}),
        (
            "AWS::ECS::Service", "arn:s", {"Cluster": "c"},
            {"ServiceArn": "arn:s", "Cluster": "c"},
        ),
        (
            TARGET, "service/c/s|ecs:service:DesiredCount|ecs", {},
            {"ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount",
             "ServiceNamespace": "ecs"},
        ),
    ],
)  # fmt: skip
def test_what_an_import_names_a_resource_by(
    kind: str, physical: str, properties: dict[str, Any], wanted: dict[str, str]
) -> None:
    assert retain_import.identifier(kind, physical, properties) == wanted


def test_a_type_that_can_be_neither_refactored_nor_imported() -> None:
    with pytest.raises(Refusal, match="neither refactored nor imported"):
        retain_import.identifier("AWS::IAM::Policy", "x", {})
