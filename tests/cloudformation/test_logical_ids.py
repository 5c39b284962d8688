"""Names that a template as it is written refers to."""

import pytest

from workerstack.cloudformation.logical_ids import occurrences, sections, written_references


def test_references_are_found_wherever_they_are() -> None:
    value = [
        {"Ref": "A"},
        {"x": {"Fn::GetAtt": ["B", "C.D"]}},
        {"Fn::Sub": "${E}${F.G}${!H}"},
        {"Fn::If": ["C", {"Ref": "I"}, {"Fn::Sub": ["${J}${K}", {"K": {"Ref": "L"}}]}]},
    ]
    assert list(written_references(value)) == [
        ("A", ""), ("B", "C.D"), ("E", ""), ("F", "G"), ("I", ""), ("J", ""), ("L", ""),
    ]  # fmt: skip


def test_what_is_no_reference_is_passed_over() -> None:
    odd = [{"Ref": ["A"]}, {"Fn::GetAtt": []}, {"Fn::GetAtt": "A.B"}, "Ref", None, 1]
    assert list(written_references(odd)) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("!Ref A", ["A"]),
        ("!GetAtt A.Arn", ["A.Arn"]),
        ("!GetAtt [A, Arn]", ["A"]),
        ("!GetAtt [A, !Ref B]", ["A", "B"]),
        ("{Fn::GetAtt: [A, {Ref: B}]}", ["A", "B"]),
        ("!Sub '${A}-${B.Arn}'", ["${A}-${B.Arn}"]),
        ("!Sub ['${A}-${X}', {X: !GetAtt [B, !Ref C]}]", ["${A}-${X}", "B", "C"]),
        ("!Select [0, [!Ref A, {Ref: B}]]", ["A", "B"]),
    ],
)
def test_each_place_of_an_id_is_found_in_the_text(value: str, found: list[str]) -> None:
    text = f"Resources:\n  It:\n    Type: T\n    Properties:\n      P: {value}\n"
    places = [each.node.value for each in occurrences(sections(text, "x"))]
    assert places == ["It", *found]
