"""The rights that this tool needs for an environment, and no more: policies and trust, as data.

Pure: deployments and templates in, JSON out. What the tool itself calls is the table `RIGHTS`;
what CloudFormation calls to make a template's resources is `resource_rights`, from the provider
schemas that cfn-lint ships. The tests run everything with exactly these policies.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workerstack.cloudformation import Resource, Stack, policies, read, resolve, surroundings
from workerstack.cloudformation.bodies import containers, dimensions
from workerstack.cloudformation.handler_permissions import HANDLERS
from workerstack.cloudformation.policy_patterns import text as policy_text
from workerstack.cloudformation.service_authorization import fits, scope
from workerstack.deployer import resource_rights
from workerstack.deployer.resource_rights import OF_STACK, Place, ResourceRight, grants_of, pattern
from workerstack.deployer.source import INLINE_LIMIT, PREFIX, Source

REVIEWER, EXECUTOR, SERVICE_ROLE, SMOKE = "reviewer", "executor", "service-role", "smoke"
ROLES = (REVIEWER, EXECUTOR, SERVICE_ROLE, SMOKE)
BOTH = (REVIEWER, EXECUTOR)
ALL = (REVIEWER, EXECUTOR, SMOKE)
LIVE = (EXECUTOR, SMOKE)


@dataclass(frozen=True)
class Call:
    """One action, who gets it, on what (a thing of `Environment.things`), and what for."""

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


@dataclass(frozen=True)
class Environment:
    """The stacks of an environment, resolved with its values; ``sources`` in the same order.

    ``before`` are templates that stand there today, whose resources may be changed or deleted.
    ``dead_letter_queues`` are the names of those of queues that are not of these stacks.
    """

    sources: tuple[Source, ...]
    before: Mapping[str, Stack] = field(default_factory=dict)
    dead_letter_queues: tuple[str, ...] = ()

    @cached_property
    def place(self) -> Place:
        """Where it is."""
        target = self.sources[0].deployment.target
        return Place(
            surroundings(target.account, target.region)["AWS::Partition"],
            target.region,
            target.account,
        )

    @cached_property
    def stacks(self) -> dict[str, Stack]:
        """By name."""
        return {each.deployment.stack: resolved(each, each.values()) for each in self.sources}

    def resources(self, *kinds: str) -> Iterator[tuple[str, Resource]]:
        """All of these types (of every type without one), each with its stack's name."""
        for name, stack in self.stacks.items():
            for each in stack.resources.values():
                if not kinds or each.type in kinds:
                    yield name, each

    def arns(self, kind: str) -> set[str]:
        """Patterns of the ARNs of all resources of a type."""
        return {
            arn
            for name, each in self.resources(kind)
            for arn in resource_rights.arns(each, name, self.stacks[name], self.place)
        }

    @cached_property
    def things(self) -> dict[str, tuple[str, ...]]:
        """What the rows of the table are on: patterns of ARNs; none where there is no such."""
        place, target = self.place, self.sources[0].deployment.target
        found: dict[str, Iterable[str]] = {
            "all": ["*"],
            "stacks": [
                place.arn("cloudformation", f"stack/{each.deployment.stack}/*")
                for each in self.sources
            ],
            "services": (each for each in self.arns("AWS::ECS::Service") if ":service/" in each),
            "service revisions": self._service_revisions(),
            "service deployments": (
                each for each in self.arns("AWS::ECS::Service") if ":service-deployment/" in each
            ),
            "queues": self._queues(),
            "worker's queue": self._given(),
            "dead-letter queues": self._dead_letters(),
            "tasks": [place.arn("ecs", f"task/{each}/*") for each in self._clusters()],
            "tasks of the clusters": [
                place.arn("ecs", f"container-instance/{each}/*") for each in self._clusters()
            ],
            "clusters": [place.arn("ecs", f"cluster/{each}") for each in self._clusters()],
            "imported clusters": [
                place.arn("ecs", f"cluster/{each}") for each in self._clusters(imported=True)
            ],
            "roles": self.arns("AWS::IAM::Role"),
            "managed policies": self._managed_policies(),
            "all log groups": (
                [place.arn("logs", "log-group:*")] if self.arns("AWS::Logs::LogGroup") else []
            ),
            "repositories": self._repositories(),
            "secrets": self._secrets(),
            "any, of parameters": ["*"] if any(self.resources("AWS::SSM::Parameter")) else [],
            "log groups": self._log_groups(),
            "access points": self._access_points(),
            "needed secrets": self._needed(secrets=True),
            "any, of needed parameters": ["*"] if any(self._needed(secrets=False)) else [],
            "keys of needs": (
                [place.arn("kms", "key/*")]
                if any(self.resources("AWS::ECS::TaskDefinition"))
                else []
            ),
            "alarms": self.arns("AWS::CloudWatch::Alarm"),
            "file systems": self._file_systems(),
            "task definitions": self.arns("AWS::ECS::TaskDefinition"),
            "task roles": self._task_roles("TaskRoleArn"),
            "passed roles": self._task_roles("TaskRoleArn", "ExecutionRoleArn"),
            "scalable targets": [place.arn("application-autoscaling", "scalable-target/*")],
            "service role": [target.service_role] if target.service_role else [],
            "worker's buckets": self._worker_may("s3:ListBucket"),
            "worker's objects": self._worker_may("s3:GetObject"),
        }
        stacks = tuple(found["stacks"])
        found["any, to adopt"] = ["*"] if self.before else []
        found["stacks to adopt"] = [
            place.arn("cloudformation", f"stack/{each}/*") for each in self.before
        ]
        found["stacks with a policy"] = stacks if target.stack_policy else ()
        found["guarded stacks"] = stacks if target.termination_protection is not None else ()
        found["exports"] = ["*"] if self._exports() else []
        bucket = target.template_bucket if self._is_large() else None
        found["template bucket"] = [f"arn:{place.partition}:s3:::{bucket}"] if bucket else []
        found["templates"] = (
            [f"arn:{place.partition}:s3:::{bucket}/{PREFIX}/*.template.yaml"] if bucket else []
        )
        for kind in TYPES:
            found[kind] = ["*"] if self._declares(kind) else []
        return {name: tuple(sorted(set(each))) for name, each in found.items()}

    def unnamed(self) -> list[str]:
        """The types whose resources are not known by their names."""
        return sorted(
            {
                each.type
                for stack in self.all_stacks()
                for each in stack.resources.values()
                if not resource_rights.is_named(each)
            }
        )

    def _is_large(self) -> bool:
        return any(len(each.text.encode()) > INLINE_LIMIT for each in self.sources)

    def _exports(self) -> bool:
        return any(each.export for stack in self.all_stacks() for each in stack.outputs.values())

    def all_stacks(self) -> Iterator[Stack]:
        """Those of today too."""
        yield from self.stacks.values()
        yield from self.before.values()

    def _declares(self, kind: str) -> bool:
        return any(
            parameter.type in (kind, f"List<{kind}>")
            for source in self.sources
            for parameter in source.declared.values()
        )

    def _clusters(self, *, imported: bool = False) -> set[str]:
        """Where the services run; with ``imported`` the clusters that are no stack's of ours."""
        return {
            (pattern(each.get("Cluster"), name, self.stacks[name]) or "default").rpartition("/")[2]
            for name, each in self.resources("AWS::ECS::Service")
            if not imported
            or self.stacks[name].referred(each.get("Cluster"), "AWS::ECS::Cluster") is None
        }

    def _service_revisions(self) -> Iterator[str]:
        """IAM asks about the revision and about its service (Service Authorization Reference)."""
        for each in self.arns("AWS::ECS::Service"):
            if ":service/" in each:
                yield each
                yield f"{each.replace(':service/', ':service-revision/')}/*"

    def _queues(self) -> Iterator[str]:
        """Those that alarms watch or containers are given, and their dead-letter queues."""
        yield from self._given()
        yield from self._dead_letters()
        for name, each in self.resources("AWS::CloudWatch::Alarm"):
            for value in dimensions(each.properties, "QueueName"):
                yield from self._queue(value, name)

    def _given(self) -> Iterator[str]:
        """The queues whose URLs the containers get."""
        for name, container in self._containers():
            for variable in container.get("Environment", ()):
                if variable.get("Name") == "QUEUE_URL":
                    yield from self._queue(variable.get("Value"), name)

    def _containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each container of the task definitions, with the name of its stack."""
        for name, stack in self.stacks.items():
            for _, container in containers(stack):
                yield name, container

    def _queue(self, value: Any, name: str) -> Iterator[str]:
        yield from resource_rights.queues(value, name, self.stacks[name], self.place)

    def _dead_letters(self) -> Iterator[str]:
        """Those that a redrive policy of a stack names, and those of queues of others."""
        for each in self.dead_letter_queues:
            yield self.place.arn("sqs", each)
        for name, queue in self.resources("AWS::SQS::Queue"):
            target = queue.get("RedrivePolicy", "deadLetterTargetArn")
            referred = self.stacks[name].referred(target, "AWS::SQS::Queue") if target else None
            if referred is not None:
                yield from resource_rights.arns(referred, name, self.stacks[name], self.place)

    def _log_groups(self) -> Iterator[str]:
        for name, container in self._containers():
            options = container.get("LogConfiguration", {}).get("Options", {})
            found = pattern(options.get("awslogs-group"), name, self.stacks[name])
            if found:
                yield self.place.arn("logs", f"log-group:{found}:*")

    def _file_systems(self) -> Iterator[str]:
        for name, each in self.resources("AWS::ECS::TaskDefinition"):
            for volume in each.get("Volumes", default=()):
                system = volume.get("EFSVolumeConfiguration", {}).get("FilesystemId")
                found = pattern(system, name, self.stacks[name])
                if found:
                    yield self.place.arn("elasticfilesystem", f"file-system/{found}")

    def _access_points(self) -> Iterator[str]:
        for name, each in self.resources("AWS::ECS::TaskDefinition"):
            for volume in each.get("Volumes", default=()):
                given = volume.get("EFSVolumeConfiguration", {}).get("AuthorizationConfig", {})
                found = pattern(given.get("AccessPointId"), name, self.stacks[name])
                if found:
                    yield self.place.arn("elasticfilesystem", f"access-point/{found}")

    def _needed(self, *, secrets: bool) -> Iterator[str]:
        """What the containers are given from Secrets Manager, or from Parameter Store."""
        for name, container in self._containers():
            for secret in container.get("Secrets", ()):
                found = pattern(secret.get("ValueFrom"), name, self.stacks[name]) or ""
                if (":secretsmanager:" in found) == secrets and found:
                    yield ":".join(found.split(":")[:7])

    def _task_roles(self, *properties: str) -> set[str]:
        return {
            arn
            for name, each in self.resources("AWS::ECS::TaskDefinition")
            for role in properties
            for arn in resource_rights.roles(each.get(role), name, self.stacks[name], self.place)
        }

    def _managed_policies(self) -> Iterator[str]:
        """Those of the stacks, and those that their roles name."""
        for name, each in self.resources("AWS::IAM::ManagedPolicy"):
            path = pattern(each.get("Path"), name, self.stacks[name]) or "/"
            named = pattern(each.get("ManagedPolicyName"), name, self.stacks[name])
            end = f"{path}{named or resource_rights.made(each.logical_id, name)}"
            yield f"arn:{self.place.partition}:iam::{self.place.account}:policy{end}"
        for name, each in self.resources("AWS::IAM::Role"):
            for arn in each.get("ManagedPolicyArns", default=()):
                found = pattern(arn, name, self.stacks[name])
                if found and found != "*":
                    yield found

    def _secrets(self) -> Iterator[str]:
        """Secrets Manager puts a hyphen and six characters behind every name."""
        for name, each in self.resources("AWS::SecretsManager::Secret"):
            named = pattern(each.get("Name"), name, self.stacks[name]) or each.logical_id
            yield self.place.arn("secretsmanager", f"secret:{named}-*")

    def _repositories(self) -> Iterator[str]:
        """Those of ECR from which the containers' images are."""
        for name, container in self._containers():
            image = pattern(container.get("Image"), name, self.stacks[name]) or ""
            registry, _, rest = image.partition("/")
            account, _, host = registry.partition(".dkr.ecr.")
            if host and rest:
                region, repository = host.partition(".")[0], TAG.split(rest, maxsplit=1)[0]
                home = f"arn:{self.place.partition}:ecr:{region}:{account}"
                yield f"{home}:repository/{repository}"

    def _worker_may(self, action: str) -> Iterator[str]:
        """The resources on which the roles of the templates may do this, as they name them."""
        kinds = ("AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::IAM::Policy")
        for _, each in self.resources(*kinds):
            documents = [each.get("PolicyDocument")]
            documents += [one.get("PolicyDocument") for one in each.get("Policies", default=())]
            for document in filter(None, documents):
                yield from _allowed_on(policies.read(document), action)


def _allowed_on(policy: policies.Policy, action: str) -> Iterator[str]:
    for statement in policy.statements:
        if statement.effect == policies.ALLOW and action in statement.actions:
            for resource in statement.resources or ():
                named = policy_text(resource)
                if named:
                    yield named


TAG = re.compile("[:@]")
"""Where the name of a repository ends in an image."""

TYPES = ("AWS::EC2::VPC::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::SecurityGroup::Id")


def resolved(source: Source, values: Mapping[str, str]) -> Stack:
    """A deployment's template with its values, where it is."""
    deployment = source.deployment
    target = deployment.target
    return resolve(
        read(source.text, source.file),
        values,
        surroundings(target.account, target.region, deployment.stack),
    )


def policy(environment: Environment, role: str) -> dict[str, Any]:
    """The policy of one of the four roles, as IAM takes it."""
    grants = list(_tool(environment, role)) if role != SERVICE_ROLE else []
    target = environment.sources[0].deployment.target
    if role == SERVICE_ROLE or (role == EXECUTOR and not target.service_role):
        grants += _stack_grants(environment, HANDLERS)
    if role == REVIEWER:
        # Detecting drift reads each resource with the caller's rights.
        grants += _stack_grants(environment, ("read",))
    return document(grants, environment.place)


def _stack_grants(environment: Environment, handlers: tuple[str, ...]) -> Iterator[ResourceRight]:
    for name, stack in environment.stacks.items():
        yield from grants_of(stack, name, environment.place, handlers)
    # What stands there today is no longer made. It is changed, also under another logical id
    # where it is adopted, and deleted.
    today = tuple(each for each in handlers if each != "create")
    for name, stack in environment.before.items():
        kept = {each.type for each in environment.stacks[name].resources.values()}
        yield from grants_of(stack, name, environment.place, today, kept)


def _tool(environment: Environment, role: str) -> Iterator[ResourceRight]:
    place = environment.place
    for right in RIGHTS:
        if role not in right.roles:
            continue
        on = environment.things[right.on]
        possible = scope(right.action, *place).all
        if not possible and on:
            on = ("*",)
        narrow = tuple(arn for arn in on if not possible or any(fits(arn, p) for p in possible))
        narrow = narrow or on
        if narrow:
            yield ResourceRight(right.action, narrow, _condition(right, environment))


def _condition(right: Call, environment: Environment) -> Mapping[str, Any]:
    if right.action == "iam:PassRole":
        taker = "ecs-tasks" if right.on == "passed roles" else "cloudformation"
        return {"StringEquals": {"iam:PassedToService": f"{taker}.amazonaws.com"}}
    if right.action.startswith("s3:"):
        # The names of buckets are everybody's: one that was deleted may be a stranger's now.
        return {"StringEquals": {"s3:ResourceAccount": environment.place.account}}
    if right.on == "scalable targets":
        return resource_rights.SCALING
    if right.on == "tasks of the clusters":
        arns = [
            arn.replace(":container-instance/", ":cluster/").removesuffix("/*")
            for arn in environment.things[right.on]
        ]
        return {"ArnEquals": {"ecs:cluster": arns}}
    return {}


def document(grants: Iterable[ResourceRight], place: Place) -> dict[str, Any]:
    """One statement for all actions that are allowed on the same, under the same condition."""
    together: Together = {}
    conditions: dict[str, Mapping[str, Any]] = {}
    on: dict[tuple[str, str], set[str]] = {}
    for grant in _joined(grants):
        key = repr(sorted(grant.condition.items()))
        conditions[key] = grant.condition
        on.setdefault((grant.action, key), set()).update(grant.resources)
    for (action, key), resources in on.items():
        together.setdefault((tuple(sorted(_widest(resources))), key), set()).add(action)
    statements = []
    for (resources, key), actions in sorted(
        _gathered(together, place).items(), key=lambda each: _order(*each)
    ):
        statement: dict[str, Any] = {
            "Sid": "",
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": list(resources),
        }
        if conditions[key]:
            statement["Condition"] = dict(conditions[key])
        statements.append(statement)
    _name(statements)
    return {"Version": "2012-10-17", "Statement": statements}


def _joined(grants: Iterable[ResourceRight]) -> Iterator[ResourceRight]:
    """Grants that differ only in the stack whose tag they ask for, as one that takes any of them.

    A role's policies have 10,240 characters together. (IAM User Guide, "Conditions with multiple
    context keys or values": several values of one key are joined by OR.)
    """
    values: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for grant in grants:
        wanted = grant.condition.get("StringEquals", {})
        if len(grant.condition) == 1 and list(wanted) == [OF_STACK]:
            values.setdefault((grant.action, grant.resources), set()).add(wanted[OF_STACK])
        else:
            yield grant
    for (action, resources), names in values.items():
        found = sorted(names)
        value = found if len(found) > 1 else found[0]
        yield ResourceRight(action, resources, {"StringEquals": {OF_STACK: value}})


Together = dict[tuple[Any, ...], set[str]]
"""Actions by what they are allowed on, and the condition."""


def _gathered(together: Together, place: Place) -> Together:
    """Statements that share resources as one, where none of its actions gains any by it.

    An action is on resources of its own types only, so others that stand beside them give it
    nothing (Service Authorization Reference, "Resource types").
    """
    found: Together = {}
    for (resources, key), actions in together.items():
        mine, own = resources, set(actions)
        for (theirs, other), those in list(found.items()):
            if (
                other == key
                and set(mine) & set(theirs) - {"*"}
                and _gain_nothing(own, mine, theirs, place)
                and _gain_nothing(those, theirs, mine, place)
            ):
                del found[theirs, other]
                mine, own = tuple(sorted({*mine, *theirs})), own | those
        found.setdefault((mine, key), set()).update(own)
    return found


def _gain_nothing(
    actions: Iterable[str], resources: Iterable[str], more: Iterable[str], place: Place
) -> bool:
    added = set(more) - set(resources)
    return not any(
        fits(arn, each) for action in actions for each in scope(action, *place).all for arn in added
    )


def _order(key: tuple[Any, ...], actions: set[str]) -> tuple[Any, ...]:
    return (min(actions).partition(":")[0], key[0] == ("*",), key)


def _widest(resources: set[str]) -> set[str]:
    """Without those that another one with a `*` at its end holds already."""
    return {
        each
        for each in resources
        if not any(
            other != each and other.endswith("*") and each.startswith(other[:-1])
            for other in resources
        )
    }


def _name(statements: list[dict[str, Any]]) -> None:
    """Sids that say which service: letters and digits (IAM: Sid). They count for the limit."""
    taken: dict[str, int] = {}
    for statement in statements:
        service = statement["Action"][0].partition(":")[0]
        words = ["Any"] if statement["Resource"][0] == "*" else service.split("-")
        sid = "".join(_capital(word) for word in words)
        taken[sid] = taken.get(sid, 0) + 1
        statement["Sid"] = sid if taken[sid] == 1 else f"{sid}{taken[sid]}"


def _capital(word: str) -> str:
    plain = "".join(letter for letter in word if letter.isalnum())
    return plain[:1].upper() + plain[1:]


GITHUB = "token.actions.githubusercontent.com"


def trust(
    environment: Environment, role: str, repository: str, branch: str, *, pull_requests: bool
) -> dict[str, Any] | None:
    """Who may take the role; None for smoke, which a person does.

    The reviewer is the workflow on the branch (and on pull requests, where wanted), the executor
    a job that went through the environment's approval, the service role CloudFormation itself,
    for this account's stacks.
    Source: GitHub Docs, "OpenID Connect reference"; IAM, "confused deputy".
    """
    name, place = environment.sources[0].deployment.environment, environment.place
    if role == SMOKE:
        return None
    if role == SERVICE_ROLE:
        return _trusting(
            {"Service": "cloudformation.amazonaws.com"},
            "sts:AssumeRole",
            {
                "StringEquals": {"aws:SourceAccount": place.account},
                "ArnLike": {"aws:SourceArn": list(environment.things["stacks"])},
            },
        )
    subjects = [f"repo:{repository}:environment:{name}"]
    if role == REVIEWER:
        subjects = [f"repo:{repository}:ref:refs/heads/{branch}"]
        subjects += [f"repo:{repository}:pull_request"] if pull_requests else []
    return _trusting(
        {"Federated": f"arn:{place.partition}:iam::{place.account}:oidc-provider/{GITHUB}"},
        "sts:AssumeRoleWithWebIdentity",
        {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": subjects}},
    )


def _trusting(
    principal: Mapping[str, str], action: str, condition: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": dict(principal),
                "Action": action,
                "Condition": dict(condition),
            }
        ],
    }
