"""The table through cfn-lint: more faults of each kind, values of params files, what is ill."""

import copy
import dataclasses
import json
from functools import cache
from typing import Any

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.rules._rules import Rules
from cfnlint.runner.template import run_template_by_data
from hypothesis import given, settings
from hypothesis import strategies as st

import templates
from templates import workers
from tests.checks.edits import (
    EDIT,
    OWN,
    ROOT,
    Edit,
    Template,
    add,
    at,
    container,
    edited,
    efs,
    emitted,
    statement,
    steps,
)
from tests.soak import examples
from workerstack.checks import CHECKS, run
from workerstack.cloudformation import declared_parameters, from_data, read, resolve
from workerstack.deployments import load_all
from workerstack.deployments.reading import with_lists
from workerstack.lint.lint import Linter, LintFinding, LintRequest
from workerstack.lint.rendering import render

RULES = ROOT / "workerstack/lint/rules"


@cache
def linter() -> Linter:
    return Linter(RULES)


def lint(template: Template) -> list[LintFinding]:
    return linter().lint(LintRequest("template", render(template), {}))


@cache
def our_rules() -> Any:
    return Rules.create_from_directory(str(RULES))


def our_matches(template: Template) -> list[Any]:
    """What our rules alone find, through cfn-lint's own run."""
    content, _ = decode_str(json.dumps(template))
    return list(run_template_by_data(content or {}, ConfigMixIn([]), our_rules()))


def ours(findings: list[LintFinding]) -> set[str]:
    return {finding.rule for finding in findings if finding.rule[1:].startswith("9")}


BROKEN: list[tuple[str, str, Edit]] = [
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
    ("E9233", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][0].update(
        Expression="visible + in_flight")),
    ("E9232", EDIT, lambda t: at(t, "DrainedAlarm")["Metrics"][0].update(
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
    ("E9308", EDIT, lambda t: (statement(t, "ExecutionRole", "ReadSecrets").update(
        Resource="arn:aws:secretsmanager:us-west-2:111122223333:secret:other-AbCdEf"),
        t["Parameters"]["GitHubTokenSecretArn"].update(
            Default="arn:aws:secretsmanager:us-west-2:111122223333:secret:token-AbCdEf"))),
    ("E9310", EDIT, lambda t: statement(t, "ExecutionRole", "PullImage").update(
        Resource="arn:aws:ecr:us-west-2:111122223333:repository/other")),
    ("E9310", EDIT, lambda t: (
        container(t).update(Image="444455556666.dkr.ecr.eu-central-1.amazonaws.com/x/y:1"),
        statement(t, "ExecutionRole", "PullImage").update(
            Resource="arn:aws:ecr:us-west-2:111122223333:repository/x/y"))),
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
def test_the_fault_is_seen(rule: str, name: str, breaks: Edit) -> None:
    stack = resolve(from_data(edited(name, breaks)))
    assert rule in {each.check.id for each in run(stack)}


def test_each_check_is_a_rule_of_cfn_lint() -> None:
    known = {name: rule for name, rule in linter().rules.items() if name[1:].startswith("9")}
    assert set(known) == {each.id for each in CHECKS}
    for check in CHECKS:
        rule = known[check.id]
        assert (rule.shortdesc, rule.source_url) == (check.title, check.source)
        assert rule.severity == check.level


def test_each_check_says_when_it_holds_why_and_where_that_stands() -> None:
    for check in CHECKS:
        assert check.holds.endswith("."), check.id
        assert check.because.endswith("."), check.id
        assert check.source.startswith(("https://docs.aws.amazon.com/", "docs/")), check.id


@pytest.mark.parametrize("name", [EDIT, OWN])
def test_what_is_emitted_is_clean(name: str) -> None:
    assert lint(emitted(name)) == []


def inside(template: Template) -> None:
    """Rights inside of their roles, and attributes for names, as templates were made before."""
    for role in ("ExecutionRole", "TaskRole"):
        beside = template["Resources"].pop(f"{role}Policy")
        policy = beside["Properties"]
        template["Resources"][role]["Metadata"] = beside["Metadata"]  # what is meant goes along
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
def test_the_same_rights_and_names_spelt_differently_are_clean(name: str, spelt: Edit) -> None:
    assert ours(lint(edited(name, spelt))) == set()


def test_rights_of_another_role_do_not_count() -> None:
    template = emitted(EDIT)
    at(template, "TaskRolePolicy")["RoleName"] = {"Ref": "ExecutionRole"}
    assert {"E9311", "E9325"} <= ours(lint(template))


def test_with_the_values_of_every_params_file() -> None:
    for deployment in load_all(ROOT):
        text = deployment.template.read_text()
        declared = declared_parameters(read(text, "template").data)
        values = {deployment.name: with_lists(deployment, declared)}
        request = LintRequest("template", text, values)
        assert linter().lint(request) == []


def test_wrong_values_are_told_with_their_file() -> None:
    deployment = next(each for each in load_all(ROOT) if each.name == "dev/webordinary-edit")
    text = deployment.template.read_text()
    good = with_lists(deployment, declared_parameters(read(text, "template").data))
    bad = {**good, "TaskMemory": "5000"}
    request = LintRequest("template", text, {"good.yaml": good, "bad.yaml": bad})
    [finding] = linter().lint(request)
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


@settings(max_examples=examples(15))
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


def test_the_page_is_current() -> None:
    from workerstack.checks.page import markdown

    assert (ROOT / "docs/checks.md").read_text() == markdown(CHECKS)
