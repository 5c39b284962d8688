"""Renaming logical ids: there and back is nothing, and nothing but ids changes."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import examples
from workerstack.adopter.rename import rename
from workerstack.cloudformation import read
from workerstack.cloudformation.logical_ids import occurrences, sections
from workerstack.problem import Problem, Refusal

IDS = st.from_regex(r"[A-Z][A-Za-z0-9]{0,7}", fullmatch=True)
PRINTABLE = st.characters(exclude_categories=["C", "Z"], include_characters=" \n")
"""What YAML takes as it is."""

Build = Callable[[Mapping[str, str]], Any]
"""A value as a function of what the resources are called; the oracle of these tests."""

PARAMETER, CONDITION = "TheParameter", "TheCondition"


def same(value: Any) -> Build:
    return lambda _: value


@st.composite
def looks_like_an_id(draw: st.DrawFn, ids: Sequence[str]) -> Build:
    """Texts and keys that hold an id and mean none."""
    name = draw(st.sampled_from(ids))
    return same(
        draw(
            st.sampled_from(
                [
                    name, f"{name}.Arn", "${" + name + "}", {name: name}, [name, "Arn"],
                    {"Ref": PARAMETER}, {"Fn::If": [CONDITION, name, name]},
                    {"Ref": name, "More": 1}, {"Fn::ImportValue": name}, {"Condition": name},
                    {"Fn::FindInMap": [name, name, "x"]}, {"Fn::Sub": "${!" + name + "} " + name},
                    {"Fn::Sub": ["${" + name + "}", {name: "x"}]},
                    {"Fn::Sub": "${" + PARAMETER + "}${AWS::Region}"},
                    {"aws:cdk:path": f"S/{name}"},
                ]
            )
        )
    )  # fmt: skip


@st.composite
def refers(draw: st.DrawFn, ids: Sequence[str]) -> Build:
    """Values that refer to a resource."""
    name, other = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
    builds: list[Build] = [
        lambda n: {"Ref": n[name]},
        lambda n: {"Fn::GetAtt": [n[name], "Arn"]},
        lambda n: {"Fn::GetAtt": f"{n[name]}.Outputs.Arn"},
        lambda n: {"Fn::GetAtt": [n[name], {"Ref": PARAMETER}]},
        lambda n: {"Fn::Sub": "a ${" + n[name] + "} ${!" + name + "} ${" + n[other] + ".Arn}: #"},
        lambda n: {"Fn::Sub": ["${own} ${" + n[name] + "}", {"own": {"Ref": n[other]}}]},
        lambda n: {"Fn::Join": ["", [name, {"Ref": n[name]}]]},
        lambda n: {"Fn::If": [CONDITION, {"Ref": n[name]}, {"Ref": "AWS::NoValue"}]},
        lambda n: {"Fn::Base64": {"Fn::Sub": "line\nof ${" + n[name] + "}\n"}},
    ]
    return draw(st.sampled_from(builds))


@cache  # an example asks for it many times, and to make it takes as long as to draw from it
def values(ids: tuple[str, ...]) -> st.SearchStrategy[Build]:
    def both(inner: st.SearchStrategy[Build]) -> st.SearchStrategy[Build]:
        lists = st.lists(inner, max_size=3).map(lambda each: lambda n: [build(n) for build in each])
        keyed = st.dictionaries(st.sampled_from(["One", "Two", *ids]), inner, max_size=3)
        return lists | keyed.map(lambda each: lambda n: {k: build(n) for k, build in each.items()})

    texts = st.text(PRINTABLE, max_size=9)
    leaves = refers(ids) | looks_like_an_id(ids) | texts.map(same)
    return st.recursive(leaves, both, max_leaves=6)


@st.composite
def templates(draw: st.DrawFn) -> tuple[list[str], Build]:
    ids = draw(st.lists(IDS, min_size=2, max_size=5, unique=True))
    texts = values(tuple(ids))
    bodies = {name: draw(texts) for name in ids}
    extra = {name: draw(texts) for name in ids}
    waits = {name: draw(st.lists(st.sampled_from(ids), max_size=2)) for name in ids}
    single = draw(st.sampled_from(ids))
    output = draw(texts)

    def build(names: Mapping[str, str]) -> Any:
        resources = {
            names[name]: {
                "Type": "AWS::A::B",
                "Condition": CONDITION,
                "Properties": {"P": bodies[name](names)},
                "UpdatePolicy": {"U": extra[name](names)},
                "Metadata": {"M": extra[name](names), "aws:cdk:path": f"Stack/{name}/Resource"},
                "DependsOn": [names[each] for each in waits[name]] or names[single],
            }
            for name in ids
        }
        return {
            "Parameters": {PARAMETER: {"Type": "String", "Default": single}},
            "Conditions": {CONDITION: {"Fn::Equals": [{"Ref": PARAMETER}, single]}},
            "Metadata": {"Ref": single, "Other": {"Ref": single}},
            "Resources": resources,
            "Outputs": {single: {"Value": output(names), "Export": {"Name": single}}},
        }

    return ids, build


class Short(yaml.SafeDumper):
    """YAML with the short forms, as people write it."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def short(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    if len(value) == 1:
        [(name, argument)] = value.items()
        tag = {"Ref": "!Ref", "Fn::GetAtt": "!GetAtt", "Fn::Sub": "!Sub", "Fn::If": "!If"}.get(name)
        if tag and isinstance(argument, str):
            if name == "Fn::Sub" and "\n" in argument:
                return dumper.represent_scalar(tag, argument, style="|")
            return dumper.represent_scalar(tag, argument)
        if tag and isinstance(argument, list):
            return dumper.represent_sequence(tag, argument)
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False)


Short.add_representer(dict, short)

WRITERS: dict[str, Callable[[Any], str]] = {
    "json": lambda data: json.dumps(data, ensure_ascii=False),
    "json in lines": lambda data: json.dumps(data, indent=2, ensure_ascii=False),
    "yaml": lambda data: yaml.dump(data, Dumper=Short, width=30),
    "yaml in long form": lambda data: yaml.safe_dump(data, width=30, allow_unicode=True),
    "yaml in one line": lambda data: yaml.safe_dump(data, default_flow_style=True),
}


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=examples(15))
@given(template=templates(), data=st.data())
def test_the_result_is_what_would_have_been_written(
    writer: str, template: tuple[list[str], Build], data: st.DataObject
) -> None:
    ids, build = template
    before = WRITERS[writer](build({name: name for name in ids}))
    # New names, and old ones of others: exchanged, moved round, kept.
    pool = [*ids, *(f"New{name}" for name in ids)]
    chosen = data.draw(st.permutations(pool))
    names = dict(zip(ids, chosen, strict=False))
    after = rename(before, names)
    assert read(after, "after").data == read(WRITERS[writer](build(names)), "expected").data
    assert rename(after, {new: old for old, new in names.items()}) == before
    known = {*names.values(), PARAMETER}
    for each in occurrences(sections(after, "after")):
        if each.kind in ("key", "whole"):
            assert each.node.value in known or each.node.value.startswith("AWS::")


def test_formatting_and_comments_stay() -> None:
    before = """# Queue is what Queue was.
Resources:
  Queue: # Queue
    Type: AWS::SQS::Queue
  'Policy' :
    Type: AWS::SQS::QueuePolicy
    DependsOn: Queue
    Properties:
      Queues: [ !Ref   Queue, "Queue" , !Ref "Queue"]
      Text: !Sub |
        ${Queue} and ${ Queue.Arn } not ${!Queue} nor Queue
      Folded: !Sub >-
        a
        ${Queue}
      Dotted: !GetAtt 'Queue.Arn'
"""
    assert (
        rename(before, {"Queue": "EditQueue"})
        == """# Queue is what Queue was.
Resources:
  EditQueue: # Queue
    Type: AWS::SQS::Queue
  'Policy' :
    Type: AWS::SQS::QueuePolicy
    DependsOn: EditQueue
    Properties:
      Queues: [ !Ref   EditQueue, "Queue" , !Ref "EditQueue"]
      Text: !Sub |
        ${EditQueue} and ${ EditQueue.Arn } not ${!Queue} nor Queue
      Folded: !Sub >-
        a
        ${EditQueue}
      Dotted: !GetAtt 'EditQueue.Arn'
"""
    )


def test_an_id_that_is_written_with_escapes_is_renamed() -> None:
    before = (
        r'{"Resources": {"\u0041": {"Type": "T", "Properties": '
        r'{"P": {"Fn::Sub": "\u0024{A}"}, "Q": {"Ref": "\u0041"}}}}}'
    )
    assert read(rename(before, {"A": "B"}), "x").data == {
        "Resources": {
            "B": {"Type": "T", "Properties": {"P": {"Fn::Sub": "${B}"}, "Q": {"Ref": "B"}}}
        }
    }


def test_names_of_other_things_stay_though_they_are_spelt_alike() -> None:
    before = """Conditions:
  Queue: !Equals [!Ref Queue, Queue]
Mappings: {Jobs: {Queue: {Queue: Queue}}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Condition: Queue
    Properties: {QueueName: !FindInMap [Jobs, Queue, Queue], P: !If [Queue, Queue, !Ref Queue]}
  Queues:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Sub "${Queues}${Queue}${QueueName}", !ImportValue Queue]}
    Metadata: {aws:cdk:path: Stack/Queue/Resource}
Outputs: {Queue: {Condition: Queue, Value: !GetAtt Queue.Queue, Export: {Name: Queue}}}
"""
    changes = {
        "[!Ref Queue,": "[!Ref Edit,", "\n  Queue:\n    Type": "\n  Edit:\n    Type",
        "!Ref Queue]": "!Ref Edit]", "${Queue}": "${Edit}", "!GetAtt Queue.": "!GetAtt Edit.",
    }  # fmt: skip
    expected = before
    for old, new in changes.items():
        assert expected.count(old) == 1, old
        expected = expected.replace(old, new)
    assert rename(before, {"Queue": "Edit"}) == expected


def test_an_alias_is_renamed_once() -> None:
    before = "Resources: {A: {Type: T, Properties: {P: &it !Ref A, Q: *it, R: [*it]}}}\n"
    after = "Resources: {Long: {Type: T, Properties: {P: &it !Ref Long, Q: *it, R: [*it]}}}\n"
    assert rename(before, {"A": "Long"}) == after


TEMPLATE = """Parameters: {Taken: {Type: String}}
Conditions: {Also: !Equals [a, a]}
Resources: {One: {Type: A}, Two: {Type: A}}
"""


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ({"Three": "Four"}, "There is no resource Three"),
        ({"One": "Two"}, "another resource has that name and keeps it"),
        ({"One": "Taken"}, "a parameter, condition or mapping has that name"),
        ({"One": "Also"}, "a parameter, condition or mapping has that name"),
        ({"One": "Same", "Two": "Same"}, "so would another resource"),
        ({"One": "no-id"}, "'no-id' is no logical id"),
        ({"One": ""}, "'' is no logical id"),
    ],
)
def test_impossible_names_are_refused(names: dict[str, str], what: str) -> None:
    with pytest.raises(Refusal, match=what):
        rename(TEMPLATE, names)


def test_a_parameter_is_no_resource() -> None:
    before = "Parameters: {One: {Type: String}}\nResources: {Two: {Properties: {A: !Ref One}}}\n"
    with pytest.raises(Refusal, match="There is no resource One"):
        rename(before, {"One": "New"})


def test_what_a_macro_makes_cannot_be_renamed() -> None:
    with pytest.raises(Refusal, match="has a transform"):
        rename("Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: B}}\n", {"A": "B"})


def test_a_malformed_template_is_told_with_its_line() -> None:
    with pytest.raises(Problem, match=r"x\.yaml:2: The YAML is malformed"):
        rename("Resources: {\n", {"A": "B"}, "x.yaml")
