"""Each number and each list of names in a check, at its edge: the last that is taken, the next.

The tables are written down here again, so that a row that is dropped there, or a limit that moves
by one, is missed here.
"""

from collections.abc import Iterator

import pytest

from tests.checks.edits import (
    EDIT,
    OWN,
    SELF,
    Edit,
    Template,
    add,
    allow,
    at,
    backlog,
    container,
    drained,
    edited,
    group,
    policy,
    service,
    sidecar,
    statements,
    steps,
    sub,
    task,
)
from workerstack.checks import CHECKS
from workerstack.checks.behaviour import decides
from workerstack.cloudformation import from_data, resolve

GIB = 1024
MEMORY = {
    256: [512, 1 * GIB, 2 * GIB],
    512: [each * GIB for each in range(1, 5)],
    1024: [each * GIB for each in range(2, 9)],
    2048: [each * GIB for each in range(4, 17)],
    4096: [each * GIB for each in range(8, 31)],
    8192: [each * GIB for each in range(16, 61, 4)],
    16384: [each * GIB for each in range(32, 121, 8)],
}
"""MiB by CPU units. Source: ECS developer guide, "Fargate task definitions"."""

QUEUE_ARN = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
KEY = "AKIA" + "Q3EGRZ7XJ4L2MN5K"
OF_ALL = {
    "dynamodb:GetItem": "dynamodb:us-west-2:111122223333:table/*",
    "elasticfilesystem:ClientMount": "elasticfilesystem:us-west-2:111122223333:file-system/*",
    "lambda:InvokeFunction": "lambda:us-west-2:111122223333:function:*",
    "kinesis:PutRecord": "kinesis:us-west-2:111122223333:stream/*",
    "ecs:UpdateService": "ecs:us-west-2:111122223333:service/*",
    "sns:Publish": "sns:us-west-2:111122223333:*",
    "sqs:SendMessage": "sqs:us-west-2:111122223333:*",
}
"""An action on data, and all of its resources in the account."""

OPEN = {
    "SQS::QueuePolicy": "PolicyDocument",
    "SNS::TopicPolicy": "PolicyDocument",
    "S3::BucketPolicy": "PolicyDocument",
    "SQS::QueueInlinePolicy": "PolicyDocument",
    "SNS::TopicInlinePolicy": "PolicyDocument",
    "KMS::Key": "KeyPolicy",
    "ECR::Repository": "RepositoryPolicyText",
    "EFS::FileSystem": "FileSystemPolicy",
    "SecretsManager::ResourcePolicy": "ResourcePolicy",
}


def sees(identifier: str, template: Template) -> bool:
    """Whether one check sees anything; the others are not asked, since some simulate."""
    check = next(each for each in CHECKS if each.id == identifier)
    return any(True for _ in check.find(resolve(from_data(template))))


def window(**values: object) -> Edit:
    return lambda t: backlog(t).update(values)


def deployment(least: int, most: int) -> Edit:
    return lambda t: service(t)["DeploymentConfiguration"].update(
        MinimumHealthyPercent=least, MaximumPercent=most
    )


def out(**rule: object) -> Edit:
    return lambda t: group(t).update(SecurityGroupEgress=[
        {"CidrIp": "0.0.0.0/0", **rule},
        {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "CidrIp": "10.0.0.0/8"},
    ])  # fmt: skip


def secret(end: str) -> Edit:
    return lambda t: container(t)["Secrets"][0].update(
        ValueFrom=sub("${GitHubTokenSecretArn}" + end)
    )


def step(lower: float, upper: float) -> Edit:
    only = {"MetricIntervalLowerBound": lower, "MetricIntervalUpperBound": upper}
    return lambda t: steps(t, "ScaleOutPolicy").update(
        StepAdjustments=[{**only, "ScalingAdjustment": 1}]
    )


def waits(condition: str) -> Edit:
    return lambda t: (
        sidecar(t, Essential=True, HealthCheck={"Command": ["CMD", "true"]}),
        container(t).update(DependsOn=[{"ContainerName": "sidecar", "Condition": condition}]),
    )


def mounted_again(path: str) -> Edit:
    def edit(template: Template) -> None:
        [first] = container(template)["MountPoints"]
        container(template)["MountPoints"].append({**first, "ContainerPath": path})
        first["ContainerPath"] = "/workspace"

    return edit


def gauge(name: str) -> Edit:
    def edit(template: Template) -> None:
        backlog(template).update(MetricName=name, Statistic="Average")

    return edit


def healthy(**times: int) -> Edit:
    return lambda t: sidecar(t, HealthCheck={"Command": ["CMD", "true"], **times})


def shown(template: Template, name: str) -> None:
    """A key in one of the places that DescribeTaskDefinition shows."""
    one = container(template)
    if name == "Environment":
        one["Environment"].append({"Name": "X", "Value": KEY})
    elif name == "LogConfiguration":
        one["LogConfiguration"]["Options"]["env"] = KEY
    elif name == "DockerLabels":
        one["DockerLabels"] = {"x": KEY}
    elif name == "HealthCheck":
        one["HealthCheck"] = {"Command": ["CMD", KEY]}
    else:
        one[name] = [KEY]


def public(**limit: object) -> Edit:
    return lambda t: add(
        t, "Open", "Lambda::Permission", Action="lambda:InvokeFunction", FunctionName="x",
        Principal="*", **limit,
    )  # fmt: skip


EDGES: list[tuple[str, str, Edit, bool]] = [
    # A day, or a week where the period is an hour or more (PutMetricAlarm).
    ("E9203", EDIT, window(Period=60, EvaluationPeriods=1440), False),
    ("E9203", EDIT, window(Period=60, EvaluationPeriods=1441), True),
    ("E9203", EDIT, window(Period=1800, EvaluationPeriods=49), True),
    ("E9203", EDIT, window(Period=3600, EvaluationPeriods=168), False),
    ("E9203", EDIT, window(Period=3600, EvaluationPeriods=169), True),
    ("E9203", EDIT, window(EvaluationPeriods=3, DatapointsToAlarm=3), False),
    ("E9203", EDIT, window(EvaluationPeriods=3, DatapointsToAlarm=4), True),
    ("E9203", EDIT, window(Period=90), True),
    ("E9203", EDIT, lambda t: drained(t)["Metrics"][1].update(ReturnData=True), True),
    ("E9208", EDIT, lambda t: drained(t).update(EvaluationPeriods=15, DatapointsToAlarm=15), False),
    ("E9208", EDIT, lambda t: drained(t).update(EvaluationPeriods=15, DatapointsToAlarm=14), True),
    ("E9222", EDIT, window(ActionsEnabled="false"), True),
    ("E9222", EDIT, window(ActionsEnabled=False), True),
    ("E9222", EDIT, window(ActionsEnabled="true"), False),
    *(
        ("E9204", EDIT, gauge(f"ApproximateNumberOf{name}"), True)
        for name in ("MessagesVisible", "MessagesNotVisible", "MessagesDelayed",
                     "GroupsWithInflightMessages")
    ),
    ("E9204", EDIT, gauge("NumberOfMessagesSent"), False),
    ("E9201", EDIT, step(1, 1), True),
    ("E9201", EDIT, step(2, 1), True),
    ("E9201", EDIT, step(1, 2), False),
    ("E9207", EDIT, lambda t: steps(t, "ScaleOutPolicy").update(Cooldown=180), False),
    ("E9207", EDIT, lambda t: steps(t, "ScaleOutPolicy").update(Cooldown=179), True),
    # What is told as a task that never stops is not told again as a count that is left out.
    ("E9216", EDIT, lambda t: drained(t).update(AlarmActions=[]), True),
    ("E9233", EDIT, lambda t: drained(t).update(AlarmActions=[]), False),
    *(("E9313", EDIT, lambda t, n=name, s=seconds: container(t).update({n: s}), seen)
      for name in ("StopTimeout", "StartTimeout")
      for seconds, seen in ((1, True), (2, False), (120, False), (121, True))),
    ("E9301", EDIT, mounted_again("/workspace"), True),
    ("E9301", EDIT, mounted_again("/workspace/"), True),
    ("E9301", EDIT, mounted_again("/workspace2"), False),
    ("E9321", EDIT, lambda t: container(t).update(Memory=1024, MemoryReservation=1024), True),
    ("E9321", EDIT, lambda t: container(t).update(Memory=1024, MemoryReservation=1023), False),
    *(("E9322", EDIT, waits(each), each in ("COMPLETE", "SUCCESS"))
      for each in ("START", "COMPLETE", "SUCCESS", "HEALTHY")),
    *(("E9329", EDIT, healthy(**{name: at}), seen)
      for name, least, most in (("Interval", 5, 300), ("Timeout", 2, 120), ("Retries", 1, 10),
                                ("StartPeriod", 0, 300))
      for at, seen in ((least - 1, True), (least, False), (most, False), (most + 1, True))),
    ("E9316", EDIT, deployment(100, 100), True),
    ("E9316", EDIT, deployment(100, 101), False),
    ("E9316", EDIT, deployment(99, 100), False),
    ("E9316", EDIT, deployment(0, 100), True),
    ("E9316", EDIT, deployment(0, 101), False),
    *(("E9323", EDIT, lambda t, s=size: task(t).update(EphemeralStorage={"SizeInGiB": s}), seen)
      for size, seen in ((20, True), (21, False), (200, False), (201, True))),
    *(("E9308", EDIT, secret(end), seen)
      for end, seen in (("", False), (":a", True), (":a:", True), (":a::", False),
                        (":a:::", True))),
    *(("E9341", EDIT, out(IpProtocol=protocol, FromPort=443, ToPort=443), seen)
      for protocol, seen in (("tcp", False), ("6", False), ("TCP", False), ("udp", True))),
    *(("E9341", EDIT, out(IpProtocol="tcp", FromPort=first, ToPort=last), seen)
      for first, last, seen in ((0, 442, True), (443, 500, False), (444, 500, True),
                                (0, 65535, False), (0, -1, False))),
    *(("E9432", EDIT, lambda t, n=name: container(t)["Environment"].append(
        {"Name": n, "Value": "Tr0ub4dor&3"}), seen)
      for name, seen in (("DB_PASSWORD", True), ("db_password", True), ("Password", True),
                         ("PASSWORD_RULES", False))),
    *(("E9431", EDIT, lambda t, n=name: shown(t, n), True)
      for name in ("Environment", "Command", "EntryPoint", "DockerLabels", "HealthCheck",
                   "LogConfiguration")),
    ("E9422", OWN, public(), True),
    *(("E9422", OWN, public(**limit), False)
      for limit in ({"PrincipalOrgID": "o-1"}, {"SourceAccount": SELF},
                    {"SourceArn": "arn:aws:s3:::b"})),
    *(("E9422", OWN, lambda t, k=kind, p=place: add(t, "Open", k, **{p: policy(
        {**allow("*", "*"), "Principal": "*"})}), True)
      for kind, place in OPEN.items()),
    *(("E9412", OWN, lambda t, a=action, r=resource: statements(t, "TaskRole").append(
        allow(a, f"arn:aws:{r}")), True)
      for action, resource in OF_ALL.items()),
    *(("E9412", OWN, lambda t, a=action, r=resource: statements(t, "TaskRole").append(
        allow(a, f"arn:aws:{r.replace('*', 'jobs')}")), False)
      for action, resource in OF_ALL.items()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("identifier", "name", "edit", "seen"),
    EDGES,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(EDGES)],
)
def test_what_is_beyond_the_edge_is_seen_and_what_is_at_it_is_not(
    identifier: str, name: str, edit: Edit, seen: bool
) -> None:
    assert sees(identifier, edited(name, edit)) is seen


def sizes() -> Iterator[tuple[int, int, bool]]:
    for cpu, offered in MEMORY.items():
        for memory in range(512, 122 * GIB, 512):
            near = min(abs(memory - each) for each in offered) <= GIB
            if near or memory % (16 * GIB) == 0:
                yield cpu, memory, memory in offered


def test_fargate_offers_these_sizes_and_no_others() -> None:
    for cpu, memory, offered in sizes():
        given = {"Cpu": str(cpu), "Memory": str(memory)}
        one = {"Type": "AWS::ECS::TaskDefinition", "Properties": given}
        assert sees("E9318", {"Resources": {"T": one}}) is not offered, given


DECIDES = {
    "BacklogAlarm": (
        "ActionsEnabled", "AlarmActions", "ComparisonOperator", "DatapointsToAlarm",
        "EvaluationPeriods", "ExtendedStatistic", "InsufficientDataActions", "MetricName",
        "Metrics", "Namespace", "OKActions", "Period", "Statistic", "Threshold",
        "ThresholdMetricId", "TreatMissingData",
    ),
    "ScaleOutPolicy": ("PolicyType", "StepScalingPolicyConfiguration"),
    "ScalableTarget": ("MaxCapacity", "MinCapacity", "ScalableDimension", "SuspendedState"),
    "Service": ("DeploymentConfiguration",),
    "Queue": ("MessageRetentionPeriod", "QueueName", "RedrivePolicy", "VisibilityTimeout"),
}  # fmt: skip
"""By which properties of a worker the simulated checks go, besides those that name each other."""


@pytest.mark.parametrize(
    ("logical_id", "name"), [(each, name) for each, names in DECIDES.items() for name in names]
)
def test_what_decides_how_a_worker_scales_is_looked_at(logical_id: str, name: str) -> None:
    """Two stacks with the same are simulated once: a property that is left out is never seen."""

    def decided(value: str) -> dict[str, str]:
        def edit(template: Template) -> None:
            properties = at(template, logical_id)
            before = properties.get(name)
            # Its actions lead to a policy, else an alarm is none of scaling.
            properties[name] = [*before, value] if isinstance(before, list) else value

        return decides(resolve(from_data(edited(OWN, edit))))

    one, other = decided("one"), decided("other")
    assert one.keys() == other.keys() > {""}
    assert one != other


def test_what_does_not_decide_how_a_worker_scales_is_not_simulated_again() -> None:
    def described(template: Template) -> None:
        backlog(template)["AlarmDescription"] = "another"
        at(template, "Queue")["SqsManagedSseEnabled"] = True

    assert decides(resolve(from_data(edited(OWN, described)))) == decides(
        resolve(from_data(edited(OWN, lambda _: None)))
    )
