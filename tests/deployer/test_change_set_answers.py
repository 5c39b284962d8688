"""Change sets recorded from AWS, and made up, are read without loss."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reviews import leaves
from tests.soak import examples
from workerstack.deployer import change_set_answers as reading
from workerstack.problem import harmless
from workerstack.review.model import Binding, ChangeSet, Review, Where
from workerstack.review.show import text as terminal

ROOT = Path(__file__).parents[2]
OURS = ROOT / "tests/recordings/change-sets.json"
RECORDED = ROOT.parent / "shared/change-sets/recorded.jsonl"
Pair = tuple[dict[str, Any], dict[str, Any]]


def pairs() -> dict[str, Pair]:
    """Our own small recordings: the plain answer and the detailed one, by what they show."""
    return {
        each["what"]: (each["plain"], each["detailed"]) for each in json.loads(OURS.read_text())
    }


def answers() -> dict[str, dict[str, Any]]:
    """Ours, and the many that lie beside the checkout where somebody put them."""
    found = {
        f"{what}, {form}": answer
        for what, pair in pairs().items()
        for form, answer in zip(("plain", "detailed"), pair, strict=True)
    }
    lines = RECORDED.read_text().splitlines() if RECORDED.exists() else []
    return found | {str(n): json.loads(line)["response"] for n, line in enumerate(lines)}


def recorded() -> list[Any]:
    return [pytest.param(answer, id=name) for name, answer in answers().items()]


def as_review(plain: dict[str, Any], detailed: dict[str, Any]) -> Review:
    text = "x"
    return Review(
        where=Where(
            deployment="dev/x", account=text, region="us-west-2", caller=text, stack_name=text,
            stack_id="arn:aws:cloudformation:us-west-2:111122223333:stack/x/1",
        ),
        change_set=ChangeSet(
            arn=text, name=text, type="UPDATE", created=text, status=text, execution_status=text
        ),
        resources=reading.read_resources(plain, detailed, {}),
        others=(),
        binding=Binding(
            template=text, template_digest=text, not_bound=(),
            stack_status=text, stack_last_updated=text,
            changes_digest=reading.digest_of_changes(plain),
        ),
    )  # fmt: skip


CONTEXTS = ("BeforeContext", "AfterContext", "PreviousDeploymentContext")


@pytest.mark.parametrize("answer", recorded())
def test_a_recorded_answer_is_read_without_loss(answer: dict[str, Any]) -> None:
    review = as_review(answer, answer)
    changes = answer.get("Changes", [])
    assert len(review.resources) == len(changes)
    for change, raw in zip(review.resources, changes, strict=True):
        resource = dict(raw["ResourceChange"])
        for key, name in (("BeforeContext", "before"), ("AfterContext", "after")):
            if key in resource:
                context = resource[key]
                data = json.loads(context) if isinstance(context, str) else context
                assert getattr(change, name) == data
        shown = list(leaves(change.model_dump(mode="json")))
        for leaf in leaves({k: v for k, v in resource.items() if k not in CONTEXTS}):
            assert leaf in shown
        details = resource.get("Details", [])
        assert len(change.properties) == len(details)
        for prop, detail in zip(change.properties, details, strict=True):
            target = detail["Target"]
            assert (prop.path, prop.before, prop.after) == (
                target.get("Path"), target.get("BeforeValue"), target.get("AfterValue"),
            )  # fmt: skip
    assert Review.model_validate_json(review.model_dump_json()) == review
    text = terminal.render(review, whole=True)
    assert all(change.logical_id in text for change in review.resources)


@pytest.mark.parametrize("what", pairs())
def test_two_answers_on_one_change_set_are_put_together(what: str) -> None:
    """Each resource once, each cause once, with its value where the detailed answer has it."""
    plain, detailed = pairs()[what]
    valued = {each["ResourceChange"]["LogicalResourceId"] for each in detailed["Changes"]}
    found = as_review(plain, detailed).resources
    for change, raw in zip(found, plain["Changes"], strict=True):
        resource = raw["ResourceChange"]
        assert (change.logical_id, change.action) == (
            resource["LogicalResourceId"], resource["Action"],
        )  # fmt: skip
        assert len(change.properties) == len(resource["Details"])
        told = change.logical_id in valued
        assert all(each.values_given == told for each in change.properties)
        assert (change.before is not None) == (told and change.action != "Add")
        assert (change.after is not None) == (told and change.action != "Remove")


def test_what_the_detailed_answer_leaves_out_is_still_there() -> None:
    def change(name: str, *details: dict[str, Any]) -> dict[str, Any]:
        return {
            "Type": "Resource",
            "ResourceChange": {
                "Action": "Modify", "LogicalResourceId": name, "ResourceType": "AWS::A::B",
                "Replacement": "True", "Details": list(details),
            },
        }  # fmt: skip

    bare = {"Target": {"Attribute": "Properties", "Name": "Cpu"}, "ChangeSource": "Automatic"}
    other = {"Target": {"Attribute": "Tags"}, "ChangeSource": "DirectModification"}
    valued = {
        "Target": {
            "Attribute": "Properties", "Name": "Cpu", "Path": "/Properties/Cpu",
            "BeforeValue": "1", "AfterValue": "2",
        },
        "ChangeSource": "Automatic",
    }  # fmt: skip
    plain = {"Changes": [change("Kept", bare, other), change("Dropped", bare)]}
    review = as_review(plain, {"Changes": [change("Kept", valued)]})
    kept, dropped = review.resources
    assert [(each.label, each.after) for each in kept.properties] == [
        ("/Properties/Cpu", "2"), ("Tags", None),
    ]  # fmt: skip
    assert dropped.logical_id == "Dropped"
    assert not dropped.properties[0].values_given
    assert "value not given" in terminal.render(review, whole=True)


def squeezed(text: str) -> str:
    """Without what wrapping changes, and as it is made visible."""
    return "".join(harmless(text).split())


TEXT = st.text(max_size=12)
DETAILS = st.fixed_dictionaries(
    {},
    optional={
        "Target": st.fixed_dictionaries(
            {},
            optional={
                "Attribute": TEXT, "Name": TEXT, "Path": TEXT, "BeforeValue": TEXT,
                "AfterValue": TEXT, "RequiresRecreation": TEXT, "NewMember": TEXT,
            },
        ),
        "Evaluation": TEXT, "ChangeSource": TEXT, "CausingEntity": TEXT, "NewMember": TEXT,
    },
)  # fmt: skip
RESOURCES = st.fixed_dictionaries(
    {},
    optional={
        "Action": st.sampled_from(["Add", "Modify", "Remove", "Import", "Dynamic",
                                   "SyncWithActual", "Teleport"]),
        "LogicalResourceId": TEXT, "ResourceType": TEXT, "Replacement": TEXT,
        "PolicyAction": TEXT, "Scope": st.lists(TEXT, max_size=2),
        "Details": st.lists(DETAILS, max_size=4), "BeforeContext": TEXT,
        "AfterContext": st.sampled_from(['{"a": 1}', "[", ""]), "ModuleInfo": st.just({"a": "b"}),
        "NewMember": st.lists(TEXT, max_size=2),
    },
)  # fmt: skip
ANSWERS = st.fixed_dictionaries(
    {
        "Changes": st.lists(
            st.fixed_dictionaries(
                {"ResourceChange": RESOURCES},
                optional={"Type": TEXT, "HookInvocationCount": st.integers(0, 5), "New": TEXT},
            ),
            max_size=6,
        )
    }
)


@settings(max_examples=examples(60))
@given(ANSWERS)
def test_whatever_a_newer_api_answers_is_kept_and_shown(answer: dict[str, Any]) -> None:
    review = as_review(answer, answer)
    dumped = review.model_dump_json()
    assert Review.model_validate_json(dumped) == review
    text = terminal.render(review, whole=True)
    for raw in answer["Changes"]:
        resource = raw["ResourceChange"]
        name = resource.get("LogicalResourceId", "")
        # A line is broken at what is blank, and what is not is made visible.
        written = (squeezed(name), squeezed("".join(name.split())))
        assert any(each in squeezed(text) for each in written)
        if "NewMember" in resource:
            assert "NewMember" in text
        if "New" in raw:
            assert "New" in text


MEMBERS = {
    "Action": "action", "LogicalResourceId": "logical_id", "PhysicalResourceId": "physical_id",
    "ResourceType": "type", "Replacement": "replacement", "PolicyAction": "policy_action",
    "ResourceDriftStatus": "drift_status",
    "ChangeSetId": "nested_change_set", "BeforeContext": "before", "AfterContext": "after",
    "PreviousDeploymentContext": "previous_deployment",
}  # fmt: skip
CAUSE = {
    "ChangeSource": "change_source", "Evaluation": "evaluation", "CausingEntity": "causing_entity",
}  # fmt: skip
PLACE = {
    "Attribute": "attribute", "Name": "name", "Path": "path", "BeforeValue": "before",
    "AfterValue": "after", "RequiresRecreation": "requires_recreation",
    "AttributeChangeType": "change_type", "BeforeValueFrom": "before_from",
    "AfterValueFrom": "after_from",
}  # fmt: skip


def test_each_member_of_an_answer_has_its_place() -> None:
    """The members of CloudFormation's API reference: ResourceChange and its details."""
    target = {name: f"its {name}" for name in PLACE}
    detail = {**{name: f"its {name}" for name in CAUSE}, "Target": target}
    structures = {
        "Scope": ["Properties"], "ModuleInfo": {"TypeHierarchy": "A::B::C::MODULE"},
        "ResourceDriftIgnoredAttributes": [{"Path": "/Properties/A"}],
    }  # fmt: skip
    resource = {**{name: f"its {name}" for name in MEMBERS}, **structures, "Details": [detail]}
    answer = {"Changes": [{"Type": "Resource", "ResourceChange": resource}]}
    [change] = as_review(answer, answer).resources
    assert {name: getattr(change, field) for name, field in MEMBERS.items()} == {
        name: f"its {name}" for name in MEMBERS
    }
    assert change.scope == ("Properties",)
    assert change.module == structures["ModuleInfo"]
    assert list(change.drift_ignored or ()) == structures["ResourceDriftIgnoredAttributes"]
    [cause] = change.properties
    for names in (PLACE, CAUSE):
        assert {name: getattr(cause, field) for name, field in names.items()} == {
            name: f"its {name}" for name in names
        }
    assert (change.extra, cause.extra) == ({}, {})


@pytest.mark.parametrize("member", ["Attribute", "Name", "ChangeSource", "CausingEntity"])
def test_causes_that_differ_in_one_thing_are_two(member: str) -> None:
    """The detailed answer has one of them; the other one must not go with it."""

    def cause(suffix: str) -> dict[str, Any]:
        found = {
            "Target": {"Attribute": "Properties", "Name": "Cpu"},
            "ChangeSource": "ParameterReference", "CausingEntity": "Size",
        }  # fmt: skip
        place = found["Target"] if member in ("Attribute", "Name") else found
        assert isinstance(place, dict)
        place[member] += suffix
        return found

    def answer(*details: dict[str, Any]) -> dict[str, Any]:
        resource = {
            "Action": "Modify", "LogicalResourceId": "It", "ResourceType": "AWS::A::B",
            "Replacement": "False", "Details": list(details),
        }  # fmt: skip
        return {"Changes": [{"Type": "Resource", "ResourceChange": resource}]}

    told, silent = cause(""), cause("2")
    [change] = as_review(answer(told, silent), answer(told)).resources
    assert len(change.properties) == 2
    [same] = as_review(answer(told), answer(told)).resources
    assert len(same.properties) == 1


@pytest.mark.parametrize(
    "context",
    [
        "Infinity", "-Infinity", "NaN", '{"Properties": {"A": Infinity}}', "[NaN]", "1e999",
        '{"Properties": {"A": -1e999}}', '"\\ud800"', '{"\\udfff": 1}', "[" * 400 + "]" * 400,
        "[" * 100_000, "9" * 5000, '{"trunca', "",
    ],
    ids=lambda context: context[:12],
)  # fmt: skip
def test_a_context_that_no_file_can_hold_stays_the_text_that_it_is(context: str) -> None:
    resource = {
        "Action": "Modify", "LogicalResourceId": "It", "ResourceType": "AWS::A::B",
        "BeforeContext": context, "AfterContext": '{"Properties": {"A": [1, 0.5, true, null]}}',
    }  # fmt: skip
    answer = {"Changes": [{"Type": "Resource", "ResourceChange": resource}]}
    review = as_review(answer, answer)
    [change] = review.resources
    assert change.before == context
    assert change.after == {"Properties": {"A": [1, 0.5, True, None]}}
    assert Review.model_validate_json(review.model_dump_json()) == review


def test_what_a_newer_api_answers_may_be_a_date_or_no_number() -> None:
    moment = datetime(2026, 11, 24, 10, tzinfo=UTC)
    target = {"Attribute": "Properties", "Name": "A", "ChangedAt": moment, "Share": float("nan")}
    resource = {
        "Action": "Modify", "LogicalResourceId": "It", "ResourceType": "AWS::A::B",
        "LastChecked": moment, "Details": [{"Target": target, "Since": moment}],
    }  # fmt: skip
    answer = {
        "Changes": [{"Type": "Resource", "ResourceChange": resource}], "ChangeSetId": "x",
        "ChangeSetName": "x", "Status": "CREATE_COMPLETE", "ExpiresAt": moment,
    }  # fmt: skip
    review = as_review(answer, answer)
    assert Review.model_validate_json(review.model_dump_json()) == review
    [change] = review.resources
    assert change.extra == {"LastChecked": str(moment)}
    assert change.properties[0].extra == {
        "Since": str(moment), "ChangedAt": str(moment), "Share": "NaN",
    }  # fmt: skip
    assert reading.read_change_set(answer, "UPDATE").extra == {"ExpiresAt": str(moment)}
