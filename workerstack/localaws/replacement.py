"""Which properties replace a resource: what the provider schemas say of each type.

`createOnlyProperties` always do, `conditionalCreateOnlyProperties` sometimes.
"""

from collections.abc import Iterable

from workerstack.localaws.schemas import schema

Facts = dict[str, tuple[str, ...]]


def facts(types: Iterable[str]) -> tuple[Facts, Facts]:
    """For each resource type, the top-level properties whose change replaces it.

    First those that always do, then those that sometimes do.
    """
    found = {name: body for name in TYPES.intersection(types) if (body := schema(name))}
    return (
        {name: _top_level(body.get("createOnlyProperties", [])) for name, body in found.items()},
        {
            name: _top_level(body.get("conditionalCreateOnlyProperties", []))
            for name, body in found.items()
        },
    )


TYPES = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::ECS::TaskDefinition",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::IAM::Role",
        "AWS::IAM::RolePolicy",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
        "AWS::ServiceDiscovery::Service",
    }
)
"""The types of our stacks; MiniStack's own knowledge of others is left alone."""


def _top_level(pointers: Iterable[str]) -> tuple[str, ...]:
    """`/properties/A/B` is about A."""
    return tuple(dict.fromkeys(pointer.split("/")[2] for pointer in pointers))
