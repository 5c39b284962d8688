"""Grants that give more than a worker can need, whatever they are written like.

A table of kinds: what is granted, why it is dangerous, and the source. `found` looks for them in
the policies of one role, after its Deny statements and its permissions boundary.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from workerstack.cloudformation.policies import (
    ALLOW,
    DENY,
    AccessRequest,
    Answer,
    Policy,
    Statement,
    decide,
)
from workerstack.cloudformation.policy_conditions import Test, components
from workerstack.cloudformation.policy_exposure import limits_owner
from workerstack.cloudformation.policy_patterns import (
    Opaque,
    Pattern,
    TooComplexError,
    Wild,
    Written,
    includes,
    matches,
    overlaps,
    pattern,
)
from workerstack.cloudformation.truth import Maybe, Truth

EVERYTHING: Pattern = (Wild.ANY,)
ARN_PARTS = 6


@dataclass(frozen=True)
class Granted:
    """An Allow, with those actions of a danger that it really gives."""

    statement: Statement
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """The policies of one role, and its permissions boundary."""

    policies: Sequence[Policy]
    boundary: Sequence[Policy] | None = None

    def grants(self, actions: Iterable[str]) -> Iterator[Granted]:
        """The statements that allow some of these actions on something, and which."""
        wanted = tuple(actions)
        for statement in self.allowing():
            given = tuple(each for each in wanted if self._gives(statement, each))
            if given:
                yield Granted(statement, given)

    def allowing(self) -> Iterator[Statement]:
        """Every Allow."""
        for policy in self.policies:
            yield from (each for each in policy.statements if each.effect == ALLOW)

    def allows(self, action: str) -> bool:
        """Whether the boundary, if there is one, leaves all of an action pattern everywhere."""
        if self.boundary is None:
            return True
        return decide(self.boundary, AccessRequest(action, "*")).answer is Answer.ALLOWED

    def _gives(self, statement: Statement, action: str) -> bool:
        if not _is_about(statement, action) or not named(statement):
            return False
        resources = named(statement)
        limits = (*self.policies, *(self.boundary or ()))
        for each in (each for policy in limits for each in policy.statements):
            if each.effect == DENY and not each.conditions and _takes_all(each, action, resources):
                return False
        return self.boundary is None or any(
            decide(self.boundary, AccessRequest(action, _Letters(each))).answer
            not in (Answer.NOT_ALLOWED, Answer.DENIED)
            for each in resources
        )


@dataclass(frozen=True)
class _Letters:
    """A pattern that was read already, to be asked for again."""

    letters: Pattern

    @property
    def pieces(self) -> tuple[str | Opaque, ...]:
        return tuple(each.value if isinstance(each, Wild) else each for each in self.letters)


def named(statement: Statement) -> tuple[Pattern, ...]:
    """The resources of a statement; what names those that it spares is about all."""
    if statement.not_resources:
        return (EVERYTHING,)
    return statement.resource_patterns({})


def _is_about(statement: Statement, action: str) -> bool:
    """Whether it names the action, whatever its resources and conditions."""
    found = _named_among(action, statement.actions)
    return (found is False) if statement.not_actions else (found is True)


@lru_cache(maxsize=100_000)
def _named_among(action: str, actions: tuple[str | Written, ...]) -> Truth:
    """Whether actions as a statement writes them name that one.

    Kept, since the same few statements are asked for some hundred actions by each danger,
    before and after each change.
    """
    try:
        return matches(
            pattern(action, fold=True) or (), [pattern(each, fold=True) or () for each in actions]
        )
    except TooComplexError as error:
        return Maybe(str(error))


def _takes_all(deny: Statement, action: str, resources: Sequence[Pattern]) -> bool:
    if not _is_about(deny, action):
        return False
    denied = deny.resource_patterns({})
    try:
        if deny.not_resources:
            return all(matches(each, denied) is False for each in resources)
        return all(includes(denied, each) for each in resources)
    except TooComplexError:
        return False


def is_all_of(statement: Statement, kind: str) -> bool:
    """Whether it is about all resources whose ARN's last part begins so, as `role/`."""
    wanted: Pattern = (*kind, Wild.ANY)
    return any(includes([_last_part(each)], wanted) for each in named(statement))


def _last_part(resource: Pattern) -> Pattern:
    """The part behind the account; all of it where a star before passes over the colons."""
    arn = components(resource)
    if len(arn) == ARN_PARTS:
        return arn[-1]
    is_arn = arn[0] == tuple("arn") or arn[0][:1] == EVERYTHING
    return EVERYTHING if is_arn and resource[-1:] == EVERYTHING else resource


def _is_limited(statement: Statement, *keys: str) -> bool:
    """Whether a condition that must hold names values of such a key."""
    return any(
        isinstance(each, Test)
        and each.key.startswith(keys)
        and not each.negated
        and not each.if_exists
        and each.quantifier != "forallvalues"
        and each.operator != "null"
        for each in statement.conditions
    )


def everything(role: Role) -> Iterator[Granted]:
    """Any action on any resource, and so more permissions still."""
    for statement in role.allowing():
        gives_all = any(
            all(each is Wild.ANY or each == ":" for each in letters)
            for letters in statement.action_patterns
        )
        is_all = gives_all and not statement.not_actions and EVERYTHING in _flat(statement)
        if is_all and role.allows("*:*"):
            yield Granted(statement, ("*",))


def _flat(statement: Statement) -> list[Pattern]:
    """The resources, with several stars as one, and every ARN as everything."""
    found = []
    for each in named(statement):
        last = components(each)
        is_wild = all(all(one is Wild.ANY for one in part) for part in last[1:])
        is_arn = last[0] == tuple("arn") and len(last) > 1 and is_wild
        found.append(EVERYTHING if is_arn or set(each) == {Wild.ANY} else each)
    return found


def everything_but(role: Role) -> Iterator[Granted]:
    """`NotAction` in an Allow gives all the rest, and what AWS will add."""
    for statement in role.allowing():
        if statement.not_actions and role.allows("*:*"):
            yield Granted(statement, ("NotAction",))


def whole_service(role: Role) -> Iterator[Granted]:
    """All actions of a service, those on its policies included, on resources of any name."""
    for statement in role.allowing():
        if statement.not_actions or EVERYTHING not in _flat(statement):
            continue
        services = (
            "".join(each.value if isinstance(each, Wild) else str(each) for each in letters)
            for letters in statement.action_patterns
            if ":" in letters
            and any(isinstance(each, str) and each != ":" for each in letters)
            and set(letters[letters.index(":") + 1 :]) == {Wild.ANY}
        )
        wild = tuple(each for each in services if role.allows(each))
        if wild:
            yield Granted(statement, wild)


def pass_any_role(role: Role) -> Iterator[Granted]:
    """Any role can be given to what the worker starts, an administrator's too."""
    for granted in role.grants(["iam:PassRole"]):
        if is_all_of(granted.statement, "role/"):
            yield granted


ESCALATING = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "lambda:UpdateFunctionCode",
    "ssm:SendCommand",
    "ssm:StartSession",
)
STARTING = (
    ("cloudformation:CreateStack",),
    ("codebuild:CreateProject", "codebuild:StartBuild"),
    ("ec2:RunInstances",),
    ("ecs:RegisterTaskDefinition", "ecs:RunTask"),
    ("ecs:RegisterTaskDefinition", "ecs:UpdateService"),
    ("ecs:RunTask",),
    ("glue:CreateDevEndpoint",),
    ("lambda:CreateFunction", "lambda:InvokeFunction"),
    ("sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"),
    ("states:CreateStateMachine", "states:StartExecution"),
)
"""What starts code under a role that is passed: each with any pass-role is a way to its rights."""


def escalation(role: Role) -> Iterator[Granted]:
    """Who may change what roles or users may do, or act as them, may soon do all."""
    yield from role.grants(ESCALATING)
    for granted in role.grants(["sts:AssumeRole"]):
        if is_all_of(granted.statement, "role/"):
            yield granted
    passing = list(pass_any_role(role))
    for actions, passed in product(STARTING, passing[:1]):
        given = [next(role.grants([each]), None) for each in actions]
        if all(given):
            yield Granted(passed.statement, ("iam:PassRole", *actions))


DESTROYING = (
    "backup:DeleteBackupVault",
    "dynamodb:DeleteBackup",
    "dynamodb:DeleteTable",
    "ecr:DeleteRepository",
    "elasticfilesystem:DeleteFileSystem",
    "kms:DisableKey",
    "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup",
    "logs:DeleteLogStream",
    "rds:DeleteDBCluster",
    "rds:DeleteDBInstance",
    "s3:DeleteBucket",
    "s3:DeleteObjectVersion",
    "s3:PutLifecycleConfiguration",
    "secretsmanager:DeleteSecret",
    "sqs:DeleteQueue",
    "sqs:PurgeQueue",
)


def destruction(role: Role) -> Iterator[Granted]:
    """What a worker takes along when it fails or is taken over: stores, keys, logs, versions."""
    yield from role.grants(DESTROYING)


PUBLISHING = (
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "ecr:SetRepositoryPolicy",
    "elasticfilesystem:PutFileSystemPolicy",
    "kms:CreateGrant",
    "kms:PutKeyPolicy",
    "lambda:AddPermission",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "secretsmanager:PutResourcePolicy",
    "sns:AddPermission",
    "sns:SetTopicAttributes",
    "sqs:AddPermission",
    "sqs:SetQueueAttributes",
)


def publication(role: Role) -> Iterator[Granted]:
    """Who may set access lists or policies of resources may open them to the world."""
    yield from role.grants(PUBLISHING)


OBJECTS = ("s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectAcl")


def any_bucket(role: Role) -> Iterator[Granted]:
    """Names of buckets are shared by all accounts: a name with a wildcard is a stranger's too."""
    for granted in role.grants(OBJECTS):
        wild = any(
            any(isinstance(letter, Wild) for letter in _bucket(each))
            for each in named(granted.statement)
        )
        if wild and not limits_owner(granted.statement):
            yield granted


def _bucket(resource: Pattern) -> Pattern:
    """The letters of the bucket's name; those of everything where a wildcard stands before."""
    last = _last_part(resource)
    return last[: last.index("/")] if "/" in last else last


def any_task_protection(role: Role) -> Iterator[Granted]:
    """Who protects tasks of other services keeps them from ever scaling in (ECS guide)."""
    for granted in role.grants(["ecs:UpdateTaskProtection"]):
        wild = any(
            overlaps((*"task/", Wild.ANY), _last_part(each))
            and any(isinstance(letter, Wild) for letter in _cluster(each))
            for each in named(granted.statement)
        )
        if wild and not _is_limited(granted.statement, "ecs:cluster", "aws:resourcetag/"):
            yield granted


def _cluster(resource: Pattern) -> Pattern:
    """The letters up to the cluster's name in task/CLUSTER/ID."""
    last = _last_part(resource)
    slashes = [at for at, letter in enumerate(last) if letter == "/"]
    return last[: slashes[1]] if len(slashes) > 1 else last


def every_secret(role: Role) -> Iterator[Granted]:
    """All secrets of the account, in whatever service they are kept."""
    kinds = {
        "secretsmanager:GetSecretValue": "secret:",
        "ssm:GetParameter": "parameter/",
        "ssm:GetParameters": "parameter/",
        "ssm:GetParametersByPath": "parameter/",
    }
    for action, kind in kinds.items():
        for granted in role.grants([action]):
            limited = _is_limited(granted.statement, "aws:resourcetag/", "secretsmanager:")
            if is_all_of(granted.statement, kind) and not limited:
                yield granted


def every_key(role: Role) -> Iterator[Granted]:
    """All keys: what any other application encrypts is readable, if its data is."""
    for granted in role.grants(["kms:Decrypt"]):
        limited = _is_limited(granted.statement, "kms:", "aws:resourcetag/")
        if is_all_of(granted.statement, "key/") and not limited:
            yield granted


@dataclass(frozen=True)
class Danger:
    """A kind of grant: `what` it is, `why` it is dangerous (the docstring), where AWS says so."""

    id: str
    what: str
    source: str
    grants: Callable[[Role], Iterator[Granted]]

    @property
    def why(self) -> str:
        """One sentence."""
        return (self.grants.__doc__ or "").strip()


LEAST = "IAM User Guide, Security best practices, least privilege"
DANGERS = (
    Danger("everything", "every action", LEAST, everything),
    Danger("everything-but", "all actions but some", "IAM User Guide, NotAction", everything_but),
    Danger("whole-service", "all actions of a service, anywhere", LEAST, whole_service),
    Danger("pass-any-role", "iam:PassRole on any role", "IAM User Guide, PassRole", pass_any_role),
    Danger(
        "escalation",
        "a way to more permissions",
        "Rhino Security Labs, AWS IAM Privilege Escalation Methods; IAM User Guide, Permissions "
        "boundaries",
        escalation,
    ),
    Danger("destruction", "destroying data", "Service Authorization Reference", destruction),
    Danger("publication", "opening resources", "S3 User Guide, Block public access", publication),
    Danger(
        "any-bucket",
        "buckets of any account",
        "IAM User Guide, aws:ResourceAccount; S3 User Guide, Bucket naming",
        any_bucket,
    ),
    Danger(
        "any-task-protection",
        "task protection in any cluster",
        "ECS Developer Guide, Task scale-in protection",
        any_task_protection,
    ),
    Danger("every-secret", "every secret", "Secrets Manager User Guide, Access", every_secret),
    Danger(
        "every-key", "every key", "KMS Developer Guide, Best practices for IAM policies", every_key
    ),
)


@dataclass(frozen=True)
class Hit:
    """A danger, and the statement and actions that are it."""

    danger: Danger
    granted: Granted


def found(policies: Sequence[Policy], boundary: Sequence[Policy] | None = None) -> tuple[Hit, ...]:
    """All dangers in the policies of one role, in the order of the table."""
    role = Role(policies, boundary)
    return tuple(Hit(each, granted) for each in DANGERS for granted in each.grants(role))
