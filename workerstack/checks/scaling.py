"""E92xx: a wrong step table, alarm or window cannot be emitted."""

from itertools import pairwise

from workerstack.checks.resolved import Resolved, Resource, mapping, number, sequence
from workerstack.checks.rule import Faults, rule
from workerstack.checks.worker import configuration, is_upward, scaling_alarms
from workerstack.cloudformation.steps import matching, probes, steps_of
from workerstack.cloudformation.values import NO_VALUE, text

STEPS = "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html"
SCALING = "https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html"
MOST_STEPS = 20
METRIC_DELAY = 60
START_LATENCY = 60
DEFAULT_COOLDOWN = 300


@rule("E9201", "Steps without gap or overlap", "For each value one step must be found.", STEPS)
def contiguous_steps(template: Resolved) -> Faults:
    """Each step begins where the one before ends, and at most twenty of them."""
    for policy in template.of("ApplicationAutoScaling::ScalingPolicy"):
        steps = steps_of(configuration(policy))
        path = policy.at("StepScalingPolicyConfiguration", "StepAdjustments")
        if len(steps) > MOST_STEPS:
            yield path, f"{policy.id} has {len(steps)} steps: AWS takes 20. Merge some."
        ordered = sorted(steps, key=lambda step: step.lower if step.lower is not None else -1e9)
        for first, second in pairwise(ordered):
            if first.upper != second.lower or first.upper is None:
                yield (
                    path,
                    f"{policy.id} has a gap or an overlap between {first.upper} and "
                    f"{second.lower}: AWS then finds no step, or two. Let each step begin where "
                    "the one before ends.",
                )


@rule("E9202", "One step for each breach", "No step is an error, and nothing scales.", STEPS)
def one_step_for_each_breach(template: Resolved) -> Faults:
    """Whatever value makes the alarm fire, its policy has exactly one step for it."""
    for alarm, policy, _ in scaling_alarms(template):
        steps = steps_of(configuration(policy))
        upward = is_upward(alarm)
        strict = not str(alarm.properties.get("ComparisonOperator")).endswith("OrEqualToThreshold")
        for distance in probes(steps, upward=upward):
            if strict and distance == 0:
                continue
            found = matching(steps, distance, upward=upward)
            if len(found) != 1:
                yield (
                    policy.at("StepScalingPolicyConfiguration", "StepAdjustments"),
                    f"{policy.id} has {len(found) or 'no'} steps for a value {distance:g} from the "
                    f"threshold of {alarm.id}: AWS wants exactly one. Correct the bounds, which "
                    "count from the threshold.",
                )
                break


@rule("E9207", "Scale-out cooldown", "A shorter one starts two tasks for one message.", SCALING)
def cooldown_outlasts_start(template: Resolved) -> Faults:
    """The cooldown covers the period, the metric's delay and the start of a task."""
    for alarm, policy, metrics in scaling_alarms(template):
        cooldown = number(configuration(policy).get("Cooldown"))
        cooldown = DEFAULT_COOLDOWN if cooldown is None else cooldown
        period = max((number(metric["Period"]) or 0 for metric in metrics), default=0)
        least = period + METRIC_DELAY + START_LATENCY
        if is_upward(alarm) and cooldown < least:
            yield (
                alarm.path,
                f"The cooldown of {policy.id} is {cooldown:g} s: with a period of {period:g} s, a "
                f"metric that is {METRIC_DELAY} s late and a start of {START_LATENCY} s, one "
                f"message would start two tasks. Take at least {least:g} s.",
            )


@rule("E9209", "Sign of each adjustment", "The opposite sign scales the wrong way.", SCALING)
def signs_fit_direction(template: Resolved) -> Faults:
    """Steps above an alarm's threshold add tasks, steps below remove them."""
    for alarm, policy, _ in scaling_alarms(template):
        kind = configuration(policy).get("AdjustmentType")
        if kind != "ChangeInCapacity":
            yield (
                policy.at("StepScalingPolicyConfiguration", "AdjustmentType"),
                f"{policy.id} adjusts by {kind}: an exact or relative capacity stops busy tasks "
                "while the queue drains. Use ChangeInCapacity.",
            )
        for position, step in enumerate(steps_of(configuration(policy))):
            if step.change is not None and (step.change > 0) != is_upward(alarm):
                yield (
                    policy.at("StepScalingPolicyConfiguration", "StepAdjustments", position),
                    f"{policy.id} changes by {step.change:+g} when {alarm.id} fires: that is the "
                    "wrong way. Turn the sign or the alarm.",
                )


@rule("E9210", "Bounds of capacity", "AWS refuses a minimum above the maximum.", SCALING)
def minimum_below_maximum(template: Resolved) -> Faults:
    """The minimum is not above the maximum, whatever the parameters' values."""
    for target in template.of("ApplicationAutoScaling::ScalableTarget"):
        least = number(target.properties.get("MinCapacity"))
        most = number(target.properties.get("MaxCapacity"))
        if least is not None and most is not None and least > most:
            yield (
                target.at("MinCapacity"),
                f"{target.id} has a minimum of {least:g} above its maximum of {most:g}: AWS "
                "refuses that. Change one of them.",
            )


@rule("E9211", "Target, policies and alarms belong together", "Else nothing scales.", SCALING)
def wired_together(template: Resolved) -> Faults:
    """The target names this stack's service; each policy is invoked by one alarm."""
    services = {
        f"service/{cluster}/{name}"
        for service in template.of("ECS::Service")
        for cluster in _same(service, "Cluster")
        for name in (f"${{{service.id}.Name}}", *_same(service, "ServiceName"))
    }
    for target in template.of("ApplicationAutoScaling::ScalableTarget"):
        if str(target.properties.get("ResourceId")) not in services:
            yield (
                target.at("ResourceId"),
                f"{target.id} is not this stack's service: that one would never scale. Write "
                "service/CLUSTER/SERVICE with references.",
            )
    invoked = {policy.id for _, policy, _ in scaling_alarms(template)}
    targets = {
        f"${{{target.id}}}" for target in template.of("ApplicationAutoScaling::ScalableTarget")
    }
    for policy in template.of("ApplicationAutoScaling::ScalingPolicy"):
        if policy.properties.get("PolicyType") != "StepScaling":
            continue
        if policy.id not in invoked:
            yield (
                policy.path,
                f"No alarm invokes {policy.id}: it does nothing. Name it in AlarmActions.",
            )
        if str(policy.properties.get("ScalingTargetId")) not in targets:
            yield (
                policy.at("ScalingTargetId"),
                f"{policy.id} has no scalable target in this stack: it scales nothing here. "
                "Refer to the target.",
            )


def _same(service: Resource, name: str) -> list[str]:
    """A property as it is compared, and the text that it comes to, if that is known."""
    known = text(service.stack.resources[service.id].properties.get(name))
    return [str(service.properties.get(name)), *([known] if known else [])]


@rule("E9212", "One message is enough", "From zero, a waiting message must start a task.", SCALING)
def one_message_starts_a_task(template: Resolved) -> Faults:
    """Where the minimum is zero, scale-out begins at a single message."""
    zero = any(
        number(target.properties.get("MinCapacity")) == 0
        for target in template.of("ApplicationAutoScaling::ScalableTarget")
    )
    for alarm, _, _ in scaling_alarms(template):
        threshold = number(alarm.properties.get("Threshold"))
        if zero and is_upward(alarm) and threshold is not None and threshold > 1:
            yield (
                alarm.at("Threshold"),
                f"{alarm.id} fires from {threshold:g} messages on: with no task running, fewer "
                "would wait for ever. Begin at 1, or run at least one task.",
            )


@rule("E9213", "No dead zone between the alarms", "Else capacity stays where it is.", SCALING)
def alarms_meet(template: Resolved) -> Faults:
    """Scale-in ends right below where scale-out begins."""
    thresholds = {
        is_upward(alarm): (number(alarm.properties.get("Threshold")), alarm)
        for alarm, _, _ in scaling_alarms(template)
    }
    if True in thresholds and False in thresholds:
        (low, alarm), (high, _) = thresholds[False], thresholds[True]
        if low is not None and high is not None and (high <= low or high > low + 1):
            yield (
                alarm.at("Threshold"),
                f"{alarm.id} ends at {low:g} and scale-out begins at {high:g}: between them "
                f"nothing, or both, would happen. Begin scale-out at {low + 1:g}.",
            )


@rule("E9215", "Desired count at creation only", "An update would stop busy workers.", SCALING)
def desired_count_at_creation_only(template: Resolved) -> Faults:
    """A desired count stands under a condition that no update meets."""
    for service in template.of("ECS::Service"):
        given = service.written.get("DesiredCount")
        otherwise = sequence(mapping(given).get("Fn::If"))[2:]
        if given is not None and otherwise != [NO_VALUE]:
            yield (
                service.at("DesiredCount"),
                f"{service.id} has a desired count: each update would reset what scaling has "
                "chosen, and stop running workers. Give it under a condition, at creation only.",
            )
