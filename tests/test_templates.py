import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

import templates
from templates import workers
from workerstack.cloudformation import from_data, plain, read, resolve, surroundings, text
from workerstack.cloudformation.schemas import recreation
from workerstack.lint.diagram import references
from workerstack.lint.lint import Linter, LintRequest
from workerstack.lint.rendering import render
from workerstack.specification import ImportedQueue, Key, OwnQueue, SpecificationError, Worker
from workerstack.specification.kept import KEEPABLE

ROOT = Path(__file__).parent.parent
EDIT = read((ROOT / "out/webordinary-edit.template.yaml").read_text(), "edit").data
RESOURCES = EDIT["Resources"]


def properties(logical_id: str) -> dict[str, Any]:
    return dict(RESOURCES[logical_id]["Properties"])


def built(worker: Worker) -> dict[str, Any]:
    return read(render(templates.build(worker).to_dict()), worker.name).data


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
def test_what_is_committed_is_what_is_built(worker: Worker) -> None:
    text = render(templates.build(worker).to_dict())
    assert text == render(templates.build(worker).to_dict())
    assert text == (ROOT / f"out/{worker.name}.template.yaml").read_text()


def test_out_holds_nothing_else() -> None:
    names = {f"{worker.name}.template.yaml" for worker in workers.ALL}
    assert {path.name for path in (ROOT / "out").iterdir()} == names


def test_rendering_loses_nothing() -> None:
    for worker in workers.ALL:
        assert built(worker) == templates.build(worker).to_dict()


def test_logical_ids_never_change() -> None:
    assert list(RESOURCES) == [
        "BacklogAlarm", "Cluster", "DrainedAlarm", "ExecutionRole", "ExecutionRolePolicy",
        "FileSystemIngress", "LogGroup", "ScalableTarget", "ScaleInPolicy", "ScaleOutPolicy",
        "Service", "TaskDefinition", "TaskRole", "TaskRolePolicy", "WorkerSecurityGroup",
    ]  # fmt: skip


def test_every_resource_and_output_and_parameter_is_described() -> None:
    for worker in workers.ALL:
        template = built(worker)
        assert all(body["Metadata"]["Description"] for body in template["Resources"].values())
        assert all(body["Description"] for body in template["Outputs"].values())
        assert all(body["Description"] for body in template["Parameters"].values())


def test_every_parameter_is_grouped_labelled_and_used() -> None:
    for worker in workers.ALL:
        template = built(worker)
        interface = template["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        assert sorted(grouped) == sorted(template["Parameters"])
        assert set(interface["ParameterLabels"]) == set(grouped)
        used = set(references([template["Resources"], template.get("Conditions", {})]))
        assert set(grouped) <= used


def test_defaults_are_the_names_that_people_rely_on() -> None:
    defaults = {name: body.get("Default") for name, body in EDIT["Parameters"].items()}
    assert defaults == {
        "VpcId": None, "VpcCidr": None, "SubnetIds": None, "FileSystemId": None,
        "AccessPointId": None, "FileSystemSecurityGroupId": None, "GitHubTokenSecretArn": None,
        "AssignPublicIp": "ENABLED", "ImageRepository": "webordinary/claude-code-astro",
        "ImageReference": ":latest", "QueueName": "webordinary-email-queue",
        "ClusterName": "webordinary-edit-cluster", "ServiceName": "webordinary-edit-service",
        "TaskFamily": "webordinary-edit-task", "LogGroupName": "/ecs/webordinary/edit",
        "LogRetentionDays": 7, "TaskCpu": 2048, "TaskMemory": 4096, "MinTasks": 0,
        "MaxTasks": 5,
    }  # fmt: skip


def test_the_container() -> None:
    [container] = properties("TaskDefinition")["ContainerDefinitions"]
    assert container["Name"] == "webordinary-edit"
    assert container["StopTimeout"] == 120
    assert container["LinuxParameters"] == {"InitProcessEnabled": True}
    assert not {"PortMappings", "HealthCheck"} & container.keys()
    plain = {each["Name"]: each["Value"] for each in container["Environment"]}
    url = plain.pop("QUEUE_URL")
    assert {"Name": {"Ref": "QueueName"}} in url["Fn::Sub"]
    assert plain == {
        "NODE_ENV": "production", "LOG_LEVEL": "info", "WORKSPACE_PATH": "/workspace",
        "EFS_MOUNT_PATH": "/workspace", "S3_BUCKET_PREFIX": "edit",
        "S3_BUCKET_SUFFIX": "webordinary.com",
    }  # fmt: skip
    assert container["Secrets"] == [
        {"Name": "GITHUB_TOKEN", "ValueFrom": {"Ref": "GitHubTokenSecretArn"}}
    ]


def test_the_service_is_detached_and_its_count_left_alone() -> None:
    service = properties("Service")
    assert service["LoadBalancers"] == [] == service["ServiceRegistries"]
    assert "DesiredCount" not in service
    assert service["AvailabilityZoneRebalancing"] == "DISABLED"
    assert service["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {
        "Enable": True, "Rollback": True,
    }  # fmt: skip
    assert "HealthCheckGracePeriodSeconds" not in service


def test_the_security_groups() -> None:
    group = properties("WorkerSecurityGroup")
    assert group["GroupDescription"] == (
        "Security group for edit containers (message processing only)"
    )
    [rule] = group["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"], rule["CidrIp"], rule["Description"]) == (
        2049, 2049, {"Ref": "VpcCidr"}, "EFS mount traffic",
    )  # fmt: skip
    standalone = properties("FileSystemIngress")
    assert standalone["GroupId"] == {"Ref": "FileSystemSecurityGroupId"}
    assert standalone["SourceSecurityGroupId"] == {"Ref": "WorkerSecurityGroup"}
    assert standalone["Description"] == "EFS access from containers"


def test_what_is_kept_outlives_the_stack_but_not_a_failed_creation() -> None:
    own = built(workers.THUMBNAILS)["Resources"]
    for kept in (RESOURCES["LogGroup"], own["LogGroup"], own["Queue"], own["DeadLetterQueue"]):
        assert kept["DeletionPolicy"] == "RetainExceptOnCreate"
        assert kept["UpdateReplacePolicy"] == "Retain"


def test_the_service_waits_for_all_that_a_task_needs() -> None:
    assert RESOURCES["Service"]["DependsOn"] == [
        "ExecutionRolePolicy", "FileSystemIngress", "TaskRolePolicy",
    ]  # fmt: skip
    assert RESOURCES["ScalableTarget"]["DependsOn"] == ["Service"]


def statements(role: str, resources: dict[str, Any] = RESOURCES) -> dict[str, Any]:
    """The statements of a role's rights by Sid."""
    assert "Policies" not in resources[role]["Properties"]
    policy = resources[f"{role}Policy"]["Properties"]
    assert policy["RoleName"] == {"Ref": role}
    return {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}


def actions(role: str) -> set[str]:
    return {action for each in statements(role).values() for action in each["Action"]}


def test_the_rights_are_these_and_no_others() -> None:
    assert actions("TaskRole") == {
        "s3:PutObject", "s3:PutObjectAcl", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket",
        "s3:GetBucketLocation", "sqs:ReceiveMessage", "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
        "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite",
    }  # fmt: skip
    assert actions("ExecutionRole") == {
        "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer", "secretsmanager:GetSecretValue", "logs:CreateLogStream",
        "logs:PutLogEvents",
    }  # fmt: skip


def test_buckets_are_those_of_the_own_account() -> None:
    own = {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    for sid in ("ListSites", "SyncSites"):
        assert statements("TaskRole")[sid]["Condition"] == own


def test_object_acls_are_set_only_where_asked_for() -> None:
    own = built(workers.THUMBNAILS)["Resources"]
    assert "s3:PutObjectAcl" in statements("TaskRole")["SyncSites"]["Action"]
    assert "s3:PutObjectAcl" not in statements("TaskRole", own)["SyncBuckets"]["Action"]


def test_keys_are_used_one_by_one_and_through_their_service() -> None:
    keys = (
        Key(parameter="SecretKeyArn", alias="example/secrets", protects="secrets"),
        Key(parameter="QueueKeyArn", alias="example/queue", protects="queue"),
        Key(parameter="BucketKeyArn", alias="example/sites", protects="buckets"),
    )
    template = built(dataclasses.replace(workers.EDIT, keys=keys))
    found = {**statements("ExecutionRole", template["Resources"]),
             **statements("TaskRole", template["Resources"])}  # fmt: skip
    assert {
        sid: (each["Action"], each["Resource"], each["Condition"])
        for sid, each in found.items() if "Key" in sid
    } == {
        "UseSecretsKey": (["kms:Decrypt"], [{"Ref": "SecretKeyArn"}], via("secretsmanager")),
        "UseQueueKey": (["kms:Decrypt"], [{"Ref": "QueueKeyArn"}], via("sqs")),
        "UseBucketsKey": (
            ["kms:Decrypt", "kms:GenerateDataKey"], [{"Ref": "BucketKeyArn"}], via("s3"),
        ),
    }  # fmt: skip
    assert template["Metadata"]["Parameters"]["QueueKeyArn"] == {"Key": "alias/example/queue"}
    assert "Key" not in json.dumps(sorted([*statements("ExecutionRole"), *statements("TaskRole")]))


def via(service: str) -> dict[str, Any]:
    place = f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"
    return {"StringEquals": {"kms:ViaService": {"Fn::Sub": place}}}


def test_parameters_say_which_thing_they_stand_for() -> None:
    assert EDIT["Metadata"]["Parameters"] == {
        "GitHubTokenSecretArn": {"Secret": "webordinary/github-token"},
        "ImageRepository": {"Repository": "webordinary/claude-code-astro"},
        "QueueName": {"Queue": "webordinary-email-queue"},
    }
    for worker in workers.ALL:
        template = built(worker)
        assert set(template["Metadata"]["Parameters"]) <= set(template["Parameters"])


def test_a_confined_container() -> None:
    own = built(workers.THUMBNAILS)["Resources"]["TaskDefinition"]["Properties"]
    [container] = own["ContainerDefinitions"]
    assert (container["User"], container["ReadonlyRootFilesystem"]) == ("1000:1000", True)
    assert container["MountPoints"] == [
        {"SourceVolume": "scratch-tmp", "ContainerPath": "/tmp", "ReadOnly": False},  # noqa: S108
    ]
    assert own["Volumes"] == [{"Name": "scratch-tmp"}]
    [container] = properties("TaskDefinition")["ContainerDefinitions"]
    assert not {"User", "ReadonlyRootFilesystem"} & container.keys()
    assert container["Memory"] == {"Ref": "TaskMemory"}


def test_an_own_queue_refuses_plain_text() -> None:
    resources = built(workers.THUMBNAILS)["Resources"]
    for queue in ("Queue", "DeadLetterQueue"):
        policy = resources[f"{queue}Policy"]["Properties"]
        assert policy["Queues"] == [{"Ref": queue}]
        [statement] = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


WAITING = "ApproximateNumberOfMessagesVisible"
FIRES: dict[str, dict[str, Any]] = {
    "BacklogAlarm": {
        "MetricName": WAITING, "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1,
        "TreatMissingData": "notBreaching",
    },
    "DrainedAlarm": {
        "EvaluationPeriods": 15, "DatapointsToAlarm": 15,
        "ComparisonOperator": "LessThanOrEqualToThreshold", "Threshold": 0,
        "TreatMissingData": "notBreaching",
    },
    "DeadLetterAlarm": {
        "MetricName": WAITING, "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1,
        "TreatMissingData": "notBreaching",
    },
}  # fmt: skip
"""All that decides when an alarm fires: nothing more, and nothing is left to a default."""

DECIDES = (
    "MetricName", "Statistic", "ExtendedStatistic", "Period", "EvaluationPeriods",
    "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
)  # fmt: skip


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
def test_the_alarms_fire_after_one_minute_and_after_fifteen(worker: Worker) -> None:
    """Each minute more at the backlog is one more that every first message waits."""
    found = {
        name: {key: value for key, value in body["Properties"].items() if key in DECIDES}
        for name, body in built(worker)["Resources"].items()
        if body["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert found == {name: FIRES[name] for name in found}
    assert {"BacklogAlarm", "DrainedAlarm"} <= set(found)


def test_the_literal_variant_is_word_for_word() -> None:
    literal = built(dataclasses.replace(workers.EDIT, scale_in_on="visible"))["Resources"]
    for name, operator, threshold in (
        ("BacklogAlarm", "GreaterThanOrEqualToThreshold", 1),
        ("DrainedAlarm", "LessThanOrEqualToThreshold", 0),
    ):
        alarm = literal[name]["Properties"]
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == (
            "Average", 300, 1,
        )  # fmt: skip
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (operator, threshold)
        assert "TreatMissingData" not in alarm
    assert literal["ScaleOutPolicy"] == RESOURCES["ScaleOutPolicy"]


def test_an_own_queue_brings_dead_letters_and_an_alarm() -> None:
    resources = built(workers.THUMBNAILS)["Resources"]
    assert {"Queue", "DeadLetterQueue", "DeadLetterAlarm"} <= resources.keys()
    assert "FileSystemIngress" not in resources
    assert resources["WorkerSecurityGroup"]["Properties"]["SecurityGroupIngress"] == []
    assert resources["Queue"]["Properties"]["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cpu": 300}, "300 CPU units are impossible"),
        ({"memory": 4095}, "4095 MiB of memory"),
        ({"cpu": 256, "memory": 1536}, "1536 MiB of memory"),
        ({"name": "Edit Worker"}, "Worker name"),
        ({"stop_timeout": 121}, "Stop timeout of 121"),
        ({"max_tasks": 0}, "At most 0 tasks"),
        ({"steps": ()}, "No step removes"),
        ({"user": "1000 1000"}, "User '1000 1000'"),
        ({"scratch_paths": ("tmp",)}, "Scratch path 'tmp' is impossible"),
        ({"scratch_paths": ("/a", "/a")}, "something else is mounted there"),
        ({"scratch_paths": ("/workspace",)}, "something else is mounted there"),
    ],
)
def test_impossible_workers(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecificationError, match=words):
        dataclasses.replace(workers.EDIT, **change)


@pytest.mark.parametrize("name", ["two words", "", "x" * 81, "a.fifo", "arn:aws:sqs:a:b:c"])
def test_impossible_queue_names(name: str) -> None:
    with pytest.raises(SpecificationError, match="Queue name"):
        dataclasses.replace(workers.EDIT, queue=ImportedQueue(name=name))


@pytest.mark.parametrize("values", [{"visibility_timeout": 43_201}, {"max_receive_count": 0}])
def test_impossible_own_queues(values: dict[str, Any]) -> None:
    with pytest.raises(SpecificationError, match="is impossible"):
        dataclasses.replace(workers.THUMBNAILS, queue=OwnQueue(**values))


def test_what_an_adopted_resource_keeps() -> None:
    kept = {
        "WorkerSecurityGroup": {"GroupDescription": "As it was"},
        "ScaleInPolicy": {"PolicyName": "lower"},
    }
    built = templates.build(dataclasses.replace(workers.EDIT, kept=kept)).to_dict()["Resources"]
    plain = templates.build(workers.EDIT).to_dict()["Resources"]
    for name, values in kept.items():
        assert built[name]["Properties"] == plain[name]["Properties"] | values
    assert {n for n in built if built[n] != plain[n]} == set(kept)


@pytest.mark.parametrize("names", ["given", "generated"])
def test_a_cluster_of_another_stack_is_named_and_not_made(names: Any) -> None:
    worker = dataclasses.replace(
        workers.EDIT, cluster="imported", names=names, protection="worker", longest_job=60,
        log_group="",
        unprotected="",
    )  # fmt: skip
    built = templates.build(worker).to_dict()
    assert "Cluster" not in built["Resources"]
    assert "Default" not in built["Parameters"]["ClusterName"]
    assert built["Resources"]["Service"]["Properties"]["Cluster"] == {"Ref": "ClusterName"}
    [group] = [each for each in built["Metadata"]["AWS::CloudFormation::Interface"][
        "ParameterGroups"] if "ClusterName" in each["Parameters"]]  # fmt: skip
    assert group["Label"]["default"] == "Names"
    pattern = built["Parameters"]["ClusterName"]["AllowedPattern"]
    for given in ("shared", "arn:aws:ecs:us-west-2:111122223333:cluster/shared"):
        assert re.match(pattern, given)
        where = surroundings("111122223333", "us-west-2", "one")
        stack = resolve(from_data(built), {"ClusterName": given}, where)
        assert stack.resources["Service"].properties["Cluster"] == given
        # What is made of it is made of the name.
        assert text(stack.outputs["ClusterName"].value) == "shared"
        if names == "given":
            target = stack.resources["ScalableTarget"].properties["ResourceId"]
            assert text(target) == "service/shared/webordinary-edit-service"
        rights = json.dumps(plain(stack.resources["TaskRolePolicy"].properties))
        assert "us-west-2:111122223333:task/shared/*" in rights


@pytest.mark.parametrize(
    ("kept", "what"),
    [
        ({"TaskDefinition": {"Cpu": "256"}}, "TaskDefinition.Cpu cannot be kept"),
        ({"Cluster": {"ClusterName": "x"}}, "Cluster.ClusterName cannot be kept as 'x'"),
        ({"ScaleInPolicy": {"PolicyNam": "x"}}, "Take ScaleInPolicy.PolicyName."),
        ({"Queue": {"QueueName": "x"}}, "Queue keeps something and is not there"),
    ],
)
def test_what_cannot_be_kept(kept: dict[str, dict[str, str]], what: str) -> None:
    with pytest.raises(SpecificationError, match=re.escape(what)):
        templates.build(dataclasses.replace(workers.EDIT, kept=kept))


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda each: each.name)
def test_a_name_is_left_out_and_what_named_it_refers_to_the_resource(worker: Any) -> None:
    kept: dict[str, dict[str, str | None]] = {
        "Cluster": {"ClusterName": None},
        "LogGroup": {"LogGroupName": None},
        "Service": {"ServiceName": None},
    }
    built = templates.build(dataclasses.replace(worker, kept=kept)).to_dict()
    plain = templates.build(worker).to_dict()
    for name, values in kept.items():
        [left_out] = values
        assert left_out not in built["Resources"][name].get("Properties", {})
        assert left_out in plain["Resources"][name]["Properties"]
        assert recreation(built["Resources"][name]["Type"], (left_out,)) == "Always"
    parameters = {"ClusterName", "LogGroupName", "ServiceName"}
    assert set(plain["Parameters"]) - set(built["Parameters"]) == parameters
    text = render(built)
    assert not {each for each in parameters if f"${{{each}}}" in text or f"Ref {each}\n" in text}
    assert not Linter(ROOT / "workerstack/lint/rules").lint(
        LintRequest(f"{worker.name}.template.yaml", text, {})
    )


def test_all_that_can_be_kept_would_force_a_replacement() -> None:
    resources = {
        name: body
        for worker in workers.ALL
        for name, body in templates.build(worker).to_dict()["Resources"].items()
    }
    for name, values in KEEPABLE.items():
        for each in values:
            assert recreation(resources[name]["Type"], (each,)) == "Always"


JOB: dict[str, Any] = {"longest_job": 3600, "unprotected": ""}
PROTECTED: dict[str, dict[str, Any]] = {
    "sidecar": JOB,
    "worker": JOB,
    "none": {"unprotected": "Jobs take a second"},
}


def protected(worker: Worker, protection: Any) -> Any:
    return dataclasses.replace(worker, protection=protection, **PROTECTED[protection])


def containers(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    definitions = template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    return {each["Name"]: each for each in definitions}


def environment(container: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in container["Environment"]}


def task_actions(template: dict[str, Any]) -> dict[str, Any]:
    found = statements("TaskRole", template["Resources"]).values()
    return {action: each["Resource"] for each in found for action in each["Action"]}


def test_what_is_said_of_protection() -> None:
    said = {
        name: built(protected(workers.EDIT, name))["Resources"]["TaskDefinition"]["Metadata"]
        for name in PROTECTED
    }
    busy = {"ProtectionMinutes": 120, "Heartbeat": 60, "LongestJob": 3600}
    assert said["sidecar"]["Worker"] == {"Protection": "sidecar", **busy}
    assert said["worker"]["Worker"] == {"Protection": "worker", **busy}
    assert said["none"]["Worker"] == {"Protection": "none", "Unprotected": "Jobs take a second"}
    for template in (EDIT, built(workers.THUMBNAILS)):
        own = template["Resources"]["TaskDefinition"]["Metadata"]["Worker"]
        assert own["Protection"] == "none"
        assert own["Unprotected"]


def test_only_who_protects_may_and_only_tasks_of_the_own_cluster() -> None:
    for name in ("sidecar", "worker"):
        given = task_actions(built(protected(workers.THUMBNAILS, name)))
        for action in ("ecs:UpdateTaskProtection", "ecs:GetTaskProtection"):
            [arn] = given[action]
            assert arn["Fn::Sub"][0].endswith(":task/${Name}/*")
            assert arn["Fn::Sub"][1] == {"Name": {"Ref": "Cluster"}}
    assert "ecs:UpdateTaskProtection" not in task_actions(built(protected(workers.EDIT, "none")))


def test_a_worker_that_protects_itself_is_told_for_how_long() -> None:
    template = built(protected(workers.EDIT, "worker"))
    [container] = containers(template).values()
    told = environment(container)
    assert (told["PROTECTION_MINUTES"], told["HEARTBEAT_SECONDS"]) == ("120", "60")
    assert told["QUEUE_URL"] == environment(containers(EDIT)["webordinary-edit"])["QUEUE_URL"]


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
def test_the_sidecar_stands_between_the_worker_and_sqs(worker: Worker) -> None:
    plain, template = built(worker), built(protected(worker, "sidecar"))
    own, beside = containers(template)[worker.name], containers(template)["protector"]
    told, given = environment(own), environment(beside)
    assert told["AWS_ENDPOINT_URL_SQS"] == "http://127.0.0.1:9324"
    text, names = told["QUEUE_URL"]["Fn::Sub"]
    assert text == "http://127.0.0.1:9324/${AWS::AccountId}/${Name}"
    of_own_queue = {"Fn::Select": [4, {"Fn::Split": ["/", {"Ref": "Queue"}]}]}
    assert names["Name"] in ({"Ref": "QueueName"}, of_own_queue)
    assert given["QUEUE_URL"] == environment(containers(plain)[worker.name])["QUEUE_URL"]
    assert (given["PORT"], given["WORKER"]) == ("9324", worker.name)
    assert own["DependsOn"] == [{"ContainerName": "protector", "Condition": "START"}]
    assert beside["Essential"] is own["Essential"] is True
    assert beside["LogConfiguration"] == own["LogConfiguration"]
    assert beside["Memory"] < worker.memory
    assert beside["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert template["Parameters"]["ProtectorReference"]["AllowedPattern"] == (
        "^@sha256:[0-9a-f]{64}$"
    )
    pull = statements("ExecutionRole", template["Resources"])["PullImage"]
    assert [each["Fn::Sub"][1]["Name"]["Ref"] for each in pull["Resource"]] == [
        "ImageRepository", "ProtectorRepository",
    ]  # fmt: skip


def test_the_sidecar_is_given_all_that_it_reads() -> None:
    source = (ROOT / "protector/protector.py").read_text()
    read = set(re.findall(r'given\["(\w+)"\]', source))
    by_ecs = {"ECS_AGENT_URI", "ECS_CONTAINER_METADATA_URI_V4"}
    given = environment(containers(built(protected(workers.EDIT, "sidecar")))["protector"])
    assert read - by_ecs == set(given)


@pytest.mark.parametrize("worker", workers.ALL, ids=lambda worker: worker.name)
@pytest.mark.parametrize("protection", PROTECTED)
def test_every_protection_is_clean(worker: Worker, protection: str, linter: Linter) -> None:
    text = render(templates.build(protected(worker, protection)).to_dict())
    assert linter.lint(LintRequest("template", text, {})) == []


@pytest.fixture(scope="module")
def linter() -> Linter:
    return Linter(ROOT / "workerstack/lint/rules")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protection": "none", "unprotected": ""}, "disagree"),
        ({"protection": "worker", "unprotected": "why", "longest_job": 60}, "disagree"),
        ({"protection": None, "unprotected": "why"}, "disagree"),
        ({"protection": "sidecar"}, "longest job of 0 s"),
        ({"protection": "worker", "longest_job": 43_200}, "longest job of 43200 s"),
        ({"protection": "worker", "longest_job": 60, "heartbeat": 600}, "heartbeat of 600 s"),
        ({"protection": "sidecar", "longest_job": 60, "heartbeat": 0}, "heartbeat of 0 s"),
        (
            {"protection": "sidecar", "longest_job": 60, "environment": {"QUEUE_URL": "x"}},
            "QUEUE_URL is the sidecar's",
        ),
        (
            {"protection": "sidecar", "longest_job": 60, "name": "protector"},
            "The name protector is the sidecar's",
        ),
    ],
)
def test_impossible_protection(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecificationError, match=words):
        dataclasses.replace(workers.THUMBNAILS, **{"unprotected": "", **change})


def test_a_protected_worker_scales_in_on_what_waits_within_minutes() -> None:
    for worker in workers.ALL:
        plain, own = built(worker)["Resources"], built(protected(worker, "worker"))["Resources"]
        drained = own["DrainedAlarm"]["Properties"]
        assert drained["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (drained["Statistic"], drained["Period"]) == ("Maximum", 60)
        assert (drained["EvaluationPeriods"], drained["DatapointsToAlarm"]) == (2, 2)
        # Steps and the other alarm are those of the specification in both, cooldowns are not.
        assert plain["BacklogAlarm"] == own["BacklogAlarm"]
        for name, cooldown in (("ScaleOutPolicy", 180), ("ScaleInPolicy", 60)):
            changed = own[name]["Properties"]["StepScalingPolicyConfiguration"]
            assert changed.pop("Cooldown") == cooldown
            before = plain[name]["Properties"]["StepScalingPolicyConfiguration"]
            assert before.pop("Cooldown") == 300
            assert plain[name] == own[name]
    asked = dataclasses.replace(protected(workers.EDIT, "worker"), scale_in_on="outstanding")
    assert "Metrics" in built(asked)["Resources"]["DrainedAlarm"]["Properties"]
