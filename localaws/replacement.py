"""Which properties replace a resource: what the provider schemas say of each type.

`createOnlyProperties` always do, `conditionalCreateOnlyProperties` sometimes.
"""

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path

Facts = dict[str, tuple[str, ...]]


def facts(types: Iterable[str]) -> tuple[Facts, Facts]:
    """For each resource type, the top-level properties whose change replaces it.

    First those that always do, then those that sometimes do. Read from the schemas that
    cfn-lint ships, without importing cfn-lint.
    """
    specification = importlib.util.find_spec("cfnlint")
    if specification is None or specification.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed, whose schemas are needed")
    schemas = Path(specification.origin).parent / "data" / "schemas"
    index = json.loads((schemas / "providers" / "us-east-1.json").read_text())
    always, sometimes = {}, {}
    for name in TYPES.intersection(types, index):
        schema = json.loads((schemas / "resources" / f"{index[name]}.json").read_text())
        always[name] = _top_level(schema.get("createOnlyProperties", []))
        sometimes[name] = _top_level(schema.get("conditionalCreateOnlyProperties", []))
    return always, sometimes


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
