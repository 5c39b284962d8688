"""What identifies a resource, and so cannot change while the resource is updated in place.

A proof and not a guess: an attribute of which nothing is known here may change.
Source: CloudFormation CLI user guide, "Resource type schema" (primaryIdentifier,
createOnlyProperties, readOnlyProperties); template reference, "Return values" of each type.
"""

import re

from workerstack.cloudformation.attributes import names
from workerstack.cloudformation.schemas import read

ARNS = {
    "AWS::DynamoDB::Table": "Arn",
    "AWS::EFS::AccessPoint": "Arn",
    "AWS::EFS::FileSystem": "Arn",
    "AWS::IAM::Role": "RoleId",
    "AWS::KMS::Key": "Arn",
    "AWS::RDS::DBCluster": "DBClusterArn",
    "AWS::RDS::DBInstance": "DBInstanceArn",
    "AWS::Route53::HostedZone": "Id",
}
"""Read-only attributes that are made of the identifier, though the schema does not say so.

Source: Service Authorization Reference, "Resource types" of each service.
"""


def is_identity(kind: str, attribute: str) -> bool:
    """Whether an attribute is the same for as long as the resource is the same one."""
    schema = read(kind)
    if schema is None:
        return False
    rules = names(kind)
    fixed = {
        pointer.removeprefix("/properties/")
        for member in ("createOnlyProperties", "primaryIdentifier")
        for pointer in schema.get(member, ())
    }
    fixed |= {
        pointer.removeprefix("/properties/")
        for identifier in schema.get("additionalIdentifiers") or ()
        for pointer in identifier
    }
    if attribute.replace(".", "/") in fixed or attribute in (rules.ref, ARNS.get(kind)):
        return True
    made = rules.made.get(attribute)
    if made is None:
        return False
    parts = re.findall(r"\$\{([^}]*)\}", made)
    return all(part in fixed or part.startswith("AWS::") for part in parts)


def own_name(kind: str) -> str:
    """The property that is a name nobody else can have meanwhile: create-only and the identifier.

    Empty for a type without such a property.
    """
    schema = read(kind) or {}
    identifier = tuple(schema.get("primaryIdentifier", ()))
    if len(identifier) == 1:
        [pointer] = identifier
        fixed, given = schema.get("createOnlyProperties", ()), schema.get("readOnlyProperties", ())
        if pointer in fixed and pointer not in given:
            return str(pointer.removeprefix("/properties/"))
        for name in re.findall(
            r"\$\{(\w+)\}", names(kind).made.get(pointer.removeprefix("/properties/"), "")
        ):
            if f"/properties/{name}" in fixed and name.endswith("Name"):
                return str(name)
    return NAMED.get(kind, "")


NAMED = {
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::KMS::Alias": "AliasName",
    "AWS::SecretsManager::Secret": "Name",
}
"""Types whose identifier is an ARN or id given by AWS, and that refuse a second of one name."""

SCOPES = {"AWS::EC2::SecurityGroup": "VpcId", "AWS::ECS::Service": "Cluster"}
"""Within what a name is taken, where that is less than the account's Region."""
