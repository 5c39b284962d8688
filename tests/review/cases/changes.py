"""Pairs of resources before and after, and what a review must make of them.

``blocking`` and ``flagged`` (blocking or a warning) are risky, ``quiet`` is neither of both; a note
is welcome. They were written before the code that judges them, each with the reason.
"""

from typing import Any, NamedTuple

Body = dict[str, Any]
Bodies = dict[str, Body]
ACCOUNT = "111122223333"
ARN = f"arn:aws:sqs:us-west-2:{ACCOUNT}:"


class Change(NamedTuple):
    """One change of a stack; ``outputs`` are before and after, where it is about those."""

    name: str
    expect: str
    why: str
    before: Bodies
    after: Bodies
    outputs: tuple[Body, Body] = ({}, {})


def made(kind: str, keep: str = "", **properties: Any) -> Body:
    kept = {"DeletionPolicy": keep, "UpdateReplacePolicy": keep} if keep else {}
    return {"Type": f"AWS::{kind}", "Properties": properties, **kept}


def having(body: Body, **properties: Any) -> Body:
    """The body with other values; None takes one away."""
    joined = {**body["Properties"], **properties}
    return {**body, "Properties": {k: v for k, v in joined.items() if v is not None}}


def allow(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> Body:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: Body) -> Body:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(*statements: Body, **more: Any) -> Body:
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
         "Action": "sts:AssumeRole"}
    )  # fmt: skip
    policies = [{"PolicyName": "job", "PolicyDocument": document(*statements)}]
    return made("IAM::Role", AssumeRolePolicyDocument=trust, Policies=policies, **more)


QUEUE = made("SQS::Queue", "Retain", QueueName="jobs", VisibilityTimeout=300,
             MessageRetentionPeriod=1209600,
             RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                            "maxReceiveCount": 5})  # fmt: skip
DEAD = made("SQS::Queue", "Retain", QueueName="jobs-dead", MessageRetentionPeriod=1209600)
QUEUES = {"Queue": QUEUE, "Dead": DEAD}
LOG = made("Logs::LogGroup", "Retain", LogGroupName="/jobs", RetentionInDays=30)
USES = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], f"{ARN}jobs")
WRITES = allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::results/*")
ROLE = role(USES, WRITES)
TASK = made("ECS::TaskDefinition", Family="jobs", Cpu="256", Memory="512", NetworkMode="awsvpc",
            RequiresCompatibilities=["FARGATE"], TaskRoleArn={"Fn::GetAtt": ["Role", "Arn"]},
            ContainerDefinitions=[{"Name": "worker", "Image": "repo/jobs:1", "StopTimeout": 120,
                                   "Environment": [{"Name": "LEVEL", "Value": "info"},
                                                   {"Name": "ZONE", "Value": "b"}]}])  # fmt: skip
NETWORK = {
    "AwsvpcConfiguration": {
        "Subnets": ["subnet-a", "subnet-b"],
        "SecurityGroups": ["sg-1"],
        "AssignPublicIp": "DISABLED",
    }
}
SERVICE = made("ECS::Service", Cluster="main", ServiceName="jobs", LaunchType="FARGATE",
               TaskDefinition={"Ref": "Task"}, NetworkConfiguration=NETWORK)  # fmt: skip
TARGET = made("ApplicationAutoScaling::ScalableTarget", MinCapacity=0, MaxCapacity=10,
              ResourceId="service/main/jobs", ScalableDimension="ecs:service:DesiredCount",
              ServiceNamespace="ecs")  # fmt: skip
WORKER = {**QUEUES, "Role": ROLE, "Task": TASK, "Service": SERVICE, "Target": TARGET}
EGRESS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
NFS = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "CidrIp": "10.0.0.0/16"}
GROUP = made("EC2::SecurityGroup", GroupDescription="jobs", VpcId="vpc-1",
             SecurityGroupEgress=[EGRESS, NFS])  # fmt: skip
KEY_OWNER = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
             "Action": "kms:*", "Resource": "*"}  # fmt: skip
KEY = made("KMS::Key", "Retain", Enabled=True, KeyPolicy=document(KEY_OWNER))
BUCKET = made("S3::Bucket", "Retain", BucketName="results",
              PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": True,
                                              "IgnorePublicAcls": True,
                                              "RestrictPublicBuckets": True},
              VersioningConfiguration={"Status": "Enabled"})  # fmt: skip
DATABASE = made("RDS::DBInstance", "Snapshot", DBInstanceClass="db.t4g.micro", Engine="postgres",
                DBInstanceIdentifier="jobs", BackupRetentionPeriod=14, DeletionProtection=True,
                PubliclyAccessible=False)  # fmt: skip
TABLE = made("DynamoDB::Table", "Retain", TableName="jobs", BillingMode="PAY_PER_REQUEST",
             AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
             KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
             DeletionProtectionEnabled=True,
             PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})  # fmt: skip
FUNCTION = made("Lambda::Function", FunctionName="feed", Runtime="python3.13", Handler="i.h",
                Code={"ZipFile": "x"}, Role=f"arn:aws:iam::{ACCOUNT}:role/feed",
                ReservedConcurrentExecutions=5)  # fmt: skip
TOPIC = made("SNS::Topic", TopicName="feed")
SUBSCRIPTION = made("SNS::Subscription", Protocol="sqs", TopicArn={"Ref": "Topic"},
                    Endpoint={"Fn::GetAtt": ["Queue", "Arn"]})  # fmt: skip
FEEDS = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
         "Action": "sqs:SendMessage", "Resource": f"{ARN}jobs",
         "Condition": {"ArnEquals": {"aws:SourceArn":
                                     f"arn:aws:sns:us-west-2:{ACCOUNT}:feed"}}}  # fmt: skip
POLICY = made("SQS::QueuePolicy", Queues=[{"Ref": "Queue"}], PolicyDocument=document(FEEDS))
FED = {**QUEUES, "Topic": TOPIC, "Subscription": SUBSCRIPTION, "Policy": POLICY}


def network(**members: Any) -> Body:
    joined = {**NETWORK["AwsvpcConfiguration"], **members}
    return having(SERVICE, NetworkConfiguration={"AwsvpcConfiguration": joined})


def ingress(*cidrs: str, **more: Any) -> Body:
    rules = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": each, **more}
             for each in cidrs]  # fmt: skip
    return having(GROUP, SecurityGroupIngress=rules)


def without(bodies: Bodies, *names: str) -> Bodies:
    return {name: each for name, each in bodies.items() if name not in names}


def exported(value: Any, name: str = "jobs-queue") -> Body:
    return {"Out": {"Value": value, "Export": {"Name": name}}}


def container(**members: Any) -> Body:
    return having(TASK, ContainerDefinitions=[{**TASK["Properties"]["ContainerDefinitions"][0],
                                               **members}])  # fmt: skip


BLOCK = BUCKET["Properties"]["PublicAccessBlockConfiguration"]
OTHER = {"Log": LOG}
DENY = allow("s3:DeleteObject", "arn:aws:s3:::results/*", "Deny")
PLAN = made(
    "Backup::BackupPlan",
    BackupPlan={
        "BackupPlanName": "p",
        "BackupPlanRule": [
            {"RuleName": "daily", "TargetBackupVault": "v", "Lifecycle": {"DeleteAfterDays": 35}}
        ],
    },
)
SHORT_PLAN = made(
    "Backup::BackupPlan",
    BackupPlan={
        "BackupPlanName": "p",
        "BackupPlanRule": [
            {"RuleName": "daily", "TargetBackupVault": "v", "Lifecycle": {"DeleteAfterDays": 7}}
        ],
    },
)

RISKY = (
    Change(
        "logs-kept-shorter",
        "flagged",
        "23 days of events are deleted",
        {"Log": LOG},
        {"Log": having(LOG, RetentionInDays=7)},
    ),
    Change(
        "logs-for-ever-no-more",
        "flagged",
        "no retention is for ever",
        {"Log": having(LOG, RetentionInDays=None)},
        {"Log": LOG},
    ),
    Change(
        "messages-kept-shorter",
        "flagged",
        "what waits longer than an hour is deleted",
        QUEUES,
        {**QUEUES, "Queue": having(QUEUE, MessageRetentionPeriod=3600)},
    ),
    Change(
        "messages-kept-by-default",
        "flagged",
        "left out, it is four days",
        QUEUES,
        {**QUEUES, "Queue": having(QUEUE, MessageRetentionPeriod=None)},
    ),
    Change(
        "dead-letters-kept-shorter",
        "flagged",
        "dead letters go before anybody looks",
        QUEUES,
        {**QUEUES, "Dead": having(DEAD, MessageRetentionPeriod=60)},
    ),
    Change(
        "database-backups-off",
        "flagged",
        "0 deletes all automatic backups",
        {"Db": DATABASE},
        {"Db": having(DATABASE, BackupRetentionPeriod=0)},
    ),
    Change(
        "backup-plan-shorter", "flagged", "35 days become 7", {"Plan": PLAN}, {"Plan": SHORT_PLAN}
    ),
    Change(
        "retain-off-the-log",
        "flagged",
        "from now on it goes with the stack",
        {"Log": LOG},
        {"Log": {**LOG, "DeletionPolicy": "Delete"}},
    ),
    Change(
        "retain-off-by-leaving-it-out",
        "flagged",
        "Delete is the default",
        {"Table": TABLE},
        {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": TABLE["Properties"]}},
    ),
    Change(
        "snapshot-off",
        "flagged",
        "a deletion leaves no snapshot",
        {"Db": DATABASE},
        {"Db": {**DATABASE, "DeletionPolicy": "Delete"}},
    ),
    Change(
        "only-the-replace-policy-off",
        "flagged",
        "a replacement loses the data",
        {"Table": TABLE},
        {"Table": {**TABLE, "UpdateReplacePolicy": "Delete"}},
    ),
    Change(
        "visibility-cut",
        "flagged",
        "jobs that run for more than 10 s are received twice",
        WORKER,
        {**WORKER, "Queue": having(QUEUE, VisibilityTimeout=10)},
    ),
    Change(
        "visibility-by-default",
        "flagged",
        "left out, it is 30 s",
        WORKER,
        {**WORKER, "Queue": having(QUEUE, VisibilityTimeout=None)},
    ),
    Change(
        "redrive-off",
        "flagged",
        "failing messages come back until they expire",
        QUEUES,
        {**QUEUES, "Queue": having(QUEUE, RedrivePolicy=None)},
    ),
    Change(
        "egress-cut",
        "flagged",
        "the image and the queue are no longer reached",
        {"Group": GROUP},
        {"Group": having(GROUP, SecurityGroupEgress=[NFS])},
    ),
    Change(
        "egress-rule-resource-gone",
        "flagged",
        "the same as a resource of its own",
        {
            **OTHER,
            "Out": made(
                "EC2::SecurityGroupEgress",
                GroupId="sg-1",
                IpProtocol="tcp",
                FromPort=443,
                ToPort=443,
                CidrIp="0.0.0.0/0",
            ),
        },
        OTHER,
    ),
    Change(
        "right-to-write-lost",
        "flagged",
        "the worker can no longer store its results",
        WORKER,
        {**WORKER, "Role": role(USES)},
    ),
    Change(
        "right-to-delete-denied",
        "flagged",
        "a new Deny takes it",
        WORKER,
        {**WORKER, "Role": role(USES, WRITES, allow("sqs:DeleteMessage", "*", "Deny"))},
    ),
    Change(
        "policy-of-its-own-gone",
        "flagged",
        "the right stood beside the role",
        {
            **WORKER,
            "More": made(
                "IAM::RolePolicy",
                RoleName={"Ref": "Role"},
                PolicyName="more",
                PolicyDocument=document(allow("s3:GetObject", "arn:aws:s3:::in/*")),
            ),
        },
        WORKER,
    ),
    Change(
        "outbound-within-the-network-only",
        "flagged",
        "tasks reach AWS through VPC endpoints, if there are any",
        {"Group": GROUP},
        {"Group": having(GROUP, SecurityGroupEgress=[{**EGRESS, "CidrIp": "10.0.0.0/8"}, NFS])},
    ),
    Change(
        "another-processor",
        "flagged",
        "the same image may not run on it",
        WORKER,
        {**WORKER, "Task": having(TASK, RuntimePlatform={"CpuArchitecture": "ARM64"})},
    ),
    Change(
        "queue-renamed",
        "flagged",
        "what waits in the old queue is processed by nobody",
        QUEUES,
        {**QUEUES, "Queue": having(QUEUE, QueueName="jobs-2")},
    ),
    Change(
        "subscription-gone",
        "flagged",
        "the topic no longer feeds the queue",
        FED,
        without(FED, "Subscription"),
    ),
    Change(
        "queue-policy-gone", "flagged", "the topic may no longer send", FED, without(FED, "Policy")
    ),
    Change(
        "queue-policy-empty-of-feeder",
        "flagged",
        "the statement for the topic goes",
        FED,
        {
            **FED,
            "Policy": having(
                POLICY,
                PolicyDocument=document(
                    {**FEEDS, "Principal": {"Service": "events.amazonaws.com"}}
                ),
            ),
        },
    ),
    Change(
        "key-disabled",
        "flagged",
        "nothing is decrypted any more",
        {"Key": KEY},
        {"Key": having(KEY, Enabled=False)},
    ),
    Change(
        "key-deleted-sooner",
        "flagged",
        "7 days instead of 30 to notice",
        {**OTHER, "Key": {**KEY, "DeletionPolicy": "Delete"}},
        OTHER,
    ),
    Change(
        "deny-gone-from-bucket-policy",
        "flagged",
        "what it held back is allowed elsewhere",
        {
            "Policy": made(
                "S3::BucketPolicy",
                Bucket="results",
                PolicyDocument=document(
                    {
                        **allow("s3:GetObject", "arn:aws:s3:::results/*"),
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    },
                    {
                        **allow("s3:*", "arn:aws:s3:::results/*", "Deny"),
                        "Principal": "*",
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ),
            )
        },
        {
            "Policy": made(
                "S3::BucketPolicy",
                Bucket="results",
                PolicyDocument=document(
                    {
                        **allow("s3:GetObject", "arn:aws:s3:::results/*"),
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    }
                ),
            )
        },
    ),
    Change(
        "deny-gone-with-its-policy",
        "flagged",
        "the whole policy with the Deny is removed",
        {
            "Role": ROLE,
            "Guard": made(
                "IAM::Policy",
                PolicyName="guard",
                Roles=[{"Ref": "Role"}],
                PolicyDocument=document(DENY),
            ),
        },
        {"Role": ROLE},
    ),
    Change(
        "deny-narrower",
        "flagged",
        "a part of what was denied no longer is",
        {"Role": role(allow("s3:*", "*"), allow("s3:Delete*", "*", "Deny"))},
        {"Role": role(allow("s3:*", "*"), allow("s3:DeleteBucket", "*", "Deny"))},
    ),
    Change(
        "export-renamed",
        "flagged",
        "importing stacks are refused",
        QUEUES,
        QUEUES,
        (
            exported({"Fn::GetAtt": ["Queue", "Arn"]}),
            exported({"Fn::GetAtt": ["Queue", "Arn"]}, "jobs-queue-arn"),
        ),
    ),
    Change(
        "export-of-a-replaced-resource",
        "flagged",
        "its value changes with the queue",
        QUEUES,
        {**QUEUES, "Queue": having(QUEUE, QueueName="jobs-3")},
        (exported({"Ref": "Queue"}), exported({"Ref": "Queue"})),
    ),
    Change(
        "maximum-lowered",
        "flagged",
        "tasks above it are stopped within a job",
        WORKER,
        {**WORKER, "Target": having(TARGET, MaxCapacity=2)},
    ),
    Change(
        "two-halves-of-the-world",
        "blocking",
        "0.0.0.0/1 and 128.0.0.0/1 are everybody",
        {"Group": GROUP},
        {"Group": ingress("0.0.0.0/1", "128.0.0.0/1")},
    ),
    Change(
        "world-of-version-6",
        "blocking",
        "0::/0 is ::/0 spelled otherwise",
        {"Group": GROUP},
        {
            "Group": having(
                GROUP,
                SecurityGroupIngress=[
                    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv6": "0::/0"}
                ],
            )
        },
    ),
    Change(
        "database-in-public",
        "flagged",
        "a public address",
        {"Db": DATABASE},
        {"Db": having(DATABASE, PubliclyAccessible="true")},
    ),
    Change(
        "database-unprotected",
        "flagged",
        "deletion protection off",
        {"Db": DATABASE},
        {"Db": having(DATABASE, DeletionProtection=False)},
    ),
    Change(
        "bucket-block-half-off",
        "flagged",
        "public policies are possible again",
        {"Bucket": BUCKET},
        {
            "Bucket": having(
                BUCKET, PublicAccessBlockConfiguration={**BLOCK, "RestrictPublicBuckets": False}
            )
        },
    ),
    Change(
        "versions-suspended",
        "flagged",
        "overwritten objects are lost",
        {"Bucket": BUCKET},
        {"Bucket": having(BUCKET, VersioningConfiguration={"Status": "Suspended"})},
    ),
    Change(
        "table-recovery-off",
        "flagged",
        "no point in time to go back to",
        {"Table": TABLE},
        {"Table": having(TABLE, PointInTimeRecoverySpecification=None)},
    ),
    Change(
        "function-for-everybody",
        "blocking",
        "anybody may invoke it",
        {"Function": FUNCTION},
        {
            "Function": FUNCTION,
            "Open": made(
                "Lambda::Permission",
                FunctionName="feed",
                Action="lambda:InvokeFunction",
                Principal="*",
            ),
        },
    ),
    Change(
        "table-replaced-by-its-key",
        "flagged",
        "another key makes a new, empty table",
        {"Table": TABLE},
        {
            "Table": having(
                TABLE,
                AttributeDefinitions=[{"AttributeName": "no", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "no", "KeyType": "HASH"}],
            )
        },
    ),
)

HARMLESS = (
    Change("logs-kept-longer", "quiet", "nothing is deleted", {"Log": LOG},
           {"Log": having(LOG, RetentionInDays=90)}),
    Change("logs-kept-for-ever", "quiet", "no retention is for ever", {"Log": LOG},
           {"Log": having(LOG, RetentionInDays=None)}),
    Change("retention-as-text", "quiet", "30 and \"30\" are one", {"Log": LOG},
           {"Log": having(LOG, RetentionInDays="30")}),
    Change("messages-kept-longer", "quiet", "nothing is deleted",
           {**QUEUES, "Queue": having(QUEUE, MessageRetentionPeriod=86400)}, QUEUES),
    Change("four-days-written-down", "quiet", "the default, written",
           {**QUEUES, "Queue": having(QUEUE, MessageRetentionPeriod=None)},
           {**QUEUES, "Queue": having(QUEUE, MessageRetentionPeriod=345600)}),
    Change("more-backups", "quiet", "14 days become 21", {"Db": DATABASE},
           {"Db": having(DATABASE, BackupRetentionPeriod=21)}),
    Change("backup-plan-longer", "quiet", "7 days become 35", {"Plan": SHORT_PLAN},
           {"Plan": PLAN}),
    Change("retain-on", "quiet", "kept from now on",
           {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": LOG["Properties"]}}, {"Log": LOG}),
    Change("retain-but-not-at-creation", "quiet", "RetainExceptOnCreate keeps as much",
           {"Log": LOG}, {"Log": {**LOG, "DeletionPolicy": "RetainExceptOnCreate"}}),
    Change("snapshot-becomes-retain", "quiet", "more is kept", {"Db": DATABASE},
           {"Db": {**DATABASE, "DeletionPolicy": "Retain"}}),
    Change("visibility-raised", "quiet", "longer jobs are safe", WORKER,
           {**WORKER, "Queue": having(QUEUE, VisibilityTimeout=900)}),
    Change("visibility-default-written", "quiet", "30 s is the default",
           {**WORKER, "Queue": having(QUEUE, VisibilityTimeout=None)},
           {**WORKER, "Queue": having(QUEUE, VisibilityTimeout="30")}),
    Change("redrive-added", "quiet", "failing messages go aside",
           {**QUEUES, "Queue": having(QUEUE, RedrivePolicy=None)}, QUEUES),
    Change("more-tries", "quiet", "5 receptions become 8", QUEUES,
           {**QUEUES, "Queue": having(QUEUE, RedrivePolicy={
               "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 8})}),
    Change("egress-by-number", "quiet", "6 is tcp", {"Group": GROUP},
           {"Group": having(GROUP, SecurityGroupEgress=[{**EGRESS, "IpProtocol": "6"}, NFS])}),
    Change("egress-in-another-order", "quiet", "rules have no order", {"Group": GROUP},
           {"Group": having(GROUP, SecurityGroupEgress=[NFS, EGRESS])}),
    Change("egress-with-description", "quiet", "the same rule, described", {"Group": GROUP},
           {"Group": having(GROUP, SecurityGroupEgress=[{**EGRESS, "Description": "https"},
                                                        NFS])}),
    Change("egress-in-two-halves", "quiet", "two halves are the whole", {"Group": GROUP},
           {"Group": having(GROUP, SecurityGroupEgress=[
               {**EGRESS, "CidrIp": "0.0.0.0/1"}, {**EGRESS, "CidrIp": "128.0.0.0/1"}, NFS])}),
    Change("ingress-narrower", "quiet", "10.0.0.0/8 becomes 10.1.0.0/16",
           {"Group": ingress("10.0.0.0/8")}, {"Group": ingress("10.1.0.0/16")}),
    Change("ingress-gone", "quiet", "nobody gets in", {"Group": ingress("10.0.0.0/8")},
           {"Group": GROUP}),
    Change("rights-in-two-statements", "quiet", "the same rights", WORKER,
           {**WORKER, "Role": role(allow("sqs:ReceiveMessage", f"{ARN}jobs"),
                                   allow("sqs:DeleteMessage", f"{ARN}jobs"), WRITES)}),
    Change("rights-in-another-case", "quiet", "actions have no case", WORKER,
           {**WORKER, "Role": role(allow(["SQS:receivemessage", "sqs:deletemessage"],
                                         f"{ARN}jobs"), WRITES)}),
    Change("right-that-another-contains", "quiet", "s3:* on it contains the one that goes",
           {"Role": role(allow("s3:*", "arn:aws:s3:::results/*"), WRITES)},
           {"Role": role(allow("s3:*", "arn:aws:s3:::results/*"))}),
    Change("role-moves-out-its-policy", "quiet", "inline becomes a resource of its own",
           {"Role": ROLE},
           {"Role": having(ROLE, Policies=None),
            "Rights": made("IAM::RolePolicy", RoleName={"Ref": "Role"}, PolicyName="job",
                           PolicyDocument=document(USES, WRITES))}),
    Change("deny-added-for-strangers", "quiet", "a Deny of what nothing allows",
           {"Role": ROLE}, {"Role": role(USES, WRITES, allow("ec2:*", "*", "Deny"))}),
    Change("deny-in-two-statements", "quiet", "the same, written in two",
           {"Role": role(allow("s3:*", "*"), allow(["s3:DeleteObject", "s3:DeleteBucket"], "*",
                                                   "Deny"))},
           {"Role": role(allow("s3:*", "*"), allow("s3:DeleteObject", "*", "Deny"),
                         allow("s3:DeleteBucket", "*", "Deny"))}),
    Change("deny-wider", "quiet", "more is denied of what the worker does not do",
           {"Role": role(USES, allow("s3:DeleteBucket", "*", "Deny"))},
           {"Role": role(USES, allow("s3:Delete*", "*", "Deny"))}),
    Change("queue-tagged", "quiet", "a tag", QUEUES,
           {**QUEUES, "Queue": having(QUEUE, Tags=[{"Key": "a", "Value": "b"}])}),
    Change("subscription-filtered-no-more", "quiet", "more messages arrive",
           {**FED, "Subscription": having(SUBSCRIPTION, FilterPolicy={"kind": ["a"]})}, FED),
    Change("queue-policy-in-json", "quiet", "the same, as text", FED,
           {**FED, "Policy": having(POLICY, PolicyDocument='{"Version": "2012-10-17", "Statement":'
               ' {"Effect": "Allow", "Principal": {"Service": ["sns.amazonaws.com"]}, "Action":'
               f' ["sqs:SendMessage"], "Resource": "{ARN}jobs", "Condition": {{"ArnEquals":'
               f' {{"aws:SourceArn": "arn:aws:sns:us-west-2:{ACCOUNT}:feed"}}}}}}}}')}),
    Change("key-rotates", "quiet", "rotation on", {"Key": KEY},
           {"Key": having(KEY, EnableKeyRotation=True)}),
    Change("enabled-as-text", "quiet", "true and \"true\" are one", {"Key": KEY},
           {"Key": having(KEY, Enabled="true")}),
    Change("output-without-export", "quiet", "nobody imports an output", QUEUES, QUEUES,
           ({"Out": {"Value": "a"}}, {"Out": {"Value": "b"}})),
    Change("export-added", "quiet", "nobody can import it yet", QUEUES, QUEUES,
           ({}, exported({"Fn::GetAtt": ["Queue", "Arn"]}))),
    Change("export-written-otherwise", "quiet", "the same value and name", QUEUES, QUEUES,
           (exported({"Fn::GetAtt": ["Queue", "Arn"]}),
            {"Out": {"Value": {"Fn::Sub": "${Queue.Arn}"}, "Export": {"Name": "jobs-queue"},
                     "Description": "the queue"}})),
    Change("maximum-raised", "quiet", "more tasks may run", WORKER,
           {**WORKER, "Target": having(TARGET, MaxCapacity=20)}),
    Change("outbound-in-halves", "quiet", "the internet, as two networks", {"Group": GROUP},
           {"Group": having(GROUP, SecurityGroupEgress=[
               {**EGRESS, "CidrIp": "0.0.0.0/1"}, {**EGRESS, "CidrIp": "128.0.0.0/1"}, NFS])}),
    Change("the-same-processor", "quiet", "X86_64 is what it has already", WORKER,
           {**WORKER, "Task": having(TASK, RuntimePlatform={"CpuArchitecture": "X86_64"})}),
    Change("image-bump", "quiet", "the everyday change", WORKER,
           {**WORKER, "Task": container(Image="repo/jobs:2")}),
    Change("environment-order", "quiet", "the order of variables", WORKER,
           {**WORKER, "Task": container(Environment=[{"Name": "ZONE", "Value": "b"},
                                                     {"Name": "LEVEL", "Value": "info"}])}),
    Change("bucket-keeps-more", "quiet", "a rule that moves to cheaper storage",
           {"Bucket": BUCKET},
           {"Bucket": having(BUCKET, LifecycleConfiguration={"Rules": [
               {"Status": "Enabled", "Transitions": [
                   {"StorageClass": "GLACIER_IR", "TransitionInDays": 30}]}]})}),
    Change("function-memory", "quiet", "a setting of a function", {"Function": FUNCTION},
           {"Function": having(FUNCTION, MemorySize=512)}),
)  # fmt: skip
