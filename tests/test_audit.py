"""Other people's auditors: of every resolved policy, every template, every workflow.

They live in an environment of their own, `.venv-audit` (checkov wants an old botocore), and
run as programs. `make audit` and `make test` build it and name it in AUDIT_BIN; then nothing
is skipped.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import service_authorization
from workerstack.cloudformation import read
from workerstack.cloudformation.service_authorization import NEWER
from workerstack.deployer.rights import ROLES
from workerstack.deployer.role_policies import Environment, policy
from workerstack.deployer.source import read_source
from workerstack.deployments import load, load_all
from workerstack.localaws import surroundings

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "out").glob("*.template.yaml"))
NAMED = os.environ.get("AUDIT_BIN")
AUDITORS = Path(NAMED or ".venv-audit/bin")
Client = Callable[[str], Any]
Audit = Callable[[Mapping[str, Any]], dict[str, list[str]]]

audited = pytest.mark.skipif(
    NAMED is None and not (ROOT / ".venv-audit/.ready").exists(),
    reason="no auditors here: `make audit` installs them, and runs this",
)

DECISIONS = {
    "CKV_AWS_27": {"Queue", "DeadLetterQueue"},
    "CKV_AWS_65": {"Cluster"},
    "CKV_AWS_158": {"LogGroup"},
}
"""The checks that fail on purpose, with their resources; docs/internals.md says why."""

OWN_QUEUE = """          - !Sub
            - arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Name}
            - Name: !Select
              - 4
              - !Split
                - /
                - !Ref Queue
          Sid: ConsumeQueue"""
"""The resource of the first statement of thumbnails' rights."""

PARLIAMENT = """
import json, sys
from parliament import analyze_policy_string
for line in iter(sys.stdin.readline, ""):
    found = {}
    for name, document in json.loads(line).items():
        policy = analyze_policy_string(json.dumps(document))
        found[name] = sorted({finding.issue for finding in policy.findings})
    print(json.dumps(found), flush=True)
"""


def audit(*command: str, folder: Path) -> Any:
    """The JSON that one of the auditors prints; it runs in a folder without settings of ours."""
    program = ROOT / AUDITORS / command[0]
    done = subprocess.run(
        [str(program), *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def parliament(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    """Gives the issues that it finds in each policy; it reads its tables once for all tests."""
    command = [str(ROOT / AUDITORS / "python"), "-W", "ignore", "-c", PARLIAMENT]
    with subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("parliament"), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdin
        assert running.stdout
        to, back = running.stdin, running.stdout

        def ask(policies: Mapping[str, Any]) -> dict[str, list[str]]:
            to.write(f"{json.dumps(policies)}\n")
            to.flush()
            found = json.loads(back.readline())
            assert set(found) == set(policies)
            return dict(found)

        yield ask
        to.close()


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
    declared = read(text, "audited").data["Parameters"]
    values = {name: known[name] for name, body in declared.items() if "Default" not in body}
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName="audited",
        TemplateBody=text,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in values.items()
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
    for name, body in read(text, "audited").data["Resources"].items():
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
    template: Path, client: Client, things: surroundings.Surroundings, parliament: Audit
) -> None:
    text = template.read_text()
    policies = resolved(text, deploy(text, client, things), client)
    assert set(policies) == {
        "ExecutionRole trust", "ExecutionRole execution-rights",
        "TaskRole trust", "TaskRole task-rights",
        *(("Queue policy", "DeadLetterQueue policy") if template.name.startswith("thumb") else ()),
    }  # fmt: skip
    assert "Fn::" not in json.dumps(policies)
    assert "${" not in json.dumps(policies)
    assert parliament(policies) == {name: [] for name in policies}
    # It is silent on "*", for which there is no right resource.
    statements = [each for policy in policies.values() for each in policy["Statement"]]
    allowed = [each for each in statements if each["Effect"] == "Allow"]
    assert len(allowed) < len(statements) or template.name.startswith("webordinary")
    assert not [action for each in allowed for action in each["Action"] if "*" in action]


@audited
def test_parliament_sees_what_is_planted(
    client: Client, things: surroundings.Surroundings, parliament: Audit
) -> None:
    text = (ROOT / "out/thumbnails.template.yaml").read_text()
    for old, new in (
        (OWN_QUEUE, "          - '*'\n          Sid: ConsumeQueue"),
        ("- logs:PutLogEvents", "- logs:PutEvents"),
        ("aws:SourceAccount", "aws:SourceAccounts"),
    ):
        assert old in text
        text = text.replace(old, new)
    ids = deploy(text, client, things)
    client("sqs").set_queue_attributes(
        QueueUrl=ids["Queue"], Attributes={"Policy": json.dumps(OPEN_TO_NOBODY)}
    )
    assert parliament(resolved(text, ids, client)) == {
        "ExecutionRole trust": ["UNKNOWN_CONDITION_FOR_ACTION"],
        "ExecutionRole execution-rights": ["UNKNOWN_ACTION"],
        "TaskRole trust": ["UNKNOWN_CONDITION_FOR_ACTION"],
        "TaskRole task-rights": ["RESOURCE_STAR"],
        "Queue policy": ["UNKNOWN_PRINCIPAL"],
        "DeadLetterQueue policy": [],
    }


@audited
@pytest.mark.parametrize("name", ["dev", "prod"])
def test_parliament_finds_nothing_in_the_rights_of_the_tool(name: str, parliament: Audit) -> None:
    found = Environment(
        tuple(read_source(each) for each in load_all(ROOT) if each.environment == name)
    )
    policies = {role: policy(found, role) for role in ROLES}
    for each in policies.values():
        for statement in each["Statement"]:
            statement["Action"] = [one for one in statement["Action"] if one not in NEWER]
        each["Statement"] = [one for one in each["Statement"] if one["Action"]]
    assert parliament(policies) == {role: [] for role in ROLES}


@audited
def test_parliament_sees_a_right_that_is_too_wide(parliament: Audit) -> None:
    found = Environment((read_source(load("prod/webordinary-edit", ROOT)),))
    document = policy(found, "service-role")
    for statement in document["Statement"]:
        if "iam:PutRolePolicy" in statement["Action"]:
            statement["Resource"] = ["*"]
    assert "RESOURCE_STAR" in parliament({"wide": document})["wide"]


@audited
def test_the_table_of_actions_is_the_auditors() -> None:
    shipped = json.loads(service_authorization.FILE.read_text())
    assert {"source": service_authorization.SOURCE, **service_authorization.table()} == shipped, (
        "Run `python -m tests.service_authorization` and commit"
    )
    assert not set(NEWER) & set(shipped["actions"])


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
    resources = read(template.read_text(), template).data["Resources"]
    decided = {
        (check, name) for check, names in DECISIONS.items() for name in names if name in resources
    }
    assert checkov[template.name] == decided


def test_a_queue_without_a_key_is_encrypted_all_the_same() -> None:
    """CKV_AWS_27 wants a key and does not know SSE-SQS: what was decided, it cannot check."""
    queues = [
        body["Properties"]
        for template in TEMPLATES
        for body in read(template.read_text(), template).data["Resources"].values()
        if body["Type"] == "AWS::SQS::Queue"
    ]
    assert queues
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues)


@audited
def test_checkov_sees_what_is_planted(checkov: Failed) -> None:
    planted = checkov[OPENED] - checkov[CLEAN]
    assert planted == {("CKV_AWS_27", "Bare"), ("CKV_AWS_24", "Open")}


def test_the_readme_names_every_decision() -> None:
    rows = re.findall(
        r"^\| (CKV\w+)[^|]*\|([^|]*)\|", (ROOT / "docs/internals.md").read_text(), re.M
    )
    assert {check: set(re.findall(r"`(\w+)`", where)) for check, where in rows} == DECISIONS


# The workflows


def program(*command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """An auditor; actionlint finds shellcheck beside itself."""
    tools = ROOT / AUDITORS
    return subprocess.run(
        [str(tools / command[0]), *command[1:]],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip


def zizmor(folder: Path) -> set[str]:
    """The ids of all that it finds in a folder with a .github, as strict as it can be."""
    done = program("zizmor", "--offline", "--no-progress", "--persona", "auditor",
                   "--no-exit-codes", "--format", "json", ".", folder=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {each["ident"] for each in json.loads(done.stdout) if not each["ignored"]}


def actionlint(folder: Path) -> set[str]:
    """The kinds of all that it finds, and shellcheck in the scripts."""
    files = [str(path) for path in sorted((folder / ".github/workflows").glob("*.yml"))]
    done = program("actionlint", "-format", "{{json .}}", *files, folder=folder)
    assert done.returncode in (0, 1), done.stderr
    return {each["kind"] for each in json.loads(done.stdout or "[]")}


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / "review", tmp_path / "review")
    return tmp_path


@audited
def test_auditors_of_workflows_find_nothing_that_is_not_explained(workflows: Path) -> None:
    assert zizmor(workflows) == set()
    assert actionlint(workflows) == set()


def test_what_zizmor_is_told_to_ignore_is_explained() -> None:
    lines = [line for path in sorted((ROOT / ".github").rglob("*.yml"))
             for line in path.read_text().splitlines() if "zizmor:" in line]  # fmt: skip
    assert len(lines) == 2
    for line in lines:
        assert re.search(r"zizmor: ignore\[[a-z-]+\] \w+ \w+", line), line


@audited
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (r"@[0-9a-f]{40} # v6\.0\.2", "@v6", {"unpinned-uses"}),
        (r"run: \.venv/bin/python -m workerstack\.ci predict",
         "run: echo ${{ github.event.pull_request.title }}", {"template-injection"}),
        (r"persist-credentials: false", "persist-credentials: true", {"artipacked"}),
        (r"zizmor: ignore\[dangerous-triggers\]", "", {"dangerous-triggers"}),
        (r"permissions: \{\}", "permissions: write-all", {"excessive-permissions"}),
    ],
)  # fmt: skip
def test_zizmor_sees_what_is_planted(workflows: Path, old: str, new: str, found: set[str]) -> None:
    file = workflows / ".github/workflows/comment.yml"
    text, times = re.subn(old, new, file.read_text())
    assert times
    file.write_text(text)
    assert zizmor(workflows) >= found


@audited
@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("steps.review.outputs.digests", "steps.reviews.outputs.digests", "expression"),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-1", "runner-label"),
        ("python -m venv .venv", "rm -rf $UNQUOTED/*", "shellcheck"),
    ],
)
def test_actionlint_sees_what_is_planted(workflows: Path, old: str, new: str, kind: str) -> None:
    file = workflows / ".github/workflows/review.yml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert kind in actionlint(workflows)
