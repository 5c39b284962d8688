"""Reads what any CloudFormation template says about scaling.

Source of the rules on steps: Application Auto Scaling API, StepAdjustment.
"""

from collections.abc import Mapping
from typing import Any

from workerstack.simulator.declaring import read_declared
from workerstack.simulator.leaving_out import notes_on
from workerstack.simulator.model import (
    Declared,
    Scaling,
    ScheduledAction,
    Suspended,
)
from workerstack.simulator.quantities import SimulationError
from workerstack.simulator.read_alarms import read_alarms
from workerstack.simulator.read_service import (
    find_definition,
    find_service,
    read_policies,
    read_queue,
    read_task,
)
from workerstack.simulator.template import Resource, Resources, parse

MOST_TASKS = 5_000
"""Tasks of one service (ECS service quotas)."""

DIMENSION = "ecs:service:DesiredCount"


def read_scaling(
    text: str, file: str, parameters: Mapping[str, str] | None = None, *, target: str | None = None
) -> Scaling:
    """The scaling of the template ``text``, YAML or JSON; ``file`` is named in errors.

    ``parameters`` are values by name; defaults hold for the others. ``target`` is the logical id
    of the service or scalable target, needed where there are several. Raises SimulationError.
    """
    template = parse(text, file)
    try:
        resources = Resources(template, parameters or {}, file)
        return _read(resources, _target(resources, target), template["Resources"])
    except RecursionError:
        raise SimulationError(
            "The template cannot be resolved", "something in it refers to itself", "Look for the"
            " circle in its conditions and functions", file=file,
        ) from None  # fmt: skip


def read_parameters(text: str, file: str) -> dict[str, str]:
    """The values of a deployment file: what stands under ``parameters`` (CloudFormation Git sync).

    Raises SimulationError.
    """
    body = parse(text, file)
    values = body.get("parameters", body.get("Parameters"))
    if not isinstance(values, dict):
        raise SimulationError(
            "The file gives no parameters",
            "it has no mapping `parameters`",
            "Write a deployment file as for CloudFormation Git sync",
            file=file,
        )
    return {
        str(name): ",".join(map(str, value)) if isinstance(value, list) else _written(value)
        for name, value in values.items()
    }


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _target(resources: Resources, wanted: str | None) -> Resource:
    """The scalable target that is meant."""
    targets = [
        each
        for each in resources.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        if str(each.get("ScalableDimension", DIMENSION)) == DIMENSION
    ]
    if not targets:
        raise SimulationError(
            "Nothing scales here",
            f"the template has no scalable target for {DIMENSION}",
            "Give a template with AWS::ApplicationAutoScaling::ScalableTarget",
            file=resources.file,
        )
    named = {_name(resources, each): each for each in targets}
    if wanted is None and len(targets) == 1:
        return targets[0]
    for name, each in named.items():
        if wanted in (name, each.name):
            return each
    raise SimulationError(
        "Several services scale here" if wanted is None else f"{wanted} does not scale here",
        f"there is {', '.join(named)}",
        "Name one: --target NAME",
        file=resources.file,
    )


def _name(resources: Resources, target: Resource) -> str:
    service = find_service(resources, target)
    return service.name if service else target.name


def _read(resources: Resources, target: Resource, bodies: Mapping[str, Any]) -> Scaling:
    policies, notes = read_policies(resources, target)
    service = find_service(resources, target)
    alarms, queue_name, said = read_alarms(resources, [policy.name for policy in policies])
    notes += [*said, *notes_on(resources, service, queue_name)]
    used = {policy for alarm in alarms for _, policy in alarm.actions}
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
        file=resources.file,
        min_capacity=low,
        max_capacity=high,
        policies=tuple(policies),
        alarms=tuple(alarms),
        queue_name=queue_name,
        queue=read_queue(resources, queue_name, service),
        task=read_task(resources, service),
        suspended=_suspended(target),
        scheduled=_scheduled(target, low, high),
        desired_count=service.optional_integer("DesiredCount") if service else None,
        minimum_healthy=_percentage(service, "MinimumHealthyPercent", 100),
        maximum=_percentage(service, "MaximumPercent", 200),
        declared=_declared(resources, service, bodies),
        notes=tuple(notes),
        line=target.line,
    )


def _percentage(service: Resource | None, name: str, default: int) -> int:
    if service is None:
        return default
    value = service.number(service.get("DeploymentConfiguration", {}).get(name), name)
    return default if value is None else value


def _suspended(target: Resource) -> Suspended:
    state: Mapping[str, Any] = target.get("SuspendedState", {})
    names = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return Suspended(*(target.truth(state.get(name, False), name) for name in names))


def _declared(
    resources: Resources, service: Resource | None, bodies: Mapping[str, Any]
) -> Declared:
    """What the Metadata of the service's task definition says of the worker."""
    definition = find_definition(resources, service)
    if definition is None:
        return Declared()
    metadata = resources.resolver.resolve(bodies[definition.name].get("Metadata"))
    return read_declared(metadata, definition.name, resources.file, definition.line)


def _scheduled(target: Resource, low: int, high: int) -> tuple[ScheduledAction, ...]:
    """The scheduled actions. Raises SimulationError for bounds that can never be set.

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


def _actions(target: Resource) -> list[ScheduledAction]:
    found = []
    for each in target.mappings(target.get("ScheduledActions"), "ScheduledActions"):
        bounds = target.mapping(each.get("ScalableTargetAction"), "ScalableTargetAction")
        found.append(
            ScheduledAction(
                name=str(each.get("ScheduledActionName", "scheduled action")),
                schedule=str(each.get("Schedule", "")),
                timezone=str(each.get("Timezone", "UTC")),
                min_capacity=target.number(bounds.get("MinCapacity"), "MinCapacity"),
                max_capacity=target.number(bounds.get("MaxCapacity"), "MaxCapacity"),
                start=each.get("StartTime"),
                end=each.get("EndTime"),
            )
        )
    return found
