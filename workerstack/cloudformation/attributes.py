"""What a resource's ``Ref`` and attributes are, where that follows from its names.

Source: CloudFormation template reference, "Return values" of each type; Service Authorization
Reference, "Resource types" (the ARNs).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ARN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"
IAM = "arn:${AWS::Partition}:iam::${AWS::AccountId}:"


@dataclass(frozen=True)
class NamedType:
    """How a type names its resources.

    ``ref`` is the attribute, or the property, that ``Ref`` gives. ``made`` says of what an
    attribute is put together: ``${Property}`` of the resource itself, ``${AWS::...}``.
    ``defaults`` are the properties that need not be given. ``told`` are names that AWS makes
    where none is given, and that an attribute of the same name tells.
    """

    ref: str
    made: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    told: frozenset[str] = frozenset()


NAMES: Mapping[str, NamedType] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": NamedType(
        "Id", {"Id": "${ResourceId}|${ScalableDimension}|${ServiceNamespace}"}
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": NamedType("Arn"),
    "AWS::CloudWatch::Alarm": NamedType(
        "AlarmName", {"Arn": ARN % "cloudwatch" + "alarm:${AlarmName}"}
    ),
    "AWS::DynamoDB::Table": NamedType(
        "TableName", {"Arn": ARN % "dynamodb" + "table/${TableName}"}
    ),
    "AWS::EC2::SecurityGroup": NamedType("GroupId"),
    "AWS::EC2::Subnet": NamedType("SubnetId"),
    "AWS::EC2::VPC": NamedType("VpcId"),
    "AWS::ECR::Repository": NamedType(
        "RepositoryName",
        {
            "Arn": ARN % "ecr" + "repository/${RepositoryName}",
            "RepositoryUri": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
            "/${RepositoryName}",
        },
    ),
    "AWS::ECS::Cluster": NamedType("ClusterName", {"Arn": ARN % "ecs" + "cluster/${ClusterName}"}),
    "AWS::ECS::Service": NamedType(
        "ServiceArn",
        {"ServiceArn": ARN % "ecs" + "service/${Cluster}/${ServiceName}", "Name": "${ServiceName}"},
        {"Cluster": "default"},
    ),
    "AWS::ECS::TaskDefinition": NamedType("TaskDefinitionArn"),
    "AWS::EFS::AccessPoint": NamedType("AccessPointId"),
    "AWS::EFS::FileSystem": NamedType("FileSystemId"),
    "AWS::Events::Rule": NamedType("Name"),
    "AWS::IAM::Group": NamedType(
        "GroupName", {"Arn": IAM + "group${Path}${GroupName}"}, {"Path": "/"}
    ),
    "AWS::IAM::ManagedPolicy": NamedType(
        "PolicyArn", {"PolicyArn": IAM + "policy${Path}${ManagedPolicyName}"}, {"Path": "/"}
    ),
    "AWS::IAM::Role": NamedType("RoleName", {"Arn": IAM + "role${Path}${RoleName}"}, {"Path": "/"}),
    "AWS::IAM::User": NamedType("UserName", {"Arn": IAM + "user${Path}${UserName}"}, {"Path": "/"}),
    "AWS::KMS::Key": NamedType("KeyId"),
    "AWS::Lambda::Function": NamedType(
        "FunctionName", {"Arn": ARN % "lambda" + "function:${FunctionName}"}
    ),
    "AWS::Logs::LogGroup": NamedType(
        "LogGroupName", {"Arn": ARN % "logs" + "log-group:${LogGroupName}:*"}
    ),
    "AWS::S3::Bucket": NamedType(
        "BucketName",
        {
            "Arn": "arn:${AWS::Partition}:s3:::${BucketName}",
            "DomainName": "${BucketName}.s3.${AWS::URLSuffix}",
        },
    ),
    "AWS::SNS::Topic": NamedType("TopicArn", {"TopicArn": ARN % "sns" + "${TopicName}"}),
    "AWS::SQS::Queue": NamedType(
        "QueueUrl",
        {
            "Arn": ARN % "sqs" + "${QueueName}",
            "QueueUrl": "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}"
            "/${QueueName}",
        },
        told=frozenset({"QueueName"}),
    ),
    "AWS::SSM::Parameter": NamedType("Name"),
    "AWS::SecretsManager::Secret": NamedType("Id"),
}
"""Types of which something follows from names, or whose Ref is one of their attributes.

An attribute that is also a property (``QueueName``) needs no row: it has what the property has.
"""

NOTHING = NamedType("")


def names(kind: str) -> NamedType:
    """How a type names its resources."""
    return NAMES.get(kind, NOTHING)
