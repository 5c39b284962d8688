"""The policies and the trust of the roles that an environment needs, and no more, as data.

Pure: deployments and templates in, JSON out. What the tool itself calls is the table of `rights`;
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
from workerstack.deployer.policy_documents import document
from workerstack.deployer.resource_rights import Place, ResourceRight, grants_of, pattern
from workerstack.deployer.rights import EXECUTOR, REVIEWER, RIGHTS, SERVICE_ROLE, SMOKE, Call
from workerstack.deployer.source import INLINE_LIMIT, PREFIX, Source


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
            for found in filter(None, documents):
                yield from _allowed_on(policies.read(found), action)


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
