"""How many run: the scalable target and its two step policies."""

from typing import Any

from troposphere import Ref, Sub
from troposphere.applicationautoscaling import (
    ScalableTarget,
    ScalingPolicy,
    StepAdjustment,
    StepScalingPolicyConfiguration,
)
from troposphere.ecs import Service

from templates.description import described
from templates.parameters import Names, Size
from templates.steps import Side


def scalable_target(size: Size, names: Names, service: Service) -> ScalableTarget:
    """What scales, and between which bounds. The role is AWS's own, service-linked.

    The service is named, not referred to: its attribute Name would have CloudFormation list
    this target, as perhaps replaced, with each image.
    """
    return ScalableTarget(
        "ScalableTarget",
        Metadata=described("Lets the number of tasks follow the queue."),
        ServiceNamespace="ecs",
        ScalableDimension="ecs:service:DesiredCount",
        ResourceId=Sub(
            "service/${Cluster}/${Service}",
            Cluster=Ref(names.cluster),
            Service=Ref(names.service),
        ),
        DependsOn=[service],
        MinCapacity=Ref(size.min_tasks),
        MaxCapacity=Ref(size.max_tasks),
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
