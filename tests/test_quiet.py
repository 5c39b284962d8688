"""A change set of what we emit lists what changes, and nothing that only refers to it.

The rows are counted by CloudFormation's own rule, written down here once more and without our
prediction: a resource that is modified in place makes each one that refers to an attribute of it
a row as well (``Evaluation: Dynamic``), since the attribute may change; a Ref of it does not. One
that is replaced, or may be, makes a row of each that refers to it in any way.
Source: CloudFormation API reference, ResourceChangeDetail ("Evaluation"), and recorded answers.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import everyday
from bench.everyday import Change, Template, build
from templates import workers
from workerstack.cloudformation import equal, from_data, read, resolve, surroundings
from workerstack.cloudformation.logical_ids import written_references
from workerstack.cloudformation.schemas import is_tagged, recreation
from workerstack.specification import Spot, Worker

FORMER = Path(__file__).parent / "templates"
WHERE = surroundings("111122223333", "us-west-2", "stack")
VALUES = {
    "AccessPointId": "fsap-0a1b2c3d4e5f60718",
    "FileSystemId": "fs-0a1b2c3d4e5f60718",
    "FileSystemSecurityGroupId": "sg-0a1b2c3d4e5f60718",
    "GitHubTokenSecretArn": "arn:aws:secretsmanager:us-west-2:111122223333:secret:x/y-AbCdEf",
    "SubnetIds": "subnet-0a1b2c3d4e5f60001,subnet-0a1b2c3d4e5f60002",
    "TokenArn": "arn:aws:secretsmanager:us-west-2:111122223333:secret:x/z-AbCdEf",
    "VpcCidr": "10.20.0.0/16",
    "VpcId": "vpc-1",
}
Rows = dict[str, str]


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


OTHER = everyday.Other(
    repository="x/y",
    secret="x/z",  # noqa: S106 - a secret's name
    secret_arn="arn:aws:secretsmanager:us-west-2:111122223333:secret:x/z-AbCdEf",  # noqa: S106
    queue="other",
    access_point="fsap-0a1b2c3d4e5f60719",
    subnets="subnet-0a1b2c3d4e5f60001,subnet-0a1b2c3d4e5f60003",
    topic="arn:aws:sns:us-west-2:111122223333:help",
)
CASES = [
    pytest.param(worker, each.change, set(each.rows), id=f"{worker.name}: {name}")
    for worker, own in (
        (workers.EDIT, everyday.of_edit(OTHER)), (workers.THUMBNAILS, everyday.of_thumbnails(OTHER))
    )
    for name, each in (everyday.of_both(OTHER) | own).items()
]  # fmt: skip


@pytest.mark.parametrize(("worker", "change", "expected"), CASES)
def test_rows_of_an_everyday_change(worker: Worker, change: Change, expected: set[str]) -> None:
    values = dict(VALUES)
    changed = change(worker, values)
    found = rows(build(worker), build(changed), old=VALUES, new=values)
    assert set(found) == expected
    assert "Conditional" not in found.values()
    assert {name for name, each in found.items() if each == "True"} <= {"TaskDefinition"}


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
def test_nothing_changes_where_nothing_did(worker: Worker) -> None:
    assert rows(build(worker), build(worker), old=VALUES, new=VALUES) == {}


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


def test_no_attribute_is_referred_to() -> None:
    for worker in workers.ALL:
        assert not {each for each in written_references(build(worker)["Resources"]) if each[1]}


def test_from_on_demand_to_spot_the_service_alone_may_be_replaced() -> None:
    """A launch type and a strategy exclude each other, and AWS says so of a removed launch type."""
    after = build(dataclasses.replace(workers.THUMBNAILS, spot=Spot()))
    new = {**VALUES, "OnDemandBase": "0"}
    found = rows(build(workers.THUMBNAILS), after, old=VALUES, new=new)
    assert found == {"Cluster": "False", "Service": "Conditional"}


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
