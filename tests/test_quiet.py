"""A change set of what we emit lists what changes, and nothing that only refers to it.

The rows are counted by CloudFormation's own rule, written down here once more and without our
prediction: a resource that is modified in place makes each one that refers to an attribute of it
a row as well (``Evaluation: Dynamic``), since the attribute may change; a Ref of it does not. One
that is replaced, or may be, makes a row of each that refers to it in any way.
Source: CloudFormation API reference, ResourceChangeDetail ("Evaluation"), and recorded answers.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import templates
from examples.invoices.workers import INVOICES, REPORTS
from templates import workers
from templates.specification import Alarms, Errors, LogRouter, Network, Secret, Worker
from templates.steps import Step
from workerstack.cloudformation import equal, from_data, read, resolve, surroundings
from workerstack.cloudformation.logical_ids import written_references
from workerstack.cloudformation.schemas import is_tagged, recreation
from workerstack.simulator.read import read_parameters

FORMER = Path(__file__).parent / "templates"
EXAMPLE = Path(__file__).parents[1] / "examples/invoices"
KEY = "arn:aws:kms:us-west-2:111122223333:key/0"
WHERE = surroundings("111122223333", "us-west-2", "stack")
VALUES = {
    "AccessPointId": "fsap-0a1b2c3d4e5f60718",
    "FileSystemId": "fs-0a1b2c3d4e5f60718",
    "FileSystemSecurityGroupId": "sg-0a1b2c3d4e5f60718",
    "GitHubTokenSecretArn": "arn:aws:secretsmanager:us-west-2:111122223333:secret:x/y-AbCdEf",
    "SubnetIds": "subnet-1,subnet-2",
    "TokenArn": "arn:aws:secretsmanager:us-west-2:111122223333:secret:x/z-AbCdEf",
    "VpcCidr": "10.20.0.0/16",
    "VpcId": "vpc-1",
}
Template = dict[str, Any]
Rows = dict[str, str]
Change = Callable[[Worker, dict[str, str]], Worker]


def rows(before: Template, after: Template, *, old: Mapping[str, str], new: Mapping[str, str],
         tags_differ: bool = False) -> Rows:  # fmt: skip
    """Each resource that CloudFormation lists, with how surely it is replaced."""
    found: Rows = {}
    one, two = (
        resolve(from_data(template), values, WHERE).resources
        for template, values in ((before, old), (after, new))
    )
    found |= dict.fromkeys({*one} ^ {*two}, "False")
    written = after["Resources"]
    causes = {name: set(_changed(one[name], two[name])) for name in {*one} & {*two}}
    while True:
        now = dict(found)
        for name, direct in causes.items():
            kind = written[name]["Type"]
            certain = [recreation(kind, (each,)) for each in direct]
            open_ = [recreation(kind, (each,)) for each in _possible(written[name], found, name)]
            tagged = tags_differ and is_tagged(kind)
            if "Always" in certain:
                now[name] = "True"
            elif {"Always", "Conditionally"} & {*open_} or "Conditionally" in certain:
                now[name] = "Conditional"
            elif certain or open_ or tagged:
                now[name] = "False"
        if now == found:
            return found
        found = now


def _changed(one: Any, two: Any) -> Iterator[str]:
    for each in {*one.properties, *two.properties}:
        if not equal(one.properties.get(each), two.properties.get(each)):
            yield each
    if one.attributes.get("DeletionPolicy") != two.attributes.get("DeletionPolicy"):
        yield "DeletionPolicy"


def _possible(body: Template, found: Rows, name: str) -> Iterator[str]:
    """Properties that may change since what they refer to may."""
    for each, value in (body.get("Properties") or {}).items():
        for target, attribute in written_references(value):
            if target != name and target in found and (attribute or found[target] != "False"):
                yield each


def build(worker: Worker) -> Template:
    return templates.build(worker).to_dict()


def with_(**fields: Any) -> Change:
    return lambda worker, _: dataclasses.replace(worker, **fields)


def having(**values: str) -> Change:
    def change(worker: Worker, given: dict[str, str]) -> Worker:
        given |= values
        return worker

    return change


def environment(worker: Worker, _: dict[str, str]) -> Worker:
    return dataclasses.replace(worker, environment={**worker.environment, "NEW": "1"})


def another_bucket(worker: Worker, _: dict[str, str]) -> Worker:
    return dataclasses.replace(worker, buckets=(*worker.buckets, "another"))


def another_secret(worker: Worker, _: dict[str, str]) -> Worker:
    secret = Secret(variable="TOKEN", parameter="TokenArn", name="x/z")
    return dataclasses.replace(worker, secrets=(*worker.secrets, secret))


def last_step(worker: Worker, _: dict[str, str]) -> Worker:
    first, second, third = worker.steps
    assert third.lower
    return dataclasses.replace(worker, steps=(first, second, Step(lower=third.lower + 5, change=3)))


BOTH: dict[str, tuple[Change, set[str]]] = {
    "image": (having(ImageReference=":next"), {"TaskDefinition", "Service"}),
    "environment variable": (environment, {"TaskDefinition", "Service"}),
    "cpu and memory": (having(TaskCpu="4096", TaskMemory="8192"), {"TaskDefinition", "Service"}),
    "time to stop": (with_(stop_timeout=60), {"TaskDefinition", "Service"}),
    "user": (with_(user="2000"), {"TaskDefinition", "Service"}),
    "writable paths": (
        with_(read_only_root=True, scratch_paths=("/scratch",)), {"TaskDefinition", "Service"},
    ),
    "repository": (
        with_(image_repository="x/y"), {"TaskDefinition", "Service", "ExecutionRolePolicy"},
    ),
    "secret": (another_secret, {"TaskDefinition", "Service", "ExecutionRolePolicy"}),
    "right": (another_bucket, {"TaskRolePolicy"}),
    "no rights on buckets": (with_(buckets=()), {"TaskRolePolicy"}),
    "step": (last_step, {"ScaleOutPolicy"}),
    "upper bound": (having(MaxTasks="9"), {"ScalableTarget"}),
    "lower bound": (having(MinTasks="1"), {"ScalableTarget"}),
    "window of scale-in": (with_(drained_minutes=20), {"DrainedAlarm"}),
    "retention": (having(LogRetentionDays="30"), {"LogGroup"}),
    "subnets": (having(SubnetIds="subnet-1,subnet-3"), {"Service"}),
    "public addresses": (having(AssignPublicIp="DISABLED"), {"Service"}),
    "nothing": (with_(), set()),
}  # fmt: skip
OF_EDIT: dict[str, tuple[Change, set[str]]] = {
    "rule of the security group": (having(VpcCidr="10.0.0.0/16"), {"WorkerSecurityGroup"}),
    "object ACLs": (with_(sets_object_acls=False), {"TaskRolePolicy"}),
    "queue": (
        having(QueueName="other"),
        {"BacklogAlarm", "DrainedAlarm", "TaskDefinition", "Service", "TaskRolePolicy"},
    ),
    "access point": (
        having(AccessPointId="fsap-1"), {"TaskDefinition", "Service", "TaskRolePolicy"},
    ),
}  # fmt: skip
OF_THUMBNAILS: dict[str, tuple[Change, set[str]]] = {
    "visibility timeout": (having(VisibilityTimeout="700"), {"Queue"}),
    "receive count": (having(MaxReceiveCount="5"), {"Queue"}),
    "who hears of dead letters": (
        having(AlarmTopicArn="arn:aws:sns:us-west-2:111122223333:help"), {"DeadLetterAlarm"},
    ),
}  # fmt: skip

TASK = {"TaskDefinition", "Service"}
RIGHTS = {"TaskRolePolicy"}
COLLECTOR = INVOICES.sidecars[1]
OF_INVOICES: dict[str, tuple[Change, set[str]]] = {
    "nothing": (with_(), set()),
    "image": (having(ImageReference=":next"), TASK),
    "image of a sidecar": (having(OtelCollectorReference="@sha256:" + "0" * 64), TASK),
    "account of the image": (having(ImageAccount="1" * 12), {*TASK, "ExecutionRolePolicy"}),
    "value of a variable": (having(LogLevel="debug"), TASK),
    "architecture": (with_(architecture="X86_64"), TASK),
    "storage": (having(EphemeralStorage="60"), TASK),
    "command": (with_(command=("run",)), TASK),
    "limits": (with_(ulimits=()), TASK),
    "labels": (with_(docker_labels={}), TASK),
    "health check": (with_(health_check=None), TASK),
    "another sidecar": (
        with_(sidecars=(*INVOICES.sidecars, dataclasses.replace(COLLECTOR, name="second"))), TASK,
    ),
    "memory of a sidecar": (
        with_(sidecars=(INVOICES.sidecars[0], dataclasses.replace(COLLECTOR, memory=300))), TASK,
    ),
    "on-demand base": (having(OnDemandBase="2"), {"Service"}),
    "a group besides": (with_(network=dataclasses.replace(
        INVOICES.network, security_groups=())), {"Service"}),
    "a way out": (with_(network=dataclasses.replace(
        INVOICES.network, egress=INVOICES.network.egress[:-1])), {"WorkerSecurityGroup"}),
    "a right": (with_(rights=INVOICES.rights[:-1]), RIGHTS),
    "a statement": (with_(statements=()), RIGHTS),
    "key of a bucket": (having(BucketKeyArn=KEY), RIGHTS),
    "key of the queues": (
        having(QueueKeyArn=KEY),
        {*RIGHTS, "Queue", "DeadLetterQueue", "UrgentQueue", "UrgentDeadLetterQueue"},
    ),
    "key of the logs": (having(LogsKeyArn=KEY), {"LogGroup"}),
    "a stored parameter": (
        with_(secrets=INVOICES.secrets[:3]), {*TASK, "ExecutionRolePolicy"},
    ),
    "hours": (with_(schedule=INVOICES.schedule[:1]), {"ScalableTarget"}),
    "age of the oldest message": (
        with_(alarms=dataclasses.replace(INVOICES.alarms or Alarms(), oldest_message=60)),
        {"OldestMessageAlarm", "UrgentOldestMessageAlarm"},
    ),
    "errors": (with_(errors=Errors(pattern="?ERROR ?Traceback", at_least=9, minutes=10)),
               {"ErrorAlarm"}),
    "second queue's timeout": (having(UrgentVisibilityTimeout="400"), {"UrgentQueue"}),
    "topic": (
        having(AlarmTopicArn="arn:aws:sns:us-west-2:111122223333:help"),
        {"DeadLetterAlarm", "ErrorAlarm", "NothingProcessedAlarm", "OldestMessageAlarm",
         "UrgentDeadLetterAlarm", "UrgentNothingProcessedAlarm", "UrgentOldestMessageAlarm"},
    ),
}  # fmt: skip
OF_REPORTS: dict[str, tuple[Change, set[str]]] = {
    "nothing": (with_(), set()),
    "image": (having(ImageReference="@sha256:" + "0" * 64), TASK),
    "options of the log router": (
        with_(log_router=dataclasses.replace(REPORTS.log_router or LogRouter(image="x", options={}),
                                             options={"Name": "stdout"})), TASK,
    ),
    "ready-made role": (having(TaskRoleArn="arn:aws:iam::111122223333:role/other"), TASK),
    "IPv6": (with_(network=Network()), {"WorkerSecurityGroup"}),
}  # fmt: skip

CASES = [
    pytest.param(worker, change, expected, id=f"{worker.name}: {name}")
    for worker, own in (
        (workers.EDIT, BOTH | OF_EDIT),
        (workers.THUMBNAILS, BOTH | OF_THUMBNAILS),
        (INVOICES, OF_INVOICES),
        (REPORTS, OF_REPORTS),
    )
    for name, (change, expected) in own.items()
]


def values_of(worker: Worker) -> dict[str, str]:
    file = EXAMPLE / f"params/dev/{worker.name}.yaml"
    return read_parameters(file.read_text(), file.name) if file.exists() else dict(VALUES)


@pytest.mark.parametrize(("worker", "change", "expected"), CASES)
def test_rows_of_an_everyday_change(worker: Worker, change: Change, expected: set[str]) -> None:
    before = values_of(worker)
    values = dict(before)
    changed = change(worker, values)
    found = rows(build(worker), build(changed), old=before, new=values)
    assert set(found) == expected
    assert "Conditional" not in found.values()
    assert {name for name, each in found.items() if each == "True"} <= {"TaskDefinition"}


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
def test_tags_reach_what_has_tags_and_nothing_else(worker: Worker) -> None:
    template = build(worker)
    found = rows(template, template, old=VALUES, new=VALUES, tags_differ=True)
    assert set(found) == {
        name for name, body in template["Resources"].items()
        if body["Type"].split("::", 1)[1] in {
            "CloudWatch::Alarm", "ECS::Cluster", "ECS::Service", "ECS::TaskDefinition",
            "EC2::SecurityGroup", "IAM::Role", "Logs::LogGroup", "SQS::Queue",
            "ApplicationAutoScaling::ScalableTarget",
        }
    }  # fmt: skip


def test_a_rule_written_into_the_template() -> None:
    after = build(workers.EDIT)
    after["Resources"]["WorkerSecurityGroup"]["Properties"]["SecurityGroupIngress"] = []
    assert set(rows(build(workers.EDIT), after, old=VALUES, new=VALUES)) == {"WorkerSecurityGroup"}


def test_no_attribute_is_referred_to_but_that_of_a_role_which_never_changes() -> None:
    for worker in (*workers.ALL, INVOICES):
        attributes = {each for each in written_references(build(worker)["Resources"]) if each[1]}
        assert attributes == {("ExecutionRole", "Arn"), ("TaskRole", "Arn")}


@pytest.mark.parametrize(
    ("worker", "values", "expected"),
    [
        ("webordinary-edit", {"ImageReference": ":next"}, 7),
        ("webordinary-edit", {"LogRetentionDays": "30"}, 9),
        ("thumbnails", {"VisibilityTimeout": "700"}, 9),
    ],
)
def test_the_former_templates_listed_more(
    worker: str, values: dict[str, str], expected: int
) -> None:
    """The control: what AWS was seen to list, the rule above lists too."""
    text = (FORMER / f"{worker}.former.template.yaml").read_text()
    former: Template = dict(read(text, worker).data)
    found = rows(former, former, old=VALUES, new={**VALUES, **values})
    assert len(found) == expected
