"""What a resource is called by people: the name that tells it from all others of its type.

Source: CloudFormation template reference, each type's name property and its `Ref`.
"""

from typing import Any

from deployer.adopting.deployed import Resource

NAMES = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
}

ID_IS_NAME = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::ECS::Cluster",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
    }
)
"""Types whose physical id is the name itself."""


def name(resource: Resource) -> str:
    """Its name as its template gives it, or as its physical id shows; empty where neither."""
    written: Any = resource.properties.get(NAMES.get(resource.type, ""))
    if isinstance(written, str):
        return written
    identifier = resource.physical_id
    match resource.type:
        case "AWS::ECS::Service" | "AWS::SQS::Queue":
            return identifier.rpartition("/")[2]
        case "AWS::ECS::TaskDefinition":
            return identifier.rpartition("/")[2].partition(":")[0]
        case kind:
            return identifier if kind in ID_IS_NAME else ""
