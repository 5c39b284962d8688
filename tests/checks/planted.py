"""For each row of the table a fault, and harmless neighbours that are written differently."""

import copy
from typing import NamedTuple

from tests.checks.edits import (
    ECR,
    EDIT,
    KEY,
    OWN,
    SELF,
    Edit,
    Template,
    add,
    allow,
    at,
    at_creation,
    backlog,
    container,
    drained,
    edited,
    efs,
    emitted,
    get,
    group,
    logs,
    mapped,
    moved,
    parameter,
    policy,
    service,
    sidecar,
    statement,
    statements,
    steps,
    sub,
    switch,
    task,
    trust,
    variable,
    vpc,
)  # fmt: skip

__all__ = ["PLANTED", "Planted", "edited", "emitted"]


class Planted(NamedTuple):
    """A fault that a check sees, and what it must keep silent on."""

    base: str
    fault: Edit
    neighbours: tuple[Edit, ...]


PLANTED: dict[str, Planted] = {}


def row(identifier: str, base: str, fault: Edit, *neighbours: Edit) -> None:
    PLANTED[identifier] = Planted(base, fault, neighbours)


HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
QUEUE_ARN = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
BUCKET = "arn:aws:s3:::edit.*.example.com/*"
OF_SELF = {"StringEquals": {"aws:ResourceAccount": SELF}}


def given(template: Template, *found: object) -> object:
    statements(template, "TaskRole").extend(found)
    return template


def fifo(template: Template) -> None:
    for name in ("Queue", "DeadLetterQueue"):
        at(template, name).update(FifoQueue=True)


def customer_key(template: Template, key: object) -> object:
    at(template, "Queue").pop("SqsManagedSseEnabled", None)
    at(template, "Queue").update(KmsMasterKeyId=key)
    return template


# ---- acceptance criteria
row(
    "E9101",
    EDIT,
    lambda t: container(t).update(PortMappings=[]),
    lambda t: container(t).update(PortMappings={"Ref": "AWS::NoValue"}),
    lambda t: container(t).update(
        PortMappings=switch(t, [{"ContainerPort": 80}], {"Ref": "AWS::NoValue"}, on=False)
    ),
)
row(
    "E9102",
    EDIT,
    lambda t: container(t).update(HealthCheck={"Command": ["CMD", "true"]}),
    lambda t: container(t).update(HealthCheck={"Ref": "AWS::NoValue"}),
    lambda t: (
        sidecar(t, HealthCheck={"Command": ["CMD", "true"]}),
        container(t).update(DependsOn=[{"ContainerName": "sidecar", "Condition": "HEALTHY"}]),
    ),
)
row(
    "E9103",
    EDIT,
    lambda t: group(t)["SecurityGroupIngress"].append(
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "CidrIp": "10.0.0.0/8"}
    ),
    lambda t: group(t)["SecurityGroupIngress"][0].update(IpProtocol="6", FromPort="2049"),
    lambda t: group(t)["SecurityGroupIngress"][0].update(CidrIp=mapped(t, "10.0.0.0/16")),
    lambda t: t["Resources"]["FileSystemIngress"]["Properties"].update(
        SourceSecurityGroupId=get("WorkerSecurityGroup", "GroupId")
    ),
)
row(
    "E9104",
    EDIT,
    lambda t: service(t).pop("LoadBalancers"),
    lambda t: service(t).update(LoadBalancers=switch(t, [], [{"ContainerName": "x"}])),
    lambda t: service(t).update(LoadBalancers=[{"Ref": "AWS::NoValue"}]),
)
row(
    "E9105",
    EDIT,
    lambda t: add(t, "Names", "ServiceDiscovery::HttpNamespace", Name="x"),
    lambda t: service(t).update(ServiceRegistries=switch(t, [], [{"RegistryArn": "x"}])),
    lambda t: service(t).update(ServiceConnectConfiguration={"Enabled": "false"}),
)
row(
    "E9106",
    EDIT,
    lambda t: backlog(t)["Dimensions"][0].update(Value="other"),
    lambda t: backlog(t)["Dimensions"][0].update(Value="webordinary-email-queue"),
    lambda t: backlog(t)["Dimensions"][0].update(Value=sub("${QueueName}")),
    lambda t: variable(t, "QUEUE_URL").update(Value={"Fn::ImportValue": "queue-url"}),
)
# ---- scaling
row(
    "E9201",
    EDIT,
    lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"].append(
        {"MetricIntervalUpperBound": -9, "MetricIntervalLowerBound": -5, "ScalingAdjustment": -1}
    ),
    lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"].reverse(),
    lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"][1].update(
        MetricIntervalLowerBound=mapped(t, "9")
    ),
)
row(
    "E9202",
    EDIT,
    lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"][0].update(MetricIntervalLowerBound=1),
    lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"][0].update(
        MetricIntervalLowerBound="0.0"
    ),
    lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"][0].update(
        MetricIntervalLowerBound=switch(t, 0, 5)
    ),
)
row(
    "E9203",
    EDIT,
    lambda t: drained(t).update(DatapointsToAlarm=16),
    lambda t: drained(t).update(DatapointsToAlarm="15"),
    lambda t: drained(t)["Metrics"][0].update(
        Expression="CEIL(IF(visible > 0, visible, FILL(in_flight, 0)))"
    ),
)
row(
    "E9204",
    EDIT,
    lambda t: backlog(t).update(Statistic="Average"),
    lambda t: backlog(t).update(Statistic=mapped(t, "Maximum")),
    lambda t: backlog(t).update(Statistic=parameter(t, "Statistic")),
)
row(
    "E9205",
    EDIT,
    lambda t: drained(t)["Metrics"][0].update(Expression="visible * FILL(in_flight, 0)"),
    lambda t: drained(t)["Metrics"][0].update(
        Expression="IF(visible > 0, visible, FILL(in_flight, 0))"
    ),
    lambda t: drained(t)["Metrics"][0].update(Expression="SUM([visible, FILL(in_flight, 0)])"),
)
row(
    "E9206",
    EDIT,
    lambda t: backlog(t).update(InsufficientDataActions=[{"Ref": "ScaleInPolicy"}]),
    lambda t: backlog(t).update(TreatMissingData=mapped(t, "notBreaching")),
    lambda t: backlog(t).update(InsufficientDataActions=[parameter(t, "Topic")]),
)
row(
    "E9207",
    EDIT,
    lambda t: steps(t, "ScaleOutPolicy").update(Cooldown=120),
    lambda t: steps(t, "ScaleOutPolicy").update(Cooldown="180"),
    lambda t: steps(t, "ScaleOutPolicy").pop("Cooldown"),
)
row(
    "E9208",
    EDIT,
    lambda t: drained(t).update(EvaluationPeriods=5, DatapointsToAlarm=5),
    lambda t: drained(t).update(EvaluationPeriods="20", DatapointsToAlarm="20"),
    lambda t: drained(t).pop("DatapointsToAlarm"),
)
row(
    "E9209",
    EDIT,
    lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"][0].update(ScalingAdjustment=1),
    lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"][0].update(ScalingAdjustment="-2"),
    lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"][0].update(
        ScalingAdjustment=switch(t, -1, 1)
    ),
)
row(
    "E9210",
    EDIT,
    lambda t: t["Parameters"]["MinTasks"].update(Default=6),
    lambda t: at(t, "ScalableTarget").update(MinCapacity="5"),
    lambda t: at(t, "ScalableTarget").update(SuspendedState={"DynamicScalingInSuspended": "false"}),
)
row(
    "E9211",
    EDIT,
    lambda t: at(t, "ScalableTarget").update(ResourceId="service/a/b"),
    lambda t: at(t, "ScalableTarget").update(
        ResourceId={"Fn::Join": ["/", ["service", {"Ref": "Cluster"}, get("Service", "Name")]]}
    ),
    lambda t: backlog(t).update(AlarmActions=[get("ScaleOutPolicy", "Arn")]),
    lambda t: at(t, "ScalableTarget").update(ResourceId={"Fn::ImportValue": "service-id"}),
)
row(
    "E9212",
    EDIT,
    lambda t: (backlog(t).update(Threshold=5), drained(t).update(Threshold=4)),
    lambda t: (
        backlog(t).update(Threshold=0.5),
        steps(t, "ScaleOutPolicy").update(
            StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
        ),
    ),
    lambda t: backlog(t).update(ComparisonOperator="GreaterThanThreshold", Threshold="0"),
)
row(
    "E9213",
    EDIT,
    lambda t: (backlog(t).update(Threshold=5), t["Parameters"]["MinTasks"].update(Default=1)),
    lambda t: backlog(t).update(ComparisonOperator="GreaterThanThreshold", Threshold=0),
    lambda t: drained(t).update(ComparisonOperator="LessThanThreshold", Threshold=1),
)
row(
    "E9214",
    OWN,
    lambda t: at(t, "Queue").pop("RedrivePolicy"),
    lambda t: at(t, "DeadLetterQueue").update(MessageRetentionPeriod="1209600"),
    lambda t: at(t, "DeadLetterAlarm")["Dimensions"][0].update(
        Value={"Fn::Select": [5, {"Fn::Split": [":", get("DeadLetterQueue")]}]}
    ),
    lambda t: at(t, "Queue")["RedrivePolicy"].update(deadLetterTargetArn=parameter(t, "Dead")),
)
row(
    "E9215",
    EDIT,
    lambda t: service(t).update(DesiredCount=0),
    lambda t: service(t).update(DesiredCount={"Ref": "AWS::NoValue"}),
    lambda t: service(t).update(DesiredCount=at_creation(t, "true")),
    lambda t: service(t).update(DesiredCount=at_creation(t, "false")),
)
row(
    "E9216",
    EDIT,
    lambda t: drained(t).update(ComparisonOperator="LessThanThreshold"),
    lambda t: drained(t).update(ComparisonOperator="LessThanThreshold", Threshold=1),
    lambda t: drained(t).update(AlarmActions=[sub("${ScaleInPolicy}")]),
)
row(
    "E9217",
    EDIT,
    lambda t: steps(t, "ScaleOutPolicy").update(
        AdjustmentType="ExactCapacity",
        StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}],
    ),
    lambda t: steps(t, "ScaleOutPolicy").update(
        StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": "1"}]
    ),
    lambda t: t["Parameters"]["MaxTasks"].update(Default=2),
)
row(
    "W9218",
    EDIT,
    lambda t: backlog(t).update(ExtendedStatistic="p90", Statistic={"Ref": "AWS::NoValue"}),
    lambda t: t["Parameters"]["MaxTasks"].pop("Default"),
    lambda t: [
        t["Resources"].pop(name)
        for name in (
            "ScalableTarget",
            "ScaleInPolicy",
            "ScaleOutPolicy",
            "BacklogAlarm",
            "DrainedAlarm",
        )
    ],
)
row(
    "E9220",
    EDIT,
    lambda t: backlog(t).update(MetricName="ApproximateNumberOfMessageVisible"),
    lambda t: backlog(t).update(Unit="Count"),
    lambda t: backlog(t).update(MetricName=parameter(t, "Metric")),
)
row(
    "E9221",
    EDIT,
    lambda t: drained(t).update(MetricName="NumberOfMessagesSent"),
    lambda t: drained(t).update(MetricName={"Ref": "AWS::NoValue"}),
    lambda t: backlog(t).update(
        Metrics=switch(t, [{"Id": "x"}], {"Ref": "AWS::NoValue"}, on=False)
    ),
)
row(
    "E9222",
    EDIT,
    lambda t: backlog(t).update(ActionsEnabled="false"),
    lambda t: backlog(t).update(ActionsEnabled="true"),
    lambda t: backlog(t).update(ActionsEnabled=switch(t, True, False)),
)
row(
    "E9223",
    EDIT,
    lambda t: at(t, "ScaleInPolicy").update(PolicyName=sub("${AWS::StackName}-scale-out")),
    lambda t: (
        at(t, "ScaleInPolicy").pop("ScalingTargetId"),
        at(t, "ScaleInPolicy").update(
            ResourceId=sub("service/${Cluster}/${Service.Name}"),
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
        ),
    ),
    lambda t: at(t, "ScaleInPolicy").update(PolicyName="scale-in"),
)
row(
    "E9224",
    EDIT,
    lambda t: steps(t, "ScaleOutPolicy").update(StepAdjustments=[]),
    lambda t: steps(t, "ScaleOutPolicy").update(
        AdjustmentType="PercentChangeInCapacity", MinAdjustmentMagnitude="1"
    ),
    lambda t: steps(t, "ScaleOutPolicy").update(MinAdjustmentMagnitude={"Ref": "AWS::NoValue"}),
)
# ---- queues
row(
    "E9225",
    OWN,
    lambda t: at(t, "Queue").update(VisibilityTimeout=43201),
    lambda t: at(t, "Queue").update(VisibilityTimeout="43200"),
    lambda t: at(t, "Queue").update(VisibilityTimeout=parameter(t, "Hidden", Type="Number")),
)
row(
    "E9226",
    OWN,
    lambda t: at(t, "DeadLetterQueue").update(FifoQueue=True),
    fifo,
    lambda t: at(t, "DeadLetterQueue").update(FifoQueue=switch(t, True, False, on=False)),
)
row(
    "E9227",
    OWN,
    lambda t: at(t, "Queue").update(KmsMasterKeyId=KEY, SqsManagedSseEnabled=True),
    lambda t: at(t, "Queue").update(KmsMasterKeyId=KEY, SqsManagedSseEnabled="false"),
    lambda t: customer_key(t, mapped(t, "alias/aws/sqs")),
)
row(
    "E9228",
    OWN,
    lambda t: at(t, "DeadLetterQueue").update(RedriveAllowPolicy={"redrivePermission": "denyAll"}),
    lambda t: at(t, "DeadLetterQueue").update(RedriveAllowPolicy={"redrivePermission": "allowAll"}),
    lambda t: at(t, "DeadLetterQueue").update(
        RedriveAllowPolicy={
            "redrivePermission": "byQueue",
            "sourceQueueArns": [parameter(t, "Source")],
        }
    ),
)
row(
    "E9229",
    OWN,
    lambda t: at(t, "Queue").update(MessageRetentionPeriod=60),
    lambda t: at(t, "Queue").update(MessageRetentionPeriod="86400"),
    lambda t: at(t, "Queue").update(MessageRetentionPeriod={"Ref": "AWS::NoValue"}),
)
row(
    "E9230",
    OWN,
    lambda t: at(t, "Queue").update(VisibilityTimeout=0),
    lambda t: at(t, "Queue").update(VisibilityTimeout="30"),
    lambda t: at(t, "Queue").pop("VisibilityTimeout", None),
)
row(
    "W9231",
    OWN,
    lambda t: at(t, "Queue")["RedrivePolicy"].update(maxReceiveCount=1),
    lambda t: at(t, "Queue")["RedrivePolicy"].update(maxReceiveCount="2"),
    lambda t: at(t, "Queue")["RedrivePolicy"].update(maxReceiveCount=switch(t, 5, 1)),
)
# ---- containers
row(
    "E9301",
    EDIT,
    lambda t: container(t)["MountPoints"].append(
        {"SourceVolume": "other", "ContainerPath": "/other"}
    ),
    lambda t: container(t)["MountPoints"][0].update(SourceVolume=mapped(t, "workspace")),
    lambda t: container(t)["MountPoints"][0].update(ContainerPath=parameter(t, "Path")),
)
row(
    "E9302",
    EDIT,
    lambda t: container(t).update(MountPoints=[]),
    lambda t: sidecar(t, MountPoints=container(t).pop("MountPoints")),
    lambda t: container(t)["MountPoints"][0].update(SourceVolume=sub("workspace")),
)
row(
    "E9304",
    EDIT,
    lambda t: logs(t).pop("awslogs-stream-prefix"),
    lambda t: (logs(t).update(mode="blocking"), logs(t).pop("max-buffer-size")),
    lambda t: logs(t).update({"awslogs-stream-prefix": {"Ref": "ServiceName"}}),
)
row(
    "E9305",
    EDIT,
    lambda t: statement(t, "ExecutionRole", "WriteLogs")["Action"].remove("logs:CreateLogStream"),
    lambda t: statement(t, "ExecutionRole", "WriteLogs").update(
        Resource=sub(
            "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${LogGroup}:*"
        )
    ),
    lambda t: moved(t, "ExecutionRole", "RolePolicy"),
    lambda t: logs(t).update({"awslogs-group": {"Ref": "LogGroupName"}}),
)
row(
    "E9307",
    EDIT,
    lambda t: task(t).pop("ExecutionRoleArn"),
    lambda t: task(t).update(ExecutionRoleArn={"Fn::ImportValue": "execution"}),
    lambda t: task(t).update(ExecutionRoleArn=sub("${ExecutionRole.Arn}")),
)
row(
    "E9308",
    EDIT,
    lambda t: container(t)["Secrets"][0].update(ValueFrom=sub("${GitHubTokenSecretArn}:token")),
    lambda t: container(t)["Secrets"][0].update(ValueFrom=sub("${GitHubTokenSecretArn}:token::")),
    lambda t: statement(t, "ExecutionRole", "ReadSecrets").update(
        Resource="arn:*:secretsmanager:*:*:secret:*"
    ),
    lambda t: (
        container(t)["Secrets"].append({"Name": "A", "ValueFrom": "/a/b"}),
        statements(t, "ExecutionRole").append(
            allow(
                "ssm:Get*",
                sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/a/*"),
            )
        ),
    ),
)
row(
    "E9310",
    EDIT,
    lambda t: statement(t, "ExecutionRole", "PullImage").update(
        Resource="arn:aws:ecr:us-west-2:111122223333:repository/other"
    ),
    lambda t: statement(t, "ExecutionRole", "PullImage").update(
        Action="ecr:*", Resource=sub(ECR + "${ImageRepository}")
    ),
    lambda t: container(t).update(Image="public.ecr.aws/nginx/nginx:1.27"),
    lambda t: (
        container(t).update(Image="444455556666.dkr.ecr.eu-central-1.amazonaws.com/x/y:1"),
        statement(t, "ExecutionRole", "PullImage").update(
            Resource="arn:aws:ecr:eu-central-1:444455556666:repository/x/y"
        ),
    ),
    lambda t: (
        container(t).update(Image=sub("${Account}.dkr.ecr.${AWS::Region}.amazonaws.com/x/y:1")),
        t["Parameters"].update(Account={"Type": "String", "Default": "444455556666"}),
        statement(t, "ExecutionRole", "PullImage").update(
            Resource=sub("arn:aws:ecr:${AWS::Region}:${Account}:repository/x/*")
        ),
    ),
)
row(
    "E9311",
    EDIT,
    lambda t: statement(t, "TaskRole", "MountWorkspace").update(
        Action=["elasticfilesystem:ClientMount"]
    ),
    lambda t: statement(t, "TaskRole", "MountWorkspace").update(Action="elasticfilesystem:client*"),
    lambda t: (
        statement(t, "TaskRole", "MountWorkspace").update(Action=["elasticfilesystem:ClientMount"]),
        container(t)["MountPoints"][0].update(ReadOnly="true"),
    ),
)
row(
    "E9312",
    EDIT,
    lambda t: efs(t).update(TransitEncryption="DISABLED"),
    lambda t: efs(t).update(TransitEncryption=mapped(t, "ENABLED")),
    lambda t: efs(t).update(RootDirectory="/"),
)
row(
    "E9313",
    EDIT,
    lambda t: container(t).update(StopTimeout=121),
    lambda t: container(t).update(StopTimeout="120"),
    lambda t: container(t).update(StopTimeout=switch(t, 2, 300)),
)
row(
    "E9314",
    EDIT,
    lambda t: service(t).update(PlatformVersion="1.3.0"),
    lambda t: service(t).update(PlatformVersion="1.4.0"),
    lambda t: service(t).pop("PlatformVersion"),
)
row(
    "E9315",
    EDIT,
    lambda t: service(t).pop("AvailabilityZoneRebalancing"),
    lambda t: service(t).update(AvailabilityZoneRebalancing=mapped(t, "DISABLED")),
    lambda t: service(t).update(AvailabilityZoneRebalancing=parameter(t, "Rebalancing")),
)
row(
    "E9316",
    EDIT,
    lambda t: service(t)["DeploymentConfiguration"].pop("DeploymentCircuitBreaker"),
    lambda t: service(t)["DeploymentConfiguration"]["DeploymentCircuitBreaker"].update(
        Enable="true", Rollback="true"
    ),
    lambda t: service(t)["DeploymentConfiguration"].update(
        MinimumHealthyPercent=0, MaximumPercent=200
    ),
)
row(
    "E9317",
    EDIT,
    lambda t: container(t)["Secrets"][0].update(Name="NODE_ENV"),
    lambda t: container(t)["Secrets"][0].update(Name="node_env"),
    lambda t: container(t)["Secrets"][0].update(Name=parameter(t, "Name")),
)
row(
    "E9318",
    EDIT,
    lambda t: t["Parameters"]["TaskMemory"].update(Default=1024),
    lambda t: task(t).update(Cpu="1 vCPU", Memory="3 GB"),
    lambda t: task(t).update(Cpu=mapped(t, "512"), Memory="2048"),
)
row(
    "E9320",
    EDIT,
    lambda t: container(t).update(Privileged=True),
    lambda t: container(t).update(Privileged="false"),
    lambda t: container(t)["LinuxParameters"].update(Capabilities={"Add": ["SYS_PTRACE"]}),
)
row(
    "E9321",
    EDIT,
    lambda t: (container(t).update(Memory=3072), sidecar(t, Memory=2048)),
    lambda t: (container(t).update(Memory="3072"), sidecar(t, Memory=1024)),
    lambda t: container(t).update(Memory={"Ref": "TaskMemory"}),
)
row(
    "E9322",
    EDIT,
    lambda t: (
        sidecar(t, Essential=True),
        container(t).update(DependsOn=[{"ContainerName": "sidecar", "Condition": "SUCCESS"}]),
    ),
    lambda t: (
        sidecar(t, Essential="false"),
        container(t).update(DependsOn=[{"ContainerName": "sidecar", "Condition": "COMPLETE"}]),
    ),
    lambda t: (
        sidecar(t, Essential=True),
        container(t).update(
            DependsOn=[{"ContainerName": mapped(t, "sidecar"), "Condition": "START"}]
        ),
    ),
)
row(
    "E9323",
    EDIT,
    lambda t: task(t).update(PidMode="host"),
    lambda t: task(t).update(RequiresCompatibilities=[mapped(t, "FARGATE")], PidMode="task"),
    lambda t: task(t).update(EphemeralStorage={"SizeInGiB": "200"}),
)
row(
    "E9325",
    OWN,
    lambda t: statement(t, "TaskRole", "ConsumeQueue")["Action"].remove("sqs:DeleteMessage"),
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(Action="sqs:*Message*"),
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(Resource=sub("${Queue.Arn}")),
    lambda t: moved(t, "TaskRole", "Policy"),
)
row(
    "E9326",
    EDIT,
    lambda t: sidecar(t, Name=container(t)["Name"]),
    lambda t: sidecar(t, Name="other-one"),
    lambda t: sidecar(t, Name=parameter(t, "Name")),
)
row(
    "E9327",
    EDIT,
    lambda t: container(t).update(Essential="false"),
    lambda t: container(t).pop("Essential"),
    lambda t: container(t).update(Essential=switch(t, "true", "false")),
)
row(
    "E9328",
    EDIT,
    lambda t: container(t).update(LogConfiguration={"LogDriver": "syslog"}),
    lambda t: (
        sidecar(t, FirelensConfiguration={"Type": "fluentbit"}),
        container(t).update(LogConfiguration={"LogDriver": "awsfirelens"}),
    ),
    lambda t: container(t)["LogConfiguration"].update(LogDriver=mapped(t, "awslogs")),
)
row(
    "E9329",
    EDIT,
    lambda t: sidecar(t, HealthCheck={"Command": ["true"]}),
    lambda t: sidecar(t, HealthCheck={"Command": ["CMD-SHELL", "true"], "Interval": "30"}),
    lambda t: sidecar(t, HealthCheck={"Command": [mapped(t, "CMD"), "true"]}),
)
row(
    "E9333",
    EDIT,
    lambda t: task(t)["RuntimePlatform"].update(OperatingSystemFamily="WINDOWS_SERVER_2022_CORE"),
    lambda t: task(t)["RuntimePlatform"].update(OperatingSystemFamily=mapped(t, "LINUX")),
    lambda t: task(t).pop("RuntimePlatform"),
)
row(
    "E9334",
    EDIT,
    lambda t: service(t).update(CapacityProviderStrategy=[{"CapacityProvider": "FARGATE"}]),
    lambda t: (
        service(t).pop("LaunchType"),
        service(t).update(CapacityProviderStrategy=[{"CapacityProvider": "FARGATE"}]),
        at(t, "Cluster").update(CapacityProviders=["FARGATE"]),
    ),
    lambda t: service(t).update(SchedulingStrategy=switch(t, "REPLICA", "DAEMON")),
)
row(
    "E9335",
    EDIT,
    lambda t: group(t)["SecurityGroupIngress"].append(
        {**group(t)["SecurityGroupIngress"][0], "FromPort": "2049", "Description": "again"}
    ),
    lambda t: group(t)["SecurityGroupIngress"].append(
        {**group(t)["SecurityGroupIngress"][0], "CidrIp": "10.9.0.0/16"}
    ),
    lambda t: group(t)["SecurityGroupIngress"].append(
        switch(t, {"Ref": "AWS::NoValue"}, group(t)["SecurityGroupIngress"][0])
    ),
)
row(
    "E9336",
    EDIT,
    lambda t: t["Parameters"]["ServiceName"].update(Default="edit worker"),
    lambda t: service(t).update(ServiceName=sub("${AWS::StackName}-service")),
    lambda t: service(t).update(ServiceName=mapped(t, "edit_worker-1")),
)
row(
    "W9337",
    EDIT,
    lambda t: at(t, "LogGroup").pop("RetentionInDays"),
    lambda t: at(t, "LogGroup").update(RetentionInDays=mapped(t, "7")),
    lambda t: at(t, "LogGroup").update(RetentionInDays=parameter(t, "Days")),
)
row(
    "W9338",
    EDIT,
    lambda t: subnets(t, NatGatewayId="nat-0a1b2c3d"),
    lambda t: subnets(t, GatewayId="igw-0a1b2c3d"),
    lambda t: (
        subnets(t, NatGatewayId="nat-0a1b2c3d"),
        vpc(t).update(AssignPublicIp=mapped(t, "DISABLED")),
    ),
)


def subnets(template: Template, **target: object) -> object:
    add(template, "Subnet", "EC2::Subnet", VpcId={"Ref": "VpcId"}, CidrBlock="10.0.0.0/24")
    add(template, "Table", "EC2::RouteTable", VpcId={"Ref": "VpcId"})
    add(template, "Associated", "EC2::SubnetRouteTableAssociation",
        SubnetId={"Ref": "Subnet"}, RouteTableId={"Ref": "Table"})  # fmt: skip
    add(template, "Route", "EC2::Route", RouteTableId={"Ref": "Table"},
        DestinationCidrBlock="0.0.0.0/0", **target)  # fmt: skip
    vpc(template).update(Subnets=[{"Ref": "Subnet"}])
    return template


# ---- starting
row(
    "E9339",
    OWN,
    lambda t: customer_key(t, KEY),
    lambda t: (customer_key(t, KEY), given(t, allow("kms:Decrypt", KEY))),
    lambda t: (
        customer_key(t, {"Ref": "Key"}),
        add(t, "Key", "KMS::Key", KeyPolicy=policy()),
        given(t, allow(["kms:decrypt"], [get("Key")])),
    ),
)
row(
    "E9340",
    EDIT,
    lambda t: trust(t, "ExecutionRole")[0].update(Principal={"Service": "ecs.amazonaws.com"}),
    lambda t: trust(t, "ExecutionRole")[0].update(
        Principal={"Service": ["ecs-tasks.amazonaws.com"]}, Action="STS:assumerole"
    ),
    lambda t: at(t, "TaskRole").update(
        AssumeRolePolicyDocument=(
            '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",'
            ' "Principal": {"Service": "ecs-tasks.amazonaws.com"}}}'
        )
    ),
)
row(
    "E9341",
    EDIT,
    lambda t: group(t).update(SecurityGroupEgress=[HTTPS]),
    lambda t: group(t).update(
        SecurityGroupEgress=[
            HTTPS,
            {"IpProtocol": "6", "FromPort": "2000", "ToPort": "2100", "CidrIp": "10.0.0.0/8"},
        ]
    ),
    lambda t: group(t).pop("SecurityGroupEgress"),
    lambda t: (
        group(t).update(SecurityGroupEgress=[HTTPS]),
        add(
            t,
            "Out",
            "EC2::SecurityGroupEgress",
            GroupId={"Ref": "WorkerSecurityGroup"},
            IpProtocol="-1",
            CidrIp="0.0.0.0/0",
        ),
    ),
)
# ---- access
row(
    "E9401",
    EDIT,
    lambda t: add(
        t,
        "All",
        "IAM::Policy",
        PolicyName="x",
        PolicyDocument=policy(allow("*", "*")),
        Roles=[{"Ref": "TaskRole"}],
    ),
    lambda t: given(
        t,
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ),
    lambda t: given(t, allow("s3:List*", "*")),
)
row(
    "E9402",
    EDIT,
    lambda t: given(t, {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
    lambda t: given(
        t,
        {
            "Effect": "Deny",
            "NotAction": "sqs:*",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ),
    lambda t: given(t, allow("xray:Put*", "*")),
)
row(
    "E9403",
    OWN,
    lambda t: given(t, allow("dynamodb:*", "*")),
    lambda t: given(t, allow("dynamodb:*", sub("arn:aws:dynamodb:*:*:table/${AWS::StackName}"))),
    lambda t: given(t, allow("dynamodb:Describe*", "*")),
)
row(
    "E9404",
    EDIT,
    lambda t: given(t, allow("iam:PassRole", "*")),
    lambda t: given(t, allow("iam:PassRole", get("ExecutionRole"))),
    lambda t: given(t, allow("IAM:PassRole", sub("arn:aws:iam::${AWS::AccountId}:role/worker"))),
)
row(
    "E9405",
    OWN,
    lambda t: given(t, allow("iam:AttachRolePolicy", "*")),
    lambda t: given(t, allow("iam:GetRole*", "*")),
    lambda t: given(
        t, allow("iam:Attach*", "*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    ),
)
row(
    "W9406",
    OWN,
    lambda t: given(t, allow("sqs:PurgeQueue", get("Queue"))),
    lambda t: given(t, {"Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*"}),
    lambda t: given(t, allow("sqs:SendMessage", sub("${Queue.Arn}"))),
)
row(
    "W9407",
    OWN,
    lambda t: given(t, allow("s3:PutBucketPolicy", "arn:aws:s3:::a-bucket")),
    lambda t: given(t, allow("s3:GetBucketPolicy", "arn:aws:s3:::a-bucket")),
    lambda t: given(t, {"Effect": "Deny", "Action": "s3:PutBucket*", "Resource": "*"}),
)
row(
    "E9408",
    OWN,
    lambda t: given(t, allow("s3:PutObject", BUCKET)),
    lambda t: given(t, allow("s3:PutObject", BUCKET, Condition=OF_SELF)),
    lambda t: given(t, allow("s3:PutObject", sub("arn:${AWS::Partition}:s3:::a-bucket/*"))),
)
row(
    "E9409",
    EDIT,
    lambda t: given(t, allow("ecs:UpdateTaskProtection", "*")),
    lambda t: given(t, allow("ecs:UpdateTaskProtection", sub("arn:aws:ecs:*:*:task/${Cluster}/*"))),
    lambda t: given(
        t,
        allow(
            "ecs:UpdateTaskProtection",
            "*",
            Condition={"ArnEquals": {"ecs:cluster": get("Cluster")}},
        ),
    ),
)
row(
    "E9410",
    EDIT,
    lambda t: given(t, allow("secretsmanager:GetSecretValue", "*")),
    lambda t: given(t, allow("secretsmanager:GetSecretValue", {"Ref": "GitHubTokenSecretArn"})),
    lambda t: given(t, allow("ssm:GetParameter*", "arn:aws:ssm:*:*:parameter/edit/*")),
)
row(
    "E9411",
    EDIT,
    lambda t: given(t, allow("kms:Decrypt", "*")),
    lambda t: given(t, allow("kms:Decrypt", KEY)),
    lambda t: given(
        t,
        allow(
            "kms:Decrypt",
            "*",
            Condition={"StringEquals": {"kms:ViaService": sub("sqs.${AWS::Region}.amazonaws.com")}},
        ),
    ),
)
row(
    "E9412",
    OWN,
    lambda t: given(t, allow("sqs:SendMessage", sub(QUEUE_ARN + "*"))),
    lambda t: given(t, allow("sqs:SendMessage", sub(QUEUE_ARN + "results"))),
    lambda t: given(t, allow("sqs:ListQueues", "*")),
)
row(
    "E9421",
    EDIT,
    lambda t: trust(t, "TaskRole").append(
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    ),
    lambda t: trust(t, "TaskRole").append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
            "Action": "sts:AssumeRole",
        }
    ),
    lambda t: trust(t, "TaskRole").append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
        }
    ),
)
row(
    "E9422",
    OWN,
    lambda t: add(
        t,
        "Open",
        "SQS::QueuePolicy",
        Queues=[{"Ref": "Queue"}],
        PolicyDocument=policy({**allow("sqs:*", "*"), "Principal": "*"}),
    ),
    lambda t: add(
        t,
        "Tls",
        "SQS::QueuePolicy",
        Queues=[{"Ref": "Queue"}],
        PolicyDocument=policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": get("Queue"),
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ),
    ),
    lambda t: add(
        t,
        "Topic",
        "SQS::QueuePolicy",
        Queues=[{"Ref": "Queue"}],
        PolicyDocument=policy(
            {
                **allow("sqs:SendMessage", "*"),
                "Principal": "*",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": sub("arn:aws:sns:*:${AWS::AccountId}:uploads")}
                },
            }
        ),
    ),
)
row(
    "E9423",
    OWN,
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(Resource={"Ref": "Queue"}),
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(Resource=parameter(t, "QueueArn")),
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(
        Resource={"Fn::Join": [":", ["arn", {"Ref": "AWS::Partition"}, "sqs:*:*", "x"]]}
    ),
)
row(
    "E9424",
    OWN,
    lambda t: given(t, {"Effect": "allow", "Action": "sqs:*", "Resource": "*"}),
    lambda t: (
        at(t, "TaskRole")
        .setdefault("Policies", [])
        .append(
            {
                "PolicyName": "x",
                "PolicyDocument": (
                    '{"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}'
                ),
            }
        )
    ),
    lambda t: (
        at(t, "TaskRole")
        .setdefault("Policies", [])
        .append(
            {
                "PolicyName": "x",
                "PolicyDocument": policy(
                    switch(t, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, "nothing")
                ),
            }
        )
    ),
)
row(
    "E9431",
    OWN,
    lambda t: container(t).update(Command=["run", "--key", "AKIA" + "Q3EGRZ7XJ4L2MN5K"]),
    lambda t: container(t).update(Command=["run", "--key", parameter(t, "Id")]),
    lambda t: container(t)["Environment"].append(
        {"Name": "DATABASE", "Value": "postgres://db.internal:5432/main"}
    ),
)
row(
    "E9432",
    EDIT,
    lambda t: container(t)["Environment"].append(
        {"Name": "DB_PASSWORD", "Value": parameter(t, "DbPassword")}
    ),
    lambda t: container(t)["Environment"].append(
        {"Name": "TOKEN_ARN", "Value": {"Ref": "GitHubTokenSecretArn"}}
    ),
    lambda t: container(t)["Environment"].append(
        {"Name": "DB_PASSWORD", "Value": mapped(t, "/run/secrets/password")}
    ),
    lambda t: container(t)["Secrets"].append(
        copy.deepcopy(container(t)["Secrets"][0]) | {"Name": "OTHER_TOKEN"}
    ),
)
row(
    "E9219",
    EDIT,
    lambda t: at(t, "ScalableTarget").update(
        ScalableDimension="dynamodb:table:ReadCapacityUnits", ServiceNamespace="dynamodb"
    ),
    lambda t: at(t, "ScalableTarget").update(
        ScalableDimension=mapped(t, "ecs:service:DesiredCount")
    ),
    lambda t: at(t, "ScalableTarget").update(ServiceNamespace=sub("ecs")),
)
row(
    "E9232",
    EDIT,
    lambda t: drained(t)["Metrics"][0].update(Expression="FILL(visible, 0) + FILL(in_flight, 0)"),
    lambda t: drained(t)["Metrics"][0].update(Expression="FILL(in_flight, 0) + visible"),
    lambda t: drained(t)["Metrics"][0].update(
        Expression="MAX([visible, visible + FILL(in_flight, 0)])"
    ),
)
row(
    "E9233",
    EDIT,
    lambda t: drained(t)["Metrics"][0].update(Expression="visible + in_flight"),
    lambda t: drained(t)["Metrics"][0].update(Expression="SUM([visible, FILL(in_flight, 0)])"),
    lambda t: drained(t)["Metrics"][0].update(
        Expression={"Fn::Sub": "visible + FILL(in_flight, 0)"}
    ),
)
