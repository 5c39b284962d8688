"""Which properties replace a resource: `createOnlyProperties` of the provider schemas."""

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path


def create_only_properties(types: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each resource type, the top-level properties whose change replaces it.

    Read from the schemas that cfn-lint ships, without importing cfn-lint.
    """
    specification = importlib.util.find_spec("cfnlint")
    if specification is None or specification.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed, whose schemas are needed")
    schemas = Path(specification.origin).parent / "data" / "schemas"
    index = json.loads((schemas / "providers" / "us-east-1.json").read_text())
    wanted = (name for name in types if name in index and name in TYPES)
    return {name: _create_only(schemas / "resources" / f"{index[name]}.json") for name in wanted}


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


def _create_only(file: Path) -> tuple[str, ...]:
    schema = json.loads(file.read_text())
    pointers = schema.get("createOnlyProperties", [])
    return tuple(dict.fromkeys(pointer.split("/")[2] for pointer in pointers))
