"""What a run of ``bench.aws`` makes in an account beside the worker, and how all of it goes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import image
from bench.everyday import Other
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.stack import read, resources
from workerstack.problem import Problem

TEMPLATE = Path(__file__).with_name("sandbox.template.yaml")
TAG = "fargate-worker-stack-bench"
"""On the network's stack: only a stack with it is taken for one of these."""

COST = """\
It makes, in this account and region:
  a VPC with three public subnets and no NAT gateway, an EFS file system, two queues,
  two repositories with a tiny image, two secrets, and the worker: an ECS service of at
  most one task of 0.25 vCPU, two alarms, roles and a log group.
What that costs an hour, in us-east-1: task $0.013, its public address $0.005, secrets and
alarms $0.002, file system, images and logs less than $0.01. A run takes one to two hours:
less than $0.10, and certainly less than $1. Everything is deleted at the end."""

Say = Callable[[str], None]


def network(run: str) -> str:
    """The name of the network's stack."""
    return f"{run}-network"


def create(clients: Clients, run: str, clock: Clock) -> tuple[dict[str, str], Other]:
    """The network and what else a worker uses: its parameters' values, and what to change to.

    Raises Problem where the stack cannot be made.
    """
    cloudformation = clients("cloudformation")
    cloudformation.create_stack(
        StackName=network(run), TemplateBody=TEMPLATE.read_text("utf-8"),
        Parameters=[{"ParameterKey": "Run", "ParameterValue": run}],
        Tags=[{"Key": TAG, "Value": run}],
    )  # fmt: skip
    status = settled(cloudformation, network(run), clock)
    if status != "CREATE_COMPLETE":
        raise Problem(
            f"The network could not be made: {network(run)} is {status}",
            "; ".join(_reasons(cloudformation, network(run))) or "no event says why",
            "Correct that, and run it again",
        )
    answer = read(cloudformation, network(run)).answer
    given = {each["OutputKey"]: each["OutputValue"] for each in answer["Outputs"]}
    for repository in (run, f"{run}-other"):
        image.push(clients("ecr"), repository, ("latest", "next"))
    names = (f"{run}-token", f"{run}-other-token")
    tokens = [clients("secretsmanager").describe_secret(SecretId=each)["ARN"] for each in names]
    values = {
        "VpcId": given["VpcId"],
        "VpcCidr": "10.20.0.0/16",
        "SubnetIds": given["SubnetIds"],
        "FileSystemId": given["FileSystemId"],
        "FileSystemSecurityGroupId": given["FileSystemSecurityGroupId"],
        "AccessPointId": given["AccessPointId"],
        "GitHubTokenSecretArn": tokens[0],
    }
    return values, Other(
        repository=f"{run}-other",
        secret=f"{run}-other-token",
        secret_arn=tokens[1],
        queue=f"{run}-other-queue",
        access_point=given["OtherAccessPointId"],
        subnets=given["OtherSubnetIds"],
        topic="",
    )


def settled(cloudformation: Any, name: str, clock: Clock) -> str:
    """The stack's status once nothing goes on in it; ABSENT where there is none."""
    waits = clock.waits()
    while (status := read(cloudformation, name).status).endswith("_IN_PROGRESS"):
        # A shell in which only a change set waits stays as it is.
        if status == "REVIEW_IN_PROGRESS" or not waits.wait():
            break
    return status


def _reasons(cloudformation: Any, name: str) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [
        f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}"
        for each in reversed(events)
        if each["ResourceStatus"].endswith("_FAILED")
    ]


def remove(clients: Clients, run: str, clock: Clock, say: Say) -> list[str]:
    """Deletes all that a run has made; a sentence, with the command, for what is left.

    One thing that cannot be deleted keeps nothing else from being deleted.
    """
    left: list[str] = []
    for name in (run, network(run)):
        say(f"Deleting {name}")
        with _noted(left, f"aws cloudformation delete-stack --stack-name {name}"):
            _delete(clients("cloudformation"), name, clock)
    with _noted(left, f"aws logs delete-log-group --log-group-name /ecs/{run}"):
        logs = clients("logs")
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/ecs/{run}")["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])
    with _noted(left, f"aws ecs list-task-definitions --family-prefix {run}"):
        _forget_revisions(clients("ecs"), run)
    return left


@contextmanager
def _noted(left: list[str], command: str) -> Iterator[None]:
    """What goes wrong becomes a sentence that names the command to go on with."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Problem) as error:
        left.append(f"{str(error).rstrip('.')}. Look with `{command}`")


def _delete(cloudformation: Any, name: str, clock: Clock) -> None:
    """Deletes a stack, whatever it is in; raises Problem where some of it stays."""
    from botocore.exceptions import ClientError

    found = read(cloudformation, name)
    if found.status == "ABSENT":
        return
    if found.status == "UPDATE_IN_PROGRESS":
        try:
            cloudformation.cancel_update_stack(StackName=name)
        except ClientError as error:
            # It has ended in the meantime, and can be deleted as it is.
            if "CancelUpdateStack cannot be called" not in str(error):
                raise
    if found.status != "CREATE_IN_PROGRESS":
        settled(cloudformation, name, clock)
    cloudformation.delete_stack(StackName=found.id)
    status = settled(cloudformation, found.id, clock)
    if status not in ("ABSENT", "DELETE_COMPLETE"):
        kept = [
            f"{each.logical_id} ({each.physical_id})"
            for each in resources(cloudformation, found.id)
        ]
        raise Problem(
            f"{name} is {status}",
            f"{', '.join(kept)} stayed",
            "Delete these, then the stack",
        )


def _forget_revisions(ecs: Any, run: str) -> None:
    """Deregisters each revision and deletes it, ten at a time as the API takes them."""
    for status in ("ACTIVE", "INACTIVE"):
        found = []
        for page in ecs.get_paginator("list_task_definitions").paginate(status=status):
            found += [arn for arn in page["taskDefinitionArns"] if f"/{run}-task:" in arn]
        if status == "ACTIVE":
            for arn in found:
                ecs.deregister_task_definition(taskDefinition=arn)
        for first in range(0, len(found) if status == "INACTIVE" else 0, 10):
            ecs.delete_task_definitions(taskDefinitions=found[first : first + 10])
