"""Each finding is planted, and is silent on a harmless neighbour."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.review.cases.changes import RISKY
from tests.review.test_changes import said
from workerstack.cloudformation import Stack, from_data, resolve
from workerstack.review import find_checks
from workerstack.review.case import Case, Facts, MovedTag
from workerstack.review.findings import CHECKS, access, judge
from workerstack.review.model import Finding, OtherChange, PropertyChange, ResourceChange

ACCOUNT = "111122223333"
Properties = Mapping[str, Any]


def body(kind: str, properties: Properties | None, **attributes: Any) -> dict[str, Any] | None:
    return (
        None if properties is None else {"Type": kind, "Properties": dict(properties), **attributes}
    )


def change(
    action: str, kind: str, before: Properties | None = None, after: Properties | None = None,
    logical_id: str = "It", **facts: Any,
) -> ResourceChange:  # fmt: skip
    return ResourceChange(
        action=action,
        logical_id=logical_id,
        type=kind,
        before=body(kind, before),
        after=body(kind, after),
        **facts,
    )


def modify(kind: str, before: Properties, after: Properties, **facts: Any) -> ResourceChange:
    return change("Modify", kind, before, after, **{"replacement": "False", **facts})


def case(*changes: ResourceChange, new: bool = False, **more: Any) -> Case:
    facts = more.pop("facts", Facts(account=ACCOUNT))
    before = {each.logical_id: each.before for each in changes if each.before}
    after = {each.logical_id: each.after for each in changes if each.after}
    return Case(
        is_new=new,
        resources=changes,
        before={**more.pop("before", {}), **before},
        after={**more.pop("after", {}), **after},
        facts=facts,
        access=access(Case(is_new=new, resources=changes)),
        **more,
    )


def exporting(*pair: str) -> Stack:
    """A stack that exports one output as `queue`, or nothing."""
    outputs = {pair[0]: {"Value": pair[1], "Export": {"Name": "queue"}}} if pair else {}
    resources = {"Q": {"Type": "AWS::SQS::Queue"}}
    return resolve(from_data({"Resources": resources, "Outputs": outputs}), {}, {})


def policy(*statements: Properties) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"Policies": [{"PolicyName": "job", "PolicyDocument": document}]}


def trust(*statements: Properties) -> dict[str, Any]:
    return {"AssumeRolePolicyDocument": {"Statement": list(statements)}}


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def assume(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}


def ingress(port: int, **side: str) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **side}


def alarm(threshold: float, policy_id: str = "Out", **more: Any) -> dict[str, Any]:
    return {
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "AlarmActions": [{"Ref": policy_id}],
        **more,
    }


def steps(*bounds: tuple[float | None, float | None]) -> dict[str, Any]:
    return {
        "StepScalingPolicyConfiguration": {
            "StepAdjustments": [
                {
                    **({} if low is None else {"MetricIntervalLowerBound": low}),
                    **({} if high is None else {"MetricIntervalUpperBound": high}),
                    "ScalingAdjustment": 1,
                }
                for low, high in bounds
            ]
        }
    }


ROLE, GROUP = "AWS::IAM::Role", "AWS::EC2::SecurityGroup"
QUEUE, LOGS = "AWS::SQS::Queue", "AWS::Logs::LogGroup"
SERVICE, TASK = "AWS::ECS::Service", "AWS::ECS::TaskDefinition"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
SCALING = "AWS::ApplicationAutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
READ = allow("s3:GetObject", "arn:aws:s3:::edit.one/*")
ECS = assume({"Service": "ecs-tasks.amazonaws.com"})
HELD = {"before": {"It": body(SCALING, steps((0, None)))}}
RUNNING = {"It": body(SERVICE, {})}
EXPORTED = Facts(account=ACCOUNT, imports={"queue": ("other",)}, exports={"queue": "QueueUrl"})

OLD_QUEUE, NEW_QUEUE = ([{"Name": "QueueName", "Value": name}] for name in ("old", "new"))
ON_X86 = {"ContainerDefinitions": [{"Name": "a", "Image": "b:1"}]}
IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/worker"
MOVED = MovedTag("Service", f"{IMAGE}:latest", "worker:latest", "sha256:old", "sha256:new", None)

PLANTED: list[tuple[str, str, Case]] = [
    ("deletes-stateful", "blocking", case(change("Remove", QUEUE, {}, policy_action="Delete"))),
    (
        "deletes-stateful",
        "warning",
        case(change("Remove", "AWS::RDS::DBInstance", {}, policy_action="Snapshot")),
    ),
    (
        "messages-left",
        "warning",
        case(
            modify(ALARM, alarm(1, Dimensions=OLD_QUEUE), alarm(1, Dimensions=NEW_QUEUE)),
            after={"It": body(ALARM, alarm(1, Dimensions=NEW_QUEUE))},
            facts=Facts(account=ACCOUNT, waiting={"old": 3}),
        ),
    ),
    (
        "messages-left",
        "warning",
        case(
            modify(ALARM, alarm(1, Dimensions=OLD_QUEUE), alarm(1, Dimensions=NEW_QUEUE)),
            after={"It": body(ALARM, alarm(1, Dimensions=NEW_QUEUE))},
        ),
    ),
    (
        "architecture-changed",
        "warning",
        case(modify(TASK, ON_X86, {**ON_X86, "RuntimePlatform": {"CpuArchitecture": "ARM64"}})),
    ),
    ("left-behind", "note", case(change("Remove", LOGS, {}, policy_action="Retain"))),
    (
        "replaces-stateful",
        "blocking",
        case(modify(QUEUE, {}, {}, replacement="True", policy_action="ReplaceAndDelete")),
    ),
    ("replaces-stateful", "blocking", case(modify(QUEUE, {}, {}, replacement="Conditional"))),
    (
        "replaces-stateful",
        "warning",
        case(modify(LOGS, {}, {}, replacement="True", policy_action="ReplaceAndRetain")),
    ),
    (
        "custom-name-replaced",
        "blocking",
        case(modify(ROLE, {"RoleName": "r"}, {"RoleName": "r", "Path": "/x/"}, replacement="True")),
    ),
    (
        "custom-name-replaced",
        "blocking",
        case(
            modify(ROLE, {}, {"RoleName": "s-r-1"}, replacement="True", physical_id="s-r-1"),
        ),
    ),
    (
        "renamed",
        "warning",
        case(
            change("Remove", ROLE, {"Path": "/x/"}, logical_id="Old"),
            change("Add", ROLE, None, {"Path": "/x/"}, logical_id="New"),
        ),
    ),
    (
        "renamed",
        "blocking",
        case(
            change("Remove", ROLE, {"RoleName": "r", "Path": "/"}, logical_id="Old"),
            change("Add", ROLE, None, {"RoleName": "r"}, logical_id="New"),
        ),
    ),
    ("iam-wildcard", "blocking", case(modify(ROLE, policy(READ), policy(allow("*", "*"))))),
    (
        "iam-wildcard",
        "blocking",
        case(change("Add", ROLE, None, policy(allow("s3:*", "*"))), new=True),
    ),
    (
        "iam-wildcard",
        "blocking",
        case(modify(ROLE, policy(READ), policy(allow("iam:PassRole", "*")))),
    ),
    (
        "iam-broadened",
        "warning",
        case(modify(ROLE, policy(READ), policy(READ, allow("s3:PutObject", "arn:aws:s3:::b/*")))),
    ),
    (
        "iam-broadened",
        "warning",
        case(modify(ROLE, policy({**READ, "Condition": {"Bool": {"a": "b"}}}), policy(READ))),
    ),
    (
        "iam-broadened",
        "warning",
        case(modify(ROLE, policy(READ, {**READ, "Effect": "Deny"}), policy(READ))),
    ),
    (
        "iam-broadened",
        "warning",
        case(modify(ROLE, {}, {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]})),
    ),
    (
        "trust-opened",
        "blocking",
        case(
            modify(ROLE, trust(ECS), trust(ECS, assume({"AWS": "arn:aws:iam::444455556666:root"})))
        ),
    ),
    ("trust-opened", "blocking", case(change("Add", ROLE, None, trust(assume("*"))), new=True)),
    (
        "trust-opened",
        "warning",
        case(modify(ROLE, trust(ECS), trust(ECS, assume({"Service": "lambda.amazonaws.com"})))),
    ),
    (
        "trust-opened",
        "blocking",
        case(
            change(
                "Add",
                "AWS::SQS::QueuePolicy",
                None,
                {"PolicyDocument": {"Statement": [allow("sqs:SendMessage", "q", Principal="*")]}},
            )
        ),
    ),
    (
        "network-opened",
        "blocking",
        case(modify(GROUP, {}, {"SecurityGroupIngress": [ingress(22, CidrIp="0.0.0.0/0")]})),
    ),
    (
        "network-opened",
        "blocking",
        case(
            change(
                "Add",
                "AWS::EC2::SecurityGroupIngress",
                None,
                {"GroupId": "sg-1", **ingress(8080, CidrIpv6="::/0")},
            ),
            new=True,
        ),
    ),
    (
        "network-opened",
        "warning",
        case(modify(GROUP, {}, {"SecurityGroupIngress": [ingress(2049, CidrIp="10.0.0.0/16")]})),
    ),
    (
        "network-opened",
        "warning",
        case(
            modify(
                SERVICE,
                {},
                {"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}},
            )
        ),
    ),
    ("service-replaced", "blocking", case(change("Remove", SERVICE, {}))),
    ("service-replaced", "blocking", case(modify(SERVICE, {}, {}, replacement="True"))),
    (
        "service-detached",
        "warning",
        case(modify(SERVICE, {"LoadBalancers": [{"TargetGroupArn": "t"}]}, {"LoadBalancers": []})),
    ),
    ("service-detached", "warning", case(modify(SERVICE, {"ServiceRegistries": [{"a": "b"}]}, {}))),
    (
        "tasks-restarted",
        "note",
        case(
            modify(TASK, {}, {}, logical_id="Task", replacement="True"),
            modify(
                SERVICE,
                {},
                {},
                properties=(
                    PropertyChange(
                        attribute="Properties", name="TaskDefinition", causing_entity="Task"
                    ),
                ),
            ),
        ),
    ),
    ("capacity-reset", "blocking", case(modify(SERVICE, {"Tags": []}, {"DesiredCount": 0}))),
    (
        "scaling-off",
        "blocking",
        case(change("Remove", SCALING, steps((0, None))), after={"Service": body(SERVICE, {})}),
    ),
    (
        "scaling-off",
        "blocking",
        case(
            modify(
                TARGET, {"MaxCapacity": 5, "MinCapacity": 0}, {"MaxCapacity": 0, "MinCapacity": 0}
            )
        ),
    ),
    (
        "scaling-off",
        "blocking",
        case(
            modify(
                TARGET,
                {"MaxCapacity": 5, "MinCapacity": 0},
                {
                    "MaxCapacity": 5,
                    "MinCapacity": 0,
                    "SuspendedState": {"DynamicScalingOutSuspended": True},
                },
            )
        ),
    ),
    (
        "scaling-off",
        "blocking",
        case(
            modify(ALARM, alarm(1), alarm(1, ActionsEnabled=False)),
            after={"Out": body(SCALING, steps((0, None)))},
        ),
    ),
    (
        "scaling-off",
        "blocking",
        case(
            modify(ALARM, alarm(1), {**alarm(1), "AlarmActions": ["arn:aws:sns:x"]}),
            after={"Out": body(SCALING, steps((0, None)))},
        ),
    ),
    (
        "scaling-mismatch",
        "blocking",
        case(
            modify(SCALING, steps((0, None)), steps((None, 0)), logical_id="Out"),
            after={"Alarm": body(ALARM, alarm(1))},
        ),
    ),
    (
        "scaling-mismatch",
        "warning",
        case(
            modify(SCALING, steps((0, None)), steps((0, 9)), logical_id="Out"),
            after={"Alarm": body(ALARM, alarm(1))},
        ),
    ),
    # At the threshold itself it fires, and no step begins there.
    (
        "scaling-mismatch",
        "warning",
        case(
            modify(SCALING, steps((0, None)), steps((0.5, None)), logical_id="Out"),
            after={"Alarm": body(ALARM, alarm(1))},
        ),
    ),
    (
        "import-broken",
        "blocking",
        case(facts=EXPORTED, resolved=(exporting("QueueUrl", "q"), exporting())),
    ),
    (
        "rollback-disabled",
        "blocking",
        case(modify(TASK, {}, {}, replacement="True"), facts=Facts(rollback_disabled=True)),
    ),
    (
        "alarm-removed",
        "warning",
        case(change("Remove", ALARM, {"MetricName": "Dead"}), after={"Q": body(QUEUE, {})}),
    ),
    ("image-moved", "warning", case(facts=Facts(moved_tags=(MOVED,)))),
    (
        "image-moved",
        "warning",
        case(modify(SERVICE, {}, {}), facts=Facts(moved_tags=(MOVED,))),
    ),
    ("undecided", "warning", case(change("Dynamic", "AWS::SNS::Topic"))),
    (
        "nested-not-shown",
        "warning",
        case(
            change("Modify", "AWS::CloudFormation::Stack", {}, {}, nested_change_set="arn:nested")
        ),
    ),
    (
        "no-echo-not-compared",
        "note",
        case(others=(OtherChange(kind="NoEcho parameter", name="Token", before="*", after="*"),)),
    ),
]

HARMLESS: list[tuple[str, Case]] = [
    ("deletes-stateful", case(change("Remove", ROLE, {}))),
    ("replaces-stateful", case(modify(QUEUE, {}, {"VisibilityTimeout": 1}))),
    ("left-behind", case(change("Remove", ROLE, {}, policy_action="Retain"))),
    (
        "custom-name-replaced",
        case(modify(ROLE, {"RoleName": "r"}, {"RoleName": "new"}, replacement="True")),
    ),
    (
        "custom-name-replaced",
        case(modify(ROLE, {"Path": "/"}, {"Path": "/x/"}, replacement="True")),
    ),
    (
        "custom-name-replaced",
        case(modify(TASK, {"Family": "f"}, {"Family": "f"}, replacement="True")),
    ),
    (
        "renamed",
        case(
            change("Remove", ROLE, {"Path": "/x/"}, logical_id="Old"),
            change("Add", ROLE, None, {"Path": "/y/"}, logical_id="New"),
        ),
    ),
    (
        "iam-wildcard",
        case(change("Add", ROLE, None, policy(allow("ecr:GetAuthorizationToken", "*")))),
    ),
    ("iam-wildcard", case(change("Add", ROLE, None, policy(allow("s3:*", "arn:aws:s3:::b/*"))))),
    # A Deny of everything takes rights; an Allow under a condition is not one of everything.
    (
        "iam-wildcard",
        case(modify(ROLE, policy(READ), policy(READ, {**allow("*", "*"), "Effect": "Deny"}))),
    ),
    (
        "iam-wildcard",
        case(
            modify(
                ROLE, policy(READ), policy(allow("*", "*", Condition={"Bool": {"aws:Via": "true"}}))
            )
        ),
    ),
    (
        "iam-broadened",
        case(modify(ROLE, policy(READ), policy({**READ, "Action": ["s3:GetObject"]}))),
    ),
    # With the role go its rights: nothing is left that was held back.
    (
        "iam-broadened",
        case(change("Remove", ROLE, policy(READ, {**allow("s3:*", "*"), "Effect": "Deny"}))),
    ),
    ("iam-broadened", case(modify(ROLE, policy(READ, allow("a:B", "c")), policy(READ)))),
    ("iam-broadened", case(change("Add", ROLE, None, policy(READ)), new=True)),
    ("trust-opened", case(change("Add", ROLE, None, trust(ECS)), new=True)),
    ("trust-opened", case(modify(ROLE, trust(ECS, assume("*")), trust(ECS)))),
    # A Deny keeps everybody else out.
    (
        "trust-opened",
        case(
            change(
                "Add",
                "AWS::SQS::QueuePolicy",
                None,
                {
                    "PolicyDocument": {
                        "Statement": [
                            allow("sqs:SendMessage", "q", Principal="*"),
                            {
                                **allow("sqs:*", "q", Principal="*"),
                                "Effect": "Deny",
                                "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
                            },
                        ]
                    }
                },
            )
        ),
    ),
    (
        "trust-opened",
        case(
            change("Add", ROLE, None, trust(assume({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))),
            new=True,
        ),
    ),
    (
        "network-opened",
        case(modify(GROUP, {"SecurityGroupIngress": [ingress(22, CidrIp="0.0.0.0/0")]}, {})),
    ),
    (
        "network-opened",
        case(
            change(
                "Add", GROUP, None, {"SecurityGroupIngress": [ingress(2049, CidrIp="10.0.0.0/8")]}
            ),
            new=True,
        ),
    ),
    (
        "messages-left",
        case(
            modify(ALARM, alarm(1, Dimensions=OLD_QUEUE), alarm(1, Dimensions=NEW_QUEUE)),
            after={"It": body(ALARM, alarm(1, Dimensions=NEW_QUEUE))},
            facts=Facts(account=ACCOUNT, waiting={"old": 0}),
        ),
    ),
    # What is lost with a queue of the stack itself, `deletes-stateful` says.
    ("messages-left", case(change("Remove", QUEUE, {}, physical_id="https://sqs/1/old"))),
    (
        "messages-left",
        case(modify(QUEUE, {}, {}, replacement="True", physical_id="https://sqs/1/old")),
    ),
    (
        "messages-left",
        case(
            modify(ALARM, alarm(1, Dimensions=OLD_QUEUE), alarm(2, Dimensions=OLD_QUEUE)),
            after={"It": body(ALARM, alarm(2, Dimensions=OLD_QUEUE))},
        ),
    ),
    (
        "architecture-changed",
        case(modify(TASK, ON_X86, {**ON_X86, "RuntimePlatform": {"CpuArchitecture": "X86_64"}})),
    ),
    (
        "architecture-changed",
        case(
            modify(
                TASK,
                ON_X86,
                {
                    "ContainerDefinitions": [{"Name": "a", "Image": "b:arm"}],
                    "RuntimePlatform": {"CpuArchitecture": "ARM64"},
                },
            )
        ),
    ),
    ("service-replaced", case(modify(SERVICE, {}, {"Tags": []}))),
    ("service-detached", case(modify(SERVICE, {"LoadBalancers": []}, {}))),
    ("tasks-restarted", case(modify(SERVICE, {}, {"Tags": []}))),
    ("capacity-reset", case(modify(SERVICE, {"DesiredCount": 0}, {}))),
    ("capacity-reset", case(change("Add", SERVICE, None, {"DesiredCount": 0}))),
    # A new service has no running tasks; that the old one's end is said by itself.
    ("capacity-reset", case(modify(SERVICE, {}, {"DesiredCount": 2}, replacement="True"))),
    ("capacity-reset", case(modify(SERVICE, {}, {"DesiredCount": 2}, replacement="Conditional"))),
    (
        "scaling-off",
        case(
            change("Remove", SCALING, steps((0, None))),
            after={"Service": body(SERVICE, {}), "Other": body(SCALING, {})},
        ),
    ),
    (
        "scaling-off",
        case(
            modify(
                TARGET, {"MaxCapacity": 5, "MinCapacity": 0}, {"MaxCapacity": 9, "MinCapacity": 0}
            )
        ),
    ),
    *(
        (
            "scaling-off",
            case(
                modify(
                    TARGET,
                    {"MaxCapacity": 5, "MinCapacity": 0},
                    {
                        "MaxCapacity": 5,
                        "MinCapacity": 0,
                        "SuspendedState": dict.fromkeys(
                            (
                                "DynamicScalingInSuspended",
                                "DynamicScalingOutSuspended",
                                "ScheduledScalingSuspended",
                            ),
                            off,
                        ),
                    },
                )
            ),
        )
        for off in (False, "false", "False")
    ),
    ("scaling-off", case(modify(ALARM, alarm(1), alarm(2)))),
    (
        "scaling-mismatch",
        case(
            modify(SCALING, steps((0, None)), steps((0, 9), (9, None)), logical_id="Out"),
            after={"Alarm": body(ALARM, alarm(1))},
        ),
    ),
    (
        "scaling-mismatch",
        case(
            modify(SCALING, steps((0, None)), steps((0.5, None)), logical_id="Out"),
            after={"Alarm": body(ALARM, alarm(1, ComparisonOperator="GreaterThanThreshold"))},
        ),
    ),
    (
        "import-broken",
        case(facts=EXPORTED, resolved=(exporting("QueueUrl", "q"), exporting("QueueUrl", "q"))),
    ),
    (
        "rollback-disabled",
        case(modify(TASK, {}, {}, replacement="False"), facts=Facts(rollback_disabled=True)),
    ),
    (
        "alarm-removed",
        case(
            change("Remove", ALARM, {"MetricName": "Dead"}),
            change("Add", ALARM, None, {"MetricName": "Dead"}, logical_id="Other"),
        ),
    ),
    ("alarm-removed", case(modify(ALARM, {"MetricName": "Dead"}, {"MetricName": "Old"}))),
    ("image-moved", case(facts=Facts(running_tasks=1))),
    (
        "image-moved",
        case(
            modify(
                TASK,
                {"ContainerDefinitions": [{"Name": "w", "Image": f"{IMAGE}:latest"}]},
                {"ContainerDefinitions": [{"Name": "w", "Image": f"{IMAGE}@sha256:new"}]},
                logical_id="Task",
                replacement="True",
            ),
            facts=Facts(moved_tags=(MOVED,)),
        ),
    ),
    ("image-moved", case(modify(TASK, {"Image": "a"}, {"Image": "b"}), facts=Facts())),
    ("undecided", case(modify(SERVICE, {}, {}))),
    ("nested-not-shown", case(modify("AWS::CloudFormation::Stack", {}, {}))),
    (
        "no-echo-not-compared",
        case(
            others=(OtherChange(kind="NoEcho parameter", name="Token", before="*", after="*"),),
            new=True,
        ),
    ),
]


def found(each: Case) -> list[Finding]:
    return list(judge(each))


@pytest.mark.parametrize(("number", "level", "planted"), PLANTED)
def test_a_planted_finding_is_found(number: str, level: str, planted: Case) -> None:
    match = [each for each in found(planted) if each.id == number]
    assert [each.level for each in match] == [level]
    [finding] = match
    assert finding.what
    assert finding.why
    assert finding.next_step


@pytest.mark.parametrize(("number", "harmless"), HARMLESS)
def test_a_harmless_neighbour_is_silent(number: str, harmless: Case) -> None:
    assert number not in [each.id for each in found(harmless)]


def test_each_finding_is_planted_and_has_a_neighbour() -> None:
    ids = {number for check in CHECKS for number in check.ids} - {*find_checks.IDS, "mends"}
    here = {number for number, _, _ in PLANTED}
    assert here == {number for number, _ in HARMLESS}
    elsewhere = {
        each.split(":")[0] for one in RISKY for found in said(one).values() for each in found
    }
    assert ids == (here | elsewhere) - {*find_checks.IDS, "mends"}


def test_blocking_findings_come_first() -> None:
    removed = change("Remove", QUEUE, {}, logical_id="Queue", policy_action="Delete")
    kept = change("Remove", LOGS, {}, logical_id="Logs", policy_action="Retain")
    assert [each.level for each in judge(case(kept, removed))] == ["blocking", "note"]


def test_an_unreadable_body_is_no_crash() -> None:
    unreadable: tuple[Any, ...] = (
        "{truncated",
        [],
        7,
        {"Properties": "x"},
        {"Properties": {"Policies": "y"}},
    )
    for broken in unreadable:
        for kind in (ROLE, GROUP, SERVICE, TARGET, ALARM, SCALING, QUEUE):
            resource = ResourceChange(
                action="Modify", logical_id="It", type=kind, before=broken, after=broken,
                replacement="True",
            )  # fmt: skip
            judge(Case(is_new=False, resources=(resource,), access=access(
                Case(is_new=False, resources=(resource,)))))  # fmt: skip


def test_the_messages_in_flight_are_named() -> None:
    facts = Facts(running_tasks=2, messages_in_flight=1)
    [finding] = judge(case(change("Remove", SERVICE, {}), facts=facts))
    assert "2 tasks are running, 1 message is in flight" in finding.why


def test_statements_are_compared_by_what_they_say() -> None:
    two = policy(allow(["s3:GetObject", "s3:PutObject"], ["a", "b"]))
    same = policy(allow("s3:PutObject", ["b", "a"]), allow(["s3:GetObject"], ["a", "b"]))
    assert access(case(modify(ROLE, two, same))) == ()
    [lost] = access(case(modify(ROLE, two, policy(allow("s3:GetObject", ["a", "b"])))))
    assert (lost.gained, lost.actions, lost.resources) == (False, ("s3:PutObject",), ("a", "b"))


def test_an_unknown_account_does_not_cut_an_arn_in_two() -> None:
    def body(*actions: str) -> dict[str, Any]:
        queue = {"Fn::Sub": "arn:aws:sqs:us-west-2:${AWS::AccountId}:jobs"}
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": queue}
        policy = {"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}
        return {
            "Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}}
        }

    from workerstack.review.predict import TemplateSide, predict_review

    before, after = body("sqs:ReceiveMessage"), body("sqs:ReceiveMessage", "sqs:SendMessage")
    review = predict_review(TemplateSide(before), TemplateSide(after), name="dev/x")
    [found] = [each for each in review.findings if each.id == "iam-broadened"]
    assert "on jobs" in found.what


@pytest.mark.parametrize(
    ("declared", "level", "why", "next_step"),
    [
        ({"Protection": "worker", "LongestJob": 3600}, "note",
         "blocked until they are done, 1 h at most", "Nothing to do"),
        ({"Protection": "sidecar"}, "note", "blocked until they are done", "Nothing to do"),
        ({"Protection": "worker", "LongestJob": 40_000}, "warning",
         "the update fails and rolls back", "Execute while the queue is empty"),
        ({"Protection": "none", "Unprotected": "short"}, "note", "starts again after its",
         "If a job must"),
        (None, "note", "starts again after its", "If a job must"),
    ],
)  # fmt: skip
def test_a_deployment_waits_for_protected_tasks(
    declared: dict[str, Any] | None, level: str, why: str, next_step: str
) -> None:
    metadata = {"Worker": declared} if declared else {}

    def stack(image: str) -> dict[str, Any]:
        return {
            "It": {"Type": SERVICE, "Properties": {"TaskDefinition": {"Ref": "Task"}}},
            "Task": {
                "Type": TASK, "Metadata": metadata,
                "Properties": {"ContainerDefinitions": [{"Name": "w", "Image": image}]},
            },
        }  # fmt: skip

    before, after = stack("a"), stack("b")
    cause = PropertyChange(name="TaskDefinition", attribute="Properties", causing_entity="Task")
    found = Case(
        is_new=False,
        resources=(
            modify(TASK, {}, {}, logical_id="Task", replacement="True"),
            modify(SERVICE, before["It"]["Properties"], after["It"]["Properties"],
                   properties=(cause,)),
        ),
        before=before, after=after, facts=Facts(running_tasks=1, messages_in_flight=1),
        resolved=(resolve(from_data({"Resources": before})),
                  resolve(from_data({"Resources": after}))),
    )  # fmt: skip
    [finding] = [each for each in judge(found) if each.id == "tasks-restarted"]
    assert finding.level == level
    assert why in finding.why
    assert finding.next_step.startswith(next_step)
    quiet = replace(found, facts=Facts(running_tasks=0, messages_in_flight=0))
    [finding] = [each for each in judge(quiet) if each.id == "tasks-restarted"]
    assert (finding.level, finding.next_step) == ("note", "Nothing to do")
    # What is in flight is somebody's job, though no task is counted at that moment.
    counted_late = replace(found, facts=Facts(running_tasks=0, messages_in_flight=1))
    [finding] = [each for each in judge(counted_late) if each.id == "tasks-restarted"]
    assert finding.level == level
    assert finding.next_step.startswith(next_step)
