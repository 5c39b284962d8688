"""Each row of the table sees its fault, in any spelling, and keeps silent on its neighbours."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.checks.planted import PLANTED, Planted, edited, emitted
from workerstack.checks import CHECKS, Check, run
from workerstack.cloudformation import from_data, resolve

BY_ID = {check.id: check for check in CHECKS}
Spelling = Callable[[Any, dict[str, Any]], Any]
FUNCTIONS = ("Ref", "Condition")


def asked(check: Check, template: Mapping[str, Any]) -> set[str]:
    return {each.violation.sentence for each in run(resolve(from_data(template)), checks=[check])}


def test_every_row_has_its_fault_and_two_neighbours() -> None:
    assert set(PLANTED) == set(BY_ID)
    assert all(len(each.neighbours) >= 2 for each in PLANTED.values())


@pytest.mark.parametrize(("identifier", "planted"), PLANTED.items(), ids=PLANTED)
def test_the_fault_is_seen_and_its_neighbours_are_not(identifier: str, planted: Planted) -> None:
    check = BY_ID[identifier]
    known = asked(check, emitted(planted.base))
    found = asked(check, edited(planted.base, planted.fault)) - known
    assert found
    for sentence in found:
        what, _, rest = sentence.partition(": ")
        assert what
        assert rest.count(". ") >= 1, f"no advice: {sentence}"
        assert ".." not in sentence
    for number, neighbour in enumerate(planted.neighbours):
        assert asked(check, edited(planted.base, neighbour)) <= known, f"neighbour {number}"


# ---- the same in other spellings


def spelled(template: dict[str, Any], spelling: Spelling) -> dict[str, Any]:
    """A template with every value of its resources' properties written differently."""
    for body in list(template["Resources"].values()):
        body["Properties"] = _walk(body.get("Properties", {}), spelling, template)
    return template


def _walk(value: Any, spelling: Spelling, template: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
            return spelling(value, template)
        return {key: _walk(each, spelling, template) for key, each in value.items()}
    if isinstance(value, list):
        return [_walk(each, spelling, template) for each in value]
    return spelling(value, template)


def as_text(value: Any, _: dict[str, Any]) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def in_a_mapping(value: Any, template: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return value
    values = template.setdefault("Mappings", {}).setdefault("Values", {}).setdefault("All", {})
    name = f"V{len(values)}"
    values[name] = value
    return {"Fn::FindInMap": ["Values", "All", name]}


def under_a_condition(value: Any, template: dict[str, Any]) -> Any:
    template["Parameters"]["Held"] = {"Type": "String", "Default": "yes"}
    template.setdefault("Conditions", {})["IsHeld"] = {"Fn::Equals": [{"Ref": "Held"}, "yes"]}
    return value if value == {"Ref": "AWS::NoValue"} else {"Fn::If": ["IsHeld", value, "other"]}


def by_sub(value: Any, template: dict[str, Any]) -> Any:
    match value:
        case {"Ref": str() as name} if name in template["Resources"]:
            return {"Fn::Sub": f"${{{name}}}"}
        case {"Fn::GetAtt": [str() as name, str() as attribute]}:
            return {"Fn::Sub": f"${{{name}.{attribute}}}"}
        case str():
            return {"Fn::Join": ["", [value]]}
    return value


def as_parameters(value: Any, template: dict[str, Any]) -> Any:
    if not isinstance(value, str) or "{{" in value or not value:
        return value
    name = f"P{len(template['Parameters'])}"
    template["Parameters"][name] = {"Type": "String", "Default": value}
    return {"Ref": name}


SPELLINGS: dict[str, Spelling] = {
    "numbers as text": as_text,
    "mapping": in_a_mapping,
    "condition": under_a_condition,
    "sub": by_sub,
    "parameters": as_parameters,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("base", ["webordinary-edit", "thumbnails"])
def test_what_is_emitted_is_the_same_in_every_spelling(base: str, spelling: str) -> None:
    known = {each.check.id for each in run(resolve(from_data(emitted(base))))}
    found = run(resolve(from_data(spelled(emitted(base), SPELLINGS[spelling]))))
    assert {each.check.id for each in found} == known, [each.violation.sentence for each in found]


ONLY_SO = {("E9215", "condition"), ("E9432", "parameters")}
"""A desired count under a condition is what the check asks for; what has a default is no secret."""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_fault_is_seen_in_every_spelling(spelling: str) -> None:
    missed = [
        identifier
        for identifier, planted in PLANTED.items()
        if (identifier, spelling) not in ONLY_SO
        and not asked(
            BY_ID[identifier],
            spelled(edited(planted.base, planted.fault), SPELLINGS[spelling]),
        )
    ]
    assert not missed


def test_a_resource_may_ignore_a_check() -> None:
    template = edited("webordinary-edit", PLANTED["E9313"].fault)
    assert asked(BY_ID["E9313"], template)
    config = {"cfn-lint": {"config": {"ignore_checks": ["E9313"]}}}
    template["Resources"]["TaskDefinition"].setdefault("Metadata", {}).update(config)
    assert not asked(BY_ID["E9313"], template)


def test_policies_as_json_text_are_read() -> None:
    template = edited("webordinary-edit", PLANTED["E9404"].fault)
    for policy in template["Resources"]["TaskRole"]["Properties"].get("Policies", []):
        found = [
            each
            for each in policy["PolicyDocument"]["Statement"]
            if each["Action"] == "iam:PassRole"
        ]
        policy["PolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": found})
    assert asked(BY_ID["E9404"], template)
