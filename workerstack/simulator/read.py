"""Reads what any CloudFormation template says about scaling.

``read_scaling(text, file, values, target=...)`` takes a text; ``scaling_of(stack, target=...)`` a
template that is resolved already, or a ``Stack`` made of live answers.

Source of the rules on steps: Application Auto Scaling API, StepAdjustment.
"""

from collections.abc import Mapping

from workerstack import cloudformation
from workerstack.cloudformation import Stack
from workerstack.problem import Problem
from workerstack.simulator.custom_metrics import read_custom_metrics
from workerstack.simulator.declaring import read_declared
from workerstack.simulator.leaving_out import notes_on
from workerstack.simulator.model import (
    Declared,
    Scaling,
    ScalingPolicy,
    ScheduledAction,
    Suspended,
)
from workerstack.simulator.properties import Properties, of_type
from workerstack.simulator.quantities import nearest
from workerstack.simulator.read_alarms import AlarmsRead, Customs, read_alarms, read_tracking
from workerstack.simulator.read_service import (
    TARGET,
    find_definition,
    find_own_queue,
    find_service,
    read_policies,
    read_queue,
    read_task,
)

MOST_TASKS = 5_000
"""Tasks of one service (ECS service quotas)."""

DIMENSION = "ecs:service:DesiredCount"


def read_scaling(
    text: str,
    file: str,
    parameters: Mapping[str, str] | None = None,
    *,
    target: str | None = None,
    metrics: Mapping[str, str] | None = None,
) -> Scaling:
    """The scaling of the template ``text``, YAML or JSON; ``file`` is named in errors.

    ``parameters`` are values by name, also of pseudo parameters and of what Parameter Store
    holds; defaults hold for the others. ``target`` and ``metrics`` as of ``scaling_of``. Raises
    Problem.
    """
    template = cloudformation.read(text, file)
    given = dict(parameters or {})
    around = {name: given.pop(name) for name in [*given] if name.startswith("AWS::")}
    for name in given:
        if name not in template.parameters:
            raise Problem(
                f"Unknown parameter {name}",
                "the template has none of that name",
                nearest(name, template.parameters),
                file=file,
            )
    stack = cloudformation.resolve(template, given, around, stored=given)
    return scaling_of(stack, target=target, metrics=metrics)


def scaling_of(
    stack: Stack, *, target: str | None = None, metrics: Mapping[str, str] | None = None
) -> Scaling:
    """The scaling of a template with its values.

    ``target`` is the logical id of the service or scalable target, needed where there are
    several. ``metrics`` are metrics of one's own by name, as metric math of what
    ``custom_metrics.PARTS`` names. Raises Problem, with the line where the template has lines.
    """
    return _read(_target(stack, target), read_custom_metrics(metrics or {}))


def read_parameters(text: str, file: str) -> dict[str, str]:
    """The values of a deployment file: what stands under ``parameters`` (CloudFormation Git sync).

    Raises Problem.
    """
    body = cloudformation.parse(text, file, scalars="text").data
    values = body.get("parameters", body.get("Parameters")) if isinstance(body, dict) else None
    if not isinstance(values, dict):
        raise Problem(
            "The file gives no parameters",
            "it has no mapping `parameters`",
            "Write a deployment file as for CloudFormation Git sync",
            file=file,
        )
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in values.items()
    }


def _target(stack: Stack, wanted: str | None) -> Properties:
    """The scalable target that is meant."""
    targets = [
        each
        for each in of_type(stack, TARGET)
        if cloudformation.text(each.get("ScalableDimension", DIMENSION)) == DIMENSION
    ]
    if not targets:
        raise Problem(
            "Nothing scales here",
            f"the template has no scalable target for {DIMENSION}",
            "Give a template with AWS::ApplicationAutoScaling::ScalableTarget",
            file=stack.template.file,
        )
    named = {_name(each): each for each in targets}
    if wanted is None and len(targets) == 1:
        return targets[0].certain()
    for name, each in named.items():
        if wanted in (name, each.name):
            return each.certain()
    raise Problem(
        "Several services scale here" if wanted is None else f"{wanted} does not scale here",
        f"there is {', '.join(named)}",
        "Name one: --target NAME",
        file=stack.template.file,
    )


def _name(target: Properties) -> str:
    service = find_service(target)
    return service.name if service else target.name


def _read(target: Properties, customs: Customs) -> Scaling:
    service = find_service(target)
    policies, found, notes = _policies(target, customs)
    watched = found.queue() or find_own_queue(target, service)
    notes += [*found.notes, *notes_on(service, watched)]
    used = {policy for alarm in found.alarms for _, policy in alarm.actions}
    notes += [
        f"{policy.name} is invoked by no alarm of the template"
        for policy in policies
        if policy.name not in used
    ]
    low, high = target.integer("MinCapacity"), target.integer("MaxCapacity")
    if not 0 <= low <= high <= MOST_TASKS:
        raise target.error(
            f"{target.name} has impossible bounds",
            f"MinCapacity is {low} and MaxCapacity is {high}",
            f"Correct them: from 0 to {MOST_TASKS:,}, which is what ECS runs for a service",
        )
    return Scaling(
        name=service.name if service else target.name,
        file=str(target.stack.template.file),
        min_capacity=low,
        max_capacity=high,
        policies=tuple(policies),
        alarms=tuple(found.alarms),
        queue_name=watched.written,
        queue=read_queue(watched, service),
        task=read_task(service),
        suspended=_suspended(target),
        scheduled=_scheduled(target, low, high),
        desired_count=service.number(service.get("DesiredCount"), "DesiredCount")
        if service
        else None,
        minimum_healthy=_percentage(service, "MinimumHealthyPercent", 100),
        maximum=_percentage(service, "MaximumPercent", 200),
        declared=_declared(service),
        notes=tuple(notes),
        line=target.line,
    )


def _policies(
    target: Properties, customs: Customs
) -> tuple[list[ScalingPolicy], AlarmsRead, list[str]]:
    """The policies that are simulated, the alarms that invoke them, and notes on the others."""
    steps, tracking, notes = read_policies(target)
    found = read_alarms(target.stack, [each.name for each in steps], customs)
    tracked: list[ScalingPolicy] = []
    for each in tracking:
        try:
            tracked.append(read_tracking(each, customs, found))
        except Problem as error:
            if not steps and len(tracking) == 1:
                raise
            notes.append(
                f"{each.name} is a TargetTrackingScaling policy, which is not simulated:"
                f" {error.why}"
            )
    if not steps and not tracked:
        others = "; ".join(notes)
        raise target.error(
            f"{target.name} has no policy that is simulated",
            others or "it has no policy in this template",
            "Simulated are step scaling, and target tracking of a metric of the queue: give a"
            " template with such a policy, or say what a metric of your own is, such as --metric"
            " BacklogPerTask='visible / tasks'",
        )
    if not found.alarms:
        raise Problem(
            "No alarm invokes the policies",
            f"none has {' or '.join(each.name for each in steps)} in its AlarmActions",
            "Give the template that has the alarms, too",
            file=target.stack.template.file,
        )
    return [*steps, *tracked], found, notes


def _percentage(service: Properties | None, name: str, default: int) -> int:
    if service is None:
        return default
    value = service.number(service.inner("DeploymentConfiguration").get(name), name)
    return default if value is None else value


def _suspended(target: Properties) -> Suspended:
    state = target.inner("SuspendedState")
    names = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return Suspended(*(target.truth(state.get(name), name) for name in names))


def _declared(service: Properties | None) -> Declared:
    """What the Metadata of the service's task definition says of the worker."""
    definition = find_definition(service)
    return Declared() if definition is None else read_declared(definition)


def _scheduled(target: Properties, low: int, high: int) -> tuple[ScheduledAction, ...]:
    """The scheduled actions. Raises Problem for bounds that can never be set.

    An action that gives one bound meets the other as it is then: the target's, or that of any
    other action.
    """
    found = list(_actions(target))
    most = max([high, *(each.max_capacity for each in found if each.max_capacity is not None)])
    least = min([low, *(each.min_capacity for each in found if each.min_capacity is not None)])
    for each in found:
        lower = least if each.min_capacity is None else each.min_capacity
        upper = most if each.max_capacity is None else each.max_capacity
        if not 0 <= lower <= upper <= MOST_TASKS:
            raise target.error(
                f"{target.name} has a scheduled action with impossible bounds",
                f"{each.name} sets "
                + " and ".join(
                    f"{name} {value}"
                    for name, value in (
                        ("MinCapacity", each.min_capacity), ("MaxCapacity", each.max_capacity)
                    )
                    if value is not None
                )
                + f", and the bounds would be {lower} to {upper}, which AWS refuses",
                f"Correct them: from 0 to {MOST_TASKS:,}, the minimum not above the maximum",
            )  # fmt: skip
    return tuple(found)


def _actions(target: Properties) -> list[ScheduledAction]:
    found = []
    for each in target.mappings(target.get("ScheduledActions"), "ScheduledActions"):
        bounds = target.mapping(each.get("ScalableTargetAction"), "ScalableTargetAction")
        texts = {
            name: target.known(each.get(name), name)
            for name in ("ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime")
        }
        found.append(
            ScheduledAction(
                name=texts["ScheduledActionName"] or "scheduled action",
                schedule=texts["Schedule"] or "",
                timezone=texts["Timezone"] or "UTC",
                min_capacity=target.number(bounds.get("MinCapacity"), "MinCapacity"),
                max_capacity=target.number(bounds.get("MaxCapacity"), "MaxCapacity"),
                start=texts["StartTime"],
                end=texts["EndTime"],
            )
        )
    return found
