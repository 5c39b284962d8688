"""Other people's auditors: parliament on every resolved policy, checkov on every template.

They live in an environment of their own, `.venv-audit` (checkov wants an old botocore), and
run as programs. `make audit` and `make test` build it and name it in AUDIT_BIN; then nothing
is skipped.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workerstack.cloudformation.template import parse_template
from workerstack.localaws import surroundings

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "out").glob("*.template.yaml"))
NAMED = os.environ.get("AUDIT_BIN")
AUDITORS = Path(NAMED or ".venv-audit/bin")
Client = Callable[[str], Any]

audited = pytest.mark.skipif(
    NAMED is None and not (ROOT / ".venv-audit/.ready").exists(),
    reason="no auditors here: `make audit` installs parliament and checkov, and runs this",
)

DECISIONS = {
    "CKV_AWS_27": {"Queue", "DeadLetterQueue"},
    "CKV_AWS_65": {"Cluster"},
    "CKV_AWS_158": {"LogGroup"},
}
"""The checks that fail on purpose, with the resources on which they do; README says why."""

PARLIAMENT = """
import json, sys
from parliament import analyze_policy_string
found = {}
for name, document in json.load(sys.stdin).items():
    policy = analyze_policy_string(json.dumps(document))
    found[name] = sorted({finding.issue for finding in policy.findings})
json.dump(found, sys.stdout)
"""


def audit(*command: str, folder: Path, text: str | None = None) -> Any:
    """The JSON that one of the auditors prints; it runs in a folder without settings of ours."""
    program = ROOT / AUDITORS / command[0]
    done = subprocess.run(
        [str(program), *command[1:]],
        cwd=folder, input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def parliament(policies: Mapping[str, Any], folder: Path) -> dict[str, list[str]]:
    """The issues that it finds in each policy."""
    found = audit("python", "-W", "ignore", "-c", PARLIAMENT, folder=folder,
                  text=json.dumps(policies))  # fmt: skip
    assert set(found) == set(policies)
    return dict(found)


PLANTED = """Resources:
  Bare:
    Type: AWS::SQS::Queue
  Open:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      CidrIp: 0.0.0.0/0
      Description: everybody
      FromPort: 22
      GroupId: !GetAtt WorkerSecurityGroup.GroupId
      IpProtocol: tcp
      ToPort: 22
"""
CLEAN, OPENED = "webordinary-edit.template.yaml", "opened.template.yaml"
Failed = dict[str, set[tuple[str, str]]]


@pytest.fixture(scope="module")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> Failed:
    """By file, the checks that fail, each with the logical id on which it does.

    It takes seconds to begin, so it looks at every template and the planted one together.
    """
    folder = tmp_path_factory.mktemp("checkov")
    texts = {template.name: template.read_text() for template in TEMPLATES}
    assert texts[CLEAN].count("\nResources:\n") == 1
    texts[OPENED] = texts[CLEAN].replace("\nResources:\n", f"\n{PLANTED}")
    for name, text in texts.items():
        (folder / name).write_text(text)
    report = audit(
        *("checkov", "--skip-download", "--framework", "cloudformation", "--compact"),
        *("--output", "json", "--directory", "."),
        folder=folder,
    )
    assert report["summary"]["parsing_errors"] == 0
    results = {kind: _by_file(report["results"][f"{kind}_checks"]) for kind in ("passed", "failed")}
    assert set(results["passed"]) == set(texts)
    return {name: results["failed"].get(name, set()) for name in texts}


def _by_file(checks: list[dict[str, Any]]) -> Failed:
    found: Failed = {}
    for each in checks:
        row = (each["check_id"], each["resource"].rpartition(".")[2])
        found.setdefault(each["file_path"].lstrip("/"), set()).add(row)
    return found


def deploy(text: str, client: Client, things: surroundings.Surroundings) -> dict[str, str]:
    """The physical id of each resource of the template, deployed without further ado."""
    known = {
        "VpcId": things.vpc_id,
        "VpcCidr": surroundings.CIDR,
        "SubnetIds": ",".join(things.subnet_ids),
        "FileSystemId": things.file_system_id,
        "AccessPointId": things.access_point_id,
        "FileSystemSecurityGroupId": things.file_system_security_group_id,
        "GitHubTokenSecretArn": things.secret_arn,
    }
    declared = parse_template(text, "audited")["Parameters"]
    values = {name: known[name] for name, body in declared.items() if "Default" not in body}
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName="audited",
        TemplateBody=text,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {**values, "ServiceExists": "false"}.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="audited", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    found = cloudformation.describe_stack_resources(StackName="audited")["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def resolved(text: str, ids: Mapping[str, str], client: Client) -> dict[str, Any]:
    """Every policy of the deployed template, as AWS holds it: roles, their trust, queues."""
    iam, sqs = client("iam"), client("sqs")
    policies: dict[str, Any] = {}
    for name, body in parse_template(text, "audited")["Resources"].items():
        if body["Type"] == "AWS::IAM::Role":
            role = iam.get_role(RoleName=ids[name])["Role"]
            policies[f"{name} trust"] = about(role["AssumeRolePolicyDocument"], role["Arn"])
            for inline in iam.list_role_policies(RoleName=ids[name])["PolicyNames"]:
                found = iam.get_role_policy(RoleName=ids[name], PolicyName=inline)
                policies[f"{name} {inline}"] = found["PolicyDocument"]
        elif body["Type"] == "AWS::SQS::Queue":
            asked = {"QueueUrl": ids[name], "AttributeNames": ["Policy"]}
            attributes = sqs.get_queue_attributes(**asked).get("Attributes", {})
            if "Policy" in attributes:
                policies[f"{name} policy"] = json.loads(attributes["Policy"])
    return policies


def about(trust: Mapping[str, Any], role: str) -> dict[str, Any]:
    """A trust policy is about its own role without saying so; parliament wants it said."""
    return {**trust, "Statement": [{**each, "Resource": role} for each in trust["Statement"]]}


@audited
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_parliament_finds_nothing(
    template: Path, client: Client, things: surroundings.Surroundings, tmp_path: Path
) -> None:
    text = template.read_text()
    policies = resolved(text, deploy(text, client, things), client)
    assert set(policies) == {
        "ExecutionRole trust", "ExecutionRole start-container",
        "TaskRole trust", "TaskRole process-messages",
    }  # fmt: skip
    assert "Fn::" not in json.dumps(policies)
    assert "${" not in json.dumps(policies)
    assert parliament(policies, tmp_path) == {name: [] for name in policies}
    # It is silent on "*", for which there is no right resource.
    statements = [each for policy in policies.values() for each in policy["Statement"]]
    assert not [action for each in statements for action in each["Action"] if "*" in action]


@audited
def test_parliament_sees_what_is_planted(
    client: Client, things: surroundings.Surroundings, tmp_path: Path
) -> None:
    text = (ROOT / "out/thumbnails.template.yaml").read_text()
    for old, new in (
        ("            - !GetAtt Queue.Arn\n", "            - '*'\n"),
        ("- logs:PutLogEvents", "- logs:PutEvents"),
        ("aws:SourceAccount", "aws:SourceAccounts"),
    ):
        assert old in text
        text = text.replace(old, new)
    ids = deploy(text, client, things)
    client("sqs").set_queue_attributes(
        QueueUrl=ids["Queue"], Attributes={"Policy": json.dumps(OPEN_TO_NOBODY)}
    )
    assert parliament(resolved(text, ids, client), tmp_path) == {
        "ExecutionRole trust": ["UNKNOWN_CONDITION_FOR_ACTION"],
        "ExecutionRole start-container": ["UNKNOWN_ACTION"],
        "TaskRole trust": ["UNKNOWN_CONDITION_FOR_ACTION"],
        "TaskRole process-messages": ["RESOURCE_STAR"],
        "Queue policy": ["UNKNOWN_PRINCIPAL"],
    }


OPEN_TO_NOBODY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "somebody"},
            "Action": "sqs:SendMessage",
            "Resource": "arn:aws:sqs:us-west-2:111122223333:thumbnails",
        }
    ],
}


@audited
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_checkov_fails_only_what_was_decided(template: Path, checkov: Failed) -> None:
    resources = parse_template(template.read_text(), template)["Resources"]
    decided = {
        (check, name) for check, names in DECISIONS.items() for name in names if name in resources
    }
    assert checkov[template.name] == decided


def test_a_queue_without_a_key_is_encrypted_all_the_same() -> None:
    """CKV_AWS_27 wants a key and does not know SSE-SQS: what was decided, it cannot check."""
    queues = [
        body["Properties"]
        for template in TEMPLATES
        for body in parse_template(template.read_text(), template)["Resources"].values()
        if body["Type"] == "AWS::SQS::Queue"
    ]
    assert queues
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues)


@audited
def test_checkov_sees_what_is_planted(checkov: Failed) -> None:
    planted = checkov[OPENED] - checkov[CLEAN]
    assert planted == {("CKV_AWS_27", "Bare"), ("CKV_AWS_24", "Open")}


def test_the_readme_names_every_decision() -> None:
    rows = re.findall(r"^\| (CKV\w+)[^|]*\|([^|]*)\|", (ROOT / "README.md").read_text(), re.M)
    assert {check: set(re.findall(r"`(\w+)`", where)) for check, where in rows} == DECISIONS
