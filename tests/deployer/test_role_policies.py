"""What the policies hold and do not hold, for params/ as it is and for values that differ."""

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import get_session

from tests.conftest import ROOT
from workerstack.cloudformation import handler_permissions, service_authorization
from workerstack.cloudformation.policies import AccessRequest, Answer, decide, read
from workerstack.deployer.rights import EXECUTOR, REVIEWER, ROLES, SERVICE_ROLE, SMOKE
from workerstack.deployer.role_policies import GITHUB, Environment, trust
from workerstack.deployer.role_policies import policy as policy_of
from workerstack.deployer.source import read_source
from workerstack.deployments import load, load_all

ENVIRONMENTS = ("dev", "prod")
PAGE = ROOT / "docs/rights.md"


def environment(name: str, **target: Any) -> Environment:
    found = [each for each in load_all(ROOT) if each.environment == name]
    return Environment(
        tuple(
            read_source(replace(each, target=each.target.model_copy(update=target)))
            for each in found
        )
    )


def actions(policy: dict[str, Any]) -> set[str]:
    return {each for statement in policy["Statement"] for each in statement["Action"]}


def statements(policy: dict[str, Any], action: str) -> Iterator[dict[str, Any]]:
    return (each for each in policy["Statement"] if action in each["Action"])


PATTERN = ("aws", "*", "*")


def on(policy: dict[str, Any], action: str) -> set[str]:
    """The resources that an action is allowed on: those of its own types."""
    fits, possible = service_authorization.fits, service_authorization.scope(action, *PATTERN).all
    return {
        arn
        for each in statements(policy, action)
        for arn in each["Resource"]
        if not possible or any(fits(arn, pattern) for pattern in possible)
    }


READS = ("Describe", "List", "Get", "BatchGet", "Detect")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_reviewer_changes_nothing(name: str) -> None:
    policy = policy_of(environment(name), REVIEWER)
    changing = {each for each in actions(policy) if not each.split(":")[1].startswith(READS)}
    assert changing == {"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"}
    for action in ("cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack", "iam:PassRole"):
        assert decide([read(policy)], AccessRequest(action, "*", {})).answer is Answer.NOT_ALLOWED


def test_with_a_service_role_the_executor_touches_no_resource() -> None:
    role = "arn:aws:iam::111122223333:role/cloudformation"
    with_role = policy_of(environment("dev", service_role=role), EXECUTOR)
    services = {each.split(":")[0] for each in actions(with_role)
                if not each.split(":")[1].startswith((*READS, "Filter"))}  # fmt: skip
    assert services == {"cloudformation", "ecs", "iam"}
    # A proof: one task of the stack's own, with its own roles.
    own = {each for each in actions(with_role) if each.startswith("ecs:")}
    assert {each for each in own if not each.split(":")[1].startswith(READS)} == {
        "ecs:RunTask", "ecs:StopTask",
    }  # fmt: skip
    [passing] = [each for each in statements(with_role, "iam:PassRole")
                 if each["Resource"] == [role]]  # fmt: skip
    [to_tasks] = [each for each in statements(with_role, "iam:PassRole") if each != passing]
    assert to_tasks["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}
    }
    without = policy_of(environment("dev"), EXECUTOR)
    assert actions(without) >= actions(policy_of(environment("dev"), SERVICE_ROLE))


def test_the_service_role_is_bound_to_names_and_values() -> None:
    policy = policy_of(environment("prod"), SERVICE_ROLE)
    assert on(policy, "iam:PutRolePolicy") == {
        "arn:aws:iam::444455556666:role/webordinary-edit-ExecutionRole-*",
        "arn:aws:iam::444455556666:role/webordinary-edit-TaskRole-*",
    }
    [passing] = statements(policy, "iam:PassRole")
    assert passing["Condition"]["StringEquals"] == {
        "iam:PassedToService": "ecs-tasks.amazonaws.com"
    }
    assert on(policy, "ecs:UpdateService") == {
        "arn:aws:ecs:us-west-2:444455556666:service/webordinary-edit-cluster/webordinary-edit-service"
    }
    assert on(policy, "logs:PutRetentionPolicy") == {
        "arn:aws:logs:us-west-2:444455556666:log-group:/ecs/webordinary/edit:*"
    }
    assert on(policy, "ec2:CreateSecurityGroup") == {
        "arn:aws:ec2:us-west-2:444455556666:security-group/*",
        "arn:aws:ec2:us-west-2:444455556666:vpc/vpc-0f1e2d3c4b5a69788",
    }


@pytest.mark.parametrize(
    ("kept", "deletes"), [("Retain", False), ("RetainExceptOnCreate", True), ("Delete", True)]
)
def test_what_is_always_retained_is_never_deleted(kept: str, deletes: bool) -> None:
    source = read_source(load("prod/webordinary-edit", ROOT))
    text = source.text.replace("RetainExceptOnCreate", kept)
    assert f"DeletionPolicy: {kept}" in text
    policy = policy_of(Environment((replace(source, text=text),)), SERVICE_ROLE)
    assert ("logs:DeleteLogGroup" in actions(policy)) is deletes


def test_names_follow_the_values() -> None:
    deployment = load("prod/webordinary-edit", ROOT)
    values = {**deployment.parameters, "ClusterName": "c", "QueueName": "q", "LogGroupName": "/l"}
    source = read_source(replace(deployment, parameters=values))
    policy = policy_of(Environment((source,)), SMOKE)
    assert on(policy, "ecs:UpdateService") == {
        "arn:aws:ecs:us-west-2:444455556666:service/c/webordinary-edit-service"
    }
    assert on(policy, "sqs:SendMessage") == {"arn:aws:sqs:us-west-2:444455556666:q"}
    assert on(policy, "logs:FilterLogEvents") == {
        "arn:aws:logs:us-west-2:444455556666:log-group:/l:*"
    }


def test_what_target_names_is_granted_and_nothing_that_it_does_not() -> None:
    bare = policy_of(environment("dev"), EXECUTOR)
    # Only whether the worker's own buckets are there; nothing of a template bucket.
    assert {each for each in actions(bare) if each.startswith("s3:")} == {"s3:ListBucket"}
    assert "cloudformation:SetStackPolicy" not in actions(bare)
    assert "cloudformation:UpdateTerminationProtection" not in actions(bare)
    guarded = environment("dev", stack_policy="p.json", termination_protection=False)
    assert actions(policy_of(guarded, EXECUTOR)) - actions(bare) == {
        "cloudformation:GetStackPolicy", "cloudformation:SetStackPolicy",
        "cloudformation:UpdateTerminationProtection",
    }  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nothing_is_on_everything_that_can_be_limited(name: str, role: str) -> None:
    found = environment(name)
    for statement in policy_of(found, role)["Statement"]:
        assert not [each for each in statement["Action"] if "*" in each]
        for action in statement["Action"]:
            scope = service_authorization.scope(action, *found.place)
            assert scope.required == () or statement["Resource"] != ["*"], action
    sids = [each["Sid"] for each in policy_of(found, role)["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("role", ROLES)
def test_a_policy_fits_into_a_role(name: str, role: str) -> None:
    policy = policy_of(environment(name), role)
    assert len(json.dumps(policy, separators=(",", ":"))) <= 10_240


def test_long_names_of_roles_begin_as_cloudformation_begins_them() -> None:
    deployment = replace(load("prod/webordinary-edit", ROOT), stack="s" * 50)
    policy = policy_of(Environment((read_source(deployment),)), SERVICE_ROLE)
    assert on(policy, "iam:CreateRole") == {f"arn:aws:iam::444455556666:role/{'s' * 24}*"}


def test_trust_is_bound_to_the_branch_and_to_the_environment() -> None:
    found = environment("prod")

    def subjects(role: str, *, pull_requests: bool = False) -> list[str]:
        document = trust(found, role, "o/n", "trunk", pull_requests=pull_requests)
        assert document is not None
        tests = document["Statement"][0]["Condition"]["StringEquals"]
        assert tests[f"{GITHUB}:aud"] == "sts.amazonaws.com"
        return list(tests[f"{GITHUB}:sub"])

    assert subjects(REVIEWER) == ["repo:o/n:ref:refs/heads/trunk"]
    assert subjects(REVIEWER, pull_requests=True)[1:] == ["repo:o/n:pull_request"]
    assert subjects(EXECUTOR) == ["repo:o/n:environment:prod"]
    assert subjects(EXECUTOR, pull_requests=True) == ["repo:o/n:environment:prod"]
    assert trust(found, SMOKE, "o/n", "trunk", pull_requests=False) is None


def test_what_the_table_does_not_know_yet_exists() -> None:
    session = get_session()
    for action in service_authorization.NEWER:
        service, name = action.split(":")
        if not name.startswith("PutBearer"):
            assert name in session.get_service_model(service).operation_names, action


@pytest.mark.parametrize(
    ("properties", "granted"), [({}, False), ({"KmsKeyId": "k"}, True)]
)  # fmt: skip
def test_what_only_a_property_needs(properties: dict[str, str], granted: bool) -> None:
    needed = handler_permissions.needed("AWS::Logs::LogGroup", ("update",), properties)
    assert ("logs:AssociateKmsKey" in needed) is granted


def test_what_is_left_out_is_what_the_schemas_list() -> None:
    for kind, only in handler_permissions.ONLY_WITH.items():
        every = handler_permissions.needed(
            kind, handler_permissions.HANDLERS,
            {name: "x" for names in only.values() for name in names},
        )  # fmt: skip
        listed = {each for each, names in only.items() if names}
        assert listed <= every, f"{kind}: {listed - every}"


def test_the_page_shows_what_is_printed() -> None:
    spec = importlib.util.spec_from_file_location("docs_rights", ROOT / "docs/rights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page(PAGE.read_text()) == PAGE.read_text(), "Run `python docs/rights.py`"


def test_the_page_explains_every_role() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert rows == list(ROLES)
