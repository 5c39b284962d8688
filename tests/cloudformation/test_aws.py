"""Against AWS itself: whole templates, and what AWS's own change sets said of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deployer.test_change_set_answers import RECORDED
from workerstack.cloudformation import Unknown, from_data, is_known, resolve, unknowns
from workerstack.review.predict import TemplateSide, foresee

PAIRS = RECORDED.with_name("pairs.jsonl")
OWN = Path(__file__).with_name("updates.json")
"""A few updates in the shapes of DescribeChangeSet; the project's own."""


def pairs(file: Path) -> list[Any]:
    if not file.exists():
        return []
    if file.suffix == ".json":
        found: list[Any] = json.loads(file.read_text())
        return found
    return [json.loads(line) for line in file.read_text().splitlines() if line.strip()]


@pytest.mark.skipif(not PAIRS.exists(), reason="the recorded updates are not here")
def test_recorded_templates_are_resolved_without_a_fault() -> None:
    for pair in pairs(PAIRS):
        for side in ("old", "new"):
            stack = resolve(from_data(pair[side]), pair[f"{side}_parameters"], strict=True)
            for each in unknowns([one.properties for one in stack.resources.values()]):
                assert each.kind not in ("malformed", "function"), (pair["id"], each)


@pytest.mark.parametrize(
    "pair", [*pairs(OWN), *pairs(PAIRS)], ids=lambda pair: f"{pair['id']} {pair['source'][-40:]}"
)
def test_what_aws_listed_is_listed(pair: Any) -> None:
    sides = [TemplateSide(pair[side], pair[f"{side}_parameters"]) for side in ("old", "new")]
    found = foresee(*sides, name="x", region="us-east-1")
    ours = {each.logical_id: (each.action, each.replacement) for each in found.review.resources}
    theirs = {
        each["logical_id"]: (
            each["action"],
            each["replacement"] if each["action"] == "Modify" else None,
        )
        for each in pair["changes"]
    }
    assert not ours.keys() - theirs.keys()
    for name, answer in theirs.items():
        assert ours.get(name) == answer or (name not in ours and found.open)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not here")
def test_a_processed_body_is_what_it_resolves_to() -> None:
    """AWS's contexts have everything put in: resolving changes nothing in them."""
    seen = 0
    for line in RECORDED.read_text().splitlines():
        for each in json.loads(line)["response"].get("Changes", ()):
            change = each["ResourceChange"]
            for side in ("BeforeContext", "AfterContext"):
                body = change.get(side)
                if body is None:
                    continue
                body = json.loads(body) if isinstance(body, str) else body
                data = {"Resources": {"A": {**body, "Type": change["ResourceType"]}}}
                stack = resolve(from_data(data), strict=True)
                assert stack.bodies["A"] == data["Resources"]["A"]
                assert is_known(stack.resources["A"].properties) or any(
                    isinstance(one, Unknown) for one in unknowns(stack.resources["A"].properties)
                )
                seen += 1
    assert seen > 50
