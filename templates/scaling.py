"""How many run: the scalable target and its two step policies."""

from collections.abc import Sequence
from typing import Any

from troposphere import AWSHelperFn, Parameter, Ref, Select, Split, Sub
from troposphere.applicationautoscaling import (
    ScalableTarget,
    ScalableTargetAction,
    ScalingPolicy,
    ScheduledAction,
    StepAdjustment,
    StepScalingPolicyConfiguration,
)
from troposphere.ecs import Cluster, Service

from templates.compute import cluster_name
from workerstack.specification import Scheduled
from workerstack.specification.metadata import described, meant
from workerstack.specification.parameters import PhysicalNames, Size
from workerstack.specification.steps import Side


def scalable_target(
    size: Size,
    names: PhysicalNames | None,
    cluster: Cluster | Parameter,
    service: Service,
    schedule: Sequence[Scheduled],
) -> ScalableTarget:
    """What scales, and between which bounds. The role is AWS's own, service-linked.

    The service is named, not referred to by its attribute Name: that would have CloudFormation
    list this target, as perhaps replaced, with each image.
    """
    given: dict[str, Any] = {"DependsOn": [service]} if names else {}
    if schedule:
        given["ScheduledActions"] = [_scheduled(each) for each in schedule]
    return ScalableTarget(
        "ScalableTarget",
        Metadata=described(
            "Lets the number of tasks follow the queue.", **(meant("E9106") if schedule else {})
        ),
        ServiceNamespace="ecs",
        ScalableDimension="ecs:service:DesiredCount",
        ResourceId=_resource_id(names, cluster, service),
        MinCapacity=Ref(size.min_tasks),
        MaxCapacity=Ref(size.max_tasks),
        **given,
    )


def _resource_id(
    names: PhysicalNames | None, cluster: Cluster | Parameter, service: Service
) -> AWSHelperFn:
    """``service/CLUSTER/SERVICE``: of the names, or the end of the service's ARN."""
    if names is None:
        return Select(5, Split(":", Ref(service)))
    own = isinstance(cluster, Cluster)
    return Sub(
        "service/${Cluster}/${Service}",
        Cluster=Ref(names.cluster) if own else cluster_name(cluster),
        Service=Ref(names.service),
    )


def _scheduled(action: Scheduled) -> ScheduledAction:
    return ScheduledAction(
        ScheduledActionName=action.name,
        Schedule=action.schedule,
        Timezone=action.timezone,
        ScalableTargetAction=ScalableTargetAction(MinCapacity=action.min_tasks),
    )


def scale_out_policy(target: ScalableTarget, side: Side, cooldown: int) -> ScalingPolicy:
    """More tasks, the more messages wait."""
    return ScalingPolicy(
        "ScaleOutPolicy",
        Metadata=described("Adds tasks, more of them the deeper the queue."),
        PolicyName=Sub("${AWS::StackName}-scale-out"),
        PolicyType="StepScaling",
        ScalingTargetId=Ref(target),
        StepScalingPolicyConfiguration=_steps(side, cooldown),
    )


def scale_in_policy(target: ScalableTarget, side: Side, cooldown: int) -> ScalingPolicy:
    """Fewer tasks, once nothing is left to do."""
    return ScalingPolicy(
        "ScaleInPolicy",
        Metadata=described("Removes tasks once nothing is left to do."),
        PolicyName=Sub("${AWS::StackName}-scale-in"),
        PolicyType="StepScaling",
        ScalingTargetId=Ref(target),
        StepScalingPolicyConfiguration=_steps(side, cooldown),
    )


def _steps(side: Side, cooldown: int) -> StepScalingPolicyConfiguration:
    """Maximum: of several datapoints the deepest queue decides, as in the alarms."""
    return StepScalingPolicyConfiguration(
        AdjustmentType="ChangeInCapacity",
        Cooldown=cooldown,
        MetricAggregationType="Maximum",
        StepAdjustments=[
            StepAdjustment(
                ScalingAdjustment=adjustment.change,
                **_bound("MetricIntervalLowerBound", adjustment.lower),
                **_bound("MetricIntervalUpperBound", adjustment.upper),
            )
            for adjustment in side.adjustments
        ],
    )


def _bound(name: str, value: int | None) -> dict[str, Any]:
    return {} if value is None else {name: value}
