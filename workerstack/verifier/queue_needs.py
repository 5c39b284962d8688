"""What a worker needs of the queue that it reads, and of the buckets that it writes to.

Source: SQS API reference, GetQueueAttributes; SQS developer guide, "Visibility timeout",
"Dead-letter queues"; S3 API reference, HeadBucket (ExpectedBucketOwner).
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from workerstack.checks import rights
from workerstack.checks.worker import QUEUE, TASK, containers_of
from workerstack.cloudformation import Resource, text
from workerstack.cloudformation.policies import (
    ALLOW,
    AccessRequest,
    Answer,
    Principal,
    decide,
    read,
)
from workerstack.cloudformation.policy_patterns import text as pattern_text
from workerstack.deployer import aws_errors
from workerstack.verifier.asking import GoneError
from workerstack.verifier.live_check import NotKnown
from workerstack.verifier.needs import MissingError, Need, Subject, check_key, longest_job

URL = re.compile(r"https?://[^/]+/(?P<account>\d{12})/(?P<name>[\w-]+(?:\.fifo)?)")
"""The URL of a queue, in its three forms."""

OBJECTS = re.compile(r"s3:(?:\*|[A-Za-z*]*(?:Object|ListBucket|Bucket)[A-Za-z*]*)", re.IGNORECASE)
BUCKET = re.compile(r"arn:[^:]*:s3:::(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/.*)?")


def queue_needs(subject: Subject) -> Iterator[Need]:
    """The queue, its dead-letter queue, and each bucket that is named without a wildcard."""
    for task in subject.stack.of(TASK):
        for url in _urls(subject, task):
            yield Need("queue", "the queue exists, and fits the worker", ("sqs", "kms"),
                       partial(_queue, task, url))  # fmt: skip
            yield Need("dead-letters", "where messages go that always fail", ("sqs",),
                       partial(_dead_letters, url))  # fmt: skip
        for name in _buckets(subject, task):
            yield Need("bucket", f"the bucket {name} exists in this account", ("s3",),
                       partial(_bucket, name))  # fmt: skip


def _urls(subject: Subject, task: Resource) -> list[str]:
    """The queues of others whose URLs the containers are told."""
    found: dict[str, None] = {}
    for container in containers_of(task):
        for _, variable in container.members("Environment"):
            value = variable.get("Value")
            known = text(value)
            if known and subject.stack.referred(value, QUEUE) is None and URL.fullmatch(known):
                found.setdefault(known)
    return list(found)


def _attributes(subject: Subject, url: str) -> dict[str, str]:
    name = url.rpartition("/")[2]
    try:
        answer = subject.ask(
            "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"]
        )  # fmt: skip
    except GoneError:
        raise MissingError(
            f"the queue {name} does not exist", "Create it, or correct QueueName in params/"
        ) from None
    return dict(answer["Attributes"])


def _queue(task: Resource, url: str, subject: Subject) -> str:
    found = _attributes(subject, url)
    name, longest = url.rpartition("/")[2], longest_job(task)
    timeout = int(found.get("VisibilityTimeout", 30))
    if longest > timeout:
        raise MissingError(
            f"the visibility timeout of {name} is {timeout} s, and the longest job takes"
            f" {longest} s: SQS gives its message to a second task",
            f"aws sqs set-queue-attributes --queue-url {url}"
            f" --attributes VisibilityTimeout={longest}",
        )
    _check_policy(task, url, found, subject)
    encrypted = check_key(
        subject, found.get("KmsMasterKeyId", ""), task.get("TaskRoleArn"), f"the queue {name}"
    )
    return f"{name} exists, and hides a message for {timeout} s{encrypted}"


def _check_policy(task: Resource, url: str, found: dict[str, str], subject: Subject) -> None:
    """A policy must not deny the task role, and must let it in where the queue is another's."""
    given, match = found.get("Policy"), URL.fullmatch(url)
    is_another = match is not None and match["account"] != subject.account
    if not given and not is_another:
        return
    acting = rights.role(subject.stack, task.get("TaskRoleArn"))
    there = subject.deployed.get(acting.logical_id) if acting is not None else None
    # A role that is not there yet is no one's principal but everybody's.
    name = there.physical_id if there and there.physical_id else "not-there-yet"
    role = Principal("AWS", f"arn:{subject.partition}:iam::{subject.account}:role/{name}")
    asked = AccessRequest("sqs:ReceiveMessage", found.get("QueueArn", "*"), None, role)
    answer = decide([read(json.loads(given or '{"Statement": []}'))], asked).answer
    if answer is Answer.DENIED:
        raise MissingError(
            f"the policy of {url.rpartition('/')[2]} denies the task role sqs:ReceiveMessage",
            "Correct the queue's policy",
        )
    if is_another and answer is Answer.NOT_ALLOWED:
        raise MissingError(
            f"{url.rpartition('/')[2]} is another account's, and its policy does not let the task"
            " role receive",
            "Allow it in the queue's policy",
        )


def _dead_letters(url: str, subject: Subject) -> str:
    name = url.rpartition("/")[2]
    given = _attributes(subject, url).get("RedrivePolicy")
    if not given:
        return f"{name} has no dead-letter queue: a message that always fails comes back until it"\
               " expires"  # fmt: skip
    policy = json.loads(given)
    *_, account, dead = str(policy["deadLetterTargetArn"]).split(":")
    try:
        subject.ask("sqs", "get_queue_url", QueueName=dead, QueueOwnerAWSAccountId=account)
    except GoneError:
        raise MissingError(
            f"the dead-letter queue {dead} of {name} does not exist: messages that fail are lost",
            "Create it, or correct the queue's redrive policy",
        ) from None
    return f"{dead}, after {policy['maxReceiveCount']} receives"


def _buckets(subject: Subject, task: Resource) -> list[str]:
    """Those on which the task role is allowed something, by their names."""
    acting = rights.role(subject.stack, task.get("TaskRoleArn"))
    found: dict[str, None] = {}
    for policy in rights.policies(subject.stack, acting) if acting is not None else ():
        for statement in policy.statements:
            actions = [pattern_text(each) or "" for each in statement.actions]
            if statement.effect != ALLOW or not any(map(OBJECTS.fullmatch, actions)):
                continue
            for resource in statement.resources or ():
                known = BUCKET.fullmatch(pattern_text(resource) or "")
                if known and not statement.not_resources:
                    found.setdefault(known["name"])
    return list(found)


def _bucket(name: str, subject: Subject) -> str:
    from botocore.exceptions import ClientError

    def status(**owner: Any) -> int:
        try:
            subject.clients("s3").head_bucket(Bucket=name, **owner)
        except ClientError as error:
            if aws_errors.cause_of(error) != "refused":
                raise  # a proxy has a 403 of its own
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    found = status(ExpectedBucketOwner=subject.account)
    if found == 404:  # noqa: PLR2004
        raise MissingError(f"the bucket {name} does not exist", "Create it")
    if found == 403:  # noqa: PLR2004
        if status() == 200:  # noqa: PLR2004
            raise MissingError(
                f"the bucket {name} is another account's", "Correct its name in the template"
            )
        raise NotKnown(
            f"{name} exists, and it is another account's or there is no permission for"
            " s3:ListBucket"
        )
    if found not in (200, 301):
        raise NotKnown(f"S3 answered with {found}")
    return f"{name} is this account's"
