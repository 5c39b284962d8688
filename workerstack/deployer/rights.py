"""The rights that this tool needs: the table of its calls to AWS, and who gets which.

`role_policies` makes policies of it. What CloudFormation needs for a template's resources is
`resource_rights`.
"""

from dataclasses import dataclass

REVIEWER, EXECUTOR, SERVICE_ROLE, SMOKE = "reviewer", "executor", "service-role", "smoke"
ROLES = (REVIEWER, EXECUTOR, SERVICE_ROLE, SMOKE)
BOTH = (REVIEWER, EXECUTOR)
ALL = (REVIEWER, EXECUTOR, SMOKE)
LIVE = (EXECUTOR, SMOKE)


@dataclass(frozen=True)
class Call:
    """One action, who gets it, on what, and what for.

    ``on`` is a thing of `role_policies.Environment.things`.
    """

    action: str
    roles: tuple[str, ...]
    on: str
    why: str


RIGHTS = (
    # Stacks and change sets.
    Call("cloudformation:DescribeStacks", ALL, "stacks", "what there is"),
    Call("cloudformation:ListStackResources", ALL, "stacks", "what it has"),
    Call("cloudformation:GetTemplate", BOTH, "stacks", "what is deployed, and what is proposed"),
    Call("cloudformation:GetTemplateSummary", BOTH, "all", "which capabilities a template needs"),
    Call("cloudformation:DescribeStackEvents", BOTH, "stacks", "what happened, also earlier"),
    Call("cloudformation:DescribeChangeSet", BOTH, "stacks", "the changes"),
    Call("cloudformation:DescribeChangeSetHooks", BOTH, "stacks", "what will look at them"),
    Call("cloudformation:DescribeEvents", BOTH, "all", "what early validation says"),
    Call("cloudformation:ListHookResults", BOTH, "all", "what hooks say"),
    Call("cloudformation:GetHookResult", BOTH, "all", "why a hook fails"),
    Call("cloudformation:ListImports", BOTH, "exports", "who imports the stack's exports"),
    Call("cloudformation:CreateChangeSet", (REVIEWER,), "stacks", "the proposal"),
    Call("cloudformation:DeleteChangeSet", (REVIEWER,), "stacks", "deleting it"),
    Call("cloudformation:ListChangeSets", (REVIEWER,), "stacks", "finding those that wait"),
    Call("cloudformation:DetectStackDrift", (REVIEWER,), "stacks", "what was changed by hand"),
    Call("cloudformation:DescribeStackDriftDetectionStatus", (REVIEWER,), "all", "the same"),
    Call("cloudformation:DescribeStackResourceDrifts", (REVIEWER,), "stacks", "the same"),
    Call("cloudformation:ExecuteChangeSet", (EXECUTOR,), "stacks", "what was reviewed"),
    Call("cloudformation:CancelUpdateStack", (EXECUTOR,), "stacks", "Ctrl-C while it is watched"),
    Call("cloudformation:ContinueUpdateRollback", (EXECUTOR,), "stacks", "rollback --continue"),
    Call("cloudformation:RollbackStack", (EXECUTOR,), "stacks", "rollback of a failed stack"),
    Call("cloudformation:DeleteStack", (EXECUTOR,), "stacks", "discard --stack"),
    # What guards the stack, where target.yaml says so.
    Call("cloudformation:GetStackPolicy", BOTH, "stacks with a policy", "the policy that it has"),
    Call("cloudformation:SetStackPolicy", (EXECUTOR,), "stacks with a policy", "setting it"),
    Call("cloudformation:UpdateTerminationProtection", (EXECUTOR,), "guarded stacks",
          "setting it"),
    # A stack that another tool made, and that `adopt` takes over.
    Call("cloudformation:DescribeType", (REVIEWER,), "any, to adopt", "what can be imported"),
    Call("cloudformation:ListStackResources", (REVIEWER,), "stacks to adopt", "what it has"),
    Call("cloudformation:GetStackPolicy", (REVIEWER,), "stacks to adopt", "what forbids it"),
    Call("cloudformation:CreateStackRefactor", (REVIEWER,), "stacks to adopt", "new logical ids"),
    Call("cloudformation:DescribeStackRefactor", BOTH, "stacks to adopt", "the renaming"),
    Call("cloudformation:ListStackRefactorActions", BOTH, "stacks to adopt", "the same"),
    Call("cloudformation:ExecuteStackRefactor", (EXECUTOR,), "stacks to adopt", "the renaming"),
    # A template of more than 51,200 bytes.
    Call("s3:ListBucket", BOTH, "template bucket", "whether the template bucket is ours"),
    Call("s3:PutObject", BOTH, "templates", "a template that a request cannot hold"),
    Call("s3:GetObject", BOTH, "templates", "CloudFormation reads it with our rights"),
    # CloudFormation looks up the values of parameters that are of a type of AWS.
    Call("ec2:DescribeVpcs", BOTH, "AWS::EC2::VPC::Id", "a value of this type exists"),
    Call("ec2:DescribeSubnets", BOTH, "AWS::EC2::Subnet::Id", "a value of this type exists"),
    Call("ec2:DescribeSecurityGroups", BOTH, "AWS::EC2::SecurityGroup::Id",
          "a value of this type exists"),
    # CloudFormation takes the role from us.
    Call("iam:PassRole", BOTH, "service role", "the role with which CloudFormation acts"),
    # The worker as it is.
    Call("ecs:DescribeServices", ALL, "services", "running tasks, the rollout"),
    Call("sqs:GetQueueUrl", BOTH, "queues", "the queue by its name, and its dead letters"),
    Call("sqs:GetQueueUrl", (SMOKE,), "dead-letter queues", "its dead letters"),
    Call("sqs:GetQueueAttributes", ALL, "queues", "messages waiting and in flight"),
    Call("ecs:DescribeTaskDefinition", LIVE, "all", "what runs"),
    Call("ecs:ListTasks", ALL, "tasks of the clusters", "tasks that run or stop"),
    Call("ecs:DescribeTasks", ALL, "tasks", "which image they run, why they stop"),
    Call("ecs:GetTaskProtection", (EXECUTOR,), "tasks", "whom a deployment waits for"),
    Call("logs:FilterLogEvents", LIVE, "log groups", "what the worker says"),
    Call("application-autoscaling:DescribeScalableTargets", LIVE, "all", "whether it scales"),
    Call("application-autoscaling:DescribeScalingPolicies", LIVE, "all", "how it scales"),
    Call("cloudwatch:DescribeAlarms", LIVE, "alarms", "what drives scaling"),
    Call("ec2:DescribeSecurityGroups", LIVE, "all", "what may reach the tasks"),
    Call("elasticfilesystem:DescribeMountTargets", LIVE, "file systems", "its mount targets"),
    Call("elasticfilesystem:DescribeMountTargetSecurityGroups", LIVE, "file systems",
          "whether they let the worker in"),
    # Preflight: does what is needed exist? The JSON keys of a secret take the right to read it,
    # secretsmanager:GetSecretValue, which nobody gets from here. Who executes looks anew.
    Call("secretsmanager:DescribeSecret", BOTH, "needed secrets", "that they are there"),
    Call("ssm:DescribeParameters", BOTH, "any, of needed parameters",
          "that they are there"),
    Call("kms:DescribeKey", BOTH, "keys of needs", "whether a customer key is enabled"),
    Call("kms:GetKeyPolicy", BOTH, "keys of needs", "whether it lets the worker in"),
    Call("ec2:DescribeSubnets", BOTH, "all", "their VPC, zone and free addresses"),
    Call("ec2:DescribeRouteTables", BOTH, "all", "a way out"),
    Call("ec2:DescribeVpcEndpoints", BOTH, "all", "a way to AWS without one"),
    Call("ec2:DescribeSecurityGroups", (REVIEWER,), "all", "whether they let the worker in"),
    Call("elasticfilesystem:DescribeFileSystems", BOTH, "file systems",
          "that they are there"),
    Call("elasticfilesystem:DescribeMountTargets", (REVIEWER,), "file systems",
          "one in each zone"),
    Call("elasticfilesystem:DescribeMountTargetSecurityGroups", (REVIEWER,), "file systems",
          "whether they let the worker in"),
    Call("elasticfilesystem:DescribeAccessPoints", BOTH, "access points",
          "that they are there"),
    Call("logs:DescribeLogGroups", BOTH, "all log groups", "whether a name is free"),
    Call("s3:ListBucket", BOTH, "worker's buckets", "whose they are"),
    Call("servicequotas:GetServiceQuota", BOTH, "all", "vCPUs of the most tasks"),
    Call("servicequotas:GetAWSDefaultServiceQuota", BOTH, "all", "the same"),
    Call("iam:GetAccountSummary", BOTH, "all", "how many roles there may be"),
    Call("ecs:ListServiceDeployments", (EXECUTOR,), "services", "a rollout that goes back"),
    Call("ecs:DescribeServiceDeployments", (EXECUTOR,), "service deployments", "why it does"),
    # One task proves a revision at zero tasks, and is stopped.
    Call("ecs:RunTask", (EXECUTOR,), "task definitions", "a task that proves a revision"),
    Call("ecs:StopTask", (EXECUTOR,), "tasks", "stopping it"),
    Call("iam:PassRole", (EXECUTOR,), "passed roles", "the roles of that task"),
    # What verify reads of the stack, one resource at a time.
    Call("ecs:DescribeClusters", (EXECUTOR,), "clusters", "the cluster's settings"),
    Call("ecs:DescribeClusters", (REVIEWER,), "imported clusters", "whether they are there"),
    Call("application-autoscaling:DescribeScheduledActions", (EXECUTOR,), "all",
          "scheduled actions that are not the template's"),
    Call("iam:GetRole", (EXECUTOR,), "roles", "who may assume the worker's roles"),
    Call("iam:ListRolePolicies", (EXECUTOR,), "roles", "what they may do"),
    Call("iam:GetRolePolicy", (EXECUTOR,), "roles", "the same"),
    Call("iam:ListAttachedRolePolicies", (EXECUTOR,), "roles", "the same"),
    Call("iam:GetPolicy", (EXECUTOR,), "managed policies", "the same"),
    Call("iam:GetPolicyVersion", (EXECUTOR,), "managed policies", "the same"),
    Call("logs:DescribeLogGroups", (EXECUTOR,), "all log groups", "how long logs are kept"),
    Call("cloudwatch:GetMetricData", (EXECUTOR,), "all",
          "the age of the oldest message; the load of two weeks"),
    Call("ecs:DescribeServiceRevisions", BOTH, "service revisions", "which image a tag became"),
    Call("ecr:DescribeImages", BOTH, "repositories", "what a tag means now"),
    Call("ecr:BatchGetImage", BOTH, "repositories", "images of several platforms"),
    Call("ecr:GetDownloadUrlForLayer", BOTH, "repositories", "an image's platform"),
    Call("ecr:DescribeImageScanFindings", (REVIEWER,), "repositories", "ship: what a scan found"),
    Call("secretsmanager:DescribeSecret", (EXECUTOR,), "secrets", "that they are there"),
    Call("ssm:DescribeParameters", (EXECUTOR,), "any, of parameters", "that they are there"),
    # The smoke test.
    Call("iam:SimulatePrincipalPolicy", (SMOKE,), "task roles", "whether the worker may do it"),
    Call("ecs:UpdateService", (SMOKE,), "services", "one task, and back"),
    Call("application-autoscaling:RegisterScalableTarget", (SMOKE,), "scalable targets",
          "suspending scale-in, and resuming it"),
    Call("sqs:SendMessage", (SMOKE,), "worker's queue", "the message"),
    Call("sqs:ReceiveMessage", (SMOKE,), "worker's queue", "receiving what nobody received"),
    Call("sqs:DeleteMessage", (SMOKE,), "worker's queue", "the same"),
    Call("sqs:ChangeMessageVisibility", (SMOKE,), "worker's queue", "giving back another's"),
    Call("s3:ListBucket", (SMOKE,), "worker's buckets", "whether the expected object is there"),
    Call("s3:GetObject", (SMOKE,), "worker's objects", "the same"),
)  # fmt: skip
"""Every call of this tool to AWS but sts:GetCallerIdentity, which needs no right.

A new call gets a row here; the test of the scenarios names it where it is missing.
"""
