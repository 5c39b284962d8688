"""What the worker's code may do beyond its queue: shortcuts, and statements of your own.

Each shortcut names things of this account and Region; what is elsewhere is a statement with its
ARN. Source of the actions: Service Authorization Reference.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from awacs import dynamodb, kms, s3, sns, sqs, ssm
from awacs.aws import Action, Statement
from troposphere import Ref, Sub

from workerstack.specification.arns import here
from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import camel, parameter_name
from workerstack.specification.statements import allow, in_own_account

BUCKET = r"[a-z0-9*][a-z0-9.*-]{1,61}[a-z0-9*]"
"""A bucket's name, with ``*`` (S3: "General purpose bucket naming rules")."""


def check_bucket(name: str, field: str = "name") -> Iterator[Mistake]:
    """Wrong where S3 has no such bucket, or where all buckets would be meant."""
    if not re.fullmatch(BUCKET, name) or not name.replace("*", "").strip(".-"):
        yield Mistake(
            f"Bucket {name!r} is impossible",
            "it is a bucket's name of 3 to 63 lower-case letters, digits, dots and hyphens, a *"
            " for a part of it only",
            "Write the name without s3:// and without path",
            field=field,
        )


@specified
class Bucket:
    """A bucket of the own account: ``read``, ``write``, or ``publish`` (write, and set ACLs)."""

    name: str
    may: Literal["read", "write", "publish"]

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        return check_bucket(self.name)

    def statements(self) -> list[Statement]:
        """Bucket and object rights apart: an action on the wrong kind does nothing."""
        arn, sid = f"arn:${{AWS::Partition}}:s3:::{self.name}", camel(self.name)
        if self.may == "read":
            return [
                allow(
                    f"List{sid}",
                    [s3.GetBucketLocation, s3.ListBucket],
                    [Sub(arn)],
                    in_own_account(),
                ),
                allow(f"Read{sid}", [s3.GetObject], [Sub(f"{arn}/*")], in_own_account()),
            ]
        publishing = [s3.PutObjectAcl] if self.may == "publish" else []
        actions = [s3.AbortMultipartUpload, s3.PutObject, *publishing]
        return [allow(f"Write{sid}", actions, [Sub(f"{arn}/*")], in_own_account())]


@specified
class Table:
    """A DynamoDB table with its indexes: ``read``, or ``write`` (which reads as well)."""

    name: str
    may: Literal["read", "write"]

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        return _named(r"[A-Za-z0-9_.-]{3,255}", self.name, "Table", "DynamoDB", "and _.-, 3 to 255")

    def statements(self) -> list[Statement]:
        """The items; never the table itself."""
        actions = [
            dynamodb.BatchGetItem,
            dynamodb.ConditionCheckItem,
            dynamodb.DescribeTable,
            dynamodb.GetItem,
            dynamodb.Query,
            dynamodb.Scan,
        ]
        if self.may == "write":
            actions += [
                dynamodb.BatchWriteItem,
                dynamodb.DeleteItem,
                dynamodb.PutItem,
                dynamodb.UpdateItem,
            ]
        arn = f"table/{self.name}"
        return [
            allow(
                f"{self.may.title()}Table{camel(self.name)}",
                actions,
                [here("dynamodb", arn), here("dynamodb", f"{arn}/index/*")],
            )
        ]


@specified
class SendTo:
    """Another queue, to which the worker sends."""

    queue: str

    @about("queue")
    def _name(self) -> Iterator[Mistake]:
        return _named(
            r"[A-Za-z0-9_-]{1,80}(\.fifo)?", self.queue, "Queue", "SQS", "and _-, at most 80"
        )

    def statements(self) -> list[Statement]:
        """Sending, and finding the queue's URL."""
        actions = [sqs.GetQueueAttributes, sqs.GetQueueUrl, sqs.SendMessage]
        return [allow(f"SendTo{camel(self.queue)}", actions, [here("sqs", self.queue)])]


@specified
class Topic:
    """A topic to which the worker publishes."""

    name: str

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        return _named(
            r"[A-Za-z0-9_-]{1,256}(\.fifo)?", self.name, "Topic", "SNS", "and _-, at most 256"
        )

    def statements(self) -> list[Statement]:
        """Publishing alone."""
        return [allow(f"PublishTo{camel(self.name)}", [sns.Publish], [here("sns", self.name)])]


@specified
class UseKey:
    """A KMS key that the code itself calls; for what a service encrypts, there is ``keys``.

    ``parameter`` is the template's parameter that holds the key's ARN, ``alias`` is how people
    find the key, without ``alias/``.
    """

    parameter: str
    alias: str
    may: Literal["decrypt", "encrypt", "sign", "verify"]

    @about("parameter")
    def _parameter(self) -> Iterator[Mistake]:
        return parameter_name(self.parameter)

    def statements(self) -> list[Statement]:
        """One use of the one key."""
        actions = KEY_ACTIONS[self.may]
        sid = f"{self.may.title()}With{self.parameter}"
        return [allow(sid, [*actions], [Ref(self.parameter)])]


KEY_ACTIONS: Mapping[str, tuple[Action, ...]] = MappingProxyType(
    {
        "decrypt": (kms.Decrypt,),
        "encrypt": (kms.Encrypt, kms.GenerateDataKey),
        "sign": (kms.GetPublicKey, kms.Sign),
        "verify": (kms.GetPublicKey, kms.Verify),
    }
)


@specified
class ParameterPath:
    """Parameters of Parameter Store below a path, read by the code while it runs."""

    path: str

    @about("path")
    def _path(self) -> Iterator[Mistake]:
        if not re.fullmatch(r"(/[A-Za-z0-9_.-]+){1,14}", self.path):
            yield Mistake(
                f"Parameter path {self.path!r} is impossible",
                "it begins with a slash, ends with none, and holds letters, digits and _.-",
                'Write something like path="/example/invoices"',
            )

    def statements(self) -> list[Statement]:
        """Reading; the path itself is what GetParametersByPath is asked of."""
        actions = [ssm.GetParameter, ssm.GetParameters, ssm.GetParametersByPath]
        arn = f"parameter{self.path}"
        return [
            allow(
                f"ReadParameters{camel(self.path)}",
                actions,
                [here("ssm", arn), here("ssm", f"{arn}/*")],
            )
        ]


@specified
class Right:
    """A statement of your own, and what it is for: shown in the role's Metadata."""

    intent: str
    statement: Statement

    @about("intent")
    def _intent(self) -> Iterator[Mistake]:
        if not self.intent.strip():
            yield Mistake(
                "A statement has no intent",
                "whoever reviews it must know what it is for",
                'Write a sentence: intent="Looks up customers in the directory"',
            )

    @about("statement")
    def _statement(self) -> Iterator[Mistake]:
        given = self.statement.properties
        sid = given.get("Sid", "")
        if not re.fullmatch("[A-Za-z0-9]+", str(sid)):
            yield Mistake(
                f"A statement has the Sid {sid!r}",
                "by it the intent and the statement are found together; IAM allows letters"
                " and digits",
                'Give it one: Sid="LookUpCustomers"',
            )
        for name in ("Effect", ("Action", "NotAction"), ("Resource", "NotResource")):
            names = (name,) if isinstance(name, str) else name
            if not any(given.get(each) for each in names):
                yield Mistake(
                    f"The statement {sid} has no {names[0]}",
                    "IAM refuses it",
                    f"Add {names[0]}",
                )


Shortcut = Bucket | Table | SendTo | Topic | UseKey | ParameterPath


@specified
class Roles:
    """Where the roles stand, or which are taken instead of them.

    ``path`` is that of the roles that are made; with ``bounded`` they have a permissions boundary,
    whose ARN is the parameter ``PermissionsBoundaryArn``. With ``ready_made_task_role`` or
    ``ready_made_execution_role`` the worker takes roles that exist: their ARNs are the parameters
    ``TaskRoleArn`` and ``ExecutionRoleArn``, and what they need is not given by this template.
    """

    path: str = ""
    bounded: bool = False
    ready_made_task_role: bool = False
    ready_made_execution_role: bool = False

    @about("path")
    def _path(self) -> Iterator[Mistake]:
        if self.path and not re.fullmatch(r"/([A-Za-z0-9+=,.@_-]+/)+", self.path):
            yield Mistake(
                f"Role path {self.path!r} is impossible",
                "it begins and ends with a slash",
                'Write something like path="/workers/"',
            )

    @about("path", "bounded", "ready_made_task_role", "ready_made_execution_role")
    def _agree(self) -> Iterator[Mistake]:
        ready = self.ready_made_task_role and self.ready_made_execution_role
        if ready and (self.path or self.bounded):
            yield Mistake(
                "A path or boundary without a role",
                "both roles are ready-made, so that none is made with it",
                "Remove path and bounded",
            )


def _named(pattern: str, name: str, what: str, service: str, allowed: str) -> Iterator[Mistake]:
    if not re.fullmatch(pattern, name):
        yield Mistake(
            f"{what} {name!r} is impossible",
            f"{service} allows letters, digits {allowed}",
            "Give its name in this account and Region; another one is a statement with its ARN",
        )


def check_rights(
    rights: tuple[Shortcut, ...], statements: tuple[Right, ...], reserved: frozenset[str]
) -> Iterator[Mistake]:
    """Wrong where two statements of one policy have the same Sid (IAM: "Sid")."""
    seen = set(reserved)
    own = [str(each.statement.properties.get("Sid")) for each in statements]
    for sid in [*(one.Sid for each in rights for one in each.statements()), *own]:
        if sid in seen:
            yield Mistake(
                f"Two statements have the Sid {sid}",
                "IAM wants each once in a policy, and reviews name them by it",
                "Give one of them another Sid, or remove what is there twice",
                field="statements" if sid in own else "rights",
            )
        seen.add(sid)
