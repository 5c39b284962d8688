"""Findings on step scaling: turned off, or changed so that a policy has nothing to match."""

from collections.abc import Iterator, Mapping
from typing import Any

from workerstack.cloudformation.steps import is_upward, matching, probes, steps_of
from workerstack.review.case import Bodies, Body, Case, properties
from workerstack.review.model import Finding

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
SERVICE = "AWS::ECS::Service"
TOUCHING = frozenset({"GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold"})
FAR = 1e9


def _of(bodies: Bodies, kind: str) -> dict[str, Body]:
    return {name: body for name, body in bodies.items() if body.get("Type") == kind}


def _changed(case: Case, *kinds: str) -> bool:
    return any(True for _ in case.changes(*kinds))


def off(case: Case) -> Iterator[Finding]:
    """Nothing scales any more what scaled before: no target, no policy, no alarm, no range."""
    if _changed(case, TARGET, POLICY) and _of(case.after, SERVICE):
        for kind, words in ((TARGET, "scalable target"), (POLICY, "scaling policy")):
            if _of(case.before, kind) and not _of(case.after, kind):
                removed = [change.logical_id for change in case.changes(kind, action="Remove")]
                yield _off(
                    ", ".join(removed) or words,
                    f"the stack loses its last {words}",
                    "the service keeps the tasks that it has, whatever the queue holds",
                )
    for change in case.changes(TARGET):
        if change.action != "Remove":
            yield from _range(
                change.logical_id, properties(change.before), properties(change.after)
            )
    for change in case.changes(ALARM, action="Modify"):
        before, after = properties(change.before), properties(change.after)
        if _acts(before) and not _acts(after):
            yield _off(
                change.logical_id,
                f"{change.logical_id} no longer acts",
                "its actions are turned off or empty, so its policy is never invoked",
            )


def _off(logical_id: str, what: str, why: str) -> Finding:
    return Finding(
        id="scaling-off",
        level="blocking",
        logical_id=logical_id,
        what=what,
        why=why,
        next_step="Keep it, or delete the service as well",
    )


def _acts(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm.get("AlarmActions")) and str(alarm.get("ActionsEnabled", "true")) in (
        "true",
        "True",
    )


def _range(
    logical_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Finding]:
    least, most = _number(after.get("MinCapacity")), _number(after.get("MaxCapacity"))
    if before == after or least is None or most is None:
        return
    if most <= least:
        yield _off(
            logical_id,
            f"Scaling is off: {logical_id} allows {least:g} to {most:g} tasks",
            "no policy can change the number of tasks",
        )
    suspended = after.get("SuspendedState")
    stopped = [
        name for name, value in dict(suspended or {}).items() if str(value).lower() == "true"
    ]
    if stopped and before.get("SuspendedState") != suspended:
        yield _off(
            logical_id,
            f"{logical_id} suspends {', '.join(sorted(stopped))}",
            "while suspended, nothing scales, and missed scaling is not repeated later",
        )


def mismatch(case: Case) -> Iterator[Finding]:
    """An alarm can breach by an amount for which its policy has no step."""
    if not _changed(case, POLICY, ALARM):
        return
    changed = {change.logical_id for change in case.changes(POLICY, ALARM)}
    policies = _of(case.after, POLICY)
    for name, alarm in _of(case.after, ALARM).items():
        given = properties(alarm)
        for action in given.get("AlarmActions") or ():
            policy = action.get("Ref") if isinstance(action, Mapping) else None
            if policy in policies and {name, policy} & changed:
                yield from _uncovered(name, given, str(policy), properties(policies[policy]))
    yield from _orphans(case, policies)


def _uncovered(
    name: str, alarm: Mapping[str, Any], policy: str, given: Mapping[str, Any]
) -> Iterator[Finding]:
    configuration = properties({"Properties": given.get("StepScalingPolicyConfiguration")})
    threshold = _number(alarm.get("Threshold"))
    if not isinstance(configuration.get("StepAdjustments"), list) or threshold is None:
        return
    steps = steps_of(configuration)
    operator = str(alarm.get("ComparisonOperator"))
    upward = is_upward(operator)
    points = [
        at
        # Nearest first, so that the value which is told is the one that comes first in practice.
        for at in sorted(probes(steps, upward=upward, beside=0.5, deep=FAR), key=abs)
        if at or operator in TOUCHING
    ]
    missed = [at for at in points if not matching(steps, at, upward=upward)]
    if missed:
        nothing = len(missed) == len(points)
        yield Finding(
            id="scaling-mismatch",
            level="blocking" if nothing else "warning",
            logical_id=policy,
            what=f"{policy} has no step for "
            + ("anything at which " if nothing else f"{threshold + missed[0]:g}, at which ")
            + f"{name} breaches",
            why=f"its bounds count from the threshold {threshold:g}; without a matching step"
            " the alarm changes nothing",
            next_step="Derive threshold and bounds from one step table",
        )


def _orphans(case: Case, policies: Mapping[str, Body]) -> Iterator[Finding]:
    """Policies that alarms named before and none names now."""

    def named(bodies: Bodies) -> set[str]:
        return {
            action["Ref"]
            for alarm in _of(bodies, ALARM).values()
            for action in properties(alarm).get("AlarmActions") or ()
            if isinstance(action, Mapping) and "Ref" in action
        }

    for policy in sorted((named(case.before) - named(case.after)) & policies.keys()):
        yield _off(policy, f"no alarm names {policy} any more", "the policy is never invoked")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
