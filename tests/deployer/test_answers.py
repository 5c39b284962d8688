"""Change sets recorded from AWS, and made up, are read without loss."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workerstack.deployer import answers
from workerstack.problem import harmless
from workerstack.review.model import Binding, ChangeSet, Review, Where
from workerstack.review.show import text as terminal

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared/change-sets/recorded.jsonl"


def recorded() -> list[Any]:
    if not RECORDED.exists():
        return [pytest.param(None, marks=pytest.mark.skip("the recorded answers are not here"))]
    return [
        pytest.param(each["response"], id=str(number))
        for number, each in enumerate(map(json.loads, RECORDED.read_text().splitlines()))
    ]


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
        resources=answers.read_resources(plain, detailed, {}),
        others=(),
        binding=Binding(
            template=text, template_digest=text, not_bound=(),
            stack_status=text, stack_last_updated=text,
            changes_digest=answers.digest_of_changes(plain),
        ),
    )  # fmt: skip


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


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


@settings(max_examples=200, deadline=None)
@given(ANSWERS)
def test_whatever_a_newer_api_answers_is_kept_and_shown(answer: dict[str, Any]) -> None:
    review = as_review(answer, answer)
    dumped = review.model_dump_json()
    assert Review.model_validate_json(dumped) == review
    text = terminal.render(review, whole=True)
    for raw in answer["Changes"]:
        resource = raw["ResourceChange"]
        assert squeezed(resource.get("LogicalResourceId", "")) in squeezed(text)
        if "NewMember" in resource:
            assert "NewMember" in text
        if "New" in raw:
            assert "New" in text
