"""Texts from outside: read with their lines, or refused in one sentence, quickly."""

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import examples
from workerstack.cloudformation import parse, read, read_file, resolve
from workerstack.problem import Problem

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [" + ", ".join([f"*{chr(97 + n)}"] * 10) + "]\n"
    for n in range(9)
)
LINES = """Parameters:
  Name: {Type: String}
Conditions:
  Sure: !Equals [a, a]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub
        - ${Name}-x
        - {A: !Ref Name}
      Tags:
        - !Ref AWS::NoValue
        - Key: one
          Value: !If
            - Sure
            - first
            - second
        - !If [Sure, !Ref AWS::NoValue, {Key: not here}]
        - !If [Sure, {Key: two}, !Ref AWS::NoValue]
        - Key: three
"""


@pytest.mark.parametrize("scalars", ["typed", "text"])
@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        pytest.param(BOMB, 6, "too many values", id="aliases of aliases"),
        pytest.param("a: &a\n  b: *a\n", 2, "no end", id="an alias within itself"),
        pytest.param("a: 1\nb: *c\n", 2, "stands for nothing", id="an alias without an anchor"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "given twice", id="a key twice"),
        pytest.param('{"a": 1,\n "a": 2}', 2, "given twice", id="a key twice in JSON"),
        pytest.param("[" * 5_000, 1, "too deep", id="brackets"),
        pytest.param('{"a":' * 5_000, 1, "too deep", id="braces"),
        pytest.param("- " * 5_000 + "a", 1, "too deep", id="dashes"),
        pytest.param("a: b\n" * 5_000_000, None, "too large", id="20 MB"),
        pytest.param("- a\n" * 200_000, 100_000, "too many values", id="a long list"),
        pytest.param("a: 1\nb: x\x00y", 2, "no text", id="NUL"),
        pytest.param("a: 1\n\x07", 2, "no text", id="a bell"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "several documents", id="two documents"),
        pytest.param("? [a, b]\n: c\n", 1, "key is no text", id="a list as key"),
        pytest.param("a: !!binary aGk=\n", 1, "not known", id="binary"),
        pytest.param("a: !!python/name:os.system x\n", 1, "not known", id="a tag of Python"),
        pytest.param("a: [1, 2\nb: 3\n", 2, "malformed", id="no closing bracket"),
        pytest.param("a: b: c\n", 1, "malformed", id="two colons"),
        pytest.param("a: \ud800", None, "malformed", id="half a character"),
    ],
)
def test_what_cannot_be_read_is_one_error_with_its_line(
    text: str, line: int | None, says: str, scalars: Any
) -> None:
    started = time.process_time()
    with pytest.raises(Problem, match=says) as caught:
        parse(text, "x.yaml", scalars)
    assert caught.value.line == line
    assert caught.value.file == "x.yaml"
    assert "\n" not in str(caught.value)
    assert time.process_time() - started < 2


def test_a_bomb_costs_little_memory() -> None:
    tracemalloc.start()
    with pytest.raises(Problem):
        parse(BOMB, "x.yaml")
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: !GetAtt X.Y.Z", {"a": {"Fn::GetAtt": ["X", "Y.Z"]}}),
        ("a: !GetAtt [X, Y]", {"a": {"Fn::GetAtt": ["X", "Y"]}}),
        ("a: !Ref X", {"a": {"Ref": "X"}}),
        ("a: !Condition X", {"a": {"Condition": "X"}}),
        ("a: !If [C, !Ref A, [1]]", {"a": {"Fn::If": ["C", {"Ref": "A"}, [1]]}}),
        ("a: !Transform {Name: M}", {"a": {"Fn::Transform": {"Name": "M"}}}),
        ("a: 2010-09-09", {"a": "2010-09-09"}),
        ("a: 2026-01-01T00:00:00Z", {"a": "2026-01-01T00:00:00Z"}),
        ("a: '1'\nb: 1\nc: 1.5\nd: yes\ne: ~\nf: ''",
         {"a": "1", "b": 1, "c": 1.5, "d": True, "e": None, "f": ""}),
        ("a: .inf\nb: .nan", {"a": ".inf", "b": ".nan"}),
        ("111122223333: x\nno: y\n1.5: z", {"111122223333": "x", "no": "y", "1.5": "z"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"c": 3, "b": 1}}),
        ('{"a":\t"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("\ufeffa: 1", {"a": 1}),
        ("", None),
    ],
)  # fmt: skip
def test_what_is_read(text: str, data: Any) -> None:
    assert parse(text, "x").data == data


def test_scalars_of_params_stay_text() -> None:
    text = "account: 012345678901\nflag: true\nnone: ~\nlist: [1, 2.0]\n"
    found = parse(text, "x", "text").data
    assert found == {"account": "012345678901", "flag": "true", "none": "~", "list": ["1", "2.0"]}


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_every_value_knows_its_line_and_column(form: str) -> None:
    text = LINES
    if form == "json":
        text = json.dumps(parse(LINES, "x").data, indent=1)
    document = parse(text, "x")

    def check(value: Any, place: tuple[str | int, ...]) -> None:
        line, column = document.position(place)
        written = text.splitlines()[line - 1][column - 1 :]
        if place and isinstance(place[-1], str):
            short = place[-1].removeprefix("Fn::")
            assert written.lstrip('!"').startswith((place[-1], short)), place
        for key, each in (value.items() if isinstance(value, dict) else enumerate(value)
                          if isinstance(value, list) else ()):  # fmt: skip
            check(each, (*place, key))

    check(document.data, ())
    assert document.line(("Resources", "Nothing", "x")) == document.line(("Resources",))


def test_a_resolved_value_leads_back_to_where_it_is_written() -> None:
    stack = resolve(read(LINES, "x"), {"Name": "n"})
    assert stack.resources["Queue"].get("Tags", 0, "Value") == "first"
    assert stack.line("Queue", "Properties", "Tags", 0, "Value") == 17
    tags = stack.resources["Queue"].get("Tags")
    assert [(each["Key"], stack.line("Queue", "Properties", "Tags", at)) for at, each in
            enumerate(tags)] == [("one", 14), ("two", 20), ("three", 21)]  # fmt: skip
    assert stack.line("Queue", "Properties", "QueueName") == 9
    assert stack.line("Queue", "Properties", "Missing") == 8
    assert stack.line("Queue") == 6


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("- 1", None, "not a template"),
        ("", None, "not a template"),
        ("a: 1", None, "not a template"),
        ("Resources: 3", 1, "Resources is no mapping"),
        ("Resources: []", 1, "Resources is no mapping"),
        ("Resources:", 1, "Resources is empty"),
        ("Resources:\n  A: [x]", 2, "A is no mapping"),
        ("Resources:\n  A: {Properties: {}}", 2, "A has no type"),
        ("Resources:\n  A: {Type: [x]}", 2, "A has no type"),
        ("Resources:\n  A:\n    Type: T\n    Properties: [x]", 4, "Properties of A is no mapping"),
        ("Conditions: [a]\nResources: {}", 1, "Conditions is no mapping"),
        ("Resources: {}\nParameters:\n  P: String", 3, "P is no mapping"),
        ("Resources: {}\nOutputs: [x]", 2, "Outputs is no mapping"),
        ("Resources: {}\nOutputs:\n  O: x", 3, "O is no mapping"),
        ("Resources: {}\nMappings:\n  M: x", 3, "M is no mapping"),
        ("Resources:\n  A: !Sub !Ref X", 2, "malformed"),
    ],
)
def test_what_is_no_template(text: str, line: int | None, says: str) -> None:
    with pytest.raises(Problem, match=says) as caught:
        read(text, "x.yaml")
    assert caught.value.line == line


def test_a_file_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    with pytest.raises(Problem, match="No such file"):
        read_file(file)
    with pytest.raises(Problem, match="cannot be read"):
        read_file(tmp_path)
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(Problem, match="no UTF-8") as caught:
        read_file(file)
    assert caught.value.line == 2
    file.write_bytes(b"a" * 20_000_000)
    with pytest.raises(Problem, match="too large"):
        read_file(file)


PARAMETERS = """
Resources: {}
Parameters:
  Plain: {Type: String, Default: 5, Description: d}
  Size: {Type: Number, MinValue: 1, MaxValue: "10"}
  Word: {Type: String, MinLength: 2, MaxLength: 3, AllowedPattern: "[a-z]+"}
  Mode: {Type: String, AllowedValues: [a, true, 1], NoEcho: true}
  Nets: {Type: "List<AWS::EC2::Subnet::Id>"}
  Names: {Type: CommaDelimitedList, Default: [a, b]}
  Tier: {Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /x}
  Odd: {Type: String, AllowedPattern: "(?<n>a)\\\\p{L}", ConstraintDescription: odd}
"""


def test_declared_parameters() -> None:
    found = read(PARAMETERS, "x").parameters
    assert (found["Plain"].default, found["Plain"].description) == ("5", "d")
    assert (found["Size"].least, found["Size"].most) == (1, 10)
    assert found["Mode"].no_echo
    assert found["Mode"].allowed == ("a", "true", "1")
    assert found["Names"].is_list
    assert found["Names"].default == "a,b"
    assert found["Tier"].is_stored
    assert found["Tier"].is_list
    assert not found["Plain"].is_list


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("Plain", "anything", None), ("Size", "5", None), ("Size", "0", "least is 1"),
        ("Size", "11", "most is 10"), ("Size", "x", "number"), ("Word", "ab", None),
        ("Word", "a", "2 characters or more"), ("Word", "abcd", "at most 3"),
        ("Word", "AB", "like"), ("Mode", "true", None), ("Mode", "b", "allowed are"),
        ("Nets", "subnet-0123456789abcdef0", None), ("Nets", "x", "looks like subnet-"),
        ("Tier", "/x/y", None), ("Odd", "anything", None),
    ],
)  # fmt: skip
def test_which_value_is_wrong(name: str, value: str, says: str | None) -> None:
    why = read(PARAMETERS, "x").parameters[name].wrong(value)
    assert why is None if says is None else says in str(why)


@given(st.text(max_size=200) | st.text(alphabet="a:-[]{}&*!|> \n\t'\"#,?<%@`1", max_size=80))
@settings(max_examples=examples(80))
def test_any_text_is_read_or_refused(text: str) -> None:
    scalars: Any
    for scalars in ("typed", "text"):
        refused = "x"
        try:
            parse(text, "x", scalars)
        except Problem as problem:
            refused = str(problem)
        assert refused.startswith("x")


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=examples(60))
def test_json_is_read_as_json(value: Any) -> None:
    assert parse(json.dumps({"v": value}), "x").data == {"v": value}
