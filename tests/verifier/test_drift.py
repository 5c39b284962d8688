"""Drift is found property by property, and what verifies is told in every format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import boto3
import pytest
from botocore.stub import Stubber

from tests.conftest import Run
from tests.review.test_several import small
from workerstack.commands.verdicts import junit
from workerstack.deployer.clock import Clock
from workerstack.deployer.stack import StackDescription
from workerstack.problem import Problem
from workerstack.verifier import drift
from workerstack.verifier.check import Verdict

STACK = StackDescription("x", "UPDATE_COMPLETE", "arn:aws:cloudformation:us-west-2:1:stack/x/1")


@pytest.fixture
def deployed(command: Run, checkout: Path) -> Path:
    small(checkout, "one")
    file = str(checkout / "r.json")
    assert command("review", "dev/one", "--output", file)[0] == 2
    assert command("execute", file)[0] == 0
    return checkout


@pytest.mark.usefixtures("deployed")
def test_what_was_changed_by_hand_is_shown(command: Run, client: Callable[[str], Any]) -> None:
    code, _, err = command("drift", "dev/one")
    assert (code, "No drift in the resources of dev/one" in err) == (0, True)
    [resource] = client("cloudformation").list_stack_resources(StackName="one")[
        "StackResourceSummaries"
    ]
    client("sqs").set_queue_attributes(
        QueueUrl=resource["PhysicalResourceId"], Attributes={"VisibilityTimeout": "99"}
    )
    code, out, err = command("drift", "dev/one")
    assert code == 2
    assert "Queue (AWS::SQS::Queue) MODIFIED: /VisibilityTimeout" in out
    assert "deployed: 30\n" in out
    assert "live: 99\n" in out
    assert "--revert-drift" in err
    code, out, _ = command("drift", "dev/one", "--format", "json")
    assert json.loads(out)[0]["live"] == "99"


def test_a_stack_that_is_not_there_has_no_drift(command: Run, checkout: Path) -> None:
    small(checkout, "one")
    code, _, err = command("drift", "dev/one")
    assert code == 1
    assert "There is no stack one" in err


def test_a_detection_that_fails_is_said() -> None:
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    status = {
        "StackId": STACK.id, "StackDriftDetectionId": "d", "Timestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    with Stubber(client) as stubber:
        stubber.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"})
        for each in (
            {"DetectionStatus": "DETECTION_IN_PROGRESS"},
            {"DetectionStatus": "DETECTION_FAILED", "DetectionStatusReason": "not allowed"},
        ):
            stubber.add_response("describe_stack_drift_detection_status", {**status, **each})
        with pytest.raises(Problem, match="Drift detection failed: not allowed"):
            drift.detect(STACK, lambda _: client, Clock(sleep=lambda _: None))  # type: ignore[arg-type]


def test_deleted_and_nested_properties_are_told() -> None:
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    common = {"StackId": STACK.id, "ResourceType": "AWS::SQS::Queue",
              "Timestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
    gone = {**common, "LogicalResourceId": "Gone", "StackResourceDriftStatus": "DELETED"}
    changed = {
        **common, "LogicalResourceId": "Role", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{
            "PropertyPath": "/Policies", "DifferenceType": "NOT_EQUAL",
            "ExpectedValue": '{"A": 1, "B": 2}', "ActualValue": '{"A": 1, "B": 3}',
        }],
    }  # fmt: skip
    with Stubber(client) as stubber:
        stubber.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"})
        stubber.add_response(
            "describe_stack_drift_detection_status",
            {"StackId": STACK.id, "StackDriftDetectionId": "d", "DetectionStatus":
             "DETECTION_COMPLETE", "Timestamp": "2026-01-01T00:00:00Z"},
        )  # fmt: skip
        for page in ({"StackResourceDrifts": [gone], "NextToken": "n"},
                     {"StackResourceDrifts": [changed]}):  # fmt: skip
            stubber.add_response("describe_stack_resource_drifts", page)
        found = drift.detect(STACK, lambda _: client, Clock())  # type: ignore[arg-type]
    assert [(each.logical_id, each.path, each.deployed, each.live) for each in found] == [
        ("Gone", "", None, None), ("Role", "/Policies/B", 2, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("30", "99", ("/P", "30", "99")),
        ("30", "null", ("/P", "30", None)),
        ("null", "99", ("/P", None, "99")),
        ('["a"]', '["b"]', ("/P/0", "a", None)),
        ('{"A": 1}', "null", ("/P", {"A": 1}, None)),
        # What differs for CloudFormation only is told as it tells it.
        ('{"A": 1}', '{"A": "1"}', ("/P", {"A": 1}, {"A": "1"})),
        ("not {json", "x", ("/P", "not {json", "x")),
    ],
)
def test_a_property_is_told_with_what_it_was_and_what_it_is(
    expected: str, actual: str, told: tuple[str, Any, Any]
) -> None:
    client: Any = boto3.client("cloudformation", region_name="us-west-2")
    common = {"StackId": STACK.id, "ResourceType": "AWS::SQS::Queue",
              "Timestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
    changed = {
        **common, "LogicalResourceId": "Queue", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [{
            "PropertyPath": "/P", "DifferenceType": "NOT_EQUAL", "ExpectedValue": expected,
            "ActualValue": actual,
        }],
    }  # fmt: skip
    unknown = {**common, "LogicalResourceId": "Other", "StackResourceDriftStatus": "UNKNOWN"}
    with Stubber(client) as stubber:
        stubber.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"})
        stubber.add_response(
            "describe_stack_drift_detection_status",
            {"StackId": STACK.id, "StackDriftDetectionId": "d", "DetectionStatus":
             "DETECTION_COMPLETE", "Timestamp": "2026-01-01T00:00:00Z"},
        )  # fmt: skip
        stubber.add_response(
            "describe_stack_resource_drifts",
            {"StackResourceDrifts": [changed, unknown]},
            {"StackName": STACK.id,
             "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED", "UNKNOWN"]},
        )  # fmt: skip
        found = drift.detect(STACK, lambda _: client, Clock())  # type: ignore[arg-type]
    first, last = found[0], found[-1]
    assert (first.path, first.deployed, first.live) == told
    assert (last.logical_id, last.status) == ("Other", "UNKNOWN")


def test_checks_are_a_junit_report() -> None:
    checks = [
        Verdict("a", "is so", "PASS", "yes"), Verdict("b", "is so", "FAIL", "no\x07 <", "mend"),
        Verdict("c", "is so", "SKIP", "not allowed", "ask"),
    ]  # fmt: skip
    report = Xml.fromstring(junit("dev/one", checks, ["a line"]))  # noqa: S314 - our own
    [suite] = report.iter("testsuite")
    assert [suite.get(each) for each in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    [failure] = suite.iter("failure")
    assert (failure.get("message"), failure.text) == ("no\\x07 <", "next: mend")
    [skipped] = suite.iter("skipped")
    assert skipped.get("message") == "not allowed"
    assert suite.findtext("system-out") == "a line"
