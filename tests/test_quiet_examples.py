"""Change sets of the workers of another team list what changes, by the rule of test_quiet.py."""

import dataclasses
from pathlib import Path

import pytest
from troposphere import Ref, Template

from bench.everyday import Change, build, having, with_
from examples.invoices.workers import INVOICES, REPORTS
from tests.test_quiet import rows
from workerstack.cloudformation.logical_ids import written_references
from workerstack.simulator.read import read_parameters
from workerstack.specification import Alarms, Errors, LogRouter, Network, Roles, Worker

EXAMPLE = Path(__file__).parents[1] / "examples/invoices"
KEY = "arn:aws:kms:us-west-2:111122223333:key/0"

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
    "no boundary any more": (with_(roles=Roles(path="/workers/")), {"ExecutionRole", "TaskRole"}),
    "another boundary": (
        having(PermissionsBoundaryArn="arn:aws:iam::111122223333:policy/other"),
        {"ExecutionRole", "TaskRole"},
    ),
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
    for worker, own in ((INVOICES, OF_INVOICES), (REPORTS, OF_REPORTS))
    for name, (change, expected) in own.items()
]


@pytest.mark.parametrize(("worker", "change", "expected"), CASES)
def test_rows_of_an_everyday_change(worker: Worker, change: Change, expected: set[str]) -> None:
    file = EXAMPLE / f"params/dev/{worker.name}.yaml"
    before = read_parameters(file.read_text(), file.name)
    values = dict(before)
    changed = change(worker, values)
    found = rows(build(worker), build(changed), old=before, new=values)
    assert set(found) == expected
    assert "Conditional" not in found.values()
    assert {name for name, each in found.items() if each == "True"} <= {"TaskDefinition"}


@pytest.mark.parametrize("worker", [INVOICES, REPORTS], ids=lambda worker: worker.name)
def test_no_attribute_is_referred_to(worker: Worker) -> None:
    assert not {each for each in written_references(build(worker)["Resources"]) if each[1]}


def test_a_role_that_stands_elsewhere_is_named_with_its_path() -> None:
    def moved(template: Template, _: Worker) -> None:
        template.resources["TaskRole"].Path = "/elsewhere/"
        template.resources["ExecutionRole"].Path = Ref("AWS::StackName")

    found = build(dataclasses.replace(INVOICES, customize=moved))["Resources"]["TaskDefinition"]
    assert found["Properties"]["TaskRoleArn"] == {
        "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/elsewhere/${TaskRole}"
    }
    assert found["Properties"]["ExecutionRoleArn"] == {"Fn::GetAtt": ["ExecutionRole", "Arn"]}
