"""Cases of access, marked by AWS's documentation before the evaluator was written.

Each has its source: the IAM User Guide unless it says otherwise.
"""

from typing import Any

ACCOUNT = "111122223333"
QUEUE = f"arn:aws:sqs:us-west-2:{ACCOUNT}:jobs"
BUCKET = "arn:aws:s3:::edit.example.com"


def statement(effect: str, action: Any, resource: Any = None, **more: Any) -> dict[str, Any]:
    named = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {name: value for name, value in named.items() if value is not None}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return statement("Allow", action, resource, **more)


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return statement("Deny", action, resource, **more)


def when(operator: str, key: str, values: Any) -> dict[str, Any]:
    return {operator: {key: values}}


# name, documents, action, resource, context, expected
DECISIONS: list[tuple[str, list[Any], str, Any, dict[str, Any], str]] = [
    ("nothing is allowed by default", [], "sqs:ReceiveMessage", QUEUE, {}, "not allowed"),
    (
        "actions ignore case",
        [document(allow("SQS:receivemessage", QUEUE))],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "allowed",
    ),
    (
        "resources heed case",
        [document(allow("sqs:*", QUEUE.replace("jobs", "Jobs")))],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "not allowed",
    ),
    (
        "a Deny in another policy wins",
        [document(allow("*")), document(deny("sqs:Purge*"))],
        "sqs:PurgeQueue",
        QUEUE,
        {},
        "denied",
    ),
    (
        "a question mark is one character",
        [document(allow("sqs:ReceiveMessage", QUEUE[:-1] + "?"))],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "allowed",
    ),
    (
        "a question mark is not none",
        [document(allow("sqs:ReceiveMessage", QUEUE + "?"))],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "not allowed",
    ),
    (
        "NotAction in an Allow gives the rest",
        [document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})],
        "s3:DeleteBucket",
        BUCKET,
        {},
        "allowed",
    ),
    (
        "NotAction gives nothing of what it names",
        [document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})],
        "IAM:CreateUser",
        "*",
        {},
        "not allowed",
    ),
    (
        "NotResource in a Deny",
        [
            document(
                allow("s3:*"),
                {"Effect": "Deny", "Action": "s3:*", "NotResource": [BUCKET, BUCKET + "/*"]},
            )
        ],
        "s3:GetObject",
        "arn:aws:s3:::other/x",
        {},
        "denied",
    ),
    (
        "NotResource spares what it names",
        [
            document(
                allow("s3:*"),
                {"Effect": "Deny", "Action": "s3:*", "NotResource": [BUCKET, BUCKET + "/*"]},
            )
        ],
        "s3:GetObject",
        BUCKET + "/x",
        {},
        "allowed",
    ),
    (
        "a document as JSON text, one statement without a list",
        ['{"Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}'],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "allowed",
    ),
    (
        "a document as IAM returns it, URL-encoded",
        [
            "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A"
            "%22sqs%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D"
        ],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "allowed",
    ),
    (
        "the bucket is not its objects (S3 guide, policy resources)",
        [document(allow("s3:*", BUCKET + "/*"))],
        "s3:ListBucket",
        BUCKET,
        {},
        "not allowed",
    ),
    (
        "a condition on a key that nobody knows here",
        [
            document(
                allow("sqs:*", QUEUE, Condition=when("StringEquals", "aws:PrincipalTag/a", "b"))
            )
        ],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "unknown",
    ),
    (
        "a condition that holds, key in another case",
        [document(allow("sqs:*", QUEUE, Condition=when("Bool", "AWS:securetransport", True)))],
        "sqs:ReceiveMessage",
        QUEUE,
        {"aws:SecureTransport": "true"},
        "allowed",
    ),
    (
        "a negated operator holds when the key is absent",
        [
            document(
                allow("*"), deny("*", Condition=when("StringNotEquals", "aws:SourceVpce", "vpce-1"))
            )
        ],
        "s3:GetObject",
        BUCKET + "/x",
        {"aws:SourceVpce": None},
        "denied",
    ),
    (
        "IfExists holds when the key is absent",
        [document(allow("*", Condition=when("StringEqualsIfExists", "aws:SourceVpce", "vpce-1")))],
        "s3:GetObject",
        BUCKET + "/x",
        {"aws:SourceVpce": None},
        "allowed",
    ),
    (
        "ForAllValues holds for no values",
        [document(allow("*", Condition=when("ForAllValues:StringEquals", "aws:TagKeys", "a")))],
        "sqs:TagQueue",
        QUEUE,
        {"aws:TagKeys": None},
        "allowed",
    ),
    (
        "ForAnyValue fails for no values",
        [document(allow("*", Condition=when("ForAnyValue:StringEquals", "aws:TagKeys", "a")))],
        "sqs:TagQueue",
        QUEUE,
        {"aws:TagKeys": []},
        "not allowed",
    ),
    (
        "a star in one component of an ARN ends at the colon",
        [document(allow("*", Condition=when("ArnLike", "aws:SourceArn", "arn:aws:sns:*:topic")))],
        "sqs:SendMessage",
        QUEUE,
        {"aws:SourceArn": f"arn:aws:sns:us-west-2:{ACCOUNT}:topic"},
        "not allowed",
    ),
    (
        "the values of a negated operator are all excluded",
        [
            document(
                allow("*", Condition=when("StringNotEquals", "aws:RequestedRegion", ["a", "b"]))
            )
        ],
        "sqs:SendMessage",
        QUEUE,
        {"aws:RequestedRegion": "b"},
        "not allowed",
    ),
    (
        "a policy variable",
        [document(allow("s3:GetObject", BUCKET + "/${aws:username}/*"))],
        "s3:GetObject",
        BUCKET + "/anna/x",
        {"aws:username": "anna"},
        "allowed",
    ),
    (
        "no variables in the older version",
        [document(allow("s3:GetObject", BUCKET + "/${aws:username}/*"), version="2008-10-17")],
        "s3:GetObject",
        BUCKET + "/anna/x",
        {"aws:username": "anna"},
        "not allowed",
    ),
    (
        "a written star",
        [document(allow("s3:GetObject", BUCKET + "/${*}"))],
        "s3:GetObject",
        BUCKET + "/x",
        {},
        "not allowed",
    ),
    (
        "a queue of which the name is not known",
        [document(allow("sqs:*", {"Fn::GetAtt": ["Queue", "Arn"]}))],
        "sqs:ReceiveMessage",
        QUEUE,
        {},
        "unknown",
    ),
    (
        "the same queue, unknown on both sides",
        [document(allow("sqs:*", {"Fn::GetAtt": ["Queue", "Arn"]}))],
        "sqs:ReceiveMessage",
        {"Fn::GetAtt": ["Queue", "Arn"]},
        {},
        "allowed",
    ),
]

# name, document, whether it is open to everyone
OPEN: list[tuple[str, Any, bool]] = [
    ("everybody", document(allow("sqs:*", QUEUE, Principal="*")), True),
    ("every account", document(allow("sqs:*", QUEUE, Principal={"AWS": ["*"]})), True),
    (
        "one topic (SQS guide, SNS subscriptions)",
        document(
            allow(
                "sqs:SendMessage",
                QUEUE,
                Principal={"AWS": "*"},
                Condition=when("ArnEquals", "aws:SourceArn", f"arn:aws:sns:us-west-2:{ACCOUNT}:t"),
            )
        ),
        False,
    ),
    (
        "topics of any account",
        document(
            allow(
                "sqs:SendMessage",
                QUEUE,
                Principal="*",
                Condition=when("ArnLike", "aws:SourceArn", "arn:aws:sns:us-west-2:*:topic"),
            )
        ),
        True,
    ),
    (
        "the two halves of the world (S3 guide, meaning of public)",
        document(
            allow(
                "s3:GetObject",
                BUCKET + "/*",
                Principal="*",
                Condition=when("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"]),
            )
        ),
        True,
    ),
    (
        "everybody but one",
        document(
            allow(
                "s3:*",
                BUCKET,
                Principal="*",
                Condition=when("StringNotEquals", "aws:SourceVpce", "v"),
            )
        ),
        True,
    ),
    (
        "if it exists",
        document(
            allow(
                "s3:*",
                BUCKET,
                Principal="*",
                Condition=when("StringEqualsIfExists", "aws:PrincipalOrgID", "o-1"),
            )
        ),
        True,
    ),
    (
        "a Deny for all outside of the organization",
        document(
            allow("s3:GetObject", BUCKET + "/*", Principal="*"),
            deny(
                "s3:*",
                [BUCKET, BUCKET + "/*"],
                Principal="*",
                Condition=when("StringNotEquals", "aws:PrincipalOrgID", "o-1"),
            ),
        ),
        False,
    ),
    (
        "a Deny without TLS keeps nobody out",
        document(
            allow("sqs:*", QUEUE, Principal="*"),
            deny(
                "sqs:*",
                QUEUE,
                Principal="*",
                Condition=when("Bool", "aws:SecureTransport", "false"),
            ),
        ),
        True,
    ),
    (
        "every key by one service (KMS guide, kms:ViaService and kms:CallerAccount)",
        document(
            allow(
                "kms:Decrypt",
                "*",
                Principal={"AWS": "*"},
                Condition={
                    "StringEquals": {
                        "kms:ViaService": "sqs.us-west-2.amazonaws.com",
                        "kms:CallerAccount": ACCOUNT,
                    }
                },
            )
        ),
        False,
    ),
]

# name, wider, narrower, whether it covers
COVERS: list[tuple[str, Any, Any, str]] = [
    (
        "the same in other words",
        document(allow(["sqs:a", "sqs:b"], QUEUE)),
        document(allow("SQS:B", [QUEUE]), allow("sqs:A", QUEUE)),
        "yes",
    ),
    ("a star and two stars", document(allow("*:*")), document(allow("*")), "yes"),
    (
        "one action more",
        document(allow("sqs:Get*")),
        document(allow(["sqs:Get*", "sqs:Set"])),
        "no",
    ),
    (
        "a condition taken away",
        document(allow("sqs:*", QUEUE, Condition=when("Bool", "aws:SecureTransport", "true"))),
        document(allow("sqs:*", QUEUE)),
        "no",
    ),
    (
        "a condition added",
        document(allow("sqs:*", QUEUE)),
        document(allow("sqs:*", QUEUE, Condition=when("Bool", "aws:SecureTransport", "true"))),
        "yes",
    ),
    (
        "a Deny taken away",
        document(allow("sqs:*"), deny("sqs:Purge*")),
        document(allow("sqs:*")),
        "no",
    ),
    (
        "a Deny, or never allowed",
        document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        document(allow("*"), deny("iam:*")),
        "yes",
    ),
    (
        "more values of a condition",
        document(
            allow("sqs:*", QUEUE, Condition=when("StringEquals", "aws:SourceAccount", ["1", "2"]))
        ),
        document(allow("sqs:*", QUEUE, Condition=when("StringEquals", "aws:SourceAccount", "1"))),
        "yes",
    ),
]


ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
TASKS = f"arn:aws:ecs:us-west-2:{ACCOUNT}:task/"
OWNED = when("StringEquals", "aws:ResourceAccount", ACCOUNT)

# name, document, the ids of the dangers in it
DANGEROUS: list[tuple[str, Any, set[str]]] = [
    (
        "what a worker needs",
        document(allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], QUEUE)),
        set(),
    ),
    ("its own queue, all of it but what harms", document(allow("sqs:*Message*", QUEUE)), set()),
    ("an ECR login needs a star", document(allow("ecr:GetAuthorizationToken")), set()),
    ("a Deny of everything", document(deny("*")), set()),
    (
        "every action by another spelling",
        document(allow("*:*", "arn:*:*")),
        {
            "everything",
            "pass-any-role",
            "escalation",
            "destruction",
            "publication",
            "any-bucket",
            "any-task-protection",
            "every-secret",
            "every-key",
        },
    ),
    (
        "all but IAM",
        document({"Effect": "Allow", "NotAction": ["iam:*", "s3:*", "ecs:*"], "Resource": QUEUE}),
        {"everything-but", "escalation", "destruction", "publication"},
    ),
    ("a service anywhere", document(allow("sns:*")), {"whole-service", "publication"}),
    (
        "a service on one thing",
        document(allow("dynamodb:Get*", "arn:aws:dynamodb:us-west-2:1:table/a")),
        set(),
    ),
    ("any role of this account", document(allow("iam:PassRole", ROLE + "*")), {"pass-any-role"}),
    ("one role", document(allow("iam:PassRole", ROLE + "worker")), set()),
    ("roles with a prefix", document(allow("iam:passrole", ROLE + "worker-*")), set()),
    (
        "any role, and starts tasks",
        document(allow(["iam:Pass*", "ecs:RunTask"])),
        {"pass-any-role", "escalation"},
    ),
    ("writes policies", document(allow("iam:Put*Policy", ROLE + "worker")), {"escalation"}),
    (
        "writes policies, but a Deny",
        document(allow("iam:Put*Policy", ROLE + "x"), deny("iam:*")),
        set(),
    ),
    (
        "a Deny elsewhere",
        document(allow("iam:PutRolePolicy", ROLE + "x"), deny("iam:*", ROLE + "y")),
        {"escalation"},
    ),
    (
        "assumes any role",
        document(allow("sts:AssumeRole", "arn:aws:iam::*:role/*")),
        {"escalation"},
    ),
    ("assumes one role", document(allow("sts:AssumeRole", ROLE + "reader")), set()),
    ("drops the queue", document(allow("sqs:Delete*", QUEUE)), {"destruction"}),
    ("deletes messages", document(allow("sqs:DeleteMessage*", QUEUE)), set()),
    ("publishes objects", document(allow("s3:PutObject*", BUCKET + "/*")), {"publication"}),
    ("writes objects", document(allow("s3:PutObject", BUCKET + "/*")), set()),
    (
        "buckets by pattern",
        document(allow("s3:GetObject", "arn:aws:s3:::edit.*.example.com/*")),
        {"any-bucket"},
    ),
    (
        "buckets by pattern, of this account",
        document(allow("s3:GetObject", "arn:aws:s3:::edit.*.example.com/*", Condition=OWNED)),
        set(),
    ),
    (
        "buckets by pattern, if the account is known",
        document(
            allow(
                "s3:GetObject",
                "arn:aws:s3:::edit.*/*",
                Condition=when("StringEqualsIfExists", "s3:ResourceAccount", ACCOUNT),
            )
        ),
        {"any-bucket"},
    ),
    ("objects of one bucket", document(allow("s3:GetObject", BUCKET + "/*")), set()),
    (
        "a bucket of which the name is not known",
        document(allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/*"})),
        set(),
    ),
    (
        "protects any task",
        document(allow("ecs:UpdateTaskProtection", "*")),
        {"any-task-protection"},
    ),
    (
        "protects tasks of any cluster",
        document(allow("ecs:UpdateTaskProtection", TASKS + "*")),
        {"any-task-protection"},
    ),
    (
        "protects tasks of its cluster",
        document(allow("ecs:UpdateTaskProtection", TASKS + "edit/*")),
        set(),
    ),
    (
        "protects tasks of its cluster by condition",
        document(
            allow(
                "ecs:UpdateTaskProtection",
                "*",
                Condition=when("ArnEquals", "ecs:cluster", "arn:aws:ecs:us-west-2:1:cluster/edit"),
            )
        ),
        set(),
    ),
    (
        "every secret",
        document(allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:*")),
        {"every-secret"},
    ),
    (
        "one secret with its suffix",
        document(
            allow(
                "secretsmanager:GetSecretValue",
                f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:a-??????",
            )
        ),
        set(),
    ),
    ("every parameter", document(allow("ssm:GetParameter*")), {"every-secret"}),
    (
        "every key",
        document(allow("kms:Decrypt", f"arn:aws:kms:us-west-2:{ACCOUNT}:key/*")),
        {"every-key"},
    ),
    (
        "every key through one service",
        document(
            allow(
                "kms:Decrypt",
                "*",
                Condition=when("StringEquals", "kms:ViaService", "sqs.us-west-2.amazonaws.com"),
            )
        ),
        set(),
    ),
]
