"""Names that a template as it is written refers to."""

from workerstack.cloudformation.logical_ids import written_references


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
