"""Changes of a template of out/ and whether the table should object, written before the checks.

The judge is AWS's documentation, named in each row. ``fault``: something is said that the
unchanged template does not bring. ``silent``: nothing is.
"""

from typing import NamedTuple

from tests.checks.edits import (
    ECR,
    EDIT,
    KEY,
    OWN,
    Edit,
    add,
    allow,
    at,
    backlog,
    container,
    drained,
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
    sub,
    switch,
    task,
    trust,
    variable,
    vpc,
)  # fmt: skip


class Case(NamedTuple):
    id: str
    expect: str
    base: str
    why: str
    edit: Edit


CASES: list[Case] = []


def fault(name: str, base: str, why: str, edit: Edit) -> None:
    CASES.append(Case(name, "fault", base, why, edit))


def silent(name: str, base: str, why: str, edit: Edit) -> None:
    CASES.append(Case(name, "silent", base, why, edit))


# ---- refused
fault(
    "two-containers-of-one-name",
    EDIT,
    "ECS RegisterTaskDefinition: names are unique",
    lambda t: sidecar(t, Name=container(t)["Name"]),
)
fault(
    "no-essential-container",
    OWN,
    "ECS API, ContainerDefinition.essential: at least one",
    lambda t: container(t).update(Essential=False),
)
fault(
    "healthy-without-check",
    EDIT,
    "ECS API, ContainerDependency: HEALTHY needs a health check",
    lambda t: (
        sidecar(t),
        container(t).update(DependsOn=[{"ContainerName": "sidecar", "Condition": "HEALTHY"}]),
    ),
)
fault(
    "pid-mode-host",
    EDIT,
    "ECS API, pidMode: Fargate has task only",
    lambda t: task(t).update(PidMode="host"),
)
fault("ipc-mode", OWN, "ECS API, ipcMode: not on Fargate", lambda t: task(t).update(IpcMode="task"))
fault(
    "daemon",
    EDIT,
    "ECS API, schedulingStrategy: Fargate has no DAEMON",
    lambda t: service(t).update(SchedulingStrategy=switch(t, "DAEMON", "REPLICA")),
)
fault(
    "provider-beside-launch-type",
    OWN,
    "ECS API, CreateService: one or the other",
    lambda t: service(t).update(CapacityProviderStrategy=[{"CapacityProvider": "FARGATE_SPOT"}]),
)
fault(
    "memory-reservation-above-limit",
    OWN,
    "ECS API, memory must be above memoryReservation",
    lambda t: container(t).update(Memory=256, MemoryReservation=512),
)
fault(
    "fifo-without-suffix",
    OWN,
    "SQS API, CreateQueue: a FIFO queue's name ends in .fifo",
    lambda t: (
        at(t, "Queue").update(FifoQueue=True, QueueName="jobs"),
        at(t, "DeadLetterQueue").update(FifoQueue=True, QueueName="dead.fifo"),
    ),
)
fault(
    "dead-letters-by-other-queue",
    OWN,
    "SQS API, redrivePermission byQueue names its sources",
    lambda t: at(t, "DeadLetterQueue").update(
        RedriveAllowPolicy={
            "redrivePermission": "byQueue",
            "sourceQueueArns": ["arn:aws:sqs:us-west-2:111122223333:another"],
        }
    ),
)
fault(
    "visibility-13-hours",
    OWN,
    "SQS API, VisibilityTimeout: 0 to 43,200 s",
    lambda t: at(t, "Queue").update(VisibilityTimeout=mapped(t, 46800)),
)
# ---- cannot run
fault(
    "no-layers",
    EDIT,
    "ECS guide, task execution role: ecr:GetDownloadUrlForLayer",
    lambda t: statement(t, "ExecutionRole", "PullImage")["Action"].remove(
        "ecr:GetDownloadUrlForLayer"
    ),
)
fault(
    "no-log-stream",
    OWN,
    "ECS guide, awslogs: logs:CreateLogStream",
    lambda t: statement(t, "ExecutionRole", "WriteLogs").update(Action="logs:PutLogEvents"),
)
fault(
    "deny-takes-the-pull",
    EDIT,
    "IAM guide, evaluation: an explicit Deny wins",
    lambda t: add(
        t,
        "No",
        "IAM::Policy",
        PolicyName="no",
        Roles=[{"Ref": "ExecutionRole"}],
        PolicyDocument=policy({"Effect": "Deny", "Action": "ECR:Batch*", "Resource": "*"}),
    ),
)
fault(
    "egress-without-nfs",
    EDIT,
    "EFS guide, network access: tcp 2049",
    lambda t: group(t).update(
        SecurityGroupEgress=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
        ]
    ),
)
fault(
    "log-group-of-nobody",
    OWN,
    "ECS guide, awslogs: the group must exist",
    lambda t: logs(t).update({"awslogs-group": "/somewhere/else"}),
)
fault(
    "parameter-secret-without-right",
    EDIT,
    "ECS guide, task execution role: ssm:GetParameters",
    lambda t: container(t)["Secrets"].append({"Name": "OTHER", "ValueFrom": "/edit/other"}),
)
fault(
    "task-role-trusts-ec2",
    OWN,
    "ECS guide, task role: ecs-tasks.amazonaws.com",
    lambda t: trust(t, "TaskRole")[0].update(Principal={"Service": "ec2.amazonaws.com"}),
)
# ---- never scales, costs, kills
fault(
    "maximum-0",
    EDIT,
    "Application Auto Scaling API, MaxCapacity",
    lambda t: t["Parameters"]["MaxTasks"].update(Default=0, MinValue=0),
)
fault(
    "scaling-suspended",
    EDIT,
    "Application Auto Scaling API, SuspendedState",
    lambda t: at(t, "ScalableTarget").update(SuspendedState={"DynamicScalingOutSuspended": "true"}),
)
fault(
    "scale-in-suspended",
    OWN,
    "Application Auto Scaling API, SuspendedState",
    lambda t: at(t, "ScalableTarget").update(SuspendedState={"DynamicScalingInSuspended": True}),
)
fault(
    "missing-data-ignored-by-math",
    EDIT,
    "CloudWatch guide, metric math: MIN of both is 0",
    lambda t: drained(t)["Metrics"][0].update(Expression="MIN([visible, FILL(in_flight, 0)])"),
)
fault(
    "nobody-scales-in",
    OWN,
    "CloudWatch API, AlarmActions",
    lambda t: drained(t).pop("AlarmActions"),
)
fault(
    "desired-count-of-each-update",
    OWN,
    "ECS API, UpdateService.desiredCount",
    lambda t: service(t).update(DesiredCount=switch(t, 1, 0)),
)
# ---- loses messages
fault(
    "dead-letters-expire-first",
    OWN,
    "SQS guide, dead-letter queues: the age goes on counting",
    lambda t: (
        at(t, "Queue").update(MessageRetentionPeriod=1209600),
        at(t, "DeadLetterQueue").update(MessageRetentionPeriod=86400),
    ),
)
# ---- access
fault(
    "administrator",
    OWN,
    "IAM guide, AWS managed policies",
    lambda t: at(t, "TaskRole").update(
        ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]
    ),
)
fault(
    "queue-open-to-everybody",
    OWN,
    "SQS guide, access policies",
    lambda t: add(
        t,
        "Open",
        "SQS::QueuePolicy",
        Queues=[{"Ref": "Queue"}],
        PolicyDocument=policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": "SQS:SendMessage",
                "Resource": "*",
            }
        ),
    ),
)
fault(
    "role-for-everybody",
    EDIT,
    "IAM guide, Principal",
    lambda t: trust(t, "TaskRole").append(
        {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    ),
)
fault(
    "secret-resolved-into-environment",
    EDIT,
    "CloudFormation, dynamic references",
    lambda t: container(t)["Environment"].append(
        {"Name": "TOKEN", "Value": "{{resolve:secretsmanager:edit/token}}"}
    ),
)
fault(
    "ssh-from-anywhere",
    EDIT,
    "EC2 guide, security group rules",
    lambda t: group(t)["SecurityGroupIngress"].append({"IpProtocol": "-1", "CidrIpv6": "::/0"}),
)

# ================ silent
silent(
    "pull-by-managed-policy",
    OWN,
    "ECS guide, AmazonECSTaskExecutionRolePolicy",
    lambda t: (
        moved(t, "ExecutionRole", "inline")
        and at(t, "ExecutionRole").update(
            Policies=[],
            ManagedPolicyArns=[
                sub(
                    "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
                )
            ],
        )
    ),
)
silent(
    "task-policy-as-policy",
    EDIT,
    "CloudFormation, AWS::IAM::Policy",
    lambda t: moved(t, "TaskRole", "Policy"),
)
silent(
    "task-policy-as-role-policy",
    OWN,
    "CloudFormation, AWS::IAM::RolePolicy",
    lambda t: moved(t, "TaskRole", "RolePolicy"),
)
silent(
    "actions-in-another-case",
    OWN,
    "IAM guide, Action: case does not matter",
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(
        Action=[
            "SQS:receivemessage",
            "sqs:DeleteMessage*",
            "sqs:ChangeMessageVisibility*",
            "sqs:GetQueue*",
        ]
    ),
)
silent(
    "alarm-action-by-arn",
    OWN,
    "CloudFormation, ScalingPolicy return values",
    lambda t: backlog(t).update(AlarmActions=[get("ScaleOutPolicy", "Arn")]),
)
silent(
    "alarm-action-by-sub",
    EDIT,
    "CloudFormation, Fn::Sub",
    lambda t: drained(t).update(AlarmActions=[sub("${ScaleInPolicy}")]),
)
silent(
    "cluster-by-arn",
    EDIT,
    "ECS API, CreateService.cluster: name or ARN",
    lambda t: service(t).update(Cluster=get("Cluster")),
)
silent(
    "no-public-address",
    OWN,
    "ECS guide, Fargate task networking",
    lambda t: vpc(t).update(AssignPublicIp="DISABLED"),
)
silent(
    "breaker-as-text",
    OWN,
    "CloudFormation takes booleans as text",
    lambda t: service(t)["DeploymentConfiguration"]["DeploymentCircuitBreaker"].update(
        Enable="true", Rollback="true"
    ),
)
silent(
    "stop-timeout-as-text",
    EDIT,
    "CloudFormation takes numbers as text",
    lambda t: container(t).update(StopTimeout="90"),
)
silent(
    "sizes-with-units",
    EDIT,
    "ECS API, cpu and memory: 1 vCPU, 2 GB",
    lambda t: (task(t).update(Cpu="1 vCPU", Memory="2 GB"), container(t).pop("Memory", None)),
)
silent(
    "size-from-parameter-store",
    OWN,
    "CloudFormation, SSM parameter types",
    lambda t: t["Parameters"].update(
        TaskMemory={"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/worker/memory"}
    ),
)
silent(
    "queue-url-from-parameter-store",
    EDIT,
    "CloudFormation, SSM parameter types",
    lambda t: (
        t["Parameters"].update(
            Url={"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/worker/url"}
        ),
        variable(t, "QUEUE_URL").update(Value={"Ref": "Url"}),
    ),
)
silent(
    "dead-letters-elsewhere",
    OWN,
    "SQS guide: the dead-letter queue may be in another stack",
    lambda t: at(t, "Queue")["RedrivePolicy"].update(
        deadLetterTargetArn={"Fn::ImportValue": "dead-letters"}
    ),
)
silent(
    "sidecar-that-ends",
    EDIT,
    "ECS API, ContainerDependency: SUCCESS of what is not essential",
    lambda t: (
        sidecar(t),
        container(t).update(DependsOn=[{"ContainerName": "sidecar", "Condition": "SUCCESS"}]),
    ),
)
silent(
    "no-log-configuration",
    OWN,
    "ECS API: logging is optional; a FireLens router has none",
    lambda t: sidecar(t).pop("LogConfiguration"),
)
silent(
    "group-imported",
    OWN,
    "the group is another stack's",
    lambda t: vpc(t).update(SecurityGroups=[{"Fn::ImportValue": "workers"}]),
)
silent(
    "role-imported",
    EDIT,
    "the role is another stack's",
    lambda t: task(t).update(TaskRoleArn={"Fn::ImportValue": "task-role"}),
)
silent(
    "image-from-elsewhere",
    OWN,
    "ECR Public needs no right",
    lambda t: container(t).update(Image="public.ecr.aws/docker/library/busybox:1.36"),
)
silent(
    "logs-with-a-star",
    OWN,
    "IAM guide, wildcards",
    lambda t: (
        statement(t, "ExecutionRole", "WriteLogs").update(
            Action="logs:*LogEvents", Resource=[sub("arn:${AWS::Partition}:logs:*:*:log-group:*")]
        )
        or statements(t, "ExecutionRole").append(allow("logs:CreateLogStream", "*"))
    ),
)
silent(
    "longest-stop",
    EDIT,
    "ECS API, stopTimeout: 120",
    lambda t: container(t).update(StopTimeout=switch(t, 120, 300)),
)
silent(
    "secret-version",
    EDIT,
    "ECS guide: ARN:key:stage:version",
    lambda t: container(t)["Secrets"][0].update(
        ValueFrom=sub("${GitHubTokenSecretArn}::AWSPREVIOUS:")
    ),
)
silent(
    "redrive-by-queue",
    OWN,
    "SQS API, RedriveAllowPolicy: byQueue names this one",
    lambda t: (
        at(t, "Queue").update(QueueName="jobs"),
        at(t, "DeadLetterQueue").update(
            RedriveAllowPolicy={
                "redrivePermission": "byQueue",
                "sourceQueueArns": [
                    sub("arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:jobs")
                ],
            }
        ),
    ),
)
silent(
    "key-alias-of-sqs",
    OWN,
    "SQS guide: alias/aws/sqs lets everyone of the account decrypt",
    lambda t: (
        at(t, "Queue").pop("SqsManagedSseEnabled"),
        at(t, "Queue").update(KmsMasterKeyId="alias/aws/sqs"),
    ),
)
silent(
    "pull-from-one-of-two",
    EDIT,
    "IAM guide, Resource: a list",
    lambda t: statement(t, "ExecutionRole", "PullImage").update(
        Resource=[sub(ECR + "another/image"), sub(ECR + "webordinary/*")]
    ),
)
silent(
    "spot",
    EDIT,
    "ECS guide, capacity providers: the cluster has them",
    lambda t: (
        service(t).pop("LaunchType"),
        service(t).update(
            CapacityProviderStrategy=[{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
        ),
        at(t, "Cluster").update(CapacityProviders=["FARGATE", "FARGATE_SPOT"]),
    ),
)
silent(
    "scheduled-minimum",
    EDIT,
    "Application Auto Scaling guide: within the bounds",
    lambda t: backlog(t).update(Period="60", EvaluationPeriods="1", Threshold="1.0"),
)
silent(
    "condition-on-a-role",
    OWN,
    "IAM guide: a condition that the worker meets, or may",
    lambda t: statement(t, "TaskRole", "ConsumeQueue").update(
        Condition={"Bool": {"aws:SecureTransport": "true"}}
    ),
)
silent(
    "boundary",
    OWN,
    "IAM guide, permissions boundaries: not known, so nothing is said",
    lambda t: at(t, "TaskRole").update(PermissionsBoundary=parameter(t, "Boundary")),
)
silent(
    "percentages-of-a-deployment",
    EDIT,
    "ECS API, deploymentConfiguration",
    lambda t: service(t)["DeploymentConfiguration"].update(
        MinimumHealthyPercent=0, MaximumPercent="150"
    ),
)
silent(
    "key-by-parameter",
    EDIT,
    "which key it is, is not known",
    lambda t: statements(t, "ExecutionRole").append(allow("kms:Decrypt", [KEY])),
)
silent(
    "queue-policy-for-one-account",
    OWN,
    "SQS guide, cross-account",
    lambda t: add(
        t,
        "Send",
        "SQS::QueuePolicy",
        Queues=[{"Ref": "Queue"}],
        PolicyDocument=policy(
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "sqs:SendMessage",
                "Resource": get("Queue"),
                "Condition": {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}},
            }
        ),
    ),
)
