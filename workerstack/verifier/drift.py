"""Drift detection: what CloudFormation itself says was changed by hand.

What `verify` compares on its own is in `compare_properties`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation import differences
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.stack import StackDescription
from workerstack.problem import Problem

DRIFTED = ["MODIFIED", "DELETED", "UNKNOWN"]
RUNNING = "DETECTION_IN_PROGRESS"


@dataclass(frozen=True)
class Drift:
    """One property, or a whole resource, that is not as it was deployed."""

    logical_id: str
    type: str
    status: str
    path: str
    deployed: Any
    live: Any


def detect(stack: StackDescription, clients: Clients, clock: Clock) -> list[Drift]:
    """Every difference, by resource; raises Problem where CloudFormation cannot look.

    Types that it cannot look at are not in the answer (user guide: "Resource type support").
    """
    cloudformation = clients("cloudformation")
    _detected(cloudformation, stack, clock)
    pages = _pages(cloudformation, stack)
    return [drift for resource in pages for drift in _differences(resource)]


def _detected(cloudformation: Any, stack: StackDescription, clock: Clock) -> None:
    begun = cloudformation.detect_stack_drift(StackName=stack.id)["StackDriftDetectionId"]
    waits = clock.waits()
    while True:
        found = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
        if found["DetectionStatus"] != RUNNING:
            break
        if not waits.wait():
            raise Problem(
                "Drift detection is still running",
                f"CloudFormation did not finish it in {clock.limit / 3600:g} hours",
                "Run the command again",
            )
    if found["DetectionStatus"] == "DETECTION_FAILED":
        raise Problem(
            "Drift detection failed",
            found.get("DetectionStatusReason", "CloudFormation gives no reason"),
            "Grant the permissions to read what it names, and run the command again",
        )


def _pages(cloudformation: Any, stack: StackDescription) -> Iterator[dict[str, Any]]:
    options: dict[str, Any] = {
        "StackName": stack.id, "StackResourceDriftStatusFilters": DRIFTED,
    }  # fmt: skip
    while True:
        page = cloudformation.describe_stack_resource_drifts(**options)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            break
        options["NextToken"] = page["NextToken"]


def _differences(resource: dict[str, Any]) -> Iterator[Drift]:
    name, kind = resource["LogicalResourceId"], resource["ResourceType"]
    status = resource["StackResourceDriftStatus"]
    if status != "MODIFIED":
        reason = resource.get("DriftStatusReason")
        yield Drift(name, kind, status, "", None, reason)
        return
    told = resource.get("PropertyDifferences", ())
    for each in told:
        expected, actual = (_parsed(each.get(key)) for key in ("ExpectedValue", "ActualValue"))
        found = list(differences(expected, actual))
        for difference in found:
            path = f"{each['PropertyPath']}{difference.pointer}"
            yield Drift(name, kind, status, path, difference.before, difference.after)
        # CloudFormation counts what we hold for equal, such as a list in another order.
        if not found:
            yield Drift(name, kind, status, each["PropertyPath"], expected, actual)
    if not told:
        yield Drift(name, kind, status, "", resource.get("ExpectedProperties"),
                    resource.get("ActualProperties"))  # fmt: skip


def _parsed(value: str | None) -> Any:
    """CloudFormation writes a list or a mapping as JSON; `null` where there is none."""
    if value is None or value == "null":
        return None
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, dict | list) else value
