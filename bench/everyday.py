"""The changes that people make each week, and five that a review must stop: one list for all.

``tests/test_quiet.py`` holds the rows that CloudFormation lists for them; ``python -m bench aws``
makes them in a real account. A change takes the worker and the values of its parameters, which it
may set, and gives the worker as it is afterwards.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import templates
from workerstack.specification import Secret, Step, Worker

Template = dict[str, Any]
Change = Callable[[Worker, dict[str, str]], Worker]
Edit = Callable[[Template], None]


class Other(NamedTuple):
    """What an account has besides what the worker uses, so that it can change to it."""

    repository: str
    secret: str
    secret_arn: str
    queue: str
    access_point: str
    subnets: str
    topic: str


class Everyday(NamedTuple):
    """An everyday change and the resources that CloudFormation lists for it.

    ``is_executed``: whether it works wherever the worker works.
    """

    change: Change
    rows: frozenset[str]
    is_executed: bool = True


class Risky(NamedTuple):
    """A change of the template or the values that a review stops by the finding ``id``.

    ``is_executed``: whether it is safe in an account that has nothing of worth, and opens nothing.
    """

    edit: Edit
    values: Mapping[str, str]
    id: str
    is_executed: bool


def build(worker: Worker) -> Template:
    """The worker's template as data."""
    return templates.build(worker).to_dict()


def with_(**fields: Any) -> Change:
    """Fields of the specification, set."""
    return lambda worker, _: dataclasses.replace(worker, **fields)


def having(**values: str) -> Change:
    """Values of parameters, set."""

    def change(worker: Worker, given: dict[str, str]) -> Worker:
        given |= values
        return worker

    return change


def environment(worker: Worker, _: dict[str, str]) -> Worker:
    """One more variable."""
    return dataclasses.replace(worker, environment={**worker.environment, "NEW": "1"})


def another_bucket(worker: Worker, _: dict[str, str]) -> Worker:
    """One more bucket to write to."""
    return dataclasses.replace(worker, buckets=(*worker.buckets, "another"))


def another_secret(other: Other) -> Change:
    """One more secret, given to the container."""
    secret = Secret(variable="TOKEN", parameter="TokenArn", name=other.secret)

    def change(worker: Worker, given: dict[str, str]) -> Worker:
        given["TokenArn"] = other.secret_arn
        return dataclasses.replace(worker, secrets=(*worker.secrets, secret))

    return change


def last_step(worker: Worker, _: dict[str, str]) -> Worker:
    """Another depth at which the last step begins."""
    first, second, third = worker.steps
    if third.lower is None:
        raise ValueError(f"the last step of {worker.name} has no lower end")
    return dataclasses.replace(worker, steps=(first, second, Step(lower=third.lower + 5, change=3)))


def of_both(other: Other) -> dict[str, Everyday]:
    """Changes that each worker may see, by name."""
    revision = frozenset({"TaskDefinition", "Service"})
    policy = revision | {"ExecutionRolePolicy"}
    return {
        "image": Everyday(having(ImageReference=":next"), revision),
        "environment variable": Everyday(environment, revision),
        "cpu and memory": Everyday(having(TaskCpu="1024", TaskMemory="2048"), revision),
        "time to stop": Everyday(with_(stop_timeout=60), revision),
        "user": Everyday(with_(user="2000"), revision),
        "writable paths": Everyday(
            with_(read_only_root=True, scratch_paths=("/scratch",)), revision
        ),
        "repository": Everyday(with_(image_repository=other.repository), policy),
        "secret": Everyday(another_secret(other), policy),
        "right": Everyday(another_bucket, frozenset({"TaskRolePolicy"})),
        "no rights on buckets": Everyday(with_(buckets=()), frozenset({"TaskRolePolicy"})),
        "step": Everyday(last_step, frozenset({"ScaleOutPolicy"})),
        "upper bound": Everyday(having(MaxTasks="9"), frozenset({"ScalableTarget"})),
        "window of scale-in": Everyday(with_(drained_minutes=20), frozenset({"DrainedAlarm"})),
        "retention": Everyday(having(LogRetentionDays="30"), frozenset({"LogGroup"})),
        "subnets": Everyday(having(SubnetIds=other.subnets), frozenset({"Service"})),
        # Without a NAT gateway no task would start any more.
        "public addresses": Everyday(
            having(AssignPublicIp="DISABLED"), frozenset({"Service"}), is_executed=False
        ),
        # From here on a task runs all the time, so it comes late.
        "lower bound": Everyday(having(MinTasks="1"), frozenset({"ScalableTarget"})),
    }


def of_edit(other: Other) -> dict[str, Everyday]:
    """Changes of a worker with a workspace and a queue of somebody else."""
    return {
        "rule of the security group": Everyday(
            having(VpcCidr="10.0.0.0/16"), frozenset({"WorkerSecurityGroup"})
        ),
        "object ACLs": Everyday(with_(sets_object_acls=False), frozenset({"TaskRolePolicy"})),
        "queue": Everyday(
            having(QueueName=other.queue),
            frozenset(
                {"BacklogAlarm", "DrainedAlarm", "TaskDefinition", "Service", "TaskRolePolicy"}
            ),
        ),
        "access point": Everyday(
            having(AccessPointId=other.access_point),
            frozenset({"TaskDefinition", "Service", "TaskRolePolicy"}),
        ),
    }


def of_thumbnails(other: Other) -> dict[str, Everyday]:
    """Changes of a worker with a queue of its own."""
    return {
        "visibility timeout": Everyday(having(VisibilityTimeout="700"), frozenset({"Queue"})),
        "receive count": Everyday(having(MaxReceiveCount="5"), frozenset({"Queue"})),
        "who hears of dead letters": Everyday(
            having(AlarmTopicArn=other.topic), frozenset({"DeadLetterAlarm"})
        ),
    }


def _open_ssh(template: Template) -> None:
    rules = template["Resources"]["WorkerSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    rules.append({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"})


def _allow_all(template: Template) -> None:
    policy = template["Resources"]["TaskRolePolicy"]["Properties"]["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})


def _no_tasks(template: Template) -> None:
    template["Resources"]["Service"]["Properties"]["DesiredCount"] = 0


def _nothing(_: Template) -> None:
    """Only the values change."""


def risky(run: str) -> dict[str, Risky]:
    """Five changes of the edit worker that a review blocks, those that are executed last."""
    return {
        "SSH from everywhere": Risky(_open_ssh, {}, "network-opened", is_executed=False),
        "every right": Risky(_allow_all, {}, "iam-wildcard", is_executed=False),
        "number of tasks": Risky(_no_tasks, {}, "capacity-reset", is_executed=True),
        "name of the log group": Risky(
            _nothing, {"LogGroupName": f"/ecs/{run}-2"}, "replaces-stateful", is_executed=True
        ),
        "name of the service": Risky(
            _nothing, {"ServiceName": f"{run}-2"}, "service-replaced", is_executed=True
        ),
    }


NAMES = tuple(of_both(Other(*[""] * 7)) | of_edit(Other(*[""] * 7)) | risky(""))
"""What all changes of the edit worker are called."""
