"""What runs, one resource at a time, in the shape that CloudFormation's properties have.

``READERS`` has a function for each type that can be read; what the Describe calls do not give
stands in ``NOT_TOLD``. Secrets and parameters are read by name only, never by value.
Source: CloudFormation template reference of each type; the API reference of each service.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workerstack.verifier.asking import Ask, GoneError

Properties = dict[str, Any]
Answer = Mapping[str, Any]


@dataclass(frozen=True)
class LiveResource:
    """A live resource: its properties, and what GetAtt gives besides them."""

    properties: Properties
    attributes: Mapping[str, str] = field(default_factory=dict)


Reader = Callable[[Ask, str, Answer], LiveResource]
"""Of a physical id, and of the properties as they were deployed, for what has no id of its own."""

SPELLINGS = {
    "efsVolumeConfiguration": "EFSVolumeConfiguration",
    "fileSystemId": "FilesystemId",
    "iam": "IAM",
}
"""Where CloudFormation spells a member of ECS differently by more than a capital."""

FREE_KEYS = frozenset({"options", "dockerLabels", "driverOpts", "labels"})
"""Mappings of ECS whose keys are the user's own."""


def pascal_case(value: Any) -> Any:
    """Members as the ECS API spells them in CloudFormation's spelling, at every depth."""
    if isinstance(value, list):
        return [pascal_case(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        SPELLINGS.get(key, key[:1].upper() + key[1:]): each
        if key in FREE_KEYS
        else pascal_case(each)
        for key, each in value.items()
    }


def chosen(answer: Answer, *names: str) -> Properties:
    """The members of these names that the answer has."""
    return {name: answer[name] for name in names if answer.get(name) is not None}


def the_one(answers: Any) -> Any:
    """The only answer; raises GoneError where there is none."""
    if not answers:
        raise GoneError
    return answers[0]


def _cluster(ask: Ask, name: str, _: Answer) -> LiveResource:
    answer = the_one([
        each
        for each in ask(
            "ecs", "describe_clusters", clusters=[name], include=["SETTINGS", "CONFIGURATIONS"]
        )["clusters"]
        if each.get("status") != "INACTIVE"
    ])  # fmt: skip
    properties = {
        "ClusterName": answer["clusterName"],
        "ClusterSettings": pascal_case(answer.get("settings", [])),
        "CapacityProviders": answer.get("capacityProviders", []),
        "DefaultCapacityProviderStrategy": pascal_case(
            answer.get("defaultCapacityProviderStrategy", [])
        ),
        **pascal_case(chosen(answer, "configuration", "serviceConnectDefaults")),
    }
    return LiveResource(properties, {"Arn": answer["clusterArn"]})


SERVICE = (
    "availabilityZoneRebalancing", "capacityProviderStrategy", "deploymentConfiguration",
    "deploymentController", "desiredCount", "enableECSManagedTags", "enableExecuteCommand",
    "healthCheckGracePeriodSeconds", "launchType", "loadBalancers", "networkConfiguration",
    "placementConstraints", "platformVersion", "propagateTags", "schedulingStrategy",
    "serviceName", "serviceRegistries", "taskDefinition",
)  # fmt: skip


def _service(ask: Ask, arn: str, _: Answer) -> LiveResource:
    cluster = arn.split("/")[1] if arn.count("/") > 1 else "default"
    answers = ask("ecs", "describe_services", cluster=cluster, services=[arn])["services"]
    # ECS goes on describing a service that was deleted, as INACTIVE.
    answer = the_one([each for each in answers if each.get("status") != "INACTIVE"])
    properties = pascal_case(chosen(answer, *SERVICE))
    properties["Cluster"] = answer["clusterArn"].rpartition("/")[2]
    if answer.get("placementStrategy"):
        properties["PlacementStrategies"] = pascal_case(answer["placementStrategy"])
    return LiveResource(
        properties, {"Name": answer["serviceName"], "ServiceArn": answer["serviceArn"]}
    )


TASK_DEFINITION = (
    "containerDefinitions", "cpu", "enableFaultInjection", "ephemeralStorage", "executionRoleArn",
    "family", "inferenceAccelerators", "ipcMode", "memory", "networkMode", "pidMode",
    "placementConstraints", "proxyConfiguration", "requiresCompatibilities", "runtimePlatform",
    "taskRoleArn", "volumes",
)  # fmt: skip


def _task_definition(ask: Ask, arn: str, _: Answer) -> LiveResource:
    answer = ask("ecs", "describe_task_definition", taskDefinition=arn)["taskDefinition"]
    found = {name: each for name, each in chosen(answer, *TASK_DEFINITION).items() if each != ""}
    return LiveResource(pascal_case(found), {"TaskDefinitionArn": answer["taskDefinitionArn"]})


def _target(ask: Ask, identifier: str, _: Answer) -> LiveResource:
    resource, dimension, namespace = identifier.split("|")
    answer = the_one(
        ask(
            "application-autoscaling", "describe_scalable_targets", ServiceNamespace=namespace,
            ResourceIds=[resource], ScalableDimension=dimension,
        )["ScalableTargets"]
    )  # fmt: skip
    names = (
        "MaxCapacity", "MinCapacity", "ResourceId", "RoleARN", "ScalableDimension",
        "ServiceNamespace", "SuspendedState",
    )  # fmt: skip
    actions = ask(
        "application-autoscaling", "describe_scheduled_actions", ServiceNamespace=namespace,
        ResourceId=resource, ScalableDimension=dimension,
    )["ScheduledActions"]  # fmt: skip
    properties = chosen(answer, *names)
    properties["ScheduledActions"] = [chosen(each, *SCHEDULED_ACTION) for each in actions]
    return LiveResource(properties, {"Id": identifier})


SCHEDULED_ACTION = (
    "EndTime", "ScalableTargetAction", "Schedule", "ScheduledActionName", "StartTime", "Timezone",
)  # fmt: skip


POLICY = (
    "PolicyName", "PolicyType", "ResourceId", "ScalableDimension", "ServiceNamespace",
    "StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScalingPolicyConfiguration",
)  # fmt: skip


def policy_properties(answer: Answer) -> Properties:
    """A policy of DescribeScalingPolicies, named by its target as CloudFormation does."""
    names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    return {
        **chosen(answer, *POLICY),
        "ScalingTargetId": "|".join(answer[name] for name in names),
    }


def _scaling_policy(ask: Ask, arn: str, _: Answer) -> LiveResource:
    # arn:...:scalingPolicy:UUID:resource/ecs/service/CLUSTER/SERVICE:policyName/NAME
    namespace, _slash, resource = (
        arn.split(":resource/")[1].rpartition(":policyName/")[0].partition("/")
    )
    answers = ask(
        "application-autoscaling", "describe_scaling_policies", ServiceNamespace=namespace,
        ResourceId=resource,
    )["ScalingPolicies"]  # fmt: skip
    answer = the_one([each for each in answers if each["PolicyARN"] == arn])
    return LiveResource(policy_properties(answer), {"Arn": arn, "PolicyName": answer["PolicyName"]})


ALARM = (
    "ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator",
    "DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationPeriods",
    "ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace",
    "OKActions", "Period", "Statistic", "Threshold", "ThresholdMetricId", "TreatMissingData",
    "Unit",
)  # fmt: skip


def _alarm(ask: Ask, name: str, _: Answer) -> LiveResource:
    answer = the_one(
        ask("cloudwatch", "describe_alarms", AlarmNames=[name], AlarmTypes=["MetricAlarm"])[
            "MetricAlarms"
        ]
    )
    found = chosen(answer, *ALARM)
    if found.get("Metrics"):
        # Of an alarm on metric math the members of one metric are empty, not absent.
        found = {key: each for key, each in found.items() if each not in ("", [])}
    found.setdefault("Dimensions", [])
    if not found.get("MetricName"):
        del found["Dimensions"]
    return LiveResource(found, {"Arn": answer["AlarmArn"]})


QUEUE = (
    "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue",
    "FifoThroughputLimit", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize",
    "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "SqsManagedSseEnabled",
    "VisibilityTimeout",
)  # fmt: skip
DOCUMENTS = ("RedrivePolicy", "RedriveAllowPolicy")


def _attributes(ask: Ask, url: str) -> Properties:
    return dict(
        ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
    )


def _queue(ask: Ask, url: str, _: Answer) -> LiveResource:
    answer = _attributes(ask, url)
    found = {**chosen(answer, *QUEUE), "QueueName": url.rpartition("/")[2]}
    for name in DOCUMENTS:
        if answer.get(name):
            found[name] = json.loads(answer[name])
    # The policy is a resource of its own to CloudFormation; verify looks for one by hand.
    attributes = {"Arn": answer["QueueArn"], "QueueUrl": url, "QueueName": found["QueueName"]}
    if answer.get("Policy"):
        attributes["Policy"] = answer["Policy"]
    return LiveResource(found, attributes)


def _queue_policy(ask: Ask, _: str, deployed: Answer) -> LiveResource:
    # A queue policy has no identifier of its own at SQS: it is an attribute of its queues.
    queues = deployed.get("Queues", [])
    policies = [_attributes(ask, url).get("Policy") for url in queues if isinstance(url, str)]
    policy = the_one([each for each in policies if each])
    return LiveResource({"Queues": queues, "PolicyDocument": json.loads(policy)})


def role_policies(ask: Ask, role: str) -> dict[str, Any]:
    """All inline policies of a role, by name."""
    names = ask("iam", "list_role_policies", RoleName=role)["PolicyNames"]
    return {
        name: ask("iam", "get_role_policy", RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in names
    }


def attached_policies(ask: Ask, role: str) -> list[str]:
    """The ARNs of all managed policies of a role."""
    answers = ask("iam", "list_attached_role_policies", RoleName=role)["AttachedPolicies"]
    return [each["PolicyArn"] for each in answers]


def _role(ask: Ask, name: str, _: Answer) -> LiveResource:
    answer = ask("iam", "get_role", RoleName=name)["Role"]
    found = chosen(
        answer, "RoleName", "Path", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration"
    )
    boundary = answer.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    if boundary:
        found["PermissionsBoundary"] = boundary
    found["Policies"] = [
        {"PolicyName": each, "PolicyDocument": document}
        for each, document in role_policies(ask, name).items()
    ]
    found["ManagedPolicyArns"] = attached_policies(ask, name)
    return LiveResource(found, {"Arn": answer["Arn"], "RoleId": answer["RoleId"]})


def _policy_of_roles(ask: Ask, _: str, deployed: Answer) -> LiveResource:
    """``AWS::IAM::Policy`` and ``RolePolicy``: inline in each of its roles."""
    roles = [deployed["RoleName"]] if "RoleName" in deployed else deployed.get("Roles", [])
    name = str(deployed.get("PolicyName", ""))
    documents = [
        ask("iam", "get_role_policy", RoleName=role, PolicyName=name)["PolicyDocument"]
        for role in roles
        if isinstance(role, str)
    ]
    return LiveResource({**deployed, "PolicyDocument": the_one(documents)})


def managed_policy(ask: Ask, arn: str, deployed: Answer) -> LiveResource:
    """A managed policy's default version; its roles are taken as they were deployed."""
    answer = ask("iam", "get_policy", PolicyArn=arn)["Policy"]
    version = ask(
        "iam", "get_policy_version", PolicyArn=arn, VersionId=answer["DefaultVersionId"]
    )["PolicyVersion"]  # fmt: skip
    return LiveResource(
        {
            **deployed,
            "ManagedPolicyName": answer["PolicyName"],
            "Path": answer.get("Path", "/"),
            "PolicyDocument": version["Document"],
        },
        {"PolicyArn": arn},
    )


def _log_group(ask: Ask, name: str, _: Answer) -> LiveResource:
    # CloudWatch Logs takes a prefix only, which other groups may share.
    answers = ask("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
    answer = the_one([each for each in answers if each["logGroupName"] == name])
    found = {
        "LogGroupName": name,
        "RetentionInDays": answer.get("retentionInDays"),
        "KmsKeyId": answer.get("kmsKeyId"),
        "LogGroupClass": answer.get("logGroupClass"),
    }
    present = {key: each for key, each in found.items() if each is not None}
    return LiveResource(present, {"Arn": f"{answer['arn'].removesuffix(':*')}:*"})


PEERS = {
    "ingress": ("SourceSecurityGroupId", "SourcePrefixListId"),
    "egress": ("DestinationSecurityGroupId", "DestinationPrefixListId"),
}


def rules(permissions: Any, direction: str) -> Iterator[Properties]:
    """A group's permissions as CloudFormation writes its rules: one for each peer.

    ``direction``: ingress or egress. Ports are left out where the protocol has none.
    """
    group, prefixes = PEERS[direction]
    for each in permissions:
        base = {"IpProtocol": each.get("IpProtocol", "-1")}
        if base["IpProtocol"] != "-1":
            base |= chosen(each, "FromPort", "ToPort")
        peers = [
            *({"CidrIp": peer["CidrIp"], **_said(peer)} for peer in each.get("IpRanges", ())),
            *({"CidrIpv6": peer["CidrIpv6"], **_said(peer)} for peer in each.get("Ipv6Ranges", ())),
            *(
                {prefixes: peer["PrefixListId"], **_said(peer)}
                for peer in each.get("PrefixListIds", ())
            ),
            *({group: peer["GroupId"], **_said(peer)} for peer in each.get("UserIdGroupPairs", ())),
        ]
        for peer in peers:
            yield {**base, **peer}


def _said(peer: Answer) -> Properties:
    return {"Description": peer["Description"]} if peer.get("Description") else {}


def describe_group(ask: Ask, group: str) -> Properties:
    """DescribeSecurityGroups' answer for one group."""
    answers = ask("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"]
    return dict(the_one(answers))


def _security_group(ask: Ask, group: str, _: Answer) -> LiveResource:
    answer = describe_group(ask, group)
    return LiveResource(
        {
            "GroupName": answer["GroupName"],
            "GroupDescription": answer["Description"],
            "VpcId": answer.get("VpcId"),
            "SecurityGroupIngress": list(rules(answer["IpPermissions"], "ingress")),
            "SecurityGroupEgress": list(rules(answer.get("IpPermissionsEgress", ()), "egress")),
        },
        {"GroupId": group, "VpcId": answer.get("VpcId", "")},
    )


def rule_key(rule: Answer) -> tuple[str, ...]:
    """What tells rules apart; a description does not (EC2: AuthorizeSecurityGroupIngress)."""
    protocol = str(rule.get("IpProtocol", "-1")).lower()
    protocol = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}.get(protocol, protocol)
    ports = (
        ("", "")
        if protocol == "-1"
        else tuple("" if rule.get(each) is None else str(rule[each]) for each in PORTS)
    )
    peer = next(
        (f"{name}={rule[name]}" for name in ("CidrIp", "CidrIpv6", *PEERS["ingress"],
                                            *PEERS["egress"]) if rule.get(name)), "",
    )  # fmt: skip
    return (protocol, *ports, peer)


PORTS = ("FromPort", "ToPort")


def _rule(direction: str) -> Reader:
    def read(ask: Ask, _: str, deployed: Answer) -> LiveResource:
        """A rule apart from its group: there where the group has one that says the same."""
        answer = describe_group(ask, str(deployed.get("GroupId", "")))
        key = "IpPermissions" if direction == "ingress" else "IpPermissionsEgress"
        wanted = rule_key(deployed)
        found = [each for each in rules(answer[key], direction) if rule_key(each) == wanted]
        return LiveResource({"GroupId": answer["GroupId"], **the_one(found)})

    return read


def _secret(ask: Ask, arn: str, _: Answer) -> LiveResource:
    answer = ask("secretsmanager", "describe_secret", SecretId=arn)
    return LiveResource({"Name": answer["Name"]}, {"Id": answer["ARN"]})


def _stored_parameter(ask: Ask, name: str, _: Answer) -> LiveResource:
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    answer = the_one(ask("ssm", "describe_parameters", ParameterFilters=filters)["Parameters"])
    return LiveResource({"Name": answer["Name"], **chosen(answer, "Type")})


READERS: Mapping[str, Reader] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::SecurityGroupEgress": _rule("egress"),
    "AWS::EC2::SecurityGroupIngress": _rule("ingress"),
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::ECS::TaskDefinition": _task_definition,
    "AWS::IAM::ManagedPolicy": managed_policy,
    "AWS::IAM::Policy": _policy_of_roles,
    "AWS::IAM::Role": _role,
    "AWS::IAM::RolePolicy": _policy_of_roles,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _stored_parameter,
    "AWS::SecretsManager::Secret": _secret,
}
"""Types that are read; of the others the live stack has what was deployed."""

NOT_TOLD: Mapping[str, Mapping[str, str]] = {
    "AWS::ECS::Service": {
        "ServiceConnectConfiguration": "stands in each deployment, completed by ECS",
        "VolumeConfigurations": "stands in each deployment, completed by ECS",
        "ForceNewDeployment": "is an order, not a state",
        "Role": "is the service-linked role where none was given",
        "Tags": "CloudFormation adds its own",
    },
    "AWS::ECS::TaskDefinition": {"Tags": "CloudFormation adds its own"},
    "AWS::ECS::Cluster": {"Tags": "CloudFormation adds its own"},
    "AWS::IAM::Role": {"Tags": "CloudFormation adds its own"},
    "AWS::IAM::ManagedPolicy": {"Description": "cannot be changed", "Roles": "see each role"},
    "AWS::CloudWatch::Alarm": {"Tags": "CloudFormation adds its own"},
    "AWS::ApplicationAutoScaling::ScalableTarget": {"Tags": "CloudFormation adds its own"},
    "AWS::EC2::SecurityGroup": {"Tags": "CloudFormation adds its own"},
    "AWS::Logs::LogGroup": {
        "Tags": "CloudFormation adds its own",
        "DataProtectionPolicy": "is another call's answer",
        "FieldIndexPolicies": "is another call's answer",
    },
    "AWS::SQS::Queue": {"Tags": "CloudFormation adds its own"},
    "AWS::SecretsManager::Secret": dict.fromkeys(
        ("Description", "GenerateSecretString", "KmsKeyId", "ReplicaRegions", "SecretString",
         "Tags"), "secrets are looked up by name only",
    ),
    "AWS::SSM::Parameter": dict.fromkeys(
        ("AllowedPattern", "DataType", "Description", "Policies", "Tags", "Tier", "Value"),
        "values are not read",
    ),
}  # fmt: skip
"""Properties that these calls do not give, and why; they are taken as they were deployed."""

SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {"SuspendedState": SUSPENDED},
    "AWS::CloudWatch::Alarm": {
        "ActionsEnabled": True,
        "AlarmActions": [],
        "Dimensions": [],
        "InsufficientDataActions": [],
        "OKActions": [],
        "TreatMissingData": "missing",
        "Unit": None,
        "DatapointsToAlarm": None,
    },
    "AWS::ECS::Service": {
        "CapacityProviderStrategy": [],
        "EnableExecuteCommand": False,
        "HealthCheckGracePeriodSeconds": 0,
        "LoadBalancers": [],
        "ServiceRegistries": [],
    },
    "AWS::IAM::Role": {"PermissionsBoundary": None},
    "AWS::Logs::LogGroup": {"RetentionInDays": None, "KmsKeyId": None},
    "AWS::SQS::Queue": {
        "DelaySeconds": 0,
        "MessageRetentionPeriod": 345_600,
        "ReceiveMessageWaitTimeSeconds": 0,
        "RedrivePolicy": None,
        "VisibilityTimeout": 30,
    },
}
"""What a service takes where the template is silent, and a change by hand would matter.

Source: the API reference of each service (PutMetricAlarm, RegisterScalableTarget, CreateService,
CreateQueue).
"""
