"""Any template is read; what cannot be simulated is said once, with file and line."""

import json
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.scalings import ROOT
from workerstack.cloudformation import from_data, resolve
from workerstack.cloudformation import read as read_template
from workerstack.problem import Problem
from workerstack.simulator.model import AlarmState, Queue, ScheduledAction, Suspended, TaskSize
from workerstack.simulator.read import read_parameters, read_scaling, scaling_of

CDK = json.loads((ROOT / "tests/templates/cdk.template.json").read_text())
TARGET = "ServiceTaskCountTarget23E25614"
LOWER = "ServiceTaskCountTargetDepthLowerAlarm33FAB4A4"
UPPER = "ServiceTaskCountTargetDepthUpperAlarm8B2B9A4C"
LOWER_POLICY = "ServiceTaskCountTargetDepthLowerPolicyE45D0F79"
UPPER_POLICY = "ServiceTaskCountTargetDepthUpperPolicyDA7D1D2B"
SERVICE, TASK, QUEUE = "Service9571FDD8", "TaskDef54694570", "Queue4A7E3555"


def changed(path: str, value: Any, template: Mapping[str, Any] = CDK) -> dict[str, Any]:
    """The template with another value at a path; None removes it."""
    body: Any = deepcopy(dict(template))
    place = body["Resources"]
    *way, last = path.split("/")
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    if value is None:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return body  # type: ignore[no-any-return]


def read(template: Mapping[str, Any], **parameters: str) -> Any:
    return read_scaling(json.dumps(template), "t.json", parameters)


def properties(name: str) -> Any:
    return CDK["Resources"][name]["Properties"]


def test_the_cdk_s_template() -> None:
    scaling = read(CDK)
    assert (scaling.name, scaling.min_capacity, scaling.max_capacity) == (SERVICE, 0, 5)
    assert scaling.task == TaskSize(cpu=2048, memory=4096)
    assert scaling.queue == Queue(visibility_timeout=300)
    assert scaling.desired_count == 0
    assert scaling.minimum_healthy == 50
    lower, upper = scaling.alarms
    assert lower.actions == ((AlarmState.ALARM, LOWER_POLICY),)
    assert (upper.period, upper.evaluation_periods, upper.datapoints_to_alarm) == (300, 1, 1)
    assert upper.missing_data == "missing"
    assert [step.adjustment for step in scaling.policies[1].steps] == [1, 2]


def test_yaml_with_short_intrinsics_and_json_are_read_alike() -> None:
    text = (ROOT / "out/thumbnails.template.yaml").read_text()
    short = read_scaling(text, "t.yaml")
    assert short.queue == Queue(visibility_timeout=600, max_receive_count=3)
    assert short.task == TaskSize(256, 512, public_ip=True, stop_timeout=120)
    assert short.desired_count is None
    tabs = json.dumps(CDK, indent="\t")
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(tabs)
    assert read_scaling(tabs, "t.json") == read_scaling(tabs.replace("\t", " "), "t.json")


def test_parameters_conditions_and_maps() -> None:
    template = changed(f"{TARGET}/Properties/MaxCapacity", {"Fn::If": ["Big", {"Ref": "Max"}, 2]})
    template["Parameters"] = {"Stage": {"Type": "String"}, "Max": {"Type": "Number", "Default": 9}}
    template["Conditions"] = {
        "Big": {"Fn::And": [{"Fn::Equals": [{"Ref": "Stage"}, "prod"]}, {"Condition": "Any"}]},
        "Any": {"Fn::Or": [{"Fn::Not": [{"Fn::Equals": ["a", "a"]}]}, {"Fn::Equals": [1, "1"]}]},
    }
    assert read(template, Stage="prod").max_capacity == 9
    assert read(template, Stage="prod", Max="7").max_capacity == 7
    assert read(template, Stage="dev").max_capacity == 2
    with pytest.raises(Problem, match=r"Stage has no value.*--parameter Stage="):
        read(template)
    with pytest.raises(Problem, match=r"Unknown parameter Stag.*Did you mean Stage\?"):
        read(template, Stag="x")
    template["Mappings"] = {"Sizes": {"prod": {"max": 4}}}
    template["Resources"][TARGET]["Properties"]["MaxCapacity"] = {
        "Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "max"]
    }
    assert read(template, Stage="prod").max_capacity == 4


def test_a_resource_whose_condition_does_not_hold_is_not_there() -> None:
    template = changed(f"{LOWER}/Condition", "Never")
    template["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    scaling = read(template)
    assert [alarm.name for alarm in scaling.alarms] == [UPPER]
    assert scaling.notes == (f"{LOWER_POLICY} is invoked by no alarm of the template",)


@pytest.mark.parametrize(
    "name",
    [
        "jobs", {"Ref": "Name"}, {"Fn::Sub": "${Name}"}, {"Fn::Join": ["", ["jo", "bs"]]},
        {"Fn::Select": [1, {"Fn::Split": ["/", "a/jobs"]}]},
    ],
)  # fmt: skip
def test_the_queue_by_its_name(name: Any) -> None:
    template = changed(f"{QUEUE}/Properties/QueueName", "jobs")
    template["Parameters"] = {"Name": {"Type": "String", "Default": "jobs"}}
    for alarm in (LOWER, UPPER):
        dimension = {"Name": "QueueName", "Value": name}
        template["Resources"][alarm]["Properties"]["Dimensions"] = [dimension]
    assert read(template).queue == Queue(visibility_timeout=300)


def test_an_imported_queue_and_service_are_left_to_the_settings() -> None:
    template = deepcopy(CDK)
    for alarm in (LOWER, UPPER):
        template["Resources"][alarm]["Properties"]["Dimensions"][0]["Value"] = {
            "Fn::ImportValue": "jobs-queue"
        }
    template["Resources"][TARGET]["Properties"]["ResourceId"] = "service/other/worker"
    scaling = read(template)
    assert (scaling.queue, scaling.task, scaling.name) == (None, None, TARGET)
    assert scaling.queue_name == "jobs-queue"


def test_policies_that_name_the_service_instead_of_the_target() -> None:
    template = deepcopy(CDK)
    for policy in (LOWER_POLICY, UPPER_POLICY):
        body = template["Resources"][policy]["Properties"]
        del body["ScalingTargetId"]
        body |= {
            "ResourceId": properties(TARGET)["ResourceId"],
            "ScalableDimension": "ecs:service:DesiredCount",
            "ServiceNamespace": "ecs",
        }
    assert read(template).policies == read(CDK).policies


def test_everything_else_that_a_template_may_say() -> None:
    template = deepcopy(CDK)
    body = template["Resources"]
    body[TARGET]["Properties"] |= {
        "SuspendedState": {"DynamicScalingInSuspended": "true"},
        "ScheduledActions": [
            {
                "ScheduledActionName": "morning", "Schedule": "cron(0 8 ? * MON-FRI *)",
                "Timezone": "Europe/Vienna", "ScalableTargetAction": {"MinCapacity": 1},
            }
        ],
    }  # fmt: skip
    body[TASK]["Properties"] |= {
        "Cpu": ".5 vCPU", "Memory": "2 GB", "RuntimePlatform": {"CpuArchitecture": "ARM64"},
        "EphemeralStorage": {"SizeInGiB": 50},
    }  # fmt: skip
    body[SERVICE]["Properties"]["CapacityProviderStrategy"] = [
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 3}, {"CapacityProvider": "FARGATE"},
    ]  # fmt: skip
    scaling = read(template)
    assert scaling.suspended == Suspended(scaling_in=True)
    assert scaling.scheduled == (
        ScheduledAction("morning", "cron(0 8 ? * MON-FRI *)", "Europe/Vienna", 1),
    )
    assert scaling.task == TaskSize(512, 2048, arm=True, spot=True, storage=50)


def math(expression: str, **changes: Any) -> list[dict[str, Any]]:
    stat = {
        "Metric": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": properties(LOWER)["Dimensions"],
        },
        "Period": 60,
        "Stat": "Maximum",
    } | changes
    return [
        {"Id": "e2", "Expression": "e1 + 1", "ReturnData": True},
        {"Id": "e1", "Expression": expression, "ReturnData": False},
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
    ]


def test_expressions_are_put_in_order() -> None:
    template = changed(f"{LOWER}/Properties/Metrics", math("FILL(m1, 0) * 2"))
    lower = read(template).alarms[0]
    assert [name for name, _ in lower.expressions] == ["e1", "e2"]
    assert lower.returned == "e2"


def tracking() -> Any:
    template = deepcopy(CDK)
    for policy in (LOWER_POLICY, UPPER_POLICY):
        template["Resources"][policy]["Properties"]["PolicyType"] = "TargetTrackingScaling"
    return template


def two_services() -> Any:
    template = deepcopy(CDK)
    template["Resources"]["Other"] = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {**properties(TARGET), "ResourceId": "service/other/worker"},
    }
    return template


DEAD = {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": [QUEUE, "Arn"]}}}
ANOTHER = [{"Name": "QueueName", "Value": "another"}]
UNTOLD = {"Fn::GetAtt": ["Second", "QueueName"]}


def another_queue() -> Any:
    template = deepcopy(CDK)
    template["Resources"]["Second"] = {"Type": "AWS::SQS::Queue"}
    for alarm in (LOWER, UPPER):
        template["Resources"][alarm]["Properties"]["Dimensions"] = [
            {"Name": "QueueName", "Value": UNTOLD}
        ]
    return template


STEPS = f"{UPPER_POLICY}/Properties/StepScalingPolicyConfiguration/StepAdjustments"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (changed(TARGET, None), "Nothing scales here"),
        ({"Resources": []}, "Resources is no mapping"),
        ({"Description": "empty"}, "This is not a template"),
        ({"Resources": {}}, "Nothing scales here"),
        (tracking(), "has no policy that is simulated.*TargetTrackingScaling.*give a template"),
        (two_services(), f"Several services scale here: there is {SERVICE}, Other.*--target"),
        (changed(f"{UPPER}/Properties/Dimensions", ANOTHER), "several queues"),
        (
            changed("Source", {"Type": "AWS::SQS::Queue", "Properties": DEAD}),
            "dead-letter queue of",
        ),
        (another_queue(), f"look at Second.*are told of {QUEUE}"),
        (changed(f"{UPPER}/Properties/Dimensions", []), "looks at no queue"),
        (changed(f"{UPPER}/Properties/Namespace", "AWS/ECS"), "looks at AWS/ECS"),
        (changed(f"{UPPER}/Properties/MetricName", "SentMessageSize"), "SentMessageSize"),
        (changed(f"{UPPER}/Properties/Statistic", "p90"), "statistic is p90"),
        (changed(f"{UPPER}/Properties/ExtendedStatistic", "p90"), "statistic is p90"),
        (changed(f"{UPPER}/Properties/Period", 10), "period is 10 s"),
        (changed(f"{UPPER}/Properties/Period", "often"), "Period is 'often'"),
        (changed(f"{UPPER}/Properties/Threshold", None), "no Threshold"),
        (changed(f"{UPPER}/Properties/Threshold", "nan"), "Threshold is 'nan'"),
        (changed(f"{UPPER}/Properties/DatapointsToAlarm", 2), "2 of 1 datapoints"),
        (changed(f"{UPPER}/Properties/ThresholdMetricId", "ad"), "anomaly"),
        (changed(f"{UPPER}/Properties/ComparisonOperator", "Equals"), "ComparisonOperator"),
        (changed(f"{UPPER}/Properties/TreatMissingData", "zero"), "TreatMissingData"),
        (changed(f"{LOWER}/Properties/Metrics", math("RATE(m1)")), "RATE is unknown"),
        (changed(f"{LOWER}/Properties/Metrics", math("e2")), "'e[12]' is no metric"),
        (changed(f"{LOWER}/Properties/Metrics", math("m1")[1:]), "0 returned"),
        (changed(f"{LOWER}/Properties/Metrics", ["m1"]), "Metrics is 'm1'"),
        (changed(f"{LOWER}/Properties/Metrics", "m1"), "Metrics is 'm1'"),
        (changed(f"{TARGET}/Properties/MinCapacity", 6), "impossible bounds"),
        (changed(f"{TARGET}/Properties/MaxCapacity", None), "no MaxCapacity"),
        (changed(f"{TARGET}/Properties/MaxCapacity", {"Ref": "Max"}), "Max is not there"),
        (changed(f"{TARGET}/Properties/MaxCapacity", {"Fn::Select": 1}), "Fn::Select takes"),
        (changed(f"{TARGET}/Properties/MaxCapacity", 1.5), "whole"),
        (changed(f"{STEPS}/1/MetricIntervalLowerBound", 8), "overlap or leave a gap"),
        (changed(f"{STEPS}/1/MetricIntervalUpperBound", 20), "wants a step without upper bound"),
        (changed(STEPS, []), "has no steps"),
        (changed(STEPS, [{"ScalingAdjustment": 1}]), "no range"),
        (changed(STEPS, "many"), "StepAdjustments is 'many'"),
    ],
)
def test_what_cannot_be_simulated_is_one_clear_error(
    template: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(Problem, match=message) as caught:
        read(template)
    assert caught.value.file == "t.json"


def test_no_alarm() -> None:
    template = changed(f"{UPPER}/Properties/AlarmActions", None)
    del template["Resources"][LOWER]
    with pytest.raises(Problem, match="No alarm invokes the policies"):
        read(template)


def test_a_target_is_chosen_by_name() -> None:
    text = json.dumps(two_services())
    assert read_scaling(text, "t.json", target=SERVICE).name == SERVICE
    assert read_scaling(text, "t.json", target=TARGET).name == SERVICE
    with pytest.raises(Problem, match="Nobody does not scale here"):
        read_scaling(text, "t.json", target="Nobody")


def test_an_error_names_the_line() -> None:
    text = (ROOT / "out/webordinary-edit.template.yaml").read_text()
    wrong = text.replace("Namespace: AWS/SQS", "Namespace: AWS/SNS")
    with pytest.raises(Problem) as caught:
        read_scaling(wrong, "t.yaml")
    assert caught.value.line
    assert wrong.splitlines()[caught.value.line - 1].strip() == "Namespace: AWS/SNS"


@pytest.mark.parametrize("text", ["", "- a", "a: [", "{", "\x00", "a: &a [*a]", "x: !Sub", "5"])
def test_a_text_that_is_no_template(text: str) -> None:
    with pytest.raises(Problem):
        read_scaling(text, "t.yaml")


def test_a_circle_of_conditions() -> None:
    template = changed(f"{LOWER}/Condition", "A")
    template["Conditions"] = {"A": {"Condition": "B"}, "B": {"Condition": "A"}}
    with pytest.raises(Problem, match="The condition A depends on itself"):
        read(template)


def test_a_deployment_file_gives_parameters() -> None:
    text = (ROOT / "params/dev/webordinary-edit.yaml").read_text()
    values = read_parameters(text, "p.yaml")
    template = (ROOT / "out/webordinary-edit.template.yaml").read_text()
    assert read_scaling(template, "t.yaml", values).max_capacity == int(values["MaxTasks"])
    with pytest.raises(Problem, match="gives no parameters"):
        read_parameters("a: 1", "p.yaml")


def places(body: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    if isinstance(body, dict | list):
        for key, value in body.items() if isinstance(body, dict) else enumerate(body):
            found += places(value, (*way, key))
    return found


ODD = [None, "", "x", -1, 1e400, True, [], [None], {}, {"a": None}, {"Ref": "AWS::NoValue"},
       {"Ref": None}, {"Fn::If": ["Nothing", 1, 2]}, {"Fn::GetAtt": 3},
       {"Fn::Join": [1, 2]}]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("source", ["cdk", "ours"])
def test_an_oddity_anywhere_is_never_a_traceback(odd: Any, source: str) -> None:
    ours = (ROOT / "out/webordinary-edit.template.yaml").read_text()
    template = deepcopy(CDK) if source == "cdk" else read_template(ours, "t").data
    for *way, last in places(template)[ODD.index(odd) :: len(ODD) // 2]:
        place: Any = template
        for step in way:
            place = place[step]
        before, place[last] = place[last], odd
        with suppress(Problem):
            scaling_of(resolve(from_data(template)))
        place[last] = before


# What the one resolver knows: each value is written in another way, and means the same.

JOBS = {"Fn::Sub": "${AWS::StackName}-jobs"}
LAST_OF_ARN = {"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": [QUEUE, "Arn"]}]}]}
NAMES: dict[str, tuple[Any, Any]] = {
    "queue by the end of its ARN": (None, LAST_OF_ARN),
    "named queue by the end of its ARN": ("jobs", LAST_OF_ARN),
    "both made of the stack's name": (
        JOBS, {"Fn::Join": ["-", [{"Ref": "AWS::StackName"}, "jobs"]]},
    ),
    "both a parameter without value": ({"Ref": "Name"}, {"Fn::Sub": "${Name}"}),
    "from a mapping with a default": (
        "jobs", {"Fn::FindInMap": ["M", "a", "b", {"DefaultValue": "jobs"}]},
    ),
    "by the attribute in a text": ("jobs", {"Fn::Sub": f"${{{QUEUE}.QueueName}}"}),
}  # fmt: skip


@pytest.mark.parametrize(("given", "watched"), NAMES.values(), ids=NAMES)
def test_a_queue_is_known_however_it_is_written(given: Any, watched: Any) -> None:
    template = deepcopy(CDK)
    template["Parameters"] = {"Name": {"Type": "String"}}
    template["Mappings"] = {"M": {"x": {"y": "z"}}}
    template["Transform"] = "AWS::LanguageExtensions"
    if given is not None:
        template["Resources"][QUEUE]["Properties"]["QueueName"] = given
    for alarm in (LOWER, UPPER):
        dimension = {"Name": "QueueName", "Value": watched}
        template["Resources"][alarm]["Properties"]["Dimensions"] = [dimension]
    assert read(template).queue == Queue(visibility_timeout=300)


def test_one_queue_written_in_two_ways_is_one() -> None:
    template = changed(f"{QUEUE}/Properties/QueueName", "jobs")
    dimension = {"Name": "QueueName", "Value": "jobs"}
    template["Resources"][LOWER]["Properties"]["Dimensions"] = [dimension]
    assert read(template).queue == Queue(visibility_timeout=300)


@pytest.mark.parametrize("watched", [f"${{{QUEUE}.QueueName}}-dlq", f"old-${{{QUEUE}.QueueName}}"])
def test_a_queue_named_after_another_is_another(watched: str) -> None:
    template = deepcopy(CDK)
    for alarm in (LOWER, UPPER):
        dimension = {"Name": "QueueName", "Value": {"Fn::Sub": watched}}
        template["Resources"][alarm]["Properties"]["Dimensions"] = [dimension]
    scaling = read(template)
    assert (scaling.queue, scaling.queue_name) == (None, watched)


SERVICES: dict[str, tuple[Any, Any]] = {
    "by its name": ("worker", {"Fn::Sub": "service/${AWS::StackName}/worker"}),
    "by the name of a parameter": (
        {"Ref": "Name"}, {"Fn::Join": ["/", ["service", "c", {"Ref": "Name"}]]},
    ),
    "by its attribute": (None, {"Fn::Sub": f"service/c/${{{SERVICE}.Name}}"}),
    "by the end of its ARN": (
        None,
        {"Fn::Join": ["/", ["service", "c", {"Fn::Select": [2, {"Fn::Split": ["/",
            {"Ref": SERVICE}]}]}]]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "resource_id"), SERVICES.values(), ids=SERVICES)
def test_a_service_is_known_however_it_is_written(given: Any, resource_id: Any) -> None:
    template = changed(f"{TARGET}/Properties/ResourceId", resource_id)
    template["Parameters"] = {"Name": {"Type": "String"}}
    if given is not None:
        template["Resources"][SERVICE]["Properties"]["ServiceName"] = given
    assert read(template).task == TaskSize(cpu=2048, memory=4096)


def test_a_policy_that_writes_the_resource_id_in_another_way() -> None:
    template = changed(
        f"{TARGET}/Properties/ResourceId", {"Fn::Sub": f"service/c/${{{SERVICE}.Name}}"}
    )
    for policy in (LOWER_POLICY, UPPER_POLICY):
        body = template["Resources"][policy]["Properties"]
        del body["ScalingTargetId"]
        body["ResourceId"] = {
            "Fn::Join": ["/", ["service", "c", {"Fn::GetAtt": [SERVICE, "Name"]}]]
        }
    assert len(read(template).policies) == 2


def test_alarms_of_a_loop() -> None:
    template = deepcopy(CDK)
    template["Transform"] = "AWS::LanguageExtensions"
    body = template["Resources"].pop(UPPER)
    template["Resources"]["Fn::ForEach::Alarms"] = [
        "Kind",
        ["Day", "Night"],
        {"${Kind}Upper": body},
    ]
    assert [each.name for each in read(template).alarms] == [LOWER, "DayUpper", "NightUpper"]


OPEN = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}


def with_stage(template: dict[str, Any]) -> dict[str, Any]:
    template["Parameters"] = {
        "Stage": {"Type": "String"},
        "Kept": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/most"},
        "Topics": {"Type": "CommaDelimitedList"},
    }
    template["Conditions"] = {"Prod": OPEN}
    return template


def test_what_is_open_elsewhere_does_not_matter() -> None:
    template = with_stage(changed("Other", {"Type": "AWS::SQS::Queue", "Condition": "Prod"}))
    body = template["Resources"]
    body["Spare"] = {**deepcopy(body[LOWER]), "Condition": "Prod"}
    body["Spare"]["Properties"]["AlarmActions"] = [{"Ref": "Kept"}]
    body[UPPER]["Properties"]["OKActions"] = {"Ref": "Topics"}
    containers = body[TASK]["Properties"]["ContainerDefinitions"]
    containers[0]["Environment"].append({"Name": "X", "Value": {"Fn::If": ["Prod", "a", "b"]}})
    assert len(read(template).alarms) == 2


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{LOWER}/Condition", "Prod", "Stage has no value.*--parameter Stage=VALUE"),
        (f"{TARGET}/Condition", "Prod", "Stage has no value"),
        (f"{UPPER_POLICY}/Condition", "Prod", "Stage has no value"),
        (f"{SERVICE}/Condition", "Prod", "Stage has no value"),
        (f"{TARGET}/Properties/MaxCapacity", {"Fn::If": ["Prod", 1, 2]}, "Stage has no value"),
        (f"{LOWER}/Properties/AlarmActions/0", {"Fn::If": ["Prod", {"Ref": LOWER_POLICY}, "x"]},
         "Stage has no value"),
        (f"{TARGET}/Properties/MaxCapacity", {"Ref": "Kept"}, "Kept has no value: it is in Param"),
        (f"{TARGET}/Properties/MaxCapacity", {"Ref": "AWS::AccountId"}, "AWS::AccountId has no"),
        (f"{TARGET}/Properties/MaxCapacity", {"Fn::ImportValue": "most"},
         f"MaxCapacity of {TARGET} is not known: .*Write the value itself"),
        (f"{TARGET}/Properties/MaxCapacity", {"Fn::GetAtt": [QUEUE, "QueueName"]},
         f"MaxCapacity of {TARGET} is not known: only AWS knows what {QUEUE} gives"),
        (f"{UPPER}/Properties/MetricName", {"Ref": "Stage"}, "Stage has no value"),
        (f"{UPPER}/Properties/Statistic", {"Ref": "Stage"}, "Stage has no value"),
    ],
)  # fmt: skip
def test_what_is_open_and_matters_names_what_would_decide_it(
    path: str, value: Any, message: str
) -> None:
    template = with_stage(deepcopy(CDK))
    place: Any = template["Resources"]
    *way, last = path.split("/")
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    with pytest.raises(Problem, match=message):
        read(template)


def test_values_of_parameter_store_and_of_the_surroundings_can_be_given() -> None:
    template = with_stage(changed(f"{TARGET}/Properties/MaxCapacity", {"Ref": "Kept"}))
    assert read(template, Kept="7").max_capacity == 7
    template = changed(f"{TARGET}/Properties/MaxCapacity", {"Ref": "AWS::AccountId"})
    values = {"AWS::AccountId": "000000000012"}
    assert read_scaling(json.dumps(template), "t.json", values).max_capacity == 12


def test_a_stack_that_is_resolved_already() -> None:
    text = (ROOT / "out/webordinary-edit.template.yaml").read_text()
    stack = resolve(read_template(text, "t.yaml"))
    assert scaling_of(stack) == read_scaling(text, "t.yaml")
    with pytest.raises(Problem, match="Nobody does not scale here"):
        scaling_of(stack, target="Nobody")
