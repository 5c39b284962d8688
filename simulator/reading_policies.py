"""Scaling policies of a scalable target.

Source of the rules on steps: Application Auto Scaling API, StepAdjustment.
"""

from itertools import pairwise
from math import inf
from typing import Any, get_args

from simulator.model import AdjustmentType, Aggregation, Policy, Step
from simulator.resources import Resource, Resources


def read_policies(resources: Resources, target: Resource) -> tuple[list[Policy], list[str]]:
    """The step policies, and notes on those that are not simulated. SimulationError if none is."""
    policies, notes, others = [], [], []
    for each in resources.of_type("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if not _of(each, target):
            continue
        kind = each.get("PolicyType", "StepScaling")
        if kind == "StepScaling":
            policies.append(_policy(each))
        else:
            others.append(kind)
            notes.append(f"{each.name} is a {kind} policy, which is not simulated")
    if not policies:
        why = f"it has only {', '.join(others)}" if others else "it has no policy in this template"
        raise target.error(
            f"{target.name} has no step scaling policy",
            why,
            "Only step scaling is simulated: give a template with a StepScaling policy",
        )
    return policies, notes


def _of(policy: Resource, target: Resource) -> bool:
    """Whether the policy belongs to the target: by reference, or by the same resource id."""
    reference = policy.get("ScalingTargetId")
    if reference is not None:
        return target.refers_to(reference)
    return str(policy.get("ResourceId")) == str(target.get("ResourceId"))


def _policy(resource: Resource) -> Policy:
    body: dict[str, Any] = resource.get("StepScalingPolicyConfiguration", {})
    kind: Any = body.get("AdjustmentType")
    if kind not in get_args(AdjustmentType):
        raise resource.error(
            f"{resource.name} is malformed",
            f"AdjustmentType is {kind!r}",
            f"It is one of {', '.join(get_args(AdjustmentType))}",
        )
    aggregation: Any = body.get("MetricAggregationType") or "Average"
    if aggregation not in get_args(Aggregation):
        raise resource.error(
            f"{resource.name} is malformed",
            f"MetricAggregationType is {aggregation!r}",
            f"It is one of {', '.join(get_args(Aggregation))}",
        )
    cooldown = resource.number(body.get("Cooldown", 300), "Cooldown")
    return Policy(
        name=resource.name,
        adjustment_type=kind,
        steps=_steps(resource, body.get("StepAdjustments") or []),
        cooldown=300 if cooldown is None else cooldown,
        aggregation=aggregation,
        min_adjustment_magnitude=resource.number(
            body.get("MinAdjustmentMagnitude", 0), "MinAdjustmentMagnitude"
        )
        or 0,
        line=resource.line,
    )


def _steps(resource: Resource, written: Any) -> tuple[Step, ...]:
    steps = []
    for each in resource.mappings(written, "StepAdjustments"):
        adjustment = resource.number(each.get("ScalingAdjustment"), "ScalingAdjustment")
        steps.append(
            Step(
                resource.real(each.get("MetricIntervalLowerBound"), "MetricIntervalLowerBound"),
                resource.real(each.get("MetricIntervalUpperBound"), "MetricIntervalUpperBound"),
                adjustment or 0,
            )
        )
    if not steps:
        raise resource.error(f"{resource.name} has no steps", "AWS refuses that", "Add one")
    steps.sort(key=lambda step: -inf if step.lower is None else step.lower)
    for step in steps:
        if _low(step) >= _high(step) or (step.lower is None and step.upper is None):
            raise _wrong(resource, "a step has no range")
    for one, next_one in pairwise(steps):
        if _high(one) != _low(next_one):
            raise _wrong(resource, "the ranges overlap or leave a gap")
    if _low(steps[0]) not in (-inf, 0) and _low(steps[0]) < 0:
        raise _wrong(resource, "a negative lower bound wants a step without lower bound")
    if _high(steps[-1]) != inf and _high(steps[-1]) > 0:
        raise _wrong(resource, "a positive upper bound wants a step without upper bound")
    return tuple(steps)


def _low(step: Step) -> float:
    return -inf if step.lower is None else step.lower


def _high(step: Step) -> float:
    return inf if step.upper is None else step.upper


def _wrong(resource: Resource, why: str) -> Exception:
    return resource.error(
        f"The steps of {resource.name} are impossible", why, "AWS refuses them, too: correct them"
    )
