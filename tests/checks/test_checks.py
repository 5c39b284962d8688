"""Each rule sees the real template broken, and no other rule of ours does."""

import copy
import dataclasses
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.rules._rules import Rules
from cfnlint.runner.template import run_template_by_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import templates
from templates import workers
from tests.soak import examples
from workerstack.cloudformation import read
from workerstack.deployments import load_all
from workerstack.lint.lint import Finding, Linter, Request, merged
from workerstack.lint.rendering import render

ROOT = Path(__file__).parents[2]
Template = dict[str, Any]
Break = Callable[[Template], object]
EDIT, OWN = "webordinary-edit", "thumbnails"


@cache
def linter() -> Linter:
    return Linter(ROOT / "workerstack/checks")


@cache
def emitted(name: str) -> Template:
    return read((ROOT / f"out/{name}.template.yaml").read_text(), name).data


def lint(template: Template) -> list[Finding]:
    return linter().lint(Request("template", render(template), {}))


@cache
def our_rules() -> Any:
    return Rules.create_from_directory(str(ROOT / "workerstack/checks"))


def our_matches(template: Template) -> list[Any]:
    """What our rules alone find, through cfn-lint's own run."""
    content, _ = decode_str(json.dumps(template))
    return list(run_template_by_data(content or {}, ConfigMixIn([]), our_rules()))


def ours(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings if finding.rule.startswith("E9")}


def at(template: Template, logical_id: str) -> Any:
    return template["Resources"][logical_id]["Properties"]


def container(template: Template) -> Any:
    return at(template, "TaskDefinition")["ContainerDefinitions"][0]


def efs(template: Template) -> Any:
    return at(template, "TaskDefinition")["Volumes"][0]["EFSVolumeConfiguration"]


def steps(template: Template, policy: str) -> Any:
    return at(template, policy)["StepScalingPolicyConfiguration"]


def statement(template: Template, role: str, sid: str) -> Any:
    policy = at(template, f"{role}Policy")
    return next(each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == sid)


def add(template: Template, logical_id: str, kind: str, **properties: object) -> None:
    template["Resources"][logical_id] = {"Type": f"AWS::{kind}", "Properties": properties}


BROKEN: list[tuple[str, str, Break]] = [
    ("E9101", EDIT, lambda t: container(t).update(PortMappings=[{"ContainerPort": 8080}])),
    ("E9101", EDIT, lambda t: container(t).update(PortMappings=[])),
    ("E9102", EDIT, lambda t: container(t).update(HealthCheck={"Command": ["CMD", "true"]})),
    ("E9102", EDIT, lambda t: at(t, "Service").update(HealthCheckGracePeriodSeconds=60)),
    ("E9103", EDIT, lambda t: at(t, "WorkerSecurityGroup")["SecurityGroupIngress"].append(
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "CidrIp": "10.0.0.0/8"})),
    ("E9103", EDIT, lambda t: at(t, "WorkerSecurityGroup")["SecurityGroupIngress"].append(
        {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "CidrIp": "0.0.0.0/0"})),
    ("E9103", EDIT, lambda t: add(t, "Hole", "EC2::SecurityGroupIngress", IpProtocol="tcp",
        GroupId={"Fn::GetAtt": ["WorkerSecurityGroup", "GroupId"]}, FromPort=8080, ToPort=8080,
        CidrIp="10.0.0.0/8")),
    ("E9103", EDIT, lambda t: at(t, "FileSystemIngress").update(FromPort=111, ToPort=111)),
    ("E9104", EDIT, lambda t: at(t, "Service").pop("LoadBalancers")),
    ("E9104", EDIT, lambda t: at(t, "Service").update(LoadBalancers=[
        {"ContainerName": "webordinary-edit", "ContainerPort": 80, "TargetGroupArn": "arn:x"}])),
    ("E9104", EDIT, lambda t: add(t, "TargetGroup", "ElasticLoadBalancingV2::TargetGroup",
        TargetType="lambda")),
    ("E9105", EDIT, lambda t: at(t, "Service").pop("ServiceRegistries")),
    ("E9105", EDIT, lambda t: add(t, "Namespace", "ServiceDiscovery::HttpNamespace", Name="x")),
    ("E9106", EDIT, lambda t: add(t, "Tracking", "ApplicationAutoScaling::ScalingPolicy",
        PolicyName="cpu", PolicyType="TargetTrackingScaling",
        ScalingTargetId={"Ref": "ScalableTarget"},
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 70,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ECSServiceAverageCPUUtilization"}})),
    ("E9106", EDIT, lambda t: at(t, "BacklogAlarm")["Dimensions"][0].update(Value="other")),
    ("E9106", EDIT, lambda t: at(t, "BacklogAlarm").update(
        Namespace="AWS/ECS", MetricName="CPUUtilization")),
    ("E9106", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][1]["MetricStat"]["Metric"][
        "Dimensions"][0].update(Value="other")),
    ("E9201", EDIT, lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"].append(
        {"MetricIntervalUpperBound": -9, "MetricIntervalLowerBound": -5, "ScalingAdjustment": -1})),
    ("E9202", EDIT, lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"][0].update(
        MetricIntervalLowerBound=1)),
    ("E9202", EDIT, lambda t: steps(t, "ScaleOutPolicy")["StepAdjustments"][1].update(
        MetricIntervalUpperBound=50)),
    ("E9202", EDIT, lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"][0].update(
        MetricIntervalUpperBound=-1)),
    ("E9203", EDIT, lambda t: at(t, "DrainedAlarm").update(DatapointsToAlarm=16)),
    ("E9203", EDIT, lambda t: at(t, "DrainedAlarm").update(EvaluationPeriods=1441)),
    ("E9203", EDIT, lambda t: at(t, "BacklogAlarm").update(Period=30)),
    ("E9203", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][1]["MetricStat"].update(Period=120)),
    ("E9203", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][0].update(ReturnData=False)),
    ("E9203", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][0].update(
        Expression="visibel + FILL(in_flight, 0)")),
    ("E9204", EDIT, lambda t: at(t, "BacklogAlarm").update(Statistic="Average")),
    ("E9204", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][1]["MetricStat"].update(Stat="Sum")),
    ("E9205", EDIT, lambda t: at(t, "DrainedAlarm").update(Metrics=[
        {**at(t, "DrainedAlarm")["Metrics"][1], "ReturnData": True}])),
    ("E9205", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][0].update(
        Expression="visible + in_flight")),
    ("E9205", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][0].update(
        Expression="FILL(visible, 0) + FILL(in_flight, 0)")),
    ("E9206", EDIT, lambda t: at(t, "DrainedAlarm").update(TreatMissingData="breaching")),
    ("E9206", EDIT, lambda t: at(t, "BacklogAlarm").pop("TreatMissingData")),
    ("E9207", EDIT, lambda t: steps(t, "ScaleOutPolicy").update(Cooldown=120)),
    ("E9208", EDIT, lambda t: at(t, "DrainedAlarm").update(
        EvaluationPeriods=5, DatapointsToAlarm=5)),
    ("E9209", EDIT, lambda t: steps(t, "ScaleInPolicy")["StepAdjustments"][0].update(
        ScalingAdjustment=1)),
    ("E9209", EDIT, lambda t: steps(t, "ScaleOutPolicy").update(AdjustmentType="ExactCapacity")),
    ("E9210", EDIT, lambda t: t["Parameters"]["MinTasks"].update(Default=6)),
    ("E9211", EDIT, lambda t: at(t, "ScalableTarget").update(ResourceId="service/a/b")),
    ("E9211", EDIT, lambda t: add(t, "Idle", "ApplicationAutoScaling::ScalingPolicy",
        **{**at(t, "ScaleInPolicy"), "PolicyName": "idle"})),
    ("E9211", EDIT, lambda t: at(t, "ScaleInPolicy").update(ScalingTargetId="service/a|b|c")),
    ("E9212", EDIT, lambda t: (at(t, "BacklogAlarm").update(Threshold=5),
        at(t, "DrainedAlarm").update(Threshold=4))),
    ("E9213", EDIT, lambda t: (at(t, "BacklogAlarm").update(Threshold=5),
        t["Parameters"]["MinTasks"].update(Default=1))),
    ("E9214", OWN, lambda t: at(t, "Queue").pop("RedrivePolicy")),
    ("E9214", OWN, lambda t: t["Resources"].pop("DeadLetterAlarm")),
    ("E9214", OWN, lambda t: at(t, "DeadLetterQueue").update(MessageRetentionPeriod=60)),
    ("E9215", EDIT, lambda t: at(t, "Service").update(DesiredCount=0)),
    ("E9301", EDIT, lambda t: container(t)["MountPoints"].append(
        {"SourceVolume": "other", "ContainerPath": "/other"})),
    ("E9301", EDIT, lambda t: container(t)["MountPoints"][0].update(ContainerPath="workspace")),
    ("E9302", EDIT, lambda t: container(t).update(MountPoints=[])),
    ("E9304", EDIT, lambda t: container(t)["LogConfiguration"]["Options"].pop(
        "awslogs-stream-prefix")),
    ("E9304", EDIT, lambda t: container(t)["LogConfiguration"]["Options"].pop("mode")),
    ("E9304", EDIT, lambda t: container(t)["LogConfiguration"]["Options"].pop("max-buffer-size")),
    ("E9305", EDIT, lambda t: container(t)["LogConfiguration"]["Options"].update(
        {"awslogs-group": "/other"})),
    ("E9307", EDIT, lambda t: at(t, "TaskDefinition").pop("ExecutionRoleArn")),
    ("E9308", EDIT, lambda t: container(t)["Secrets"][0].update(ValueFrom="github-token")),
    ("E9308", EDIT, lambda t: statement(t, "ExecutionRole", "ReadSecrets").update(
        Resource="arn:aws:secretsmanager:us-west-2:111122223333:secret:other-AbCdEf")),
    ("E9310", EDIT, lambda t: statement(t, "ExecutionRole", "PullImage").update(
        Resource="arn:aws:ecr:us-west-2:111122223333:repository/other")),
    ("E9311", EDIT, lambda t: statement(t, "TaskRole", "MountWorkspace").update(
        Action=["elasticfilesystem:ClientWrite"])),
    ("E9312", EDIT, lambda t: efs(t).update(TransitEncryption="DISABLED")),
    ("E9312", EDIT, lambda t: efs(t)["AuthorizationConfig"].update(IAM="DISABLED")),
    ("E9312", EDIT, lambda t: efs(t).update(RootDirectory="/sites")),
    ("E9313", EDIT, lambda t: container(t).update(StopTimeout=121)),
    ("E9314", EDIT, lambda t: at(t, "Service").update(PlatformVersion="1.3.0")),
    ("E9315", EDIT, lambda t: at(t, "Service").pop("AvailabilityZoneRebalancing")),
    ("E9316", EDIT, lambda t: at(t, "Service")["DeploymentConfiguration"].pop(
        "DeploymentCircuitBreaker")),
    ("E9316", EDIT, lambda t: at(t, "Service")["DeploymentConfiguration"].update(
        MaximumPercent=100)),
    ("E9317", EDIT, lambda t: container(t)["Secrets"][0].update(Name="NODE_ENV")),
    ("E9318", EDIT, lambda t: t["Parameters"]["TaskMemory"].update(Default=1024)),
    ("E9320", EDIT, lambda t: container(t).update(Privileged=True)),
    ("E9320", EDIT, lambda t: container(t)["LinuxParameters"].update(SharedMemorySize=64)),
    ("E9320", EDIT, lambda t: container(t)["LinuxParameters"].update(
        Capabilities={"Add": ["NET_ADMIN"]})),
    ("E9321", EDIT, lambda t: container(t).update(Memory=8192)),
    ("E9322", EDIT, lambda t: container(t).update(
        DependsOn=[{"ContainerName": "nobody", "Condition": "START"}])),
    ("E9323", EDIT, lambda t: at(t, "TaskDefinition").pop("RequiresCompatibilities")),
    ("E9323", EDIT, lambda t: at(t, "TaskDefinition").update(EphemeralStorage={"SizeInGiB": 20})),
    ("E9325", EDIT, lambda t: statement(t, "TaskRole", "ConsumeQueue").update(
        Resource="arn:aws:sqs:us-west-2:111122223333:other")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "name", "breaks"), BROKEN, ids=[f"{row[0]}-{n}" for n, row in enumerate(BROKEN)]
)
def test_exactly_this_rule(rule: str, name: str, breaks: Break) -> None:
    template = copy.deepcopy(emitted(name))
    breaks(template)
    matches = our_matches(template)
    assert {match.rule.id for match in matches} == {rule}
    for match in matches:
        assert match.path[0] == "Resources"
        what, _, rest = match.message.partition(": ")
        assert what
        assert rest.count(". ") >= 1, f"no advice: {match.message}"


SILENT: list[tuple[str, str, Break]] = [
    # Without a target there is no minimum of zero; that it is missing is E9211's matter.
    ("E9212", EDIT, lambda t: (t["Resources"].pop("ScalableTarget"),
        at(t, "BacklogAlarm").update(Threshold=5))),
    ("E9212", EDIT, lambda t: (at(t, "BacklogAlarm").update(Threshold=5),
        t["Parameters"]["MinTasks"].update(Default=1))),
    ("E9313", EDIT, lambda t: container(t).update(StopTimeout=2)),
    ("E9313", EDIT, lambda t: container(t).update(StopTimeout=120)),
    ("E9313", EDIT, lambda t: container(t).pop("StopTimeout")),
    ("E9308", EDIT, lambda t: container(t)["Secrets"][0].update(
        ValueFrom={"Fn::Sub": "${GitHubTokenSecretArn}:token::"})),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "name", "changes"), SILENT)
def test_a_harmless_neighbour_is_not_accused(rule: str, name: str, changes: Break) -> None:
    template = copy.deepcopy(emitted(name))
    changes(template)
    assert rule not in {match.rule.id for match in our_matches(template)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Privileged", True), ("Links", ["other"]), ("DnsServers", ["10.0.0.2"]),
        ("DnsSearchDomains", ["example.com"]), ("Hostname", "worker"),
        ("ExtraHosts", [{"Hostname": "a", "IpAddress": "10.0.0.2"}]),
    ],
)  # fmt: skip
def test_each_thing_that_a_container_on_fargate_lacks(name: str, value: Any) -> None:
    template = copy.deepcopy(emitted(EDIT))
    container(template)[name] = value
    [match] = our_matches(template)
    assert match.rule.id == "E9320"
    assert match.message.startswith(f"{name} does not exist on Fargate")
    container(template)[name] = type(value)()
    assert our_matches(template) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Devices", [{"HostPath": "/dev/x"}]), ("MaxSwap", 0), ("SharedMemorySize", 64),
        ("Swappiness", 0), ("Tmpfs", [{"Size": 64, "ContainerPath": "/tmp"}]),  # noqa: S108
    ],
)  # fmt: skip
def test_each_thing_of_linux_that_fargate_lacks(name: str, value: Any) -> None:
    template = copy.deepcopy(emitted(EDIT))
    container(template)["LinuxParameters"][name] = value
    [match] = our_matches(template)
    assert match.rule.id == "E9320"
    assert match.message.startswith(f"{name} does not exist on Fargate")


SAID: list[tuple[str, Break, tuple[str, ...]]] = [
    ("E9308", lambda t: statement(t, "ExecutionRole", "ReadSecrets").update(
        Resource="arn:aws:secretsmanager:us-west-2:111122223333:secret:other-AbCdEf"),
     ("ExecutionRole may not read ${GitHubTokenSecretArn}", "secretsmanager:GetSecretValue")),
    ("E9310", lambda t: statement(t, "ExecutionRole", "PullImage").update(
        Resource="arn:aws:ecr:us-west-2:111122223333:repository/other"),
     ("ExecutionRole may not pull ", "ecr:BatchGetImage")),
    ("E9313", lambda t: container(t).update(StopTimeout=1),
     ("A stop timeout of 1 s", "2 to 120 s")),
    ("E9212", lambda t: (at(t, "BacklogAlarm").update(Threshold=5),
        at(t, "DrainedAlarm").update(Threshold=4)), ("BacklogAlarm fires from 5 messages on",)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "breaks", "words"), SAID)
def test_a_finding_names_what_it_is_about(rule: str, breaks: Break, words: tuple[str, ...]) -> None:
    template = copy.deepcopy(emitted(EDIT))
    breaks(template)
    [match] = our_matches(template)
    assert match.rule.id == rule
    for each in words:
        assert each in match.message


@pytest.mark.parametrize("member", ["file", "line", "column", "rule", "message"])
def test_findings_that_differ_in_one_thing_are_two(member: str) -> None:
    """Two workers' templates share most of their lines, and so most of what is wrong."""
    one = Finding(
        file="out/one.template.yaml", line=5, column=3, end_line=5, end_column=9, rule="E9210",
        message="The minimum is above the maximum", path="Resources/X", deployments=("dev/one",),
    )  # fmt: skip
    value = getattr(one, member)
    other = dataclasses.replace(one, **{member: value + (1 if isinstance(value, int) else "2")})
    assert merged(iter([one, other])) == [one, other]
    elsewhere = dataclasses.replace(one, deployments=("prod/one",))
    assert merged(iter([one, elsewhere])) == [
        dataclasses.replace(one, deployments=("dev/one", "prod/one"))
    ]
    alone = dataclasses.replace(one, deployments=())
    assert merged(iter([alone, one])) == [alone]


def test_every_rule_has_a_row() -> None:
    known = {identifier for identifier in linter().rules if identifier.startswith("E9")}
    assert known == {rule for rule, _, _ in BROKEN}


@pytest.mark.parametrize("name", [EDIT, OWN])
def test_what_is_emitted_is_clean(name: str) -> None:
    assert lint(emitted(name)) == []


def inside(template: Template) -> None:
    """Rights inside of their roles, and attributes for names, as templates were made before."""
    for role in ("ExecutionRole", "TaskRole"):
        policy = template["Resources"].pop(f"{role}Policy")["Properties"]
        at(template, role)["Policies"] = [{k: policy[k] for k in ("PolicyName", "PolicyDocument")}]
    del template["Resources"]["Service"]["DependsOn"]
    at(template, "ScalableTarget")["ResourceId"] = {"Fn::Sub": "service/${Cluster}/${Service.Name}"}


def as_policies_of_several(template: Template) -> None:
    for role in ("ExecutionRole", "TaskRole"):
        policy = template["Resources"][f"{role}Policy"]
        policy["Type"] = "AWS::IAM::Policy"
        policy["Properties"]["Roles"] = [policy["Properties"].pop("RoleName")]


def by_attributes(template: Template) -> None:
    if "Queue" not in template["Resources"]:
        return
    dead = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    at(template, "Queue")["RedrivePolicy"]["deadLetterTargetArn"] = dead
    statement(template, "TaskRole", "ConsumeQueue")["Resource"] = {"Fn::GetAtt": ["Queue", "Arn"]}
    at(template, "BacklogAlarm")["Dimensions"][0]["Value"] = {"Fn::GetAtt": ["Queue", "QueueName"]}


@pytest.mark.parametrize("name", [EDIT, OWN])
@pytest.mark.parametrize("spelt", [inside, as_policies_of_several, by_attributes])
def test_the_same_rights_and_names_spelt_differently_are_clean(name: str, spelt: Break) -> None:
    template = copy.deepcopy(emitted(name))
    spelt(template)
    assert ours(lint(template)) == set()


def test_rights_of_another_role_do_not_count() -> None:
    template = copy.deepcopy(emitted(EDIT))
    at(template, "TaskRolePolicy")["RoleName"] = {"Ref": "ExecutionRole"}
    assert {"E9311", "E9325"} <= ours(lint(template))


def test_with_the_values_of_every_params_file() -> None:
    for deployment in load_all(ROOT):
        text = deployment.template.read_text()
        request = Request("template", text, {deployment.name: deployment.parameters})
        assert linter().lint(request) == []


def test_wrong_values_are_told_with_their_file() -> None:
    deployment = next(each for each in load_all(ROOT) if each.name == "dev/webordinary-edit")
    good, bad = deployment.parameters, {**deployment.parameters, "TaskMemory": "5000"}
    text = deployment.template.read_text()
    [finding] = linter().lint(Request("template", text, {"good.yaml": good, "bad.yaml": bad}))
    assert (finding.rule, finding.deployments) == ("E9318", ("bad.yaml",))


def test_the_literal_variant_is_let_through_where_it_says_so() -> None:
    literal = dataclasses.replace(workers.EDIT, scale_in_on="visible")
    template = templates.build(literal).to_dict()
    assert lint(template) == []
    for alarm in ("BacklogAlarm", "DrainedAlarm"):
        del template["Resources"][alarm]["Metadata"]["cfn-lint"]
    assert ours(lint(template)) == {"E9204", "E9205", "E9206", "E9207", "E9208"}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, "", "x", 0, -1, True, [], {}, [[]], {"Ref": "Nobody"}, {"Fn::Sub": 3},
        {"Fn::GetAtt": []}, {"Fn::Join": ["", 1]},
    ]
)  # fmt: skip


@pytest.mark.soak
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([EDIT, OWN]), st.data())
def test_our_rules_never_crash(name: str, data: st.DataObject) -> None:
    """Whatever stands at whatever place, each rule ends; cfn-lint would report E0002."""
    template = copy.deepcopy(emitted(name))
    for _ in range(data.draw(st.integers(1, 3))):
        # cfn-lint itself fails on odd Metadata.
        found = [each for each in places(template["Resources"])[1:] if "Metadata" not in each]
        place = data.draw(st.sampled_from(found))
        parent = template["Resources"]
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = data.draw(ODD)
        if not isinstance(template["Resources"], dict):
            return

    assert "E0002" not in {match.rule.id for match in our_matches(template)}


def test_the_catalogue_is_current() -> None:
    from workerstack.checks.catalogue import markdown

    assert (ROOT / "docs/rules.md").read_text() == markdown(linter().rules)
