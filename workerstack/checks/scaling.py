"""E92xx: step tables, targets and wiring: what Application Auto Scaling refuses or never does."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from workerstack.checks.check import At, Violation, at, check
from workerstack.checks.worker import (
    POLICY,
    SERVICE,
    TARGET,
    alarm_actions,
    configuration,
    definition_of,
    is_open,
    is_upward,
    listed,
    mapping,
    members,
    metrics,
    number,
    protects,
    scaling_alarms,
    service_of,
    target_of,
    truth,
)
from workerstack.cloudformation import Resource, Stack, could_be_equal, is_known, resolve, text
from workerstack.cloudformation.steps import StepBounds, matching, probes, steps_of
from workerstack.problem import Problem

STEPS = "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html"
PUT = "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html"
SCALING = "https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html"
TARGETS = (
    "https://docs.aws.amazon.com/autoscaling/application/APIReference/"
    "API_RegisterScalableTarget.html"
)
PROTECTION = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html"
)
UPDATE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"
MOST_STEPS = 20
METRIC_DELAY = 60
START_LATENCY = 60
DEFAULT_COOLDOWN = 300
DIMENSION = "ecs:service:DesiredCount"


def _steps(policy: Resource) -> list[StepBounds]:
    """The steps of a policy; none where one is not known."""
    given = configuration(policy).get("StepAdjustments")
    return steps_of(configuration(policy)) if is_known(given) else []


@check("E9201", "Steps without gap or overlap", kind="refused", source=STEPS,
       because="For each value one step must be found.")  # fmt: skip
def contiguous_steps(stack: Stack) -> Iterator[Violation]:
    """Each step begins where the one before ends, at most twenty, open where AWS wants it."""
    for policy in stack.of(POLICY):
        steps = _steps(policy)
        name = policy.logical_id
        place = at(policy, "StepScalingPolicyConfiguration", "StepAdjustments")
        if len(steps) > MOST_STEPS:
            yield place.wrong(f"{name} has {len(steps)} steps", "AWS takes 20", "Merge some")
        # AWS takes the steps in any order.
        ordered = sorted(steps, key=lambda step: step.lower if step.lower is not None else -1e9)
        for first, second in pairwise(ordered):
            if first.upper != second.lower or first.upper is None:
                yield place.wrong(
                    f"{name} has a gap or an overlap between {first.upper} and {second.lower}",
                    "AWS then finds no step, or two",
                    "Let each step begin where the one before ends",
                )
        if any(step.lower is None and step.upper is None for step in steps) or any(
            step.lower is not None and step.upper is not None and step.lower >= step.upper
            for step in steps
        ):
            yield place.wrong(
                f"A step of {name} has no range",
                "it needs a lower or an upper bound, the lower one below the upper",
                "Correct the bounds",
            )


@check("E9202", "One step for each breach", kind="never scales", source=STEPS,
       because="No step is an error, and nothing scales.")  # fmt: skip
def one_step_for_each_breach(stack: Stack) -> Iterator[Violation]:
    """Whatever value makes the alarm fire, its policy has exactly one step for it."""
    for alarm, name, policy in alarm_actions(stack):
        operator = text(alarm.get("ComparisonOperator"))
        steps = _steps(policy)
        if name != "AlarmActions" or operator is None or not steps:
            continue
        upward = is_upward(alarm)
        strict = not operator.endswith("OrEqualToThreshold")
        threshold = number(alarm.get("Threshold"))
        for distance in probes(steps, upward=upward):
            # At the threshold itself a strict alarm does not fire, so no step is needed for it.
            if strict and distance == 0:
                continue
            if threshold is not None and threshold + distance < 0:
                continue  # nothing of a queue is below zero
            found = matching(steps, distance, upward=upward)
            if len(found) != 1 and not _is_between_counts(alarm, distance):
                yield at(policy, "StepScalingPolicyConfiguration", "StepAdjustments").wrong(
                    f"{policy.logical_id} has {len(found) or 'no'} steps for a value"
                    f" {distance:g} from the threshold of {alarm.logical_id}",
                    "AWS wants exactly one",
                    "Correct the bounds, which count from the threshold",
                )
                break


def _is_between_counts(alarm: Resource, distance: float) -> bool:
    """Whether no count of messages is so far from the threshold: the maximum is a whole number."""
    threshold = number(alarm.get("Threshold"))
    whole = all(text(each.statistic) in ("Maximum", "Minimum") for each in metrics(alarm))
    return whole and threshold is not None and (threshold + distance) % 1 != 0


@check("E9207", "Scale-out cooldown", kind="costs", source=SCALING,
       because="A shorter one starts two tasks for one message.")  # fmt: skip
def cooldown_outlasts_start(stack: Stack) -> Iterator[Violation]:
    """The cooldown covers the period, the metric's delay and the start of a task."""
    for alarm, policy in scaling_alarms(stack):
        if is_open(configuration(policy).get("Cooldown")):
            continue
        cooldown = number(configuration(policy).get("Cooldown"))
        cooldown = DEFAULT_COOLDOWN if cooldown is None else cooldown
        period = max((number(metric.period) or 0 for metric in metrics(alarm)), default=0)
        # Until then the metric still shows the message that the first task is about to take.
        least = period + METRIC_DELAY + START_LATENCY
        adds = any((step.change or 0) > 0 for step in _steps(policy))
        if is_upward(alarm) and adds and cooldown < least:
            yield at(alarm).wrong(
                f"The cooldown of {policy.logical_id} is {cooldown:g} s",
                f"with a period of {period:g} s, a metric that is {METRIC_DELAY} s late and a"
                f" start of {START_LATENCY} s, one message would start two tasks",
                f"Take at least {least:g} s",
            )


@check("E9209", "Sign of each adjustment", kind="never scales", source=SCALING,
       because="The opposite sign scales the wrong way.")  # fmt: skip
def signs_fit_direction(stack: Stack) -> Iterator[Violation]:
    """Steps above an alarm's threshold add tasks, steps below remove them."""
    for alarm, name, policy in alarm_actions(stack):
        kind = text(configuration(policy).get("AdjustmentType"))
        if kind == "ExactCapacity":
            yield at(policy, "StepScalingPolicyConfiguration", "AdjustmentType").wrong(
                f"{policy.logical_id} adjusts by {kind}",
                "an exact capacity stops busy tasks while the queue drains",
                "Use ChangeInCapacity",
            )
        if name != "AlarmActions" or kind == "ExactCapacity":
            continue
        for position, step in enumerate(_steps(policy)):
            if step.change and (step.change > 0) != is_upward(alarm):
                yield at(
                    policy, "StepScalingPolicyConfiguration", "StepAdjustments", position
                ).wrong(
                    f"{policy.logical_id} changes by {step.change:+g} when {alarm.logical_id}"
                    " fires",
                    "that is the wrong way",
                    "Turn the sign or the alarm",
                )


@check(
    "E9210",
    "Bounds of capacity",
    kind="refused",
    source=TARGETS,
    because="AWS refuses a minimum above the maximum, and a maximum of 0 runs nothing.",
)
def minimum_below_maximum(stack: Stack) -> Iterator[Violation]:
    """The minimum is not above the maximum, which is at least 1; scaling is not suspended."""
    for target in stack.of(TARGET):
        least, most = number(target.get("MinCapacity")), number(target.get("MaxCapacity"))
        if least is not None and most is not None and least > most:
            yield at(target, "MinCapacity").wrong(
                f"{target.logical_id} has a minimum of {least:g} above its maximum of {most:g}",
                "AWS refuses that",
                "Change one of them",
            )
        if most is not None and most < 1:
            yield at(target, "MaxCapacity").wrong(
                f"{target.logical_id} has a maximum of {most:g}",
                "no task can ever be started",
                "Take 1 or more",
            )
        for name, what in SUSPENDED.items():
            if truth(mapping(target.get("SuspendedState")).get(name)) is True:
                yield at(target, "SuspendedState", name).wrong(
                    f"{target.logical_id} has {name}",
                    f"the alarms never {what}",
                    "Take it out",
                )


SUSPENDED = {
    "DynamicScalingOutSuspended": "start a task",
    "DynamicScalingInSuspended": "stop a task, which runs for nothing",
}


@check("E9211", "Target, policies and alarms belong together", kind="never scales", source=SCALING,
       because="Else nothing scales.")  # fmt: skip
def wired_together(stack: Stack) -> Iterator[Violation]:
    """The target names this stack's service, by its desired count; an alarm invokes each policy."""
    services = list(stack.of(SERVICE))
    for target in stack.of(TARGET):
        place, given = at(target, "ResourceId"), target.get("ResourceId")
        if services and service_of(stack, target) is None and not is_open(given):
            yield place.wrong(
                f"{target.logical_id} is not this stack's service",
                "that one would never scale",
                "Write service/CLUSTER/SERVICE with references",
            )
        elif services and _is_in_another_cluster(stack, target):
            yield place.wrong(
                f"{target.logical_id} names the service in another cluster",
                "there is none of that name",
                "Write service/CLUSTER/SERVICE with references",
            )
    invoked = {policy.logical_id for _, policy in scaling_alarms(stack)}
    open_actions = any(
        is_open(alarm.get("AlarmActions")) for alarm in stack.of("AWS::CloudWatch::Alarm")
    )
    for policy in stack.of(POLICY):
        if text(policy.get("PolicyType", default="StepScaling")) != "StepScaling":
            continue
        name = policy.logical_id
        if name not in invoked and not open_actions:
            yield at(policy).wrong(
                f"No alarm invokes {name}", "it does nothing", "Name it in AlarmActions"
            )
        both = "ScalingTargetId" in policy.properties and "ResourceId" in policy.properties
        which = "ScalingTargetId" if "ScalingTargetId" in policy.properties else "ResourceId"
        if both:
            continue
        if target_of(stack, policy) is None and not is_open(policy.get(which)):
            yield at(policy, which).wrong(
                f"{name} has no scalable target in this stack",
                "it scales nothing here",
                "Refer to the target",
            )


def _is_in_another_cluster(stack: Stack, target: Resource) -> bool:
    service = service_of(stack, target)
    whole = text(target.get("ResourceId"))
    if service is None or whole is None or whole.count("/") != 2:  # noqa: PLR2004 - its two slashes
        return False
    given = service.get("Cluster", default="default")
    cluster = stack.referred(given, "AWS::ECS::Cluster")
    name = cluster.get("ClusterName") if cluster is not None else given
    known = text(name)
    return known is not None and known.rpartition("/")[2] != whole.split("/")[1]


@check("E9213", "No dead zone between the alarms", kind="costs", source=SCALING,
       because="Else capacity stays where it is.")  # fmt: skip
def alarms_meet(stack: Stack) -> Iterator[Violation]:
    """Scale-in ends right below the count at which scale-out begins."""
    edges: dict[bool, tuple[int, Resource]] = {}
    for alarm, name, _ in alarm_actions(stack):
        threshold = number(alarm.get("Threshold"))
        operator = text(alarm.get("ComparisonOperator"))
        if name == "AlarmActions" and threshold is not None and operator is not None:
            edges[is_upward(alarm)] = (_first_count(threshold, operator), alarm)
    if True in edges and False in edges:
        (low, alarm), (high, _) = edges[False], edges[True]
        if low >= 0 and high != low + 1:
            yield at(alarm, "Threshold").wrong(
                f"{alarm.logical_id} ends at {low} and scale-out begins at {high}",
                "between them nothing, or both, would happen",
                f"Begin scale-out at {low + 1}",
            )


def _first_count(threshold: float, operator: str) -> int:
    """The count of messages next to the threshold on which an alarm fires."""
    if operator.startswith("Greater"):
        first = -(-threshold // 1)
        is_at = operator.endswith("OrEqualToThreshold") or first != threshold
        return int(first if is_at else first + 1)
    last = threshold // 1
    return int(last if operator.endswith("OrEqualToThreshold") or last != threshold else last - 1)


@check("E9215", "Desired count at creation only", kind="kills work", source=UPDATE, live=False,
       because="An update would stop busy workers.")  # fmt: skip
def desired_count_at_creation_only(stack: Stack) -> Iterator[Violation]:
    """No update of a service that scales sends a desired count."""
    scaled = [service_of(stack, each) for each in stack.of(TARGET)]
    for service in stack.of(SERVICE):
        if service not in scaled:
            continue
        if "DesiredCount" in _at_an_update(stack, service):
            yield at(service, "DesiredCount").wrong(
                f"{service.logical_id} has a desired count",
                "each update would reset what scaling has chosen, and stop running workers",
                "Give it under a condition that holds at creation only, as of ServiceExists",
            )


EXISTS = "ServiceExists"
"""The parameter that says whether a service is there already; deployments set it."""


def _at_an_update(stack: Stack, service: Resource) -> Mapping[str, object]:
    """A service's properties as every update sends them."""
    declared = stack.template.parameters.get(EXISTS)
    if declared is None or text(stack.parameters.get(EXISTS)) == "true":
        return service.properties
    given = {
        name: whole
        for name, value in stack.parameters.items()
        if (whole := text(value)) is not None and not stack.template.parameters[name].is_stored
    }
    try:
        # Resolved once more as an update would be: the condition says what it does only with a
        # value.
        again = resolve(stack.template, {**given, EXISTS: "true"}, stack.surroundings)
    except Problem:
        return service.properties
    found = again.resources.get(service.logical_id)
    return found.properties if found is not None else {}


@check(
    "E9223",
    "A policy has one target",
    kind="refused",
    source=PUT,
    because="CloudFormation refuses both forms, and two policies of one name are one.",
)
def policy_has_one_target(stack: Stack) -> Iterator[Violation]:
    """A policy names its target in one form, and its name is its own."""
    named = list(stack.of(POLICY))
    for policy in named:
        name = policy.logical_id
        if "ScalingTargetId" in policy.properties:
            for each in ("ResourceId", "ScalableDimension", "ServiceNamespace"):
                if each in policy.properties:
                    yield at(policy, each).wrong(
                        f"{name} has ScalingTargetId and {each}",
                        "a policy names its target in one form",
                        f"Remove {each}",
                    )
                    break
    for one, other in ((a, b) for n, a in enumerate(named) for b in named[n + 1 :]):
        targets = target_of(stack, one), target_of(stack, other)
        same = could_be_equal(one.get("PolicyName"), other.get("PolicyName")) is True
        if same and targets[0] is targets[1]:
            yield at(other, "PolicyName").wrong(
                f"{other.logical_id} has the name of {one.logical_id}",
                "on one target the second becomes an update of the first",
                "Give it its own",
            )


@check("E9224", "A step policy is whole", kind="refused", source=PUT,
       because="Application Auto Scaling refuses the policy.")  # fmt: skip
def step_policy_is_whole(stack: Stack) -> Iterator[Violation]:
    """A step policy has steps and a kind of adjustment, and one for each direction."""
    for policy in stack.of(POLICY):
        if text(policy.get("PolicyType", default="StepScaling")) != "StepScaling":
            continue
        given = policy.get("StepScalingPolicyConfiguration")
        if is_open(given) and not isinstance(given, dict):
            continue
        body = mapping(given)
        place = at(policy, "StepScalingPolicyConfiguration")
        if not body:
            yield place.wrong(
                f"{policy.logical_id} has no steps", "a step policy needs them", "Give them"
            )
        elif not listed(body.get("StepAdjustments")) and not is_open(body.get("StepAdjustments")):
            yield place.wrong(f"{policy.logical_id} has no steps", "AWS refuses that", "Add one")
        yield from _odd_steps(policy, body)


def _odd_steps(policy: Resource, body: dict[str, Any]) -> Iterator[Violation]:
    """What of a step configuration goes with nothing else in it."""
    magnitude = number(body.get("MinAdjustmentMagnitude"))
    kind = text(body.get("AdjustmentType"))
    if magnitude is not None and kind not in (None, "PercentChangeInCapacity"):
        yield at(policy, "StepScalingPolicyConfiguration", "MinAdjustmentMagnitude").wrong(
            f"{policy.logical_id} has MinAdjustmentMagnitude with {kind}",
            "it is only for PercentChangeInCapacity",
            "Remove it",
        )
    for position, step in members(body.get("StepAdjustments")):
        if "ScalingAdjustment" not in step:
            yield at(policy, "StepScalingPolicyConfiguration", "StepAdjustments", position).wrong(
                f"A step of {policy.logical_id} changes nothing",
                "ScalingAdjustment is required",
                "Add it",
            )


@check("E9219", "The desired count is scaled", kind="never scales", source=TARGETS,
       because="A service on ECS has one dimension that scales.")  # fmt: skip
def desired_count_is_scaled(stack: Stack) -> Iterator[Violation]:
    """A target that names a service scales its desired count."""
    for target in stack.of(TARGET):
        dimension = text(target.get("ScalableDimension"))
        space = text(target.get("ServiceNamespace"))
        is_known_and_other = None not in (dimension, space) and (dimension, space) != (
            DIMENSION, "ecs",
        )  # fmt: skip
        if is_known_and_other and service_of(stack, target) is not None:
            yield at(target, "ScalableDimension").wrong(
                f"{target.logical_id} scales {dimension} of {space}",
                "of a service on ECS that is ecs:service:DesiredCount",
                f"Write {DIMENSION}, with the namespace ecs",
            )


@check("W9234", "Who protects a busy task is said", kind="kills work", source=PROTECTION,
       because="ECS does not ask a task whether it is busy.", live=False)  # fmt: skip
def protection_is_chosen(stack: Stack) -> Iterator[Violation]:
    """A worker that scales in on its queue declares its protection, or why it has none."""
    watching = [
        policy
        for alarm, policy in scaling_alarms(stack)
        if any(metric.namespace == "AWS/SQS" for metric in metrics(alarm))
    ]
    on_queue = {each.logical_id for each in _definitions(stack, watching)}
    removing = [each for each in stack.of(POLICY) if _removes(each)]
    found = {each.logical_id: each for each in _definitions(stack, removing)}
    for name, task in found.items():
        if name not in on_queue:
            continue
        given = task.metadata.get("Worker")
        declared = mapping(given)
        if is_open(given) or is_open(declared.get("Protection")) or protects(task):
            continue
        place = At(task, ("Metadata", "Worker") if declared else ())
        none = text(declared.get("Protection")) == "none"
        if none and not (text(declared.get("Unprotected")) or "").strip():
            yield place.wrong(
                f"{task.logical_id} declares no protection and no reason",
                "a job is stopped when a message comes as tasks are removed",
                "Say in Unprotected why that does no harm, or choose worker or sidecar",
            )
        elif not none:
            yield place.wrong(
                f"{task.logical_id} does not say who protects a busy task",
                "scale-in stops tasks without asking whether they work",
                "Give Worker a protection, or write Protection into Metadata.Worker: worker,"
                " sidecar, or none and in Unprotected why",
            )


def _definitions(stack: Stack, policies: Iterable[Resource]) -> Iterator[Resource]:
    """The task definitions that these policies scale, as far as they are here."""
    for policy in policies:
        found = definition_of(stack, policy)
        if found is not None:
            yield found


def _removes(policy: Resource) -> bool:
    """Whether a policy can remove tasks."""
    if text(policy.get("PolicyType")) == "TargetTrackingScaling":
        given = mapping(policy.get("TargetTrackingScalingPolicyConfiguration"))
        return truth(given.get("DisableScaleIn", False)) is not True
    exact = text(configuration(policy).get("AdjustmentType")) == "ExactCapacity"
    changes = [step.change for step in _steps(policy) if step.change is not None]
    return any(change <= 0 if exact else change < 0 for change in changes)
