"""The task role's rights, asked of IAM before anything is touched.

Source: IAM, SimulatePrincipalPolicy. It knows the role's policies, its boundary and the
organization's, and no policy of a queue or a bucket.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.check import Check, judged

QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
OBJECT = ("s3:PutObject", "s3:GetObject")
FILE_SYSTEM = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")


@dataclass(frozen=True)
class Need:
    """Actions that the worker needs on a resource, with the context it calls them in."""

    actions: Sequence[str]
    resource: str
    context: Mapping[str, str]


def needs(task: Mapping[str, Any], queue_arn: str, object_arn: str) -> Iterator[Need]:
    """What a worker with this task definition needs; ``object_arn`` may be empty."""
    partition, _, region, account = queue_arn.split(":")[1:5]
    yield Need(QUEUE, queue_arn, {})
    if object_arn:
        yield Need(OBJECT, object_arn, {})
    for volume in task.get("volumes", ()):
        system = volume.get("efsVolumeConfiguration", {})
        authorization = system.get("authorizationConfig", {})
        if authorization.get("iam") == "ENABLED":
            place = f"arn:{partition}:elasticfilesystem:{region}:{account}"
            point = authorization.get("accessPointId", "")
            context = (
                {"elasticfilesystem:AccessPointArn": f"{place}:access-point/{point}"}
                if point
                else {}
            )
            yield Need(FILE_SYSTEM, f"{place}:file-system/{system['fileSystemId']}", context)


def check(iam: Any, role: str, needed: Sequence[Need]) -> Check:
    """Whether the role may do all of it; unknown where we may not ask."""
    from botocore.exceptions import BotoCoreError, ClientError

    criterion = "the task role has the rights"
    try:
        refused = [each for need in needed for each in _refused(iam, role, need)]
    except (ClientError, BotoCoreError) as error:
        return Check(
            "rights", criterion, "unknown", f"IAM could not be asked: {error}",
            "Give the caller iam:SimulatePrincipalPolicy, or see what the message does",
        )  # fmt: skip
    number = sum(len(need.actions) for need in needed)
    return judged(
        "rights", criterion, refused, f"{number} actions allowed on {len(needed)} resources",
        "Give the task role this right (TaskRole), review and execute",
    )  # fmt: skip


def _refused(iam: Any, role: str, need: Need) -> Iterator[str]:
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=list(need.actions),
        ResourceArns=[need.resource],
        ContextEntries=[
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in need.context.items()
        ],
    )
    for each in answer["EvaluationResults"]:
        if each["EvalDecision"] != "allowed":
            yield f"{each['EvalActionName']} on {need.resource}: {each['EvalDecision']}"
